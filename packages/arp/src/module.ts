import { ETHER } from '@ns/ether';
import {
  IFADDR_EVENT_ADD,
  IFADDR_EVENT_EXT,
  type Ifaddr,
  IFLLADDR_EVENT,
  IFNET,
  type Ifnet,
  IFNET_ARRIVAL_EVENT,
  IFNET_DEPARTURE_EVENT,
  IFNET_EVENT,
  IFNET_EVENT_DOWN,
  IFNET_LINK_EVENT,
} from '@ns/ifnet';
import { LINK_STATE_DOWN, LINK_STATE_UP } from '@ns/ifnet-kpi';
import { type EventTag, type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_ORDER_SECOND, SI_SUB_PROTO_IF, sysinitListen, type Vnet } from '@ns/kern';
import { NETISR, NETISR_ARP, NETISR_POLICY_SOURCE } from '@ns/netisr';
import { CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, sysctlStats, sysctlVars } from '@ns/sysctl';
import { AF_INET } from '@ns/wire';
import { ARP, type ArpVnet } from './arp-vnet.ts';
import { Garp } from './garp.ts';
import { arpIntr } from './input.ts';
import { arpResolver } from './resolve.ts';
import { arpAnnounce } from './send.ts';
import { arpAddOwn, arpDelOwn, arpIfattach, arpIfdetach, arpIfOf, arpLladdrChanged } from './table.ts';

const vars = sysctlVars<Vnet, ArpVnet>('net.link.ether.inet', (req) => ARP.get(req.vnet), CTLFLAG_VNET);
const RW = CTLFLAG_RW;

const arpSysctls: readonly SysctlDecl<Vnet>[] = [
  vars.int('max_age', 'maxAge', RW, 'ARP entry lifetime in seconds', { min: 1, max: 86400 * 365 }),
  vars.int('maxtries', 'maxtries', RW, 'ARP resolution attempts before returning error', { min: 1, max: 1000 }),
  vars.int('wait', 'wait', RW, 'Incomplete ARP entry lifetime in seconds', { min: 1, max: 86400 }),
  vars.int('maxhold', 'maxhold', RW, 'Number of packets to hold per ARP entry', { min: 0, max: 65536 }),
  vars.int('maxentries', 'maxentries', RW, 'Number of ARP entries per interface', { min: 16, max: 1 << 20 }),
  vars.bool('proxyall', 'proxyall', RW, 'Enable proxy ARP for all suitable requests'),
  vars.bool('allow_multicast', 'allowMulticast', RW, 'accept multicast addresses'),
  vars.int('garp_rexmit_count', 'garpRexmitCount', RW, 'Number of times to retransmit GARP packets; 0 to disable, maximum of 16', { min: 0, max: 16 }),
  vars.bool('log_arp_wrong_iface', 'logWrongIface', RW, 'log arp packets arriving on the wrong interface'),
  vars.bool('log_arp_movements', 'logMovements', RW, 'log arp replies from MACs different than the one in the cache'),
  vars.bool('log_arp_permanent_modify', 'logPermanentModify', RW, 'log arp replies from MACs different than the one in the permanent arp entry'),
  vars.int('max_log_per_second', 'maxLogPerSecond', RW, 'Maximum number of remotely triggered ARP messages that can be logged per second'),
  sysctlStats<Vnet, object>({ name: 'net.link.ether.arp.stats', flags: RW | CTLFLAG_VNET, format: 'S,arpstat', descr: 'ARP statistics', of: (req) => ARP.get(req.vnet).stat }),
];

/** An address has come: it is entered and announced. Source: FreeBSD if_ether.c, arp_ifinit(). */
function addrAdded(arp: ArpVnet, ifp: Ifnet, ifa: Ifaddr): void {
  const ai = arpIfOf(ifp);
  if (ai === null || ifa.af !== AF_INET) return;
  arpAddOwn(ai, ifa);
  arpAnnounce(arp, ifp, ifa.addr);
  if (arp.garpRexmitCount > 0) new Garp(ai, ifa).next();
}

function announceAll(ifp: Ifnet): void {
  const ai = arpIfOf(ifp);
  if (ai === null) return;
  for (const ifa of ifp.addrs) if (ifa.af === AF_INET) arpAnnounce(ai.arp, ifp, ifa.addr);
}

/** The link is gone: what we knew of it may be wrong when it comes back. */
function flush(ifp: Ifnet): void {
  const ai = arpIfOf(ifp);
  if (ai !== null) ai.arp.stat.dropped += ai.table.flush();
}

function listen(kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { owner: 'arp' };
  return [
    events.register(IFNET_ARRIVAL_EVENT, (ifp) => arpIfattach(ARP.get(ifp.vnet), ifp), opt),
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => arpIfdetach(ifp), opt),
    events.register(IFNET_EVENT, (ifp, event) => {
      if (event === IFNET_EVENT_DOWN) flush(ifp);
    }, opt),
    events.register(IFNET_LINK_EVENT, (ifp, state) => {
      if (state === LINK_STATE_UP) announceAll(ifp);
      else if (state === LINK_STATE_DOWN) flush(ifp);
    }, opt),
    events.register(IFLLADDR_EVENT, (ifp) => {
      const ai = arpIfOf(ifp);
      if (ai === null) return;
      arpLladdrChanged(ai);
      announceAll(ifp);
    }, opt),
    events.register(IFADDR_EVENT_EXT, (ifp, ifa, event) => {
      if (event === IFADDR_EVENT_ADD) addrAdded(ARP.get(ifp.vnet), ifp, ifa);
      else {
        const ai = arpIfOf(ifp);
        if (ai !== null && ifa.af === AF_INET) arpDelOwn(ai, ifa);
      }
    }, opt),
  ];
}

/** Interfaces that are there already: the module was loaded late. */
function adopt(vnet: Vnet): void {
  const arp = ARP.get(vnet);
  for (const ifp of IFNET.get(vnet).list) {
    arpIfattach(arp, ifp);
    for (const ifa of ifp.addrs) addrAdded(arp, ifp, ifa);
  }
}

function abandon(vnet: Vnet): void {
  for (const ifp of IFNET.get(vnet).list) arpIfdetach(ifp);
}

/**
 * The module `arp`: the resolver of IPv4 on Ethernet.
 * @public
 */
export function arp(): ModuleDecl {
  return {
    name: 'arp',
    version: 1,
    depends: [
      { name: 'netisr', min: 1, preferred: 1, max: 1 },
      { name: 'ifnet', min: 1, preferred: 1, max: 1 },
      { name: 'route', min: 1, preferred: 1, max: 1 },
      { name: 'ether', min: 1, preferred: 1, max: 1 },
    ],
    vnetVars: [ARP],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IF,
        order: SI_ORDER_ANY,
        init: (kernel) => {
          const errno = kernel.service(NETISR).register({ proto: NETISR_ARP, name: 'arp', policy: NETISR_POLICY_SOURCE, handler: arpIntr });
          if (errno !== 0) return errno;
          kernel.service(ETHER).setResolver(arpResolver);
          return 0;
        },
        exit: (kernel) => {
          kernel.service(ETHER).clearResolver(arpResolver);
          kernel.service(NETISR).unregister(NETISR_ARP);
        },
      },
      sysinitListen(SI_SUB_PROTO_IF, SI_ORDER_ANY, listen),
    ],
    vnetInit: [{ subsystem: SI_SUB_PROTO_IF, order: SI_ORDER_SECOND, init: adopt, exit: abandon }],
    sysctls: arpSysctls,
  };
}
