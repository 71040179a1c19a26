import { IFNET_KPI } from '@ns/ifnet-kpi';
import {
  type Kernel,
  type ModuleDecl,
  SI_ORDER_ANY,
  SI_ORDER_FIRST,
  SI_ORDER_SECOND,
  SI_SUB_INIT_IF,
  SI_SUB_PSEUDO,
  SI_SUB_VNET_DONE,
  type Vnet,
} from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { mFreem } from '@ns/mbuf';
import { NETISR, NETISR_EPAIR, NETISR_POLICY_SOURCE } from '@ns/netisr';
import { CTLFLAG_RD, CTLFLAG_RWTUN, CTLFLAG_RDTUN, CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, sysctlInt, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { ifPurgeAddrs } from './addr.ts';
import { ifDetach, vnetIfReturn } from './attach.ts';
import { createMinifs, destroyClones } from './clone.ts';
import { IFNET_CORE, IfnetCore } from './core.ts';
import { ifInput } from './data.ts';
import { ifDown, tellDriverFlags } from './flags.ts';
import { type Ifnet, ifnetOf } from './ifnet.ts';
import { IfnetKpiImpl } from './kpi.ts';
import { linkSwi } from './link.ts';
import { LOOP_TYPE } from './loop.ts';
import { TUNNEL_TYPE } from './tunnel.ts';
import { IFNET } from './table.ts';

/** Packets that wait on links inside the process, in units of ifqmaxlen. Source: FreeBSD if_epair.c, 42 * ifqmaxlen. */
const DEFERRED_FACTOR = 42;

const v = sysctlVars('net.link', (req: SysctlReq<Vnet>) => req.vnet.kernel.service(IFNET_CORE));

const sysctls: readonly SysctlDecl<Vnet>[] = [
  v.int('ifqmaxlen', 'ifqmaxlen', CTLFLAG_RDTUN, 'max send queue size', { min: 1 }),
  v.bool('log_link_state_change', 'logLinkStateChange', CTLFLAG_RW, 'log interface link state change events'),
  v.bool('log_promisc_mode_change', 'logPromiscModeChange', CTLFLAG_RWTUN, 'log promiscuous mode change events'),
  sysctlInt<Vnet>({
    name: 'net.ifdescr_maxlen',
    flags: CTLFLAG_RW,
    descr: 'administrative maximum length for interface description',
    min: 1,
    get: (req) => req.vnet.kernel.service(IFNET_CORE).ifdescrMaxlen,
    set: (req, value) => {
      req.vnet.kernel.service(IFNET_CORE).ifdescrMaxlen = value;
    },
  }),
  sysctlInt<Vnet>({
    name: 'net.link.generic.system.ifcount',
    flags: CTLFLAG_RD | CTLFLAG_VNET,
    descr: 'Maximum known interface index',
    get: (req) => IFNET.get(req.vnet).byIndex.length - 1,
  }),
];

/** A frame that waited: on to the interface type, unless the interface has gone meanwhile. */
function deferredInput(m: Mbuf): void {
  if (m.rcvif === null) mFreem(m);
  else ifInput(ifnetOf(m.rcvif), m);
}

function init(kernel: Kernel): void {
  const netisr = kernel.service(NETISR);
  const core = new IfnetCore(kernel, netisr);
  core.ifqmaxlen = kernel.sysctl.tunables.int('net.link.ifqmaxlen', core.ifqmaxlen);
  core.linkSwi = kernel.swi.register('ifnet link', () => linkSwi(core));
  core.registerType(LOOP_TYPE);
  core.registerType(TUNNEL_TYPE);
  netisr.bindInterfaces({ indexOf: (h) => ifnetOf(h).index, vnetOf: (h) => ifnetOf(h).vnet });
  netisr.register({
    proto: NETISR_EPAIR,
    name: 'epair',
    handler: deferredInput,
    policy: NETISR_POLICY_SOURCE,
    qlimit: DEFERRED_FACTOR * core.ifqmaxlen,
  });
  kernel.provide(IFNET_CORE, core);
  kernel.provide(IFNET_KPI, new IfnetKpiImpl(core));
}

function exit(kernel: Kernel): void {
  const core = kernel.service(IFNET_CORE);
  core.netisr.unregister(NETISR_EPAIR);
  core.netisr.bindInterfaces(null);
  kernel.swi.deregister(core.linkSwi);
}

/** Interfaces of this vnet that live elsewhere and were not cloned have no home any more but the first vnet. */
function adoptStrays(vnet: Vnet): void {
  const vnet0 = vnet.kernel.vnets.vnet0;
  vnet.kernel.vnets.forEach((other) => {
    for (const ifp of IFNET.get(other).list) if (ifp.homeVnet === vnet) ifp.homeVnet = vnet0;
  });
}

/** Makes interfaces harmless while the protocols above them still live: down and without addresses. */
function quiet(ifp: Ifnet): void {
  ifDown(ifp);
  tellDriverFlags(ifp);
  ifPurgeAddrs(ifp);
}

/** The first thing that happens when a vnet is destroyed. Source: FreeBSD vnet_if_return(). */
function vnetDone(vnet: Vnet): void {
  vnetIfReturn(vnet);
  const core = vnet.kernel.service(IFNET_CORE);
  destroyClones(core, vnet, (cloner) => (cloner.minifs ?? 0) === 0);
  adoptStrays(vnet);
  for (const ifp of IFNET.get(vnet).list) quiet(ifp);
}

function vnetPseudo(vnet: Vnet): void {
  for (const cloner of vnet.kernel.service(IFNET_CORE).cloners.values()) createMinifs(vnet, cloner);
}

function vnetPseudoExit(vnet: Vnet): void {
  destroyClones(vnet.kernel.service(IFNET_CORE), vnet, () => true);
}

/** What is left belongs to drivers that did not let go. */
function vnetExit(vnet: Vnet): void {
  for (const ifp of [...IFNET.get(vnet).list].reverse()) ifDetach(ifp);
  vnet.kernel.service(IFNET_CORE).netisr.forgetVnet(vnet);
}

/**
 * The module `ifnet`: the interface table of each vnet, and `IFNET_KPI` for drivers.
 * @public
 */
export function ifnet(): ModuleDecl {
  return {
    name: 'ifnet',
    version: 1,
    depends: [{ name: 'netisr', min: 1, preferred: 1, max: 1 }],
    sysinit: [{ subsystem: SI_SUB_INIT_IF, order: SI_ORDER_FIRST, init, exit }],
    vnetVars: [IFNET],
    vnetInit: [
      { subsystem: SI_SUB_INIT_IF, order: SI_ORDER_SECOND, init: () => {}, exit: vnetExit },
      { subsystem: SI_SUB_PSEUDO, order: SI_ORDER_ANY, init: vnetPseudo, exit: vnetPseudoExit },
      { subsystem: SI_SUB_VNET_DONE, order: SI_ORDER_ANY, init: () => {}, exit: vnetDone },
    ],
    sysctls,
  };
}
