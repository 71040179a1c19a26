// @hot
import { EACCES, EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENETDOWN, ENETUNREACH, ENOBUFS, EPERM } from '@ns/errno';
import { INET_DF, type InetAf, INET_ROUTETOIF, inPcbStamp } from '@ns/inpcb';
import { CSUM_IP6_TCP, CSUM_IP6_TSO, CSUM_IP_TCP, CSUM_IP_TSO, type Mbuf, mFreem } from '@ns/mbuf';
import { SB_AUTOSIZE, SO_DONTROUTE, sbcopydata, sbcopym, sbspace } from '@ns/socket';
import {
  AF_INET,
  encodeTcpHdr,
  encodeTcpOpts,
  IPPROTO_TCP,
  seqGeq,
  seqGt,
  seqLt,
  TCP_HDR_LEN,
  TCP_MAXWIN,
  type TcpOpt,
  TH_ACK,
  TH_CWR,
  TH_ECE,
  TH_FIN,
  TH_PUSH,
  TH_RST,
  TH_SYN,
  TH_URG,
  TOF_MSS,
  TOF_SACK,
  TOF_SACKPERM,
  TOF_SCALE,
  TOF_SIGNATURE,
  TOF_TS,
} from '@ns/wire';
import { fastopenFitSyn, fastopenSynOption } from './fastopen.ts';
import { signSegment } from './guard.ts';
import { tcpMssoptOf, tcpMssUpdate, tcpSetTso, tcpWantsDf } from './mss.ts';
import type { OutState } from './outstate.ts';
import { noteFullSegment, tcpOutput } from './output.ts';
import { tcpCleanDsackBlocks } from './sack.ts';
import { startRexmt, tcpSetpersist } from './timer.ts';
import {
  type Tcpcb,
  TCPS_HAVEESTABLISHED,
  TCPS_HAVERCVDSYN,
  TCPS_SYN_SENT,
  TF2_ECN_PERMIT,
  TF2_ECN_SND_CWR,
  TF2_ECN_SND_ECE,
  TF2_PLPMTU_BLACKHOLE,
  TF2_PLPMTU_PMTUD,
  TF_ACKNOW,
  TF_DELACK,
  TF_FASTOPEN,
  TF_FASTRECOVERY,
  TF_FORCEDATA,
  TF_NOOPT,
  TF_RCVD_TSTMP,
  TF_REQ_SCALE,
  TF_REQ_TSTMP,
  TF_RXWIN0SENT,
  TF_SACK_PERMIT,
  TF_SENTFIN,
  TF_SIGNATURE,
} from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';
import { scaledWindow, windowToOffer } from './window.ts';

/** Payload up to this goes into the header mbuf by copy: cheaper than a reference, and the receiver finds it in one piece. */
const COPY_LIMIT = 128;
/** Headroom that the lower layers do not need (they take 56 of 120 bytes): moved behind, it makes room for options and a copied payload. */
const HEADROOM_SPARE = 52;
/** ECN field of data segments: ECT(0). */
const IPTOS_ECN_ECT0 = 2;
/** Offset of the checksum in the TCP header. */
const TH_SUM_OFF = 16;

/**
 * Builds the segment that `o` describes, enters it in the control block, and hands it to the network layer. Returns an errno.
 * Source: FreeBSD tcp_output(), label send.
 */
