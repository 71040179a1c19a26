import { EADDRNOTAVAIL, EAFNOSUPPORT, EDESTADDRREQ, EEXIST, EINVAL, EOPNOTSUPP } from '@ns/errno';
import { IFF_BROADCAST, IFF_LOOPBACK, IFF_POINTOPOINT, type IfAliasReq, SIOCSIFADDR } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import {
  AF_INET,
  AF_INET6,
  broadcast4,
  type InAddr,
  inAddr6,
  INADDR_BROADCAST,
  inAddrEqual,
  isAny,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isMulticastLinkLocal,
  maskInAddr,
  prefixMatches,
} from '@ns/wire';
import { IFADDR_EVENT, IFADDR_EVENT_EXT } from './events.ts';
import { ifUp } from './flags.ts';
import { IFA_NOPREFIXROUTE, Ifaddr, IFADDR_EVENT_ADD, IFADDR_EVENT_DEL } from './ifaddr.ts';
import type { Ifnet } from './ifnet.ts';
import { IFNET } from './table.ts';

/** Prefix length of an IPv4 address whose owner gives none: that of its class (RFC 791 §3.2). */
function classPrefixlen(addr: InAddr): number {
  const top = addr.w3 >>> 24;
  return top < 128 ? 8 : top < 192 ? 16 : 24;
}

/** The address with the zone of the interface, if it is of a scope that needs one (RFC 4007 §6). */
function zoned(ifp: Ifnet, a: InAddr): InAddr {
  if (a.af !== AF_INET6 || !(isLinkLocal(a) || isMulticastLinkLocal(a)) || a.zone === ifp.index) return a;
  return inAddr6(a.w0, a.w1, a.w2, a.w3, ifp.index);
}

/** Checks a request and makes the address of it; an errno if it is refused. Source: FreeBSD in_aifaddr_ioctl(), in6_validate_ifra(). */
function makeIfaddr(ifp: Ifnet, req: IfAliasReq): Ifaddr | number {
  const addr = zoned(ifp, req.addr);
  const af = addr.af;
  if (af !== AF_INET && af !== AF_INET6) return EAFNOSUPPORT;
  const bits = af === AF_INET ? 32 : 128;
  const prefixlen = req.prefixlen ?? (af === AF_INET ? classPrefixlen(addr) : 64);
  if (!Number.isInteger(prefixlen) || prefixlen < 0 || prefixlen > bits || isMulticast(addr)) return EINVAL;
  const p2p = (ifp.stackFlags & IFF_POINTOPOINT) !== 0;
  const dst = req.dst === undefined ? null : zoned(ifp, req.dst);
  if (dst !== null && (dst.af !== af || !(p2p || (ifp.stackFlags & IFF_LOOPBACK) !== 0))) return EINVAL;
  if (af === AF_INET6) {
    if (isAny(addr) || (addr.zone !== 0 && addr.zone !== ifp.index)) return EINVAL;
    if (isLoopback(addr) && (ifp.stackFlags & IFF_LOOPBACK) === 0) return EINVAL;
    // A far end names a host, not a prefix.
    if (dst !== null && !isAny(dst) && prefixlen !== 128) return EINVAL;
    return withLifetimes(new Ifaddr(ifp, addr, prefixlen, null, dst, req.flags ?? 0), req);
  }
  if (p2p && (dst === null || isAny(dst))) return EDESTADDRREQ;
  let broadcast: InAddr | null = null;
  if ((ifp.stackFlags & IFF_BROADCAST) !== 0) {
    if (req.broadcast !== undefined) {
      if (req.broadcast.af !== AF_INET) return EINVAL;
      broadcast = req.broadcast;
    } else {
      // RFC 3021: a /31 has no directed broadcast address.
      broadcast = prefixlen === 31 ? INADDR_BROADCAST : broadcast4(addr, prefixlen);
    }
  }
  return new Ifaddr(ifp, addr, prefixlen, broadcast, dst, req.flags ?? 0);
}

/** Sets the lifetimes that a request names. EINVAL for one that is no number of seconds, or longer preferred than valid. Source: FreeBSD in6_validate_ifra(). */
function withLifetimes(ifa: Ifaddr, req: IfAliasReq): Ifaddr | number {
  const { vltime, pltime } = req;
  if (req.noPrefixRoute === true) ifa.flags |= IFA_NOPREFIXROUTE;
  if (vltime !== undefined && !(vltime > 0)) return EINVAL;
  if (pltime !== undefined && !(pltime >= 0)) return EINVAL;
  if (vltime !== undefined && (pltime === undefined || pltime > vltime)) return EINVAL;
  if (vltime !== undefined) ifa.validUntilUs = ifa.createdUs + vltime * 1000000;
  if (pltime !== undefined) ifa.preferredUntilUs = Math.max(1, ifa.createdUs + pltime * 1000000);
  return ifa;
}

/**
 * Adds an address to an interface and brings the interface up. One that it has already is replaced: deleted, then added at the end.
 * Returns an errno: EINVAL for a prefix or address that cannot be, EDESTADDRREQ for a point-to-point interface without far end, EAFNOSUPPORT, EEXIST when another interface has the
 * prefix and net.inet.ip.no_same_prefix is set, or what the driver
 * answers to SIOCSIFADDR. Control path.
 * Source: FreeBSD in_aifaddr_ioctl(), in6_update_ifa().
 * @public
 */
