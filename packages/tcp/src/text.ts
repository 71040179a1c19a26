// @hot
import { mFreem } from '@ns/mbuf';
import { SB_AUTOSIZE, SBS_CANTRCVMORE, SBS_RCVATMARK, SO_OOBINLINE, sbappendstream, sbreserve, socantrcvmore, sorwakeup } from '@ns/socket';
import { seqGeq, seqGt, seqLt, seqMax, seqMin, TH_ACK, TH_FIN, TH_URG } from '@ns/wire';
import { setState } from './fsm.ts';
import { tcpPulloutofband } from './oob.ts';
import { tcpReass, type TsegQent } from './reass.ts';
import { tcpCleanDsackBlocks, tcpUpdateDsackList, tcpUpdateSackList } from './sack.ts';
import type { Segment } from './segment.ts';
import { tcpTwstart } from './timewait.ts';
import {
  type Tcpcb,
  TCPS_CLOSE_WAIT,
  TCPS_CLOSING,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TCPS_FIN_WAIT_2,
  TCPS_HAVEESTABLISHED,
  TCPS_HAVERCVDFIN,
  TCPS_SYN_RECEIVED,
  TF_ACKNOW,
  TF_DELACK,
  TF_FASTOPEN,
  TF_RCVD_TSTMP,
  TF_RXWIN0SENT,
  TF_SACK_PERMIT,
} from './tcpcb.ts';
import { CONTINUE, DROP, type Verdict } from './verdict.ts';

/** Whether the ACK for an in-order segment may wait: every second one, and what is larger than a segment, is acknowledged at once. Source: RFC 9293 MUST-58, MUST-59; FreeBSD DELAY_ACK(). */
export function delayAck(tp: Tcpcb, tlen: number): boolean {
  return tp.delackAtUs === Infinity && (tp.flags & (TF_RXWIN0SENT | TF_ACKNOW)) === 0 && tlen <= tp.mss && tp.tcp.delayedAck;
}

/**
 * Takes the peer's window from the segment, if it is not older than the one it is from. An ACK from before sndUna has no say: its window begins where it points.
 * Source: RFC 9293 §3.10.7.4 fifth, ESTABLISHED; FreeBSD label step6.
 */
export function updateWindow(tp: Tcpcb, seg: Segment): Verdict {
  if ((seg.flags & TH_ACK) === 0 || seqLt(seg.ack, tp.sndUna)) return CONTINUE;
  const newer =
    seqLt(tp.sndWl1, seg.seq) ||
    (tp.sndWl1 === seg.seq && (seqLt(tp.sndWl2, seg.ack) || (tp.sndWl2 === seg.ack && seg.wnd > tp.sndWnd)));
  if (!newer) return CONTINUE;
  if (seg.tlen === 0 && tp.sndWl2 === seg.ack && seg.wnd > tp.sndWnd) tp.tcp.stat.rcvwinupd++;
  tp.sndWnd = seg.wnd;
  tp.sndWl1 = seg.seq;
  tp.sndWl2 = seg.ack;
  if (tp.sndWnd > tp.maxSndwnd) tp.maxSndwnd = tp.sndWnd;
  return CONTINUE;
}

/**
 * Sixth: the urgent pointer. It counts as the first byte behind the urgent data, as BSD always had it.
 * Source: RFC 9293 §3.10.7.4 sixth, RFC 6093; FreeBSD tcp_do_segment().
 */
export function processUrg(tp: Tcpcb, seg: Segment): Verdict {
  const so = tp.so;
  if ((seg.flags & TH_URG) === 0 || seg.urp === 0 || TCPS_HAVERCVDFIN(tp.state) || !TCPS_HAVEESTABLISHED(tp.state)) {
    if (seqGt(tp.rcvNxt, tp.rcvUp)) tp.rcvUp = tp.rcvNxt;
    return CONTINUE;
  }
  if (seg.urp + so.rcv.cc > tp.tcp.sbMax()) {
    seg.urp = 0;
    seg.flags &= ~TH_URG;
    return CONTINUE;
  }
  const up = (seg.seq + seg.urp) | 0;
  if (seqGt(up, tp.rcvUp)) {
    tp.rcvUp = up;
    so.oobmark = so.rcv.cc + ((up - tp.rcvNxt) | 0) - 1;
    if (so.oobmark === 0) so.rcv.state |= SBS_RCVATMARK;
    tp.rare.oobState = 0;
    sorwakeup(so);
  }
  if (seg.urp <= seg.tlen && (so.options & SO_OOBINLINE) === 0) tcpPulloutofband(tp, seg);
  return CONTINUE;
}

