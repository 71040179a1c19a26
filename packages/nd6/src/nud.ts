import { Callout } from '@ns/callout';
import type { Ifaddr } from '@ns/ifnet';
import { IFF_POINTOPOINT } from '@ns/ifnet-kpi';
import { icmp6Error, ND6_IFF_PERFORMNUD } from '@ns/ip6';
import {
  LLE_DELETED,
  LLE_IFADDR,
  LLE_REDIRECT,
  LLE_STATIC,
  LLE_VALID,
  type Llentry,
  llentryRequestFeedback,
  llentrySetAddr,
  LLSTATE_INCOMPLETE,
  LLSTATE_REACHABLE,
  type LltableOps,
} from '@ns/lltable';
import type { Mbuf } from '@ns/mbuf';
import { AF_INET6, ETHERTYPE_IPV6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, type InAddr, inAddrEqual, isLinkLocal, prefixMatches } from '@ns/wire';
import { RT_DEFAULT_FIB } from '@ns/route';
import { defrouterUnreachable, rt6Flush, rt6FlushRedirect } from './defrouter.ts';
import { defrouterLookup } from './lists.ts';
import { type Nd6If, nd6IfOf } from './nd-if.ts';
import { nd6HoldSource, nd6NsOutput } from './out.ts';

/** Neighbour state: asked for, no answer yet. Source: FreeBSD nd6.h. @public */
export const ND6_LLINFO_INCOMPLETE: number = LLSTATE_INCOMPLETE;
/** Neighbour state: has answered lately. @public */
export const ND6_LLINFO_REACHABLE: number = LLSTATE_REACHABLE;
/** Neighbour state: has answered, but long ago; asked again when it is used. @public */
export const ND6_LLINFO_STALE = 2;
/** Neighbour state: used since; a transport may yet say that it is reachable. @public */
export const ND6_LLINFO_DELAY = 3;
/** Neighbour state: being asked by unicast. @public */
export const ND6_LLINFO_PROBE = 4;

const SEC = 1000000;

/** What lltable asks of us. */
export const nd6LltableOps: LltableOps = Object.freeze({
  removed(lle: Llentry): void {
    if (lle.timer instanceof Callout) lle.tbl.ifp.core.kernel.callouts.stop(lle.timer);
  },
  /** RFC 4861 §7.3.3: the first packet to a stale neighbour starts the delay after which it is asked. */
  used(lle: Llentry): void {
    if (lle.state !== ND6_LLINFO_STALE) return;
    const ni = nd6IfOf(lle.tbl.ifp);
    if (ni !== null) nd6LlinfoSetstate(ni, lle, ND6_LLINFO_DELAY);
  },
});

/** A new entry with its timer, or null when the table is full. */
export function nd6Alloc(ni: Nd6If, addr: InAddr, flags: number): Llentry | null {
  ni.table.limit = ni.nd.maxentries;
  const lle = ni.table.create(addr, flags);
  if (lle !== null) lle.timer = new Callout(nd6LlinfoTimer, lle);
  return lle;
}

function arm(ni: Nd6If, lle: Llentry, us: number): void {
  const { callouts } = ni.nd.vnet.kernel;
  lle.expireUs = callouts.nowUs() + us;
  callouts.reset(lle.timer as Callout<Llentry>, us);
}

/** Takes an entry to another state of RFC 4861 §7.3.2 and arms what ends it. Source: FreeBSD nd6.c, nd6_llinfo_setstate(). */
export function nd6LlinfoSetstate(ni: Nd6If, lle: Llentry, state: number): void {
  lle.state = state;
  if ((lle.flags & LLE_STATIC) !== 0) return;
  switch (state) {
    case ND6_LLINFO_REACHABLE:
      lle.asked = 0;
      arm(ni, lle, ni.reachable() * 1000);
      return;
    case ND6_LLINFO_STALE:
      llentryRequestFeedback(lle);
      arm(ni, lle, ni.nd.gctimer * SEC);
      return;
    case ND6_LLINFO_DELAY:
      lle.asked = 0;
      arm(ni, lle, ni.nd.delay * SEC);
      return;
    default:
      arm(ni, lle, ni.retransMs * 1000);
  }
}

