import type { Random } from '@ns/kern';
import type { InAddr } from '@ns/wire';
import { addAddrs } from './isn.ts';
import { SipHash24 } from './siphash.ts';

/** Seconds for which a secret makes cookies; it is believed for as long again. Source: FreeBSD SYNCOOKIE_LIFETIME. */
export const SYNCOOKIE_LIFETIME = 15;

/** Segment sizes that a cookie can remember. Source: FreeBSD tcp_syncache.c, tcp_sc_msstab. */
const MSSTAB: readonly number[] = Object.freeze([216, 536, 1200, 1360, 1400, 1440, 1452, 1460]);
/** Window scales that a cookie can remember; index 0 stands for no scaling. Source: tcp_sc_wstab. */
const WSTAB: readonly number[] = Object.freeze([0, 0, 1, 2, 4, 6, 7, 8]);

/** What a cookie carries of the SYN. */
export interface CookieState {
  peerMss: number;
  /** Scale that the peer asked for; -1 = none. */
  peerWscale: number;
  sack: boolean;
}

/**
 * SYN cookies: an initial sequence number that lets the ACK prove that its sender saw our SYN|ACK, and brings back what the SYN said. 24 bits of keyed hash, 8 bits of state
 * {secret 1, SACK 1, scale 3, MSS 3} hidden by the hash. Two secrets take turns of {@link SYNCOOKIE_LIFETIME} seconds; no timer runs.
 * Source: RFC 4987 §3.6; FreeBSD tcp_syncache.c, syncookie_generate(), syncookie_lookup().
 */
export class Syncookies {
  private readonly random: Random;
  private readonly secrets: [SipHash24, SipHash24];
  private current: 0 | 1;
  private bornUs: number;

  constructor(random: Random, nowUs: number) {
    this.random = random;
    this.secrets = [newSecret(random), newSecret(random)];
    this.current = 0;
    this.bornUs = nowUs;
  }

  /** The sequence number for our SYN|ACK. */
  generate(laddr: InAddr, lport: number, faddr: InAddr, fport: number, irs: number, s: CookieState, nowUs: number): number {
    this.turn(nowUs);
    let mss = MSSTAB.length - 1;
    while (mss > 0 && (MSSTAB[mss] as number) > s.peerMss) mss--;
    let scale = 0;
    if (s.peerWscale >= 0) {
      scale = WSTAB.length - 1;
      while (scale > 1 && (WSTAB[scale] as number) > s.peerWscale) scale--;
    }
    const bits = (this.current << 7) | ((s.sack ? 1 : 0) << 6) | (scale << 3) | mss;
    const h = this.mac(this.current, laddr, lport, faddr, fport, irs, bits);
    return (h & ~0xff) | ((bits ^ (h >>> 24)) & 0xff);
  }

  /** Whether `iss` is a cookie of ours, no older than two lifetimes; `out` gets what it remembers. */
  lookup(laddr: InAddr, lport: number, faddr: InAddr, fport: number, irs: number, iss: number, out: CookieState, nowUs: number): boolean {
    this.turn(nowUs);
    // The low byte is hidden by the top byte of the hash, which the cookie itself shows.
    const bits = (iss ^ (iss >>> 24)) & 0xff;
    const which = (bits >> 7) as 0 | 1;
    const h = this.mac(which, laddr, lport, faddr, fport, irs, bits);
    if (((h ^ iss) & ~0xff) !== 0) return false;
    const scale = (bits >> 3) & 7;
    out.sack = (bits & 0x40) !== 0;
    out.peerWscale = scale === 0 ? -1 : (WSTAB[scale] as number);
    out.peerMss = MSSTAB[bits & 7] as number;
    return true;
  }

  private mac(which: 0 | 1, laddr: InAddr, lport: number, faddr: InAddr, fport: number, irs: number, bits: number): number {
    const h = this.secrets[which];
    h.begin();
    addAddrs(h, laddr, faddr);
    h.add((lport << 16) | fport, irs);
    h.end(bits, 0, 1);
    return h.lo;
  }

  /** Changes to a fresh secret when the present one has had its time; after a longer silence both are stale. */
  private turn(nowUs: number): void {
    const age = nowUs - this.bornUs;
    if (age < SYNCOOKIE_LIFETIME * 1e6) return;
    if (age >= 2 * SYNCOOKIE_LIFETIME * 1e6) this.secrets[this.current] = newSecret(this.random);
    this.current = this.current === 0 ? 1 : 0;
    this.secrets[this.current] = newSecret(this.random);
    this.bornUs = nowUs;
  }
}

function newSecret(random: Random): SipHash24 {
  const key = new Uint8Array(16);
  random.fill(key);
  return new SipHash24(key);
}