/**
 * Seventh: the text. In order it goes to the socket, else to the reassembly queue; what is out of order, or a duplicate, is acknowledged at once, so
 * that the peer's fast retransmit works.
 * Source: RFC 9293 §3.10.7.4 seventh; FreeBSD label dodata.
 */
export function processText(tp: Tcpcb, seg: Segment): Verdict {
  const fin = seg.flags & TH_FIN;
  const late = TCPS_HAVERCVDFIN(tp.state); // there is no text behind a FIN
  if (late) seg.flags &= ~TH_FIN;
  if (seg.dupEnd === seg.dupStart && (late || (seg.tlen === 0 && fin === 0))) return CONTINUE;
  if (late || (seg.tlen === 0 && fin === 0)) {
    // All of it was there before.
    if ((tp.flags & TF_SACK_PERMIT) !== 0) tcpUpdateDsackList(tp, seg.dupStart, seg.dupEnd);
    return CONTINUE;
  }
  if (seg.seq === tp.rcvNxt && tp.segq === null && (TCPS_HAVEESTABLISHED(tp.state) || hasCookie(tp))) inOrder(tp, seg);
  else outOfOrder(tp, seg, fin);
  return CONTINUE;
}

/** Whether a cookie has vouched for the peer, though its handshake has not ended: its data are delivered, and the ACK waits for what there is to answer (RFC 7413 §4.2.2). */
const hasCookie = (tp: Tcpcb): boolean => tp.state === TCPS_SYN_RECEIVED && (tp.flags & TF_FASTOPEN) !== 0;

function inOrder(tp: Tcpcb, seg: Segment): void {
  const v = tp.tcp;
  const so = tp.so;
  const tlen = seg.tlen;
  if (delayAck(tp, tlen) || hasCookie(tp)) tp.flags |= TF_DELACK;
  else tp.flags |= TF_ACKNOW;
  tp.rcvNxt = (tp.rcvNxt + tlen) | 0;
  v.stat.rcvpack++;
  v.stat.rcvbyte += tlen;
  autoRcvbuf(tp, seg, tlen);
  const m = seg.m;
  seg.m = null;
  if ((so.rcv.state & SBS_CANTRCVMORE) !== 0) mFreem(m);
  else if (m !== null) sbappendstream(so.rcv, m);
  if (tlen > 0) sorwakeup(so);
  if ((tp.flags & TF_SACK_PERMIT) === 0) return;
  if (tp.rcvNumsacks > 0) tcpCleanDsackBlocks(tp);
  if (seg.dupEnd !== seg.dupStart) tcpUpdateDsackList(tp, seg.dupStart, seg.dupEnd);
}

/** Into the reassembly queue, and then the blocks to report: what was new, and what of it had come before. */
function outOfOrder(tp: Tcpcb, seg: Segment, fin: number): void {
  const v = tp.tcp;
  const r = v.reass;
  tp.flags |= TF_ACKNOW;
  const sack = (tp.flags & TF_SACK_PERMIT) !== 0 && TCPS_HAVEESTABLISHED(tp.state);
  if (sack && seg.dupEnd === seg.dupStart) findDuplicate(tp, seg);
  const m = seg.m;
  seg.m = null;
  const tlen = seg.tlen;
  seg.flags = (seg.flags & ~TH_FIN) | tcpReass(tp, seg.seq, tlen, fin, m);
  if (!sack) return;
  tcpCleanDsackBlocks(tp);
  if (r.len > 0 && seqGt((r.start + r.len) | 0, tp.rcvNxt)) reportRun(tp, r.start);
  if (seg.dupEnd === seg.dupStart) return;
  // The run around the duplicate may have dropped out of the list: a block is a whole run (RFC 2018 §3), not the duplicate alone.
  if (seqGt(seg.dupEnd, tp.rcvNxt)) reportRun(tp, seg.dupStart);
  tcpUpdateDsackList(tp, seg.dupStart, seg.dupEnd);
}

