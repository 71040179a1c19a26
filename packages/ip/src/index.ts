/**
 * IPv4: input, output, forwarding, fragments, options, ICMP (FreeBSD netinet/ip_input.c, ip_output.c, ip_reass.c, ip_options.c, ip_icmp.c).
 *
 * The module takes packets from netisr, gives those that are for a vnet to its protocols, forwards others where net.inet.ip.forwarding says so, and is the AF_INET entry by which transports
 * send. Neighbours: `inpcb` has the contract (InetAf, Protosw); `route` finds the way; `ether` and `arp` take it from there.
 *
 * ```ts
 * import { arp } from '@ns/arp';
 * import { loop } from '@ns/drv-loop';
 * import { ether } from '@ns/ether';
 * import { ifAddAddr, ifnet, ifunit } from '@ns/ifnet';
 * import { INET, inpcb } from '@ns/inpcb';
 * import { ip, IP } from '@ns/ip';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { netisr } from '@ns/netisr';
 * import { route } from '@ns/route';
 * import { vnet } from '@ns/vnet';
 * import { AF_INET, parseInAddr } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * const { vnet0 } = kernel.vnets;
 * for (const mod of [netisr(), vnet(), ifnet(), loop(), ether(), route(), arp(), inpcb(), ip()]) kernel.kldload(mod);
 * const me = parseInAddr('127.0.0.1')!;
 * ifAddAddr(ifunit(vnet0, 'lo0')!, { addr: me, prefixlen: 8 });
 * IP.get(vnet0).forwarding = true; // sysctl net.inet.ip.forwarding=1
 * kernel.sysctl.sysctlGet('net.inet.ip.forwarding', { vnet: vnet0, jailed: false }).value; // => 1
 * INET.get(vnet0).af(AF_INET)!.isLocal(vnet0, me); // => true: what transports ask
 * ```
 * @packageDocumentation
 */
export { InAddrHash } from './addr-hash.ts';
export { icmpError } from './icmp-error.ts';
export { InAf } from './in-af.ts';
export { IpIdSource } from './ip-id.ts';
export { IP, IpVnet } from './ip-vnet.ts';
export { ip } from './module.ts';
export { IpReass } from './reass.ts';
export { IcmpStat, IgmpStat, IpStat } from './stats.ts';
