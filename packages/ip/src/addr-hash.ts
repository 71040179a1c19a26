import { type Ifaddr, IfaddrHash } from '@ns/ifnet';

/**
 * The addresses of a vnet by their 32 bits: the look-up of each received packet is a multiply and, nearly always, one compare.
 * @alpha
 */
export class InAddrHash extends IfaddrHash {
  private keys: Int32Array;

  constructor() {
    super();
    this.keys = new Int32Array(16);
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

  /** {@inheritDoc @ns/ifnet#IfaddrHash.reset} */
  protected override reset(size: number): void {
    this.keys = new Int32Array(size);
  }

  /** {@inheritDoc @ns/ifnet#IfaddrHash.place} */
  protected override place(ifa: Ifaddr): void {
    const a = ifa.addr.w3;
    if (this.lookup(a) !== null) return;
    const mask = this.keys.length - 1;
    let i = Math.imul(a, 0x9e3779b1) >>> this.shift;
    while (this.vals[i] !== null) i = (i + 1) & mask;
    this.keys[i] = a;
    this.vals[i] = ifa;
  }
}
