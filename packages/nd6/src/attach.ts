import { type Ifaddr, IFNET, type Ifnet } from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_UP } from '@ns/ifnet-kpi';
import {
  IN6_IFF_DUPLICATED,
  IN6_IFF_NODAD,
  IN6_IFF_OPTIMISTIC,
  IN6_IFF_TENTATIVE,
  in6Ifattach,
  in6Ifinfo,
  in6Ready,
  ND6_IFF_ACCEPT_RTADV,
  ND6_IFF_AUTO_LINKLOCAL,
  ND6_IFF_IFDISABLED,
  ND6_IFF_NO_RADR,
  ND6_IFF_PERFORMNUD,
  ND6_IFF_STABLEADDR,
} from '@ns/ip6';
import { randomBelow } from '@ns/kern';
import { LLE_IFADDR, llentrySetAddr } from '@ns/lltable';
import { AF_INET6, ETHERTYPE_IPV6, IN6ADDR_LINKLOCAL_ALLNODES, isLinkLocal, ND_NA_FLAG_OVERRIDE } from '@ns/wire';
import { dadStart, dadStop, dadWanted } from './dad.ts';
import { defrouterDel } from './defrouter.ts';
import { Nd6If, ND6_SLOT, nd6IfOf } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { routerFlag } from './ns.ts';
import { nd6AddOwn, nd6DelOwn, nd6LltableOps } from './nud.ts';
import { nd6NaOutput } from './out.ts';
import { pfxlistOnlinkCheck, prefixOfflink, prefixRele, prefixUnlink } from './prefix.ts';
import { rtsolStart, rtsolStop } from './rtsol.ts';
import { nd6IfaOf } from './slaac.ts';

/** Hosts that start together do not test together. Source: RFC 4862 §5.4.2. */
const MAX_DAD_DELAY_US = 1000000;

/** Gives an interface its neighbour discovery; null where there is none (loopback). Source: FreeBSD nd6.c, nd6_ifattach(). */
export function nd6Ifattach(nd: Nd6Vnet, ifp: Ifnet): Nd6If | null {
  const was = nd6IfOf(ifp);
  if (was !== null) return was;
  const ii = in6Ifinfo(ifp);
  if (ii === null || (ifp.stackFlags & IFF_LOOPBACK) !== 0) return null;
  ii.flags |= ND6_IFF_PERFORMNUD;
  if (nd.acceptRtadv) ii.flags |= ND6_IFF_ACCEPT_RTADV;
  if (nd.noRadr) ii.flags |= ND6_IFF_NO_RADR;
  if (nd.useStableaddr) ii.flags |= ND6_IFF_STABLEADDR;
  const ni = new Nd6If(nd, ifp, ii, nd6LltableOps);
  ifp.slots ??= new Map();
  ifp.slots.set(ND6_SLOT, ni);
  return ni;
}

/** Takes it away, with all that was learnt by it. Source: FreeBSD nd6.c, nd6_ifdetach(), nd6_purge(). */
export function nd6Ifdetach(nd: Nd6Vnet, ifp: Ifnet): void {
  const ni = nd6IfOf(ifp);
  if (ni === null) return;
  purge(nd, ifp);
  for (const ifa of [...nd.ifas.keys()]) if (ifa.ifp === ifp) nd6IfaGone(nd, ifa);
  rtsolStop(ni);
  for (const d of [...ni.delayed]) d.stop();
  nd.stat.dropped += ni.table.destroy();
  if (nd.defifp === ifp) nd.defifp = null;
  ifp.slots?.delete(ND6_SLOT);
}

/** Forgets routers, prefixes and DNS servers of an interface. Source: FreeBSD nd6.c, nd6_purge(). */
function purge(nd: Nd6Vnet, ifp: Ifnet): void {
  for (const pr of nd.prefixes) {
    if (pr.ifp !== ifp) continue;
    prefixUnlink(nd, pr);
    for (const st of nd.ifas.values()) if (st.prefix === pr) st.prefix = null;
  }
  for (const dr of nd.defrouters) if (dr.ifp === ifp) defrouterDel(nd, dr);
  nd.dns.purge(ifp);
}

