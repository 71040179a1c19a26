// @hot
import { CC_ACK, CC_RTO_ERR, exitRecovery, inRecovery } from '@ns/cc-kpi';
import { sbdrop, soisconnected, soisdisconnected, sowwakeup, SBS_CANTRCVMORE, SS_ISCONNECTED } from '@ns/socket';
import { seqGeq, seqGt, seqLeq, seqLt, TCP_MAXWIN, TH_ACK, TH_FIN, TOF_SACK, TOF_TS } from '@ns/wire';
import { ccAckReceived, ccCongSignal, ccConnInit, ccPostRecovery } from './cc.ts';
import { fbEstablished } from './fbswitch.ts';
import { setState } from './fsm.ts';
import { inSackRecovery } from './output.ts';
import { duplicateAck, partialAck, tcpDoPrrAck, tcpSackLostRetransmission, tcpSackRescue } from './recovery.ts';
import { tcpReassPresent } from './reass.ts';
import { mayAnswerAck, tcpSendChallengeAck } from './respond.ts';
import { tcpXmitTimer } from './rtt.ts';
import { tcpRecordDsack, tcpSackDoack } from './sack.ts';
import type { Segment } from './segment.ts';
import { tcpClose } from './subr.ts';
import { checkAckPresent } from './synchronized.ts';
import { tcpTwstart } from './timewait.ts';
import { keepidleMs, startRexmt, TT_2MSL, TT_KEEP, tcpTimerActivate } from './timer.ts';
import {
  type Tcpcb,
  TCPS_CLOSING,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TCPS_FIN_WAIT_2,
  TCPS_HAVERCVDFIN,
  TCPS_LAST_ACK,
  TCPS_SYN_RECEIVED,
  TF2_NO_ISS_CHECK,
  TF_FASTRECOVERY,
  TF_NEEDFIN,
  TF_PREVVALID,
  TF_SACK_PERMIT,
} from './tcpcb.ts';
import { CONTINUE, DROP, DROP_AFTER_ACK, DROP_WITH_RESET, type Verdict } from './verdict.ts';

/** Time stamps echoed from longer ago than this are not believed as round-trip times. */
const MAX_TS_RTT_MS = 60_000;

/**
 * Fifth: the acknowledgement.
 * Source: RFC 9293 §3.10.7.4 fifth; FreeBSD tcp_do_segment(), "Ack processing".
 */
export function processAck(tp: Tcpcb, seg: Segment): Verdict {
  const present = checkAckPresent(tp, seg);
  if (present !== CONTINUE) return present;
  if ((seg.flags & TH_ACK) === 0) return CONTINUE;
  let incforsyn = 0;
  if (tp.state === TCPS_SYN_RECEIVED) {
    // Not acceptable: it belongs to an older incarnation.
    if (seqLeq(seg.ack, tp.sndUna) || seqGt(seg.ack, tp.sndMax)) return DROP_WITH_RESET;
    incforsyn = 1;
    synAcknowledged(tp, seg);
  }
  if (seqGt(seg.ack, tp.sndMax)) return ackTooMuch(tp);
  if (seqLt(seg.ack, tp.sndUna) && isAncient(tp, seg.ack)) {
    tcpSendChallengeAck(tp);
    return DROP;
  }
  let sackChanged = false;
  const rec = tp.rec;
  if (tp.sackhint !== null) tp.sackhint.lastSackAck = 0;
  if ((seg.to.flags & TOF_SACK) !== 0 && (tp.flags & TF_SACK_PERMIT) !== 0) tcpRecordDsack(tp, seg.to, seg.ack);
  if (rec !== null) {
    if ((seg.to.flags & TOF_SACK) !== 0) tp.tcp.stat.sackRcvBlocks++;
    if (seqGeq(seg.ack, tp.sndUna)) sackChanged = rec.take(seg);
  } else if ((tp.flags & TF_SACK_PERMIT) !== 0 && ((seg.to.flags & TOF_SACK) !== 0 || (tp.sackhint !== null && tp.sackhint.head !== null))) {
    if ((seg.to.flags & TOF_SACK) !== 0) tp.tcp.stat.sackRcvBlocks++;
    if (seqGeq(seg.ack, tp.sndUna)) sackChanged = tcpSackDoack(tp, seg.to, seg.ack);
    if (sackChanged && tp.tcp.sackLrd && inSackRecovery(tp)) tcpSackLostRetransmission(tp, seg.ack);
  }
  const hooks = tp.tcp.hooks;
  if (hooks.estIn.nhooks > 0) hooks.runIn(tp, seg);
  if (seqLeq((seg.ack - incforsyn) | 0, tp.sndUna)) {
    if (incforsyn !== 0) return finishAck(tp, seg, incforsyn);
    return notNew(tp, seg, sackChanged);
  }
  tp.dupacks = 0;
  if (rec !== null) {
    const done = finishAck(tp, seg, incforsyn);
    if (done === CONTINUE && tp.rec === rec) rec.acked();
    return done;
  }
  const byScoreboard = (tp.flags & TF_FASTRECOVERY) !== 0 && seqLt(seg.ack, tp.sndRecover) && partialAck(tp, seg);
  const verdict = finishAck(tp, seg, incforsyn);
  if (byScoreboard && verdict === CONTINUE) {
    tcpDoPrrAck(tp);
    tcpSackRescue(tp);
  }
  return verdict;
}

