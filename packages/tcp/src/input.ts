// @hot
import { INP_DROPPED, INPLOOKUP_WILDCARD, INPLOOKUP_WLOCKPCB, type Inpcb, inPcbLookup, type InPkt, PKT_BROADCAST, PKT_MULTICAST } from '@ns/inpcb';
import { CSUM_DATA_VALID, CSUM_PSEUDO_HDR, type Mbuf, mAdj, mCksum, mFree, mFreem, mPullup } from '@ns/mbuf';
import { SO_ACCEPTCONN, type Socket } from '@ns/socket';
import { cksumFold, AF_INET, decodeTcpHdr, decodeTcpOpts, IPPROTO_TCP, pseudoSum4, pseudoSum6, TCP_HDR_LEN, TH_ACK, TH_FIN, TH_RST, TH_SYN, TOF_SIGNATURE } from '@ns/wire';
import { signatureRefuses } from './guard.ts';
import { tcpLogAddrs, tcpLogVain } from './log.ts';
import { tcpDropwithreset, sourceIsMany } from './respond.ts';
import type { Segment } from './segment.ts';
import { SC_DROP, SC_OK } from './syncache.ts';
import { type Tcpcb, TCPS_CLOSED, TCPS_LISTEN, TCPS_TIME_WAIT, TF_SIGNATURE } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';
import { tcpDoSegment } from './dosegment.ts';
import { TW_RECYCLED, tcpTwcheck, tcpTwRecycles } from './timewait.ts';

/**
 * A packet for TCP: checks the header, finds the connection, and processes the segment. `m` begins at the network header. `udpPort`: the peer's port if the segment came in
 * UDP, whose header and checksum are dealt with, else 0. Consumes m.
 * Source: RFC 9293 §3.10.7; FreeBSD tcp_input.c, tcp_input_with_port().
 */
export function tcpInput(v: TcpVnet, m0: Mbuf, pkt: InPkt, udpPort: number): void {
  v.stat.rcvtotal++;
  const seg = v.seg;
  seg.udpPort = udpPort;
  const m = checkHeader(v, seg, m0, pkt);
  if (m === null) return;
  seg.m = m;
  v.inputUs = seg.nowUs;
  for (let again = true; again; ) again = deliver(v, seg, pkt);
  v.inputUs = -0.5;
  const left = seg.m;
  if (left !== null) {
    seg.m = null;
    mFreem(left);
  }
}

/** Header length, offset and checksum; trims the headers off. Null: the packet is gone, and counted. */
function checkHeader(v: TcpVnet, seg: Segment, m0: Mbuf, pkt: InPkt): Mbuf | null {
  const stat = v.stat;
  if (pkt.len < TCP_HDR_LEN) {
    stat.rcvshort++;
    mFreem(m0);
    return null;
  }
  let m: Mbuf | null = m0;
  if (m.len < pkt.off + TCP_HDR_LEN && (m = mPullup(m, pkt.off + TCP_HDR_LEN)) === null) {
    stat.rcvshort++;
    return null;
  }
  if (seg.udpPort === 0 && !checksumOk(m, pkt)) {
    stat.rcvbadsum++;
    mFreem(m);
    return null;
  }
  const th = seg.th;
  if (!decodeTcpHdr(m.dv, m.off + pkt.off, pkt.len, th)) {
    stat.rcvbadoff++;
    mFreem(m);
    return null;
  }
  const hdrlen = pkt.off + th.off;
  if (m.len < hdrlen && (m = mPullup(m, hdrlen)) === null) {
    stat.rcvshort++;
    return null;
  }
  const syn = (th.flags & TH_SYN) !== 0;
  if (th.off === TCP_HDR_LEN) seg.to.flags = 0;
  else decodeTcpOpts(m.dv, m.off + pkt.off + TCP_HDR_LEN, th.off - TCP_HDR_LEN, seg.to, syn);
  seg.thOff = m.off + pkt.off;
  seg.pkt = pkt;
  seg.seq = th.seq;
  seg.ack = th.ack;
  seg.flags = th.flags;
  seg.tlen = pkt.len - th.off;
  seg.urp = th.urp;
  seg.fibnum = m.fibnum;
  seg.tos = pkt.tos;
  seg.nowUs = v.wheel.nowUs();
  seg.nowMs = (seg.nowUs / 1000) | 0;
  return trimToPayload(m, hdrlen, pkt.off + pkt.len);
}

/** Cuts headers off the front, and what lies behind the packet (link padding) off the end. */
function trimToPayload(m: Mbuf, hdrlen: number, total: number): Mbuf {
  if (m.pktlen > total) mAdj(m, total - m.pktlen);
  m.off += hdrlen;
  m.len -= hdrlen;
  m.pktlen -= hdrlen;
  return m;
}

