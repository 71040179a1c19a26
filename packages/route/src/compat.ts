import type { Ifnet } from '@ns/ifnet';
import type { Vnet } from '@ns/kern';
import { EOPNOTSUPP } from '@ns/errno';
import type { InAddr } from '@ns/wire';
import { ribAdd, ribChange, ribDelete, type RtInfo } from './control.ts';
import { RT_DEFAULT_FIB, RTM_ADD, RTM_CHANGE, RTM_DELETE } from './flags.ts';
import type { Nexthop } from './nexthop.ts';
import { ribAddRedirect } from './redirect.ts';
import { type Rib, ribLookup } from './rib.ts';
import { ROUTE } from './vnet.ts';

/*
 * The interface from before there were several tables, for modules that are ported from it: each function works on RT_DEFAULT_FIB, whatever the process or the packet.
 * What is new takes a table. Source: FreeBSD net/route.c, what BURN_BRIDGES would leave out.
 */

function defaultRib(vnet: Vnet, af: number): Rib | null {
  return ROUTE.get(vnet).rib(RT_DEFAULT_FIB, af);
}

/**
 * The way to `dst` in table 0, or null. Source: FreeBSD route.c, rtalloc1().
 * @deprecated Say which table: `ribLookup(ROUTE.get(vnet).rib(fib, af), dst)`. Removed in 1.0.0.
 * @public
 */
export function rtalloc1(vnet: Vnet, dst: InAddr): Nexthop | null {
  const rib = defaultRib(vnet, dst.af);
  return rib === null ? null : ribLookup(rib, dst);
}

/**
 * RTM_ADD, RTM_DELETE or RTM_CHANGE of a route in table 0; the errno of `ribAdd`, `ribDelete` or `ribChange`, EOPNOTSUPP for another message.
 * Source: FreeBSD route.c, rtrequest1().
 * @deprecated Say which table: `ribAdd(ROUTE.get(vnet).rib(fib, af), info)` and its like. Removed in 1.0.0.
 * @public
 */
export function rtrequest1(vnet: Vnet, cmd: number, info: RtInfo): number {
  const rib = defaultRib(vnet, info.dst.af);
  if (rib === null) return EOPNOTSUPP;
  switch (cmd) {
    case RTM_ADD:
      return ribAdd(rib, info);
    case RTM_DELETE:
      return ribDelete(rib, info);
    case RTM_CHANGE:
      return ribChange(rib, info);
    default:
      return EOPNOTSUPP;
  }
}

/**
 * Follows a redirect in table 0 alone; the errno of `ribAddRedirect`. The route stays. Source: FreeBSD route.c, rtredirect().
 * @deprecated Say which table: `ribAddRedirect`. Removed in 1.0.0.
 * @public
 */
export function rtredirect(vnet: Vnet, dst: InAddr, gw: InAddr, from: InAddr, ifp: Ifnet): number {
  const rib = defaultRib(vnet, dst.af);
  return rib === null ? EOPNOTSUPP : ribAddRedirect(ROUTE.get(vnet), rib, dst, gw, from, ifp, 0);
}
