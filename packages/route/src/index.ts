/**
 * Routing tables and next hops (FreeBSD net/route/).
 *
 * Each vnet has net.fibs tables for each address family. A table answers which {@link Nexthop} a destination has, by longest prefix, without allocating; whoever sends many packets
 * one way keeps a {@link Route}, which one compare with the table's generation keeps right. Routes of interface addresses come and go with the addresses. Neighbours:
 * `ifnet` says what interfaces and addresses there are; `lltable` has the link-layer half of a cached route; `ip` and `ip6` ask.
 *
 * ```ts
 * import { anyAddr, ribAdd, ribRoute4, ROUTE, Route, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
 *
 * const rib = ROUTE.get(vnet).inet(RT_DEFAULT_FIB);
 * ribAdd(rib, { dst: anyAddr(AF_INET), prefixlen: 0, flags: RTF_GATEWAY | RTF_STATIC, gw });  // 0, or ENETUNREACH, EEXIST
 * const ro = new Route();
 * const nh = ribRoute4(rib, ro, 0x08080808);  // the way to 8.8.8.8
 * ```
 * @packageDocumentation
 */
export { ribAdd, ribChange, ribDelete, ribWalkDelete, type RtInfo } from './control.ts';
export { routeDump, routeGet, type RouteRow } from './dump.ts';
export { ROUTE_EVENT, RouteEvent } from './event.ts';
export * from './flags.ts';
export { rtIfaAdd, rtIfaDelete, rtIfDepart, rtIfDown, rtIfMtu, rtIfUp, rtLoopbackArrived } from './ifaddr.ts';
export { route } from './module.ts';
export { Nexthop, type NexthopKey, nhMtu, Route, routeClear } from './nexthop.ts';
export { ribAddRedirect } from './redirect.ts';
export { anyAddr, nhHasGateway, Rib, ribLookup, type RibOwner, ribRoute4, ribRoute6, RtEntry } from './rib.ts';
export { ROUTE, RouteVnet, RtStat } from './vnet.ts';