/** The time of a state is over. Source: FreeBSD nd6.c, nd6_llinfo_timer(); RFC 4861 App. C. */
function nd6LlinfoTimer(lle: Llentry): void {
  const ni = nd6IfOf(lle.tbl.ifp);
  if (ni === null || (lle.flags & (LLE_DELETED | LLE_STATIC)) !== 0) return;
  switch (lle.state) {
    case ND6_LLINFO_INCOMPLETE:
      if (lle.asked < ni.nd.mmaxtries) nd6Ask(ni, lle);
      else nd6NoAnswer(ni, lle);
      return;
    case ND6_LLINFO_REACHABLE:
      nd6LlinfoSetstate(ni, lle, ND6_LLINFO_STALE);
      return;
    case ND6_LLINFO_STALE:
      nd6Free(ni, lle, true);
      return;
    case ND6_LLINFO_DELAY:
      if ((ni.ii.flags & ND6_IFF_PERFORMNUD) === 0) {
        nd6LlinfoSetstate(ni, lle, ND6_LLINFO_STALE);
        return;
      }
      lle.state = ND6_LLINFO_PROBE;
      nd6Ask(ni, lle);
      return;
    default:
      if (lle.asked < ni.nd.umaxtries) {
        nd6Ask(ni, lle);
        return;
      }
      ni.nd.stat.timeouts++;
      nd6Free(ni, lle, false);
  }
}

/** Asks for the neighbour once more: everybody while it is unknown, itself when it is to confirm. */
export function nd6Ask(ni: Nd6If, lle: Llentry): void {
  lle.asked++;
  nd6LlinfoSetstate(ni, lle, lle.state);
  const src = nd6HoldSource(ni, lle);
  nd6NsOutput(ni, src, lle.state === ND6_LLINFO_INCOMPLETE ? null : lle.addr, lle.addr);
}

/** Nobody has answered: those who wait are told (RFC 4861 §7.2.2), the entry goes. */
function nd6NoAnswer(ni: Nd6If, lle: Llentry): void {
  ni.nd.stat.timeouts++;
  ni.nd.stat.dropped += lle.numHeld;
  const waiting = lle.takeAllHeld();
  nd6Free(ni, lle, false);
  for (let m = waiting; m !== null; ) {
    const next: Mbuf | null = m.nextpkt;
    m.nextpkt = null;
    m.rcvif = ni.ifp.handle; // the zone of what it quotes
    icmp6Error(ni.nd.ip6v, m, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0);
    m = next;
  }
}

/**
 * Takes an entry out; `gc`: nobody has used it for long. What depended on the neighbour learns of it: a default router that does not answer gives way to another, routes that redirects made by
 * way of it go. A default router is not collected as long as it is one. Source: FreeBSD nd6.c, nd6_free().
 */
export function nd6Free(ni: Nd6If, lle: Llentry, gc: boolean): void {
  const { nd } = ni;
  const dr = defrouterLookup(nd.defrouters, lle.addr, ni.ifp);
  if (gc && dr !== null) {
    nd6LlinfoSetstate(ni, lle, ND6_LLINFO_STALE);
    return;
  }
  nd.stat.dropped += ni.table.remove(lle);
  if (lle.isRouter || dr !== null) rt6Flush(nd, lle.addr, ni.ifp);
  if ((lle.flags & LLE_REDIRECT) !== 0) rt6FlushRedirect(nd, lle.addr, ni.ifp);
  if (dr !== null) defrouterUnreachable(nd);
}

/** Enters the link-layer address of a neighbour. True if it is another one than before. */
export function nd6SetLladdr(ni: Nd6If, lle: Llentry, mac: Uint8Array, o: number): boolean {
  const own = ni.mac();
  return own !== null && llentrySetAddr(lle, mac, o, own, ETHERTYPE_IPV6);
}

