import { EADDRNOTAVAIL, EHOSTUNREACH } from '@ns/errno';
import { type Ifaddr, IFNET, type Ifnet } from '@ns/ifnet';
import { IFF_UP } from '@ns/ifnet-kpi';
import type { Inpcb, IpPktopts } from '@ns/inpcb';
import { ribRoute6, RTF_BLACKHOLE, RTF_REJECT } from '@ns/route';
import { prisonCheckAddr, prisonFlag, type Ucred } from '@ns/vnet';
import { AF_INET6, type InAddr, isLinkLocal, isLoopback, isMulticast, needsZone6 } from '@ns/wire';
import { addrPolicyCount } from './addrctl.ts';
import { selectSource, type SourceCandidate, type SourceRules } from './addrsel.ts';
import { IN6_IFF_ANYCAST, IN6_IFF_DETACHED, IN6_IFF_PREFER_SOURCE, IN6_IFF_TEMPORARY, in6Deprecated, in6Invalid, in6Ready, ND6_IFF_IFDISABLED } from './in6-var.ts';
import { in6Ifinfo, type Ip6Vnet } from './ip6-vnet.ts';
import { mcastIfp } from './multicast.ts';
import { in6Scope, in6ScopeOf, IPV6_ADDR_SCOPE_LINKLOCAL } from './scope.ts';

/** A candidate that remembers its address object. */
interface Candidate extends SourceCandidate {
  readonly ifa: Ifaddr;
}

/**
 * The source address for `dst` from all usable ones of the vnet that the user of `inp` has (null: whatever there is), for a packet that leaves by `oif`; null if there is none. Gathers
 * the candidates of RFC 6724 §4, which {@link selectSource} then judges. `hop` is the neighbour that the packet goes to first, where it is known: addresses whose prefix it announces are preferred.
 * `preferTempaddr`: as for IPV6_PREFER_TEMPADDR.
 * @public
 */
export function in6SourceOn(ip6v: Ip6Vnet, dst: InAddr, oif: Ifnet, inp: Inpcb | null = null, hop: InAddr | null = null, preferTempaddr: number = -1): InAddr | null {
  const cred = inp !== null && prisonFlag(inp.cred, AF_INET6) ? inp.cred : null;
  const own = ip6v.addrs.find(dst);
  // To ourselves, from the same address: the usual case of loopback needs no table.
  if (own !== null && usable(ip6v, own) && (cred === null || prisonCheckAddr(cred, own.addr) === 0)) return own.addr;
  const now = ip6v.vnet.kernel.callouts.nowUs();
  // Rule 2: for a destination of a wider scope a link-local source does only if there is no other.
  const local = in6ScopeOf(dst) <= IPV6_ADDR_SCOPE_LINKLOCAL;
  const preferTemporary = preferTempaddr < 0 ? ip6v.preferTempaddr : preferTempaddr !== 0;
  let best = bestOf(ip6v, dst, oif, hop, cred, now, local, preferTemporary);
  if (best === null && !local) best = bestOf(ip6v, dst, oif, hop, cred, now, true, preferTemporary);
  if (best === null) return null;
  count(ip6v, best, dst);
  addrPolicyCount(ip6v, dst, best.addr);
  return best.addr;
}

/** The best of all candidates, or without `local` of those that are not link-local; a single one is not compared with anything. */
function bestOf(ip6v: Ip6Vnet, dst: InAddr, oif: Ifnet, hop: InAddr | null, cred: Ucred | null, now: number, local: boolean, preferTemporary: boolean): Candidate | null {
  const all = ip6v.addrs.all();
  let first: Ifaddr | null = null;
  let candidates: Candidate[] | null = null;
  for (let i = 0; i < all.length; i++) {
    const ifa = all[i] as Ifaddr;
    if ((!local && isLinkLocal(ifa.addr)) || !fits(ip6v, ifa, dst, oif, now) || (cred !== null && prisonCheckAddr(cred, ifa.addr) !== 0)) continue;
    if (first === null) first = ifa;
    else (candidates ??= [candidateOf(ip6v, first, oif, hop, now)]).push(candidateOf(ip6v, ifa, oif, hop, now));
  }
  if (first === null) return null;
  if (candidates === null) return candidateOf(ip6v, first, oif, null, now);
  const rules: SourceRules = { policy: ip6v.policy, preferTemporary };
  return selectSource(dst, candidates, rules) as Candidate | null;
}

function candidateOf(ip6v: Ip6Vnet, ifa: Ifaddr, oif: Ifnet, hop: InAddr | null, now: number): Candidate {
  const f = ifa.afflags;
  const { nd } = ip6v;
  return {
    ifa,
    addr: ifa.addr,
    prefixlen: ifa.prefixlen,
    deprecated: in6Deprecated(ifa, now),
    onOutgoing: ifa.ifp === oif,
    advertised: hop !== null && ifa.ifp === oif && nd?.advertised?.(ifa, hop) === true,
    temporary: (f & IN6_IFF_TEMPORARY) !== 0,
    preferred: (f & IN6_IFF_PREFER_SOURCE) !== 0,
  };
}

