/**
 * Router advertisements (RFC 4861 §6.2; FreeBSD usr.sbin/rtadvd): a vnet that forwards tells the hosts of a link that it does.
 *
 * Advertises at random intervals and when asked, the prefixes of the addresses of the interface, MTU, timers, DNS servers and search domains; says that it stops. Neighbours: `nd6` reports
 * solicitations, and is what listens on the other side; `ip6` sends.
 *
 * ```ts
 * import { loop } from '@ns/drv-loop';
 * import { epair } from '@ns/drv-epair';
 * import { ether } from '@ns/ether';
 * import { ifAddAddr, ifCloneCreate, ifnet, IFNET_CORE, ifunit } from '@ns/ifnet';
 * import { inpcb } from '@ns/inpcb';
 * import { ip6, IP6 } from '@ns/ip6';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { nd6 } from '@ns/nd6';
 * import { netisr } from '@ns/netisr';
 * import { route } from '@ns/route';
 * import { rtadvd, rtadvSnapshot, rtadvStart } from '@ns/rtadvd';
 * import { parseInAddr } from '@ns/wire';
 *
 * const host = virtualHost();
 * const kernel = new Kernel(host);
 * const { vnet0 } = kernel.vnets;
 * for (const mod of [netisr(), ifnet(), ether(), loop(), epair(), route(), inpcb(), ip6(), nd6(), rtadvd()]) kernel.kldload(mod);
 * ifCloneCreate(kernel.service(IFNET_CORE), vnet0, 'epair', undefined);
 * const ifp = ifunit(vnet0, 'epair0a')!;
 * ifAddAddr(ifp, { addr: parseInAddr('2001:db8:1::1')!, prefixlen: 64 });
 * IP6.get(vnet0).forwarding = true;
 * rtadvStart(ifp, { maxintervalSec: 60, rdnss: [parseInAddr('2001:db8:1::53')!] });
 * host.advance(20e6);
 * rtadvSnapshot(vnet0).map((r) => r.ifname); // => ['epair0a']
 * ```
 * @packageDocumentation
 */
export type { RtadvConfig } from './config.ts';
export { rtadvConfig, rtadvd, rtadvStart, rtadvStop } from './module.ts';
export { RTADV, RtadvStat, RtadvVnet } from './rtadv-vnet.ts';
export { type RtadvPrefixRow, type RtadvRow, rtadvSnapshot } from './snapshot.ts';
