import { EEXIST } from '@ns/errno';
import {
  IFADDR_EVENT_ADD,
  IFADDR_EVENT_EXT,
  IFNET,
  type Ifnet,
  IFNET_ARRIVAL_EVENT,
  IFNET_DEPARTURE_EVENT,
  IFNET_EVENT,
  IFNET_EVENT_UP,
} from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_UP } from '@ns/ifnet-kpi';
import { McastReporter } from '@ns/inpcb';
import { EVENTHANDLER_PRI_FIRST, type EventTag, type Kernel, MBUF_LOWMEM, type ModuleDecl, SI_ORDER_ANY, SI_ORDER_SECOND, SI_SUB_PROTO_DOMAIN, type Vnet } from '@ns/kern';
import { NETISR, NETISR_IPV6, NETISR_POLICY_FLOW } from '@ns/netisr';
import { PFIL_ARRIVAL_EVENT, pfilOf } from '@ns/pfil';
import { AF_INET6 } from '@ns/wire';
import { Icmp6Proto } from './icmp6.ts';
import { In6Af } from './in6-af.ts';
import { in6Ifattach, in6IfaddArrived, in6IfaddGone } from './in6-ifattach.ts';
import { ip6Input } from './input.ts';
import { In6Ifinfo, in6Ifinfo, IP6, type Ip6Vnet } from './ip6-vnet.ts';
import { MldIo } from './mld.ts';
import { ip6Sysctls } from './sysctls.ts';

/** What is registered in the domain of one vnet. */
interface Registered {
  readonly af: In6Af;
  readonly icmp6: Icmp6Proto;
}

/** An interface has come: packets from it find this vnet's IPv6, and so do addresses that it brings. One that is up already gets what it would have got then. */
function ifattach(ip6v: Ip6Vnet, ifp: Ifnet): void {
  const ii = new In6Ifinfo(ip6v, ifp);
  if ((ifp.stackFlags & IFF_LOOPBACK) === 0) ii.mld = new McastReporter(ip6v.vnet.kernel, ifp, new MldIo(ip6v, ifp));
  ifp.afdata[AF_INET6] = ii;
  for (const ifa of ifp.addrs) if (ifa.af === AF_INET6) in6IfaddArrived(ip6v, ifa);
  if ((ifp.stackFlags & IFF_UP) !== 0) in6Ifattach(ifp);
}

function ifdetach(ifp: Ifnet): void {
  const ii = in6Ifinfo(ifp);
  if (ii === null) return;
  const { ip6v } = ii;
  ip6v.frag6.cleanup(ifp);
  for (const ifa of ip6v.addrs.all().filter((x) => x.ifp === ifp)) in6IfaddGone(ip6v, ifa);
  ip6v.fwd.clear();
  ii.mld?.destroy();
  ifp.afdata[AF_INET6] = null;
}

function listen(kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { priority: EVENTHANDLER_PRI_FIRST, owner: 'ip6' };
  return [
    events.register(IFNET_ARRIVAL_EVENT, (ifp) => ifattach(IP6.get(ifp.vnet), ifp), opt),
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => ifdetach(ifp), opt),
    events.register(IFNET_EVENT, (ifp, event) => {
      if (event === IFNET_EVENT_UP) in6Ifattach(ifp);
    }, opt),
    events.register(MBUF_LOWMEM, () => kernel.vnets.forEach((vnet) => IP6.get(vnet).frag6.drain()), opt),
    events.register(PFIL_ARRIVAL_EVENT, (pfil) => pfil.headRegister(IP6.get(pfil.vnet).pfil), opt),
    events.register(IFADDR_EVENT_EXT, (ifp, ifa, event) => {
      if (ifa.af !== AF_INET6) return;
      const ip6v = IP6.get(ifp.vnet);
      if (event === IFADDR_EVENT_ADD) in6IfaddArrived(ip6v, ifa);
      else in6IfaddGone(ip6v, ifa);
    }, opt),
  ];
}

/**
 * The module `ip6`: IPv6 with ICMPv6. Registers AF_INET6 and IPPROTO_ICMPV6 in the domain of each vnet.
 * @public
 */
export function ip6(): ModuleDecl {
  const tags = new WeakMap<Kernel, EventTag[]>();
  const registered = new WeakMap<Vnet, Registered>();
  return {
    name: 'ip6',
    version: 1,
    depends: [
      { name: 'netisr', min: 1, preferred: 1, max: 1 },
      { name: 'ifnet', min: 1, preferred: 1, max: 1 },
      { name: 'route', min: 1, preferred: 1, max: 1 },
      { name: 'inpcb', min: 1, preferred: 1, max: 1 },
    ],
    vnetVars: [IP6],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const errno = kernel.service(NETISR).register({ proto: NETISR_IPV6, name: 'ip6', policy: NETISR_POLICY_FLOW, handler: ip6Input });
          if (errno !== 0) return errno;
          tags.set(kernel, listen(kernel));
          return 0;
        },
        exit: (kernel) => {
          for (const tag of tags.get(kernel) ?? []) kernel.events.deregister(tag);
          tags.delete(kernel);
          kernel.service(NETISR).unregister(NETISR_IPV6);
        },
      },
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_SECOND,
        init: (vnet) => {
          const ip6v = IP6.get(vnet);
          const r: Registered = { af: new In6Af(ip6v), icmp6: new Icmp6Proto(ip6v) };
          if (ip6v.inet.registerAf(r.af) !== 0 || ip6v.inet.registerProto(r.icmp6) !== 0) return EEXIST;
          registered.set(vnet, r);
          pfilOf(vnet)?.headRegister(ip6v.pfil);
          for (const ifp of IFNET.get(vnet).list) ifattach(ip6v, ifp);
          return 0;
        },
        exit: (vnet) => {
          const ip6v = IP6.get(vnet);
          const r = registered.get(vnet);
          for (const ifp of IFNET.get(vnet).list) ifdetach(ifp);
          pfilOf(vnet)?.headUnregister(ip6v.pfil);
          if (r === undefined) return;
          ip6v.inet.deregisterProto(r.icmp6);
          ip6v.inet.deregisterAf(r.af);
          registered.delete(vnet);
        },
      },
    ],
    sysctls: ip6Sysctls,
  };
}
