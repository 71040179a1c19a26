// @hot
import { ECONNREFUSED, ECONNRESET } from '@ns/errno';
import { mAdj } from '@ns/mbuf';
import { sbspace, soposterror } from '@ns/socket';
import { seqGeq, seqGt, seqLeq, seqLt, TH_ACK, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG, TOF_TS } from '@ns/wire';
import { processAck } from './ack.ts';
import { updateTsRecent } from './dosegment.ts';
import { fastopenArrives } from './fastopen-server.ts';
import { setState } from './fsm.ts';
import { tcpLogAddrs, tcpLogsDebug } from './log.ts';
import { mayAnswerAck, tcpDropwithreset, tcpSendChallengeAck, tcpSendReset } from './respond.ts';
import type { Segment } from './segment.ts';
import { tcpClose } from './subr.ts';
import { processFin, processText, processUrg, updateWindow } from './text.ts';
import { type Tcpcb, TCPS_CLOSE_WAIT, TCPS_CLOSED, TCPS_HAVERCVDFIN, TCPS_SYN_RECEIVED, TF2_CLOSED, TF_ACKNOW, TF_FASTOPEN, TF_RCVD_TSTMP, TF_SACK_PERMIT } from './tcpcb.ts';
import { CONTINUE, DROP, DROP_AFTER_ACK, DROP_WITH_RESET, type Verdict } from './verdict.ts';

/** A time stamp that was not updated for so long says nothing any more (RFC 7323 §5.5): 24 days. */
const TCP_PAWS_IDLE_MS = 24 * 24 * 3600 * 1000;

/**
 * A segment for a connection that has seen the peer's SYN. RST and SYN come before the sequence check, since their answers (RFC 5961) judge the
 * sequence number by themselves and do not depend on time stamps.
 * Source: RFC 9293 §3.10.7.4; FreeBSD tcp_do_segment().
 */
export function arrivesSynchronized(tp: Tcpcb, seg: Segment): Verdict {
  tp.rcvWnd = receiveWindow(tp);
  return (
    (tp.state === TCPS_SYN_RECEIVED && (tp.flags & TF_FASTOPEN) !== 0 ? fastopenArrives(tp, seg) : CONTINUE) ||
    checkTimestampPresent(tp, seg) ||
    checkRst(tp, seg) ||
    checkSyn(tp, seg) ||
    checkPaws(tp, seg) ||
    checkSequence(tp, seg) ||
    processAck(tp, seg) ||
    updateWindow(tp, seg) ||
    processUrg(tp, seg) ||
    processText(tp, seg) ||
    processFin(tp, seg)
  );
}

/** RCV.WND: the space there is, at least what was promised. */
export function receiveWindow(tp: Tcpcb): number {
  const space = sbspace(tp.so.rcv);
  const held = (tp.rcvAdv - tp.rcvNxt) | 0;
  return space > held ? space : held > 0 ? held : 0;
}

/** Time stamps were negotiated: every segment but a RST must have one (RFC 7323 §3.2). */
function checkTimestampPresent(tp: Tcpcb, seg: Segment): Verdict {
  const has = (seg.to.flags & TOF_TS) !== 0;
  if ((tp.flags & TF_RCVD_TSTMP) === 0) {
    if (has) tcpLogAddrs(tp.tcp, seg, 'tcp_do_segment', 'Timestamp not expected, segment processed normally');
    return CONTINUE;
  }
  if (has || (seg.flags & TH_RST) !== 0) return CONTINUE;
  if (tp.tcp.tolerateMissingTs) {
    tcpLogAddrs(tp.tcp, seg, 'tcp_do_segment', 'Timestamp missing, segment processed normally');
    return CONTINUE;
  }
  tcpLogAddrs(tp.tcp, seg, 'tcp_do_segment', 'Timestamp missing, segment silently dropped');
  return DROP;
}

/**
 * Second: a RST ends the connection if it is exactly where it is expected, draws a challenge ACK elsewhere in the window, and is ignored outside.
 * The acknowledgement field is not looked at.
 * Source: RFC 9293 §3.10.7.4 second, RFC 5961 §3.2; FreeBSD net.inet.tcp.insecure_rst.
 */
