/**
 * Address resolution for IPv4 on Ethernet (RFC 826; FreeBSD netinet/if_ether.c).
 *
 * Finds the Ethernet address of a neighbour, keeps a bounded number of packets while it asks, answers for our own addresses and published ones, announces addresses that come, notices
 * conflicts. What comes in is taken for hostile. Neighbours: `ether` asks it to resolve and hands it messages; `lltable` keeps what it learns.
 *
 * ```ts
 * import { arp, arpSnapshot } from '@ns/arp';
 *
 * kernel.kldload(arp());
 * for (const row of arpSnapshot(vnet)) print(`? (${row.addr}) on ${row.ifname}`);
 * ```
 * @packageDocumentation
 */
export { ARP, ArpStat, ArpVnet } from './arp-vnet.ts';
export { arp } from './module.ts';
export { arpAnnounce, arpRequest } from './send.ts';
export { ARP_LLINFO_VERIFY, arpDelete, arpFlush, type ArpRow, arpSet, type ArpSetOptions, arpSnapshot } from './table.ts';
