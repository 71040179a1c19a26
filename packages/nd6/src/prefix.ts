import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { IFF_UP } from '@ns/ifnet-kpi';
import { IN6_IFF_AUTOCONF, IN6_IFF_DEPRECATED, IN6_IFF_DETACHED, IN6_IFF_TEMPORARY, IN6_IFF_TENTATIVE } from '@ns/ip6';
import { ribAdd, ribDelete, RTF_GATEWAY, RTF_PINNED } from '@ns/route';
import { AF_INET6, type InAddr, inAddr6, inAddrEqual, isLinkLocal, isMulticast, maskInAddr, ND_OPT_PI_FLAG_AUTO, ND_OPT_PI_FLAG_ONLINK, type NdPrefixInfo } from '@ns/wire';
import { dadStart, dadWanted } from './dad.ts';
import { lifetimeEndUs, lifetimeLeft, slaacValidLifetime } from './lifetime.ts';
import { NDPRF_DETACHED, NDPRF_ONLINK, NdPrefix, prefixLookup } from './lists.ts';
import { type Nd6If, nd6IfOf } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { in6Ifadd } from './slaac.ts';
import { tempEnsure, tempLifetimes } from './temp.ts';

/**
 * Takes in a prefix that the router `from` announces: on-link determination and address autoconfiguration.
 * Source: FreeBSD nd6_rtr.c, prelist_update(); RFC 4861 §6.3.4, RFC 4862 §5.5.3.
 */
export function prelistUpdate(ni: Nd6If, pi: NdPrefixInfo, from: InAddr): void {
  const { nd, ifp } = ni;
  const addr = inAddr6(pi.prefix0, pi.prefix1, pi.prefix2, pi.prefix3);
  if (isMulticast(addr) || isLinkLocal(addr)) {
    nd.stat.ra_ignored++;
    return;
  }
  const prefix = maskInAddr(addr, pi.prefixlen);
  const onlink = (pi.flags & ND_OPT_PI_FLAG_ONLINK) !== 0;
  const auto = (pi.flags & ND_OPT_PI_FLAG_AUTO) !== 0;
  let pr = prefixLookup(nd.prefixes, prefix, pi.prefixlen, ifp);
  if (pr === null) {
    if (pi.validSec === 0 || !(onlink || auto)) return;
    pr = prelistAdd(ni, prefix, pi.prefixlen);
    if (pr === null) return;
  }
  pr.onlink ||= onlink;
  pr.auto ||= auto;
  pr.validSec = pi.validSec;
  pr.preferredSec = pi.preferredSec;
  const now = nd.nowUs();
  // A prefix that is not on the link is kept for its addresses only.
  if (onlink) pr.expireUs = lifetimeEndUs(now, pi.validSec);
  else if (!pr.onlink) pr.expireUs = now;
  if (!pr.advrtrs.some((a) => inAddrEqual(a, from)) && pr.advrtrs.length < NdPrefix.MAX_ADVRTRS) pr.advrtrs = [...pr.advrtrs, from];
  if (pr.onlink && !prefixExpired(pr, now)) prefixOnlink(nd, pr);
  nd.schedule(pr.expireUs);
  if (auto) autoconf(ni, pr, pi.validSec, pi.preferredSec, now);
  if (pr.addrcnt === 0 && prefixExpired(pr, now)) prefixUnlink(nd, pr);
}

function prefixExpired(pr: NdPrefix, now: number): boolean {
  return pr.expireUs !== 0 && pr.expireUs <= now;
}

/** RFC 4862 §5.5.3 (c) to (e). */
function autoconf(ni: Nd6If, pr: NdPrefix, validSec: number, preferredSec: number, now: number): void {
  const { nd } = ni;
  if (preferredSec > validSec) {
    nd.stat.ra_ignored++;
    return;
  }
  let found = false;
  for (const ifa of ni.ifp.addrs) {
    if ((ifa.afflags & IN6_IFF_AUTOCONF) === 0 || nd.ifas.get(ifa)?.prefix !== pr) continue;
    const valid = slaacValidLifetime(lifetimeLeft(now, ifa.validUntilUs), validSec);
    if ((ifa.afflags & IN6_IFF_TEMPORARY) !== 0) {
      tempLifetimes(nd, ifa, valid, preferredSec, now);
      continue;
    }
    found = true;
    ifa.validUntilUs = lifetimeEndUs(now, valid);
    ifa.preferredUntilUs = lifetimeEndUs(now, preferredSec);
    if (preferredSec > 0) ifa.afflags &= ~IN6_IFF_DEPRECATED;
    nd.schedule(ifa.validUntilUs);
    nd.schedule(ifa.preferredUntilUs);
  }
  if (!found && validSec > 0) in6Ifadd(ni, pr, validSec, preferredSec);
  tempEnsure(ni, pr);
}

/** A new prefix in the list, or null when the interface has as many as it may. Source: FreeBSD nd6_rtr.c, nd6_prelist_add(). */
function prelistAdd(ni: Nd6If, prefix: InAddr, prefixlen: number): NdPrefix | null {
  const { nd, ifp } = ni;
  if (nd.maxifprefixes >= 0 && nd.prefixes.filter((x) => x.ifp === ifp).length >= nd.maxifprefixes) {
    nd.stat.prefix_limit++;
    return null;
  }
  const pr = new NdPrefix(prefix, prefixlen, ifp);
  nd.prefixes = [...nd.prefixes, pr];
  return pr;
}

/** Takes a prefix out of the list. Source: FreeBSD nd6.c, nd6_prefix_unlink(), nd6_prefix_del(). */
export function prefixUnlink(nd: Nd6Vnet, pr: NdPrefix): void {
  prefixOfflink(nd, pr);
  nd.prefixes = nd.prefixes.filter((x) => x !== pr);
}