/** Whether an address may be a source at all: ready, not anycast, not over, and its interface speaks IPv6. */
function usable(ip6v: Ip6Vnet, ifa: Ifaddr): boolean {
  const f = ifa.afflags;
  if (!in6Ready(ifa) || (f & (IN6_IFF_ANYCAST | IN6_IFF_DETACHED)) !== 0 || (ifa.ifp.stackFlags & IFF_UP) === 0) return false;
  const now = ip6v.vnet.kernel.callouts.nowUs();
  const ii = in6Ifinfo(ifa.ifp);
  return !in6Invalid(ifa, now) && (ip6v.useDeprecated || !in6Deprecated(ifa, now)) && ii !== null && (ii.flags & ND6_IFF_IFDISABLED) === 0;
}

/** Whether an address may be the source of a packet to `dst` by `oif`: usable, and its zone is that of the destination (RFC 6724 §4). */
function fits(ip6v: Ip6Vnet, ifa: Ifaddr, dst: InAddr, oif: Ifnet, now: number): boolean {
  const a = ifa.addr;
  // Link-local addresses of other links, and loopback for anywhere but here.
  if (isLinkLocal(a) && a.zone !== oif.index) return false;
  if (isLoopback(a) && !isLoopback(dst)) return false;
  // For link-local and multicast destinations only addresses of the link (RFC 6724 §4).
  return (ifa.ifp === oif || !(needsZone6(dst.w0) || isMulticast(dst))) && !in6Invalid(ifa, now) && usable(ip6v, ifa);
}

function count(ip6v: Ip6Vnet, c: Candidate, dst: InAddr): void {
  const { stat } = ip6v;
  const a = c.addr;
  const scope = in6Scope(a.w0, a.w1, a.w2, a.w3);
  if (c.onOutgoing) stat.sources_sameif[scope]!++;
  else stat.sources_otherif[scope]!++;
  if (scope === in6ScopeOf(dst)) stat.sources_samescope[scope]!++;
  else stat.sources_otherscope[scope]!++;
  if (c.deprecated) stat.sources_deprecated[scope]!++;
}

/**
 * The interface where `hop`, a next hop that the application named, is a neighbour; null if it is none, or not on the interface that was named too (RFC 3542 §6.4). A link-local one without a zone is
 * on that interface.
 * Source: FreeBSD in6_src.c, in6_selectroute().
 */
export function in6NexthopIfp(ip6v: Ip6Vnet, fib: number, opts: IpPktopts, hop: InAddr): Ifnet | null {
  let ifp: Ifnet | null;
  if (isLinkLocal(hop)) {
    ifp = hop.zone === 0 ? opts.ifp : (IFNET.get(ip6v.vnet).list.find((i) => i.index === hop.zone) ?? null);
  } else {
    const nh = ip6v.route.inet6(fib).lookup6(hop.w0, hop.w1, hop.w2, hop.w3, 0);
    ifp = nh === null || nh.gw !== null || (nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0 ? null : nh.ifp;
  }
  return opts.ifp === null || opts.ifp === ifp ? ifp : null;
}

/**
 * Source address for `dst` of a socket, in routing table `fib`, for a packet that is sent with `opts`: an address, or EHOSTUNREACH (no way), EADDRNOTAVAIL (no address).
 * Source: FreeBSD in6_src.c, in6_selectsrc_socket().
 */
export function in6Selectsrc(ip6v: Ip6Vnet, fib: number, dst: InAddr, inp: Inpcb | null, opts: IpPktopts | null): InAddr | number {
  let oif: Ifnet | null;
  let hop: InAddr | null = null;
  if (isMulticast(dst)) {
    oif = opts?.ifp ?? inp?.opts?.moptions?.ifp ?? mcastIfp(ip6v, dst);
  } else if (opts !== null && opts.nexthop !== null) {
    oif = in6NexthopIfp(ip6v, fib, opts, opts.nexthop);
    hop = opts.nexthop;
  } else {
    const nh = ribRoute6(ip6v.route.inet6(fib), ip6v.askedRo, dst.w0, dst.w1, dst.w2, dst.w3, dst.zone);
    if (nh !== null && (nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return EHOSTUNREACH;
    oif = opts !== null && opts.ifp !== null ? opts.ifp : nh === null ? null : nh.aifp;
    hop = nh === null ? null : nh.gw;
  }
  if (oif === null) return EHOSTUNREACH;
  const src = in6SourceOn(ip6v, dst, oif, inp, hop, opts === null ? -1 : opts.preferTempaddr);
  if (src !== null) return src;
  ip6v.stat.sources_none++;
  return EADDRNOTAVAIL;
}
