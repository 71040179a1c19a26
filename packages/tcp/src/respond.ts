// @hot
import { INET_DF, type InetAf, type Inpcb, type InPkt, PKT_BROADCAST, PKT_MULTICAST, inPcbStamp } from '@ns/inpcb';
import { ppsratecheck, type RateLimit } from '@ns/kern';
import { CSUM_IP6_TCP, CSUM_IP_TCP, type Mbuf, mFreem } from '@ns/mbuf';
import type { Route } from '@ns/route';
import { sbspace } from '@ns/socket';
import {
  AF_INET,
  encodeTcpHdr,
  encodeTcpOpts,
  type InAddr,
  IPPROTO_TCP,
  seqGt,
  TCP_HDR_LEN,
  TCP_MAXWIN,
  type TcpHdr,
  TH_ACK,
  TH_FIN,
  TH_RST,
  TH_SYN,
  TOF_SIGNATURE,
  TOF_TS,
} from '@ns/wire';
import { signSegment } from './guard.ts';
import type { Segment } from './segment.ts';
import { SCF_SIGNATURE, SCF_TIMESTAMP } from './syncache-entry.ts';
import { type Tcpcb, TF_ACKNOW, TF_DELACK, TF_NOOPT, TF_RCVD_TSTMP, TF_SIGNATURE } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';
import { scaledWindow, windowToOffer } from './window.ts';

/** RSTs in a second that the stack answers with, to closed and to open ports. Source: FreeBSD net.inet.icmp.icmplim. */
const RST_LIMIT = 200;
/** Offset of the checksum in the TCP header. */
const TH_SUM_OFF = 16;

/**
 * Sends a segment without data that does not come from the send buffer: a RST, a challenge ACK, a keepalive probe. `inp` gives traffic class, hop limit and routing table when
 * there is one, else it goes by table `fib`; `tp`, window and time stamp. `udpPort`: by which road. Sequence numbers are int32.
 * Source: FreeBSD tcp_subr.c, tcp_respond().
 */
function respond(v: TcpVnet, tp: Tcpcb | null, inp: Inpcb | null, af: InetAf, fib: number, laddr: InAddr, lport: number, faddr: InAddr, fport: number, udpPort: number, seq: number, ack: number, flags: number): void {
  const m = v.pool.getHdr();
  if (m === null) return;
  const th = v.out.th;
  const to = v.out.to;
  to.flags = 0;
  if (tp !== null && (flags & TH_RST) === 0 && (tp.flags & (TF_RCVD_TSTMP | TF_NOOPT)) === TF_RCVD_TSTMP) {
    to.flags = TOF_TS;
    to.tsval = (v.nowMs() + tp.tsOffset) | 0;
    to.tsecr = tp.tsRecent;
  }
  const guarded = tp ?? (inp === null ? null : (inp.ppcb as Tcpcb | null));
  if (guarded !== null && (guarded.flags & TF_SIGNATURE) !== 0) to.flags |= TOF_SIGNATURE;
  const len = TCP_HDR_LEN + (to.flags === 0 ? 0 : encodeTcpOpts(m.dv, m.off + TCP_HDR_LEN, to));
  th.sport = lport;
  th.dport = fport;
  th.seq = seq;
  th.ack = ack;
  th.flags = flags;
  th.win = tp === null || (flags & TH_RST) !== 0 ? 0 : respondWindow(tp);
  if (inp === null) {
    m.fibnum = fib;
    transmit(v, m, th, len, af, laddr, faddr, udpPort, 0, 0, null, null);
    return;
  }
  inPcbStamp(inp, m);
  transmit(v, m, th, len, af, laddr, faddr, udpPort, inp.ttl, inp.tos, tp === null ? null : inp.route, inp);
}

/** Completes the header, of `len` bytes with its options, and sends it. Consumes m. */
function transmit(v: TcpVnet, m: Mbuf, th: TcpHdr, len: number, af: InetAf, laddr: InAddr, faddr: InAddr, udpPort: number, ttl: number, tos: number, ro: Route | null, inp: Inpcb | null): void {
  m.len = len;
  m.pktlen = len;
  th.off = len;
  th.urp = 0;
  th.sum = 0;
  if (udpPort === 0) {
    th.sum = af.pseudoSum(laddr, faddr, IPPROTO_TCP, len);
    m.csumFlags = af.af === AF_INET ? CSUM_IP_TCP : CSUM_IP6_TCP;
    m.csumData = TH_SUM_OFF;
  }
  encodeTcpHdr(m.dv, m.off, th);
  if ((v.out.to.flags & TOF_SIGNATURE) !== 0 && signSegment(v, m, v.out.to.sigOff, laddr, faddr) !== 0) {
    mFreem(m);
    return;
  }
  v.stat.sndtotal++;
  const flags = v.pathMtuDiscovery ? INET_DF : 0;
  if (udpPort === 0) af.output(v.vnet, m, laddr, faddr, IPPROTO_TCP, ttl, tos, flags, ro, inp);
  else v.overUdp.output(af, m, laddr, faddr, udpPort, ttl, tos, flags, ro, inp);
}

