import { IFNET_DEPARTURE_EVENT } from '@ns/ifnet';
import { defineVnetVar, EVENTHANDLER_PRI_FIRST, type EventTag, type ModuleDecl, type Vnet, type VnetVar } from '@ns/kern';
import { CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, type SysctlReq, sysctlVars } from '@ns/sysctl';
import { INET } from './inet.ts';
import { inPcbPurgeIf } from './notify.ts';
import { PORTRANGE, type PortRange } from './portrange.ts';

const IPPORT_RESERVED = 1024;

/** Sysctls net.inet.ip.portrange.*. Values out of range are drawn into it, as FreeBSD does. */
function portrangeSysctls(): SysctlDecl<Vnet>[] {
  const v = sysctlVars<Vnet, PortRange>('net.inet.ip.portrange', (req: SysctlReq<Vnet>) => PORTRANGE.get(req.vnet), CTLFLAG_VNET);
  const changed = (req: SysctlReq<Vnet>): void => PORTRANGE.get(req.vnet).clamp(IPPORT_RESERVED);
  const port = { min: 0, max: 65535, changed };
  const reserved = { min: 0, max: 65535 };
  return [
    v.int('first', 'first', CTLFLAG_RW, 'First port of the default range', port),
    v.int('last', 'last', CTLFLAG_RW, 'Last port of the default range', port),
    v.int('hifirst', 'hifirst', CTLFLAG_RW, 'First port of the high range', port),
    v.int('hilast', 'hilast', CTLFLAG_RW, 'Last port of the high range', port),
    v.int('lowfirst', 'lowfirst', CTLFLAG_RW, 'First port of the low range', port),
    v.int('lowlast', 'lowlast', CTLFLAG_RW, 'Last port of the low range', port),
    v.int('reservedhigh', 'reservedhigh', CTLFLAG_RW, 'Highest port that needs privilege to bind', reserved),
    v.int('reservedlow', 'reservedlow', CTLFLAG_RW, 'Lowest port that needs privilege to bind', reserved),
    v.int('randomized', 'randomized', CTLFLAG_RW, 'Begin the search for a free port at a random one'),
    v.int('randomcps', 'randomcps', CTLFLAG_RW, 'TCP port allocations a second above which randomness stops', { min: 0 }),
    v.int('randomtime', 'randomtime', CTLFLAG_RW, 'Seconds for which randomness stops', { min: 0 }),
  ];
}

/** Listens for interfaces that leave the vnet. */
const IFNET_DEPARTURE: VnetVar<EventTag> = defineVnetVar({
  module: 'inpcb',
  name: 'departure',
  init: (vnet: Vnet) => vnet.kernel.events.register(IFNET_DEPARTURE_EVENT, (ifp) => inPcbPurgeIf(vnet, ifp), { priority: EVENTHANDLER_PRI_FIRST, vnet, owner: 'inpcb' }),
  destroy: (tag: EventTag, vnet: Vnet) => vnet.kernel.events.deregister(tag),
});

/**
 * Module `inpcb`: the protocol table of each vnet and the port ranges (sysctl net.inet.ip.portrange).
 * @public
 */
export function inpcb(): ModuleDecl {
  return { name: 'inpcb', version: 1, vnetVars: [INET, PORTRANGE, IFNET_DEPARTURE], sysctls: portrangeSysctls() };
}
