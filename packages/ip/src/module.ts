import { EEXIST } from '@ns/errno';
import {
  IFADDR_EVENT_ADD,
  IFADDR_EVENT_EXT,
  IFNET,
  type Ifnet,
  IFNET_ARRIVAL_EVENT,
  IFNET_DEPARTURE_EVENT,
} from '@ns/ifnet';
import { IFF_LOOPBACK } from '@ns/ifnet-kpi';
import { McastReporter } from '@ns/inpcb';
import { EVENTHANDLER_PRI_FIRST, type EventTag, type Kernel, MBUF_LOWMEM, type ModuleDecl, SI_ORDER_ANY, SI_ORDER_SECOND, SI_SUB_PROTO_DOMAIN, type Vnet } from '@ns/kern';
import { NETISR, NETISR_IP, NETISR_POLICY_FLOW } from '@ns/netisr';
import { PFIL_ARRIVAL_EVENT, pfilOf } from '@ns/pfil';
import { AF_INET } from '@ns/wire';
import { IcmpProto } from './icmp.ts';
import { InAf } from './in-af.ts';
import { IgmpIo, IgmpProto } from './igmp.ts';
import { ipInput } from './input.ts';
import { InIfinfo, inIfinfo, IP, type IpVnet } from './ip-vnet.ts';
import { ipSysctls } from './sysctls.ts';

/** What is registered in the domain of one vnet. */
interface Registered {
  readonly af: InAf;
  readonly icmp: IcmpProto;
  readonly igmp: IgmpProto;
}

/** An interface has come: packets from it find this vnet's IPv4, and so do addresses that it brings. */
function ifattach(ipv: IpVnet, ifp: Ifnet): void {
  const ii = new InIfinfo(ipv, ifp);
  if ((ifp.stackFlags & IFF_LOOPBACK) === 0) {
    ii.igmpIo = new IgmpIo(ipv, ifp);
    ii.igmp = new McastReporter(ipv.vnet.kernel, ifp, ii.igmpIo);
  }
  ifp.afdata[AF_INET] = ii;
  for (const ifa of ifp.addrs) if (ifa.af === AF_INET) ipv.addrs.add(ifa);
}

function ifdetach(ifp: Ifnet): void {
  const ii = inIfinfo(ifp);
  if (ii === null) return;
  ii.ipv.reass.cleanup(ifp.handle);
  for (const ifa of ii.ipv.addrs.all().filter((x) => x.ifp === ifp)) ii.ipv.addrs.remove(ifa);
  ii.ipv.fwd.clear();
  ii.igmp?.destroy();
  ifp.afdata[AF_INET] = null;
}

function listen(kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { priority: EVENTHANDLER_PRI_FIRST, owner: 'ip' };
  return [
    events.register(IFNET_ARRIVAL_EVENT, (ifp) => ifattach(IP.get(ifp.vnet), ifp), opt),
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => ifdetach(ifp), opt),
    events.register(IFADDR_EVENT_EXT, (ifp, ifa, event) => {
      if (ifa.af !== AF_INET) return;
      const { addrs } = IP.get(ifp.vnet);
      if (event === IFADDR_EVENT_ADD) addrs.add(ifa);
      else addrs.remove(ifa);
    }, opt),
    events.register(MBUF_LOWMEM, () => kernel.vnets.forEach((vnet) => IP.get(vnet).reass.drain()), opt),
    events.register(PFIL_ARRIVAL_EVENT, (pfil) => pfil.headRegister(IP.get(pfil.vnet).pfil), opt),
  ];
}

/**
 * The module `ip`: IPv4 with ICMP and IGMP. Registers AF_INET, IPPROTO_ICMP and IPPROTO_IGMP in the domain of each vnet.
 * @public
 */
export function ip(): ModuleDecl {
  const tags = new WeakMap<Kernel, EventTag[]>();
  const registered = new WeakMap<Vnet, Registered>();
  return {
    name: 'ip',
    version: 1,
    depends: [
      { name: 'netisr', min: 1, preferred: 1, max: 1 },
      { name: 'ifnet', min: 1, preferred: 1, max: 1 },
      { name: 'route', min: 1, preferred: 1, max: 1 },
      { name: 'inpcb', min: 1, preferred: 1, max: 1 },
    ],
    vnetVars: [IP],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const errno = kernel.service(NETISR).register({ proto: NETISR_IP, name: 'ip', policy: NETISR_POLICY_FLOW, handler: ipInput });
          if (errno !== 0) return errno;
          tags.set(kernel, listen(kernel));
          return 0;
        },
        exit: (kernel) => {
          for (const tag of tags.get(kernel) ?? []) kernel.events.deregister(tag);
          tags.delete(kernel);
          kernel.service(NETISR).unregister(NETISR_IP);
        },
      },
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_SECOND,
        init: (vnet) => {
          const ipv = IP.get(vnet);
          const r: Registered = { af: new InAf(ipv), icmp: new IcmpProto(ipv), igmp: new IgmpProto(ipv) };
          if (ipv.inet.registerAf(r.af) !== 0 || ipv.inet.registerProto(r.icmp) !== 0 || ipv.inet.registerProto(r.igmp) !== 0) return EEXIST;
          registered.set(vnet, r);
          pfilOf(vnet)?.headRegister(ipv.pfil);
          for (const ifp of IFNET.get(vnet).list) ifattach(ipv, ifp);
          return 0;
        },
        exit: (vnet) => {
          const ipv = IP.get(vnet);
          const r = registered.get(vnet);
          pfilOf(vnet)?.headUnregister(ipv.pfil);
          for (const ifp of IFNET.get(vnet).list) ifdetach(ifp);
          if (r === undefined) return;
          ipv.inet.deregisterProto(r.igmp);
          ipv.inet.deregisterProto(r.icmp);
          ipv.inet.deregisterAf(r.af);
          registered.delete(vnet);
        },
      },
    ],
    sysctls: ipSysctls,
  };
}