export function ifAddAddr(ifp: Ifnet, req: IfAliasReq): number {
  const ifa = makeIfaddr(ifp, req);
  if (typeof ifa === 'number') return ifa;
  if (IFNET.get(ifp.vnet).noSamePrefix && hasTwin(ifp, ifa)) return EEXIST;
  const old = findAddr(ifp, ifa.addr);
  if (old !== null) removeAddr(ifp, old);
  ifp.addrs = [...ifp.addrs, ifa];
  const errno = ifp.ops.ioctl(ifp.handle, SIOCSIFADDR, { cmd: SIOCSIFADDR, addr: ifa.addr });
  if (errno !== 0 && errno !== EOPNOTSUPP) {
    ifp.addrs = ifp.addrs.filter((x) => x !== ifa);
    ifa.live = false;
    return errno;
  }
  ifUp(ifp);
  announce(ifp, ifa, IFADDR_EVENT_ADD);
  return 0;
}

/** Whether another interface has the prefix of an IPv4 address. Source: FreeBSD in.c, in_addprefix(). */
function hasTwin(ifp: Ifnet, ifa: Ifaddr): boolean {
  if (ifa.af !== AF_INET || ifa.prefixlen === 32) return false;
  const net = maskInAddr(ifa.addr, ifa.prefixlen);
  return IFNET.get(ifp.vnet).list.some((o) => o !== ifp && o.addrs.some((x) => x.af === AF_INET && x.prefixlen === ifa.prefixlen && inAddrEqual(maskInAddr(x.addr, x.prefixlen), net)));
}

/**
 * Deletes an address; without one, the first of family `af`. EADDRNOTAVAIL if there is none.
 * Source: FreeBSD in_difaddr_ioctl().
 * @public
 */
export function ifDelAddr(ifp: Ifnet, addr: InAddr | null, af: number): number {
  const ifa = addr === null ? firstAddr(ifp, af) : findAddr(ifp, zoned(ifp, addr));
  if (ifa === null) return EADDRNOTAVAIL;
  removeAddr(ifp, ifa);
  return 0;
}

/** Deletes all addresses of an interface. Source: FreeBSD if_purgeaddrs(). @public */
export function ifPurgeAddrs(ifp: Ifnet): void {
  for (const ifa of ifp.addrs) removeAddr(ifp, ifa);
}

function removeAddr(ifp: Ifnet, ifa: Ifaddr): void {
  if (!ifa.live) return;
  ifp.addrs = ifp.addrs.filter((x) => x !== ifa);
  ifa.live = false;
  announce(ifp, ifa, IFADDR_EVENT_DEL);
}

function announce(ifp: Ifnet, ifa: Ifaddr, event: number): void {
  const events = ifp.core.kernel.events;
  events.invoke(IFADDR_EVENT_EXT, ifp.vnet, ifp, ifa, event);
  events.invoke(IFADDR_EVENT, ifp.vnet, ifp);
}

/** The address `addr` of this interface, or null. @public */
export function findAddr(ifp: Ifnet, addr: InAddr): Ifaddr | null {
  for (const ifa of ifp.addrs) if (inAddrEqual(ifa.addr, addr)) return ifa;
  return null;
}

/** The first address of family `af` of this interface, or null. @public */
export function firstAddr(ifp: Ifnet, af: number): Ifaddr | null {
  for (const ifa of ifp.addrs) if (ifa.af === af) return ifa;
  return null;
}

/** The interface address that is `addr`, or whose broadcast address it is, in a vnet. Control path. Source: FreeBSD ifa_ifwithaddr(). @public */
export function ifaWithAddr(vnet: Vnet, addr: InAddr): Ifaddr | null {
  for (const ifp of IFNET.get(vnet).list) {
    for (const ifa of ifp.addrs) {
      if (inAddrEqual(ifa.addr, addr) || (ifa.broadcast !== null && inAddrEqual(ifa.broadcast, addr))) return ifa;
    }
  }
  return null;
}

/** The address of a point-to-point interface whose far end is `addr`, or null. Source: FreeBSD ifa_ifwithdstaddr(). @public */
export function ifaWithDstaddr(vnet: Vnet, addr: InAddr): Ifaddr | null {
  for (const ifp of IFNET.get(vnet).list) {
    if ((ifp.stackFlags & IFF_POINTOPOINT) === 0) continue;
    for (const ifa of ifp.addrs) if (ifa.dst !== null && inAddrEqual(ifa.dst, addr)) return ifa;
  }
  return null;
}

/** The address with the longest prefix that `addr` lies in (a far end that is `addr` before all), or null. Source: FreeBSD ifa_ifwithnet(). @public */
export function ifaWithNet(vnet: Vnet, addr: InAddr): Ifaddr | null {
  const far = ifaWithDstaddr(vnet, addr);
  if (far !== null) return far;
  let best: Ifaddr | null = null;
  for (const ifp of IFNET.get(vnet).list) {
    for (const ifa of ifp.addrs) {
      if (ifa.dst !== null && (ifp.stackFlags & IFF_POINTOPOINT) !== 0) continue;
      if (prefixMatches(ifa.addr, addr, ifa.prefixlen) && (best === null || ifa.prefixlen > best.prefixlen)) best = ifa;
    }
  }
  return best;
}

/** The address of `ifp` to talk to `addr` from: same far end, then same prefix, then the first of the family. Source: FreeBSD ifaof_ifpforaddr(). @public */
export function ifaOfIfpForAddr(ifp: Ifnet, addr: InAddr): Ifaddr | null {
  let maybe: Ifaddr | null = null;
  for (const ifa of ifp.addrs) {
    if (ifa.af !== addr.af) continue;
    if (maybe === null) maybe = ifa;
    if (ifa.dst !== null && inAddrEqual(ifa.dst, addr)) return ifa;
    if (prefixMatches(ifa.addr, addr, ifa.prefixlen)) return ifa;
  }
  return maybe;
}

