import type { Ifnet } from '@ns/ifnet';
import { type InAddr, inAddrEqual, ND_RA_FLAG_RTPREF_HIGH, ND_RA_FLAG_RTPREF_LOW, ND_RA_FLAG_RTPREF_MASK } from '@ns/wire';

/** Prefix state: there is a route to it by its interface. Source: FreeBSD nd6.h. @public */
export const NDPRF_ONLINK = 0x1;
/** Prefix state: none of the routers that announce it answers. @public */
export const NDPRF_DETACHED = 0x2;

/**
 * A router that offers itself as a default router. Source: FreeBSD nd6.h, struct nd_defrouter.
 * @public
 */
export class NdDefrouter {
  /** Its link-local address. */
  readonly addr: InAddr;
  /** The interface that it is on. */
  readonly ifp: Ifnet;
  /** ND_RA_FLAG_* of its last advertisement. */
  raflags: number;
  /** Lifetime as it was announced, seconds. */
  lifetimeSec: number;
  /** Kernel time (µs) until which it may be used. */
  expireUs: number;
  /** The default route leads to it. */
  installed: boolean;

  constructor(addr: InAddr, ifp: Ifnet) {
    this.addr = addr;
    this.ifp = ifp;
    this.raflags = 0;
    this.lifetimeSec = 0;
    this.expireUs = 0;
    this.installed = false;
  }
}

/**
 * A prefix that routers announce. Source: FreeBSD nd6.h, struct nd_prefix.
 * @public
 */
export class NdPrefix {
  /** The prefix, all bits behind it 0. */
  readonly prefix: InAddr;
  /** Its length. */
  readonly prefixlen: number;
  /** The interface. */
  readonly ifp: Ifnet;
  /** The L flag has been seen: it is on the link. Once set it stays. */
  onlink: boolean;
  /** The A flag has been seen: addresses are made from it. Once set it stays. */
  auto: boolean;
  /** Valid lifetime as it was announced last, seconds. */
  validSec: number;
  /** Preferred lifetime, seconds. */
  preferredSec: number;
  /** Kernel time (µs) until which it is on the link; 0 = for ever. */
  expireUs: number;
  /** NDPRF_*. */
  state: number;
  /** Addresses made from it. */
  addrcnt: number;
  /** DAD_Counter of the identifiers made for it (RFC 7217 §5). */
  dadCounter: number;
  /** Temporary identifiers in a row that were taken. */
  tempTries: number;
  /** No temporary addresses any more: too many were taken. */
  tempFailed: boolean;
  /** Those who announce it, default routers or not; the first ones, up to {@link NdPrefix.MAX_ADVRTRS}. */
  advrtrs: readonly InAddr[];

  /** Routers that are remembered for one prefix. */
  static readonly MAX_ADVRTRS = 10;

  constructor(prefix: InAddr, prefixlen: number, ifp: Ifnet) {
    this.prefix = prefix;
    this.prefixlen = prefixlen;
    this.ifp = ifp;
    this.onlink = false;
    this.auto = false;
    this.validSec = 0;
    this.preferredSec = 0;
    this.expireUs = 0;
    this.state = 0;
    this.addrcnt = 0;
    this.dadCounter = 0;
    this.tempTries = 0;
    this.tempFailed = false;
    this.advrtrs = [];
  }
}

/** What neighbour discovery keeps for one address. @alpha */
export class Nd6Ifaddr {
  /** The test under way, or null. */
  dad: object | null;
  /** The prefix that it was made from, or null. */
  prefix: NdPrefix | null;
  /** Of a temporary address: when it was made, µs. */
  createdUs: number;
  /** Of a temporary address: seconds by which it gives way early (RFC 8981 §3.8, DESYNC_FACTOR). */
  desyncSec: number;

  constructor() {
    this.dad = null;
    this.prefix = null;
    this.createdUs = 0;
    this.desyncSec = 0;
  }
}

/** Rank of a router by the preference it gives itself: 1 high, 0 medium or reserved, -1 low (RFC 4191 §2.1). Source: FreeBSD nd6_rtr.c, rtpref(). */
export function rtpref(raflags: number): number {
  switch (raflags & ND_RA_FLAG_RTPREF_MASK) {
    case ND_RA_FLAG_RTPREF_HIGH:
      return 1;
    case ND_RA_FLAG_RTPREF_LOW:
      return -1;
    default:
      return 0;
  }
}

/** The router of that address on that interface, or null. Source: FreeBSD nd6_rtr.c, defrouter_lookup(). */
export function defrouterLookup(list: readonly NdDefrouter[], addr: InAddr, ifp: Ifnet): NdDefrouter | null {
  for (const dr of list) if (dr.ifp === ifp && inAddrEqual(dr.addr, addr)) return dr;
  return null;
}

/** The list with `dr` in its place: by falling preference, then by age. */
export function defrouterInsert(list: readonly NdDefrouter[], dr: NdDefrouter): NdDefrouter[] {
  const rest = list.filter((x) => x !== dr);
  const at = rest.findIndex((x) => rtpref(dr.raflags) > rtpref(x.raflags));
  rest.splice(at < 0 ? rest.length : at, 0, dr);
  return rest;
}

/** The prefix of that length on that interface, or null. Source: FreeBSD nd6_rtr.c, nd6_prefix_lookup(). */
export function prefixLookup(list: readonly NdPrefix[], prefix: InAddr, prefixlen: number, ifp: Ifnet): NdPrefix | null {
  for (const pr of list) if (pr.ifp === ifp && pr.prefixlen === prefixlen && inAddrEqual(pr.prefix, prefix)) return pr;
  return null;
}

/**
 * The router that the default route should lead to: the first one (by preference) that is probably reachable, but the present one if it is reachable and no less preferred; when none is,
 * the next of the list after the present one, so that all get their turn. Null: the list is empty.
 * Source: RFC 4861 §6.3.6; FreeBSD nd6_rtr.c, defrouter_select_fib().
 */
export function defrouterPick(list: readonly NdDefrouter[], reachable: (dr: NdDefrouter) => boolean): NdDefrouter | null {
  const installed = list.findIndex((dr) => dr.installed);
  const first = list.find(reachable);
  if (first === undefined) return list[installed < 0 ? 0 : (installed + 1) % list.length] ?? null;
  const present = list[installed];
  return present !== undefined && reachable(present) && rtpref(first.raflags) <= rtpref(present.raflags) ? present : first;
}
