import { EINVAL, ENOENT } from '@ns/errno';
import { IFADDR_EVENT, IFNET, type Ifnet, IFNET_DEPARTURE_EVENT } from '@ns/ifnet';
import { IFF_LOOPBACK, IfSlotKey } from '@ns/ifnet-kpi';
import { in6Ifinfo, IP6_FORWARDING_EVENT } from '@ns/ip6';
import { type EventTag, type Kernel, type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IF, sysinitListen, type Vnet } from '@ns/kern';
import { ND6_RS_EVENT } from '@ns/nd6';
import { CTLFLAG_RW, CTLFLAG_VNET, type SysctlDecl, sysctlStats } from '@ns/sysctl';
import { type RtadvConfig, rtadvParams } from './config.ts';
import { RTADV_SLOT, RtadvIf, rtadvIfOf } from './rtadv-if.ts';
import { RTADV } from './rtadv-vnet.ts';

/** Where an interface keeps what it was told. */
const RTADV_CONFIG: IfSlotKey<RtadvConfig> = new IfSlotKey<RtadvConfig>('rtadvd-config');

/**
 * Begins to advertise on an interface, or goes on with other values. EINVAL for values that cannot be, or an interface without IPv6; else what joining the group of routers answers.
 * @public
 */
export function rtadvStart(ifp: Ifnet, config: RtadvConfig = {}): number {
  const params = rtadvParams(config);
  if (params === null || in6Ifinfo(ifp) === null || (ifp.stackFlags & IFF_LOOPBACK) !== 0) return EINVAL;
  const was = rtadvIfOf(ifp);
  const slots = (ifp.slots ??= new Map());
  if (was !== null) {
    was.params = params;
    slots.set(RTADV_CONFIG, config);
    was.changed();
    return 0;
  }
  const r = new RtadvIf(ifp, params, RTADV.get(ifp.vnet).stat);
  const errno = r.start();
  if (errno !== 0) return errno;
  slots.set(RTADV_SLOT, r);
  slots.set(RTADV_CONFIG, config);
  return 0;
}

/** What {@link rtadvStart} was told last for an interface, also after the end of it; null if it never was. @public */
export function rtadvConfig(ifp: Ifnet): RtadvConfig | null {
  return (ifp.slots?.get(RTADV_CONFIG) as RtadvConfig | undefined) ?? null;
}

/** Ends, and tells hosts so. ENOENT if nothing is advertised there. @public */
export function rtadvStop(ifp: Ifnet): number {
  return detach(ifp, true) ? 0 : ENOENT;
}

function detach(ifp: Ifnet, say: boolean): boolean {
  const r = rtadvIfOf(ifp);
  if (r === null) return false;
  r.stop(say);
  ifp.slots?.delete(RTADV_SLOT);
  return true;
}

function listen(kernel: Kernel): EventTag[] {
  const { events } = kernel;
  const opt = { owner: 'rtadvd' };
  return [
    events.register(ND6_RS_EVENT, (ifp) => {
      const r = rtadvIfOf(ifp);
      if (r === null) return;
      r.stat.solicited++;
      r.solicit();
    }, opt),
    events.register(IP6_FORWARDING_EVENT, (vnet, on) => {
      for (const ifp of IFNET.get(vnet).list) {
        if (on) rtadvIfOf(ifp)?.changed();
        else rtadvIfOf(ifp)?.ceased();
      }
    }, opt),
    events.register(IFADDR_EVENT, (ifp) => rtadvIfOf(ifp)?.changed(), opt),
    // Its addresses are gone already: there is nothing to say it with.
    events.register(IFNET_DEPARTURE_EVENT, (ifp) => void detach(ifp, false), opt),
  ];
}

const rtadvSysctls: readonly SysctlDecl<Vnet>[] = [
  sysctlStats<Vnet, object>({ name: 'net.inet6.icmp6.rtadv_stats', flags: CTLFLAG_RW | CTLFLAG_VNET, format: 'S,rtadvstat', descr: 'Router advertisement statistics', of: (req) => RTADV.get(req.vnet).stat }),
];

/**
 * The module `rtadvd`: routers announce themselves. Nothing is advertised until {@link rtadvStart}.
 * @public
 */
export function rtadvd(): ModuleDecl {
  return {
    name: 'rtadvd',
    version: 1,
    depends: [
      { name: 'ip6', min: 1, preferred: 1, max: 1 },
      { name: 'nd6', min: 1, preferred: 1, max: 1 },
    ],
    vnetVars: [RTADV],
    sysinit: [sysinitListen(SI_SUB_PROTO_IF, SI_ORDER_ANY, listen)],
    vnetInit: [
      {
        subsystem: SI_SUB_PROTO_IF,
        order: SI_ORDER_ANY,
        init: () => 0,
        exit: (vnet) => {
          for (const ifp of IFNET.get(vnet).list) detach(ifp, true);
        },
      },
    ],
    sysctls: rtadvSysctls,
  };
}
