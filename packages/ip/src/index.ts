/**
 * IPv4: input, output, forwarding, fragments, options, ICMP (FreeBSD netinet/ip_input.c, ip_output.c, ip_reass.c, ip_options.c, ip_icmp.c).
 *
 * The module takes packets from netisr, gives those that are for a vnet to its protocols, forwards others where net.inet.ip.forwarding says so, and is the AF_INET entry by which transports
 * send. Neighbours: `inpcb` has the contract (InetAf, Protosw); `route` finds the way; `ether` and `arp` take it from there.
 *
 * ```ts
 * import { ip, IP } from '@ns/ip';
 *
 * kernel.kldload(ip());
 * IP.get(vnet).forwarding = true;         // sysctl net.inet.ip.forwarding=1
 * const { delivered, forward } = IP.get(vnet).stat;
 * ```
 * @packageDocumentation
 */
export { InAddrHash } from './addr-hash.ts';
export { ForwardCache, ForwardRoute } from './forward-cache.ts';
export { icmpError } from './icmp-error.ts';
export { InAf } from './in-af.ts';
export { IpIdSource } from './ip-id.ts';
export { IP, IpVnet } from './ip-vnet.ts';
export { ip } from './module.ts';
export { IpReass } from './reass.ts';
export { IcmpStat, IpStat } from './stats.ts';
