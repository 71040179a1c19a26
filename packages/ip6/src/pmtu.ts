import type { Kernel } from '@ns/kern';
import { type InAddr, inAddrEqual, IPV6_MMTU, zonedWord0 } from '@ns/wire';

/** Destinations whose path MTU is remembered, direct mapped: a sender of forged messages can push others out, not fill memory. */
const SLOTS = 512;
/** Life of an entry: after it larger packets are tried again. Source: RFC 8201 §4, ten minutes. */
const LIFE_US = 600 * 1000000;

/** One destination. */
class Entry {
  dst: InAddr | null = null;
  mtu = 0;
  untilUs = 0;
}

/**
 * Path MTUs as packet-too-big messages told them, for destinations where they are smaller than what the route says (RFC 8201). Transports that keep a host cache of their own
 * learn from the same messages.
 * Differs: FreeBSD has them in the host cache of TCP; here IPv6 does not need TCP.
 * @alpha
 */
export class PathMtuCache {
  private readonly kernel: Kernel;
  private readonly seed: number;
  /** Made by the first message: most vnets never get one. */
  private readonly entries: Entry[];
  /** Entries that are in use, or have been. */
  private used: number;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.seed = kernel.random.u32();
    this.entries = [];
    this.used = 0;
  }

  /** Path MTU of a destination, or 0 if nothing is known. */
  lookup(dst: InAddr): number {
    if (this.used === 0) return 0;
    const e = this.entries[this.slot(dst)] as Entry;
    if (e.dst === null || e.mtu === 0 || !inAddrEqual(e.dst, dst)) return 0;
    return e.untilUs > this.kernel.callouts.nowUs() ? e.mtu : 0;
  }

  /**
   * A message said that packets to `dst` may have `mtu` bytes (at least 1280), about one of `was` bytes. False if that is no news: not smaller than the packet, nor than what is known; it never
   * raises an MTU (RFC 8201 §4).
   */
  update(dst: InAddr, mtu: number, was: number): boolean {
    if (mtu < IPV6_MMTU || mtu >= was) return false;
    const known = this.lookup(dst);
    if (known !== 0 && known <= mtu) return false;
    if (this.used === 0) for (let i = 0; i < SLOTS; i++) this.entries[i] = new Entry();
    const e = this.entries[this.slot(dst)] as Entry;
    if (e.dst === null) this.used++;
    e.dst = dst;
    e.mtu = mtu;
    e.untilUs = this.kernel.callouts.nowUs() + LIFE_US;
    return true;
  }

  private slot(a: InAddr): number {
    let h = Math.imul(a.w3 ^ this.seed, 0x9e3779b1) ^ Math.imul(a.w2, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ Math.imul(a.w1 ^ (zonedWord0(a) << 7), 0xc2b2ae35);
    return Math.imul(h ^ (h >>> 13), 0x297a2d39) >>> 23;
  }
}
