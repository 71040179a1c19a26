/**
 * IPv6: input, output, forwarding, extension headers, fragments, ICMPv6, source selection (FreeBSD netinet6/ip6_*.c, icmp6.c, frag6.c, in6_src.c).
 *
 * The module takes packets from netisr, gives those that are for a vnet to its protocols, forwards others where net.inet6.ip6.forwarding says so, and is the AF_INET6 entry by which transports
 * send. Neighbours: `inpcb` has the contract (InetAf, Protosw); `route` finds the way; `ether` takes it from there, and a neighbour discovery that hooks itself in ({@link Nd6Hook}).
 *
 * ```ts
 * import { loop } from '@ns/drv-loop';
 * import { ether } from '@ns/ether';
 * import { ifnet, ifUp, ifunit } from '@ns/ifnet';
 * import { INET, inpcb } from '@ns/inpcb';
 * import { ip6, IP6 } from '@ns/ip6';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { netisr } from '@ns/netisr';
 * import { route } from '@ns/route';
 * import { vnet } from '@ns/vnet';
 * import { AF_INET6, parseInAddr } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * const { vnet0 } = kernel.vnets;
 * for (const mod of [netisr(), vnet(), ifnet(), loop(), ether(), route(), inpcb(), ip6()]) kernel.kldload(mod);
 * ifUp(ifunit(vnet0, 'lo0')!);
 * ifunit(vnet0, 'lo0')!.addrs.map((a) => a.addr.toString()); // => ['::1', 'fe80::1%1']
 * IP6.get(vnet0).forwarding = true; // sysctl net.inet6.ip6.forwarding=1
 * INET.get(vnet0).af(AF_INET6)!.isLocal(vnet0, parseInAddr('::1')!); // => true: what transports ask
 * ```
 * @packageDocumentation
 */
export { In6AddrHash } from './addr-hash.ts';
export { addrPolicyAdd, addrPolicyDelete, addrPolicyFlush, type AddrPolicyRow, addrPolicySnapshot } from './addrctl.ts';
export * from './addrsel.ts';
export { Frag6 } from './frag6.ts';
export { icmp6Error } from './icmp6-error.ts';
export { icmp6Output } from './icmp6-send.ts';
export { In6Af } from './in6-af.ts';
export { in6Ifattach, in6Ifid } from './in6-ifattach.ts';
export { in6SourceOn } from './in6-src.ts';
export * from './in6-var.ts';
export { In6Ifinfo, in6Ifinfo, in6Linklocal, in6Linkmtu, IP6, IP6_FORWARDING_EVENT, Ip6Vnet } from './ip6-vnet.ts';
export { ip6 } from './module.ts';
export { in6Joingroup, in6Leavegroup } from './multicast.ts';
export { type Nd6Hook, nd6Deregister, nd6Register } from './nd-hook.ts';
export { PathMtuCache } from './pmtu.ts';
export * from './scope.ts';
export { Icmp6Stat, In6Ifstat, Ip6Stat } from './stats.ts';
