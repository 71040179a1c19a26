/**
 * Ethernet: framing, VLAN tags, groups, and the way between network protocols and Ethernet drivers (FreeBSD net/if_ethersubr.c).
 *
 * The module gives every interface of type IFT_ETHER its `output` and `input`. Output uses the ready-made header of a resolved neighbour when the sender's cached route has one; else it asks the
 * resolver of the address family (`arp`, `nd6`). Input checks, marks and hands frames to netisr by their type. Neighbours: `ifnet` calls it, `lltable` has the headers,
 * `route` the cache.
 *
 * ```ts
 * import { ether, ETHER } from '@ns/ether';
 * import { ifnet } from '@ns/ifnet';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { mFreem } from '@ns/mbuf';
 * import { netisr } from '@ns/netisr';
 * import { vnet } from '@ns/vnet';
 * import { EHOSTDOWN } from '@ns/errno';
 * import { AF_INET } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * for (const mod of [netisr(), vnet(), ifnet(), ether()]) kernel.kldload(mod);
 * // Interfaces of type IFT_ETHER now frame and demultiplex. A resolver for IPv4 that finds nobody (package arp has a better one):
 * kernel.service(ETHER).setResolver({
 *   af: AF_INET,
 *   resolve: (ifp, m) => {
 *     mFreem(m);
 *     return EHOSTDOWN;
 *   },
 * });
 * kernel.service(ETHER).resolvers[AF_INET]?.af; // => 2: AF_INET
 * ```
 * @packageDocumentation
 */
export { ETHER, Ether, ETHER_PFIL, type EtherHook, type EtherResolver, type EtherVlanInput } from './ether.ts';
export { etherDemux } from './input.ts';
export { ether, etherResolvemulti } from './module.ts';
export { etherLoopCsum, etherOutputFrame, etherVlanEncap, etherWriteHdr } from './output.ts';
