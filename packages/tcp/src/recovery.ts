// @hot
import { CC_DUPACK, CC_NDUPACK, exitRecovery } from '@ns/cc-kpi';
import { seqGeq, seqGt, seqLt, seqMax } from '@ns/wire';
import { ccAckReceived, ccCongSignal } from './cc.ts';
import { inSackRecovery, tcpOutput, tcpOutputRescue } from './output.ts';
import { rexmitted, type SackHole, type Sackhint, sackhintOf, tcpComputePipe } from './sack.ts';
import type { Segment } from './segment.ts';
import { startRexmt } from './timer.ts';
import { type Tcpcb, TCPS_CLOSE_WAIT, TF_ACKNOW, TF_CONGRECOVERY, TF_FASTRECOVERY, TF_SENTFIN } from './tcpcb.ts';
import { CONTINUE, DROP, type Verdict } from './verdict.ts';

/** Duplicate ACKs that mean a loss (RFC 5681 §3.2). */
const TCPREXMTTHRESH = 3;
/** Segments more than were delivered that one ACK may release in recovery. Source: FreeBSD TCP_MAXBURST. */
const TCP_MAXBURST = 4;

/**
 * A duplicate ACK: the third one, or as much SACK information, means a loss.
 * Source: RFC 5681 §3.2, RFC 6582, RFC 6675 §5, RFC 3042; FreeBSD tcp_do_segment().
 */
export function duplicateAck(tp: Tcpcb, seg: Segment, sack: boolean, sackChanged: boolean): Verdict {
  tp.tcp.stat.rcvdupack++;
  // Old ACKs, and SACKs that say nothing new, do not count: the network may have copied them.
  if (seg.ack !== tp.sndUna || (sack && !sackChanged)) return CONTINUE;
  if (tp.rexmtAtUs === Infinity || tp.sndMax === tp.sndUna) {
    tp.dupacks = 0;
    return CONTINUE;
  }
  tp.dupacks++;
  if ((tp.flags & TF_FASTRECOVERY) !== 0 || tp.dupacks > TCPREXMTTHRESH) return anotherDuplicate(tp, seg);
  if (tp.dupacks === TCPREXMTTHRESH || sackedEnough(tp)) return enterRecovery(tp, seg);
  if (!tp.tcp.doRfc3042) return CONTINUE;
  limitedTransmit(tp, seg);
  return DROP;
}

/** IsLost() for the first byte, by bytes: more than two segments above it have been SACKed (RFC 6675 §4). */
function sackedEnough(tp: Tcpcb): boolean {
  const sh = tp.sackhint;
  return sh !== null && sh.head !== null && sh.sackedBytes > (TCPREXMTTHRESH - 1) * tp.maxseg;
}

/** A further duplicate: something has left the network, so something may follow. */
function anotherDuplicate(tp: Tcpcb, seg: Segment): Verdict {
  ccAckReceived(tp, seg.ack, 1, CC_DUPACK);
  if (inSackRecovery(tp)) tcpDoPrrAck(tp);
  else if ((tp.flags & TF_FASTRECOVERY) !== 0) tp.sndCwnd += tp.maxseg;
  tcpOutput(tp);
  return DROP;
}

/**
 * A loss is certain: the window shrinks, and the first missing segment goes again at once.
 */