function checkRst(tp: Tcpcb, seg: Segment): Verdict {
  if ((seg.flags & TH_RST) === 0) return CONTINUE;
  const exact = seg.seq === tp.rcvNxt || seg.seq === tp.lastAckSent;
  const inside = seqGeq(seg.seq, tp.lastAckSent) && seqLt(seg.seq, (tp.rcvNxt + tp.rcvWnd) | 0);
  if (exact || (inside && tp.tcp.insecureRst)) {
    tp.tcp.stat.drops++;
    if (tp.ext !== null && tp.ext.fastopen !== null) tp.ext.fastopen.releaseReset(seg.nowUs);
    soposterror(tp.so, tp.state === TCPS_SYN_RECEIVED ? ECONNREFUSED : ECONNRESET);
    setState(tp, TCPS_CLOSED);
    tcpClose(tp);
  } else if (inside) {
    tp.tcp.stat.badrst++;
    tcpSendChallengeAck(tp);
  }
  return DROP;
}

/**
 * Fourth: a SYN in a synchronized state draws a challenge ACK, wherever it is.
 * Source: RFC 9293 §3.10.7.4 fourth, RFC 5961 §4.2; FreeBSD net.inet.tcp.insecure_syn.
 */
function checkSyn(tp: Tcpcb, seg: Segment): Verdict {
  if ((seg.flags & TH_SYN) === 0 || tp.state === TCPS_SYN_RECEIVED) return CONTINUE;
  tp.tcp.stat.badsyn++;
  const inside = seqGeq(seg.seq, tp.lastAckSent) && seqLt(seg.seq, (tp.rcvNxt + tp.rcvWnd) | 0);
  if (tp.tcp.insecureSyn && inside) {
    tcpSendReset(tp);
    tp.tcp.stat.drops++;
    soposterror(tp.so, ECONNRESET);
    setState(tp, TCPS_CLOSED);
    tcpClose(tp);
  } else {
    tcpSendChallengeAck(tp);
  }
  return DROP;
}

/** Protection against wrapped sequence numbers: a time stamp older than the last one means an old segment. Source: RFC 7323 §5.3, R1. */
function checkPaws(tp: Tcpcb, seg: Segment): Verdict {
  if ((seg.to.flags & TOF_TS) === 0 || (tp.flags & TF_RCVD_TSTMP) === 0 || tp.tsRecent === 0) return CONTINUE;
  if (((seg.to.tsval - tp.tsRecent) | 0) >= 0) return CONTINUE;
  if (((seg.nowMs - tp.tsRecentAgeMs) | 0) > TCP_PAWS_IDLE_MS) {
    tp.tsRecent = 0;
    return CONTINUE;
  }
  const stat = tp.tcp.stat;
  stat.rcvduppack++;
  stat.rcvdupbyte += seg.tlen;
  stat.pawsdrop++;
  return seg.tlen > 0 || (seg.flags & TH_FIN) !== 0 ? DROP_AFTER_ACK : DROP;
}

/**
 * First: trims the segment to the window. What lies in front of it is a duplicate, what lies behind it cannot be kept; a segment with nothing inside is answered with an ACK.
 * Source: RFC 9293 §3.10.7.4 first.
 */
function checkSequence(tp: Tcpcb, seg: Segment): Verdict {
  // The LAND defence: in SYN-RECEIVED the numbers cannot have wrapped.
  if (tp.state === TCPS_SYN_RECEIVED && seqLt(seg.seq, tp.irs)) return DROP_WITH_RESET;
  const tp0 = tp.rcvNxt;
  seg.dupStart = seg.seq;
  seg.dupEnd = seg.seq;
  if (seqLt(seg.seq, tp0)) trimFront(tp, seg);
  if ((tp.flags2 & TF2_CLOSED) !== 0 && seg.tlen > 0 && tp.state > TCPS_CLOSE_WAIT && !TCPS_HAVERCVDFIN(tp.state)) return dataAfterClose(tp, seg);
  const behind = (seg.seq + seg.tlen - tp0 - tp.rcvWnd) | 0;
  if (behind > 0) {
    const v = trimBack(tp, seg, behind);
    if (v !== CONTINUE) return v;
  }
  const end = (seg.seq + seg.tlen + ((seg.flags & (TH_SYN | TH_FIN)) !== 0 ? 1 : 0)) | 0;
  if (seqLeq(seg.seq, tp.lastAckSent) && seqLeq(tp.lastAckSent, end)) updateTsRecent(tp, seg);
  return CONTINUE;
}