/** The ACK moves nothing: perhaps a duplicate. */
function notNew(tp: Tcpcb, seg: Segment, sackChanged: boolean): Verdict {
  const sack = (tp.flags & TF_SACK_PERMIT) !== 0 && (seg.to.flags & TOF_SACK) !== 0;
  const bare = seg.tlen === 0 && (seg.wnd === tp.sndWnd || sack);
  const firstFin = (seg.flags & TH_FIN) !== 0 && !TCPS_HAVERCVDFIN(tp.state);
  if (!bare || firstFin) {
    if (!sack) tp.dupacks = 0;
    if (tp.rec !== null) tp.rec.notNew(seg, false);
    return CONTINUE;
  }
  if (tp.rec !== null) {
    tp.tcp.stat.rcvdupack++;
    tp.rec.notNew(seg, !sack || sackChanged);
    return CONTINUE;
  }
  return duplicateAck(tp, seg, sack, sackChanged);
}

/**
 * Our SYN is acknowledged: SYN-RECEIVED to ESTABLISHED, or to FIN_WAIT_1 if the user has closed meanwhile. Data that came with the SYN are handed over.
 */
function synAcknowledged(tp: Tcpcb, seg: Segment): void {
  const v = tp.tcp;
  v.stat.connects++;
  if ((tp.so.state & SS_ISCONNECTED) === 0) soisconnected(tp.so);
  tp.sndWnd = seg.wnd;
  tp.starttimeMs = seg.nowMs;
  if (tp.ext !== null && tp.ext.fastopen !== null) tp.ext.fastopen.release();
  if ((tp.flags & TF_NEEDFIN) !== 0) {
    setState(tp, TCPS_FIN_WAIT_1);
    tp.flags &= ~TF_NEEDFIN;
  } else {
    setState(tp, TCPS_ESTABLISHED);
    ccConnInit(tp);
    tcpTimerActivate(tp, TT_KEEP, keepidleMs(tp) * 1000);
  }
  fbEstablished(tp, (tp.sndUna + 1) | 0);
  if (seg.tlen === 0 && (seg.flags & TH_FIN) === 0) tcpReassPresent(tp);
  tp.sndWl1 = (seg.seq - 1) | 0;
}

/**
 * Whether an ACK is older than any that can still be under way: from before our SYN, as long as that is near enough to tell, or below all windows that there were.
 * Source: RFC 5961 §5.2; FreeBSD tcp_do_segment(), net.inet.tcp.insecure_ack.
 */
function isAncient(tp: Tcpcb, ack: number): boolean {
  const v = tp.tcp;
  if (v.insecureAck) return false;
  const oldest = (tp.sndUna - tp.maxSndwnd) | 0;
  const first = (tp.iss + 1) | 0;
  if ((tp.flags2 & TF2_NO_ISS_CHECK) === 0 && seqGt(first, oldest)) {
    if (!seqLt(ack, first)) return false;
    v.stat.rcvghostack++;
    return true;
  }
  if (!seqLt(ack, oldest)) return false;
  v.stat.rcvacktooold++;
  return true;
}

/** From a window beyond our SYN on it is no measure of old ACKs any more; later still its number comes again. */
export function leaveIss(tp: Tcpcb): void {
  if (seqGeq(tp.sndUna, (tp.iss + (TCP_MAXWIN << tp.sndScale)) | 0)) tp.flags2 |= TF2_NO_ISS_CHECK;
}

/** An ACK of what was never sent. It is answered, but not without limit: two such ends would answer each other for ever. */
function ackTooMuch(tp: Tcpcb): Verdict {
  tp.tcp.stat.rcvacktoomuch++;
  return mayAnswerAck(tp) ? DROP_AFTER_ACK : DROP;
}

/**
 * The ACK acknowledges something: frees it, times it, moves sndUna, and takes the steps of closing. `incforsyn` is 1 when the first of it is our SYN.
 * Source: FreeBSD tcp_do_segment(), label process_ACK.
 */
