import type { Ifnet } from '@ns/ifnet';
import { IFF_LOOPBACK } from '@ns/ifnet-kpi';
import { domainModule, McastReporter } from '@ns/inpcb';
import type { ModuleDecl } from '@ns/kern';
import { NETISR_IPV6 } from '@ns/netisr';
import { AF_INET6 } from '@ns/wire';
import { Icmp6Proto } from './icmp6.ts';
import { In6Af } from './in6-af.ts';
import { in6Ifattach, in6IfaddArrived, in6IfaddGone } from './in6-ifattach.ts';
import { ip6Input } from './input.ts';
import { In6Ifinfo, in6Ifinfo, IP6, type Ip6Vnet } from './ip6-vnet.ts';
import { MldIo } from './mld.ts';
import { ip6Sysctls } from './sysctls.ts';

function ifattach(ip6v: Ip6Vnet, ifp: Ifnet): void {
  const ii = new In6Ifinfo(ip6v, ifp);
  if ((ifp.stackFlags & IFF_LOOPBACK) === 0) ii.mld = new McastReporter(ip6v.vnet.kernel, ifp, new MldIo(ip6v, ifp));
  ifp.afdata[AF_INET6] = ii;
}

function ifdetach(ip6v: Ip6Vnet, ifp: Ifnet): void {
  const ii = in6Ifinfo(ifp);
  if (ii === null) return;
  ip6v.frag6.cleanup(ifp);
  for (const ifa of ip6v.addrs.all().filter((x) => x.ifp === ifp)) in6IfaddGone(ip6v, ifa);
  ip6v.fwd.clear();
  ii.mld?.destroy();
  ifp.afdata[AF_INET6] = null;
}

/**
 * The module `ip6`: IPv6 with ICMPv6. Registers AF_INET6 and IPPROTO_ICMPV6 in the domain of each vnet.
 * @public
 */
export function ip6(): ModuleDecl {
  return domainModule<Ip6Vnet>({
    name: 'ip6',
    af: AF_INET6,
    isr: NETISR_IPV6,
    input: ip6Input,
    vnetVar: IP6,
    sysctls: ip6Sysctls,
    inetAf: (ip6v) => new In6Af(ip6v),
    protosw: (ip6v) => [new Icmp6Proto(ip6v)],
    pfil: (ip6v) => ip6v.pfil,
    ifattach,
    ifdetach,
    addrAdded: in6IfaddArrived,
    addrGone: in6IfaddGone,
    drain: (ip6v) => ip6v.frag6.drain(),
    ifup: (_, ifp) => in6Ifattach(ifp),
  });
}
