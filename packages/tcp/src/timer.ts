import { ETIMEDOUT } from '@ns/errno';
import { routeClear } from '@ns/route';
import { SBS_CANTRCVMORE, SO_KEEPALIVE } from '@ns/socket';
import { TH_ACK } from '@ns/wire';
import { CC_RTO } from '@ns/cc-kpi';
import { ccCongSignal } from './cc.ts';
import { tcpFastopenDisablePath } from './fastopen.ts';
import { tcpOutput } from './output.ts';
import { tcpRespondKeepalive } from './respond.ts';
import { rexmtvalUs, TCPTV_REXMTMAX_US, tcpRangesetUs } from './rtt.ts';
import { tcpFreeSackholes } from './sack.ts';
import { tcpBlackholeProbe } from './mss.ts';
import { tcpClose, tcpDrop } from './subr.ts';
import {
  TCP_STATE_NAMES,
  type Tcpcb,
  TCPS_CLOSE_WAIT,
  TCPS_CLOSED,
  TCPS_CLOSING,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_2,
  TCPS_SYN_RECEIVED,
  TCPS_SYN_SENT,
  TCPS_TIME_WAIT,
  TF_ACKNOW,
  TF_CONGRECOVERY,
  TF_DELACK,
  TF_FASTOPEN,
  TF_FASTRECOVERY,
  TF_FORCEDATA,
  TF_PREVVALID,
  TF_REQ_SCALE,
  TF_REQ_TSTMP,
  TF_SACK_PERMIT,
  TF_WASCRECOVERY,
  TF_WASFRECOVERY,
} from './tcpcb.ts';

/** Kinds of timer. Source: FreeBSD tcp_timer.h. @public */
export const TT_REXMT = 0;
/** @public */
export const TT_PERSIST = 1;
/** @public */
export const TT_KEEP = 2;
/** @public */
export const TT_2MSL = 3;
/** @public */
export const TT_DELACK = 4;

/** The timer of a function block. */
export const TT_FB = 5;

/** Largest backoff shift. */
export const TCP_MAXRXTSHIFT = 12;
/** Factor of the retransmission timeout by shift. */
const TCP_BACKOFF: readonly number[] = Object.freeze([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512, 512]);
/** Sum of the factors. */
const TCP_TOTBACKOFF = 2559;
/** After this many retransmissions the route and the RTT are no longer trusted. */
const TCP_RTT_INVALIDATE: number = TCP_MAXRXTSHIFT >> 2;
/** How long a peer may be silent while we probe its closed window. Source: FreeBSD tcp_maxpersistidle. */
const MAXPERSISTIDLE_MS = 7200000;

/** Factor for backoff shift `shift`. */
export function tcpBackoff(shift: number): number {
  return TCP_BACKOFF[shift <= TCP_MAXRXTSHIFT ? shift : TCP_MAXRXTSHIFT] as number;
}

/** Values of one connection: its own, or the vnet's. */
export const keepinitMs = (tp: Tcpcb): number => (tp.ext !== null && tp.ext.keepinitMs > 0 ? tp.ext.keepinitMs : tp.tcp.keepinitMs);
export const keepidleMs = (tp: Tcpcb): number => (tp.ext !== null && tp.ext.keepidleMs > 0 ? tp.ext.keepidleMs : tp.tcp.keepidleMs);
export const keepintvlMs = (tp: Tcpcb): number => (tp.ext !== null && tp.ext.keepintvlMs > 0 ? tp.ext.keepintvlMs : tp.tcp.keepintvlMs);
export const keepcnt = (tp: Tcpcb): number => (tp.ext !== null && tp.ext.keepcnt > 0 ? tp.ext.keepcnt : tp.tcp.keepcnt);
/** How long probes may stay unanswered. */
export const maxidleMs = (tp: Tcpcb): number => keepcnt(tp) * keepintvlMs(tp);

/**
 * Starts timer `which` to expire `deltaUs` from now, or stops it with 0. The callout is moved only when it would come too late; one that
 * comes early finds the true deadline here and is armed again, so restarting a timer with each segment costs a store.
 * Source: FreeBSD tcp_timer.c, tcp_timer_activate().
 */
export function tcpTimerActivate(tp: Tcpcb, which: number, deltaUs: number): void {
  const at = deltaUs > 0 ? tp.tcp.nowUs() + deltaUs : Infinity;
  switch (which) {
    case TT_REXMT:
      tp.rexmtAtUs = at;
      break;
    case TT_PERSIST:
      tp.persistAtUs = at;
      break;
    case TT_KEEP:
      tp.keepAtUs = at;
      break;
    case TT_2MSL:
      tp.mslAtUs = at;
      break;
    case TT_FB:
      tp.fbAtUs = at;
      break;
    default:
      tp.delackAtUs = at;
  }
  if (at < tp.calloutAtUs) armCallout(tp, at, deltaUs);
}

