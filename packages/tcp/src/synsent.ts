import { ECONNREFUSED } from '@ns/errno';
import { mAdj } from '@ns/mbuf';
import { soisconnected } from '@ns/socket';
import { seqGt, seqLeq, TCP_MAXWIN, TH_ACK, TH_CWR, TH_ECE, TH_FIN, TH_RST, TH_SYN, TOF_MSS, TOF_SACKPERM, TOF_SCALE, TOF_TS } from '@ns/wire';
import { ccConnInit } from './cc.ts';
import { fastopenSynAck } from './fastopen.ts';
import { fbEstablished } from './fbswitch.ts';
import { setState } from './fsm.ts';
import { finishAck } from './ack.ts';
import { defaultMss, tcpAf, tcpMss, tcpMssUpdate } from './mss.ts';
import type { Segment } from './segment.ts';
import { tcpDrop, tcpRcvseqinit } from './subr.ts';
import { receiveWindow } from './synchronized.ts';
import { delayAck, processFin, processText, processUrg, updateWindow } from './text.ts';
import { keepidleMs, TT_KEEP, tcpTimerActivate } from './timer.ts';
import {
  type Tcpcb,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TCPS_SYN_RECEIVED,
  TF2_ECN_PERMIT,
  TF_ACKNOW,
  TF_DELACK,
  TF_FASTOPEN,
  TF_NEEDFIN,
  TF_NOOPT,
  TF_RCVD_SCALE,
  TF_RCVD_TSTMP,
  TF_REQ_SCALE,
  TF_REQ_TSTMP,
  TF_SACK_PERMIT,
} from './tcpcb.ts';
import { CONTINUE, DROP, DROP_WITH_RESET, type Verdict } from './verdict.ts';

/**
 * A segment for a connection that has sent its SYN and nothing else.
 * Source: RFC 9293 §3.10.7.3; FreeBSD tcp_do_segment(), state SYN_SENT.
 */
export function arrivesInSynSent(tp: Tcpcb, seg: Segment): Verdict {
  const ack = (seg.flags & TH_ACK) !== 0;
  // First: the ACK.
  if (ack && (seqLeq(seg.ack, tp.iss) || seqGt(seg.ack, tp.sndMax))) return DROP_WITH_RESET;
  // Second: RST; third (security) is not offered.
  if ((seg.flags & TH_RST) !== 0) {
    if (ack) tcpDrop(tp, ECONNREFUSED);
    return DROP;
  }
  // Fourth: SYN.
  if ((seg.flags & TH_SYN) === 0) return DROP;
  takeOptions(tp, seg);
  tp.irs = seg.seq;
  tcpRcvseqinit(tp);
  tp.rcvWnd = receiveWindow(tp);
  if (ack) synAcked(tp, seg);
  else crossingSyn(tp, seg);
  seg.seq = (seg.seq + 1) | 0;
  const excess = seg.tlen - tp.rcvWnd;
  if (excess > 0) {
    if (seg.m !== null) mAdj(seg.m, -excess);
    seg.tlen = tp.rcvWnd;
    seg.flags &= ~TH_FIN;
    tp.tcp.stat.rcvpackafterwin++;
    tp.tcp.stat.rcvbyteafterwin += excess;
  }
  tp.sndWl1 = (seg.seq - 1) | 0;
  tp.rcvUp = seg.seq;
  if (!ack) seg.flags &= ~TH_FIN; // a FIN on a crossing SYN comes again later; its data wait for the handshake
  return (ack ? finishSynAck(tp, seg) : CONTINUE) || updateWindow(tp, seg) || processUrg(tp, seg) || processText(tp, seg) || processFin(tp, seg);
}

/** The function block begins behind the ACK, which may be one of data that went with the SYN. */
function finishSynAck(tp: Tcpcb, seg: Segment): Verdict {
  const verdict = finishAck(tp, seg, 0);
  if (verdict === CONTINUE) fbEstablished(tp, tp.sndUna);
  return verdict;
}

