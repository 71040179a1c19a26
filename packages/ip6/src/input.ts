// @hot
import { type Ifnet, ifnetOf } from '@ns/ifnet';
import { IFF_LOOPBACK } from '@ns/ifnet-kpi';
import { type InPkt, PKT_BROADCAST, PKT_FRAGMENTED, PKT_MULTICAST } from '@ns/inpcb';
import { M_BCAST, M_MCAST, type Mbuf, mAdj, mFreem, mPullup } from '@ns/mbuf';
import {
  AF_INET6,
  getIp6Hlim,
  getIp6Nxt,
  getIp6Plen,
  getIp6Tclass,
  ICMP6_PARAM_PROB,
  ICMP6_PARAMPROB_NEXTHEADER,
  IP6_HDR_LEN,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_NONE,
  IPPROTO_ROUTING,
  IPV6_VERSION,
} from '@ns/wire';
import { EXT_GONE, ip6Dstopts, ip6Extent, ip6Hopopts, ip6Rthdr } from './exthdr.ts';
import { ip6FilterIn } from './filter.ts';
import { ip6Forward } from './forward.ts';
import { icmp6Error } from './icmp6-error.ts';
import { in6Ready, ND6_IFF_IFDISABLED } from './in6-var.ts';
import type { In6Ifinfo, Ip6Vnet } from './ip6-vnet.ts';
import { M_LOOP, M_RTALERT_MLD } from './output.ts';

/**
 * Takes an IPv6 packet that came in by `m.rcvif`, header first: the handler of NETISR_IPV6. Whatever the bytes are, the packet is delivered, forwarded, answered or counted.
 * Consumes m. Source: FreeBSD ip6_input.c, ip6_input().
 */
export function ip6Input(m0: Mbuf): void {
  const rcvif = m0.rcvif;
  const ii = rcvif === null ? null : (ifnetOf(rcvif).afdata[AF_INET6] as In6Ifinfo | null);
  if (ii === null || (ii.flags & ND6_IFF_IFDISABLED) !== 0) {
    mFreem(m0);
    return;
  }
  const ip6v = ii.ip6v;
  m0.flags &= ~M_RTALERT_MLD;
  ip6v.stat.total++;
  ii.stat.in_receive++;
  let m = checkHeader(ip6v, ii, m0);
  if (m === null) return;
  if (ip6v.pfil.nhooksin > 0) {
    m = ip6FilterIn(ip6v, m, ii.ifp);
    if (m === null) return;
  }
  if (getIp6Nxt(m.dv, m.off) === IPPROTO_HOPOPTS) {
    m = ip6Hopopts(ip6v, ii, m);
    if (m === null) return;
  }
  route(ip6v, ii, m);
}

/** Lengths, version, and addresses that must not be on a wire. Returns the packet, its header contiguous and nothing behind its end, or null: counted and freed. */
function checkHeader(ip6v: Ip6Vnet, ii: In6Ifinfo, m0: Mbuf): Mbuf | null {
  const stat = ip6v.stat;
  if (m0.pktlen < IP6_HDR_LEN) {
    stat.tooshort++;
    ii.stat.in_truncated++;
    mFreem(m0);
    return null;
  }
  let m: Mbuf | null = m0;
  if (m.len < IP6_HDR_LEN) {
    m = mPullup(m, IP6_HDR_LEN);
    if (m === null) {
      stat.toosmall++;
      ii.stat.in_hdrerr++;
      return null;
    }
  }
  const dv = m.dv;
  const o = m.off;
  if (dv.getUint8(o) >>> 4 !== IPV6_VERSION) {
    stat.badvers++;
    ii.stat.in_hdrerr++;
    mFreem(m);
    return null;
  }
  stat.nxthist[getIp6Nxt(dv, o)]!++;
  if (badAddresses(ii.ifp, m)) {
    stat.badscope++;
    ii.stat.in_addrerr++;
    mFreem(m);
    return null;
  }
  const len = getIp6Plen(dv, o) + IP6_HDR_LEN;
  if (m.pktlen < len) {
    stat.tooshort++;
    ii.stat.in_truncated++;
    mFreem(m);
    return null;
  }
  if (m.pktlen > len) mAdj(m, len - m.pktlen);
  return m;
}