/** The window field as output would have it; what it promises is kept. */
function respondWindow(tp: Tcpcb): number {
  const scale = tp.rcvScale;
  const max = TCP_MAXWIN << scale;
  const room = sbspace(tp.so.rcv);
  const space = room < 0 ? 0 : room > max ? max : room;
  const field = scaledWindow(space, windowToOffer(tp, space), scale);
  const adv = (tp.rcvNxt + (field << scale)) | 0;
  if (seqGt(adv, tp.rcvAdv)) tp.rcvAdv = adv;
  return field;
}

/** On behalf of a connection. */
function respondTcpcb(tp: Tcpcb, seq: number, ack: number, flags: number): void {
  const inp = tp.inp;
  const af = inp.af;
  if (af === null) return;
  respond(tp.tcp, tp, inp, af, inp.fibnum, inp.laddr, inp.lport, inp.faddr, inp.fport, tp.udpPort, seq, ack, flags);
}

/** Where a half-open connection stands. */
export interface HalfOpen {
  readonly af: InetAf;
  readonly laddr: InAddr;
  readonly lport: number;
  readonly faddr: InAddr;
  readonly fport: number;
  readonly fibnum: number;
  readonly udpPort: number;
  readonly ttl: number;
  readonly tos: number;
  readonly iss: number;
  readonly irs: number;
  /** Time stamp to echo, and what is added to the clock to make ours. */
  readonly tsreflect: number;
  readonly tsoff: number;
  /** SCF_* */
  readonly flags: number;
}

/** Challenge ACK of a half-open connection, limited as those of others are. Its options: time stamp and signature. Source: FreeBSD tcp_syncache.c, syncache_send_challenge_ack(). */
export function tcpRespondHalfOpen(v: TcpVnet, sc: HalfOpen & Challenged, win: number): void {
  if (!mayChallenge(v, sc)) return;
  const m = v.pool.getHdr();
  if (m === null) return;
  const th = v.out.th;
  th.sport = sc.lport;
  th.dport = sc.fport;
  th.seq = (sc.iss + 1) | 0;
  th.ack = (sc.irs + 1) | 0;
  th.flags = TH_ACK;
  th.win = win;
  const to = v.out.to;
  to.flags = (sc.flags & SCF_SIGNATURE) !== 0 ? TOF_SIGNATURE : 0;
  if ((sc.flags & SCF_TIMESTAMP) !== 0) {
    to.flags |= TOF_TS; // on every segment but a RST, once it is on the SYNs (RFC 7323 §3.2)
    to.tsval = (v.nowMs() + sc.tsoff) | 0;
    to.tsecr = sc.tsreflect;
  }
  const len = TCP_HDR_LEN + encodeTcpOpts(m.dv, m.off + TCP_HDR_LEN, to);
  m.fibnum = sc.fibnum;
  transmit(v, m, th, len, sc.af, sc.laddr, sc.faddr, sc.udpPort, sc.ttl, sc.tos, null, null);
  v.stat.sndacks++;
}

/** SND.NXT as the RFCs mean it: what will be sent next for the first time. */
const nextSeq = (tp: Tcpcb): number => (tp.persistAtUs !== Infinity ? tp.sndNxt : tp.sndMax);

/** An ACK of the present state, not limited. */
export function tcpRespondAck(tp: Tcpcb): void {
  respondTcpcb(tp, nextSeq(tp), tp.rcvNxt, TH_ACK);
  tp.tcp.stat.sndacks++;
  tp.lastAckSent = tp.rcvNxt;
  tp.flags &= ~(TF_ACKNOW | TF_DELACK);
  tp.delackAtUs = Infinity;
}

/** A keepalive probe: `seq` lies in front of the window, so the peer must answer. */
export function tcpRespondKeepalive(tp: Tcpcb, ack: number, seq: number, flags: number): void {
  respondTcpcb(tp, seq, ack, flags);
}

/** What is counted of the challenge ACKs of a connection. */
export interface Challenged {
  /** Sent in this window of time. */
  challengeCnt: number;
  /** When it ends, milliseconds modulo 2^32. */
  challengeEndMs: number;
}

