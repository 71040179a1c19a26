import { EINVAL, ENETUNREACH, ENOBUFS, ENOENT, EPERM, EPFNOSUPPORT } from '@ns/errno';
import { IFNET, ifDelAddr, type Ifnet } from '@ns/ifnet';
import { IN6_IFF_AUTOCONF, in6Ifinfo, in6Joingroup, in6Leavegroup, in6Linkmtu } from '@ns/ip6';
import type { Vnet } from '@ns/kern';
import { LLE_ADDR_LEN, LLE_IFADDR, LLE_PUB, LLE_STATIC, LLE_VALID, type Llentry, llentrySetAddr } from '@ns/lltable';
import { type Mbuf } from '@ns/mbuf';
import { RT_DEFAULT_FIB } from '@ns/route';
import { AF_INET6, ETHERTYPE_IPV6, type InAddr, isLinkLocal, isMulticast, solicitedNodeOf } from '@ns/wire';
import { nd6SetFlagsOf } from './attach.ts';
import { defrouterDel, defrouterReset } from './defrouter.ts';
import type { NdDnsEntry } from './dns.ts';
import type { NdDefrouter, NdPrefix } from './lists.ts';
import { type Nd6If, nd6IfOf } from './nd-if.ts';
import { ND6, type Nd6Vnet } from './nd6-vnet.ts';
import { ND6_LLINFO_REACHABLE, ND6_LLINFO_STALE, nd6Alloc, nd6FlushHeld, nd6LlinfoSetstate } from './nud.ts';
import { prefixUnlink } from './prefix.ts';
import { MIN_SECRET } from './stable-id.ts';

/**
 * One neighbour as ndp(8) shows it.
 * @public
 */
export interface NdpRow {
  /** Its IPv6 address. */
  readonly addr: InAddr;
  /** Six bytes, or null: incomplete. */
  readonly lladdr: Uint8Array | null;
  /** Name of the interface. */
  readonly ifname: string;
  /** Microseconds until it changes its state or goes; null: permanent. */
  readonly expiresInUs: number | null;
  /** ND6_LLINFO_*. */
  readonly state: number;
  /** Solicitations that had no answer yet. */
  readonly asked: number;
  /** It is a router. */
  readonly isRouter: boolean;
  /** Answered for on behalf of somebody else. */
  readonly proxied: boolean;
}

/** The neighbours of all interfaces of a vnet, for `ndp -a`. @public */
export function ndpSnapshot(vnet: Vnet): NdpRow[] {
  const rows: NdpRow[] = [];
  const now = vnet.kernel.callouts.nowUs();
  for (const ifp of IFNET.get(vnet).list) {
    nd6IfOf(ifp)?.table.forEach((lle) => {
      rows.push({
        addr: lle.addr,
        lladdr: (lle.flags & LLE_VALID) !== 0 ? lle.lladdr.slice() : null,
        ifname: ifp.name,
        expiresInUs: (lle.flags & LLE_STATIC) !== 0 ? null : lle.expireUs - now,
        state: lle.state,
        asked: lle.asked,
        isRouter: lle.isRouter,
        proxied: (lle.flags & LLE_PUB) !== 0,
      });
    });
  }
  return rows;
}

/**
 * How an administrator enters a neighbour.
 * @public
 */
export interface NdpSetOptions {
  /** Ages like a learnt one; else it is permanent. */
  readonly temporary?: boolean;
  /** Answer for it (proxy). */
  readonly proxy?: boolean;
}

/**
 * Enters a neighbour, in place of one that is there. ENETUNREACH if `addr` is on no link of ours, EPERM if it is one of our own addresses, EINVAL for a bad address, ENOBUFS if the table is full.
 * Source: FreeBSD ndp(8), ndp -s.
 * @public
 */
export function ndpSet(vnet: Vnet, addr: InAddr, mac: Uint8Array, options: NdpSetOptions = {}): number {
  if (mac.length !== LLE_ADDR_LEN || addr.af !== AF_INET6 || isMulticast(addr)) return EINVAL;
  const ni = ifForAddr(ND6.get(vnet), addr);
  const own = ni?.mac() ?? null;
  if (ni === null || own === null) return ENETUNREACH;
  const was = ni.table.lookup(addr);
  if (was !== null && (was.flags & LLE_IFADDR) !== 0) return EPERM;
  let flags = options.temporary === true ? 0 : LLE_STATIC;
  if (options.proxy === true) flags |= LLE_PUB;
  const held = was === null ? null : was.takeAllHeld();
  if (was !== null) dropEntry(ni, was);
  const lle = nd6Alloc(ni, addr, flags);
  if (lle === null) return ENOBUFS;
  for (let m = held; m !== null; ) {
    const next: Mbuf | null = m.nextpkt;
    lle.hold(m, ni.nd.maxqueuelen);
    m = next;
  }
  llentrySetAddr(lle, mac, 0, own, ETHERTYPE_IPV6);
  nd6LlinfoSetstate(ni, lle, options.temporary === true ? ND6_LLINFO_STALE : ND6_LLINFO_REACHABLE);
  // Whoever asks for it asks its group.
  if (options.proxy === true) in6Joingroup(ni.nd.ip6v, solicitedNodeOf(addr), ni.ifp);
  nd6FlushHeld(ni, lle);
  return 0;
}