/** The first part of the segment that lies in a run received before: [dupStart, dupEnd). */
function findDuplicate(tp: Tcpcb, seg: Segment): void {
  const end = (seg.seq + seg.tlen) | 0;
  for (let q: TsegQent | null = tp.segq; q !== null; q = q.next) {
    const s = seqMax(q.start, seg.seq);
    const e = seqMin((q.start + q.len) | 0, end);
    if (!seqLt(s, e)) continue;
    seg.dupStart = s;
    seg.dupEnd = e;
    return;
  }
}

/** Puts the run that holds `at` first in the list of blocks. */
function reportRun(tp: Tcpcb, at: number): void {
  for (let q: TsegQent | null = tp.segq; q !== null; q = q.next) {
    const end = (q.start + q.len) | 0;
    if (seqGeq(at, q.start) && seqLt(at, end)) {
      tcpUpdateSackList(tp, q.start, end);
      return;
    }
  }
}

/**
 * Eighth: the FIN, if it has become in order.
 * Source: RFC 9293 §3.10.7.4 eighth; FreeBSD tcp_do_segment().
 */
export function processFin(tp: Tcpcb, seg: Segment): Verdict {
  if ((seg.flags & TH_FIN) === 0) return CONTINUE;
  if (!TCPS_HAVERCVDFIN(tp.state)) {
    socantrcvmore(tp.so);
    tp.flags |= TF_ACKNOW;
    tp.rcvNxt = (tp.rcvNxt + 1) | 0;
  }
  switch (tp.state) {
    case TCPS_SYN_RECEIVED:
    case TCPS_ESTABLISHED:
      setState(tp, TCPS_CLOSE_WAIT);
      return CONTINUE;
    case TCPS_FIN_WAIT_1:
      setState(tp, TCPS_CLOSING);
      return CONTINUE;
    case TCPS_FIN_WAIT_2:
      tcpTwstart(tp);
      return DROP;
    default:
      return CONTINUE;
  }
}

/**
 * Makes the receive buffer larger when the peer fills half of it in a round trip: a window that is being repaired, and the one behind it, fit side by side. The round is
 * the shortest seen: by the smoothed one, each growth would lengthen the queue on the path, that the round, and that would ask for the next.
 * Needs time stamps: a round begins when one is sent.
 * Differs: FreeBSD takes half of the smoothed round-trip time, and waits for three quarters.
 * Source: FreeBSD tcp_input.c, tcp_autorcvbuf().
 */
export function autoRcvbuf(tp: Tcpcb, seg: Segment, tlen: number): void {
  if (tp.rfbufCnt < 0 || (tp.flags & TF_RCVD_TSTMP) === 0) return;
  const v = tp.tcp;
  const sb = tp.so.rcv;
  if (!v.recvbufAuto || (sb.flags & SB_AUTOSIZE) === 0) return;
  const rttUs = tp.rttlowUs === 0 ? 1000 : tp.rttlowUs;
  if ((((seg.nowUs | 0) - tp.rfbufTsUs) | 0) <= rttUs) {
    tp.rfbufCnt += tlen;
    return;
  }
  if (tp.rfbufCnt > sb.hiwat >> 1 && sb.hiwat < v.recvbufMax) {
    const want = Math.min(sb.hiwat + (sb.hiwat >> 1), v.recvbufMax);
    if (!sbreserve(sb, want, v.sbMax())) sb.flags &= ~SB_AUTOSIZE;
  }
  tp.rfbufCnt = -1;
}
