import { E2BIG, EADDRINUSE, EEXIST, EINVAL, ENETUNREACH, ESRCH } from '@ns/errno';
import { type Ifaddr, ifaOfIfpForAddr, type Ifnet } from '@ns/ifnet';
import { AF_INET, AF_INET6, type InAddr } from '@ns/wire';
import { ROUTE_EVENT, RouteEvent } from './event.ts';
import {
  RTF_BLACKHOLE,
  RTF_FIXEDMTU,
  RTF_GATEWAY,
  RTF_HOST,
  RTF_LOCAL,
  RTF_PINNED,
  RTF_PROTO1,
  RTF_PROTO2,
  RTF_PROTO3,
  RTF_REJECT,
  RTF_STATIC,
  RTF_STICKY,
  RTF_UP,
  RTM_ADD,
  RTM_CHANGE,
  RTM_DELETE,
} from './flags.ts';
import { sameVnet } from '@ns/kern';
import type { Nexthop, NexthopKey } from './nexthop.ts';
import { nhCanMultipath, RIB_MAX_MPATH_WIDTH, RT_DEFAULT_WEIGHT, RT_MAX_WEIGHT } from './nhgrp.ts';
import { hopsOf, nhHasGateway, type Rib, type RtEntry } from './rib.ts';

/**
 * What a caller says about a route. What is left out is found: interface and source address from the gateway, the prefix length from RTF_HOST.
 * Source: FreeBSD net/route.h, struct rt_addrinfo.
 * @public
 */
export interface RtInfo {
  /** Destination; bits behind the prefix are ignored. */
  readonly dst: InAddr;
  /** Bits of the prefix; left out: a host. */
  readonly prefixlen?: number;
  /** RTF_GATEWAY, RTF_STATIC, RTF_REJECT, RTF_BLACKHOLE, RTF_PINNED, RTF_PROTO1 ... RTF_UP and RTF_HOST are set as needed. */
  readonly flags: number;
  /** Gateway, with RTF_GATEWAY. */
  readonly gw?: InAddr | null;
  /** Interface to send by. */
  readonly ifp?: Ifnet | null;
  /** Address the route belongs to. */
  readonly ifa?: Ifaddr | null;
  /** Share of the flows, where the prefix has several next hops: 1 to RT_MAX_WEIGHT; left out: RT_DEFAULT_WEIGHT, or what it is. */
  readonly weight?: number;
  /** MTU of the path; 0 or left out: that of the interface. */
  readonly mtu?: number;
  /** Kernel time (µs) at which the route goes; 0 or left out: it stays. */
  readonly expireUs?: number;
}

/** Flags that a change may set. Source: FreeBSD net/route.h, RTF_FMASK. */
const RTF_FMASK = RTF_PROTO1 | RTF_PROTO2 | RTF_PROTO3 | RTF_BLACKHOLE | RTF_REJECT | RTF_STATIC | RTF_STICKY;
const RTF_DISCARD = RTF_REJECT | RTF_BLACKHOLE;

/** What `resolve` found out; one record for each call on the control path. */
interface Resolved {
  errno: number;
  key: NexthopKey | null;
}

/**
 * Adds a route. EINVAL if it makes no sense, ENETUNREACH if the gateway is on no connected network, EEXIST if the prefix has a route; a route of an interface
 * address (RTF_PINNED) takes the place of one that is not. With net.route.multipath another gateway is a second way beside the first, for static routes (RTF_STATIC): EEXIST if it is there,
 * E2BIG beyond RIB_MAX_MPATH_WIDTH.
 * Source: FreeBSD route_ctl.c, rib_add_route(), add_route_flags().
 * Differs: routes that protocols make (redirects, router advertisements) are not added to; FreeBSD leaves out those of redirects.
 * @public
 */
export function ribAdd(rib: Rib, info: RtInfo): number {
  const len = prefixLength(rib, info);
  if (len < 0) return EINVAL;
  const found = resolve(rib, info, len);
  if (found.key === null) return found.errno;
  const was = rib.get(info.dst, len);
  if (was !== null) {
    if (canAppend(rib, was, found.key)) return append(rib, was, found.key, info.weight ?? RT_DEFAULT_WEIGHT);
    if ((info.flags & RTF_PINNED) === 0 || (was.nh.flags & RTF_PINNED) !== 0) return EEXIST;
    removeEntry(rib, was);
  }
  const rt = rib.link(info.dst, len, found.key, info.weight ?? RT_DEFAULT_WEIGHT, info.expireUs ?? 0);
  announce(rib, RTM_ADD, rt, rt.nh, null);
  return 0;
}

function canAppend(rib: Rib, rt: RtEntry, key: NexthopKey): boolean {
  return rib.owner.multipath && nhCanMultipath(key.flags) && nhCanMultipath(rt.nh.flags) && (key.flags & rt.nh.flags & RTF_STATIC) !== 0;
}