export function tcpSendSegment(tp: Tcpcb, o: OutState): number {
  const v = tp.tcp;
  const nowUs = v.nowUs();
  if (o.len > 0) noteFullSegment(tp, o.len);
  const m = v.pool.getHdr();
  if (m === null) {
    o.sendalot = false;
    return noBuffers(tp, nowUs);
  }
  m.off -= HEADROOM_SPARE;
  buildOptions(tp, o, nowUs);
  o.optlen = o.to.flags === 0 ? 0 : encodeTcpOpts(m.dv, m.off + TCP_HDR_LEN, o.to);
  fitSegment(tp, o);
  m.len = TCP_HDR_LEN + o.optlen;
  if (o.len > 0 && !attachData(tp, o, m)) {
    mFreem(m);
    o.sendalot = false;
    return noBuffers(tp, nowUs);
  }
  m.pktlen = TCP_HDR_LEN + o.optlen + o.len;
  const tos = fillHeader(tp, o, m);
  countSegment(tp, o);
  advance(tp, o, nowUs);
  if (tp.rec !== null) tp.rec.sent(o, nowUs);
  const inp = tp.inp;
  const af = inp.af as InetAf;
  if (v.hooks.estOut.nhooks > 0 && TCPS_HAVEESTABLISHED(tp.state)) v.hooks.runOut(v, tp, o);
  inPcbStamp(inp, m);
  let flags = 0;
  if (tcpWantsDf(tp)) {
    flags = INET_DF;
    tp.flags2 |= TF2_PLPMTU_PMTUD;
  } else if ((tp.flags2 & TF2_PLPMTU_BLACKHOLE) === 0) {
    tp.flags2 &= ~TF2_PLPMTU_PMTUD;
  }
  if ((tp.so.options & SO_DONTROUTE) !== 0) flags |= INET_ROUTETOIF;
  const unsigned = (o.to.flags & TOF_SIGNATURE) === 0 ? 0 : signSegment(v, m, o.to.sigOff, inp.laddr, inp.faddr);
  if (unsigned !== 0) {
    mFreem(m);
    return outputFailed(tp, o, unsigned);
  }
  const error =
    tp.udpPort === 0
      ? af.output(v.vnet, m, inp.laddr, inp.faddr, IPPROTO_TCP, inp.ttl, tos, flags, inp.route, inp)
      : v.overUdp.output(af, m, inp.laddr, inp.faddr, tp.udpPort, inp.ttl, tos, flags, inp.route, inp);
  if (error !== 0) return outputFailed(tp, o, error);
  sent(tp, o, v);
  return 0;
}

/** Which options this segment carries. Source: FreeBSD tcp_output(), "compute options for segment". */
function buildOptions(tp: Tcpcb, o: OutState, nowUs: number): void {
  const to = o.to;
  to.flags = 0;
  if ((tp.flags & TF_NOOPT) !== 0) return;
  const syn = (o.flags & TH_SYN) !== 0;
  if (syn) synOptions(tp, to);
  if ((tp.flags & TF_RCVD_TSTMP) !== 0 || (syn && (tp.flags & TF_REQ_TSTMP) !== 0)) {
    to.flags |= TOF_TS;
    to.tsval = (((nowUs / 1000) | 0) + tp.tsOffset) | 0;
    to.tsecr = tp.tsRecent;
    if (tp.rfbufCnt < 0 && (tp.so.rcv.flags & SB_AUTOSIZE) !== 0) {
      tp.rfbufTsUs = nowUs | 0;
      tp.rfbufCnt = 0;
    }
  }
  if ((tp.flags & TF_SIGNATURE) !== 0) to.flags |= TOF_SIGNATURE;
  if (tp.rcvNumsacks > 0 && !syn && (tp.flags & TF_SACK_PERMIT) !== 0 && TCPS_HAVEESTABLISHED(tp.state)) sackOption(tp, to);
}

function synOptions(tp: Tcpcb, to: TcpOpt): void {
  to.flags = TOF_MSS;
  to.mss = tcpMssoptOf(tp);
  if ((tp.flags & TF_REQ_SCALE) !== 0) {
    to.flags |= TOF_SCALE;
    to.wscale = tp.requestRScale;
  }
  if ((tp.flags & TF_SACK_PERMIT) !== 0) to.flags |= TOF_SACKPERM;
  if ((tp.flags & TF_FASTOPEN) !== 0) fastopenSynOption(tp, to);
}

function sackOption(tp: Tcpcb, to: TcpOpt): void {
  const b = tp.sackblks;
  if (b === null) return;
  const stamped = (to.flags & TOF_TS) !== 0;
  const max = (to.flags & TOF_SIGNATURE) === 0 ? (stamped ? 3 : 4) : stamped ? 0 : 2;
  if (max === 0) return;
  const n = tp.rcvNumsacks < max ? tp.rcvNumsacks : max;
  for (let i = 0; i < 2 * n; i++) to.sacks[i] = b[i] as number;
  to.nsacks = n;
  to.flags |= TOF_SACK;
  tp.tcp.stat.sackSendBlocks++;
}

/** Cuts the payload to what fits beside the options; what is left over follows. */
function fitSegment(tp: Tcpcb, o: OutState): void {
  if ((o.flags & TH_SYN) !== 0) {
    if ((tp.flags & TF_FASTOPEN) !== 0) fastopenFitSyn(tp, o);
    return;
  }
  if (o.len + o.optlen <= tp.mss) {
    o.tso = false;
    return;
  }
  o.flags &= ~TH_FIN;
  const segsz = tp.mss - o.optlen;
  o.sendalot = true;
  if (!o.tso) {
    o.len = segsz;
    return;
  }
  const max = tp.tsomax - o.optlen;
  const whole = o.len;
  if (o.len > max) o.len = max;
  // Whole segments only, unless this empties the buffer: a partial one in the middle would draw an early ACK.
  if (o.off + o.len < tp.so.snd.cc) o.len -= o.len % segsz;
  if (o.len <= segsz) {
    o.len = segsz;
    o.tso = false;
    return;
  }
  o.sendalot = o.len < whole || whole + o.off >= tp.so.snd.cc; // a FIN follows alone: not every engine takes it off all segments but the last
}