/**
 * Addresses that cannot be: a group as sender, no destination, groups of no scope or of the interface itself from outside, IPv4-mapped ones, loopback from outside.
 * Source: FreeBSD ip6_input.c; RFC 4291 §2.5.3, §2.7, RFC 4942 §2.2.
 */
function badAddresses(ifp: Ifnet, m: Mbuf): boolean {
  const dv = m.dv;
  const o = m.off;
  const s0 = dv.getInt32(o + 8);
  const d0 = dv.getInt32(o + 24);
  if (s0 >>> 29 === 1 && d0 >>> 29 === 1) return false; // global ones, 2000::/3
  if (s0 >>> 24 === 0xff) return true;
  if (d0 >>> 24 === 0xff) {
    const scope = (d0 >>> 16) & 0xf;
    if (scope === 0 || (scope === 1 && (m.flags & M_LOOP) === 0 && (ifp.stackFlags & IFF_LOOPBACK) === 0)) return true;
  }
  if ((s0 | dv.getInt32(o + 12)) === 0 && specialLow(ifp, dv.getInt32(o + 16), dv.getInt32(o + 20), true)) return true;
  return (d0 | dv.getInt32(o + 28)) === 0 && specialLow(ifp, dv.getInt32(o + 32), dv.getInt32(o + 36), false);
}

/** Of addresses whose first 64 bits are zero: mapped ones, `::1` from outside, and `::` as destination. */
function specialLow(ifp: Ifnet, w2: number, w3: number, isSource: boolean): boolean {
  if (w2 === 0xffff) return true;
  if (w2 !== 0) return false;
  if (w3 === 0) return !isSource;
  return w3 === 1 && (ifp.stackFlags & IFF_LOOPBACK) === 0;
}

/** For us, for somebody else, or for nobody. */
function route(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf): void {
  const dv = m.dv;
  const o = m.off;
  const d0 = dv.getInt32(o + 24);
  if (d0 >>> 24 === 0xff) {
    ii.stat.in_mcast++;
    if (!isMember(ii.ifp, d0, dv.getInt32(o + 28), dv.getInt32(o + 32), dv.getInt32(o + 36))) {
      ip6v.stat.notmember++;
      ii.stat.in_discard++;
      mFreem(m);
      return;
    }
    ip6Deliver(ip6v, ii, m, PKT_MULTICAST);
    return;
  }
  const ifa = ip6v.addrs.lookup(d0, dv.getInt32(o + 28), dv.getInt32(o + 32), dv.getInt32(o + 36), ii.ifp.index);
  if (ifa === null) {
    notOurs(ip6v, ii, m);
    return;
  }
  if (!in6Ready(ifa)) {
    ip6v.stat.notready++;
    ii.stat.in_addrerr++;
    mFreem(m);
    return;
  }
  ifa.ipackets++;
  ifa.ibytes += m.pktlen;
  ip6Deliver(ip6v, ii, m, 0);
}

function notOurs(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf): void {
  if (ip6v.forwarding) {
    ip6Forward(ip6v, m, ii.ifp);
    return;
  }
  ip6v.stat.cantforward++;
  ii.stat.in_discard++;
  mFreem(m);
}

/** Whether the interface has joined the group; loopback need not. */
function isMember(ifp: Ifnet, d0: number, d1: number, d2: number, d3: number): boolean {
  if ((ifp.stackFlags & IFF_LOOPBACK) !== 0) return true;
  const maddrs = ifp.maddrs;
  for (let i = 0; i < maddrs.length; i++) {
    const a = maddrs[i]?.addr;
    if (a != null && a.w3 === d3 && a.w2 === d2 && a.w1 === d1 && a.w0 === d0 && a.af === AF_INET6) return true;
  }
  return false;
}

/**
 * The packet is for this stack: its extension headers are gone through in the order in which they stand, then its protocol gets it. Hop-by-hop options have been seen to. Consumes m.
 * Source: FreeBSD ip6_input.c, `while (nxt != IPPROTO_DONE)`.
 */
