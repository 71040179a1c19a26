// @hot
import { EACCES, EADDRNOTAVAIL, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOBUFS } from '@ns/errno';
import { etherLoopCsum } from '@ns/ether';
import { type Ifaddr, ifaWithNet, IFNET, type Ifnet, ifFindMulti, ifSimloop } from '@ns/ifnet';
import { IFF_BROADCAST, IFF_LOOPBACK, IFF_MULTICAST, IFF_UP, mHeaderWritable } from '@ns/ifnet-kpi';
import { INET_ALLOWBROADCAST, INET_NOFRAG, INET_RAWHDR, INET_ROUTETOIF, INET_SENDONES, type IpMoptions } from '@ns/inpcb';
import { CSUM_DELAY_DATA, CSUM_IP, CSUM_TSO, M_BCAST, M_MCAST, type Mbuf, mCopypacket, mFreem } from '@ns/mbuf';
import { mpathKeep, mpathSelect4, type Nexthop, nhMtu, ribRoute4, type Route, RTF_BLACKHOLE, RTF_HOST, RTF_REJECT } from '@ns/route';
import { AF_INET, type InAddr, INADDR_BROADCAST, IP_DF, IP_HDR_LEN, IPPROTO_TCP, TCP_HDR_LEN } from '@ns/wire';
import { ipDelayedCksum, ipHdrCksum } from './cksum.ts';
import { ipFilterOut } from './filter.ts';
import { ipFragment, ipTso } from './fragment.ts';
import { ifpToIa, inBroadcast, type IpVnet } from './ip-vnet.ts';

/** {@link ipOutput} flag: the packet is on its way through; its header is complete. Source: FreeBSD IP_FORWARDING. */
export const IP_FORWARDING = 0x10000;
/** {@link ipOutput} flag: packet filters have seen the packet. */
export const IP_FILTERED = 0x20000;

/**
 * Sends the packet `m`, which begins with its IP header: version, lengths, TOS, TTL, protocol, destination and DF are set; source (if 0), identification and
 * checksum are filled in here. `dst` is the destination of the header as an object. Consumes m; returns an errno.
 *
 * The usual case is a unicast packet with a cached route: one compare, the checksum left to the interface, and out.
 * Source: FreeBSD ip_output.c, ip_output().
 */
