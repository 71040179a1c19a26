// @hot
import { SB_AUTOSIZE, sbreserve, sbspace } from '@ns/socket';
import { seqGt, seqLt, TCP_MAXWIN, TH_ACK, TH_FIN, TH_RST, TH_SYN } from '@ns/wire';
import { ccAfterIdle } from './cc.ts';
import { fastopenSynLen } from './fastopen.ts';
import { fastopenSynAckDue } from './fastopen-server.ts';
import { SEG_HAS_FIN } from '@ns/tcp-kpi';
import type { FbConn } from './fbconn.ts';
import { tcpSendSegment } from './outseg.ts';
import type { OutState } from './outstate.ts';
import { SackHole, type Sackhint, tcpComputePipe, tcpSackAdjust, tcpSackOutput } from './sack.ts';
import type { SentSeg } from './sendmap.ts';
import { startRexmt, tcpSetpersist } from './timer.ts';
import {
  type Tcpcb,
  TCPS_HAVEESTABLISHED,
  TCPS_HAVERCVDFIN,
  TCPS_SYN_RECEIVED,
  TF2_PLPMTU_MAXSEGSNT,
  TF_ACKNOW,
  TF_DELACK,
  TF_FASTOPEN,
  TF_FASTRECOVERY,
  TF_FORCEDATA,
  TF_LASTIDLE,
  TF_MORETOCOME,
  TF_NEEDFIN,
  TF_NEEDSYN,
  TF_NODELAY,
  TF_NOPUSH,
  TF_SACK_PERMIT,
  TF_SENTFIN,
  TF_SIGNATURE,
  TF_TSO,
} from './tcpcb.ts';

/** Flags that a segment carries in each state. Source: FreeBSD tcp_fsm.h, tcp_outflags[]. */
const TCP_OUTFLAGS: readonly number[] = Object.freeze([
  TH_RST | TH_ACK, // CLOSED
  0, // LISTEN
  TH_SYN, // SYN_SENT
  TH_SYN | TH_ACK, // SYN_RECEIVED
  TH_ACK, // ESTABLISHED
  TH_ACK, // CLOSE_WAIT
  TH_FIN | TH_ACK, // FIN_WAIT_1
  TH_FIN | TH_ACK, // CLOSING
  TH_FIN | TH_ACK, // LAST_ACK
  TH_ACK, // FIN_WAIT_2
  TH_ACK, // TIME_WAIT
]);

/**
 * Sends what is due now: data within the windows, a FIN, an ACK, a window update, a probe; or nothing. Returns an errno; a segment that the network
 * layer refused is repeated by the timers like one that was lost.
 * Source: RFC 9293 §3.8.6; FreeBSD tcp_output.c, tcp_output().
 */
export function tcpOutput(tp: Tcpcb): number {
  const o = tp.tcp.out;
  let idle = (tp.flags & TF_LASTIDLE) !== 0 || tp.sndMax === tp.sndUna;
  if (idle && tp.sndMax !== tp.iss && ((tp.tcp.nowMs() - tp.rcvtimeMs) | 0) * 1000 >= tp.rxtcurUs) ccAfterIdle(tp);
  tp.flags &= ~TF_LASTIDLE;
  if (idle && (tp.flags & TF_MORETOCOME) !== 0) {
    tp.flags |= TF_LASTIDLE;
    idle = false;
  }
  o.idle = idle;
  for (;;) {
    sizeSegment(tp, o);
    if (!mustSend(tp, o)) {
      notSending(tp);
      return 0;
    }
    const error = tcpSendSegment(tp, o);
    if (error !== 0 || !o.sendalot) return error;
  }
}

