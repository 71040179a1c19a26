import { ESRCH } from '@ns/errno';
import { AF_INET, AF_INET6, type InAddr } from '@ns/wire';
import type { Vnet } from '@ns/kern';
import { nhMtu } from './nexthop.ts';
import type { WeightedNexthop } from './nhgrp.ts';
import { hopsOf, type Rib, type RtEntry } from './rib.ts';
import { ROUTE } from './vnet.ts';

/**
 * One route as `netstat -r` and `route get` show it: a copy, which later changes leave alone.
 * @public
 */
export interface RouteRow {
  /** Table. */
  readonly fib: number;
  /** The prefix, host bits 0. */
  readonly dst: InAddr;
  /** Bits of the prefix. */
  readonly prefixlen: number;
  /** Gateway, or null: on the link of interface number `linkIndex`. */
  readonly gw: InAddr | null;
  /** Index of the interface that the route belongs to: `link#1`. */
  readonly linkIndex: number;
  /** RTF_*. */
  readonly flags: number;
  /** Name of the interface that packets leave by. */
  readonly netif: string;
  /** Source address, or null. */
  readonly ifa: InAddr | null;
  /** Number of the next hop. */
  readonly nhop: number;
  /** Share of the flows beside other next hops of the prefix. */
  readonly weight: number;
  /** Largest packet. */
  readonly mtu: number;
  /** Packets sent by the next hop. */
  readonly use: number;
  /** Microseconds until the route goes, or null. */
  readonly expiresInUs: number | null;
}

function rowOf(rib: Rib, rt: RtEntry, { nh, weight }: WeightedNexthop): RouteRow {
  return {
    fib: rib.fib,
    dst: rt.dst,
    prefixlen: rt.prefixlen,
    gw: nh.gw,
    linkIndex: nh.aifp.index,
    flags: nh.flags,
    netif: nh.ifp.name,
    ifa: nh.ifa?.addr ?? null,
    nhop: nh.index,
    weight,
    mtu: nhMtu(nh),
    use: nh.pksent,
    expiresInUs: rt.expireUs === 0 ? null : rt.expireUs - rib.kernel.callouts.nowUs(),
  };
}

/** All routes of one family in one table, in order of prefixes; one that has several next hops is as many rows. Empty for a table that does not exist. @public */
export function routeDump(vnet: Vnet, fib: number, af: number): RouteRow[] {
  const rows: RouteRow[] = [];
  const rib = ROUTE.get(vnet).rib(fib, af);
  if (rib !== null) for (const rt of rib.snapshot()) for (const w of hopsOf(rt)) rows.push(rowOf(rib, rt, w));
  return rows;
}

/** The route that a packet to `dst` takes (of several next hops, the first), or ESRCH. Source: FreeBSD route(8), route get. @public */
export function routeGet(vnet: Vnet, fib: number, dst: InAddr): RouteRow | number {
  const rib = ROUTE.get(vnet).rib(fib, dst.af === AF_INET ? AF_INET : AF_INET6);
  const rt = rib?.match(dst) ?? null;
  return rib === null || rt === null ? ESRCH : rowOf(rib, rt, hopsOf(rt)[0] as WeightedNexthop);
}