/** Cuts what was received before, the SYN with it. Notes the range for a D-SACK. */
function trimFront(tp: Tcpcb, seg: Segment): void {
  const stat = tp.tcp.stat;
  let todrop = (tp.rcvNxt - seg.seq) | 0;
  if ((seg.flags & TH_SYN) !== 0) {
    seg.flags &= ~TH_SYN;
    seg.seq = (seg.seq + 1) | 0;
    if (seg.urp > 1) seg.urp--;
    else seg.flags &= ~TH_URG;
    todrop--;
  }
  if (todrop > seg.tlen || (todrop === seg.tlen && (seg.flags & TH_FIN) === 0)) {
    // Nothing new. A FIN here is an old one.
    const empty = seg.tlen === 0 && (seg.flags & TH_FIN) === 0;
    seg.flags &= ~TH_FIN;
    if (!empty || mayAnswerAck(tp)) tp.flags |= TF_ACKNOW;
    todrop = seg.tlen;
    stat.rcvduppack++;
    stat.rcvdupbyte += todrop;
  } else {
    stat.rcvpartduppack++;
    stat.rcvpartdupbyte += todrop;
  }
  if (todrop > 0 && (tp.flags & TF_SACK_PERMIT) !== 0) {
    seg.dupStart = seg.seq;
    seg.dupEnd = (seg.seq + todrop) | 0;
    tp.flags |= TF_ACKNOW;
  }
  if (todrop > 0 && seg.m !== null) mAdj(seg.m, todrop);
  seg.seq = (seg.seq + todrop) | 0;
  seg.tlen -= todrop;
  if (seg.urp > todrop) {
    seg.urp -= todrop;
  } else {
    seg.flags &= ~TH_URG;
    seg.urp = 0;
  }
}

/** Data for a user who has gone: the connection is reset, so that the peer learns that nobody reads them (RFC 9293 MUST-17 in spirit, RFC 1122 §4.2.2.13). */
function dataAfterClose(tp: Tcpcb, seg: Segment): Verdict {
  if (tcpLogsDebug(tp.tcp)) tcpLogAddrs(tp.tcp, seg, 'tcp_do_segment', `${seg.tlen} bytes of data received after socket was closed, sending RST and removing tcpcb`);
  tp.tcp.stat.rcvafterclose++;
  tcpDropwithreset(tp.tcp, tp.inp, seg, true);
  setState(tp, TCPS_CLOSED);
  tcpClose(tp);
  return DROP;
}

/** Cuts `behind` bytes that the window does not take, and the FIN after them. */
function trimBack(tp: Tcpcb, seg: Segment, behind: number): Verdict {
  const stat = tp.tcp.stat;
  stat.rcvpackafterwin++;
  let todrop = behind;
  if (todrop >= seg.tlen) {
    todrop = seg.tlen;
    stat.rcvbyteafterwin += seg.tlen;
    if (tp.rcvWnd !== 0 || seg.seq !== tp.rcvNxt) {
      const empty = seg.tlen === 0 && (seg.flags & TH_FIN) === 0;
      return !empty || mayAnswerAck(tp) ? DROP_AFTER_ACK : DROP;
    }
    // A probe of the closed window: the ACK field is still good.
    tp.flags |= TF_ACKNOW;
    stat.rcvwinprobe++;
  } else {
    stat.rcvbyteafterwin += todrop;
  }
  if (todrop > 0 && seg.m !== null) mAdj(seg.m, -todrop);
  seg.tlen -= todrop;
  seg.flags &= ~(TH_PUSH | TH_FIN);
  return CONTINUE;
}

/** A segment without ACK has nothing more to say, except in SYN-RECEIVED (fifth, "if the ACK bit is off drop the segment"). */
export function checkAckPresent(tp: Tcpcb, seg: Segment): Verdict {
  if ((seg.flags & TH_ACK) !== 0 || tp.state === TCPS_SYN_RECEIVED) return CONTINUE;
  return (tp.flags & TF_ACKNOW) !== 0 ? DROP_AFTER_ACK : DROP;
}

/** Whether `ack` acknowledges something that was sent and not acknowledged yet. */
export const ackIsNew = (tp: Tcpcb, ack: number): boolean => seqGt(ack, tp.sndUna) && seqLeq(ack, tp.sndMax);
