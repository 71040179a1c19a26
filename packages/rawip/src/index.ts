/**
 * Raw IP sockets (FreeBSD netinet/raw_ip.c): what ping and routing daemons use.
 *
 * Every raw socket whose protocol and addresses fit has a copy of a packet. Neighbours: `inpcb`, `socket`, and the network protocols, which hand on what nobody else
 * takes and what ICMP and IGMP have seen.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { RIP } from '@ns/rawip';
 * import { SOCK_RAW, Socket, socreate, soreceiveBytes, sosendCopy } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const host = virtualHost();
 * const jail = createStack({ host }).host; // loads rawip() and what it needs
 * jail.addAddress('lo0', '127.0.0.1/8');
 * const { vnet, cred } = jail;
 * const so = socreate(vnet, AF_INET, SOCK_RAW, 253, cred); // the superuser's only
 * if (!(so instanceof Socket)) throw new Error(`errno ${so}`);
 * sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 0), Uint8Array.of(1, 2, 3), 0, 3, 0);
 * host.settle();
 * soreceiveBytes(so, new Uint8Array(64), 0, 64, 0); // => 23: it came back with its IP header
 * RIP.get(vnet).stat.delivered; // => 1
 * ```
 *
 * @packageDocumentation
 */
export { ICMP6_FILTER, icmp6FilterAll, icmp6FilterOnly, IPV6_CHECKSUM } from './ctloutput6.ts';
export { rawip } from './module.ts';
export type { RipProtosw } from './protosw.ts';
export { RIP_INET, RIP_INET6 } from './usrreq.ts';
export { RIP, type RipStat, RipVnet } from './vnet.ts';