/** Source: FreeBSD nhgrp_ctl.c, nhgrp_get_addition_group(). */
function append(rib: Rib, rt: RtEntry, key: NexthopKey, weight: number): number {
  const hops = hopsOf(rt);
  const nh = rib.acquire(key);
  let errno = 0;
  if (hops.some((w) => w.nh === nh)) errno = EEXIST;
  else if (hops.length >= RIB_MAX_MPATH_WIDTH) errno = E2BIG;
  else rib.setHops(rt, [...hops, { nh, weight }]);
  rib.release(nh);
  if (errno === 0) announce(rib, RTM_ADD, rt, nh, null);
  return errno;
}

/**
 * Deletes the route of a prefix. ESRCH if there is none, or none by the gateway that was given, or several and no gateway was; EADDRINUSE if it belongs to an interface address.
 * Source: FreeBSD route_ctl.c, rib_del_route(), rt_delete_conditional().
 * @public
 */
export function ribDelete(rib: Rib, info: RtInfo): number {
  const len = prefixLength(rib, info);
  if (len < 0) return EINVAL;
  const rt = rib.get(info.dst, len);
  if (rt === null) return ESRCH;
  if ((rt.nh.flags & RTF_PINNED) !== 0 && (info.flags & RTF_PINNED) === 0) return EADDRINUSE;
  const gw = info.gw ?? null;
  if (gw === null) {
    if (rt.group !== null) return ESRCH;
    removeEntry(rib, rt);
    return 0;
  }
  return removeHops(rib, rt, (nh) => nhHasGateway(nh, gw)) === 0 ? ESRCH : 0;
}

/**
 * Changes gateway, interface, flags, MTU or weight of the route of a prefix; what is left out stays. Of several next hops, that with the gateway is changed. ESRCH if there is none,
 * EADDRINUSE if it belongs to an interface address, else as {@link ribAdd}.
 * Source: FreeBSD route_ctl.c, rib_change_route(), change_mpath_route().
 * @public
 */
export function ribChange(rib: Rib, info: RtInfo): number {
  const len = prefixLength(rib, info);
  if (len < 0) return EINVAL;
  const rt = rib.get(info.dst, len);
  if (rt === null) return ESRCH;
  const hops = hopsOf(rt);
  const at = rt.group === null ? 0 : hops.findIndex((w) => nhHasGateway(w.nh, info.gw ?? null));
  const was = hops[at]?.nh;
  if (was === undefined) return ESRCH;
  if ((was.flags & RTF_PINNED) !== 0 && (info.flags & RTF_PINNED) === 0) return EADDRINUSE;
  const newGw = info.gw !== undefined && info.gw !== null;
  const newIf = info.ifp !== undefined && info.ifp !== null;
  let flags = (was.flags & ~RTF_FMASK) | (info.flags & ~RTF_GATEWAY);
  if (newGw) flags |= RTF_GATEWAY;
  else if (newIf) flags &= ~RTF_GATEWAY;
  const merged: RtInfo = {
    dst: info.dst,
    prefixlen: len,
    flags,
    gw: newGw ? info.gw : newIf ? null : was.gw,
    ifp: newGw || newIf ? (info.ifp ?? null) : was.ifp,
    ifa: newGw || newIf ? (info.ifa ?? null) : was.ifa,
    mtu: info.mtu ?? was.mtu,
  };
  const found = resolve(rib, merged, len);
  if (found.key === null) return found.errno;
  rt.expireUs = info.expireUs ?? rt.expireUs;
  const nh = rib.acquire(found.key);
  const twice = hops.some((w, i) => i !== at && w.nh === nh);
  if (!twice) rib.setHops(rt, hops.map((w, i) => (i === at ? { nh, weight: info.weight ?? w.weight } : w)));
  rib.release(nh);
  if (twice) return EEXIST;
  announce(rib, RTM_CHANGE, rt, nh, was);
  return 0;
}

/** Takes an entry out, whatever it is, and announces that. For walks and for the owner of pinned routes. */
export function removeEntry(rib: Rib, rt: RtEntry): void {
  const hops = hopsOf(rt);
  rib.unlink(rt);
  for (const { nh } of hops) announce(rib, RTM_DELETE, rt, nh, nh);
}

/** Takes out the next hops that `pick` answers true for, and with the last one the route; returns how many. Source: FreeBSD nhgrp_ctl.c, nhgrp_get_filtered_group(). */
function removeHops(rib: Rib, rt: RtEntry, pick: (nh: Nexthop) => boolean): number {
  const hops = hopsOf(rt);
  const gone = hops.filter((w) => pick(w.nh));
  if (gone.length === hops.length) removeEntry(rib, rt);
  else if (gone.length > 0) {
    rib.setHops(rt, hops.filter((w) => !gone.includes(w)));
    for (const { nh } of gone) announce(rib, RTM_DELETE, rt, nh, nh);
  }
  return gone.length;
}

