import { type Ifaddr, ifaFree, ifaRef, type Ifnet } from '@ns/ifnet';
import type { Llentry } from '@ns/lltable';
import { type InAddr, inAddrEqual } from '@ns/wire';
import type { NexthopGroup } from './nhgrp.ts';

/**
 * Where a packet goes next: interface, gateway, source address, flags. Immutable but for its counters, and shared by all routes of a table that say the same.
 * Source: FreeBSD net/route/nhop.h, struct nhop_object.
 * @public
 */
export class Nexthop {
  /** Number in its table, from 1: the Nhop# of `netstat -rnW`. */
  readonly index: number;
  /** RTF_*. */
  readonly flags: number;
  /** MTU given for the route; 0 = that of the interface. See {@link nhMtu}. */
  readonly mtu: number;
  /** Gateway, or null when the destination is on the link of `ifp`. */
  readonly gw: InAddr | null;
  /** Interface to send by. */
  readonly ifp: Ifnet;
  /** Address that the route belongs to: the preferred source. */
  readonly ifa: Ifaddr | null;
  /** The interface that has the address, where `ifp` is the loopback interface that own addresses are reached by; else `ifp`. */
  readonly aifp: Ifnet;
  /** Routes that use it; for the table. */
  refs: number;
  /** Packets sent by it: the Use column of `netstat -rnW`. */
  pksent: number;

  constructor(index: number, flags: number, mtu: number, gw: InAddr | null, ifp: Ifnet, ifa: Ifaddr | null, aifp: Ifnet) {
    this.index = index;
    this.flags = flags;
    this.mtu = mtu;
    this.gw = gw;
    this.ifp = ifp;
    this.ifa = ifa;
    this.aifp = aifp;
    this.refs = 0;
    this.pksent = 0;
  }
}

/** Largest packet that may be sent by `nh`, network header included. @public */
export function nhMtu(nh: Nexthop): number {
  const ifmtu = nh.ifp.mtu;
  return nh.mtu !== 0 && nh.mtu < ifmtu ? nh.mtu : ifmtu;
}

/**
 * A cached route: who keeps one (a pcb, the forwarding path) saves the lookup as long as its table has not changed.
 *
 * Valid for `dst` while `gen` is that of the table ({@link ribRoute4} checks both); `lle` belongs to `nh` and is used while it says LLE_VALID.
 * Source: FreeBSD net/route.h, struct route.
 * @public
 */
export class Route {
  /** Next hop, or null when nothing is cached. */
  nh: Nexthop | null;
  /** The ways there are, when there are several: one is to be chosen for each packet. Null once that is done, or when there is one. */
  group: NexthopGroup | null;
  /** Resolved neighbour of `nh`, or null. */
  lle: Llentry | null;
  /** Generation of the table that `nh` was found in; 0 never matches. */
  gen: number;
  /** The destination this is for, int32 words as in InAddr; w0 has the zone of a link-local one. */
  dst0: number;
  /** Second word. */
  dst1: number;
  /** Third word. */
  dst2: number;
  /** Fourth word, or the IPv4 address. */
  dst3: number;

  constructor() {
    this.nh = null;
    this.group = null;
    this.lle = null;
    this.gen = 0;
    this.dst0 = 0;
    this.dst1 = 0;
    this.dst2 = 0;
    this.dst3 = 0;
  }
}

/** Forgets what is cached. Source: FreeBSD RO_INVALIDATE_CACHE(). @public */
export function routeClear(ro: Route): void {
  ro.nh = null;
  ro.group = null;
  ro.lle = null;
  ro.gen = 0;
}

/**
 * What decides whether two routes share a next hop.
 * @alpha
 */
export interface NexthopKey {
  /** RTF_*. */
  readonly flags: number;
  /** MTU given for the route; 0 = that of the interface. */
  readonly mtu: number;
  /** Gateway, or null. */
  readonly gw: InAddr | null;
  /** Interface to send by. */
  readonly ifp: Ifnet;
  /** Address that the route belongs to. */
  readonly ifa: Ifaddr | null;
  /** The interface that has the address. */
  readonly aifp: Ifnet;
}

/** The next hops of one table, by number. Source: FreeBSD net/route/nhop.c, struct nh_control. */
export class NexthopTable {
  private readonly list: (Nexthop | null)[];
  private readonly freeIndex: number[];

  constructor() {
    this.list = [null];
    this.freeIndex = [];
  }

  /** Next hops in use. */
  get count(): number {
    return this.list.length - 1 - this.freeIndex.length;
  }

  /** One more reference to the next hop that `key` describes, made if there is none. */
  acquire(key: NexthopKey): Nexthop {
    for (const nh of this.list) {
      if (nh !== null && sameNexthop(nh, key)) {
        nh.refs++;
        return nh;
      }
    }
    const index = this.freeIndex.pop() ?? this.list.length;
    const nh = new Nexthop(index, key.flags, key.mtu, key.gw, key.ifp, key.ifa, key.aifp);
    nh.refs = 1;
    if (nh.ifa !== null) ifaRef(nh.ifa);
    this.list[index] = nh;
    return nh;
  }

  /** One more reference to a next hop of this table. */
  retain(nh: Nexthop): void {
    nh.refs++;
  }

  /** Gives a reference back. */
  release(nh: Nexthop): void {
    if (--nh.refs > 0) return;
    if (nh.ifa !== null) ifaFree(nh.ifa);
    this.list[nh.index] = null;
    this.freeIndex.push(nh.index);
  }

  /** All next hops in order of their numbers: for `netstat -o`. */
  snapshot(): Nexthop[] {
    return this.list.filter((nh) => nh !== null);
  }
}

function sameNexthop(nh: Nexthop, key: NexthopKey): boolean {
  return (
    nh.ifp === key.ifp &&
    nh.flags === key.flags &&
    nh.ifa === key.ifa &&
    nh.aifp === key.aifp &&
    nh.mtu === key.mtu &&
    (nh.gw === key.gw || (nh.gw !== null && key.gw !== null && inAddrEqual(nh.gw, key.gw)))
  );
}
