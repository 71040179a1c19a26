import { ENOBUFS, ENXIO } from '@ns/errno';
import { icmp6Output, IN6_IFF_OPTIMISTIC, in6Linklocal, in6SourceOn } from '@ns/ip6';
import type { Ifaddr } from '@ns/ifnet';
import type { Llentry } from '@ns/lltable';
import type { Mbuf } from '@ns/mbuf';
import {
  encodeNdLladdr,
  encodeNdNeighborAdvert,
  encodeNdNeighborSolicit,
  encodeNdNonce,
  encodeNdRouterSolicit,
  etherHi,
  etherLo,
  IN6ADDR_ANY,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  type InAddr,
  inAddr6In,
  isMulticast,
  ND_HLIM,
  ND_NEIGHBOR_ADVERT_LEN,
  ND_NEIGHBOR_SOLICIT_LEN,
  ND_OPT_SOURCE_LINKADDR,
  ND_OPT_TARGET_LINKADDR,
  ND_ROUTER_SOLICIT_LEN,
  solicitedNodeOf,
} from '@ns/wire';
import type { Nd6If } from './nd-if.ts';

/** The usable address of ours on the interface that is `a`, or null. */
function ownSource(ni: Nd6If, a: InAddr): Ifaddr | null {
  const ifa = ni.nd.ip6v.addrs.find(a);
  return ifa !== null && ifa.ifp === ni.ifp ? ifa : null;
}

/** Source of the packet that waits longest for `lle`: whoever asks for its neighbour asks with its address (RFC 4861 §7.2.2). Source: FreeBSD nd6.c, nd6_llinfo_get_holdsrc(). */
export function nd6HoldSource(ni: Nd6If, lle: Llentry): InAddr | null {
  const m = lle.peekHeld();
  if (m === null || m.len < 24) return null;
  return inAddr6In(m.dv.getInt32(m.off + 8), m.dv.getInt32(m.off + 12), m.dv.getInt32(m.off + 16), m.dv.getInt32(m.off + 20), ni.ifp.index);
}

/** A fresh packet with `len` bytes of data, or null. */
function message(ni: Nd6If, len: number): Mbuf | null {
  const m = ni.nd.vnet.kernel.mbufs.getHdr();
  if (m === null) {
    ni.nd.ip6v.stat.odropped++;
    return null;
  }
  m.len = len;
  m.pktlen = len;
  return m;
}

function send(ni: Nd6If, m: Mbuf, src: InAddr, dst: InAddr): number {
  return icmp6Output(ni.nd.ip6v, m, src, dst, ni.ifp, ND_HLIM);
}

/**
 * Asks for `target`: `dst` by unicast, or (null) the group of those whose address ends like it. `src` is the address that we would like to ask with; where it is not ours, one is chosen.
 * Returns an errno. Source: FreeBSD nd6_nbr.c, nd6_ns_output_fib(); RFC 4861 §7.2.2.
 */
export function nd6NsOutput(ni: Nd6If, src: InAddr | null, dst: InAddr | null, target: InAddr): number {
  if (isMulticast(target)) return 0;
  const to = dst ?? solicitedNodeOf(target);
  const asked = src === null ? null : ownSource(ni, src);
  // RFC 4429 §3.2: an optimistic address neither asks nor tells its link address.
  const from = asked !== null && (asked.afflags & IN6_IFF_OPTIMISTIC) === 0 ? asked.addr : in6SourceOn(ni.nd.ip6v, to, ni.ifp);
  if (from === null) return ENXIO;
  const chosen = ownSource(ni, from);
  const mac = chosen !== null && (chosen.afflags & IN6_IFF_OPTIMISTIC) !== 0 ? null : ni.mac();
  const m = solicit(ni, target, mac === null ? 0 : 8);
  if (m === null) return ENOBUFS;
  if (mac !== null) encodeNdLladdr(m.dv, m.off + ND_NEIGHBOR_SOLICIT_LEN, ND_OPT_SOURCE_LINKADDR, etherHi(mac), etherLo(mac));
  return send(ni, m, from, to);
}

