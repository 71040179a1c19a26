// @hot
import { CC_ACK } from '@ns/cc-kpi';
import { SBS_CANTRCVMORE, sbappendstream, sbdrop, sbspace, sorwakeup, sowwakeup } from '@ns/socket';
import { mFreem } from '@ns/mbuf';
import { seqGt, seqLeq, TH_ACK, TH_FIN, TH_RST, TH_SYN, TH_URG, TOF_SACK, TOF_TS } from '@ns/wire';
import { ccAckReceived } from './cc.ts';
import { checkDelack } from './dosegment.ts';
import { leaveIss, sampleRtt, undoSpuriousTimeout } from './ack.ts';
import { tcpOutput } from './output.ts';
import { tcpCleanSackreport } from './sack.ts';
import type { Segment } from './segment.ts';
import { startRexmt } from './timer.ts';
import { autoRcvbuf, delayAck } from './text.ts';
import { type Tcpcb, TCPS_ESTABLISHED, TF2_NO_ISS_CHECK, TF_ACKNOW, TF_CONGRECOVERY, TF_DELACK, TF_FASTRECOVERY, TF_NEEDFIN, TF_NEEDSYN, TF_RCVD_TSTMP } from './tcpcb.ts';

const UNUSUAL = TH_SYN | TH_FIN | TH_RST | TH_URG | TH_ACK;

/**
 * The common case: ESTABLISHED, the segment expected next, nothing special in it, nothing being repaired. Handles an ACK of new data, data, or both, and returns true; false
 * leaves everything as it was for the long way.
 * Differs: FreeBSD predicts ACKs and data, but not a segment with both, nor an ACK with another window, which is the rule since buffers grow.
 * Source: Van Jacobson's header prediction; FreeBSD tcp_do_segment().
 */
export function headerPrediction(tp: Tcpcb, seg: Segment): boolean {
  if (
    tp.state !== TCPS_ESTABLISHED ||
    seg.seq !== tp.rcvNxt ||
    (seg.flags & UNUSUAL) !== TH_ACK ||
    tp.sndNxt !== tp.sndMax ||
    seg.wnd === 0 ||
    (tp.flags & (TF_NEEDSYN | TF_NEEDFIN | TF_FASTRECOVERY | TF_CONGRECOVERY)) !== 0 ||
    tp.segq !== null ||
    (seg.to.flags & TOF_SACK) !== 0
  ) {
    return false;
  }
  const to = seg.to;
  if ((to.flags & TOF_TS) !== 0) {
    if (((to.tsval - tp.tsRecent) | 0) < 0) return false;
  } else if ((tp.flags & TF_RCVD_TSTMP) !== 0) return false; // it is missing
  const tlen = seg.tlen;
  const acked = (seg.ack - tp.sndUna) | 0;
  if (acked < 0 || (acked === 0 && (tlen === 0 || seg.wnd !== tp.sndWnd)) || seqGt(seg.ack, tp.sndMax) || tlen > sbspace(tp.so.rcv)) return false;
  if (acked > 0 && ((tp.sackhint !== null && tp.sackhint.head !== null) || tp.dupacks !== 0 || acked > tp.so.snd.cc)) return false;
  if ((to.flags & TOF_TS) !== 0 && seqLeq(seg.seq, tp.lastAckSent)) {
    tp.tsRecent = to.tsval;
    tp.tsRecentAgeMs = seg.nowMs;
  }
  const hooks = tp.tcp.hooks;
  if (hooks.estIn.nhooks > 0) {
    if (tp.sackhint !== null) tp.sackhint.lastSackAck = 0;
    hooks.runIn(tp, seg);
  }
  if (acked > 0) predictedAck(tp, seg, acked);
  else tp.dupacks = 0;
  if (tlen > 0) predictedData(tp, seg, tlen);
  else tp.tcp.stat.predack++;
  if (acked > 0 && tp.so.snd.cc > 0) tcpOutput(tp);
  else if ((tp.flags & TF_ACKNOW) !== 0) tcpOutput(tp);
  checkDelack(tp);
  return true;
}

function predictedAck(tp: Tcpcb, seg: Segment, acked: number): void {
  const stat = tp.tcp.stat;
  const so = tp.so;
  const rec = tp.rec;
  if (rec !== null) rec.take(seg);
  if (tp.rxtshift === 1) undoSpuriousTimeout(tp, seg);
  sampleRtt(tp, seg);
  stat.rcvackpack++;
  stat.rcvackbyte += acked;
  sbdrop(so.snd, acked);
  if (seqGt(tp.sndUna, tp.sndRecover) && seqLeq(seg.ack, tp.sndRecover)) tp.sndRecover = (seg.ack - 1) | 0;
  ccAckReceived(tp, seg.ack, 1, CC_ACK);
  tp.sndUna = seg.ack;
  if ((tp.flags2 & TF2_NO_ISS_CHECK) === 0) leaveIss(tp);
  tp.sndWl2 = seg.ack;
  tp.sndWl1 = seg.seq;
  tp.sndWnd = seg.wnd;
  if (seg.wnd > tp.maxSndwnd) tp.maxSndwnd = seg.wnd;
  if (seg.ack === tp.sndMax) {
    tp.rexmtAtUs = Infinity;
    if (tp.ext !== null) tp.ext.ackTiming = false;
  } else if (tp.persistAtUs === Infinity) {
    startRexmt(tp, seg.nowUs);
    if (tp.ext !== null) tp.ext.acktimeMs = seg.nowMs;
  }
  if (rec !== null) rec.acked();
  if (so.upcall !== null) sowwakeup(so);
}

function predictedData(tp: Tcpcb, seg: Segment, tlen: number): void {
  const stat = tp.tcp.stat;
  const so = tp.so;
  if (tp.rcvNumsacks > 0) tcpCleanSackreport(tp);
  stat.preddat++;
  stat.rcvpack++;
  stat.rcvbyte += tlen;
  tp.rcvNxt = (tp.rcvNxt + tlen) | 0;
  tp.sndWl1 = seg.seq;
  tp.rcvUp = tp.rcvNxt;
  autoRcvbuf(tp, seg, tlen);
  const m = seg.m;
  seg.m = null;
  if ((so.rcv.state & SBS_CANTRCVMORE) !== 0) mFreem(m);
  else if (m !== null) sbappendstream(so.rcv, m);
  sorwakeup(so);
  if (delayAck(tp, tlen)) tp.flags |= TF_DELACK;
  else tp.flags |= TF_ACKNOW;
}