/** What could be sent: fills in `off`, `len`, `flags`, `sendwin`, `hole`, `recwin`, `tso`. */
function sizeSegment(tp: Tcpcb, o: OutState): void {
  if (tp.sndNxt !== tp.sndMax && (tp.flags & TF_SACK_PERMIT) !== 0 && seqLt(tp.sndNxt, tp.sndMax)) tcpSackAdjust(tp);
  const cc = tp.so.snd.cc;
  let flags = TCP_OUTFLAGS[tp.state] as number;
  if ((tp.flags & (TF_NEEDFIN | TF_NEEDSYN)) !== 0) {
    if ((tp.flags & TF_NEEDFIN) !== 0) flags |= TH_FIN;
    if ((tp.flags & TF_NEEDSYN) !== 0) flags |= TH_SYN;
  }
  o.sendalot = false;
  o.tso = false;
  o.hole = null;
  o.seg = null;
  o.off = (tp.sndNxt - tp.sndUna) | 0;
  o.sendwin = tp.sndWnd < tp.sndCwnd ? tp.sndWnd : tp.sndCwnd;
  if ((tp.flags & TF_FORCEDATA) !== 0) flags = forceData(tp, o, flags, cc);
  if (tp.rec !== null && tp.sndNxt === tp.sndMax && tp.sndWnd > 0 && (tp.flags & TF_FORCEDATA) === 0) sizeByBlock(tp, tp.rec, o, cc);
  else if ((tp.flags & TF_FASTRECOVERY) !== 0 && inSackRecovery(tp)) sizeInSackRecovery(tp, o, cc);
  else o.len = ((cc < o.sendwin ? cc : o.sendwin) - o.off) | 0;
  if ((flags & TH_SYN) !== 0) flags = sizeSyn(tp, o, flags);
  if (o.len <= 0) {
    o.len = 0;
    if (o.sendwin === 0 && o.off < cc && TCPS_HAVEESTABLISHED(tp.state)) windowClosed(tp, o);
  } else if (cc > 0) {
    sndbufAutoscale(tp, o, cc);
  }
  // A FIN goes with the last byte only.
  if ((flags & TH_FIN) !== 0 && o.off + o.len < cc) flags &= ~TH_FIN;
  o.flags = flags;
  o.recwin = recvWindow(tp);
  o.tso =
    (tp.flags & (TF_TSO | TF_SIGNATURE)) === TF_TSO && o.len > tp.maxseg && tp.tcp.tso && o.hole === null && tp.rcvNumsacks === 0 && (flags & TH_SYN) === 0;
}

/** Space that may be advertised, not yet protected against shrinking. */
function recvWindow(tp: Tcpcb): number {
  const space = sbspace(tp.so.rcv);
  if (space <= 0) return 0;
  const max = TCP_MAXWIN << tp.rcvScale;
  return space < max ? space : max;
}

/** Persist timeout: one byte into a closed window; when it is open again, the timer is not needed. */
function forceData(tp: Tcpcb, o: OutState, flags: number, cc: number): number {
  if (o.sendwin !== 0) {
    tp.persistAtUs = Infinity;
    tp.rxtshift = 0;
    return flags;
  }
  o.sendwin = 1;
  return o.off < cc ? flags & ~TH_FIN : flags;
}

/**
 * In loss recovery with SACK: first the holes below sndRecover, then new data, as long as what is in flight is less than the window.
 * Source: RFC 6675 §5 step C, NextSeg(); FreeBSD tcp_output.c.
 */
function sizeInSackRecovery(tp: Tcpcb, o: OutState, cc: number): void {
  const room = tp.sndCwnd - tcpComputePipe(tp);
  const hole = tcpSackOutput(tp);
  if (hole !== null && sizeHole(tp, o, hole, room)) return;
  const usable = (tp.sndWnd < cc ? tp.sndWnd : cc) - o.off;
  const len = usable < room ? usable : room;
  o.len = len > 0 ? len : usable < 0 ? usable : 0;
}

/**
 * With a function block: first what it says is lost, then new data, as long as what is in flight is less than the window, also when no loss is being repaired: what has arrived out of
 * order makes room (RFC 3042 by bytes).
 */