/** Restarts the retransmission timer for the segments in flight: now + RTO. */
export function startRexmt(tp: Tcpcb, nowUs: number): void {
  const at = nowUs + tp.rxtcurUs;
  tp.rexmtAtUs = at;
  if (at < tp.calloutAtUs) armCallout(tp, at, tp.rxtcurUs);
}

function armCallout(tp: Tcpcb, at: number, deltaUs: number): void {
  tp.calloutAtUs = at;
  tp.tcp.wheel.reset(tp.callout, deltaUs);
}

/** Whether timer `which` runs. Source: FreeBSD tcp_timer_active(). */
export function tcpTimerActive(tp: Tcpcb, which: number): boolean {
  return timerAtUs(tp, which) !== Infinity;
}

/** When timer `which` is due, microseconds; Infinity: it does not run. */
export function timerAtUs(tp: Tcpcb, which: number): number {
  switch (which) {
    case TT_REXMT:
      return tp.rexmtAtUs;
    case TT_PERSIST:
      return tp.persistAtUs;
    case TT_KEEP:
      return tp.keepAtUs;
    case TT_2MSL:
      return tp.mslAtUs;
    case TT_FB:
      return tp.fbAtUs;
    default:
      return tp.delackAtUs;
  }
}

/** Stops the retransmission and persist timers. */
export function stopRexmt(tp: Tcpcb): void {
  tp.rexmtAtUs = Infinity;
}

/** Stops all timers and releases the callout: at the end of a connection. Source: FreeBSD tcp_timer_stop(). */
export function tcpCanceltimers(tp: Tcpcb): void {
  tp.rexmtAtUs = Infinity;
  tp.persistAtUs = Infinity;
  tp.keepAtUs = Infinity;
  tp.mslAtUs = Infinity;
  tp.delackAtUs = Infinity;
  tp.fbAtUs = Infinity;
  if (tp.calloutAtUs !== Infinity) {
    tp.calloutAtUs = Infinity;
    tp.tcp.wheel.stop(tp.callout);
  }
}

/** What the callout calls: runs the timers that are due, then arms it for the next. */
export function tcpTimerFire(tp: Tcpcb): void {
  tp.calloutAtUs = Infinity;
  const now = tp.tcp.nowUs();
  if (tp.delackAtUs <= now) delackTimeout(tp);
  // A probe that falls together with the retransmission timeout goes in its stead (RFC 8985 §7.2).
  if (tp.fbAtUs <= now) fbTimeout(tp);
  if (tp.rexmtAtUs <= now) rexmtTimeout(tp);
  if (tp.persistAtUs <= now) persistTimeout(tp);
  if (tp.keepAtUs <= now) keepTimeout(tp);
  if (tp.mslAtUs <= now) mslTimeout(tp);
  const next = Math.min(tp.rexmtAtUs, tp.persistAtUs, tp.keepAtUs, tp.mslAtUs, tp.delackAtUs, tp.fbAtUs);
  if (next < tp.calloutAtUs) armCallout(tp, next, next - now);
}

function fbTimeout(tp: Tcpcb): void {
  tp.fbAtUs = Infinity;
  if (tp.rec !== null) tp.rec.timeout();
}

/** Source: FreeBSD tcp_timer_delack(). */
function delackTimeout(tp: Tcpcb): void {
  tp.delackAtUs = Infinity;
  tp.flags = (tp.flags & ~TF_DELACK) | TF_ACKNOW;
  tp.tcp.stat.delack++;
  tcpOutput(tp);
}

/**
 * The oldest segment was not acknowledged in time: back off, and send it again with a window of one segment.
 * Source: RFC 6298 §5; RFC 5681 §3.1; FreeBSD tcp_timer_rexmt().
 */
