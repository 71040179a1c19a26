import type { Ifnet } from '@ns/ifnet';
import { IFF_LOOPBACK } from '@ns/ifnet-kpi';
import { domainModule, McastReporter } from '@ns/inpcb';
import type { ModuleDecl } from '@ns/kern';
import { NETISR_IP } from '@ns/netisr';
import { AF_INET } from '@ns/wire';
import { IcmpProto } from './icmp.ts';
import { InAf } from './in-af.ts';
import { IgmpIo, IgmpProto } from './igmp.ts';
import { ipInput } from './input.ts';
import { InIfinfo, inIfinfo, IP, type IpVnet } from './ip-vnet.ts';
import { ipSysctls } from './sysctls.ts';

function ifattach(ipv: IpVnet, ifp: Ifnet): void {
  const ii = new InIfinfo(ipv, ifp);
  if ((ifp.stackFlags & IFF_LOOPBACK) === 0) {
    ii.igmpIo = new IgmpIo(ipv, ifp);
    ii.igmp = new McastReporter(ipv.vnet.kernel, ifp, ii.igmpIo);
  }
  ifp.afdata[AF_INET] = ii;
}

function ifdetach(ipv: IpVnet, ifp: Ifnet): void {
  const ii = inIfinfo(ifp);
  if (ii === null) return;
  ipv.reass.cleanup(ifp.handle);
  for (const ifa of ipv.addrs.all().filter((x) => x.ifp === ifp)) ipv.addrs.remove(ifa);
  ipv.fwd.clear();
  ii.igmp?.destroy();
  ifp.afdata[AF_INET] = null;
}

/**
 * The module `ip`: IPv4 with ICMP and IGMP. Registers AF_INET, IPPROTO_ICMP and IPPROTO_IGMP in the domain of each vnet.
 * @public
 */
export function ip(): ModuleDecl {
  return domainModule<IpVnet>({
    name: 'ip',
    af: AF_INET,
    isr: NETISR_IP,
    input: ipInput,
    vnetVar: IP,
    sysctls: ipSysctls,
    inetAf: (ipv) => new InAf(ipv),
    protosw: (ipv) => [new IcmpProto(ipv), new IgmpProto(ipv)],
    pfil: (ipv) => ipv.pfil,
    ifattach,
    ifdetach,
    addrAdded: (ipv, ifa) => ipv.addrs.add(ifa),
    addrGone: (ipv, ifa) => ipv.addrs.remove(ifa),
    drain: (ipv) => ipv.reass.drain(),
  });
}