function sizeByBlock(tp: Tcpcb, rec: FbConn, o: OutState, cc: number): void {
  const room = tp.sndCwnd - rec.map.pipe();
  const seg = rec.block.nextSeg() as SentSeg | null;
  if (seg !== null) {
    const len = sizeAgain(tp, seg, cc);
    if (len > 0 || (seg.flags & SEG_HAS_FIN) !== 0) {
      if (len > room) {
        o.len = 0; // new data must not overtake it
        return;
      }
      o.seg = seg;
      o.off = (seg.start - tp.sndUna) | 0;
      o.len = len;
      o.sendalot = true;
      return;
    }
  }
  const usable = (tp.sndWnd < cc ? tp.sndWnd : cc) - o.off;
  const len = usable < room ? usable : room;
  o.len = len > 0 ? len : usable < 0 ? usable : 0;
}

/** Bytes of `seg` that go into one segment: its FIN is none. */
function sizeAgain(tp: Tcpcb, seg: SentSeg, cc: number): number {
  const data = (tp.sndUna + cc - seg.start) | 0;
  let len = (seg.end - seg.start) | 0;
  if (len > data) len = data;
  return len > tp.maxseg ? tp.maxseg : len;
}

/**
 * Sends one segment whatever the congestion window says: of new data within the peer's window, or of `seg` again, its beginning or its end. Returns the sequence space that went out, 0 if
 * nothing did.
 */
export function tcpOutputProbe(tp: Tcpcb, seg: SentSeg | null, fromEnd: boolean): number {
  const o = tp.tcp.out;
  const cc = tp.so.snd.cc;
  let flags = TCP_OUTFLAGS[tp.state] as number;
  o.idle = false;
  o.sendalot = false;
  o.tso = false;
  o.hole = null;
  o.seg = seg;
  if (seg === null) {
    o.off = (tp.sndNxt - tp.sndUna) | 0;
    const usable = (tp.sndWnd < cc ? tp.sndWnd : cc) - o.off;
    o.len = usable < tp.maxseg ? usable : tp.maxseg;
    if (o.len <= 0) return 0;
  } else {
    o.len = sizeAgain(tp, seg, cc);
    if (o.len < 0) return 0;
    const skip = fromEnd ? ((seg.end - seg.start) | 0) - o.len - ((seg.flags & SEG_HAS_FIN) !== 0 ? 1 : 0) : 0;
    o.off = ((seg.start - tp.sndUna) | 0) + skip;
  }
  if ((flags & TH_FIN) !== 0 && o.off + o.len < cc) flags &= ~TH_FIN;
  if (o.len === 0 && (flags & TH_FIN) === 0) return 0;
  o.flags = flags;
  o.recwin = recvWindow(tp);
  return tcpSendSegment(tp, o) === 0 ? o.len + ((o.flags & TH_FIN) !== 0 ? 1 : 0) : 0;
}

/** Sends [start, end), one segment at most, again, and a FIN that follows it. Of no hole: the scoreboard does not know of it (RFC 6675: HighRxt stays). */
export function tcpOutputRescue(tp: Tcpcb, sh: Sackhint, start: number, end: number): void {
  const o = tp.tcp.out;
  const hole = new SackHole(start, end);
  o.idle = false;
  o.sendalot = false;
  o.tso = false;
  o.seg = null;
  o.hole = hole;
  o.off = (start - tp.sndUna) | 0;
  o.len = (end - start) | 0;
  o.flags = TCP_OUTFLAGS[tp.state] as number;
  if (o.off + o.len < tp.so.snd.cc) o.flags &= ~TH_FIN;
  o.recwin = recvWindow(tp);
  tcpSendSegment(tp, o);
  sh.sackBytesRexmit -= (hole.rxmit - start) | 0;
}