function rexmtTimeout(tp: Tcpcb): void {
  const v = tp.tcp;
  tp.rexmtAtUs = Infinity;
  if (tp.rec === null) tcpFreeSackholes(tp);
  tp.rxtshift++;
  if (tp.rxtshift > TCP_MAXRXTSHIFT) tp.rxtshift = TCP_MAXRXTSHIFT;
  if (noProgress(tp) || unackTooLong(tp)) {
    v.stat.timeoutdrop++;
    noAnswer(tp);
    tcpDrop(tp, tp.softerror !== 0 ? tp.softerror : ETIMEDOUT);
    return;
  }
  const early = tp.state === TCPS_SYN_SENT || tp.state === TCPS_SYN_RECEIVED;
  if (!early && tp.rxtshift === 1) saveForUndo(tp);
  else tp.flags &= ~TF_PREVVALID;
  v.stat.rexmttimeo++;
  const base = early ? v.rexmitInitialMs * 1000 : rexmtvalUs(tp);
  tp.rxtcurUs = tcpRangesetUs(v, base * tcpBackoff(tp.rxtshift), v.rexmitMinMs * 1000, TCPTV_REXMTMAX_US);
  tcpBlackholeProbe(tp);
  if (v.rexmitDropOptions && tp.state === TCPS_SYN_SENT && tp.rxtshift === 3) {
    tp.flags &= ~(TF_REQ_SCALE | TF_REQ_TSTMP | TF_SACK_PERMIT);
  }
  if (tp.rxtshift > TCP_RTT_INVALIDATE) losing(tp);
  if (tp.rec === null) goBack(tp);
  tp.sndRecover = tp.sndMax;
  tp.rttTiming = false;
  // A lost SYN says nothing of the path's capacity, but the initial window becomes one segment (RFC 5681 §3.1): ccConnInit reads this mark.
  if (early) tp.sndCwnd = 1;
  else ccCongSignal(tp, CC_RTO);
  if (tp.rec !== null) {
    if (tp.rec.rexmtTimeout()) return;
    goBack(tp);
  }
  tcpOutput(tp);
}

/** Nobody has answered our SYN: perhaps because it was one of Fast Open. */
function noAnswer(tp: Tcpcb): void {
  if (tp.state === TCPS_SYN_SENT && (tp.flags & TF_FASTOPEN) !== 0) tcpFastopenDisablePath(tp);
}

/** All that is outstanding is to go again, from the oldest on. */
function goBack(tp: Tcpcb): void {
  tp.sndNxt = tp.sndUna;
  tp.flags |= TF_ACKNOW; // force a segment out
}

/** Keeps what an ACK that proves the timeout wrong will restore. The window for it is half the RTT (RFC 3522 uses time stamps instead). */
function saveForUndo(tp: Tcpcb): void {
  const e = tp.rare;
  e.sndCwndPrev = tp.sndCwnd;
  e.sndSsthreshPrev = tp.sndSsthresh;
  e.sndRecoverPrev = tp.sndRecover;
  tp.flags &= ~(TF_WASFRECOVERY | TF_WASCRECOVERY);
  if ((tp.flags & TF_FASTRECOVERY) !== 0) tp.flags |= TF_WASFRECOVERY;
  if ((tp.flags & TF_CONGRECOVERY) !== 0) tp.flags |= TF_WASCRECOVERY;
  const now = tp.tcp.nowMs();
  e.badrxtwinMs = (now + ((tp.srtt >> 6) / 1000)) | 0;
  e.rexmtTsval = (now + tp.tsOffset) | 0;
  tp.flags |= TF_PREVVALID;
}

/**
 * Counts timeouts since sndUna last moved, and says whether there are too many. The backoff shift is no measure of that: it stays while each ACK that moves something is of data sent
 * twice, so that no round-trip time can be taken (Karn).
 * Differs: FreeBSD gives up by the shift.
 * Source: RFC 1122 §4.2.3.5, R2.
 */
function noProgress(tp: Tcpcb): boolean {
  const e = tp.rare;
  if (e.rexmtUna !== tp.sndUna) {
    e.rexmtUna = tp.sndUna;
    e.rexmtCount = 0;
  }
  return ++e.rexmtCount > tp.tcp.retries;
}

/** TCP_MAXUNACKTIME, `net.inet.tcp.maxunacktime`: the peer has acknowledged nothing for longer than is allowed. */
function unackTooLong(tp: Tcpcb): boolean {
  const e = tp.ext;
  if (e === null || !e.ackTiming) return false;
  const limit = e.maxunackMs > 0 ? e.maxunackMs : tp.tcp.maxunacktimeMs;
  if (limit === 0 || ((tp.tcp.nowMs() - e.acktimeMs) | 0) < limit) return false;
  tp.tcp.stat.progdrops++;
  return true;
}

/** Source: FreeBSD in_losing(): the next packet asks for a route again; the RTT is learnt afresh, the deviation keeps the timeout long. */
function losing(tp: Tcpcb): void {
  routeClear(tp.inp.route);
  if (tp.srtt > 0 && tp.rxtshift === TCP_RTT_INVALIDATE + 1) {
    tp.rttvar += tp.srtt >> 3;
    tp.srtt = 0;
  }
}

/**
 * Starts the persist timer: the peer's window is closed and there is data for it.
 * Source: RFC 9293 §3.8.6.1; FreeBSD tcp_output.c, tcp_setpersist().
 */
