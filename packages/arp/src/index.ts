/**
 * Address resolution for IPv4 on Ethernet (RFC 826; FreeBSD netinet/if_ether.c).
 *
 * Finds the Ethernet address of a neighbour, keeps a bounded number of packets while it asks, answers for our own addresses and published ones, announces addresses that come, notices
 * conflicts. What comes in is taken for hostile. Neighbours: `ether` asks it to resolve and hands it messages; `lltable` keeps what it learns.
 *
 * ```ts
 * import { arp, arpSet, arpSnapshot } from '@ns/arp';
 * import { epair } from '@ns/drv-epair';
 * import { ether } from '@ns/ether';
 * import { ifAddAddr, ifCloneCreate, ifnet, IFNET_CORE, ifunit } from '@ns/ifnet';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { netisr } from '@ns/netisr';
 * import { route } from '@ns/route';
 * import { vnet } from '@ns/vnet';
 * import { parseEtherAddr, parseInAddr } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * const { vnet0 } = kernel.vnets;
 * for (const mod of [netisr(), vnet(), ifnet(), ether(), route(), arp(), epair()]) kernel.kldload(mod);
 * ifCloneCreate(kernel.service(IFNET_CORE), vnet0, 'epair', undefined);
 * ifAddAddr(ifunit(vnet0, 'epair0a')!, { addr: parseInAddr('10.0.0.1')!, prefixlen: 24 });
 * arpSet(vnet0, parseInAddr('10.0.0.9')!, parseEtherAddr('02:00:00:00:00:09')!); // arp -s
 * arpSnapshot(vnet0).map((row) => `${row.addr} on ${row.ifname}`); // => [ '10.0.0.1 on epair0a', '10.0.0.9 on epair0a' ]
 * ```
 * @packageDocumentation
 */
export { ARP, ArpStat, ArpVnet } from './arp-vnet.ts';
export { arp } from './module.ts';
export { arpAnnounce, arpRequest } from './send.ts';
export { ARP_LLINFO_VERIFY, arpDelete, arpFlush, type ArpRow, arpSet, type ArpSetOptions, arpSnapshot } from './table.ts';