/** Whether one more may be sent: ack_war_cnt in ack_war_timewindow. Source: RFC 5961 §10; FreeBSD tcp_challenge_ack_check(). */
function mayChallenge(v: TcpVnet, c: Challenged): boolean {
  if (v.ackWarTimewindowMs === 0 || v.ackWarCnt === 0) return true;
  const now = v.nowMs();
  if (c.challengeCnt === 0 || ((now - c.challengeEndMs) | 0) >= 0) {
    c.challengeEndMs = (now + v.ackWarTimewindowMs) | 0;
    c.challengeCnt = 0;
  }
  if (c.challengeCnt >= v.ackWarCnt) return false;
  c.challengeCnt++;
  return true;
}

/**
 * Challenge ACK: asks the peer whether it meant what somebody sent in its name.
 * Source: RFC 5961 §3.2, §4.2; FreeBSD tcp_send_challenge_ack().
 */
export function tcpSendChallengeAck(tp: Tcpcb): void {
  if (mayChallenge(tp.tcp, tp.rare)) tcpRespondAck(tp);
}

/**
 * Whether a segment that brings nothing (no data, no FIN) and lies outside the window or acknowledges what was never sent may be answered now: ack_war_cnt in
 * ack_war_timewindow. Two ends whose numbers disagree would otherwise answer each other's answers for ever.
 * Differs: FreeBSD limits only the answer to an ACK of unsent data.
 */
export function mayAnswerAck(tp: Tcpcb): boolean {
  const v = tp.tcp;
  if (v.ackWarTimewindowMs === 0 || v.ackWarCnt === 0) return true;
  const e = tp.rare;
  const now = v.nowMs();
  if (e.ackwarCnt === 0 || ((now - e.ackwarEndMs) | 0) >= 0) {
    e.ackwarEndMs = (now + v.ackWarTimewindowMs) | 0;
    e.ackwarCnt = 0;
  }
  if (e.ackwarCnt >= v.ackWarCnt) return false;
  e.ackwarCnt++;
  return true;
}

/** RST of a connection that is given up: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`. Source: RFC 9293 §3.10.5. */
export function tcpSendReset(tp: Tcpcb): void {
  respondTcpcb(tp, nextSeq(tp), tp.rcvNxt, TH_RST | TH_ACK);
  tp.tcp.stat.sndctrl++;
}

/**
 * Answers a segment that nobody takes with a RST that its sender will believe; never answers a RST, nor what was sent to many.
 * The answer goes by the road that the segment came. `inp`: the pcb that the segment met, if any. `openPort`: which of the two rate limits counts.
 * Source: RFC 9293 §3.5.2; FreeBSD tcp_input.c, tcp_dropwithreset().
 */
export function tcpDropwithreset(v: TcpVnet, inp: Inpcb | null, seg: Segment, openPort: boolean): void {
  const pkt = seg.pkt as InPkt;
  const th = seg.th;
  if ((th.flags & TH_RST) !== 0 || (pkt.flags & (PKT_BROADCAST | PKT_MULTICAST)) !== 0 || sourceIsMany(pkt)) return;
  const af = v.af(pkt.af);
  if (af === null) return;
  const limit: RateLimit = openPort ? v.rstOpenPort : v.rstClosedPort;
  if (!ppsratecheck(limit, seg.nowUs, RST_LIMIT)) return;
  const laddr = pkt.dstAddr();
  const faddr = pkt.srcAddr();
  v.stat.sndctrl++;
  if ((th.flags & TH_ACK) !== 0) {
    respond(v, null, inp, af, seg.fibnum, laddr, th.dport, faddr, th.sport, seg.udpPort, th.ack, 0, TH_RST);
    return;
  }
  let len = pkt.len - th.off;
  if ((th.flags & TH_SYN) !== 0) len++;
  if ((th.flags & TH_FIN) !== 0) len++;
  respond(v, null, inp, af, seg.fibnum, laddr, th.dport, faddr, th.sport, seg.udpPort, 0, (th.seq + len) | 0, TH_RST | TH_ACK);
}

/** A multicast or broadcast source, or one or the other as destination: nobody to answer to (RFC 9293 MUST-57, MUST-63). */
export function sourceIsMany(pkt: InPkt): boolean {
  if (pkt.af === AF_INET) return pkt.src3 >>> 28 === 14 || pkt.src3 === -1 || pkt.src3 === 0;
  return pkt.src0 >>> 24 === 0xff || (pkt.src0 | pkt.src1 | pkt.src2 | pkt.src3) === 0;
}