/** Puts the payload behind the header: by copy if it is short, else by reference to the send buffer. False: no mbuf left. */
function attachData(tp: Tcpcb, o: OutState, m: Mbuf): boolean {
  const sb = tp.so.snd;
  if (o.len <= COPY_LIMIT) {
    sbcopydata(sb, o.off, o.len, m.buf, m.off + m.len);
    m.len += o.len;
  } else {
    const data = sbcopym(sb, o.off, o.len);
    if (data === null) return false;
    m.next = data;
  }
  if (o.off + o.len === sb.cc && (o.flags & TH_SYN) === 0) o.flags |= TH_PUSH;
  return true;
}

/** Writes the header and the checksum words. Returns the traffic class. */
function fillHeader(tp: Tcpcb, o: OutState, m: Mbuf): number {
  const th = o.th;
  const inp = tp.inp;
  const af = inp.af as InetAf;
  if ((o.flags & TH_FIN) !== 0 && (tp.flags & TF_SENTFIN) !== 0 && tp.sndNxt === tp.sndMax && o.seg === null) tp.sndNxt = (tp.sndNxt - 1) | 0;
  let tos = inp.tos;
  if (tp.state === TCPS_SYN_SENT) ecnSyn(tp, o);
  else if ((tp.flags2 & TF2_ECN_PERMIT) !== 0) tos |= ecnData(tp, o);
  if (o.hole !== null) th.seq = o.hole.rxmit;
  else if (o.seg !== null) th.seq = (tp.sndUna + o.off) | 0;
  // A bare ACK carries what is sent next for the first time, also while older data are being repeated.
  else if (o.len > 0 || (o.flags & (TH_SYN | TH_FIN)) !== 0 || tp.persistAtUs !== Infinity) th.seq = tp.sndNxt;
  else th.seq = tp.sndMax;
  th.sport = inp.lport;
  th.dport = inp.fport;
  th.ack = (o.flags & TH_ACK) !== 0 ? tp.rcvNxt : 0;
  th.off = TCP_HDR_LEN + o.optlen;
  th.win = windowField(tp, o);
  th.urp = 0;
  if (tp.sndUp !== tp.sndUna) urgent(tp, o);
  th.flags = o.flags;
  if (tp.udpPort === 0) askForChecksum(tp, o, m, af);
  else th.sum = 0;
  encodeTcpHdr(m.dv, m.off, th);
  return tos;
}

/** What is left to the network protocol and the interface: the checksum, of which the field has the beginning, and the cutting of a TSO packet. */
function askForChecksum(tp: Tcpcb, o: OutState, m: Mbuf, af: InetAf): void {
  const inp = tp.inp;
  const v4 = af.af === AF_INET;
  o.th.sum = af.pseudoSum(inp.laddr, inp.faddr, IPPROTO_TCP, m.pktlen);
  m.csumFlags = v4 ? CSUM_IP_TCP : CSUM_IP6_TCP;
  m.csumData = TH_SUM_OFF;
  if (o.tso) {
    m.csumFlags |= v4 ? CSUM_IP_TSO : CSUM_IP6_TSO;
    m.tsoSegsz = tp.mss - o.optlen;
  }
}

/** The window field; `recwin` becomes what it says. Source: FreeBSD tcp_output(). */
function windowField(tp: Tcpcb, o: OutState): number {
  if ((o.flags & TH_RST) !== 0) return 0;
  let field: number;
  if ((o.flags & TH_SYN) !== 0) {
    const space = sbspace(tp.so.rcv);
    field = space < 0 ? 0 : space < TCP_MAXWIN ? space : TCP_MAXWIN;
    o.recwin = field;
  } else {
    const scale = tp.rcvScale;
    field = scaledWindow(o.recwin, windowToOffer(tp, o.recwin), scale);
    o.recwin = field << scale;
  }
  if (field !== 0) {
    tp.flags &= ~TF_RXWIN0SENT;
  } else {
    tp.flags |= TF_RXWIN0SENT;
    tp.rare.sndzerowin++;
  }
  return field;
}