/** Gives an entry the next hop of `key` and announces that. */
export function changeEntry(rib: Rib, rt: RtEntry, key: NexthopKey): void {
  const was = rib.relink(rt, key);
  announce(rib, RTM_CHANGE, rt, rt.nh, was);
}

/**
 * Deletes the routes, or of several next hops those, that `pick` answers true for; returns how many. `pick` must not change the table. Source: FreeBSD rib_walk_del().
 * @public
 */
export function ribWalkDelete(rib: Rib, pick: (rt: RtEntry, nh: Nexthop) => boolean): number {
  const doomed: RtEntry[] = [];
  rib.forEach((rt) => {
    if (hopsOf(rt).some((w) => pick(rt, w.nh))) doomed.push(rt);
  });
  let n = 0;
  for (const rt of doomed) n += removeHops(rib, rt, (nh) => pick(rt, nh));
  return n;
}

/** The prefix length that `info` means, or -1 if it cannot be one. */
function prefixLength(rib: Rib, info: RtInfo): number {
  if (info.dst.af !== rib.af) return -1;
  const full = rib.af === AF_INET ? 32 : 128;
  if (info.prefixlen === undefined || (info.flags & RTF_HOST) !== 0) return full;
  return Number.isInteger(info.prefixlen) && info.prefixlen >= 0 && info.prefixlen <= full ? info.prefixlen : -1;
}

function fail(errno: number): Resolved {
  return { errno, key: null };
}

/** Finds the next hop that `info` describes. Source: FreeBSD route_ifaddrs.c, ifa_ifwithroute(); nhop_ctl.c, nhop_create_from_info(). */
function resolve(rib: Rib, info: RtInfo, len: number): Resolved {
  const full = rib.af === AF_INET ? 32 : 128;
  const mtu = info.mtu ?? 0;
  const weight = info.weight ?? RT_DEFAULT_WEIGHT;
  if (!Number.isInteger(mtu) || mtu < 0 || !Number.isInteger(weight) || weight < 1 || weight > RT_MAX_WEIGHT) return fail(EINVAL);
  let flags = info.flags | RTF_UP;
  if (len === full) flags |= RTF_HOST;
  else flags &= ~RTF_HOST;
  if (mtu !== 0) flags |= RTF_FIXEDMTU;
  const gw = info.gw ?? null;
  let ifp = info.ifp ?? null;
  let ifa = info.ifa ?? null;
  if (ifp !== null) sameVnet(ifp.vnet, rib.vnet, `route: interface ${ifp.name}`);
  if (ifa !== null) sameVnet(ifa.ifp.vnet, rib.vnet, `route: address of ${ifa.ifp.name}`);
  if ((flags & RTF_GATEWAY) !== 0) {
    if (gw === null || gw.af !== rib.af) return fail(EINVAL);
    if (ifp === null) {
      const via = gatewayHop(rib, gw, flags);
      if (via === null) return fail(ENETUNREACH);
      ifp = via.ifp;
      ifa ??= via.ifa;
    }
    ifa ??= ifaOfIfpForAddr(ifp, gw);
  } else {
    if (gw !== null) return fail(EINVAL);
    if (ifp === null && ifa !== null) ifp = ifa.ifp;
    if (ifp === null && (flags & RTF_DISCARD) !== 0) ifp = rib.owner.loif;
    if (ifp === null) return fail(ENETUNREACH);
    ifa ??= ifaOfIfpForAddr(ifp, info.dst);
  }
  if (ifa === null && rib.af !== AF_INET6 && (flags & RTF_DISCARD) === 0) return fail(ENETUNREACH);
  const aifp = (flags & RTF_LOCAL) !== 0 && ifa !== null ? ifa.ifp : ifp;
  return { errno: 0, key: { flags, mtu, gw: (flags & RTF_GATEWAY) !== 0 ? gw : null, ifp, ifa, aifp } };
}

/** The next hop by which a gateway is reached: it must be on a connected network, not behind another gateway; null if it is not. */
function gatewayHop(rib: Rib, gw: InAddr, flags: number): Nexthop | null {
  const rt = rib.match(gw);
  if (rt === null) return null;
  const nh = rt.nh;
  if ((flags & RTF_DISCARD) !== 0) return nh;
  if ((nh.flags & (RTF_GATEWAY | RTF_DISCARD | RTF_LOCAL)) !== 0) return null;
  return nh;
}

function announce(rib: Rib, cmd: number, rt: RtEntry, nh: Nexthop, was: Nexthop | null): void {
  rib.kernel.events.invoke(ROUTE_EVENT, rib.vnet, new RouteEvent(rib.vnet, rib.fib, cmd, rt, nh, was));
}
