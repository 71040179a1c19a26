/* @hot Datagrams that come in. Source: FreeBSD netinet/udp_usrreq.c. */
import {
  IN6P_EXTHDRS,
  INET_UNREACH_PORT,
  INP_CONNECTED,
  INP_INHASHLIST,
  INP_IPV4,
  INP_IPV6,
  INP_IPV6PROTO,
  INP_ORIGDSTADDR,
  INP_RECVDSTADDR,
  INP_RECVFLOWID,
  INP_RECVIF,
  INP_RECVTOS,
  INP_RECVTTL,
  type Inpcb,
  INPLOOKUP_RLOCKPCB,
  INPLOOKUP_WILDCARD,
  inPcbLookup,
  inPcbMcastFilter,
  inPcbSaveControl,
  type InPkt,
  MCAST_NOTGMEMBER,
  MCAST_PASS,
  PKT_BROADCAST,
  PKT_MULTICAST,
} from '@ns/inpcb';
import { CSUM_DATA_VALID, CSUM_PSEUDO_HDR, M_BCAST, M_MCAST, type Mbuf, mAdj, mCksum, mCopypacket, mFreem, mPullup } from '@ns/mbuf';
import { SO_REUSEADDR, SO_REUSEPORT, SO_REUSEPORT_LB, SO_TIMESTAMP, sbappendaddr, type Socket, sorwakeup } from '@ns/socket';
import { AF_INET, AF_INET6, cksumFold, decodeUdpHdr, pseudoSum4, pseudoSum6, UDP_HDR_LEN } from '@ns/wire';
import { logInVain } from './log.ts';
import type { UdpTunnelCb } from './tunnel.ts';
import type { UdpVnet } from './vnet.ts';

/** Options that let several sockets have one multicast datagram. */
const SHARING = SO_REUSEADDR | SO_REUSEPORT | SO_REUSEPORT_LB;
/** What of the datagram a socket wants to be told. */
const CONTROL = INP_RECVDSTADDR | INP_RECVIF | INP_RECVTTL | INP_RECVTOS;

/**
 * Takes a datagram from the network protocol. Consumes m, which begins at the network header.
 * Source: FreeBSD udp_input(), udp6_input().
 */
export function udpInput(u: UdpVnet, packet: Mbuf, pkt: InPkt): void {
  const m = udpCheck(u, packet, pkt);
  if (m === null) return;
  if ((pkt.flags & (PKT_BROADCAST | PKT_MULTICAST)) !== 0) udpMultiInput(u, m, pkt);
  else udpUniInput(u, m, pkt);
}

/** Header, length and checksum; the packet, cut to its length, with `u.uh` filled in, or null when it was dropped. */
function udpCheck(u: UdpVnet, packet: Mbuf, pkt: InPkt): Mbuf | null {
  const stat = u.stat;
  stat.ipackets++;
  if (pkt.len < UDP_HDR_LEN) {
    stat.hdrops++;
    mFreem(packet);
    return null;
  }
  const m = mPullup(packet, pkt.off + UDP_HDR_LEN);
  if (m === null) {
    stat.hdrops++;
    return null;
  }
  const uh = u.uh;
  if (!decodeUdpHdr(m.dv, m.off + pkt.off, pkt.len, uh)) {
    stat.badlen++;
    mFreem(m);
    return null;
  }
  if (uh.dport === 0) {
    mFreem(m);
    return null;
  }
  if (uh.ulen < pkt.len) mAdj(m, uh.ulen - pkt.len);
  if (uh.sum === 0) {
    stat.nosum++;
    if (pkt.af === AF_INET) return m;
    mFreem(m); // RFC 8200 §8.1: IPv6 has no datagrams without checksum
    return null;
  }
  if (udpSum(m, pkt, uh.ulen) !== 0) {
    stat.badsum++;
    mFreem(m);
    return null;
  }
  return m;
}

