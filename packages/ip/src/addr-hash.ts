import type { Ifaddr } from '@ns/ifnet';

/**
 * The addresses of a vnet by their 32 bits: open addressing over an Int32Array, rebuilt on each change, so that the look-up of each received packet
 * is a multiply and, nearly always, one compare. Source: FreeBSD in_var.h, INADDR_HASH().
 * @alpha
 */
export class InAddrHash {
  private readonly list: Ifaddr[];
  private keys: Int32Array;
  private vals: (Ifaddr | null)[];
  private shift: number;

  constructor() {
    this.list = [];
    this.keys = new Int32Array(16);
    this.vals = new Array<Ifaddr | null>(16).fill(null);
    this.shift = 28;
  }

  /** The address object of `a` (int32); of several with the same bits, the first entered. */
  lookup(a: number): Ifaddr | null {
    const { keys, vals } = this;
    const mask = keys.length - 1;
    let i = Math.imul(a, 0x9e3779b1) >>> this.shift;
    for (;;) {
      const v = vals[i] as Ifaddr | null;
      if (v === null || keys[i] === a) return v;
      i = (i + 1) & mask;
    }
  }

  /** All addresses, in the order in which they were entered. */
  all(): readonly Ifaddr[] {
    return this.list;
  }

  /** Enters an address. */
  add(ifa: Ifaddr): void {
    if (this.list.includes(ifa)) return;
    this.list.push(ifa);
    this.rebuild();
  }

  /** Removes an address. */
  remove(ifa: Ifaddr): void {
    const i = this.list.indexOf(ifa);
    if (i < 0) return;
    this.list.splice(i, 1);
    this.rebuild();
  }

  private rebuild(): void {
    let bits = 4;
    while (1 << bits < this.list.length * 4) bits++;
    const size = 1 << bits;
    this.shift = 32 - bits;
    this.keys = new Int32Array(size);
    this.vals = new Array<Ifaddr | null>(size).fill(null);
    for (const ifa of this.list) {
      const a = ifa.addr.w3;
      let i = Math.imul(a, 0x9e3779b1) >>> this.shift;
      while (this.vals[i] !== null && this.keys[i] !== a) i = (i + 1) & (size - 1);
      if (this.vals[i] !== null) continue;
      this.keys[i] = a;
      this.vals[i] = ifa;
    }
  }
}