function sizeHole(tp: Tcpcb, o: OutState, hole: SackHole, room: number): boolean {
  // What lies beyond sndRecover belongs to the next recovery.
  const end = seqGt(hole.end, tp.sndRecover) ? tp.sndRecover : hole.end;
  let len = (end - hole.rxmit) | 0;
  if (len <= 0) return false;
  if (len > tp.maxseg) len = tp.maxseg;
  if (len > room) {
    o.len = 0; // no room; new data must not overtake the hole
    return true;
  }
  o.hole = hole;
  o.off = (hole.rxmit - tp.sndUna) | 0;
  o.len = len;
  o.sendalot = true;
  return true;
}

/**
 * A SYN takes one sequence number in front of the data, and carries none but with Fast Open. Once sent it goes again only by a timeout, or in SYN-RECEIVED with an
 * ACK that is asked for; but a connection that a cookie opened sends data after it, as long as it was not lost. Returns the flags.
 * Differs: FreeBSD sends no data between those that go with the SYN|ACK and the ACK of it.
 */
function sizeSyn(tp: Tcpcb, o: OutState, flags: number): number {
  const fast = (tp.flags & TF_FASTOPEN) !== 0;
  const usable = o.len;
  o.len = 0;
  if (!seqGt(tp.sndNxt, tp.sndUna)) {
    if (fast) o.len = fastopenSynLen(tp, usable);
    return flags & ~TH_FIN;
  }
  if (tp.state === TCPS_SYN_RECEIVED) {
    if (fast) {
      if (tp.rxtshift === 0) o.len = usable + 1;
      if (((tp.sndMax - tp.iss) | 0) === 1) o.idle = true; // a SYN is no data that Nagle would wait for
    } else if ((tp.flags & TF_ACKNOW) !== 0) {
      tp.sndNxt = tp.sndUna;
      o.off = 0;
      return flags & ~TH_FIN;
    }
  }
  o.off--;
  return flags & ~(TH_SYN | TH_FIN);
}

/** The window shrank to nothing with data waiting: sends no more, and probes. */
function windowClosed(tp: Tcpcb, o: OutState): void {
  if (tp.persistAtUs !== Infinity || (tp.flags & TF_FORCEDATA) !== 0) return;
  tp.rexmtAtUs = Infinity;
  tp.rxtshift = 0;
  tp.sndNxt = tp.sndUna;
  o.off = 0;
  tcpSetpersist(tp);
}

/**
 * Makes the send buffer larger when it, not the windows, limits the flow.
 * Source: FreeBSD tcp_output.c, tcp_sndbuf_autoscale().
 */
function sndbufAutoscale(tp: Tcpcb, o: OutState, cc: number): void {
  const sb = tp.so.snd;
  const hiwat = sb.hiwat;
  if (cc < (hiwat >> 3) * 7 || (sb.flags & SB_AUTOSIZE) === 0) {
    const v = tp.tcp;
    if (!v.sendbufAutoLowat || (sb.flags & SB_AUTOSIZE) === 0 || cc < (hiwat >> 3) * 7 - sb.lowat) return;
  }
  const v = tp.tcp;
  if (!v.sendbufAuto || cc >= v.sendbufMax || hiwat >= v.sendbufMax) return;
  const lowat = v.sendbufAutoLowat ? sb.lowat : 0;
  if ((tp.sndWnd >> 2) * 5 < hiwat - lowat || o.sendwin < cc - ((tp.sndNxt - tp.sndUna) | 0)) return;
  const want = hiwat + v.sendbufInc;
  if (!sbreserve(sb, want < v.sendbufMax ? want : v.sendbufMax, v.sbMax())) sb.flags &= ~SB_AUTOSIZE;
}

/**
 * Whether a segment is due. Sender's silly window avoidance and Nagle for data, then everything else that makes one.
 * Source: RFC 9293 §3.8.6.2.1, RFC 896, RFC 1122 §4.2.3.4; FreeBSD tcp_output().
 */