/** An address has come: if it is to be tested it is tentative from the first moment. */
export function nd6IfaArrived(nd: Nd6Vnet, ifa: Ifaddr): void {
  const ni = nd6Ifattach(nd, ifa.ifp);
  if (ni === null) return;
  nd6IfaOf(nd, ifa);
  if (dadWanted(ni, ifa)) {
    ifa.afflags |= IN6_IFF_TENTATIVE;
    // RFC 4429 §3.2: not for routers.
    if (nd.dadOptimistic && !nd.ip6v.forwarding) ifa.afflags |= IN6_IFF_OPTIMISTIC;
  } else {
    ifa.afflags &= ~IN6_IFF_TENTATIVE;
  }
  nd6AddOwn(ni, ifa);
}

/** Its groups are joined: the test begins. */
export function nd6IfaReady(nd: Nd6Vnet, ifa: Ifaddr): void {
  const ni = nd6IfOf(ifa.ifp);
  if (ni === null) return;
  nd.schedule(ifa.validUntilUs);
  nd.schedule(ifa.preferredUntilUs);
  if ((ifa.afflags & IN6_IFF_TENTATIVE) !== 0) dadStart(ni, ifa, startDelayUs(nd, ifa));
  else if (isLinkLocal(ifa.addr)) rtsolStart(ni);
}

/** The first test on an interface, which is that of its link-local address, waits a random time. */
function startDelayUs(nd: Nd6Vnet, ifa: Ifaddr): number {
  return isLinkLocal(ifa.addr) ? randomBelow(nd.vnet.kernel.random, MAX_DAD_DELAY_US) : 0;
}

/** An address has gone. */
export function nd6IfaGone(nd: Nd6Vnet, ifa: Ifaddr): void {
  const st = nd.ifas.get(ifa);
  const ni = nd6IfOf(ifa.ifp);
  if (st === undefined || ni === null) return;
  dadStop(ni, ifa);
  nd.ifas.delete(ifa);
  if (st.prefix !== null) prefixRele(nd, st.prefix);
  nd6DelOwn(ni, ifa);
}

/** The interface is up: addresses that are not tested yet are, and routers are asked for. Source: FreeBSD in6.c, in6_if_up(). */
export function nd6IfUp(nd: Nd6Vnet, ifp: Ifnet): void {
  const ni = nd6IfOf(ifp);
  if (ni === null) return;
  for (const ifa of ifp.addrs) {
    if (ifa.af === AF_INET6 && (ifa.afflags & IN6_IFF_TENTATIVE) !== 0) dadStart(ni, ifa, startDelayUs(nd, ifa));
  }
  pfxlistOnlinkCheck(nd, ifp);
  rtsolStart(ni);
}

/** It is down: what was known may be wrong when it comes back, and addresses are tested again then. Source: FreeBSD nd6.c, nd6_timer(), "mark the address as tentative for future DAD". */
export function nd6IfDown(nd: Nd6Vnet, ifp: Ifnet): void {
  const ni = nd6IfOf(ifp);
  if (ni === null) return;
  nd6Flush(ni);
  rtsolStop(ni);
  for (const ifa of ifp.addrs) if (ifa.af === AF_INET6) untest(ni, ifa);
  for (const dr of nd.defrouters) if (dr.ifp === ifp) defrouterDel(nd, dr);
  for (const pr of nd.prefixes) if (pr.ifp === ifp) prefixOfflink(nd, pr);
}

/** Marks an address for a test to come. */
function untest(ni: Nd6If, ifa: Ifaddr): void {
  dadStop(ni, ifa);
  if (!dadWanted(ni, ifa) || (ifa.afflags & IN6_IFF_NODAD) !== 0) return;
  ifa.afflags = (ifa.afflags & ~IN6_IFF_DUPLICATED) | IN6_IFF_TENTATIVE;
}

/** Forgets all neighbours but static ones and our own addresses. */
export function nd6Flush(ni: Nd6If): void {
  ni.nd.stat.dropped += ni.table.flush();
}

