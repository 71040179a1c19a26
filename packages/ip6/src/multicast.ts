import { EADDRNOTAVAIL, EINVAL, EOPNOTSUPP } from '@ns/errno';
import { ifAddMulti, ifDelMulti, IFNET, type Ifnet, ifnetByIndex } from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_UP } from '@ns/ifnet-kpi';
import type { McastFilter } from '@ns/inpcb';
import { RT_DEFAULT_FIB } from '@ns/route';
import { type InAddr, isMulticast } from '@ns/wire';
import { in6Ifinfo, type Ip6Vnet } from './ip6-vnet.ts';
import { in6Zoned } from './scope.ts';

/**
 * Joins `group` for one more user (with a filter: for those senders; routers are told by MLD), on `ifp`, else on the link of its zone, else where the route to it leads. Returns the interface, or an errno: EINVAL for what is no group,
 * EADDRNOTAVAIL when there is no interface for it, EOPNOTSUPP for one that does not do multicast.
 * Source: FreeBSD in6_mcast.c, in6_joingroup().
 * @public
 */
export function in6Joingroup(ip6v: Ip6Vnet, group: InAddr, ifp: Ifnet | null, filter: McastFilter | null = null): Ifnet | number {
  if (!isMulticast(group)) return EINVAL;
  const on = ifp ?? mcastIfp(ip6v, group);
  if (on === null) return EADDRNOTAVAIL;
  if ((on.stackFlags & IFF_MULTICAST) === 0) return EOPNOTSUPP;
  const zoned = in6Zoned(on, group);
  const errno = ifAddMulti(on, zoned);
  if (errno !== 0) return errno;
  const mld = in6Ifinfo(on)?.mld ?? null;
  if (mld !== null) {
    mld.enabled = ip6v.mldV2enable;
    mld.join(zoned, filter);
  }
  return on;
}

/** Undoes one join: that with the same filter. Source: FreeBSD in6_mcast.c, in6_leavegroup(). @public */
export function in6Leavegroup(group: InAddr, ifp: Ifnet, filter: McastFilter | null = null): void {
  const zoned = in6Zoned(ifp, group);
  if (ifDelMulti(ifp, zoned) === 0) in6Ifinfo(ifp)?.mld?.leave(zoned, filter);
}

/** The filter of a join says something else now. */
export function in6FilterChanged(group: InAddr, ifp: Ifnet): void {
  in6Ifinfo(ifp)?.mld?.changed(in6Zoned(ifp, group));
}

/** The interface of a group's zone, else of the route to it, else the first that can and is not loopback. */
export function mcastIfp(ip6v: Ip6Vnet, group: InAddr): Ifnet | null {
  if (group.zone !== 0) return ifnetByIndex(ip6v.vnet, group.zone);
  const nh = ip6v.route.inet6(RT_DEFAULT_FIB).lookup6(group.w0, group.w1, group.w2, group.w3, 0);
  if (nh !== null && (nh.ifp.stackFlags & IFF_MULTICAST) !== 0) return nh.ifp;
  for (const x of IFNET.get(ip6v.vnet).list) {
    if ((x.stackFlags & (IFF_UP | IFF_MULTICAST | IFF_LOOPBACK)) === (IFF_UP | IFF_MULTICAST) && x.addrs.some((a) => a.af === group.af)) return x;
  }
  return null;
}