function urgent(tp: Tcpcb, o: OutState): void {
  if (!seqGt(tp.sndUp, tp.sndNxt)) {
    if (!seqGt(tp.sndUp, tp.sndUna)) tp.sndUp = tp.sndUna; // drag it along, so that it does not wrap
    return;
  }
  const ahead = (tp.sndUp - tp.sndNxt) | 0;
  o.th.urp = ahead < TCP_MAXWIN ? ahead : TCP_MAXWIN;
  o.flags |= TH_URG;
}

/** ECN-setup SYN (RFC 3168 §6.1.1), given up after ecn.maxretries repetitions. */
function ecnSyn(tp: Tcpcb, o: OutState): void {
  const v = tp.tcp;
  if (v.ecnEnable === 1 && (o.flags & TH_SYN) !== 0 && tp.rxtshift <= v.ecnMaxretries) o.flags |= TH_ECE | TH_CWR;
}

/** ECN on an established connection: new data are ECT(0) and carry CWR once; every segment carries ECE while one is owed. Returns the ECN field. */
function ecnData(tp: Tcpcb, o: OutState): number {
  if (!TCPS_HAVEESTABLISHED(tp.state)) {
    if ((o.flags & TH_SYN) === 0) return 0;
    // After ecn.maxretries repetitions without it: something on the way may not like it.
    if (tp.rxtshift <= tp.tcp.ecnMaxretries) o.flags |= TH_ECE;
    else tp.flags2 &= ~TF2_ECN_PERMIT;
    return 0;
  }
  let ect = 0;
  const probe = (tp.flags & TF_FORCEDATA) !== 0 && o.len === 1;
  if (o.len > 0 && o.hole === null && o.seg === null && seqGeq(tp.sndNxt, tp.sndMax) && !probe) {
    ect = IPTOS_ECN_ECT0;
    tp.tcp.stat.ecnSndect0++;
    if ((tp.flags2 & TF2_ECN_SND_CWR) !== 0) {
      o.flags |= TH_CWR;
      tp.flags2 &= ~TF2_ECN_SND_CWR;
    }
  }
  if ((tp.flags2 & TF2_ECN_SND_ECE) !== 0) o.flags |= TH_ECE;
  return ect;
}

function countSegment(tp: Tcpcb, o: OutState): void {
  const stat = tp.tcp.stat;
  if (o.len > 0) {
    if ((tp.flags & TF_FORCEDATA) !== 0 && o.len === 1) {
      stat.sndprobe++;
    } else if (o.hole !== null || o.seg !== null || seqLt(tp.sndNxt, tp.sndMax)) {
      tp.rare.sndrexmitpack++;
      stat.sndrexmitpack++;
      stat.sndrexmitbyte += o.len;
      if (o.hole !== null || o.seg !== null) {
        stat.sackRexmits++;
        stat.sackRexmitBytes += o.len;
      }
    } else {
      stat.sndpack++;
      stat.sndbyte += o.len;
    }
  } else if ((tp.flags & TF_ACKNOW) !== 0) stat.sndacks++;
  else if ((o.flags & (TH_SYN | TH_FIN | TH_RST)) !== 0) stat.sndctrl++;
  else if (seqGt(tp.sndUp, tp.sndUna)) stat.sndurg++;
  else stat.sndwinup++;
}