/** An address of a prefix has gone. */
export function prefixRele(nd: Nd6Vnet, pr: NdPrefix): void {
  pr.addrcnt--;
  if (pr.addrcnt === 0 && prefixExpired(pr, nd.nowUs())) prefixUnlink(nd, pr);
}

/** Makes the routes to a prefix by its interface; one that is there already stays. Source: FreeBSD nd6_rtr.c, nd6_prefix_onlink(). */
function prefixOnlink(nd: Nd6Vnet, pr: NdPrefix): void {
  if ((pr.ifp.stackFlags & IFF_UP) === 0 || (pr.state & NDPRF_DETACHED) !== 0) return;
  pr.state |= NDPRF_ONLINK;
  nd.ip6v.route.forEachFibOf(pr.ifp, AF_INET6, (rib) => {
    if (rib.get(pr.prefix, pr.prefixlen) === null) ribAdd(rib, { dst: pr.prefix, prefixlen: pr.prefixlen, flags: 0, ifp: pr.ifp });
  });
}

/** Removes the routes to a prefix, but those that belong to an address that was configured by hand. Source: FreeBSD nd6_rtr.c, nd6_prefix_offlink(). */
export function prefixOfflink(nd: Nd6Vnet, pr: NdPrefix): void {
  if ((pr.state & NDPRF_ONLINK) === 0) return;
  pr.state &= ~NDPRF_ONLINK;
  nd.ip6v.route.forEachRib((rib) => {
    if (rib.af !== AF_INET6) return;
    const rt = rib.get(pr.prefix, pr.prefixlen);
    if (rt !== null && rt.nh.ifp === pr.ifp && (rt.nh.flags & (RTF_PINNED | RTF_GATEWAY)) === 0) ribDelete(rib, { dst: pr.prefix, prefixlen: pr.prefixlen, flags: 0 });
  });
  // The same prefix on another interface takes over.
  for (const other of nd.prefixes) {
    if (other !== pr && other.prefixlen === pr.prefixlen && inAddrEqual(other.prefix, pr.prefix) && (other.state & NDPRF_ONLINK) !== 0) prefixOnlink(nd, other);
  }
}

/** Whether the router at `hop` announces the prefix of an address, made from it or not (RFC 6724 rule 5.5). */
export function prefixAdvertisedBy(nd: Nd6Vnet, ifa: Ifaddr, hop: InAddr): boolean {
  const pr = nd.ifas.get(ifa)?.prefix ?? prefixLookup(nd.prefixes, maskInAddr(ifa.addr, ifa.prefixlen), ifa.prefixlen, ifa.ifp);
  return pr !== null && pr.advrtrs.some((a) => inAddrEqual(a, hop));
}

/** Whether one of those who announce the prefix is probably reachable. Source: FreeBSD nd6_rtr.c, find_pfxlist_reachable_router(). */
function hasReachableRouter(ni: Nd6If, pr: NdPrefix): boolean {
  return pr.advrtrs.some((a) => ni.probablyReachable(a));
}

/**
 * Looks again which prefixes of an interface are on its link: where some have a router that answers, those without one are taken for left behind, with their addresses; where none has one,
 * nothing can be said and all count. Also puts routes back that others have removed.
 *
 * Differs: FreeBSD judges the prefixes of all interfaces together.
 * Source: FreeBSD nd6_rtr.c, pfxlist_onlink_check().
 */
export function pfxlistOnlinkCheck(nd: Nd6Vnet, ifp: Ifnet): void {
  const ni = nd6IfOf(ifp);
  if (ni === null) return;
  const now = nd.nowUs();
  const mine = nd.prefixes.filter((pr) => pr.ifp === ifp);
  const lone = nd.defrouters.some((dr) => dr.ifp === ifp && ni.probablyReachable(dr.addr) && !mine.some((pr) => pr.advrtrs.some((a) => inAddrEqual(a, dr.addr))));
  const known = lone || mine.some((pr) => hasReachableRouter(ni, pr));
  for (const pr of mine) {
    const detached = known && !hasReachableRouter(ni, pr);
    pr.state = detached ? pr.state | NDPRF_DETACHED : pr.state & ~NDPRF_DETACHED;
    if (!pr.onlink || prefixExpired(pr, now)) continue;
    if (detached) prefixOfflink(nd, pr);
    else prefixOnlink(nd, pr);
  }
  for (const [ifa, st] of [...nd.ifas]) {
    if (st.prefix !== null && ifa.ifp === ifp) setDetached(ni, ifa, (st.prefix.state & NDPRF_DETACHED) !== 0);
  }
}

/** An address that is attached again is tested again: its owner may have been elsewhere. */
function setDetached(ni: Nd6If, ifa: Ifaddr, detached: boolean): void {
  if (detached) {
    ifa.afflags |= IN6_IFF_DETACHED;
    return;
  }
  if ((ifa.afflags & IN6_IFF_DETACHED) === 0) return;
  ifa.afflags &= ~IN6_IFF_DETACHED;
  if (!dadWanted(ni, ifa)) return;
  ifa.afflags |= IN6_IFF_TENTATIVE;
  dadStart(ni, ifa, 0);
}

/** Forgets a router that no longer announces anything: prefixes lose it. */
export function prefixForgetRouter(nd: Nd6Vnet, addr: InAddr, ifp: Ifnet): void {
  for (const pr of nd.prefixes) if (pr.ifp === ifp) pr.advrtrs = pr.advrtrs.filter((a) => !inAddrEqual(a, addr));
}