function dropEntry(ni: Nd6If, lle: Llentry): void {
  if ((lle.flags & LLE_PUB) !== 0) in6Leavegroup(solicitedNodeOf(lle.addr), ni.ifp);
  ni.nd.stat.dropped += ni.table.remove(lle);
}

/** Deletes a neighbour: ENOENT if there is none, EPERM if it is one of our own addresses. Source: FreeBSD ndp(8), ndp -d. @public */
export function ndpDelete(vnet: Vnet, addr: InAddr): number {
  for (const ifp of IFNET.get(vnet).list) {
    if (addr.zone !== 0 && addr.zone !== ifp.index) continue;
    const ni = nd6IfOf(ifp);
    const lle = ni === null ? null : ni.table.lookup(addr);
    if (ni === null || lle === null) continue;
    if ((lle.flags & LLE_IFADDR) !== 0) return EPERM;
    dropEntry(ni, lle);
    return 0;
  }
  return ENOENT;
}

/** Deletes all neighbours but our own addresses; returns them. Source: FreeBSD ndp(8), ndp -c. @public */
export function ndpFlush(vnet: Vnet): NdpRow[] {
  const gone: NdpRow[] = [];
  for (const row of ndpSnapshot(vnet)) if (ndpDelete(vnet, row.addr) === 0) gone.push(row);
  return gone;
}

/** The interface on whose link an address is. Source: FreeBSD RT_DEFAULT_FIB in nd6.c. */
function ifForAddr(nd: Nd6Vnet, addr: InAddr): Nd6If | null {
  if (isLinkLocal(addr)) {
    const ifp = IFNET.get(nd.vnet).list.find((x) => x.index === addr.zone);
    return ifp === undefined ? null : nd6IfOf(ifp);
  }
  const nh = nd.ip6v.route.inet6(RT_DEFAULT_FIB).lookup6(addr.w0, addr.w1, addr.w2, addr.w3, 0);
  return nh === null || nh.gw !== null ? null : nd6IfOf(nh.ifp);
}

/** The default routers of a vnet, most preferred first, for `ndp -r`. @public */
export function nd6Defrouters(vnet: Vnet): readonly NdDefrouter[] {
  return ND6.get(vnet).defrouters;
}

/** The prefixes that routers announce, for `ndp -p`. @public */
export function nd6Prefixes(vnet: Vnet): readonly NdPrefix[] {
  return ND6.get(vnet).prefixes;
}

/** DNS servers and search domains that routers announce (RFC 8106), in the order in which they were heard: for a resolver. @public */
export function nd6Dns(vnet: Vnet): readonly NdDnsEntry[] {
  return ND6.get(vnet).dns.entries;
}

/** Drops all default routers. Source: FreeBSD nd6.c, SIOCSRTRFLUSH_IN6; ndp -R. @public */
export function nd6FlushRouters(vnet: Vnet): void {
  const nd = ND6.get(vnet);
  for (const dr of nd.defrouters) defrouterDel(nd, dr);
}

/** Drops all prefixes that routers announced, and the addresses made from them. Source: FreeBSD nd6.c, SIOCSPFXFLUSH_IN6; ndp -P. @public */
export function nd6FlushPrefixes(vnet: Vnet): void {
  const nd = ND6.get(vnet);
  for (const pr of nd.prefixes) {
    for (const ifa of pr.ifp.addrs) {
      if ((ifa.afflags & IN6_IFF_AUTOCONF) !== 0 && nd.ifas.get(ifa)?.prefix === pr) ifDelAddr(pr.ifp, ifa.addr, AF_INET6);
    }
    prefixUnlink(nd, pr);
  }
}

/** Makes the default route what the list of default routers says. Source: FreeBSD nd6.c, SIOCSNDFLUSH_IN6; ndp -H. @public */
export function nd6HarmonizeRouters(vnet: Vnet): void {
  defrouterReset(ND6.get(vnet));
}

