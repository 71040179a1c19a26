import { EBUSY, EEXIST } from '@ns/errno';
import {
  type IfAttachArgs,
  type IfAttachArgsV1,
  type IfAttachResult,
  IF_DUNIT_AUTO,
  IF_DUNIT_NONE,
  IFF_DRV_FLAGS,
  IFF_DRV_RUNNING,
  IFF_DYING,
  IFF_LOOPBACK,
  IFF_NOGROUP,
  IFF_UP,
  LINK_STATE_UNKNOWN,
} from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import { ifPurgeAddrs } from './addr.ts';
import { ifSetCapabilities, ifSetCapenable } from './caps.ts';
import { type IfCompat } from './compat.ts';
import { applyType, type IfnetCore } from './core.ts';
import { IFNET_ARRIVAL_EVENT, IFNET_DEPARTURE_EVENT } from './events.ts';
import { ifDown, tellDriverFlags } from './flags.ts';
import { IFG_ALL, ifAddGroup, ifDelGroups } from './group.ts';
import { Ifnet } from './ifnet.ts';
import { GENERIC_TYPE } from './iftype.ts';
import { DEAD_LAYER, layerWith, rebuildLayers } from './layer.ts';
import { linkForget } from './link.ts';
import { ifPurgeMaddrs } from './multi.ts';
import { IFNET } from './table.ts';

/**
 * Makes an interface in `vnet` and announces it. See IfnetKpi.ifAttach.
 * Source: FreeBSD projects/ifnet, if_attach(); if.c, if_attach_internal().
 */
export function ifAttach(core: IfnetCore, compat: IfCompat, vnet: Vnet, given: IfAttachArgs | IfAttachArgsV1): IfAttachResult {
  const args = compat.adapt(core.kernel, given);
  const table = IFNET.get(vnet);
  if (args.name !== undefined && table.byName.has(args.name)) return { ok: false, errno: EEXIST };
  const drv = args.drv;
  const ifp = new Ifnet(core, vnet, drv, args.softc, DEAD_LAYER, core.kernel.host.clock.nowUs());
  nameIfnet(ifp, args);
  ifp.mtu = args.mtu ?? 0;
  ifp.baudrate = args.baudrate ?? 0;
  ifp.stackFlags = (args.flags ?? 0) & ~(IFF_DRV_FLAGS | IFF_UP);
  ifp.lladdr = args.lla === undefined ? null : args.lla.slice();
  ifp.hwaddr = args.hwaddr === undefined ? (ifp.lladdr === null ? null : ifp.lladdr.slice()) : args.hwaddr.slice();
  ifp.media = args.media ?? null;
  ifp.tso = args.tso ?? ifp.tso;
  ifp.linkState = args.linkState ?? LINK_STATE_UNKNOWN;
  ifSetCapabilities(ifp, args.capabilities ?? 0);
  ifSetCapenable(ifp, args.capenable ?? 0);
  rebuildLayers(ifp);
  applyType(ifp, core.typeOf(drv.type));
  // A driver that has nothing to start is running from the beginning.
  if (drv.ops.init === undefined) ifp.drvFlags |= IFF_DRV_RUNNING;
  if (core.cloners.has(drv.name)) ifp.cloner = drv.name;
  attachInternal(ifp);
  return { ok: true, ifp: ifp.handle };
}

/** Finds the name: the one that was asked for, or driver and unit, with another unit if that one is taken. */
function nameIfnet(ifp: Ifnet, args: IfAttachArgs): void {
  const table = IFNET.get(ifp.vnet);
  const dname = args.drv.name;
  const dunit = args.dunit ?? IF_DUNIT_AUTO;
  ifp.dunit = dunit === IF_DUNIT_AUTO || (args.name === undefined && table.byName.has(`${dname}${dunit}`)) ? table.freeUnit(dname) : dunit;
  if (dunit === IF_DUNIT_NONE && !table.byName.has(args.name ?? dname)) {
    ifp.dunit = IF_DUNIT_NONE;
    ifp.name = args.name ?? dname;
  } else {
    ifp.name = args.name ?? `${dname}${ifp.dunit}`;
  }
}

