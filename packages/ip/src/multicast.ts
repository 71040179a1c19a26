import { EADDRNOTAVAIL, EINVAL, EOPNOTSUPP } from '@ns/errno';
import { ifAddMulti, ifDelMulti, IFNET, type Ifnet } from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_UP } from '@ns/ifnet-kpi';
import type { McastFilter } from '@ns/inpcb';
import { RT_DEFAULT_FIB } from '@ns/route';
import { type InAddr, isMulticast } from '@ns/wire';
import { ifpToIa, inIfinfo, type IpVnet } from './ip-vnet.ts';

/**
 * Joins `group` for one more socket (with a filter: for those senders; routers are told by IGMP), on `ifp` or where the route to it leads. Returns the interface, or an errno: EINVAL for what is no group,
 * EADDRNOTAVAIL when there is no interface for it, EOPNOTSUPP for one that does not do multicast.
 * Source: FreeBSD in_mcast.c, inp_lookup_mcast_ifp(), in_joingroup().
 */
export function inJoingroup(ipv: IpVnet, group: InAddr, ifp: Ifnet | null, filter: McastFilter | null = null): Ifnet | number {
  if (!isMulticast(group)) return EINVAL;
  const on = ifp ?? mcastIfp(ipv, group);
  if (on === null) return EADDRNOTAVAIL;
  if ((on.stackFlags & IFF_MULTICAST) === 0) return EOPNOTSUPP;
  const errno = ifAddMulti(on, group);
  if (errno !== 0) return errno;
  const igmp = inIfinfo(on)?.igmp ?? null;
  if (igmp !== null) {
    igmp.enabled = ipv.igmpVersion === 3;
    igmp.join(group, filter);
  }
  return on;
}

/** Undoes one join: that with the same filter. Source: FreeBSD in_mcast.c, in_leavegroup(). */
export function inLeavegroup(group: InAddr, ifp: Ifnet, filter: McastFilter | null = null): void {
  if (ifDelMulti(ifp, group) === 0) inIfinfo(ifp)?.igmp?.leave(group, filter);
}

/** The filter of a join says something else now. */
export function inFilterChanged(group: InAddr, ifp: Ifnet): void {
  inIfinfo(ifp)?.igmp?.changed(group);
}

/** The interface of the route to a group, else the first that can and is not loopback. */
function mcastIfp(ipv: IpVnet, group: InAddr): Ifnet | null {
  const nh = ipv.route.inet(RT_DEFAULT_FIB).lookup4(group.w3);
  if (nh !== null && (nh.ifp.stackFlags & IFF_MULTICAST) !== 0) return nh.ifp;
  for (const ifp of IFNET.get(ipv.vnet).list) {
    if ((ifp.stackFlags & (IFF_UP | IFF_MULTICAST | IFF_LOOPBACK)) === (IFF_UP | IFF_MULTICAST) && ifpToIa(ifp) !== null) return ifp;
  }
  return null;
}
