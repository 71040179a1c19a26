/**
 * Neighbour discovery for IPv6 (RFC 4861), duplicate address detection and address autoconfiguration (RFC 4862); FreeBSD netinet6/nd6*.c.
 *
 * Finds the link-layer address of a neighbour and notices when it is gone, tests addresses before they are used, takes routers, prefixes, parameters and DNS servers from router
 * advertisements, makes addresses of prefixes, follows and sends redirects. What comes in is taken for hostile. Neighbours: `ip6` hands it messages and asks about addresses, `ether` asks it to
 * resolve, `lltable` keeps what it learns, `route` gets its routes; `rtadvd` is the other side, that of routers.
 *
 * ```ts
 * import { epair } from '@ns/drv-epair';
 * import { loop } from '@ns/drv-loop';
 * import { ether } from '@ns/ether';
 * import { ifCloneCreate, ifnet, IFNET_CORE, ifunit, ifUp } from '@ns/ifnet';
 * import { inpcb } from '@ns/inpcb';
 * import { ip6 } from '@ns/ip6';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { nd6, ndpSet, ndpSnapshot } from '@ns/nd6';
 * import { netisr } from '@ns/netisr';
 * import { route } from '@ns/route';
 * import { vnet } from '@ns/vnet';
 * import { inAddr6, parseEtherAddr } from '@ns/wire';
 *
 * const host = virtualHost();
 * const kernel = new Kernel(host);
 * const { vnet0 } = kernel.vnets;
 * for (const mod of [netisr(), vnet(), ifnet(), ether(), loop(), route(), inpcb(), ip6(), nd6(), epair()]) kernel.kldload(mod);
 * ifCloneCreate(kernel.service(IFNET_CORE), vnet0, 'epair', undefined);
 * const ifp = ifunit(vnet0, 'epair0a')!;
 * ifUp(ifp); // gets a link-local address, which is tested for duplicates
 * host.advance(3e6);
 * ndpSet(vnet0, inAddr6(0xfe800000, 0, 0, 9, ifp.index), parseEtherAddr('02:00:00:00:00:09')!); // ndp -s fe80::9%epair0a
 * ndpSnapshot(vnet0).length; // => 2
 * ```
 * @packageDocumentation
 */
export * from './api.ts';
export { ND6_DAD_EVENT } from './dad.ts';
export { NdDns, type NdDnsEntry } from './dns.ts';
export { ND6_INFINITE_LIFETIME, slaacValidLifetime } from './lifetime.ts';
export { Nd6Ifaddr, NdDefrouter, NdPrefix, NDPRF_DETACHED, NDPRF_ONLINK } from './lists.ts';
export { nd6, type Nd6Options } from './module.ts';
export { ND6, Nd6Vnet } from './nd6-vnet.ts';
export { ND6_LLINFO_DELAY, ND6_LLINFO_INCOMPLETE, ND6_LLINFO_PROBE, ND6_LLINFO_REACHABLE, ND6_LLINFO_STALE } from './nud.ts';
export { ND6_DNS_EVENT, ND6_RS_EVENT } from './ra.ts';
export { DEF_TEMP_PREFERRED_LIFETIME, DEF_TEMP_VALID_LIFETIME, MAX_TEMP_DESYNC_FACTOR, TEMPADDR_REGEN_ADVANCE } from './temp.ts';
export { in6StableIfid, isReservedIfid } from './stable-id.ts';
export { Nd6Stat } from './stats.ts';
