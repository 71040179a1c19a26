/**
 * Raw IP sockets (FreeBSD netinet/raw_ip.c): what ping and routing daemons use.
 *
 * Every raw socket whose protocol and addresses fit has a copy of a packet. Neighbours: `inpcb`, `socket`, and the network protocols, which hand on what nobody else
 * takes and what ICMP and IGMP have seen.
 *
 * ```ts
 * import { RIP } from '@ns/rawip';
 *
 * const jail = createStack().host;                         // loads rawip() and what it needs
 * jail.addAddress('lo0', '127.0.0.1/8');
 * const { vnet, cred } = jail;
 * const so = socreate(vnet, AF_INET, SOCK_RAW, 253, cred);  // the superuser's only
 * if (so instanceof Socket) sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 0), Uint8Array.of(1, 2, 3), 0, 3, 0);
 * // ... comes back with its IP header, 23 bytes, and
 * RIP.get(vnet).stat.delivered;                             // 1
 * ```
 *
 * @packageDocumentation
 */
export { rawip } from './module.ts';
export type { RipProtosw } from './protosw.ts';
export { RIP_INET, RIP_INET6 } from './usrreq.ts';
export { RIP, type RipStat, RipVnet } from './vnet.ts';