/** Moves the send variables over the segment, times it, and sees to the retransmission timer. */
function advance(tp: Tcpcb, o: OutState, nowUs: number): void {
  const sh = tp.sackhint;
  if (sh !== null && (tp.flags & TF_FASTRECOVERY) !== 0) sh.prrOut += o.len;
  if (tp.persistAtUs !== Infinity && (tp.flags & TF_FORCEDATA) !== 0) {
    advanceInPersist(tp, o);
    return;
  }
  if (o.hole !== null) {
    o.hole.rxmit = (o.hole.rxmit + o.len) | 0;
    o.hole.resent = tp.sndMax;
    if (sh !== null) sh.sackBytesRexmit += o.len;
    if (tp.rexmtAtUs === Infinity) startRexmt(tp, nowUs);
    return;
  }
  if (o.seg !== null) {
    if (tp.rexmtAtUs === Infinity) startRexmt(tp, nowUs);
    return;
  }
  const startseq = tp.sndNxt;
  let nxt = (startseq + o.len) | 0;
  if ((o.flags & (TH_SYN | TH_FIN)) !== 0) {
    if ((o.flags & TH_SYN) !== 0) nxt = (nxt + 1) | 0;
    if ((o.flags & TH_FIN) !== 0) {
      nxt = (nxt + 1) | 0;
      tp.flags |= TF_SENTFIN;
    }
  }
  tp.sndNxt = nxt;
  if (seqGt(nxt, tp.sndMax)) {
    if (tp.sndMax === tp.sndUna && ((tp.ext !== null && tp.ext.maxunackMs > 0) || tp.tcp.maxunacktimeMs > 0)) {
      const e = tp.rare;
      e.ackTiming = true;
      e.acktimeMs = (nowUs / 1000) | 0;
    }
    tp.sndMax = nxt;
    if (!tp.rttTiming) {
      tp.rttTiming = true;
      tp.rtttimeUs = nowUs | 0;
      tp.rttseq = startseq;
      tp.tcp.stat.segstimed++;
    }
  }
  if (tp.rexmtAtUs !== Infinity) return;
  if (nxt !== tp.sndUna) {
    if (tp.persistAtUs !== Infinity) {
      tp.persistAtUs = Infinity;
      tp.rxtshift = 0;
    }
    startRexmt(tp, nowUs);
  } else if (o.len === 0 && tp.so.snd.cc > 0 && tp.persistAtUs === Infinity && TCPS_HAVEESTABLISHED(tp.state)) {
    tp.rxtshift = 0;
    tcpSetpersist(tp);
  }
}

/** A probe into a closed window counts as sent, but the next one begins at the same place. */
function advanceInPersist(tp: Tcpcb, o: OutState): void {
  let end = (tp.sndNxt + o.len) | 0;
  if ((o.flags & TH_SYN) !== 0) end = (end + 1) | 0;
  if ((o.flags & TH_FIN) !== 0) {
    end = (end + 1) | 0;
    tp.flags |= TF_SENTFIN;
  }
  if (seqGt(end, tp.sndMax)) tp.sndMax = end;
}

/** The segment is out: remember the promised window; the ACK has gone with it. */
function sent(tp: Tcpcb, o: OutState, v: TcpVnet): void {
  v.stat.sndtotal++;
  const adv = (tp.rcvNxt + o.recwin) | 0;
  if (o.recwin > 0 && seqGt(adv, tp.rcvAdv)) tp.rcvAdv = adv;
  tp.lastAckSent = tp.rcvNxt;
  tp.flags &= ~(TF_ACKNOW | TF_DELACK);
  tp.delackAtUs = Infinity;
  if ((o.to.flags & TOF_SACK) !== 0) tcpCleanDsackBlocks(tp);
}

/** No mbuf: as if the segment were lost; the timer will try again. */
function noBuffers(tp: Tcpcb, nowUs: number): number {
  if (tp.rexmtAtUs === Infinity && tp.persistAtUs === Infinity) startRexmt(tp, nowUs);
  tp.sndCwnd = tp.maxseg;
  return 0;
}

/**
 * The network layer refused the segment: takes back that it was sent, and decides what the error means.
 * Source: FreeBSD tcp_output(), label out.
 */
function outputFailed(tp: Tcpcb, o: OutState, error: number): number {
  const inPersist = tp.persistAtUs !== Infinity && (tp.flags & TF_FORCEDATA) !== 0;
  if (!inPersist && (o.flags & TH_SYN) === 0 && error !== EPERM) {
    if (o.hole !== null) {
      o.hole.rxmit = (o.hole.rxmit - o.len) | 0;
      if (tp.sackhint !== null) tp.sackhint.sackBytesRexmit -= o.len;
    } else if (o.seg === null) {
      tp.sndNxt = (tp.sndNxt - o.len) | 0;
    }
  }
  switch (error) {
    case EACCES:
    case EPERM:
      tp.softerror = error;
      return error;
    case ENOBUFS:
      return noBuffers(tp, tp.tcp.nowUs());
    case EMSGSIZE:
      return messageTooLong(tp, error);
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
      if (!TCPS_HAVERCVDSYN(tp.state)) return error;
      tp.softerror = error;
      return 0;
    default:
      return error;
  }
}

/** The interface has changed, or its MTU: sizes the segments anew, and sends again if that makes a difference. */
function messageTooLong(tp: Tcpcb, error: number): number {
  const before = tp.mss;
  tcpMssUpdate(tp, { kind: 'none' });
  tcpSetTso(tp);
  return tp.mss < before ? tcpOutput(tp) : error;
}