/** Sends what has waited for `lle`. Source: FreeBSD nd6.c, nd6_grab_holdchain(), nd6_flush_holdchain(). */
export function nd6FlushHeld(ni: Nd6If, lle: Llentry): void {
  if ((lle.flags & LLE_VALID) === 0) return;
  const ro = ni.nd.heldRo;
  let m: Mbuf | null = lle.takeAllHeld();
  while (m !== null) {
    const next: Mbuf | null = m.nextpkt;
    m.nextpkt = null;
    ro.lle = lle;
    ni.ifp.output(ni.ifp, m, AF_INET6, lle.addr, ro);
    m = next;
  }
  ro.lle = null;
}

/** A transport has had an answer by way of `lle`: it is reachable (RFC 4861 §7.3.1). Allocates nothing. Source: FreeBSD nd6.c, nd6_nud_hint(). */
export function nd6NudHint(lle: Llentry): void {
  if (lle.state <= ND6_LLINFO_REACHABLE || (lle.flags & (LLE_DELETED | LLE_STATIC)) !== 0) return;
  const ni = nd6IfOf(lle.tbl.ifp);
  if (ni !== null) nd6LlinfoSetstate(ni, lle, ND6_LLINFO_REACHABLE);
}

/** Enters our own address, so that `ndp -a` shows it and nobody else can take it. */
export function nd6AddOwn(ni: Nd6If, ifa: Ifaddr): void {
  const was = ni.table.lookup(ifa.addr);
  if (was !== null) ni.nd.stat.dropped += ni.table.remove(was);
  const mac = ni.mac();
  if (mac === null) return;
  const lle = nd6Alloc(ni, ifa.addr, LLE_IFADDR | LLE_STATIC);
  if (lle === null) return;
  llentrySetAddr(lle, mac, 0, mac, ETHERTYPE_IPV6);
  lle.state = ND6_LLINFO_REACHABLE;
}

/** Our address goes, and with it the neighbours that were on its prefix only. Source: FreeBSD in6.c, in6_purgeaddr(). */
export function nd6DelOwn(ni: Nd6If, ifa: Ifaddr): void {
  const own = ni.table.lookup(ifa.addr);
  if (own !== null && (own.flags & LLE_IFADDR) !== 0) ni.nd.stat.dropped += ni.table.remove(own);
  if (isLinkLocal(ifa.addr)) return; // fe80::/10 stays on the link
  ni.table.forEach((lle) => {
    if ((lle.flags & LLE_STATIC) === 0 && prefixMatches(lle.addr, ifa.addr, ifa.prefixlen) && !nd6IsAddrNeighbor(ni, lle.addr, false)) nd6Free(ni, lle, false);
  });
}

/**
 * Whether an address is one that can be on the link of the interface: link-local, inside a prefix of it, its far end, routed to it without a gateway. With `cache`, also one that is in the cache.
 * Source: FreeBSD nd6.c, nd6_is_addr_neighbor().
 */
export function nd6IsAddrNeighbor(ni: Nd6If, a: InAddr, cache: boolean): boolean {
  const { ifp, nd } = ni;
  if (isLinkLocal(a)) return a.zone === ifp.index;
  for (const pr of nd.prefixes) if (pr.ifp === ifp && pr.onlink && prefixMatches(pr.prefix, a, pr.prefixlen)) return true;
  for (const ifa of ifp.addrs) {
    if (ifa.af !== AF_INET6) continue;
    if ((ifp.stackFlags & IFF_POINTOPOINT) !== 0 && ifa.dst !== null && inAddrEqual(ifa.dst, a)) return true;
  }
  const nh = nd.ip6v.route.inet6(RT_DEFAULT_FIB).lookup6(a.w0, a.w1, a.w2, a.w3, 0);
  if (nh !== null && nh.ifp === ifp && nh.gw === null) return true;
  if (nd.defifp === ifp && nd.defrouters.length === 0) return true;
  return cache && ni.table.lookup(a) !== null;
}
