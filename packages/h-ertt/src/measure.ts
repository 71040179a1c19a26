// @hot
import { type HelpedTcpcb, TF_NOOPT, TF_TSO, type TcpHhookData } from '@ns/tcp-kpi';
import { seqGt, seqLeq, TOF_TS } from '@ns/wire';
import { type Ertt, ERTT_MEASUREMENT_IN_PROGRESS, ERTT_NEW_MEASUREMENT, ERTT_TSO_DISABLED, TXSI_RTT_MEASURE_START, TXSI_TSO, type TxSegInfo } from './ertt.ts';

/** What the belief in delayed ACKs grows to. Source: FreeBSD h_ertt.c, DLYACK_SMOOTH. */
const DLYACK_SMOOTH = 5;
/** Errors after which the peer's time stamps are not believed. Source: MAX_TS_ERR. */
const MAX_TS_ERR = 10;

/** Whether time stamp `a` is older than `b` (RFC 7323 §5.2). */
const tsLt = (a: number, b: number): boolean => ((a - b) | 0) < 0;

/** Notes a segment that goes out. Source: FreeBSD h_ertt.c, ertt_add_tx_segment_info_hook(). */
export function erttSent(e: Ertt, ctx: unknown): void {
  const d = ctx as TcpHhookData;
  if (d.len <= 0) return;
  const t = e.append();
  if (t === null) return;
  const tp = d.tp;
  t.seq = d.th.seq;
  t.len = d.len;
  t.flags = 0;
  if (d.tso) {
    t.flags = TXSI_TSO;
  } else if ((e.flags & ERTT_TSO_DISABLED) !== 0) {
    e.restoreTso();
  }
  if ((e.flags & ERTT_MEASUREMENT_IN_PROGRESS) !== 0) {
    e.bytesTxInRtt += d.len;
  } else {
    t.flags |= TXSI_RTT_MEASURE_START;
    e.flags |= ERTT_MEASUREMENT_IN_PROGRESS;
    e.bytesTxInRtt = d.len;
  }
  const stamped = (tp.flags & TF_NOOPT) === 0 && (d.to.flags & TOF_TS) !== 0;
  t.txTs = stamped ? (d.to.tsval - tp.tsOffset) | 0 : d.nowMs;
  t.rxTs = stamped ? d.to.tsecr : 0;
}

/**
 * An ACK: matches it with the segments noted, the oldest first, and samples the one that it was sent for. Those that it covers besides go unmeasured: their ACK was late.
 * Source: FreeBSD h_ertt.c, ertt_packet_measurement_hook().
 */
export function erttAcked(e: Ertt, ctx: unknown): void {
  const d = ctx as TcpHhookData;
  const tp = d.tp;
  const acked = (d.curack - tp.sndUna) | 0;
  const sacked = tp.lastSackAck !== 0;
  if (acked <= 0 && !sacked) return;
  const ack = acked <= 0 ? tp.lastSackAck : d.curack;
  const ts = e.timestampErrors < MAX_TS_ERR && (d.to.flags & TOF_TS) !== 0 && d.to.tsecr !== 0;
  // Without the connection's offset it is the clock again, as in TxSegInfo.txTs.
  const echo = (d.to.tsecr - tp.tsOffset) | 0;
  // The measurement falls to the segment after the marked one when that one's ACK came with others.
  let pending = false;
  let pendingTs = 0;
  let pendingLen = 0;
  let adjust = 0;
  for (let t = e.first(); t !== null; t = e.first()) {
    const over = seqGt(ack, (t.seq + t.len) | 0);
    let old = over;
    let multi = false;
    if (!over) {
      if (!sacked) multi = guessDelayedAck(e, tp, t, acked);
      if (ts) {
        // With delayed ACKs the echo is that of the first of several segments, and may be older.
        if (e.dlyackRx === 0 && tsLt(echo, t.txTs)) break;
        old = tsLt(t.txTs, echo);
        if (echo === t.txTs && tsLt(d.to.tsval, t.rxTs)) e.timestampErrors++;
      }
    }
    if (old) {
      if ((t.flags & TXSI_RTT_MEASURE_START) !== 0 || pending) {
        pending = true;
        pendingTs = t.txTs;
        pendingLen = t.len;
        adjust += t.len;
      }
      e.shift();
      continue;
    }
    if (seqLeq(ack, t.seq)) break;
    if (e.dlyackRx === 0 || multi || sacked) sample(e, t, d.nowMs);
    if ((t.flags & TXSI_RTT_MEASURE_START) !== 0 || pending) {
      marked(e, tp, t.txTs, d.nowMs, e.bytesTxInRtt - adjust);
      pending = false;
    }
    if (!partlyAcked(t, acked)) e.shift();
    break;
  }
  if (pending) marked(e, tp, pendingTs, d.nowMs, e.bytesTxInRtt + pendingLen - adjust);
}

/** Whether the ACK is for more than this segment; learns from it whether the peer delays ACKs. */
function guessDelayedAck(e: Ertt, tp: HelpedTcpcb, t: TxSegInfo, acked: number): boolean {
  if (acked > tp.maxseg || acked > t.len) {
    if (e.dlyackRx < DLYACK_SMOOTH) e.dlyackRx++;
    return true;
  }
  if ((acked === tp.maxseg || acked === t.len) && e.dlyackRx > 0) e.dlyackRx--;
  return false;
}

function sample(e: Ertt, t: TxSegInfo, nowMs: number): void {
  const rtt = ((nowMs - t.txTs) | 0) + 1;
  e.rttMs = rtt;
  if (rtt < e.minrttMs || e.minrttMs === 0) e.minrttMs = rtt;
  if (rtt > e.maxrttMs) e.maxrttMs = rtt;
}

/** The measurement of a round trip is over. The next begins with the next segment, which is to be a single one. Source: marked_packet_rtt(). */
function marked(e: Ertt, tp: HelpedTcpcb, txTs: number, nowMs: number, bytes: number): void {
  e.markedpktRttMs = ((nowMs - txTs) | 0) + 1;
  e.bytesTxInMarkedRtt = bytes;
  e.markedSndCwnd = tp.sndCwnd;
  e.flags = (e.flags & ~ERTT_MEASUREMENT_IN_PROGRESS) | ERTT_NEW_MEASUREMENT;
  if ((tp.flags & TF_TSO) === 0) return;
  e.disableTso(tp);
}

/** A segment that the interface split: its first bytes are acknowledged, the rest stays and is measured no more. */
function partlyAcked(t: TxSegInfo, acked: number): boolean {
  if ((t.flags & TXSI_TSO) === 0) return false;
  t.len -= acked;
  if (t.len <= 0) return false;
  t.seq = (t.seq + acked) | 0;
  t.flags &= ~TXSI_RTT_MEASURE_START;
  return true;
}
