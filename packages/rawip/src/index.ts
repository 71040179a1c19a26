/**
 * Raw IP sockets (FreeBSD netinet/raw_ip.c): what ping and routing daemons use.
 *
 * Every raw socket whose protocol and addresses fit has a copy of a packet. Neighbours: `inpcb`, `socket`, and the network protocols, which hand on what nobody else
 * takes and what ICMP and IGMP have seen.
 *
 * @packageDocumentation
 */
export { rawip } from './module.ts';
export type { RipProtosw } from './protosw.ts';
export { RIP_INET, RIP_INET6 } from './usrreq.ts';
export { RIP, type RipStat, RipVnet } from './vnet.ts';
