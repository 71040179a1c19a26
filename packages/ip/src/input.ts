// @hot
import { type Ifaddr, type Ifnet, ifnetOf } from '@ns/ifnet';
import { IFF_BROADCAST, IFF_LOOPBACK } from '@ns/ifnet-kpi';
import { type InPkt, PKT_BROADCAST, PKT_MULTICAST } from '@ns/inpcb';
import { CSUM_L3_CALC, CSUM_L3_VALID, M_BCAST, M_MCAST, type Mbuf, mAdj, mFreem, mPullup } from '@ns/mbuf';
import {
  AF_INET,
  cksumAddView,
  cksumFold,
  getIpDst,
  getIpHlen,
  getIpLen,
  getIpOff,
  getIpP,
  getIpSrc,
  getIpTos,
  getIpTtl,
  getIpV,
  ICMP_UNREACH,
  ICMP_UNREACH_PROTOCOL,
  INADDR_ALLHOSTS_GROUP,
  IP_HDR_LEN,
  IP_MF,
  IP_OFFMASK,
  IPPROTO_IGMP,
  IPVERSION,
} from '@ns/wire';
import { ipFilterIn } from './filter.ts';
import { ipForward } from './forward.ts';
import { icmpError } from './icmp-error.ts';
import { type InIfinfo, type IpVnet } from './ip-vnet.ts';
import { ipDooptions } from './options.ts';

/**
 * Takes an IP packet that came in by `m.rcvif`, header first: the handler of NETISR_IP. Whatever the bytes are, the packet is delivered, forwarded, answered or counted.
 * Consumes m. Source: FreeBSD ip_input.c, ip_input().
 */
export function ipInput(m0: Mbuf): void {
  const rcvif = m0.rcvif;
  const ii = rcvif === null ? null : (ifnetOf(rcvif).afdata[AF_INET] as InIfinfo | null);
  if (ii === null) {
    mFreem(m0);
    return;
  }
  const ipv = ii.ipv;
  ipv.stat.total++;
  const m = checkHeader(ipv, ii.ifp, m0);
  if (m === null) return;
  if (ipv.pfil.nhooksin > 0) {
    const dst = getIpDst(m.dv, m.off);
    const p = ipFilterIn(ipv, m, ii.ifp);
    if (p !== null) accept(ipv, ii.ifp, p, getIpDst(p.dv, p.off) !== dst);
    return;
  }
  accept(ipv, ii.ifp, m, false);
}

/** Its options, and where it goes. `dchg`: a filter has changed the destination. */
function accept(ipv: IpVnet, ifp: Ifnet, m: Mbuf, dchg: boolean): void {
  if (getIpHlen(m.dv, m.off) > IP_HDR_LEN) {
    const p = ipDooptions(ipv, m, ifp, 0);
    if (p === null) return;
    const srcrt = ipv.srcRouted;
    if (srcrt && ipv.forwarding && getIpDst(p.dv, p.off) >>> 28 !== 14) ipForward(ipv, p, ifp, true);
    else route(ipv, ifp, p, dchg);
    return;
  }
  route(ipv, ifp, m, dchg);
}

/** For us, for somebody else, or for nobody. */
function route(ipv: IpVnet, ifp: Ifnet, m: Mbuf, dchg: boolean): void {
  const dst = getIpDst(m.dv, m.off);
  const ifa = ipv.addrs.lookup(dst);
  if (ifa !== null) {
    if (ipv.checkInterface && !dchg && ifa.ifp !== ifp && !ipv.forwarding && (ifp.stackFlags & IFF_LOOPBACK) === 0) {
      ipv.stat.badaddr++; // the strong host model of RFC 1122 §3.3.4.2
      mFreem(m);
      return;
    }
    ifa.ipackets++;
    ifa.ibytes += m.pktlen;
    ours(ipv, ifp, m, 0);
    return;
  }
  notUnicastOfOurs(ipv, ifp, m, dst, dchg);
}

/** Broadcast, multicast, and what is to be forwarded. */
function notUnicastOfOurs(ipv: IpVnet, ifp: Ifnet, m: Mbuf, dst: number, dchg: boolean): void {
  if (dst === -1 || isBroadcastOf(ifp, dst)) {
    ours(ipv, ifp, m, PKT_BROADCAST);
    return;
  }
  if (dst >>> 28 === 14) {
    if (!isMember(ifp, m, dst)) {
      ipv.stat.notmember++;
      mFreem(m);
      return;
    }
    ours(ipv, ifp, m, PKT_MULTICAST);
    return;
  }
  if (!ipv.forwarding || dst >>> 16 === 0xa9fe) {
    ipv.stat.cantforward++; // RFC 3927 §2.7: link-local addresses stay on the link
    mFreem(m);
    return;
  }
  ipForward(ipv, m, ifp, dchg); // the sender is not to be told of a better way to where a filter sends it
}

/** A directed broadcast address of the receiving interface; or that has no address yet, and takes what comes (BOOTP). */
function isBroadcastOf(ifp: Ifnet, dst: number): boolean {
  if ((ifp.stackFlags & IFF_BROADCAST) === 0) return false;
  const addrs = ifp.addrs;
  for (let i = 0; i < addrs.length; i++) {
    const ifa = addrs[i] as Ifaddr;
    if (ifa.af !== AF_INET) continue;
    if ((ifa.broadcast !== null && ifa.broadcast.w3 === dst) || ifa.addr.w3 === 0) return true;
  }
  return false;
}

