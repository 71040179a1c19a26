import { EINVAL, EOPNOTSUPP } from '@ns/errno';
import {
  IFF_ALLMULTI,
  IFF_CANTCHANGE,
  IFF_DRV_FLAGS,
  IFF_DRV_RUNNING,
  IFF_LOOPBACK,
  IFF_NOGROUP,
  IFF_PPROMISC,
  IFF_PROMISC,
  IFF_RENAMING,
  IFF_UP,
  SIOCSIFFLAGS,
} from '@ns/ifnet-kpi';
import { IFNET_EVENT, IFNET_EVENT_DOWN, IFNET_EVENT_UP } from './events.ts';
import type { Ifnet } from './ifnet.ts';
import { layerWith } from './layer.ts';

/**
 * SIOCSIFFLAGS: takes over the user's word but for IFF_CANTCHANGE, brings the interface up or down, and tells the driver.
 * Source: FreeBSD ifhwioctl().
 */
export function ifReqFlags(ifp: Ifnet, wanted: number): number {
  const doUp = (wanted & IFF_UP) !== 0 && (ifp.stackFlags & IFF_UP) === 0;
  if ((wanted & IFF_UP) === 0 && (ifp.stackFlags & IFF_UP) !== 0) ifDown(ifp);
  if (((ifp.stackFlags ^ wanted) & IFF_PPROMISC) !== 0) {
    const on = (wanted & IFF_PPROMISC) !== 0;
    if (on) ifp.stackFlags |= IFF_PROMISC;
    else if (ifp.promiscCount === 0) ifp.stackFlags &= ~IFF_PROMISC;
    if (ifp.core.logPromiscModeChange) ifp.vnet.log.info(ifp.name, `permanently promiscuous mode ${on ? 'enabled' : 'disabled'}`);
  }
  // IFF_UP itself is changed by ifUp(), so that its event comes with the flag.
  const keep = IFF_CANTCHANGE | IFF_LOOPBACK | IFF_RENAMING | IFF_NOGROUP | IFF_UP;
  ifp.stackFlags = (ifp.stackFlags & keep) | (wanted & ~keep);
  if (doUp) ifp.stackFlags |= IFF_UP;
  tellDriverFlags(ifp);
  if (doUp) announceUp(ifp);
  ifp.lastchangeUs = ifp.core.kernel.host.clock.nowUs();
  return 0;
}

/** Tells the driver that the flags have changed; one that has no `ioctl` of its own is started when it must be. */
export function tellDriverFlags(ifp: Ifnet): number {
  const errno = ifp.ops.ioctl(ifp.handle, SIOCSIFFLAGS, { cmd: SIOCSIFFLAGS, flags: ifp.flags });
  if (errno !== EOPNOTSUPP) return errno;
  if ((ifp.stackFlags & IFF_UP) !== 0 && (ifp.drvFlags & IFF_DRV_RUNNING) === 0) ifInit(ifp);
  return 0;
}

/** Calls the driver's `init`. Source: FreeBSD if_init(). @public */
export function ifInit(ifp: Ifnet): void {
  const l = layerWith(ifp.ops, 'init');
  l?.ops.init?.(l.softc, ifp.handle);
}

/** Marks an interface up, starts it, and announces that. Nothing if it is up. Source: FreeBSD if_up(). @public */
export function ifUp(ifp: Ifnet): void {
  if ((ifp.stackFlags & IFF_UP) !== 0) return;
  ifp.stackFlags |= IFF_UP;
  tellDriverFlags(ifp);
  announceUp(ifp);
}

function announceUp(ifp: Ifnet): void {
  ifp.lastchangeUs = ifp.core.kernel.host.clock.nowUs();
  ifp.core.kernel.events.invoke(IFNET_EVENT, ifp.vnet, ifp, IFNET_EVENT_UP);
}

/** Marks an interface down, announces that, and drops what is queued for transmission; the caller tells the driver. Source: FreeBSD if_down(). @public */
export function ifDown(ifp: Ifnet): void {
  if ((ifp.stackFlags & IFF_UP) === 0) return;
  ifp.stackFlags &= ~IFF_UP;
  ifp.lastchangeUs = ifp.core.kernel.host.clock.nowUs();
  ifp.core.kernel.events.invoke(IFNET_EVENT, ifp.vnet, ifp, IFNET_EVENT_DOWN);
  const l = layerWith(ifp.ops, 'qflush');
  l?.ops.qflush?.(ifp.handle, l.softc);
}

/** Changes the driver's word: sets `set`, then clears `clear`, within IFF_DRV_FLAGS. @public */
export function ifSetDrvFlags(ifp: Ifnet, set: number, clear: number): void {
  ifp.drvFlags = (ifp.drvFlags | (set & IFF_DRV_FLAGS)) & ~(clear & IFF_DRV_FLAGS);
}

/**
 * Asks for promiscuous mode (`on`) or gives it back; it lasts while anybody asks. EINVAL
 * when it is given back more often than asked for.
 * Source: FreeBSD ifpromisc().
 * @public
 */
export function ifPromisc(ifp: Ifnet, on: boolean): number {
  const before = ifp.promiscCount;
  if (!on && before === 0) return EINVAL;
  ifp.promiscCount = on ? before + 1 : before - 1;
  const errno = followCount(ifp, IFF_PROMISC, before, ifp.promiscCount, (ifp.stackFlags & IFF_PPROMISC) !== 0);
  if (errno !== 0) {
    ifp.promiscCount = before;
    return errno;
  }
  if ((before === 0) !== (ifp.promiscCount === 0) && ifp.core.logPromiscModeChange) {
    ifp.vnet.log.info(ifp.name, `promiscuous mode ${on ? 'enabled' : 'disabled'}`);
  }
  return 0;
}

/** The same for all multicast packets. Source: FreeBSD if_allmulti(). @public */
export function ifAllmulti(ifp: Ifnet, on: boolean): number {
  const before = ifp.allmultiCount;
  if (!on && before === 0) return EINVAL;
  ifp.allmultiCount = on ? before + 1 : before - 1;
  const errno = followCount(ifp, IFF_ALLMULTI, before, ifp.allmultiCount, false);
  if (errno !== 0) ifp.allmultiCount = before;
  return errno;
}

/** Sets or clears `flag` when a count leaves or reaches 0. Source: FreeBSD if_setflag(). */
function followCount(ifp: Ifnet, flag: number, before: number, now: number, keep: boolean): number {
  if ((before === 0) === (now === 0)) return 0;
  const old = ifp.stackFlags;
  if (now > 0) ifp.stackFlags |= flag;
  else if (!keep) ifp.stackFlags &= ~flag;
  if (ifp.stackFlags === old) return 0;
  const errno = tellDriverFlags(ifp);
  if (errno !== 0) ifp.stackFlags = old;
  return errno;
}

