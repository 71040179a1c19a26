import { EINVAL, ENODEV, EOPNOTSUPP } from '@ns/errno';
import {
  IF_MAXMTU,
  IF_MINMTU,
  type IfMedia,
  type IfMediaStatus,
  IFM_ACTIVE,
  IFM_AVALID,
  LINK_STATE_UP,
  SIOCGIFMEDIA,
  SIOCSIFLLADDR,
  SIOCSIFMEDIA,
  SIOCSIFMTU,
} from '@ns/ifnet-kpi';
import { IFLLADDR_EVENT, IFNET_MTU_EVENT } from './events.ts';
import type { Ifnet } from './ifnet.ts';

/**
 * Sets the link-layer address; a copy is kept. EINVAL for a wrong length or a multicast address, ENODEV for an interface without such addresses, or what the
 * driver answers. Source: FreeBSD if_setlladdr().
 * @public
 */
export function ifSetLladdr(ifp: Ifnet, lladdr: Uint8Array): number {
  if (ifp.addrlen === 0) return ENODEV;
  if (lladdr.length !== ifp.addrlen || ((lladdr[0] as number) & 1) !== 0) return EINVAL;
  const errno = ifp.ops.ioctl(ifp.handle, SIOCSIFLLADDR, { cmd: SIOCSIFLLADDR, lladdr });
  if (errno !== 0 && errno !== EOPNOTSUPP) return errno;
  ifp.lladdr = lladdr.slice();
  ifp.core.kernel.events.invoke(IFLLADDR_EVENT, ifp.vnet, ifp);
  return 0;
}

/** Sets the MTU and tells who must know; unchecked. @public */
export function ifSetMtu(ifp: Ifnet, mtu: number): void {
  if (ifp.mtu === mtu) return;
  ifp.mtu = mtu;
  ifp.lastchangeUs = ifp.core.kernel.host.clock.nowUs();
  ifp.core.kernel.events.invoke(IFNET_MTU_EVENT, ifp.vnet, ifp);
}

/**
 * SIOCSIFMTU: EINVAL outside of IF_MINMTU to IF_MAXMTU or above what the type takes; else the driver is asked, then the type.
 * Source: FreeBSD ifhwioctl(), ether_ioctl().
 */
export function ifReqMtu(ifp: Ifnet, mtu: number): number {
  if (!Number.isInteger(mtu) || mtu < IF_MINMTU || mtu > IF_MAXMTU) return EINVAL;
  const errno = ifp.ops.ioctl(ifp.handle, SIOCSIFMTU, { cmd: SIOCSIFMTU, mtu });
  if (errno === EOPNOTSUPP) {
    if (mtu > (ifp.iftype.maxmtu ?? IF_MAXMTU)) return EINVAL;
  } else if (errno !== 0) {
    return errno;
  }
  ifSetMtu(ifp, mtu);
  return 0;
}

/** SIOCSIFMEDIA: EINVAL for a word that is not in the list, EOPNOTSUPP without media or if the driver cannot change it. Source: FreeBSD ifmedia_ioctl(). */
export function ifReqMedia(ifp: Ifnet, word: number): number {
  const media = ifp.media;
  if (media === null) return EOPNOTSUPP;
  if (!media.list.includes(word)) return EINVAL;
  if (media.current === word) return 0;
  const errno = ifp.ops.ioctl(ifp.handle, SIOCSIFMEDIA, { cmd: SIOCSIFMEDIA, word });
  if (errno !== 0) return errno;
  ifp.media = { list: media.list, current: word };
  return 0;
}

/** SIOCGIFMEDIA: what the driver says, or the chosen word with the link state. Null without media. */
export function ifMediaOf(ifp: Ifnet): { readonly media: IfMedia; readonly status: IfMediaStatus } | null {
  const own = ifp.media;
  const req: { readonly cmd: typeof SIOCGIFMEDIA; media: IfMedia | null; readonly status: IfMediaStatus } = {
    cmd: SIOCGIFMEDIA,
    media: own,
    status: { active: own?.current ?? 0, status: IFM_AVALID | (ifp.linkState === LINK_STATE_UP ? IFM_ACTIVE : 0) },
  };
  ifp.ops.ioctl(ifp.handle, SIOCGIFMEDIA, req);
  return req.media === null ? null : { media: req.media, status: req.status };
}
