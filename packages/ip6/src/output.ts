// @hot
import { EADDRNOTAVAIL, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOBUFS } from '@ns/errno';
import { etherLoopCsum } from '@ns/ether';
import { ifaWithNet, type Ifnet, ifFindMulti, ifSimloop } from '@ns/ifnet';
import { BPF_D_OUT } from '@ns/bpf';
import { IFF_LOOPBACK, IFF_MULTICAST, mHeaderWritable } from '@ns/ifnet-kpi';
import { INET_DF, INET_NOFRAG, INET_ROUTETOIF, type IpMoptions } from '@ns/inpcb';
import { CSUM_DELAY_DATA_IPV6, CSUM_TSO, M_MCAST, M_PROTO1, M_PROTO2, type Mbuf, mCopypacket, mFreem } from '@ns/mbuf';
import { mpathKeep, mpathSelect6, type Nexthop, nhMtu, ribRoute6, type Route, RTF_BLACKHOLE, RTF_HOST, RTF_REJECT } from '@ns/route';
import { AF_INET6, type InAddr, inAddr6, IP6_HDR_LEN, IPPROTO_TCP, IPV6_MMTU, isIp6Ext, needsZone6, TCP_HDR_LEN, walkIp6Ext } from '@ns/wire';
import { ip6DelayedCksum } from './cksum.ts';
import { ip6FilterOut } from './filter.ts';
import { ip6Fragment, ip6Tso } from './fragment.ts';
import type { In6Ifinfo, Ip6Vnet } from './ip6-vnet.ts';
import { ND6_IFF_IFDISABLED } from './in6-var.ts';
import { mcastIfp } from './multicast.ts';
import { in6SourceOn } from './in6-src.ts';
import { in6Zoned } from './scope.ts';

/** {@link ip6Output} flag: the packet is on its way through. Source: FreeBSD ip6_var.h. */
export const IPV6_FORWARDING = 0x10000;
/** {@link ip6Output} flag: the unspecified source is meant. */
export const IPV6_UNSPECSRC = 0x20000;
/** {@link ip6Output} flag: no more than 1280 bytes in one piece. */
export const IPV6_MINMTU = 0x40000;

/** {@link ip6Output} flag: as large as the path takes, to groups too. */
export const IPV6_NOMINMTU = 0x100000;
/** {@link ip6Output} flag: the packet filters have seen it. */
export const IPV6_FILTERED = 0x80000;

/** Mbuf flag: has not been on a wire: comes from this host. Source: FreeBSD ip6_var.h, M_LOOP. */
export const M_LOOP: number = M_PROTO1;

/** Mbuf flag: has a router alert for MLD. Source: FreeBSD M_RTALERT_MLD. */
export const M_RTALERT_MLD: number = M_PROTO2;

/**
 * Sends the packet `m`, which begins with its IPv6 header: version, class, flow label, next header, hop limit and addresses are set (a source of `::` is chosen here, unless
 * IPV6_UNSPECSRC); the payload length is filled in. `dst` is the destination of the header as an object, with its zone if it needs one. With `oif` it goes out there, `dst` being the
 * next hop. Consumes m; returns an errno.
 *
 * The usual case is a unicast packet with a cached route: four compares, the checksum left to the interface, and out.
 * Source: FreeBSD ip6_output.c, ip6_output().
 */