/** The interface has another link-layer address: ready-made headers change, and the neighbours are told (RFC 4861 §7.2.6). */
export function nd6LladdrChanged(ifp: Ifnet): void {
  const ni = nd6IfOf(ifp);
  const mac = ni?.mac() ?? null;
  if (ni === null || mac === null) return;
  ni.table.updateSource(mac);
  ni.table.forEach((lle) => {
    if ((lle.flags & LLE_IFADDR) !== 0) llentrySetAddr(lle, mac, 0, mac, ETHERTYPE_IPV6);
  });
  if ((ifp.stackFlags & IFF_UP) === 0 || (ni.ii.flags & ND6_IFF_IFDISABLED) !== 0) return;
  for (const ifa of ifp.addrs) {
    if (ifa.af === AF_INET6 && in6Ready(ifa)) nd6NaOutput(ni, IN6ADDR_LINKLOCAL_ALLNODES, ifa.addr, routerFlag(ni) | ND_NA_FLAG_OVERRIDE, mac);
  }
}

/**
 * Sets and clears ND6_IFF_* of an interface: `ifconfig em0 inet6 accept_rtadv -ifdisabled`. What follows from a change happens at once: IPv6 stops or starts again, routers are asked for, a
 * link-local address is made. An interface that is disabled because its link-local address is a duplicate stays so. Returns 0; EPFNOSUPPORT where there is no IPv6.
 * Source: FreeBSD nd6.c, nd6_ioctl(SIOCSIFINFO_FLAGS).
 */
export function nd6SetFlagsOf(nd: Nd6Vnet, ifp: Ifnet, set: number, clear: number): boolean {
  const ii = in6Ifinfo(ifp);
  if (ii === null) return false;
  const ni = nd6Ifattach(nd, ifp);
  const was = ii.flags;
  let flags = (was | set) & ~clear;
  if ((was & ND6_IFF_IFDISABLED) !== 0 && (flags & ND6_IFF_IFDISABLED) === 0 && linklocalDuplicated(ifp)) {
    nd.vnet.log.err('nd6', `${ifp.name}: cannot enable an interface with a link-local address marked duplicate`);
    flags |= ND6_IFF_IFDISABLED;
  }
  ii.flags = flags;
  if (ni === null) return true;
  const on = flags & ~was;
  const off = was & ~flags;
  if ((on & ND6_IFF_IFDISABLED) !== 0) {
    for (const ifa of ifp.addrs) if (ifa.af === AF_INET6) untest(ni, ifa);
    rtsolStop(ni);
  }
  if ((off & ND6_IFF_ACCEPT_RTADV) !== 0) rtsolStop(ni);
  if ((ifp.stackFlags & IFF_UP) === 0) return true;
  if ((on & ND6_IFF_AUTO_LINKLOCAL) !== 0 || (off & ND6_IFF_IFDISABLED) !== 0) in6Ifattach(ifp);
  if ((on & ND6_IFF_ACCEPT_RTADV) !== 0 || (off & ND6_IFF_IFDISABLED) !== 0) nd6IfUp(nd, ifp);
  if ((on & ND6_IFF_NO_RADR) !== 0) for (const dr of nd.defrouters) if (dr.ifp === ifp) defrouterDel(nd, dr);
  return true;
}

function linklocalDuplicated(ifp: Ifnet): boolean {
  return ifp.addrs.some((ifa) => ifa.af === AF_INET6 && isLinkLocal(ifa.addr) && (ifa.afflags & IN6_IFF_DUPLICATED) !== 0);
}

/** Interfaces that are there already: the module was loaded late. */
export function nd6Adopt(nd: Nd6Vnet): void {
  for (const ifp of IFNET.get(nd.vnet).list) {
    if (nd6Ifattach(nd, ifp) === null) continue;
    for (const ifa of ifp.addrs) {
      if (ifa.af !== AF_INET6) continue;
      nd6IfaArrived(nd, ifa);
      nd6IfaReady(nd, ifa);
    }
  }
}

/** The module goes: nothing stays that would call into it. Addresses under test are taken for good. */
export function nd6Abandon(nd: Nd6Vnet): void {
  for (const ifp of IFNET.get(nd.vnet).list) {
    for (const ifa of ifp.addrs) if (ifa.af === AF_INET6) ifa.afflags &= ~(IN6_IFF_TENTATIVE | IN6_IFF_OPTIMISTIC);
    nd6Ifdetach(nd, ifp);
  }
  nd.vnet.kernel.callouts.stop(nd.timer);
}
