import {
  IFADDR_EVENT_ADD,
  IFADDR_EVENT_EXT,
  IFNET,
  IFNET_ARRIVAL_EVENT,
  IFNET_DEPARTURE_EVENT,
  IFNET_EVENT,
  IFNET_EVENT_DOWN,
  IFNET_EVENT_UP,
  IFNET_MTU_EVENT,
} from '@ns/ifnet';
import { IFF_LOOPBACK } from '@ns/ifnet-kpi';
import { EVENTHANDLER_PRI_FIRST, type EventTag, type Kernel, type ModuleDecl, SI_ORDER_FIRST, SI_ORDER_SECOND, SI_SUB_PROTO_BEGIN, sysinitListen, type Vnet } from '@ns/kern';
import {
  CTLFLAG_NOFETCH,
  CTLFLAG_RD,
  CTLFLAG_RW,
  CTLFLAG_RWTUN,
  CTLFLAG_VNET,
  type SysctlDecl,
  sysctlInt,
  type SysctlReq,
  sysctlStats,
  sysctlUint,
  sysctlVars,
} from '@ns/sysctl';
import type { CredSysctlReq } from '@ns/vnet';
import { RT_DEFAULT_FIB } from './flags.ts';
import { rtIfaAdd, rtIfaDelete, rtIfDepart, rtIfDown, rtIfMtu, rtIfUp, rtLoopbackArrived } from './ifaddr.ts';
import { ROUTE, type RouteVnet } from './vnet.ts';

const vars = sysctlVars<Vnet, RouteVnet>('net', (req) => ROUTE.get(req.vnet), CTLFLAG_VNET);

const routeSysctls: readonly SysctlDecl<Vnet>[] = [
  // The boot tunable is read when the tables are made.
  sysctlUint<Vnet>({
    name: 'net.fibs',
    flags: CTLFLAG_RWTUN | CTLFLAG_NOFETCH | CTLFLAG_VNET,
    descr: 'set number of fibs',
    get: (req) => ROUTE.get(req.vnet).fibs,
    set: (req, n) => ROUTE.get(req.vnet).grow(n),
  }),
  vars.bool('add_addr_allfibs', 'addAddrAllfibs', CTLFLAG_RW, 'Add routes of interface addresses to all FIBs'),
  vars.bool('route.multipath', 'multipath', CTLFLAG_RW, 'Enable route multipath'),
  vars.bool('route.hash_outbound', 'hashOutbound', CTLFLAG_RD, 'Compute flowid for locally-originated packets'),
  sysctlInt<Vnet>({ name: 'net.my_fibnum', flags: CTLFLAG_RD, descr: 'default FIB of caller', get: myFibnum }),
  sysctlStats<Vnet, object>({ name: 'net.route.stats', flags: CTLFLAG_RW | CTLFLAG_VNET, format: 'S,rtstat', descr: 'route statistics', of: (req) => ROUTE.get(req.vnet).stat }),
];

/** Table of the process that asks; a request that does not say who asks is the kernel's own. Source: FreeBSD route_tables.c, sysctl_my_fibnum(). */
function myFibnum(req: SysctlReq<Vnet>): number {
  return (req as Partial<CredSysctlReq>).cred?.fibnum ?? RT_DEFAULT_FIB;
}

/** Routing follows the interfaces before anybody else hears of them, so that later handlers find their routes. */
function listen(kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { priority: EVENTHANDLER_PRI_FIRST, owner: 'route' };
  return [
    events.register(IFNET_ARRIVAL_EVENT, (ifp) => {
      if ((ifp.stackFlags & IFF_LOOPBACK) !== 0) rtLoopbackArrived(ROUTE.get(ifp.vnet), ifp);
    }, opt),
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => rtIfDepart(ROUTE.get(ifp.vnet), ifp), opt),
    events.register(IFNET_EVENT, (ifp, event) => {
      if (event === IFNET_EVENT_UP) rtIfUp(ROUTE.get(ifp.vnet), ifp);
      else if (event === IFNET_EVENT_DOWN) rtIfDown(ROUTE.get(ifp.vnet), ifp);
    }, opt),
    events.register(IFNET_MTU_EVENT, (ifp) => rtIfMtu(ROUTE.get(ifp.vnet), ifp), opt),
    events.register(IFADDR_EVENT_EXT, (ifp, ifa, event) => {
      const rv = ROUTE.get(ifp.vnet);
      if (event === IFADDR_EVENT_ADD) rtIfaAdd(rv, ifa);
      else rtIfaDelete(rv, ifa, true);
    }, opt),
  ];
}

/** Routes of the interfaces that are there already: the module was loaded late. */
function adopt(vnet: Vnet): void {
  const rv = ROUTE.get(vnet);
  for (const ifp of IFNET.get(vnet).list) {
    if ((ifp.stackFlags & IFF_LOOPBACK) !== 0) rtLoopbackArrived(rv, ifp);
  }
  for (const ifp of IFNET.get(vnet).list) rtIfUp(rv, ifp);
}

/**
 * The module `route`: tables, next hops, and the routes of interface addresses. Boot tunable net.fibs.
 * @public
 */
export function route(): ModuleDecl {
  return {
    name: 'route',
    version: 1,
    depends: [{ name: 'ifnet', min: 1, preferred: 1, max: 1 }],
    vnetVars: [ROUTE],
    sysinit: [sysinitListen(SI_SUB_PROTO_BEGIN, SI_ORDER_FIRST, listen)],
    vnetInit: [{ subsystem: SI_SUB_PROTO_BEGIN, order: SI_ORDER_SECOND, init: adopt }],
    sysctls: routeSysctls,
  };
}
