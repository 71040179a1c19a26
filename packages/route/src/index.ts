/**
 * Routing tables and next hops (FreeBSD net/route/).
 *
 * Each vnet has net.fibs tables for each address family. A table answers which {@link Nexthop} a destination has, by longest prefix, without allocating; whoever sends many packets
 * one way keeps a {@link Route}, which one compare with the table's generation keeps right. Routes of interface addresses come and go with the addresses. Neighbours:
 * `ifnet` says what interfaces and addresses there are; `lltable` has the link-layer half of a cached route; `ip` and `ip6` ask.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { ifnet } from '@ns/ifnet';
 * import { loop } from '@ns/drv-loop';
 * import { netisr } from '@ns/netisr';
 * import { ribAdd, ribRoute4, route, Route, ROUTE, RT_DEFAULT_FIB, RTF_BLACKHOLE } from '@ns/route';
 * import { vnet } from '@ns/vnet';
 * import { parseInAddr } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * for (const mod of [netisr(), vnet(), ifnet(), loop(), route()]) kernel.kldload(mod);
 * const rib = ROUTE.get(kernel.vnets.vnet0).inet(RT_DEFAULT_FIB);
 * ribAdd(rib, { dst: parseInAddr('192.0.2.0')!, prefixlen: 24, flags: RTF_BLACKHOLE }); // => 0
 * const ro = new Route(); // kept by whoever sends many packets one way
 * const nh = ribRoute4(rib, ro, 0xc0000201 | 0); // the way to 192.0.2.1: looked up once, compared from then on
 * nh?.ifp.name; // => 'lo0'
 * ribRoute4(rib, ro, 0xc0000201 | 0) === nh; // => true
 * ```
 * @packageDocumentation
 */
export { rtalloc1, rtredirect, rtrequest1 } from './compat.ts';
export { ribAdd, ribChange, ribDelete, ribWalkDelete, type RtInfo } from './control.ts';
export { routeDump, routeGet, type RouteRow } from './dump.ts';
export { ROUTE_EVENT, RouteEvent } from './event.ts';
export * from './flags.ts';
export { ForwardCache, ForwardRoute } from './forward-cache.ts';
export { rtIfaAdd, rtIfaDelete, rtIfDepart, rtIfDown, rtIfMtu, rtIfUp, rtLoopbackArrived } from './ifaddr.ts';
export { route } from './module.ts';
export { mpathKeep, mpathSelect4, mpathSelect6 } from './mpath.ts';
export { Nexthop, type NexthopKey, nhMtu, Route, routeClear } from './nexthop.ts';
export { NexthopGroup, RIB_MAX_MPATH_WIDTH, RT_DEFAULT_WEIGHT, RT_MAX_WEIGHT, type WeightedNexthop } from './nhgrp.ts';
export { ribAddRedirect } from './redirect.ts';
export { anyAddr, hopsOf, nhHasGateway, Rib, ribLookup, type RibOwner, ribRoute4, ribRoute6, RtEntry, rtHasGateway } from './rib.ts';
export { ROUTE, RouteVnet, RtStat } from './vnet.ts';
