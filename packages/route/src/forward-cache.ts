import type { InAddr } from '@ns/wire';
import { type Nexthop, Route, routeClear } from './nexthop.ts';

const SIZE = 256;

/** A route with the next hop as an object, made when the route was found, so that a packet on it allocates nothing. @alpha */
export class ForwardRoute extends Route {
  /** The next hop: gateway, or the destination itself. */
  hop: InAddr | null;
  /** Routing table it was found in. */
  fib: number;

  constructor() {
    super();
    this.hop = null;
    this.fib = -1;
  }
}

/**
 * Routes of packets that pass through, direct mapped by destination. Each entry is checked against table and generation before use, so none needs to
 * be taken out when routes change. The entries are made when the first packet asks: most vnets forward nothing.
 * Differs: FreeBSD looks up each packet (ip_fastfwd.c) in tables that are compiled for it.
 * @alpha
 */
export class ForwardCache {
  private readonly slots: ForwardRoute[];

  constructor() {
    this.slots = [];
  }

  /** The entry for a destination in a table, by a number made of its bits; that of another one if its `dst0` to `dst3`, `fib` or `gen` differ. */
  slot(key: number, fib: number): ForwardRoute {
    if (this.slots.length === 0) this.fill();
    return this.slots[(Math.imul(key + fib, 0x9e3779b1) >>> 24) & (SIZE - 1)] as ForwardRoute;
  }

  /** The entry of the way by `nh` to the destination that `ro`, an entry of this cache, is for: one for each way, so that each keeps its neighbour. */
  path(ro: ForwardRoute, nh: Nexthop, key: number): ForwardRoute {
    let p = this.slot(key + Math.imul(nh.index, 0x61c88647), ro.fib);
    if (p === ro) p = this.slot(key + Math.imul(nh.index, 0x61c88647) + 1, ro.fib);
    if (p.nh === nh && p.gen === ro.gen && p.fib === ro.fib && p.dst3 === ro.dst3 && p.dst2 === ro.dst2 && p.dst1 === ro.dst1 && p.dst0 === ro.dst0) return p;
    p.nh = nh;
    p.group = null;
    p.lle = null;
    p.gen = ro.gen;
    p.dst0 = ro.dst0;
    p.dst1 = ro.dst1;
    p.dst2 = ro.dst2;
    p.dst3 = ro.dst3;
    p.hop = nh.gw;
    p.fib = ro.fib;
    return p;
  }

  private fill(): void {
    for (let i = 0; i < SIZE; i++) this.slots.push(new ForwardRoute());
  }

  /** Forgets everything. */
  clear(): void {
    for (const s of this.slots) {
      routeClear(s);
      s.hop = null;
      s.fib = -1;
    }
  }
}