export function finishAck(tp: Tcpcb, seg: Segment, incforsyn: number): Verdict {
  const stat = tp.tcp.stat;
  tp.sndUna = (tp.sndUna + incforsyn) | 0;
  const acked = (seg.ack - tp.sndUna) | 0;
  stat.rcvackpack++;
  stat.rcvackbyte += acked;
  if (tp.rxtshift === 1) undoSpuriousTimeout(tp, seg);
  sampleRtt(tp, seg);
  if (seg.ack === tp.sndMax) {
    tp.rexmtAtUs = Infinity;
    if (tp.ext !== null) tp.ext.ackTiming = false;
  } else if (tp.persistAtUs === Infinity) {
    startRexmt(tp, seg.nowUs);
    if (tp.ext !== null) tp.ext.acktimeMs = seg.nowMs;
  }
  if (acked === 0) return CONTINUE;
  ccAckReceived(tp, seg.ack, 1, CC_ACK);
  const ourFinIsAcked = dropAcked(tp, acked);
  const recovering = inRecovery(tp);
  if (!recovering && seqGt(tp.sndUna, tp.sndRecover) && seqLeq(seg.ack, tp.sndRecover)) tp.sndRecover = (seg.ack - 1) | 0;
  tp.sndUna = seg.ack;
  if ((tp.flags2 & TF2_NO_ISS_CHECK) === 0) leaveIss(tp);
  if (recovering && seqGeq(seg.ack, tp.sndRecover)) {
    ccPostRecovery(tp, seg.ack);
    exitRecovery(tp);
    if (tp.sackhint !== null) tp.sackhint.recoverFs = 0;
  }
  if ((tp.flags & TF_SACK_PERMIT) !== 0 && seqGt(tp.sndUna, tp.sndRecover)) tp.sndRecover = tp.sndUna;
  if (seqLt(tp.sndNxt, tp.sndUna)) tp.sndNxt = tp.sndUna;
  return ourFinIsAcked ? finAcked(tp) : CONTINUE;
}

/** Frees what is acknowledged; true if our FIN is part of it. */
function dropAcked(tp: Tcpcb, acked: number): boolean {
  const so = tp.so;
  const cc = so.snd.cc;
  const bytes = acked > cc ? cc : acked;
  tp.sndWnd = tp.sndWnd > bytes ? tp.sndWnd - bytes : 0;
  if (bytes > 0) {
    sbdrop(so.snd, bytes);
    sowwakeup(so);
  }
  return acked > cc;
}

/** The peer has our FIN. */
function finAcked(tp: Tcpcb): Verdict {
  const so = tp.so;
  switch (tp.state) {
    case TCPS_FIN_WAIT_1:
      if ((so.rcv.state & SBS_CANTRCVMORE) !== 0) {
        // Nobody reads any more: do not wait for the peer's FIN for ever.
        soisdisconnected(so);
        tcpTimerActivate(tp, TT_2MSL, tp.tcp.finwait2TimeoutMs * 1000);
      }
      setState(tp, TCPS_FIN_WAIT_2);
      return CONTINUE;
    case TCPS_CLOSING:
      tcpTwstart(tp);
      return DROP;
    case TCPS_LAST_ACK:
      tcpClose(tp);
      return DROP;
    default:
      return CONTINUE;
  }
}

/**
 * The first ACK after a timeout shows that it answers the original, not the repetition: the timeout was spurious, and is undone. By time stamp (RFC 3522), else by the time
 * that has passed.
 */
export function undoSpuriousTimeout(tp: Tcpcb, seg: Segment): void {
  if ((tp.flags & TF_PREVVALID) === 0 || tp.ext === null) return;
  const e = tp.ext;
  const original =
    (seg.to.flags & TOF_TS) !== 0 && seg.to.tsecr !== 0
      ? ((seg.to.tsecr - e.rexmtTsval) | 0) < 0
      : ((seg.nowMs - e.badrxtwinMs) | 0) < 0;
  if (original) ccCongSignal(tp, CC_RTO_ERR, seg.ack);
}

/**
 * Takes a round-trip time: from the segment being timed, to the microsecond; when none is (after a repetition, Karn), from the echoed time stamp.
 * Source: RFC 6298 §3-4, RFC 7323 §4.
 */
export function sampleRtt(tp: Tcpcb, seg: Segment): void {
  if (tp.rttTiming) {
    if (seqGt(seg.ack, tp.rttseq)) tcpXmitTimer(tp, ((seg.nowUs | 0) - tp.rtttimeUs) | 0);
    return;
  }
  if ((seg.to.flags & TOF_TS) === 0 || seg.to.tsecr === 0 || isDsack(seg)) return;
  const ms = (seg.nowMs - ((seg.to.tsecr - tp.tsOffset) | 0)) | 0;
  if (ms >= 0 && ms < MAX_TS_RTT_MS) tcpXmitTimer(tp, (ms + 1) * 1000);
}

/**
 * Whether the ACK reports a duplicate (RFC 2883): a repetition of ours drew it because the ACK before was lost. The time stamp that it echoes is that of the segment that moved the
 * edge (RFC 7323 §4.3), so the time since then has the timeout in it and is no round trip; a few such samples in a row would feed the timeout with itself.
 */
function isDsack(seg: Segment): boolean {
  return (seg.to.flags & TOF_SACK) !== 0 && seg.to.nsacks > 0 && seqLeq(seg.to.sacks[1] as number, seg.ack);
}