export function ip6Deliver(ip6v: Ip6Vnet, ii: In6Ifinfo, m0: Mbuf, pktFlags: number): void {
  let m = m0;
  let flags = pktFlags;
  let nxtOff = 6;
  let off = IP6_HDR_LEN;
  let nxt = getIp6Nxt(m.dv, m.off);
  let nest = 0;
  if (nxt === IPPROTO_HOPOPTS) {
    nxtOff = IP6_HDR_LEN;
    nxt = m.dv.getUint8(m.off + IP6_HDR_LEN);
    off += ip6Extent(m, IP6_HDR_LEN);
    nest = 1;
  }
  while (nxt === IPPROTO_DSTOPTS || nxt === IPPROTO_ROUTING || nxt === IPPROTO_FRAGMENT) {
    if (++nest > ip6v.hdrnestlimit) {
      ip6v.stat.toomanyhdr++;
      ii.stat.in_hdrerr++;
      mFreem(m);
      return;
    }
    let p: Mbuf | null;
    if (nxt === IPPROTO_FRAGMENT) {
      p = ip6v.frag6.input(ii, m, off, nxtOff);
      if (p === null) return;
      m = p;
      flags |= PKT_FRAGMENTED;
      // The fragment header has been taken out: what it named stands in its place, in the headers of the first fragment.
      off = ip6v.frag6.off;
      nxtOff = ip6v.frag6.nxtOff;
      nxt = m.dv.getUint8(m.off + nxtOff);
      continue;
    }
    p = nxt === IPPROTO_DSTOPTS ? ip6Dstopts(ip6v, ii, m, off) : ip6Rthdr(ip6v, ii, m, off);
    if (p === EXT_GONE) return;
    m = p;
    nxtOff = off;
    nxt = m.dv.getUint8(m.off + off);
    off += ip6Extent(m, off);
  }
  upper(ip6v, ii, m, nxt, off, nxtOff, flags);
}

/** What is behind the extension headers. */
function upper(ip6v: Ip6Vnet, ii: In6Ifinfo, m: Mbuf, nxt: number, off: number, nxtOff: number, pktFlags: number): void {
  if (nxt === IPPROTO_NONE) {
    mFreem(m);
    return;
  }
  const proto = ip6v.inet.protosw6[nxt];
  const known = proto !== null && proto !== undefined;
  if (nxt === IPPROTO_HOPOPTS || (!known && ip6v.inet.raw === null)) {
    // RFC 8200 §4: also hop-by-hop options that do not come first.
    ii.stat.in_protounknown++;
    icmp6Error(ip6v, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, nxtOff);
    return;
  }
  const depth = ip6v.depth;
  const pkt = ip6v.pkts[depth];
  if (pkt === undefined) {
    ip6v.stat.odropped++; // packets inside packets: somebody goes round in a circle
    mFreem(m);
    return;
  }
  fill(pkt, m, ii.ifp, nxt, off, pktFlags);
  pkt.nxtOff = nxtOff;
  ip6v.stat.delivered++;
  ii.stat.in_deliver++;
  ip6v.depth = depth + 1;
  if (known) proto.input(m, pkt);
  else ip6v.inet.raw?.input(m, pkt);
  ip6v.depth = depth;
}

/** Fills the record of a packet. */
function fill(pkt: InPkt, m: Mbuf, ifp: Ifnet, nxt: number, off: number, flags: number): void {
  const dv = m.dv;
  const o = m.off;
  pkt.proto = nxt;
  pkt.off = off;
  pkt.len = m.pktlen - off;
  pkt.src0 = dv.getInt32(o + 8);
  pkt.src1 = dv.getInt32(o + 12);
  pkt.src2 = dv.getInt32(o + 16);
  pkt.src3 = dv.getInt32(o + 20);
  pkt.dst0 = dv.getInt32(o + 24);
  pkt.dst1 = dv.getInt32(o + 28);
  pkt.dst2 = dv.getInt32(o + 32);
  pkt.dst3 = dv.getInt32(o + 36);
  pkt.zone = ifp.index;
  pkt.ttl = getIp6Hlim(dv, o);
  pkt.tos = getIp6Tclass(dv, o);
  pkt.ifp = ifp;
  pkt.flags = flags | ((m.flags & M_BCAST) !== 0 ? PKT_BROADCAST : 0) | ((m.flags & M_MCAST) !== 0 ? PKT_MULTICAST : 0);
}
