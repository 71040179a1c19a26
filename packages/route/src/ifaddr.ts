import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { IFA_NOPREFIXROUTE, IFNET } from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_POINTOPOINT, IFF_UP } from '@ns/ifnet-kpi';
import { AF_INET, type InAddr, inAddrEqual, maskInAddr } from '@ns/wire';
import { ribAdd, ribWalkDelete } from './control.ts';
import { RT_DEFAULT_FIB, RTF_HOST, RTF_LOCAL, RTF_PINNED, RTF_STATIC } from './flags.ts';
import type { Rib } from './rib.ts';
import type { RouteVnet } from './vnet.ts';

/*
 * The routes that interface addresses bring with them.
 *
 * An address 10.0.0.1/24 of em0 gives 10.0.0.0/24 -> em0 (U) and 10.0.0.1 -> lo0 (UHS); a point-to-point address gives a host route to the far end; an address of a
 * loopback interface gives itself (UH).
 * Source: FreeBSD netinet/in.c, in_addprefix(), in_scrubprefix(); net/if.c, ifa_maintain_loopback_route().
 */

/** A prefix that an address owns. */
interface OwnPrefix {
  readonly dst: InAddr;
  readonly len: number;
}

/** The prefix route of an address, or null when its host route is all it has. */
function prefixOf(ifa: Ifaddr): OwnPrefix | null {
  if ((ifa.flags & IFA_NOPREFIXROUTE) !== 0) return null;
  const full = ifa.af === AF_INET ? 32 : 128;
  const flags = ifa.ifp.stackFlags;
  if ((flags & IFF_LOOPBACK) !== 0) return { dst: ifa.addr, len: full };
  if ((flags & IFF_POINTOPOINT) !== 0 && ifa.dst !== null) return inAddrEqual(ifa.dst, ifa.addr) ? null : { dst: ifa.dst, len: full };
  return ifa.prefixlen === full ? null : { dst: maskInAddr(ifa.addr, ifa.prefixlen), len: ifa.prefixlen };
}

/**
 * Installs the routes of an address whose interface is up. What another address has installed already stays as it is.
 * @alpha
 */
export function rtIfaAdd(rv: RouteVnet, ifa: Ifaddr): void {
  if ((ifa.ifp.stackFlags & IFF_UP) === 0) return;
  rv.forEachFibOf(ifa.ifp, ifa.af, (rib) => {
    const p = prefixOf(ifa);
    if (p !== null) {
      const host = p.len === (ifa.af === AF_INET ? 32 : 128);
      const local = (ifa.ifp.stackFlags & IFF_LOOPBACK) !== 0 ? RTF_LOCAL : 0;
      ribAdd(rib, { dst: p.dst, prefixlen: p.len, flags: RTF_PINNED | local | (host ? RTF_HOST : 0), ifp: ifa.ifp, ifa });
    }
    if (ifa.af === AF_INET) addLocal(rv, rib, ifa);
  });
  // IPv6 addresses of our own are in the default table only; the other tables have their prefixes.
  if (ifa.af !== AF_INET) addLocal(rv, rv.inet6(RT_DEFAULT_FIB), ifa);
}

/** The route to the address itself, by way of loopback. */
function addLocal(rv: RouteVnet, rib: Rib, ifa: Ifaddr): void {
  if (rv.loif === null || (ifa.ifp.stackFlags & IFF_LOOPBACK) !== 0) return;
  ribAdd(rib, { dst: ifa.addr, flags: RTF_HOST | RTF_STATIC | RTF_PINNED | RTF_LOCAL, ifp: rv.loif, ifa });
}

/**
 * Removes the routes of an address that goes (`deleted`) or whose interface goes down; routes by way of it go too, but static ones only with the address.
 * Another address of the same prefix takes the prefix route over.
 * @alpha
 */
export function rtIfaDelete(rv: RouteVnet, ifa: Ifaddr, deleted: boolean): void {
  rv.forEachRib((rib) => {
    if (rib.af !== ifa.af) return;
    ribWalkDelete(rib, (_, nh) => nh.ifa === ifa && (deleted || (nh.flags & RTF_PINNED) !== 0 || (nh.flags & RTF_STATIC) === 0));
  });
  const p = prefixOf(ifa);
  for (const ifp of IFNET.get(rv.vnet).list) {
    for (const other of ifp.addrs) {
      if (other === ifa || other.af !== ifa.af) continue;
      const q = prefixOf(other);
      const samePrefix = p !== null && q !== null && p.len === q.len && inAddrEqual(p.dst, q.dst);
      if (samePrefix || inAddrEqual(other.addr, ifa.addr)) rtIfaAdd(rv, other);
    }
  }
}

/** An interface has come up. @alpha */
export function rtIfUp(rv: RouteVnet, ifp: Ifnet): void {
  for (const ifa of ifp.addrs) rtIfaAdd(rv, ifa);
}

/** An interface has gone down. @alpha */
export function rtIfDown(rv: RouteVnet, ifp: Ifnet): void {
  for (const ifa of ifp.addrs) rtIfaDelete(rv, ifa, false);
}

/** A loopback interface is there: own addresses become reachable. @alpha */
export function rtLoopbackArrived(rv: RouteVnet, lo: Ifnet): void {
  if (rv.loif !== null) return;
  rv.loif = lo;
  for (const ifp of IFNET.get(rv.vnet).list) rtIfUp(rv, ifp);
}

/**
 * An interface leaves the vnet: no route by it stays. Source: FreeBSD route_ifaddrs.c, rt_flushifroutes().
 * @alpha
 */
export function rtIfDepart(rv: RouteVnet, ifp: Ifnet): void {
  rv.forEachRib((rib) => {
    ribWalkDelete(rib, (_, nh) => nh.ifp === ifp || nh.aifp === ifp || nh.ifa?.ifp === ifp);
  });
  if (rv.loif !== ifp) return;
  rv.loif = null;
  for (const other of IFNET.get(rv.vnet).list) {
    if (other !== ifp && (other.stackFlags & IFF_LOOPBACK) !== 0) {
      rtLoopbackArrived(rv, other);
      return;
    }
  }
}

/** The interface has another MTU: who cached a route must look at it again. @alpha */
export function rtIfMtu(rv: RouteVnet, ifp: Ifnet): void {
  rv.forEachRib((rib) => {
    if (rib.nexthops().some((nh) => nh.ifp === ifp)) rib.touch();
  });
}

