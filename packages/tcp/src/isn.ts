import type { Random } from '@ns/kern';
import { AF_INET, type InAddr } from '@ns/wire';
import { SipHash24 } from './siphash.ts';

/** Least growth of the offset, for each second. */
const ISN_BYTES_PER_SECOND = 1048576;
/** Fixed and random part of the step for each connection. */
const ISN_STATIC_INCREMENT = 4096;

/** What {@link IsnState} needs of its vnet. */
export interface IsnDeps {
  readonly random: Random;
  /** Integer microseconds, monotonic. */
  nowUs(): number;
}

/**
 * Initial sequence numbers of one vnet: a keyed hash of the connection plus an offset that grows by 4096..8191 a connection and at least 1 MiB a second.
 * The growth with time is worked out when a number is asked for, so an idle stack needs no timer.
 * Source: RFC 6528; FreeBSD tcp_subr.c, tcp_new_isn().
 */
export class IsnState {
  /** `net.inet.tcp.isn_reseed_interval`: seconds between new secrets, 0 = never. */
  reseedIntervalSec: number;
  private readonly deps: IsnDeps;
  private secret: SipHash24 | null;
  private tsSecret: SipHash24 | null;
  private seededUs: number;
  private lastUs: number;
  private offset: number;

  constructor(deps: IsnDeps) {
    this.deps = deps;
    this.reseedIntervalSec = 0;
    this.secret = null;
    this.tsSecret = null;
    this.seededUs = 0;
    this.lastUs = deps.nowUs();
    this.offset = 0;
  }

  /** The initial send sequence number of a connection, int32. Ports in host order. */
  newIsn(laddr: InAddr, lport: number, faddr: InAddr, fport: number): number {
    const now = this.deps.nowUs();
    let h = this.secret;
    if (h === null || (this.reseedIntervalSec > 0 && now - this.seededUs >= this.reseedIntervalSec * 1e6)) {
      h = this.newSecret();
      this.secret = h;
      this.seededUs = now;
    }
    const grown = Math.floor(((now - this.lastUs) * ISN_BYTES_PER_SECOND) / 1e6) % 0x100000000;
    const step = ISN_STATIC_INCREMENT + (this.deps.random.u32() & (ISN_STATIC_INCREMENT - 1));
    this.offset = (this.offset + (grown > step ? grown : step)) | 0;
    this.lastUs = now;
    hashTuple(h, laddr, lport, faddr, fport);
    return (h.lo + this.offset) | 0;
  }

  /**
   * The offset added to the time-stamp clock of a connection, int32, so that a peer learns neither the uptime nor that two connections meet here.
   * With `net.inet.tcp.ts_offset_per_conn` 0 the caller gives ports of 0: one offset for all connections between two addresses.
   * Source: RFC 7323 §5.4; FreeBSD tcp_subr.c, tcp_new_ts_offset().
   */
  newTsOffset(laddr: InAddr, lport: number, faddr: InAddr, fport: number): number {
    const h = this.tsSecret ?? this.newSecret();
    this.tsSecret = h;
    hashTuple(h, laddr, lport, faddr, fport);
    return h.lo;
  }

  private newSecret(): SipHash24 {
    const key = new Uint8Array(16);
    this.deps.random.fill(key);
    return new SipHash24(key);
  }
}

/** Hashes both ends of a connection; the result is in `h.lo`, `h.hi`. Messages of the two families differ in length, so they never collide by content. */
export function hashTuple(h: SipHash24, laddr: InAddr, lport: number, faddr: InAddr, fport: number): void {
  h.begin();
  addAddrs(h, laddr, faddr);
  h.end((lport << 16) | fport, 0, 4);
}

/** Takes in two addresses of one family: 8 bytes, or 32. */
export function addAddrs(h: SipHash24, laddr: InAddr, faddr: InAddr): void {
  if (laddr.af === AF_INET) {
    h.add(laddr.w3, faddr.w3);
    return;
  }
  h.add(laddr.w0, laddr.w1);
  h.add(laddr.w2, laddr.w3);
  h.add(faddr.w0, faddr.w1);
  h.add(faddr.w2, faddr.w3);
}
