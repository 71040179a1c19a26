import { EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH } from '@ns/errno';
import { ifaOfIfpForAddr, type Ifnet } from '@ns/ifnet';
import { type InAddr, inAddrEqual, isAny, isMulticast } from '@ns/wire';
import { changeEntry, ribAdd } from './control.ts';
import { RTF_DYNAMIC, RTF_GATEWAY, RTF_HOST, RTF_LOCAL, RTF_MODIFIED, RTF_UP } from './flags.ts';
import { type Rib, rtHasGateway } from './rib.ts';
import type { RouteVnet } from './vnet.ts';

/**
 * Follows a redirect: `from`, which we use as the gateway for `dst`, says that `gw` on the same link is a better one. A host route by `gw` is made (RTF_DYNAMIC), or the
 * one there is gets the new gateway (RTF_MODIFIED); it goes after `lifetimeUs` (0 = stays).
 *
 * EEXIST when the destination has a route of its own by several gateways, ENETUNREACH when `gw` is not on the link of `ifp`, EINVAL when `from` is not the present gateway, EHOSTUNREACH when `gw` is one of our own addresses.
 * Source: FreeBSD route_ctl.c, rib_add_redirect(); RFC 1122 §3.2.2.2.
 * @public
 */
export function ribAddRedirect(rv: RouteVnet, rib: Rib, dst: InAddr, gw: InAddr, from: InAddr, ifp: Ifnet, lifetimeUs: number): number {
  const errno = redirect(rv, rib, dst, gw, from, ifp, lifetimeUs);
  if (errno === EHOSTUNREACH || errno === ENETUNREACH) rv.stat.unreach++;
  else if (errno !== 0) rv.stat.badredirect++;
  return errno;
}

function redirect(rv: RouteVnet, rib: Rib, dst: InAddr, gw: InAddr, from: InAddr, ifp: Ifnet, lifetimeUs: number): number {
  if (gw.af !== rib.af || isAny(gw) || isMulticast(gw)) return EINVAL;
  const rt = rib.match(dst);
  if (rt === null || !rtHasGateway(rt, from, ifp)) return EINVAL;
  const own = rib.match(gw);
  if (own !== null && (own.nh.flags & RTF_LOCAL) !== 0) return EHOSTUNREACH;
  if (own === null || own.nh.gw !== null || own.nh.ifp !== ifp) return ENETUNREACH;
  const expireUs = lifetimeUs === 0 ? 0 : rib.kernel.callouts.nowUs() + lifetimeUs;
  const ifa = ifaOfIfpForAddr(ifp, gw);
  if ((rt.nh.flags & RTF_HOST) === 0 || !inAddrEqual(rt.dst, dst)) {
    const errno = ribAdd(rib, { dst, flags: RTF_GATEWAY | RTF_HOST | RTF_DYNAMIC, gw, ifp, ifa, expireUs });
    if (errno === 0) {
      rv.stat.dynamic++;
      rv.scheduleExpiry(expireUs);
    }
    return errno;
  }
  if (rt.group !== null) return EEXIST; // somebody has said which ways there are
  const flags = rt.nh.flags | RTF_UP | RTF_GATEWAY | ((rt.nh.flags & RTF_DYNAMIC) !== 0 ? 0 : RTF_MODIFIED);
  if (rt.expireUs !== 0) rt.expireUs = expireUs;
  changeEntry(rib, rt, { flags, mtu: rt.nh.mtu, gw, ifp, ifa, aifp: ifp });
  rv.stat.newgateway++;
  rv.scheduleExpiry(rt.expireUs);
  return 0;
}