export function ip6Output(ip6v: Ip6Vnet, m: Mbuf, dst: InAddr, flags: number, cache: Route | null, mo: IpMoptions | null, oif: Ifnet | null): number {
  if (dst.w0 >>> 24 === 0xff) return outputMulticast(ip6v, m, dst, flags, mo, oif);
  if (oif !== null) return outputDirect(ip6v, m, oif, dst, flags);
  if ((flags & INET_ROUTETOIF) !== 0) {
    const ifa = ifaWithNet(ip6v.vnet, dst);
    return ifa === null ? noRoute(ip6v, m) : outputDirect(ip6v, m, ifa.ifp, dst, flags);
  }
  const ro = cache === null ? ip6v.scratchRo : cache;
  let nh = ribRoute6(ip6v.route.inet6(m.fibnum), ro, dst.w0, dst.w1, dst.w2, dst.w3, dst.zone);
  if (nh === null) return noRoute(ip6v, m);
  if (ro.group !== null) {
    nh = mpathSelect6(ro.group, m, ip6v.route.mpathKey);
    mpathKeep(ro, nh, cache !== null && m.dv.getUint8(m.off + 6) === IPPROTO_TCP);
  }
  if ((nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return discard(m, nh);
  nh.pksent++;
  const ifa = nh.ifa;
  if (ifa !== null) {
    ifa.opackets++;
    ifa.obytes += m.pktlen;
  }
  return ip6Finish(ip6v, m, nh.ifp, nh.aifp, nh.gw === null ? dst : nh.gw, pathMtu(ip6v, m, dst, nhMtu(nh), flags), flags, ro);
}

/** Largest packet for a destination: what its path takes (RFC 8201), 1280 for a sender that does not want to find out (RFC 3542 §11.1). */
export function pathMtu(ip6v: Ip6Vnet, m: Mbuf, dst: InAddr, mtu: number, flags: number): number {
  if (m.pktlen <= IPV6_MMTU) return mtu;
  if ((flags & IPV6_MINMTU) !== 0) return mtu < IPV6_MMTU ? mtu : IPV6_MMTU;
  const pmtu = ip6v.pmtu.lookup(dst);
  return pmtu !== 0 && pmtu < mtu ? pmtu : mtu;
}

/** A route that leads nowhere. Source: FreeBSD if_loop.c, looutput(). */
function discard(m: Mbuf, nh: Nexthop): number {
  mFreem(m);
  if ((nh.flags & RTF_BLACKHOLE) !== 0) return 0;
  return (nh.flags & RTF_HOST) !== 0 ? EHOSTUNREACH : ENETUNREACH;
}

function noRoute(ip6v: Ip6Vnet, m: Mbuf): number {
  ip6v.stat.noroute++;
  mFreem(m);
  return EHOSTUNREACH;
}

/** To a neighbour on `ifp`, without asking for a route. */
function outputDirect(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, dst: InAddr, flags: number): number {
  return ip6Finish(ip6v, m, ifp, ifp, in6Zoned(ifp, dst), ifp.mtu, flags, null);
}

/** Source: FreeBSD ip6_output.c, `if (IN6_IS_ADDR_MULTICAST(&ip6->ip6_dst))`. */
function outputMulticast(ip6v: Ip6Vnet, m: Mbuf, dst: InAddr, flags: number, mo: IpMoptions | null, oif: Ifnet | null): number {
  const ifp = oif !== null ? oif : mo !== null && mo.ifp !== null ? mo.ifp : mcastIfp(ip6v, dst);
  if (ifp === null || (ifp.stackFlags & IFF_MULTICAST) === 0) {
    noRoute(ip6v, m);
    return ENETUNREACH;
  }
  const group = in6Zoned(ifp, dst);
  if (mo !== null) m.dv.setUint8(m.off + 7, mo.ttl);
  m.flags |= M_MCAST;
  const loopback = (ifp.stackFlags & IFF_LOOPBACK) !== 0;
  if (oif === null && (mo === null || mo.loop) && !loopback && ifFindMulti(ifp, group) !== null) {
    const errno = mloopback(ip6v, m, ifp, group, flags);
    if (errno !== 0) return errno;
  }
  // Hop limit 0 and interface-local scope stay on this host; a loopback interface would only bring it back.
  if (m.dv.getUint8(m.off + 7) === 0 || (((dst.w0 >>> 16) & 0xf) === 1 && !loopback)) {
    mFreem(m);
    return 0;
  }
  // Nobody tells a sender to a group what its paths take (RFC 3542 §11.1).
  const mtu = ip6v.mcastPmtu || (flags & IPV6_NOMINMTU) !== 0 || ifp.mtu < IPV6_MMTU ? ifp.mtu : IPV6_MMTU;
  return ip6Finish(ip6v, m, ifp, ifp, group, loopback ? ifp.mtu : mtu, flags, null);
}

/** Gives a copy of a multicast packet to our own input. Consumes m only when it answers an errno. Source: FreeBSD ip6_output.c, ip6_mloopback(). */
function mloopback(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, dst: InAddr, flags: number): number {
  if (!fillSource(ip6v, m, ifp, dst, flags)) {
    mFreem(m);
    return EADDRNOTAVAIL;
  }
  const copy = mCopypacket(m);
  const n = copy === null ? null : mHeaderWritable(copy, IP6_HDR_LEN);
  if (n === null) {
    ip6v.stat.odropped++;
    return 0;
  }
  n.dv.setUint16(n.off + 4, plenOf(n.pktlen));
  n.flags |= M_LOOP;
  etherLoopCsum(n);
  ifSimloop(ifp, n, AF_INET6, 0);
  return 0;
}

/** Payload length of a packet of `pktlen` bytes; that of a TSO packet that is too long for the field is 0, as in a jumbogram, until it is cut. */
function plenOf(pktlen: number): number {
  const plen = pktlen - IP6_HDR_LEN;
  return plen > 0xffff ? 0 : plen;
}

/** Chooses the source of a packet that has none and goes to `hop` first; false if there is none to be had. */
function fillSource(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, hop: InAddr, flags: number): boolean {
  const dv = m.dv;
  const o = m.off;
  if ((dv.getInt32(o + 8) | dv.getInt32(o + 12) | dv.getInt32(o + 16) | dv.getInt32(o + 20)) !== 0 || (flags & IPV6_UNSPECSRC) !== 0) return true;
  const d0 = dv.getInt32(o + 24);
  const dst = inAddr6(d0, dv.getInt32(o + 28), dv.getInt32(o + 32), dv.getInt32(o + 36), needsZone6(d0) ? ifp.index : 0);
  const src = in6SourceOn(ip6v, dst, ifp, null, hop);
  if (src === null) {
    ip6v.stat.sources_none++;
    return false;
  }
  dv.setInt32(o + 8, src.w0);
  dv.setInt32(o + 12, src.w1);
  dv.setInt32(o + 16, src.w2);
  dv.setInt32(o + 20, src.w3);
  return true;
}

/**
 * Whether source and destination may be seen on the link of `origifp`, which the packet leaves by (RFC 4007 §9, RFC 4291 §2.5.3): a link-local source must belong to that
 * link, and loopback addresses stay inside.
 */
function scopeOk(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, origifp: Ifnet): boolean {
  const dv = m.dv;
  const o = m.off;
  const s0 = dv.getInt32(o + 8);
  if (s0 >>> 22 === 0x3fa) return ip6v.addrs.lookup(s0, dv.getInt32(o + 12), dv.getInt32(o + 16), dv.getInt32(o + 20), origifp.index) !== null;
  if ((ifp.stackFlags & IFF_LOOPBACK) !== 0) return true;
  if ((s0 | dv.getInt32(o + 12) | dv.getInt32(o + 16)) === 0 && dv.getInt32(o + 20) === 1) return false;
  return (dv.getInt32(o + 24) | dv.getInt32(o + 28) | dv.getInt32(o + 32)) !== 0 || dv.getInt32(o + 36) !== 1;
}

/**
 * The last part of output: interface and next hop are known. `origifp` is the interface whose address the destination is, where `ifp` is the loopback interface that leads to it; else `ifp`.
 * Checksums that the interface does not do are done, what is too large is segmented, fragmented or refused. Consumes m; returns an errno.
 */
export function ip6Finish(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, mtu0: number, flags: number, ro: Route | null): number {
  const ii = ifp.afdata[AF_INET6] as In6Ifinfo | null;
  if (ii === null || (ii.flags & ND6_IFF_IFDISABLED) !== 0) return refuse(ip6v, m, ENETUNREACH);
  if ((flags & (IPV6_FORWARDING | IPV6_FILTERED)) === 0) {
    // Between global addresses, 2000::/3, there is nothing to fill in or to check.
    if (m.dv.getInt32(m.off + 8) >>> 29 !== 1 || m.dv.getInt32(m.off + 24) >>> 29 !== 1) {
      if (!fillSource(ip6v, m, origifp, hop, flags)) return refuse(ip6v, m, EADDRNOTAVAIL);
      if (!scopeOk(ip6v, m, ifp, origifp)) {
        ip6v.stat.badscope++;
        return refuse(ip6v, m, EHOSTUNREACH);
      }
    }
    ip6v.stat.localout++;
    ii.stat.out_request++;
  }
  const linkmtu = ii.linkmtu !== 0 && ii.linkmtu < ifp.mtu ? ii.linkmtu : ifp.mtu;
  const mtu = linkmtu < mtu0 ? linkmtu : mtu0;
  const pktlen = m.pktlen;
  m.dv.setUint16(m.off + 4, plenOf(pktlen));
  if (ip6v.pfil.nhooksout > 0 && (flags & IPV6_FILTERED) === 0) return ip6FilterOut(ip6v, m, ifp, origifp, hop, mtu, flags, ro);
  if (pktlen <= mtu) {
    m.csumFlags &= ~CSUM_TSO;
    return ip6Send(ip6v, m, ifp, origifp, hop, ro);
  }
  if ((m.csumFlags & CSUM_TSO) === 0 || m.tsoSegsz + IP6_HDR_LEN + TCP_HDR_LEN > mtu) return tooLarge(ip6v, m, ifp, origifp, hop, mtu, flags, ro);
  if ((m.csumFlags & CSUM_TSO & ifp.hwassist) === 0 || (ifp.tso.maxBytes !== 0 && pktlen + ifp.hdrlen > ifp.tso.maxBytes)) {
    return ip6Tso(ip6v, m, ifp, origifp, hop, ro);
  }
  return ip6Send(ip6v, m, ifp, origifp, hop, ro);
}

function refuse(ip6v: Ip6Vnet, m: Mbuf, errno: number): number {
  ip6v.stat.odropped++;
  mFreem(m);
  return errno;
}

/** Where the transport header of `m` begins; the headers are contiguous, else -1. */
export function ip6L4off(ip6v: Ip6Vnet, m: Mbuf): number {
  if (!isIp6Ext(m.dv.getUint8(m.off + 6))) return IP6_HDR_LEN;
  return walkIp6Ext(m.dv, m.off, m.len, ip6v.walk) ? ip6v.walk.off - m.off : -1;
}

/** Does what of the checksums the interface leaves to us, and gives it the packet. */
export function ip6Send(ip6v: Ip6Vnet, m0: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, ro: Route | null): number {
  let m: Mbuf | null = m0;
  if ((m.csumFlags & CSUM_DELAY_DATA_IPV6 & ~ifp.hwassist) !== 0) {
    const l4 = ip6L4off(ip6v, m);
    m = l4 < 0 ? null : ip6DelayedCksum(m, l4);
    if (m === null) {
      ip6v.stat.odropped++;
      if (l4 < 0) mFreem(m0);
      return ENOBUFS;
    }
  }
  // A packet to a link-local address of ours comes in on the link of that address, though loopback carries it.
  if (origifp !== ifp && needsZone6(m.dv.getInt32(m.off + 24))) return loopOn(m, ifp, origifp);
  return ifp.output(ifp, m, AF_INET6, hop, ro);
}

/** Source: FreeBSD nd6.c, nd6_output_ifp() with a loopback interface. */
function loopOn(m: Mbuf, lo: Ifnet, origifp: Ifnet): number {
  if (lo.bpf !== null) lo.bpf.tap(m, BPF_D_OUT);
  m.flags |= M_LOOP;
  etherLoopCsum(m);
  return ifSimloop(origifp, m, AF_INET6, 0);
}

/** Fragments, or says that it must not be: only a sender fragments (RFC 8200 §5). */
function tooLarge(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, mtu: number, flags: number, ro: Route | null): number {
  if ((flags & (IPV6_FORWARDING | INET_DF | INET_NOFRAG)) !== 0 || (m.csumFlags & CSUM_TSO) !== 0) {
    ip6v.stat.cantfrag++;
    mFreem(m);
    return EMSGSIZE;
  }
  return ip6Fragment(ip6v, m, ifp, origifp, hop, mtu, ro);
}
