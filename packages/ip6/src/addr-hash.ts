// @hot
import { type Ifaddr, IfaddrHash } from '@ns/ifnet';
import { embedZone6, type InAddr, zonedWord0 } from '@ns/wire';

/**
 * The IPv6 addresses of a vnet by their words and zone: the look-up of each received packet is a few multiplications and,
 * nearly always, one compare; none of them for the address that was looked up last. The seed keeps a sender from choosing addresses that meet in one place.
 * @alpha
 */
export class In6AddrHash extends IfaddrHash {
  private readonly seed: number;
  private keys: Int32Array;
  /** What was found last, and its words. */
  private last: Ifaddr | null;
  private z0: number;
  private w1: number;
  private w2: number;
  private w3: number;

  constructor(seed: number) {
    super();
    this.seed = seed;
    this.keys = new Int32Array(64);
    this.last = null;
    this.z0 = 0;
    this.w1 = 0;
    this.w2 = 0;
    this.w3 = 0;
  }

  /** The address object of these words in `zone` (which counts for scoped ones only), or null; of several with the same bits, the first entered. */
  lookup(w0: number, w1: number, w2: number, w3: number, zone: number): Ifaddr | null {
    const z0 = embedZone6(w0, zone);
    const last = this.last;
    if (last !== null && this.w3 === w3 && this.w2 === w2 && this.w1 === w1 && this.z0 === z0) return last;
    return this.search(z0, w1, w2, w3);
  }

  private search(z0: number, w1: number, w2: number, w3: number): Ifaddr | null {
    const keys = this.keys;
    const vals = this.vals;
    const mask = vals.length - 1;
    let i = this.slot(z0, w1, w2, w3);
    for (;;) {
      const v = vals[i] as Ifaddr | null;
      const k = i << 2;
      if (v === null) return null;
      if (keys[k + 3] === w3 && keys[k] === z0 && keys[k + 1] === w1 && keys[k + 2] === w2) {
        this.last = v;
        this.z0 = z0;
        this.w1 = w1;
        this.w2 = w2;
        this.w3 = w3;
        return v;
      }
      i = (i + 1) & mask;
    }
  }

  /** The address object of an address, or null. */
  find(a: InAddr): Ifaddr | null {
    return this.lookup(a.w0, a.w1, a.w2, a.w3, a.zone);
  }

  private slot(z0: number, w1: number, w2: number, w3: number): number {
    let h = Math.imul(w3 ^ this.seed, 0x9e3779b1) ^ Math.imul(w2, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ Math.imul(w1 ^ (z0 << 7) ^ (z0 >>> 9), 0xc2b2ae35);
    return Math.imul(h ^ (h >>> 13), 0x297a2d39) >>> this.shift;
  }

  /** {@inheritDoc @ns/ifnet#IfaddrHash.reset} */
  protected override reset(size: number): void {
    this.last = null;
    this.keys = new Int32Array(size * 4);
  }

  /** {@inheritDoc @ns/ifnet#IfaddrHash.place} */
  protected override place(ifa: Ifaddr): void {
    const a = ifa.addr;
    const z0 = zonedWord0(a);
    if (this.lookup(a.w0, a.w1, a.w2, a.w3, a.zone) !== null) return;
    const mask = this.vals.length - 1;
    let i = this.slot(z0, a.w1, a.w2, a.w3);
    while (this.vals[i] !== null) i = (i + 1) & mask;
    const k = i << 2;
    this.keys[k] = z0;
    this.keys[k + 1] = a.w1;
    this.keys[k + 2] = a.w2;
    this.keys[k + 3] = a.w3;
    this.vals[i] = ifa;
  }
}