/** RFC 9293 MUST-3. A driver may have done the work: it says so in the packet header. */
function checksumOk(m: Mbuf, pkt: InPkt): boolean {
  const f = m.csumFlags;
  const v4 = pkt.af === AF_INET;
  if ((f & CSUM_DATA_VALID) !== 0) {
    if ((f & CSUM_PSEUDO_HDR) !== 0) return m.csumData === 0xffff;
    return cksumFold(pseudo(pkt, v4) + m.csumData) === 0;
  }
  return cksumFold(mCksum(m, pkt.off, pkt.len, pseudo(pkt, v4))) === 0;
}

function pseudo(pkt: InPkt, v4: boolean): number {
  if (v4) return pseudoSum4(pkt.src3, pkt.dst3, IPPROTO_TCP, pkt.len);
  return pseudoSum6(pkt.src0, pkt.src1, pkt.src2, pkt.src3, pkt.dst0, pkt.dst1, pkt.dst2, pkt.dst3, IPPROTO_TCP, pkt.len);
}

/** Finds who the segment is for and hands it over. True: look again, a connection in TIME_WAIT has made room. */
function deliver(v: TcpVnet, seg: Segment, pkt: InPkt): boolean {
  const th = seg.th;
  const inp = inPcbLookup(
    v.pcbinfo,
    pkt.af,
    pkt.src0,
    pkt.src1,
    pkt.src2,
    pkt.src3,
    th.sport,
    pkt.dst0,
    pkt.dst1,
    pkt.dst2,
    pkt.dst3,
    th.dport,
    (INPLOOKUP_WILDCARD | INPLOOKUP_WLOCKPCB) as 5,
    pkt.ifp,
    seg.fibnum,
  );
  if (inp !== null) {
    const tp = inp.ppcb as Tcpcb;
    if (inp.minTtl !== 0 && inp.minTtl > pkt.ttl) return false;
    if (tp.udpPort !== seg.udpPort && tp.state > TCPS_LISTEN && otherRoad(v, inp, tp, seg, pkt)) return false;
    const wants = (tp.flags & TF_SIGNATURE) !== 0;
    if ((wants || (seg.to.flags & TOF_SIGNATURE) !== 0) && tp.state !== TCPS_LISTEN && signatureRefuses(v, wants, seg)) return false;
  }
  if (v.dropSynfin && (th.flags & (TH_SYN | TH_FIN)) === (TH_SYN | TH_FIN)) {
    synfin(v, inp, seg);
    return false;
  }
  if (inp === null) {
    noPcb(v, seg, pkt);
    return false;
  }
  const tp = inp.ppcb as Tcpcb;
  switch (tp.state) {
    case TCPS_TIME_WAIT:
      return tcpTwcheck(tp, seg) === TW_RECYCLED;
    case TCPS_CLOSED:
      if ((inp.flags & INP_DROPPED) === 0) resetClosed(v, inp, seg, pkt);
      return false;
    case TCPS_LISTEN:
      if ((tp.so.options & SO_ACCEPTCONN) !== 0) arrivesInListen(v, inp, tp, seg, pkt);
      return false;
    default:
      tcpDoSegment(tp, seg);
      return false;
  }
}

/** SYN and FIN together, with net.inet.tcp.drop_synfin: no state answers. */
function synfin(v: TcpVnet, inp: Inpcb | null, seg: Segment): void {
  if (inp !== null && (inp.ppcb as Tcpcb).state === TCPS_LISTEN) {
    tcpLogAddrs(v, seg, 'tcp_input', 'Listen socket: SYN|FIN segment ignored (based on sysctl setting)');
    v.stat.badsyn++;
  } else {
    tcpLogAddrs(v, seg, 'tcp_do_segment', 'SYN|FIN segment ignored (based on sysctl setting)');
  }
}

/**
 * A segment for a connection that has come by another road than that takes: plain for one in UDP or the other way round, or from another UDP port. It is not the peer's; its
 * sender is told by the road it came. False: it may begin a new connection in the place of one in TIME_WAIT, by whatever road.
 * Source: FreeBSD tcp_input_with_port(), tcp_twcheck().
 */
function otherRoad(v: TcpVnet, inp: Inpcb, tp: Tcpcb, seg: Segment, pkt: InPkt): boolean {
  if (tp.state === TCPS_TIME_WAIT) {
    if (v.dropSynfin && (seg.th.flags & (TH_SYN | TH_FIN)) === (TH_SYN | TH_FIN)) {
      synfin(v, inp, seg);
      return true;
    }
    if (tcpTwRecycles(tp, seg)) return false;
    v.stat.twResets++;
  }
  resetClosed(v, inp, seg, pkt);
  return true;
}

/**
 * A segment for a port that nobody uses.
 * Source: RFC 9293 §3.10.7.1; FreeBSD tcp_input(), net.inet.tcp.blackhole.
 */