/** Options of the peer's SYN: what both sides offer is on from now. */
function takeOptions(tp: Tcpcb, seg: Segment): void {
  const to = seg.to;
  const noopt = (tp.flags & TF_NOOPT) !== 0;
  if ((to.flags & TOF_SCALE) !== 0 && (tp.flags & TF_REQ_SCALE) !== 0 && !noopt) {
    tp.flags |= TF_RCVD_SCALE;
    tp.sndScale = to.wscale;
    tp.rcvScale = tp.requestRScale;
  } else {
    tp.flags &= ~TF_REQ_SCALE;
  }
  tp.sndWnd = seg.th.win; // never scaled in a SYN
  seg.wnd = seg.th.win;
  if ((to.flags & TOF_TS) !== 0 && (tp.flags & TF_REQ_TSTMP) !== 0 && !noopt) {
    tp.flags |= TF_RCVD_TSTMP;
    tp.tsRecent = to.tsval;
    tp.tsRecentAgeMs = seg.nowMs;
  } else {
    tp.flags &= ~TF_REQ_TSTMP;
  }
  if ((to.flags & TOF_SACKPERM) === 0 || noopt) tp.flags &= ~TF_SACK_PERMIT;
  // Without options the MSS is the default one; but what the peer says is a limit, even then (RFC 9293 MUST-16).
  if ((to.flags & TOF_MSS) !== 0) tcpMss(tp, noopt ? Math.min(to.mss, defaultMss(tp.tcp, tcpAf(tp))) : to.mss);
  else tcpMssUpdate(tp, { kind: 'offer', mss: 0 });
}

/** Our SYN is acknowledged: SYN_SENT to ESTABLISHED, or to FIN_WAIT_1 if the user has closed meanwhile. */
function synAcked(tp: Tcpcb, seg: Segment): void {
  const v = tp.tcp;
  v.stat.connects++;
  soisconnected(tp.so);
  tp.rcvAdv = (tp.rcvAdv + Math.min(tp.rcvWnd, TCP_MAXWIN << tp.rcvScale)) | 0;
  tp.sndUna = (tp.sndUna + 1) | 0;
  // What went with the SYN and is not acknowledged goes again at once.
  tp.sndNxt = seg.ack;
  if ((tp.flags & TF_FASTOPEN) !== 0) fastopenSynAck(tp, seg);
  if (seg.tlen !== 0 && delayAck(tp, seg.tlen)) tp.flags |= TF_DELACK;
  tp.flags |= TF_ACKNOW;
  if ((seg.flags & (TH_ECE | TH_CWR)) === TH_ECE && v.ecnEnable !== 0) {
    tp.flags2 |= TF2_ECN_PERMIT;
    v.stat.ecnShs++;
  }
  tp.starttimeMs = seg.nowMs;
  if ((tp.flags & TF_NEEDFIN) !== 0) {
    setState(tp, TCPS_FIN_WAIT_1);
    tp.flags &= ~TF_NEEDFIN;
  } else {
    setState(tp, TCPS_ESTABLISHED);
    ccConnInit(tp);
    tcpTimerActivate(tp, TT_KEEP, keepidleMs(tp) * 1000);
  }
}

/** A SYN that crossed ours: simultaneous open (RFC 9293 §3.5, figure 8). Our SYN goes again, with an ACK. */
function crossingSyn(tp: Tcpcb, seg: Segment): void {
  if ((seg.flags & (TH_ECE | TH_CWR)) === (TH_ECE | TH_CWR) && tp.tcp.ecnEnable !== 0) {
    tp.flags2 |= TF2_ECN_PERMIT;
    tp.tcp.stat.ecnShs++;
  }
  tp.flags = (tp.flags & ~TF_FASTOPEN) | TF_ACKNOW; // nothing of it in this kind of open
  tp.rexmtAtUs = Infinity;
  tp.rttTiming = false;
  tp.sndNxt = tp.iss;
  setState(tp, TCPS_SYN_RECEIVED);
}