/** Names the interface on which all addresses count as neighbours while there is no default router, or none. Source: FreeBSD nd6_rtr.c, nd6_setdefaultiface(); ndp -I. @public */
export function nd6SetDefaultIface(vnet: Vnet, ifp: Ifnet | null): number {
  if (ifp !== null && nd6IfOf(ifp) === null) return EINVAL;
  ND6.get(vnet).defifp = ifp;
  return 0;
}

/** That interface, or null. Source: FreeBSD SIOCGDEFIFACE_IN6. @public */
export function nd6DefaultIface(vnet: Vnet): Ifnet | null {
  return ND6.get(vnet).defifp;
}

/**
 * Neighbour discovery on an interface as ndp(8) shows it with -i. Source: FreeBSD nd6.h, struct nd_ifinfo.
 * @public
 */
export interface NdIfinfo {
  /** Largest packet of the link. */
  readonly linkmtu: number;
  /** Largest packet of the interface. */
  readonly maxmtu: number;
  /** Hop limit of outgoing packets. */
  readonly curhlim: number;
  /** BaseReachableTime, ms. */
  readonly basereachableMs: number;
  /** ReachableTime, ms. */
  readonly reachableMs: number;
  /** RetransTimer, ms. */
  readonly retransMs: number;
  /** ND6_IFF_*. */
  readonly flags: number;
}

/** Null where there is no neighbour discovery. @public */
export function nd6Ifinfo(ifp: Ifnet): NdIfinfo | null {
  const ni = nd6IfOf(ifp);
  if (ni === null) return null;
  const { ii } = ni;
  return {
    linkmtu: in6Linkmtu(ifp),
    maxmtu: ifp.mtu,
    curhlim: ii.curhlim === 0 ? ni.nd.ip6v.defhlim : ii.curhlim,
    basereachableMs: ni.baseReachableMs,
    reachableMs: ni.reachable(),
    retransMs: ni.retransMs,
    flags: ii.flags,
  };
}

/**
 * What an administrator may set of it; what is left out stays.
 * @public
 */
export interface NdIfinfoChange {
  /** ND6_IFF_* to set. */
  readonly set?: number;
  /** ND6_IFF_* to clear. */
  readonly clear?: number;
  /** BaseReachableTime, ms, at least 1. */
  readonly basereachableMs?: number;
  /** RetransTimer, ms, at least 1. */
  readonly retransMs?: number;
  /** Hop limit, 1 to 255. */
  readonly curhlim?: number;
}

/**
 * Changes neighbour discovery on an interface: `ifconfig em0 inet6 accept_rtadv`, `ndp -i em0 retrans=500`. EPFNOSUPPORT where there is no IPv6, EINVAL for a value that cannot be.
 * Source: FreeBSD nd6.c, nd6_ioctl(SIOCSIFINFO_IN6).
 * @public
 */
export function nd6SetIfinfo(ifp: Ifnet, change: NdIfinfoChange): number {
  const ii = in6Ifinfo(ifp);
  const ni = nd6IfOf(ifp);
  if (ii === null) return EPFNOSUPPORT;
  const { basereachableMs, retransMs, curhlim } = change;
  if (bad(basereachableMs, 86400000) || bad(retransMs, 86400000) || bad(curhlim, 255)) return EINVAL;
  if (!nd6SetFlagsOf(ND6.get(ifp.vnet), ifp, change.set ?? 0, change.clear ?? 0)) return EPFNOSUPPORT;
  if (ni !== null && basereachableMs !== undefined) ni.setBaseReachable(basereachableMs);
  if (ni !== null && retransMs !== undefined) ni.retransMs = retransMs;
  if (curhlim !== undefined) ii.curhlim = curhlim;
  return 0;
}

function bad(v: number | undefined, max: number): boolean {
  return v !== undefined && (!Number.isInteger(v) || v < 1 || v > max);
}

/** The secret of the stable identifiers of a vnet, a copy: what {@link nd6SetSecret} or {@link nd6} was given, or was drawn. Whoever knows it can tell the interface of an address. @public */
export function nd6Secret(vnet: Vnet): Uint8Array {
  return ND6.get(vnet).secret.slice();
}

/**
 * Gives a vnet the secret of its stable identifiers (RFC 7217 §5), so that its addresses are the same after a restart; by default it is drawn when the vnet is made. EINVAL for fewer than 16 bytes.
 * Addresses that are there stay as they are.
 * @public
 */
export function nd6SetSecret(vnet: Vnet, secret: Uint8Array): number {
  if (secret.length < MIN_SECRET) return EINVAL;
  ND6.get(vnet).secret = secret.slice();
  return 0;
}

