/**
 * User Datagram Protocol (RFC 768; FreeBSD netinet/udp_usrreq.c) over IPv4 and IPv6.
 *
 * One {@link UdpVnet} for each vnet holds pcbs, counters and settings. Network protocols hand datagrams to its Protosw; programs reach it as sockets of type SOCK_DGRAM.
 * Neighbours: `inpcb` (ports and lookup), `socket` (buffers), `ip` and `ip6` (through their InetAf).
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { SOCK_DGRAM, Socket, socreate, sosendCopy } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { UDP } from '@ns/udp';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const jail = createStack({ host: virtualHost() }).host; // loads udp() and what it needs
 * jail.addAddress('lo0', '127.0.0.1/8');
 * const { vnet, cred } = jail;
 * const so = socreate(vnet, AF_INET, SOCK_DGRAM, 0, cred);
 * if (so instanceof Socket) sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 7), Uint8Array.of(1, 2, 3), 0, 3, 0);
 * UDP.get(vnet).stat.opackets; // => 1
 * ```
 *
 * @packageDocumentation
 */
export { udp } from './module.ts';
export type { UdpProtosw } from './protosw.ts';
export { UdpStat } from './stat.ts';
export { UDP_INET, UDP_INET6 } from './usrreq.ts';
export { UDP, UdpVnet } from './vnet.ts';
