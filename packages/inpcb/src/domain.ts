import { EEXIST } from '@ns/errno';
import { type Ifaddr, IFADDR_EVENT_ADD, IFADDR_EVENT_EXT, IFNET, type Ifnet, IFNET_ARRIVAL_EVENT, IFNET_DEPARTURE_EVENT, IFNET_EVENT, IFNET_EVENT_UP } from '@ns/ifnet';
import { IFF_UP } from '@ns/ifnet-kpi';
import {
  EVENTHANDLER_PRI_FIRST,
  type EventTag,
  type Kernel,
  MBUF_LOWMEM,
  type ModuleDecl,
  SI_ORDER_ANY,
  SI_ORDER_SECOND,
  SI_SUB_PROTO_DOMAIN,
  sysinitListen,
  type Vnet,
  type VnetVar,
} from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { NETISR, NETISR_POLICY_FLOW, RSS } from '@ns/netisr';
import { PFIL_ARRIVAL_EVENT, type PfilHead, pfilOf } from '@ns/pfil';
import type { SysctlDecl } from '@ns/sysctl';
import { INET, type InetAf, type Protosw } from './inet.ts';

/**
 * A network protocol, for {@link domainModule}. `V` is what it keeps in each vnet. Source: FreeBSD sys/domain.h, struct domain.
 * @public
 */
export interface DomainDecl<V> {
  /** Name of the module, and of its queue in netisr. */
  readonly name: string;
  /** AF_*. */
  readonly af: number;
  /** NETISR_*: where its packets are handed in. */
  readonly isr: number;
  /** Takes a packet by `m.rcvif`. Consumes m. */
  readonly input: (m: Mbuf) => void;
  /** What it keeps in each vnet. */
  readonly vnetVar: VnetVar<V>;
  /** Its sysctls. */
  readonly sysctls: readonly SysctlDecl<Vnet>[];
  /** What transports see of it in a vnet. */
  readonly inetAf: (v: V) => InetAf;
  /** The protocols that come with it, in the order in which they are entered. */
  readonly protosw: (v: V) => readonly Protosw[];
  /** Where packet filters look at its packets. */
  readonly pfil: (v: V) => PfilHead;
  /** An interface has come; its addresses are told next. Source: dom_ifattach. */
  readonly ifattach: (v: V, ifp: Ifnet) => void;
  /** An interface goes, with all that is known of it; perhaps for the second time. Source: dom_ifdetach. */
  readonly ifdetach: (v: V, ifp: Ifnet) => void;
  /** An address of the family has come. */
  readonly addrAdded: (v: V, ifa: Ifaddr) => void;
  /** An address of the family goes. */
  readonly addrGone: (v: V, ifa: Ifaddr) => void;
  /** An interface is up, or was when it came. Left out: that is nothing to it. */
  readonly ifup?: (v: V, ifp: Ifnet) => void;
  /** Memory is short: it gives back what it can do without. Source: pr_drain. */
  readonly drain: (v: V) => void;
}

/** Interfaces, addresses and packet filters come and go; protocols hear of it before anybody else. */
function listen<V>(d: DomainDecl<V>, kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { priority: EVENTHANDLER_PRI_FIRST, owner: d.name };
  return [
    events.register(IFNET_ARRIVAL_EVENT, (ifp) => attach(d, d.vnetVar.get(ifp.vnet), ifp), opt),
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => d.ifdetach(d.vnetVar.get(ifp.vnet), ifp), opt),
    events.register(IFNET_EVENT, (ifp, event) => {
      if (event === IFNET_EVENT_UP) d.ifup?.(d.vnetVar.get(ifp.vnet), ifp);
    }, opt),
    events.register(IFADDR_EVENT_EXT, (ifp, ifa, event) => {
      if (ifa.af !== d.af) return;
      if (event === IFADDR_EVENT_ADD) d.addrAdded(d.vnetVar.get(ifp.vnet), ifa);
      else d.addrGone(d.vnetVar.get(ifp.vnet), ifa);
    }, opt),
    events.register(MBUF_LOWMEM, () => kernel.vnets.forEach((vnet) => d.drain(d.vnetVar.get(vnet))), opt),
    events.register(PFIL_ARRIVAL_EVENT, (pfil) => pfil.headRegister(d.pfil(d.vnetVar.get(pfil.vnet))), opt),
  ];
}

/** Packets of an interface find the protocol of its vnet from now on, and so do addresses that it brings. */
function attach<V>(d: DomainDecl<V>, v: V, ifp: Ifnet): void {
  d.ifattach(v, ifp);
  for (const ifa of ifp.addrs) if (ifa.af === d.af) d.addrAdded(v, ifa);
  if ((ifp.stackFlags & IFF_UP) !== 0) d.ifup?.(v, ifp);
}

/**
 * The module of a network protocol: its input in netisr, where a packet that brings no flow hash gets one when there are several workstreams; itself and its protocols in the {@link InetDomain} of each vnet, its place for packet filters, and whatever interfaces
 * and addresses there are or come. Source: FreeBSD uipc_domain.c, domain_init(); if.c, if_attachdomain1().
 * @public
 */
export function domainModule<V>(d: DomainDecl<V>): ModuleDecl {
  const entered = new WeakMap<Vnet, { readonly af: InetAf; readonly protosw: readonly Protosw[] }>();
  return {
    name: d.name,
    version: 1,
    depends: ['netisr', 'ifnet', 'route', 'inpcb'].map((name) => ({ name, min: 1, preferred: 1, max: 1 })),
    vnetVars: [d.vnetVar],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const rss = kernel.service(RSS);
          return kernel.service(NETISR).register({ proto: d.isr, name: d.name, policy: NETISR_POLICY_FLOW, handler: d.input, m2flow: (m) => rss.softwareHash(m) });
        },
        exit: (kernel) => void kernel.service(NETISR).unregister(d.isr),
      },
      sysinitListen(SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, (kernel) => listen(d, kernel)),
    ],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_DOMAIN,
        order: SI_ORDER_SECOND,
        init: (vnet) => {
          const v = d.vnetVar.get(vnet);
          const inet = INET.get(vnet);
          const af = d.inetAf(v);
          const protosw = d.protosw(v);
          if (inet.registerAf(af) !== 0 || protosw.some((p) => inet.registerProto(p) !== 0)) return EEXIST;
          entered.set(vnet, { af, protosw });
          pfilOf(vnet)?.headRegister(d.pfil(v));
          for (const ifp of IFNET.get(vnet).list) attach(d, v, ifp);
          return 0;
        },
        exit: (vnet) => {
          const v = d.vnetVar.get(vnet);
          const inet = INET.get(vnet);
          pfilOf(vnet)?.headUnregister(d.pfil(v));
          for (const ifp of IFNET.get(vnet).list) d.ifdetach(v, ifp);
          const e = entered.get(vnet);
          entered.delete(vnet);
          for (const p of e?.protosw ?? []) inet.deregisterProto(p);
          if (e !== undefined) inet.deregisterAf(e.af);
        },
      },
    ],
    sysctls: d.sysctls,
  };
}