function mustSend(tp: Tcpcb, o: OutState): boolean {
  const f = tp.flags;
  if (o.seg !== null) return true;
  if (o.len > 0) {
    if (o.len >= tp.maxseg) return true;
    if ((f & (TF_MORETOCOME | TF_NOPUSH)) === 0 && (o.idle || (f & TF_NODELAY) !== 0) && o.len + o.off >= tp.so.snd.cc) return true;
    if ((f & TF_FORCEDATA) !== 0) return true;
    if (tp.maxSndwnd > 0 && o.len >= tp.maxSndwnd >> 1) return true;
    if (tp.sndNxt !== tp.sndMax && seqLt(tp.sndNxt, tp.sndMax)) return true;
    if (o.hole !== null) return true;
  }
  if ((f & TF_ACKNOW) !== 0) return true;
  if (o.recwin > 0 && (f & (TF_NEEDSYN | TF_DELACK)) === 0 && windowUpdateDue(tp, o.recwin)) return true;
  if ((o.flags & TH_RST) !== 0) return true;
  if ((o.flags & TH_SYN) !== 0 && (f & TF_NEEDSYN) === 0) return tp.state !== TCPS_SYN_RECEIVED || (f & TF_FASTOPEN) === 0 || fastopenSynAckDue(tp);
  if (tp.sndUp !== tp.sndUna && seqGt(tp.sndUp, tp.sndUna)) return o.flags !== 0; // a SYN that is out already has no second
  return (o.flags & TH_FIN) !== 0 && ((f & TF_SENTFIN) === 0 || tp.sndNxt === tp.sndUna);
}

/**
 * Whether the window can be opened by enough to tell the peer.
 * Source: RFC 9293 §3.8.6.2.2; FreeBSD tcp_output().
 */
function windowUpdateDue(tp: Tcpcb, recwin: number): boolean {
  const held = (tp.rcvAdv - tp.rcvNxt) | 0;
  const oldwin = held > 0 ? held : 0;
  const adv = recwin > oldwin ? recwin - oldwin : 0;
  const scale = tp.rcvScale;
  if (adv === 0 || oldwin >> scale >= (adv + oldwin) >> scale || TCPS_HAVERCVDFIN(tp.state)) return false;
  if (!TCPS_HAVEESTABLISHED(tp.state)) return false;
  const hiwat = tp.so.rcv.hiwat;
  if (adv >= 2 * tp.mss && (adv >= hiwat >> 2 || recwin <= hiwat >> 3 || hiwat <= 8 * tp.mss || adv >= TCP_MAXWIN << scale)) return true;
  return 2 * adv >= hiwat;
}

/** Nothing to send; but where something is outstanding or waits, a timer must run. */
function notSending(tp: Tcpcb): void {
  if (tp.rexmtAtUs !== Infinity || tp.persistAtUs !== Infinity) return;
  if (tp.sndMax !== tp.sndUna && (tp.flags & TF_SACK_PERMIT) !== 0) {
    startRexmt(tp, tp.tcp.nowUs());
    return;
  }
  if (tp.so.snd.cc > 0 && TCPS_HAVEESTABLISHED(tp.state)) {
    tp.rxtshift = 0;
    tcpSetpersist(tp);
  }
}

/** Whether the loss that is being repaired was reported by SACK: its recovery has a pipe and PRR, others have NewReno's inflated window. */
export function inSackRecovery(tp: Tcpcb): boolean {
  const sh = tp.sackhint;
  return (tp.flags & TF_FASTRECOVERY) !== 0 && sh !== null && sh.recoverFs > 0;
}

/** Remembers for black hole detection whether the last data segment was a full one. */
export function noteFullSegment(tp: Tcpcb, len: number): void {
  if (len >= tp.maxseg) tp.flags2 |= TF2_PLPMTU_MAXSEGSNT;
  else tp.flags2 &= ~TF2_PLPMTU_MAXSEGSNT;
}