function enterRecovery(tp: Tcpcb, seg: Segment): Verdict {
  const sh = tp.sackhint;
  const bySack = sh !== null && sh.head !== null;
  tp.dupacks = TCPREXMTTHRESH;
  if ((tp.flags & TF_CONGRECOVERY) === 0 && seqLt(seg.ack, tp.sndRecover)) {
    // These duplicates are echoes of an earlier repetition (RFC 6582 §3.2 step 1, RFC 6675 §5.1).
    tp.dupacks = 0;
    return CONTINUE;
  }
  const onxt = tp.sndNxt;
  ccCongSignal(tp, CC_NDUPACK, seg.ack);
  ccAckReceived(tp, seg.ack, 1, CC_DUPACK);
  tp.rexmtAtUs = Infinity; // output starts it anew
  tp.rttTiming = false;
  if (bySack) {
    tp.tcp.stat.sackRecoveryEpisode++;
    beginPrr(tp, sh);
    tp.sndCwnd = tcpComputePipe(tp) + tp.maxseg;
    tcpOutput(tp);
    return DROP;
  }
  if (sh !== null) sh.recoverFs = 0;
  tp.sndNxt = seg.ack;
  tp.sndCwnd = tp.maxseg;
  tcpOutput(tp);
  tp.sndCwnd = tp.sndSsthresh + tp.maxseg * (tp.dupacks - tp.sndLimited);
  if (seqGt(onxt, tp.sndNxt)) tp.sndNxt = onxt;
  return DROP;
}

/**
 * Proportional rate reduction: how much may be sent on account of this ACK, so that at the end of recovery the window is ssthresh, without a pause and without a burst.
 * Leaves the window at what is in flight plus that.
 * Source: RFC 6937 §3, with the slow-start reduction bound; FreeBSD tcp_do_prr_ack().
 */
export function tcpDoPrrAck(tp: Tcpcb): void {
  const sh = sackhintOf(tp);
  const mss = tp.maxseg;
  const delivered = sh.deliveredData;
  const pipe = tcpComputePipe(tp);
  sh.prrDelivered += delivered;
  let quota: number;
  if (!tp.tcp.doPrr) {
    quota = tp.sndSsthresh - pipe;
  } else if (pipe > tp.sndSsthresh) {
    quota = Math.ceil((sh.prrDelivered * tp.sndSsthresh) / sh.recoverFs) - sh.prrOut + mss - 1;
  } else {
    const owed = sh.prrDelivered - sh.prrOut;
    let limit = (owed > delivered ? owed : delivered) + mss;
    // What the peer's window or the application kept us from sending is made up for, but not all at once.
    const burst = delivered + TCP_MAXBURST * mss;
    if (limit > burst) limit = burst;
    const room = tp.sndSsthresh - pipe;
    quota = room < limit ? room : limit;
  }
  const whole = quota > 0 ? Math.floor(quota / mss) * mss : 0;
  tp.sndCwnd = Math.max(pipe + whole, mss);
}

/**
 * New data are acknowledged, but not all that was outstanding when the loss was seen: the next hole is lost too. Called before sndUna moves.
 * True: the scoreboard knows the holes, and the caller works out the quota ({@link tcpDoPrrAck}) once sndUna has moved.
 * Source: RFC 6582 §3.2 step 3, RFC 6675 §5; FreeBSD tcp_sack_partialack(), tcp_newreno_partial_ack().
 */
export function partialAck(tp: Tcpcb, seg: Segment): boolean {
  tp.rttTiming = false;
  if (inSackRecovery(tp)) return true;
  newrenoPartialAck(tp, seg);
  return false;
}

/**
 * A partial ACK has moved sndUna, and nothing above it is known to have arrived: the end of the flight is lost as well, for it was sent before what this ACK answers. With nothing new under way no duplicate
 * will show it, so its last segment goes again, once in a recovery, whatever the window; what that draws tells the rest.
 * Differs: RFC 6675 has it go as soon as nothing else may, when it is often still under way; FreeBSD does not count.
 * Source: RFC 6675 §4, NextSeg() rule 4; FreeBSD tcp_sack_partialack(), "rescue retransmission".
 */
export function tcpSackRescue(tp: Tcpcb): void {
  const sh = sackhintOf(tp);
  if (sh.rescued || sh.head !== null || sh.deliveredData === 0 || tp.sndRecover !== tp.sndMax) return;
  const fin = (tp.flags & TF_SENTFIN) !== 0;
  const end = fin ? (tp.sndMax - 1) | 0 : tp.sndMax;
  if (!seqLt(tp.sndUna, end)) return; // a FIN alone
  const cc = tp.so.snd.cc;
  // Rule 2: new data go first, and a FIN.
  if ((cc < tp.sndWnd ? cc : tp.sndWnd) > ((end - tp.sndUna) | 0) || (!fin && tp.state > TCPS_CLOSE_WAIT)) return;
  sh.rescued = true;
  tcpOutputRescue(tp, sh, seqMax(tp.sndUna, (end - tp.maxseg) | 0), end);
}