/** 0 if the checksum is right. */
function udpSum(m: Mbuf, pkt: InPkt, ulen: number): number {
  const flags = m.csumFlags;
  if ((flags & (CSUM_DATA_VALID | CSUM_PSEUDO_HDR)) === (CSUM_DATA_VALID | CSUM_PSEUDO_HDR)) return (m.csumData & 0xffff) ^ 0xffff;
  const pseudo =
    pkt.af === AF_INET
      ? pseudoSum4(pkt.src3, pkt.dst3, pkt.proto, ulen)
      : pseudoSum6(pkt.src0, pkt.src1, pkt.src2, pkt.src3, pkt.dst0, pkt.dst1, pkt.dst2, pkt.dst3, pkt.proto, ulen);
  if ((flags & CSUM_DATA_VALID) !== 0) return cksumFold(pseudo + (m.csumData & 0xffff));
  return cksumFold(mCksum(m, pkt.off, ulen, pseudo));
}

function udpUniInput(u: UdpVnet, m: Mbuf, pkt: InPkt): void {
  const uh = u.uh;
  const inp = inPcbLookup(
    u.info,
    pkt.af,
    pkt.src0,
    pkt.src1,
    pkt.src2,
    pkt.src3,
    uh.sport,
    pkt.dst0,
    pkt.dst1,
    pkt.dst2,
    pkt.dst3,
    uh.dport,
    INPLOOKUP_WILDCARD | INPLOOKUP_RLOCKPCB,
    pkt.ifp,
    m.fibnum,
  );
  if (inp === null) {
    udpNoport(u, m, pkt);
    return;
  }
  if (inp.minTtl > pkt.ttl) {
    mFreem(m);
    return;
  }
  udpAppend(u, inp, m, pkt);
}

/** Nobody listens: says so, if it should. */
function udpNoport(u: UdpVnet, m: Mbuf, pkt: InPkt): void {
  if (u.logInVain !== 0) logInVain(u, pkt);
  u.stat.noport++;
  if ((m.flags & (M_BCAST | M_MCAST)) !== 0) {
    u.stat.noportbcast++;
    mFreem(m);
    return;
  }
  const af = u.inet.af(pkt.af);
  if (u.blackhole !== 0 || af === null) mFreem(m);
  else af.unreach(m, pkt, INET_UNREACH_PORT);
}

/**
 * Broadcast and multicast: each socket that is bound to the port and does not object has a copy, but for the search ends at one that does not share its port.
 *
 * Who is found is written down first: what one of them does with its copy may close others, or take them out of the group. Those get none.
 * Source: FreeBSD udp_multi_input().
 */
function udpMultiInput(u: UdpVnet, m: Mbuf, pkt: InPkt): void {
  const from = u.taken;
  udpMultiSearch(u, pkt, m.fibnum);
  const to = u.taken;
  if (to === from) {
    u.stat.noportbcast++;
    if ((pkt.flags & PKT_MULTICAST) !== 0) u.stat.noportmcast++;
    mFreem(m);
    return;
  }
  const sport = u.uh.sport;
  const dport = u.uh.dport;
  for (let i = from; i < to; i++) {
    const inp = u.takers[i] as Inpcb;
    u.takers[i] = null;
    u.uh.sport = sport;
    u.uh.dport = dport;
    if (i > from && ((inp.flags & INP_INHASHLIST) === 0 || inp.lport !== dport || !udpMultiMatch(u, inp, pkt, m.fibnum))) continue;
    const copy = i + 1 === to ? m : mCopypacket(m);
    if (copy === null) u.stat.fullsock++;
    else udpAppend(u, inp, copy, pkt);
    if (i + 1 === to) {
      u.taken = from;
      return;
    }
  }
  u.taken = from;
  mFreem(m); // the last of them had gone
}

/** Enters those who take the datagram in `u.takers`, behind what stands there. */
function udpMultiSearch(u: UdpVnet, pkt: InPkt, fib: number): void {
  const head = u.info.tables.portHead(u.uh.dport);
  let p = head;
  while (p !== null) {
    if (udpMultiMatch(u, p, pkt, fib)) {
      u.takers[u.taken++] = p;
      if (p.socket === null || (p.socket.options & SHARING) === 0) return;
    }
    p = p.portNext;
    if (p === head) return;
  }
}

