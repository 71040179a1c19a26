// @hot
import { seqGt, TH_ACK, TH_CWR, TH_ECE, TH_SYN, TOF_TS } from '@ns/wire';
import { CC_ECN, CCF_ACKNOW, CCF_IPHDR_CE, CCF_TCPHDR_CWR } from '@ns/cc-kpi';
import { ccCongSignal } from './cc.ts';
import { tcpOutput } from './output.ts';
import { headerPrediction } from './predict.ts';
import { tcpDropwithreset } from './respond.ts';
import type { Segment } from './segment.ts';
import { arrivesSynchronized } from './synchronized.ts';
import { arrivesInSynSent } from './synsent.ts';
import { TT_DELACK, tcpTimerActivate } from './timer.ts';
import { type Tcpcb, TCPS_SYN_SENT, TF2_DISCARDED, TF2_ECN_PERMIT, TF2_ECN_SND_ECE, TF_ACKNOW, TF_DELACK } from './tcpcb.ts';
import { DROP, DROP_AFTER_ACK, DROP_WITH_RESET } from './verdict.ts';

/** ECN field of the traffic class: congestion experienced, ECT(0), ECT(1). */
const IPTOS_ECN_CE = 3;
const IPTOS_ECN_ECT0 = 2;
const IPTOS_ECN_ECT1 = 1;

/**
 * A segment for a connection in any state but LISTEN and TIME_WAIT. Takes `seg.m` if it keeps the payload.
 * Source: RFC 9293 §3.10.7.3-4; FreeBSD tcp_input.c, tcp_do_segment().
 */
export function tcpDoSegment(tp: Tcpcb, seg: Segment): void {
  tp.rcvtimeMs = seg.nowMs;
  seg.wnd = (seg.flags & TH_SYN) === 0 ? seg.th.win << tp.sndScale : seg.th.win;
  if ((tp.flags2 & TF2_ECN_PERMIT) !== 0) ecnInput(tp, seg);
  if (headerPrediction(tp, seg)) return;
  const verdict = tp.state === TCPS_SYN_SENT ? arrivesInSynSent(tp, seg) : arrivesSynchronized(tp, seg);
  if ((tp.flags2 & TF2_DISCARDED) !== 0) return;
  if (verdict === DROP_WITH_RESET) {
    tcpDropwithreset(tp.tcp, tp.inp, seg, true);
    return;
  }
  if (verdict === DROP_AFTER_ACK) tp.flags |= TF_ACKNOW;
  if (verdict !== DROP) tcpOutput(tp);
  checkDelack(tp);
}

/** Starts the delayed ACK timer if processing has left an ACK to be sent later. Source: label check_delack. */
export function checkDelack(tp: Tcpcb): void {
  if ((tp.flags & TF_DELACK) === 0) return;
  tp.flags &= ~TF_DELACK;
  if (tp.delackAtUs === Infinity) tcpTimerActivate(tp, TT_DELACK, tp.tcp.delacktimeMs * 1000);
}

/** ECN of a segment: marks to echo, echoes to react to. Source: RFC 3168 §6.1; FreeBSD tcp_ecn.c, tcp_ecn_input_segment(). */
function ecnInput(tp: Tcpcb, seg: Segment): void {
  const stat = tp.tcp.stat;
  const field = seg.tos & 3;
  if (field === IPTOS_ECN_CE) {
    const e = tp.rare;
    e.rcep++;
    e.rceb += seg.tlen;
    stat.ecnRcvce++;
  } else if (field === IPTOS_ECN_ECT0) {
    tp.rare.re0b += seg.tlen;
    stat.ecnRcvect0++;
  } else if (field === IPTOS_ECN_ECT1) {
    tp.rare.re1b += seg.tlen;
    stat.ecnRcvect1++;
  }
  if ((seg.flags & TH_CWR) !== 0) tp.flags2 &= ~TF2_ECN_SND_ECE;
  if (field === IPTOS_ECN_CE) tp.flags2 |= TF2_ECN_SND_ECE;
  if (tp.cc.ecnpktHandler !== undefined) ecnPacket(tp, seg, field);
  if ((seg.flags & (TH_ACK | TH_ECE)) === (TH_ACK | TH_ECE) && seqGt(seg.ack, tp.sndUna)) ccCongSignal(tp, CC_ECN, seg.ack);
}

/** Source: FreeBSD cc_ecnpkt_handler(). */
function ecnPacket(tp: Tcpcb, seg: Segment, field: number): void {
  tp.ccFlags &= ~(CCF_IPHDR_CE | CCF_TCPHDR_CWR | CCF_ACKNOW);
  if (field === IPTOS_ECN_CE) tp.ccFlags |= CCF_IPHDR_CE;
  if ((seg.flags & TH_CWR) !== 0) tp.ccFlags |= CCF_TCPHDR_CWR;
  tp.cc.ecnpktHandler?.(tp);
  if ((tp.ccFlags & CCF_ACKNOW) !== 0) tp.flags |= TF_ACKNOW;
}

/** Records the peer's time stamp. */
export function updateTsRecent(tp: Tcpcb, seg: Segment): void {
  if ((seg.to.flags & TOF_TS) === 0) return;
  tp.tsRecent = seg.to.tsval;
  tp.tsRecentAgeMs = seg.nowMs;
}