export function tcpSetpersist(tp: Tcpcb): void {
  const v = tp.tcp;
  tp.flags &= ~TF_PREVVALID;
  const t = tcpRangesetUs(v, rexmtvalUs(tp) * tcpBackoff(tp.rxtshift), v.persminMs * 1000, v.persmaxMs * 1000);
  tcpTimerActivate(tp, TT_PERSIST, t);
  if (tp.rxtshift < v.retries && tp.rxtshift < TCP_MAXRXTSHIFT) tp.rxtshift++;
}

/** Source: FreeBSD tcp_timer_persist(). */
function persistTimeout(tp: Tcpcb): void {
  const v = tp.tcp;
  tp.persistAtUs = Infinity;
  v.stat.persisttimeo++;
  const idleMs = (v.nowMs() - tp.rcvtimeMs) | 0;
  const giveUp =
    (tp.rxtshift === TCP_MAXRXTSHIFT && (idleMs >= MAXPERSISTIDLE_MS || idleMs >= (rexmtvalUs(tp) * TCP_TOTBACKOFF) / 1000)) ||
    // A user who has closed waits much less for a silent peer.
    (tp.state > TCPS_CLOSE_WAIT && idleMs >= v.persmaxMs) ||
    unackTooLong(tp);
  if (giveUp) {
    v.stat.persistdrop++;
    tcpDrop(tp, ETIMEDOUT);
    return;
  }
  tcpSetpersist(tp);
  tp.flags |= TF_FORCEDATA;
  tcpOutput(tp);
  tp.flags &= ~TF_FORCEDATA;
}

/**
 * Keepalive, and the limit on establishing. It is not restarted with each segment: it looks here when the last one came.
 * Source: RFC 9293 §3.8.4; FreeBSD tcp_timer_keep().
 */
function keepTimeout(tp: Tcpcb): void {
  const v = tp.tcp;
  tp.keepAtUs = Infinity;
  if (tp.state < TCPS_ESTABLISHED) {
    v.stat.keeptimeo++;
    v.stat.keepdrops++;
    noAnswer(tp);
    tcpDrop(tp, ETIMEDOUT);
    return;
  }
  const idle = keepidleMs(tp);
  const silent = (v.nowMs() - tp.rcvtimeMs) | 0;
  const wanted = (v.alwaysKeepalive || (tp.so.options & SO_KEEPALIVE) !== 0) && tp.state <= TCPS_CLOSING;
  if (!wanted) {
    tcpTimerActivate(tp, TT_KEEP, idle * 1000);
    return;
  }
  if (silent < idle) {
    tcpTimerActivate(tp, TT_KEEP, (idle - silent) * 1000);
    return;
  }
  v.stat.keeptimeo++;
  if (silent >= idle + maxidleMs(tp)) {
    v.stat.keepdrops++;
    tcpDrop(tp, ETIMEDOUT);
    return;
  }
  // An ACK of what has been acknowledged already, which the peer must answer.
  v.stat.keepprobe++;
  tcpRespondKeepalive(tp, tp.rcvNxt, (tp.sndUna - 1) | 0, TH_ACK);
  if (tp.state !== TCPS_CLOSED) tcpTimerActivate(tp, TT_KEEP, keepintvlMs(tp) * 1000);
}

/**
 * End of TIME_WAIT, or a half-closed connection that nobody reads any more.
 * Differs: a FIN_WAIT_2 without a reader ends `finwait2_timeout` after the last segment, also without `fast_finwait2_recycle`; that one ends
 * it whatever the peer sends.
 * Source: FreeBSD tcp_timer_2msl().
 */
function mslTimeout(tp: Tcpcb): void {
  const v = tp.tcp;
  tp.mslAtUs = Infinity;
  if (tp.state === TCPS_TIME_WAIT) {
    tcpClose(tp);
    return;
  }
  if (tp.state !== TCPS_FIN_WAIT_2 || (tp.so.rcv.state & SBS_CANTRCVMORE) === 0) return;
  const silent = (v.nowMs() - tp.rcvtimeMs) | 0;
  if (v.fastFinwait2Recycle || silent >= v.finwait2TimeoutMs) {
    v.stat.finwait2Drops++;
    tcpClose(tp);
    return;
  }
  tcpTimerActivate(tp, TT_2MSL, (v.finwait2TimeoutMs - silent) * 1000);
}

/** Timers of a connection for `netstat -x`, microseconds left, 0 when not running: rexmt, persist, keep, 2msl, delack. Source: FreeBSD tcp_timer_to_xtimer(). */
export function tcpTimerLeft(tp: Tcpcb, out: number[]): void {
  const now = tp.tcp.nowUs();
  for (let which = TT_REXMT; which <= TT_DELACK; which++) {
    const at = timerAtUs(tp, which);
    out[which] = at === Infinity ? 0 : Math.max(at - now, 0);
  }
}

/** For messages. */
export function stateName(tp: Tcpcb): string {
  return TCP_STATE_NAMES[tp.state] as string;
}