/** Whether the interface has joined the group. All hosts is always joined; loopback and IGMP need not (RFC 9776 §4). */
function isMember(ifp: Ifnet, m: Mbuf, dst: number): boolean {
  if (dst === INADDR_ALLHOSTS_GROUP.w3 || (ifp.stackFlags & IFF_LOOPBACK) !== 0 || getIpP(m.dv, m.off) === IPPROTO_IGMP) return true;
  const maddrs = ifp.maddrs;
  for (let i = 0; i < maddrs.length; i++) {
    const a = maddrs[i]?.addr;
    if (a != null && a.w3 === dst && a.af === AF_INET) return true;
  }
  return false;
}

/**
 * Lengths, version, checksum, and addresses that must not be on a wire (RFC 1122 §3.2.1.3). Returns the packet, its header contiguous and nothing behind its
 * end, or null: counted and freed.
 */
function checkHeader(ipv: IpVnet, ifp: Ifnet, m0: Mbuf): Mbuf | null {
  const stat = ipv.stat;
  if (m0.pktlen < IP_HDR_LEN) {
    stat.tooshort++;
    mFreem(m0);
    return null;
  }
  let m: Mbuf | null = m0;
  if (m.len < IP_HDR_LEN) {
    m = mPullup(m, IP_HDR_LEN);
    if (m === null) {
      stat.toosmall++;
      return null;
    }
  }
  if (getIpV(m.dv, m.off) !== IPVERSION) {
    stat.badvers++;
    mFreem(m);
    return null;
  }
  const hlen = getIpHlen(m.dv, m.off);
  if (hlen < IP_HDR_LEN) {
    stat.badhlen++;
    mFreem(m);
    return null;
  }
  if (hlen > m.len) {
    m = mPullup(m, hlen);
    if (m === null) {
      stat.badhlen++;
      return null;
    }
  }
  if (martian(ifp, getIpSrc(m.dv, m.off), getIpDst(m.dv, m.off))) {
    stat.badaddr++;
    mFreem(m);
    return null;
  }
  const known = m.csumFlags & (CSUM_L3_CALC | CSUM_L3_VALID);
  const bad = (known & CSUM_L3_CALC) !== 0 ? known !== (CSUM_L3_CALC | CSUM_L3_VALID) : cksumFold(cksumAddView(m.dv, m.off, hlen, 0)) !== 0;
  if (bad) {
    stat.badsum++;
    mFreem(m);
    return null;
  }
  return checkLength(ipv, m, hlen);
}

function checkLength(ipv: IpVnet, m: Mbuf, hlen: number): Mbuf | null {
  const stat = ipv.stat;
  const len = getIpLen(m.dv, m.off);
  if (len < hlen) {
    stat.badlen++;
    mFreem(m);
    return null;
  }
  if (m.pktlen < len) {
    stat.tooshort++;
    mFreem(m);
    return null;
  }
  if (m.pktlen > len) mAdj(m, len - m.pktlen);
  return m;
}

/** Addresses that cannot be: loopback from outside; a destination that is none; a sender that is a group or everybody. */
function martian(ifp: Ifnet, src: number, dst: number): boolean {
  if ((src >>> 24 === 127 || dst >>> 24 === 127) && (ifp.stackFlags & IFF_LOOPBACK) === 0) return true;
  return dst === 0 || src >>> 28 === 14 || src === -1;
}

/** The packet is for this stack: put together, and given to its protocol. */
function ours(ipv: IpVnet, ifp: Ifnet, m0: Mbuf, pktFlags: number): void {
  let m: Mbuf | null = m0;
  if (ipv.stealth && getIpHlen(m.dv, m.off) > IP_HDR_LEN) {
    m = ipDooptions(ipv, m, ifp, 1);
    if (m === null) return;
  }
  if ((getIpOff(m.dv, m.off) & (IP_MF | IP_OFFMASK)) !== 0) {
    m = ipv.reass.input(m);
    if (m === null) return;
  }
  const depth = ipv.depth;
  const pkt = ipv.pkts[depth];
  if (pkt === undefined) {
    ipv.stat.odropped++; // packets inside packets: somebody goes round in a circle
    mFreem(m);
    return;
  }
  fill(pkt, m, ifp, pktFlags);
  ipv.depth = depth + 1;
  deliver(ipv, m, pkt);
  ipv.depth = depth;
}

/** Fills the record of a packet. */
function fill(pkt: InPkt, m: Mbuf, ifp: Ifnet, flags: number): void {
  const dv = m.dv;
  const o = m.off;
  const hlen = getIpHlen(dv, o);
  pkt.proto = getIpP(dv, o);
  pkt.off = hlen;
  pkt.len = m.pktlen - hlen;
  pkt.src3 = getIpSrc(dv, o);
  pkt.dst3 = getIpDst(dv, o);
  pkt.ttl = getIpTtl(dv, o);
  pkt.tos = getIpTos(dv, o);
  pkt.ifp = ifp;
  pkt.flags = flags | ((m.flags & M_BCAST) !== 0 ? PKT_BROADCAST : 0) | ((m.flags & M_MCAST) !== 0 ? PKT_MULTICAST : 0);
}

/** To the protocol of the packet, else to raw sockets, else the sender is told that nobody speaks it. */
function deliver(ipv: IpVnet, m: Mbuf, pkt: InPkt): void {
  const proto = ipv.inet.protosw[pkt.proto];
  if (proto !== null && proto !== undefined) {
    ipv.stat.delivered++;
    proto.input(m, pkt);
    return;
  }
  if (ipv.inet.raw !== null) {
    ipv.stat.delivered++;
    ipv.inet.raw.input(m, pkt);
    return;
  }
  ipv.stat.noproto++;
  icmpError(ipv, m, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL, 0, 0);
}
