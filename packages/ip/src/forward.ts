// @hot
import { EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH } from '@ns/errno';
import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { csumForward, mHeaderWritable } from '@ns/ifnet-kpi';
import { LLE_VALID } from '@ns/lltable';
import { CSUM_IP_TSO, M_BCAST, M_MCAST, type Mbuf, mDup, mFreem } from '@ns/mbuf';
import { type ForwardRoute, mpathSelect4, nhMtu, type Rib, ribRoute4, RTF_BLACKHOLE, RTF_DYNAMIC, RTF_HOST, RTF_MODIFIED, RTF_REJECT } from '@ns/route';
import {
  getIpDst,
  getIpHlen,
  getIpOff,
  getIpSrc,
  getIpTtl,
  ICMP_REDIRECT,
  ICMP_REDIRECT_HOST,
  ICMP_TIMXCEED,
  ICMP_TIMXCEED_INTRANS,
  ICMP_UNREACH,
  ICMP_UNREACH_HOST,
  ICMP_UNREACH_NEEDFRAG,
  inAddr4,
  IP_DF,
  IPTTLDEC,
  prefixMask4,
  TCP_HDR_LEN,
} from '@ns/wire';
import { icmpError } from './icmp-error.ts';
import { inBroadcast, type IpVnet } from './ip-vnet.ts';
import { IP_FORWARDING, ipFinish } from './output.ts';

/** Whether a destination may be forwarded to at all. Source: FreeBSD in.c, in_canforward(). */
function inCanforward(dst: number): boolean {
  const net = dst >>> 24;
  return net !== 0 && net !== 127 && net < 224 && dst >>> 16 !== 0xa9fe;
}

/**
 * Forwards the packet `m`, which came in by `ifp` and is for somebody else; `srcrt` when a source route led here. Consumes m. A packet on a cached route whose neighbour is
 * resolved allocates nothing.
 * Source: FreeBSD ip_input.c, ip_forward(); ip_fastfwd.c, ip_tryforward(); RFC 1812 §5.2.
 */
export function ipForward(ipv: IpVnet, m0: Mbuf, ifp: Ifnet, srcrt: boolean): void {
  const stat = ipv.stat;
  const dst = getIpDst(m0.dv, m0.off);
  const src = getIpSrc(m0.dv, m0.off);
  if ((m0.flags & (M_BCAST | M_MCAST)) !== 0 || !inCanforward(dst) || !inCanforward(src)) {
    stat.cantforward++;
    mFreem(m0);
    return;
  }
  if (!ipv.stealth && getIpTtl(m0.dv, m0.off) <= IPTTLDEC) {
    icmpError(ipv, m0, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, 0, 0);
    return;
  }
  const rib = ipv.route.inet(m0.fibnum);
  let ro = ipv.fwd.slot(dst, m0.fibnum);
  const cached = ro.gen === rib.gen && ro.dst3 === dst && ro.fib === m0.fibnum;
  if (!cached) findRoute(rib, ro, dst, m0.fibnum);
  if (ro.group !== null) ro = ipv.fwd.path(ro, mpathSelect4(ro.group, m0, ipv.route.mpathKey), dst);
  const nh = ro.nh;
  if (nh === null) {
    stat.noroute++;
    stat.cantforward++;
    icmpError(ipv, m0, ICMP_UNREACH, ICMP_UNREACH_HOST, 0, 0);
    return;
  }
  if ((nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0 || (nh.gw === null && (nh.flags & RTF_HOST) === 0 && inBroadcast(dst, nh.ifp))) {
    stat.cantforward++;
    if ((nh.flags & RTF_REJECT) !== 0) icmpError(ipv, m0, ICMP_UNREACH, ICMP_UNREACH_HOST, 0, 0);
    else mFreem(m0);
    return;
  }
  const mtu = nhMtu(nh);
  if (m0.pktlen > mtu && (getIpOff(m0.dv, m0.off) & IP_DF) !== 0 && !segmentsFit(m0, mtu)) {
    stat.cantforward++;
    stat.cantfrag++;
    icmpError(ipv, m0, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, 0, mtu);
    return;
  }
  if (nh.ifp === ifp && !srcrt && ipv.sendRedirects) maybeRedirect(ipv, m0, ro, rib, dst, src);
  const m = mHeaderWritable(m0, getIpHlen(m0.dv, m0.off));
  if (m === null) {
    stat.odropped++;
    return;
  }
  passOn(ipv, m, ro, mtu, cached);
}

function findRoute(rib: Rib, ro: ForwardRoute, dst: number, fib: number): void {
  ro.gen = 0;
  ribRoute4(rib, ro, dst);
  ro.fib = fib;
  ro.hop = ro.nh === null ? null : ro.nh.gw !== null ? ro.nh.gw : inAddr4(dst);
}

/** TTL, checksums, and out. A copy for an ICMP error is kept only where the neighbour is yet to be found. */
function passOn(ipv: IpVnet, m: Mbuf, ro: ForwardRoute, mtu: number, cached: boolean): void {
  const stat = ipv.stat;
  const nh = ro.nh;
  const hop = ro.hop;
  if (nh === null || hop === null) return;
  const unsure = nh.ifp.addrlen !== 0 && (ro.lle === null || (ro.lle.flags & LLE_VALID) === 0);
  const copy = unsure ? mDup(m) : null;
  nh.pksent++;
  if (!ipv.stealth) m.dv.setUint8(m.off + 8, getIpTtl(m.dv, m.off) - IPTTLDEC);
  csumForward(m);
  const errno = ipFinish(ipv, m, nh.ifp, hop, mtu, IP_FORWARDING, ro);
  if (errno === 0) {
    stat.forward++;
    if (cached) stat.fastforward++;
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
      icmpError(ipv, copy, ICMP_UNREACH, ICMP_UNREACH_HOST, 0, 0);
      return;
    case EMSGSIZE:
      icmpError(ipv, copy, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, 0, mtu);
      return;
    default: // out of buffers, or an administrator's wish: nothing to say
      mFreem(copy);
  }
}

/** Whether a packet larger than the MTU is several segments that a sender inside the process has not cut, each of which fits. */
function segmentsFit(m: Mbuf, mtu: number): boolean {
  return (m.csumFlags & CSUM_IP_TSO) !== 0 && m.tsoSegsz + getIpHlen(m.dv, m.off) + TCP_HDR_LEN <= mtu;
}

/** Tells a sender on the same link that it could have spoken to the next hop itself (RFC 1812 §5.2.7.2). */
function maybeRedirect(ipv: IpVnet, m: Mbuf, ro: ForwardRoute, rib: Rib, dst: number, src: number): void {
  const nh = ro.nh;
  if (nh === null || (nh.flags & (RTF_DYNAMIC | RTF_MODIFIED)) !== 0) return;
  const ia: Ifaddr | null = nh.ifa;
  if (ia === null || ((src ^ ia.addr.w3) & prefixMask4(ia.prefixlen)) !== 0) return;
  if (rib.match(inAddr4(dst))?.prefixlen === 0) return; // by the default route: no better one is known
  if (getIpHlen(m.dv, m.off) > 20) return;
  const copy = mDup(m);
  if (copy === null) return;
  ipv.stat.redirectsent++;
  icmpError(ipv, copy, ICMP_REDIRECT, ICMP_REDIRECT_HOST, nh.gw !== null ? nh.gw.w3 : dst, 0);
}