/** Enters the interface into the table of `ifp.vnet` and announces it. */
function attachInternal(ifp: Ifnet): void {
  const table = IFNET.get(ifp.vnet);
  table.enter(ifp);
  ifp.attached = true;
  ifp.lease = ifp.vnet.ledger.take('ifnet', ifp.dname);
  if (table.loif === null && (ifp.stackFlags & IFF_LOOPBACK) !== 0) table.loif = ifp;
  if ((ifp.stackFlags & IFF_NOGROUP) === 0) {
    ifAddGroup(ifp, IFG_ALL);
    if (ifp.cloner !== null && ifp.vnet === ifp.homeVnet) ifAddGroup(ifp, ifp.cloner);
  }
  ifp.core.kernel.events.invoke(IFNET_ARRIVAL_EVENT, ifp.vnet, ifp);
}

/** Takes the interface out of its vnet: down, without addresses and groups, announced, and nothing queued. Source: FreeBSD if_detach_internal(). */
function detachInternal(ifp: Ifnet): void {
  const table = IFNET.get(ifp.vnet);
  if ((ifp.stackFlags & IFF_UP) !== 0) {
    ifDown(ifp);
    tellDriverFlags(ifp);
  }
  linkForget(ifp);
  ifPurgeAddrs(ifp);
  ifPurgeMaddrs(ifp);
  ifp.core.kernel.events.invoke(IFNET_DEPARTURE_EVENT, ifp.vnet, ifp);
  ifDelGroups(ifp);
  table.leave(ifp);
  ifp.attached = false;
  ifp.lease?.release();
  ifp.lease = null;
  ifp.core.netisr.purgeInterface(ifp.handle);
}

/**
 * Takes an interface away for good. A second call does nothing.
 * Source: FreeBSD if_detach(), if_dead().
 */
export function ifDetach(ifp: Ifnet): void {
  if (!ifp.attached) return;
  ifp.stackFlags |= IFF_DYING;
  for (const slot of IFNET.get(ifp.homeVnet).clones.values()) {
    for (const [unit, x] of slot) if (x === ifp) slot.delete(unit);
  }
  detachInternal(ifp);
  ifp.bpfIf?.detachAll();
  ifp.iftype.detach?.(ifp);
  const l = layerWith(ifp.ops, 'detach');
  ifp.overlays = [];
  ifp.slots = null;
  ifp.ops = DEAD_LAYER;
  ifp.txLayer = DEAD_LAYER;
  ifp.rxLayer = null;
  ifp.output = GENERIC_TYPE.output;
  ifp.input = GENERIC_TYPE.input;
  ifp.stackFlags &= ~IFF_UP;
  ifp.drvFlags = 0;
  l?.ops.detach?.(ifp.handle, l.softc);
}

/**
 * Moves an interface to another vnet. It arrives down, without addresses and groups but `all`, with the lowest free index there; link address, MTU, capabilities, media
 * and counters stay. A name that is taken there is replaced by a free one of the driver (callers that must not rename check before).
 * EBUSY when the target is being destroyed; EEXIST when it is there already.
 * Source: FreeBSD if_vmove().
 * @public
 */
export function ifVmove(ifp: Ifnet, vnet: Vnet): number {
  if (ifp.vnet === vnet) return EEXIST;
  if (vnet.shutdown || !ifp.attached) return EBUSY;
  detachInternal(ifp);
  ifp.bpfIf?.detachAll();
  ifp.vnet = vnet;
  const table = IFNET.get(vnet);
  if (table.byName.has(ifp.name)) {
    ifp.dunit = table.freeUnit(ifp.dname);
    ifp.name = `${ifp.dname}${ifp.dunit}`;
  }
  ifp.iftype.reassign?.(ifp, vnet);
  const l = layerWith(ifp.ops, 'reassign');
  l?.ops.reassign?.(ifp.handle, vnet, l.softc);
  attachInternal(ifp);
  return 0;
}

/** Sends the interfaces that a vnet has borrowed back to where they came from. Runs first when a vnet is destroyed. Source: FreeBSD vnet_if_return(). */
export function vnetIfReturn(vnet: Vnet): void {
  for (const ifp of IFNET.get(vnet).list) {
    if (ifp.homeVnet !== vnet && ifp.attached) ifVmove(ifp, ifp.homeVnet);
  }
}