/** Whether a socket on the port takes a broadcast or multicast datagram. */
function udpMultiMatch(u: UdpVnet, inp: Inpcb, pkt: InPkt, fib: number): boolean {
  if (inp.fibnum !== fib && !u.info.bindAllFibs) return false;
  if ((inp.vflag & (pkt.af === AF_INET ? INP_IPV4 : INP_IPV6)) === 0 || inp.minTtl > pkt.ttl) return false;
  const l = inp.laddr;
  if ((l.w0 | l.w1 | l.w2 | l.w3) !== 0 && (l.w3 !== pkt.dst3 || l.w2 !== pkt.dst2 || l.w1 !== pkt.dst1 || l.w0 !== pkt.dst0)) return false;
  if ((inp.flags2 & INP_CONNECTED) !== 0) {
    const f = inp.faddr;
    if (inp.fport !== u.uh.sport || f.w3 !== pkt.src3 || f.w2 !== pkt.src2 || f.w1 !== pkt.src1 || f.w0 !== pkt.src0) return false;
  }
  const group = pkt.af === AF_INET ? pkt.dst3 >>> 28 === 14 : pkt.dst0 >>> 24 === 0xff;
  if (!group) return true;
  const verdict = inPcbMcastFilter(inp, pkt.ifp, pkt.af, pkt.dst0, pkt.dst1, pkt.dst2, pkt.dst3, pkt.src0, pkt.src1, pkt.src2, pkt.src3);
  if (verdict !== MCAST_PASS && verdict !== MCAST_NOTGMEMBER) u.stat.filtermcast++;
  return verdict === MCAST_PASS;
}

/**
 * Puts a datagram into a socket's buffer, or gives it to the tunnel whose socket it is. Consumes m.
 * Source: FreeBSD udp_append().
 */
function udpAppend(u: UdpVnet, inp: Inpcb, m: Mbuf, pkt: InPkt): void {
  if (inp.ppcb !== u) {
    (inp.ppcb as UdpTunnelCb).tunnel.input(m, pkt, u.uh);
    return;
  }
  const so = inp.socket as Socket | null;
  if (so === null) {
    mFreem(m);
    return;
  }
  u.dgram.control = (inp.flags & IN6P_EXTHDRS) === 0 && (inp.flags2 & INP_RECVFLOWID) === 0 ? null : inPcbSaveControl(inp, m, pkt);
  mAdj(m, pkt.off + UDP_HDR_LEN);
  fillInfo(u, inp, so, pkt);
  if (sbappendaddr(so.rcv, m, u.dgram)) sorwakeup(so);
  else {
    u.stat.fullsock++;
    mFreem(m);
  }
  u.dgram.control = null;
}

/** Fills `u.dgram`; on an IPv6 socket an IPv4 sender is shown by its mapped address. */
function fillInfo(u: UdpVnet, inp: Inpcb, so: Socket, pkt: InPkt): void {
  const d = u.dgram;
  const mapped = pkt.af === AF_INET && (inp.vflag & INP_IPV6PROTO) !== 0;
  d.af = mapped ? AF_INET6 : pkt.af;
  d.port = u.uh.sport;
  d.zone = pkt.zone;
  d.src0 = pkt.src0;
  d.src1 = pkt.src1;
  d.src2 = mapped ? 0xffff : pkt.src2;
  d.src3 = pkt.src3;
  d.dst0 = pkt.dst0;
  d.dst1 = pkt.dst1;
  d.dst2 = mapped ? 0xffff : pkt.dst2;
  d.dst3 = pkt.dst3;
  d.ifindex = 0;
  d.ttl = 0;
  d.tos = 0;
  d.tstampUs = (so.options & SO_TIMESTAMP) !== 0 ? u.vnet.kernel.callouts.nowUs() : -1;
  if ((inp.flags & CONTROL) === 0 && (inp.flags2 & INP_ORIGDSTADDR) === 0) return;
  if ((inp.flags & (INP_RECVIF | INP_RECVDSTADDR)) !== 0) d.ifindex = pkt.ifp.index;
  if ((inp.flags & INP_RECVTTL) !== 0) d.ttl = pkt.ttl;
  if ((inp.flags & INP_RECVTOS) !== 0) d.tos = pkt.tos;
}
