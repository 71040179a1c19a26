import type { Ifaddr } from './ifaddr.ts';

/**
 * The addresses of one family in a vnet, in the order in which they came, and the table by which each received packet finds its own: open addressing, a quarter full at most, rebuilt
 * on each change. A family brings the keys and the look-up. Source: FreeBSD in_var.h, INADDR_HASH(); in6_var.h, IN6ADDR_HASH().
 * @alpha
 */
export abstract class IfaddrHash {
  /** Slots; of several addresses with the same bits, the first entered stands there. */
  protected vals: (Ifaddr | null)[];
  /** What a 32-bit hash is shifted right by to make a slot. */
  protected shift: number;
  private readonly list: Ifaddr[];

  constructor() {
    this.vals = new Array<Ifaddr | null>(16).fill(null);
    this.shift = 28;
    this.list = [];
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

  /** Makes room for the keys of `size` slots, all of them free. */
  protected abstract reset(size: number): void;

  /** Enters an address with its key, unless one with the same bits is there. */
  protected abstract place(ifa: Ifaddr): void;

  private rebuild(): void {
    let bits = 4;
    while (1 << bits < this.list.length * 4) bits++;
    this.shift = 32 - bits;
    this.vals = new Array<Ifaddr | null>(1 << bits).fill(null);
    this.reset(1 << bits);
    for (const ifa of this.list) this.place(ifa);
  }
}