/**
 * What was sent after the first hole had been sent again has arrived, and the hole is still there: the repetition is lost too. Holes of which that is known go again from their beginning,
 * and the window shrinks as for any other loss. Called when an ACK has changed the scoreboard, in recovery.
 * Source: FreeBSD tcp_sack.c, tcp_sack_lost_retransmission().
 */
export function tcpSackLostRetransmission(tp: Tcpcb, ack: number): void {
  const sh = sackhintOf(tp);
  const first = sh.head;
  if (first === null || !isLostAgain(tp, first)) return;
  tp.tcp.stat.sackLostrexmt++;
  for (let h: SackHole | null = first; h !== null; h = h.next) {
    if (!isLostAgain(tp, h)) continue;
    sh.sackBytesRexmit -= rexmitted(h);
    h.rxmit = h.start;
  }
  sh.nexthole = first;
  // The window of this recovery is the one that shrinks, not what is left of it meanwhile.
  tp.sndCwnd = tp.sndSsthresh;
  exitRecovery(tp);
  ccCongSignal(tp, CC_NDUPACK, ack);
  beginPrr(tp, sh);
  sh.prrDelivered -= sh.deliveredData; // counted by the caller
  tp.sndCwnd = tp.maxseg;
}

function isLostAgain(tp: Tcpcb, h: SackHole): boolean {
  return seqGeq(h.rxmit, h.end) && seqGt(tp.sndFack, h.resent);
}

/** A recovery begins, in proportion to what is in flight now. */
function beginPrr(tp: Tcpcb, sh: Sackhint): void {
  tp.sndRecover = tp.sndMax;
  sh.recoverFs = Math.max((tp.sndMax - tp.sndUna) | 0, 1);
  sh.prrDelivered = sh.sackedBytes;
  sh.prrOut = 0;
  sh.rescued = false;
}

/** Sends the next missing segment at once and deflates the window by what was acknowledged. */
function newrenoPartialAck(tp: Tcpcb, seg: Segment): void {
  const onxt = tp.sndNxt;
  const ocwnd = tp.sndCwnd;
  const acked = (seg.ack - tp.sndUna) | 0;
  tp.rexmtAtUs = Infinity;
  tp.sndNxt = seg.ack;
  // One segment: the window as seen from the old sndUna.
  tp.sndCwnd = tp.maxseg + acked;
  tcpOutput(tp);
  tp.sndCwnd = ocwnd;
  if (seqGt(onxt, tp.sndNxt)) tp.sndNxt = onxt;
  if (tp.sndCwnd > acked) tp.sndCwnd -= acked;
  else tp.sndCwnd = 0;
  tp.sndCwnd += tp.maxseg;
  if (tp.rexmtAtUs === Infinity) startRexmt(tp, seg.nowUs);
}

/** The first and second duplicate each let one new segment out, so that a small window still yields a third (RFC 3042). */
function limitedTransmit(tp: Tcpcb, seg: Segment): void {
  ccAckReceived(tp, seg.ack, 1, CC_DUPACK);
  const oldcwnd = tp.sndCwnd;
  const oldmax = tp.sndMax;
  if (tp.dupacks === 1) tp.sndLimited = 0;
  const flight = (tp.sndNxt - tp.sndUna) | 0;
  tp.sndCwnd = flight + (tp.dupacks - tp.sndLimited) * tp.maxseg;
  if (tp.so.snd.cc > flight || (tp.flags & TF_ACKNOW) !== 0) tcpOutput(tp);
  const sent = (tp.sndMax - oldmax) | 0;
  if (sent > tp.maxseg) tp.sndLimited = 2;
  else if (sent > 0) tp.sndLimited++;
  tp.sndCwnd = oldcwnd;
}