export function ipOutput(ipv: IpVnet, m: Mbuf, dst: InAddr, flags: number, cache: Route | null, mo: IpMoptions | null): number {
  const d = dst.w3;
  if (d === -1 || d >>> 28 === 14 || (flags & (INET_SENDONES | INET_ROUTETOIF)) !== 0) return outputSpecial(ipv, m, dst, flags, mo);
  const ro = cache === null ? ipv.scratchRo : cache;
  let nh = ribRoute4(ipv.route.inet(m.fibnum), ro, d);
  if (nh === null) {
    ipv.stat.noroute++;
    mFreem(m);
    return EHOSTUNREACH;
  }
  if (ro.group !== null) {
    nh = mpathSelect4(ro.group, m, ipv.route.mpathKey);
    mpathKeep(ro, nh, cache !== null && m.dv.getUint8(m.off + 9) === IPPROTO_TCP);
  }
  if ((nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return discard(m, nh);
  nh.pksent++;
  const ifp = nh.ifp;
  const ifa = nh.ifa;
  if (ifa !== null) {
    ifa.opackets++;
    ifa.obytes += m.pktlen;
    if (m.dv.getInt32(m.off + 12) === 0) m.dv.setInt32(m.off + 12, ifa.addr.w3);
  }
  if (nh.gw !== null) return ipFinish(ipv, m, ifp, nh.gw, nhMtu(nh), flags, ro);
  if ((nh.flags & RTF_HOST) === 0 && inBroadcast(d, ifp)) return outputBroadcast(ipv, m, ifp, dst, flags);
  return ipFinish(ipv, m, ifp, dst, nhMtu(nh), flags, ro);
}

/** A route that leads nowhere. Source: FreeBSD if_loop.c, looutput(). */
function discard(m: Mbuf, nh: Nexthop): number {
  mFreem(m);
  if ((nh.flags & RTF_BLACKHOLE) !== 0) return 0;
  return (nh.flags & RTF_HOST) !== 0 ? EHOSTUNREACH : ENETUNREACH;
}

/** Broadcast, multicast, and what must not be routed. */
function outputSpecial(ipv: IpVnet, m: Mbuf, dst: InAddr, flags: number, mo: IpMoptions | null): number {
  const d = dst.w3;
  if (d >>> 28 === 14) return outputMulticast(ipv, m, dst, flags, mo);
  if ((flags & INET_SENDONES) !== 0 || d === -1) {
    const ifp = d === -1 ? broadcastIfp(ipv, m.fibnum) : ifpOfBroadcast(ipv, d);
    if (ifp === null) return noRoute(ipv, m);
    m.dv.setInt32(m.off + 16, -1);
    if ((flags & INET_SENDONES) !== 0) m.dv.setUint8(m.off + 8, 1);
    fillSource(m, ifpToIa(ifp));
    return outputBroadcast(ipv, m, ifp, INADDR_BROADCAST, flags);
  }
  const ifa = ifaWithNet(ipv.vnet, dst);
  if (ifa === null) return noRoute(ipv, m);
  m.dv.setUint8(m.off + 8, 1);
  fillSource(m, ifa);
  if (inBroadcast(d, ifa.ifp)) return outputBroadcast(ipv, m, ifa.ifp, dst, flags);
  return ipFinish(ipv, m, ifa.ifp, dst, ifa.ifp.mtu, flags, null);
}

function noRoute(ipv: IpVnet, m: Mbuf): number {
  ipv.stat.noroute++;
  mFreem(m);
  return ENETUNREACH;
}

function fillSource(m: Mbuf, ifa: Ifaddr | null): void {
  if (ifa !== null && m.dv.getInt32(m.off + 12) === 0) m.dv.setInt32(m.off + 12, ifa.addr.w3);
}

/**
 * The interface for the limited broadcast: that of the default route, else the first that can.
 * Differs: FreeBSD sends it to the gateway of the default route as if it were unicast.
 */
function broadcastIfp(ipv: IpVnet, fib: number): Ifnet | null {
  const nh = ipv.route.inet(fib).lookup4(-1);
  if (nh !== null && (nh.ifp.stackFlags & IFF_BROADCAST) !== 0) return nh.ifp;
  const list = IFNET.get(ipv.vnet).list;
  for (let i = 0; i < list.length; i++) {
    const ifp = list[i] as Ifnet;
    if ((ifp.stackFlags & (IFF_UP | IFF_BROADCAST)) === (IFF_UP | IFF_BROADCAST) && ifpToIa(ifp) !== null) return ifp;
  }
  return null;
}

/** The interface that has this directed broadcast address. Source: FreeBSD ifa_ifwithbroadaddr(). */
function ifpOfBroadcast(ipv: IpVnet, d: number): Ifnet | null {
  const list = IFNET.get(ipv.vnet).list;
  for (let i = 0; i < list.length; i++) {
    const ifp = list[i] as Ifnet;
    if ((ifp.stackFlags & IFF_BROADCAST) !== 0 && inBroadcast(d, ifp)) return ifp;
  }
  return null;
}

function outputBroadcast(ipv: IpVnet, m: Mbuf, ifp: Ifnet, dst: InAddr, flags: number): number {
  let errno = 0;
  if ((ifp.stackFlags & IFF_BROADCAST) === 0) errno = EADDRNOTAVAIL;
  else if ((flags & INET_ALLOWBROADCAST) === 0) errno = EACCES;
  else if (m.pktlen > ifp.mtu) errno = EMSGSIZE; // broadcasts are not fragmented
  if (errno !== 0) {
    mFreem(m);
    return errno;
  }
  m.flags |= M_BCAST;
  return ipFinish(ipv, m, ifp, dst, ifp.mtu, flags, null);
}

/** Source: FreeBSD ip_output.c, `if (IN_MULTICAST(...))`. */
function outputMulticast(ipv: IpVnet, m: Mbuf, dst: InAddr, flags: number, mo: IpMoptions | null): number {
  const d = dst.w3;
  let ifp: Ifnet | null = mo === null ? null : mo.ifp;
  if (ifp === null) {
    const nh = ipv.route.inet(m.fibnum).lookup4(d);
    ifp = nh === null || (nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0 ? null : nh.ifp;
  }
  if (ifp === null || (ifp.stackFlags & IFF_MULTICAST) === 0) return noRoute(ipv, m);
  fillSource(m, ifpToIa(ifp));
  if (mo !== null) m.dv.setUint8(m.off + 8, mo.ttl);
  m.flags |= M_MCAST;
  if ((mo === null ? ipv.mcastLoop : mo.loop) && (ifp.stackFlags & IFF_LOOPBACK) === 0 && ifFindMulti(ifp, dst) !== null) {
    ipMloopback(ipv, m, ifp, flags);
  }
  // TTL 0 stays on this host; a loopback interface would only bring it back.
  if (m.dv.getUint8(m.off + 8) === 0) {
    mFreem(m);
    return 0;
  }
  return ipFinish(ipv, m, ifp, dst, ifp.mtu, flags, null);
}

/** Gives a copy of a multicast packet to our own input. Source: FreeBSD ip_output.c, ip_mloopback(). */
function ipMloopback(ipv: IpVnet, m: Mbuf, ifp: Ifnet, flags: number): void {
  const hlen = (m.dv.getUint8(m.off) & 15) << 2;
  const copy = mCopypacket(m);
  const n = copy === null ? null : mHeaderWritable(copy, hlen);
  if (n === null) {
    ipv.stat.odropped++;
    return;
  }
  ipFillid(ipv, n, flags);
  n.csumFlags |= CSUM_IP;
  etherLoopCsum(n);
  ifSimloop(ifp, n, AF_INET, 0);
}

/** Source: FreeBSD ip_id.c, ip_fillid(); RFC 6864 §4. */
function ipFillid(ipv: IpVnet, m: Mbuf, flags: number): void {
  if ((flags & IP_FORWARDING) !== 0) return;
  const dv = m.dv;
  const o = m.off;
  if ((flags & INET_RAWHDR) !== 0 && dv.getUint16(o + 4) !== 0) return;
  dv.setUint16(o + 4, ipv.rfc6864 && (dv.getUint16(o + 6) & IP_DF) !== 0 ? 0 : ipv.ids.newid());
}

/**
 * The last part of output: interface and next hop are known. Checksums that the interface does not do are done, what is too large is segmented, fragmented or refused.
 * Consumes m; returns an errno.
 */
export function ipFinish(ipv: IpVnet, m: Mbuf, ifp: Ifnet, hop: InAddr, mtu: number, flags: number, ro: Route | null): number {
  if (ipv.pfil.nhooksout > 0 && (flags & IP_FILTERED) === 0) return ipFilterOut(ipv, m, ifp, hop, mtu, flags, ro);
  const dv = m.dv;
  const o = m.off;
  const assist = ifp.hwassist;
  // RFC 1122 §3.2.1.3: 127/8 is not to be seen outside.
  if ((dv.getUint8(o + 12) === 127 || dv.getUint8(o + 16) === 127) && (ifp.stackFlags & IFF_LOOPBACK) === 0) {
    ipv.stat.badaddr++;
    mFreem(m);
    return EADDRNOTAVAIL;
  }
  ipFillid(ipv, m, flags);
  m.csumFlags |= CSUM_IP;
  if (m.pktlen <= mtu) {
    m.csumFlags &= ~CSUM_TSO;
  } else if ((m.csumFlags & CSUM_TSO) === 0 || m.tsoSegsz + IP_HDR_LEN + TCP_HDR_LEN > mtu) {
    return tooLarge(ipv, m, ifp, hop, mtu, flags, ro);
  } else if ((m.csumFlags & CSUM_TSO & assist) === 0 || (ifp.tso.maxBytes !== 0 && m.pktlen + ifp.hdrlen > ifp.tso.maxBytes)) {
    if ((flags & IP_FORWARDING) === 0) ipv.stat.localout++;
    return ipTso(ipv, m, ifp, hop, ro);
  }
  if ((flags & IP_FORWARDING) === 0) ipv.stat.localout++;
  return ipSend(ipv, m, ifp, hop, ro);
}

/** Does what of the checksums the interface leaves to us, and gives it the packet. */
export function ipSend(ipv: IpVnet, m0: Mbuf, ifp: Ifnet, hop: InAddr, ro: Route | null): number {
  let m: Mbuf | null = m0;
  const todo = m.csumFlags & ~ifp.hwassist;
  if ((todo & CSUM_DELAY_DATA) !== 0) {
    m = ipDelayedCksum(m);
    if (m === null) {
      ipv.stat.odropped++;
      return ENOBUFS;
    }
  }
  if ((todo & CSUM_IP) !== 0) {
    ipHdrCksum(m);
    m.csumFlags &= ~CSUM_IP;
  } else {
    m.dv.setUint16(m.off + 10, 0);
  }
  return ifp.output(ifp, m, AF_INET, hop, ro);
}

/** Fragments, or says that it must not be. */
function tooLarge(ipv: IpVnet, m: Mbuf, ifp: Ifnet, hop: InAddr, mtu: number, flags: number, ro: Route | null): number {
  if ((m.dv.getUint16(m.off + 6) & IP_DF) !== 0 || (flags & INET_NOFRAG) !== 0 || (m.csumFlags & CSUM_TSO) !== 0) {
    ipv.stat.cantfrag++;
    mFreem(m);
    return EMSGSIZE;
  }
  if ((flags & IP_FORWARDING) === 0) ipv.stat.localout++;
  return ipFragment(ipv, m, ifp, hop, mtu, ro);
}
