/**
 * User Datagram Protocol (RFC 768; FreeBSD netinet/udp_usrreq.c) over IPv4 and IPv6.
 *
 * One {@link UdpVnet} for each vnet holds pcbs, counters and settings. Network protocols hand datagrams to its Protosw; programs reach it as sockets of type SOCK_DGRAM.
 * Neighbours: `inpcb` (ports and lookup), `socket` (buffers), `ip` and `ip6` (through their InetAf).
 *
 * @packageDocumentation
 */
export { udp } from './module.ts';
export type { UdpProtosw } from './protosw.ts';
export { UdpStat } from './stat.ts';
export { UDP_INET, UDP_INET6 } from './usrreq.ts';
export { UDP, UdpVnet } from './vnet.ts';
