// @hot
import { EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { csumForward, IFF_POINTOPOINT, mHeaderWritable } from '@ns/ifnet-kpi';
import { LLE_VALID } from '@ns/lltable';
import { CSUM_IP6_TSO, M_BCAST, M_MCAST, type Mbuf, mDup, mFreem } from '@ns/mbuf';
import { type ForwardRoute, mpathSelect6, type Nexthop, nhMtu, ribRoute6, RTF_BLACKHOLE, RTF_DYNAMIC, RTF_MODIFIED, RTF_REJECT } from '@ns/route';
import {
  embedZone6,
  getIp6Hlim,
  ICMP6_DST_UNREACH,
  ICMP6_DST_UNREACH_ADDR,
  ICMP6_DST_UNREACH_BEYONDSCOPE,
  ICMP6_DST_UNREACH_NOROUTE,
  ICMP6_DST_UNREACH_REJECT,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_TIME_EXCEED_TRANSIT,
  ICMP6_TIME_EXCEEDED,
  inAddr6In,
  IP6_HDR_LEN,
  needsZone6,
  setIp6Hlim,
  TCP_HDR_LEN,
} from '@ns/wire';
import { icmp6Error } from './icmp6-error.ts';
import { in6Ifinfo, in6Linkmtu, type Ip6Vnet } from './ip6-vnet.ts';
import { logCannotForward } from './log.ts';
import { ip6Finish, IPV6_FORWARDING } from './output.ts';

/**
 * Forwards the packet `m`, which came in by `ifp` and is for somebody else. Consumes m. A packet on a cached route whose neighbour is resolved allocates nothing.
 * Source: FreeBSD ip6_forward.c, ip6_forward(); RFC 8200 §3, RFC 4007 §9.
 */
export function ip6Forward(ip6v: Ip6Vnet, m0: Mbuf, ifp: Ifnet): void {
  const stat = ip6v.stat;
  const dv = m0.dv;
  const o = m0.off;
  const noSource = (dv.getInt32(o + 8) | dv.getInt32(o + 12) | dv.getInt32(o + 16) | dv.getInt32(o + 20)) === 0;
  if ((m0.flags & (M_BCAST | M_MCAST)) !== 0 || noSource) {
    stat.cantforward++;
    logCannotForward(ip6v, m0, ifp, null);
    mFreem(m0);
    return;
  }
  if (getIp6Hlim(dv, o) <= 1) {
    stat.cantforward++;
    icmp6Error(ip6v, m0, ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, 0);
    return;
  }
  const ro = findRoute(ip6v, m0, ifp);
  const nh = ro.nh;
  if (nh === null) {
    stat.noroute++;
    cant(ip6v, m0, ifp, ICMP6_DST_UNREACH_NOROUTE);
    return;
  }
  if ((nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) {
    if ((nh.flags & RTF_REJECT) !== 0) cant(ip6v, m0, ifp, ICMP6_DST_UNREACH_REJECT);
    else {
      stat.cantforward++;
      mFreem(m0);
    }
    return;
  }
  // Link-local packets stay on their link.
  if (nh.ifp !== ifp && (needsZone6(dv.getInt32(o + 8)) || needsZone6(dv.getInt32(o + 24)))) {
    stat.badscope++;
    logCannotForward(ip6v, m0, ifp, nh.ifp);
    cant(ip6v, m0, ifp, ICMP6_DST_UNREACH_BEYONDSCOPE);
    return;
  }
  sized(ip6v, m0, ifp, ro, nh);
}

/** The entry of the route cache for the destination, up to date. */
function findRoute(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet): ForwardRoute {
  const dv = m.dv;
  const o = m.off;
  const d0 = dv.getInt32(o + 24);
  const d1 = dv.getInt32(o + 28);
  const d2 = dv.getInt32(o + 32);
  const d3 = dv.getInt32(o + 36);
  const rib = ip6v.route.inet6(m.fibnum);
  const ro = ip6v.fwd.slot(d3 ^ Math.imul(d1, 0x85ebca6b) ^ d0 ^ d2, m.fibnum);
  const cached = ro.gen === rib.gen && ro.dst3 === d3 && ro.dst2 === d2 && ro.dst1 === d1 && ro.dst0 === embedZone6(d0, ifp.index) && ro.fib === m.fibnum;
  if (cached) {
    ip6v.stat.forward_cachehit++;
  } else {
    ip6v.stat.forward_cachemiss++;
    ro.gen = 0;
    const nh = ribRoute6(rib, ro, d0, d1, d2, d3, ifp.index);
    ro.fib = m.fibnum;
    ro.hop = nh === null ? null : nh.gw !== null ? nh.gw : inAddr6In(d0, d1, d2, d3, nh.ifp.index);
  }
  return ro.group === null ? ro : ip6v.fwd.path(ro, mpathSelect6(ro.group, m, ip6v.route.mpathKey), d3);
}

function cant(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, code: number): void {
  ip6v.stat.cantforward++;
  const ii = in6Ifinfo(ifp);
  if (ii !== null) ii.stat.in_noroute++;
  icmp6Error(ip6v, m, ICMP6_DST_UNREACH, code, 0);
}

/** Too big, or back where it came from; else it goes on. */
function sized(ip6v: Ip6Vnet, m0: Mbuf, ifp: Ifnet, ro: ForwardRoute, nh: Nexthop): void {
  const stat = ip6v.stat;
  const linkmtu = in6Linkmtu(nh.ifp);
  const rmtu = nhMtu(nh);
  const mtu = rmtu < linkmtu ? rmtu : linkmtu;
  if (m0.pktlen > mtu && !segmentsFit(m0, mtu)) {
    stat.cantforward++;
    const ii = in6Ifinfo(ifp);
    if (ii !== null) ii.stat.in_toobig++;
    icmp6Error(ip6v, m0, ICMP6_PACKET_TOO_BIG, 0, mtu);
    return;
  }
  if (nh.ifp === ifp) {
    if ((ifp.stackFlags & IFF_POINTOPOINT) !== 0) {
      // RFC 4443 §3.1: it would go to and fro until its hop limit is used up.
      cant(ip6v, m0, ifp, ICMP6_DST_UNREACH_ADDR);
      return;
    }
    if (ip6v.sendRedirects) maybeRedirect(ip6v, m0, ifp, nh);
  }
  const m = mHeaderWritable(m0, IP6_HDR_LEN);
  if (m === null) {
    stat.odropped++;
    return;
  }
  passOn(ip6v, m, ro, mtu);
}

/** Hop limit, checksums, and out. A copy for an ICMPv6 error is kept only where the neighbour is yet to be found. */
function passOn(ip6v: Ip6Vnet, m: Mbuf, ro: ForwardRoute, mtu: number): void {
  const stat = ip6v.stat;
  const nh = ro.nh;
  const hop = ro.hop;
  if (nh === null || hop === null) return;
  const unsure = nh.ifp.addrlen !== 0 && (ro.lle === null || (ro.lle.flags & LLE_VALID) === 0);
  const copy = unsure ? mDup(m) : null;
  nh.pksent++;
  setIp6Hlim(m.dv, m.off, getIp6Hlim(m.dv, m.off) - 1);
  csumForward(m);
  const errno = ip6Finish(ip6v, m, nh.ifp, nh.aifp, hop, mtu, IPV6_FORWARDING, ro);
  if (errno === 0) {
    stat.forward++;
    const ii = in6Ifinfo(nh.ifp);
    if (ii !== null) ii.stat.out_forward++;
    if (copy !== null) mFreem(copy);
    return;
  }
  stat.cantforward++;
  if (copy === null) return;
  switch (errno) {
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
      icmp6Error(ip6v, copy, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0);
      return;
    case EMSGSIZE:
      icmp6Error(ip6v, copy, ICMP6_PACKET_TOO_BIG, 0, mtu);
      return;
    default: // out of buffers, or an administrator's wish: nothing to say
      mFreem(copy);
  }
}

/** Whether a packet larger than the MTU is several segments that a sender inside the process has not cut, each of which fits. */
function segmentsFit(m: Mbuf, mtu: number): boolean {
  return (m.csumFlags & CSUM_IP6_TSO) !== 0 && m.tsoSegsz + IP6_HDR_LEN + TCP_HDR_LEN <= mtu;
}

/** The sender is on the link that the packet leaves by: it could speak to the next hop itself (RFC 4861 §8.2). */
function maybeRedirect(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, nh: Nexthop): void {
  const nd = ip6v.nd;
  if (nd === null || (nh.flags & (RTF_DYNAMIC | RTF_MODIFIED)) !== 0) return;
  const copy = mDup(m);
  if (copy === null) return;
  ip6v.stat.redirectsent++;
  nd.redirect(copy, ifp, nh);
}