function noPcb(v: TcpVnet, seg: Segment, pkt: InPkt): void {
  const syn = (seg.th.flags & TH_SYN) !== 0;
  if (v.logInVain >= 2 || (v.logInVain === 1 && syn)) tcpLogVain(v, seg, 'Connection attempt to closed port');
  resetClosed(v, null, seg, pkt);
}

/** Answers a segment that meets no connection, with its port (`inp`) or without, unless the administrator wants a black hole. */
function resetClosed(v: TcpVnet, inp: Inpcb | null, seg: Segment, pkt: InPkt): void {
  if ((v.blackhole >= 2 || (v.blackhole === 1 && (seg.th.flags & TH_SYN) !== 0)) && isDark(v, pkt)) return;
  tcpDropwithreset(v, inp, seg, false);
}

/** Whether net.inet.tcp.blackhole is meant for the sender of this packet. */
function isDark(v: TcpVnet, pkt: InPkt): boolean {
  return v.blackholeLocal || !fromHere(v, pkt);
}

/** Whether the packet comes from an address of this stack. */
function fromHere(v: TcpVnet, pkt: InPkt): boolean {
  const af = v.af(pkt.af);
  return af !== null && af.isLocal(v.vnet, pkt.srcAddr());
}

/**
 * A segment for a listener: a SYN begins a handshake in the syncache, an ACK may end one.
 * Source: RFC 9293 §3.10.7.2; FreeBSD tcp_input(), state LISTEN.
 */
function arrivesInListen(v: TcpVnet, inp: Inpcb, ltp: Tcpcb, seg: Segment, pkt: InPkt): void {
  const kind = seg.th.flags & (TH_RST | TH_ACK | TH_SYN);
  if (kind === TH_ACK) {
    completesHandshake(v, inp, ltp, seg);
    return;
  }
  if ((kind & TH_RST) !== 0) {
    v.syncache.chkrst(seg);
    return;
  }
  if ((kind & TH_SYN) === 0) {
    tcpLogAddrs(v, seg, 'tcp_input', 'Listen socket: SYN is missing, segment ignored');
    v.stat.badsyn++;
    return;
  }
  if ((kind & TH_ACK) !== 0) {
    // Differs: RFC 9293 answers with a RST; FreeBSD drops it.
    tcpLogAddrs(v, seg, 'tcp_input', 'Listen socket: SYN|ACK invalid, segment ignored');
    v.stat.badsyn++;
    return;
  }
  const bad = badEnds(seg, pkt);
  if (bad !== null) {
    tcpLogAddrs(v, seg, 'tcp_input', bad);
    return;
  }
  if (v.syncache.add(ltp.so, inp, ltp, seg)) goOn(v, seg, v.syncache.newSocket as Socket);
}

/** Why a SYN between these two ends cannot be meant for a listener, or null. Source: RFC 1122 §4.2.3.10; FreeBSD tcp_input(), "Basic sanity checks". */
function badEnds(seg: Segment, pkt: InPkt): string | null {
  if (isLand(seg, pkt)) return 'Listen socket: Connection attempt from/to self ignored';
  if ((pkt.flags & (PKT_BROADCAST | PKT_MULTICAST)) === 0 && !sourceIsMany(pkt)) return null;
  return pkt.af === AF_INET
    ? 'Listen socket: Connection attempt from/to broad- or multicast address ignored'
    : 'Listen socket: Connection attempt from/to multicast address ignored';
}

/** A segment that claims to come from the very port that it is for. */
function isLand(seg: Segment, pkt: InPkt): boolean {
  return (
    seg.th.sport === seg.th.dport && pkt.src3 === pkt.dst3 && pkt.src2 === pkt.dst2 && pkt.src1 === pkt.dst1 && pkt.src0 === pkt.dst0
  );
}

/** The third segment of a handshake: the syncache, or a cookie, makes the connection, and the segment is processed in it. */
function completesHandshake(v: TcpVnet, inp: Inpcb, ltp: Tcpcb, seg: Segment): void {
  const verdict = v.syncache.expand(ltp.so, inp, ltp, seg);
  if (verdict === SC_DROP) return;
  const so = v.syncache.newSocket;
  if (verdict !== SC_OK || so === null) {
    if (v.blackhole < 3 || !isDark(v, seg.pkt as InPkt)) tcpDropwithreset(v, inp, seg, true);
    return;
  }
  goOn(v, seg, so);
}

/** The segment has made the connection of `so`, and is processed in it. */
function goOn(v: TcpVnet, seg: Segment, so: Socket): void {
  v.syncache.newSocket = null;
  tcpDoSegment((so.pcb as Inpcb).ppcb as Tcpcb, seg);
}

/** Frees mbufs of no bytes at the front of the payload chain; null when nothing is left. */
export function payloadOf(m: Mbuf): Mbuf | null {
  let n: Mbuf | null = m;
  while (n !== null && n.len === 0) n = mFree(n);
  return n;
}