/** Asks whether anybody has `target`, which is to be ours, with a nonce if `hasNonce`. Returns an errno. Source: RFC 4862 §5.4.2, RFC 7527 §4.1. */
export function nd6DadNsOutput(ni: Nd6If, target: InAddr, hasNonce: boolean, nonceHi: number, nonceLo: number): number {
  const m = solicit(ni, target, hasNonce ? 8 : 0);
  if (m === null) return ENOBUFS;
  if (hasNonce) encodeNdNonce(m.dv, m.off + ND_NEIGHBOR_SOLICIT_LEN, nonceHi, nonceLo);
  return send(ni, m, IN6ADDR_ANY, solicitedNodeOf(target));
}

function solicit(ni: Nd6If, target: InAddr, optlen: number): Mbuf | null {
  const m = message(ni, ND_NEIGHBOR_SOLICIT_LEN + optlen);
  if (m === null) return null;
  const { ns } = ni.nd;
  ns.tgt0 = target.w0;
  ns.tgt1 = target.w1;
  ns.tgt2 = target.w2;
  ns.tgt3 = target.w3;
  encodeNdNeighborSolicit(m.dv, m.off, ns);
  return m;
}

/**
 * Says that `target` is here: `flags` are ND_NA_FLAG_*, `mac` the link-layer address to tell, or null to tell none. Returns an errno.
 * Source: FreeBSD nd6_nbr.c, nd6_na_output_fib(); RFC 4861 §7.2.4.
 */
export function nd6NaOutput(ni: Nd6If, dst: InAddr, target: InAddr, flags: number, mac: Uint8Array | null): number {
  const own = ownSource(ni, target);
  const src = own !== null && !isAnycastOrTested(own) ? target : in6SourceOn(ni.nd.ip6v, dst, ni.ifp);
  if (src === null) return ENXIO;
  const m = message(ni, ND_NEIGHBOR_ADVERT_LEN + (mac === null ? 0 : 8));
  if (m === null) return ENOBUFS;
  const { na } = ni.nd;
  na.flags = flags;
  na.tgt0 = target.w0;
  na.tgt1 = target.w1;
  na.tgt2 = target.w2;
  na.tgt3 = target.w3;
  encodeNdNeighborAdvert(m.dv, m.off, na);
  if (mac !== null) encodeNdLladdr(m.dv, m.off + ND_NEIGHBOR_ADVERT_LEN, ND_OPT_TARGET_LINKADDR, etherHi(mac), etherLo(mac));
  return send(ni, m, src, dst);
}

/** IN6_IFF_ANYCAST, IN6_IFF_TENTATIVE, IN6_IFF_DUPLICATED: never a source. */
function isAnycastOrTested(ifa: Ifaddr): boolean {
  return (ifa.afflags & 0x07) !== 0 && (ifa.afflags & IN6_IFF_OPTIMISTIC) === 0;
}

/** Asks the routers of the link to announce themselves. Returns an errno. Source: RFC 4861 §4.1, §6.3.7; FreeBSD rtsold(8). */
export function nd6RsOutput(ni: Nd6If): number {
  const ll = in6Linklocal(ni.ifp);
  const mac = ll === null || (ll.afflags & IN6_IFF_OPTIMISTIC) !== 0 ? null : ni.mac();
  const m = message(ni, ND_ROUTER_SOLICIT_LEN + (mac === null ? 0 : 8));
  if (m === null) return ENOBUFS;
  encodeNdRouterSolicit(m.dv, m.off);
  if (mac !== null) encodeNdLladdr(m.dv, m.off + ND_ROUTER_SOLICIT_LEN, ND_OPT_SOURCE_LINKADDR, etherHi(mac), etherLo(mac));
  return send(ni, m, ll === null ? IN6ADDR_ANY : ll.addr, IN6ADDR_LINKLOCAL_ALLROUTERS);
}
