import {
  CC_ACK,
  CC_ECN,
  CC_NDUPACK,
  CC_RTO,
  CCF_ABC_SENTAWND,
  CCF_CWND_LIMITED,
  type CcVar,
  enterCongrecovery,
  enterRecovery,
  inCongrecovery,
  inFastrecovery,
  inRecovery,
} from './cc-var.ts';

/** Largest window that a header can carry, before scaling. */
const TCP_MAXWIN = 65535;

/**
 * Growth of the window on an ACK of new data: slow start and congestion avoidance with appropriate byte counting.
 * Other algorithms use it for their slow start, which with `slowStartDivisor` is slower by that factor.
 * Source: RFC 5681 §3.1, RFC 3465; FreeBSD cc.c, newreno_cc_ack_received().
 * @public
 */
export function newrenoCcAckReceived(ccv: CcVar, type: number, slowStartDivisor = 1): void {
  if (type !== CC_ACK || inRecovery(ccv) || (ccv.ccFlags & CCF_CWND_LIMITED) === 0) return;
  const cw = ccv.sndCwnd;
  const mss = ccv.maxseg;
  let incr = mss;
  if (cw > ccv.sndSsthresh) {
    if (ccv.labc > 0) {
      if ((ccv.ccFlags & CCF_ABC_SENTAWND) !== 0) ccv.ccFlags &= ~CCF_ABC_SENTAWND;
      else incr = 0;
    } else {
      incr = Math.max(Math.floor((mss * mss) / cw), 1);
    }
  } else {
    if (ccv.labc > 0) {
      // After a timeout the bytes acknowledged may have been sent long ago: one segment an ACK (RFC 3465 §2.3).
      const limit = ccv.sndNxt === ccv.sndMax ? ccv.nsegs * ccv.labc * mss : mss;
      incr = Math.min(ccv.bytesThisAck, limit);
    }
    if (slowStartDivisor > 1) incr = Math.floor(incr / slowStartDivisor);
  }
  if (incr > 0) ccv.sndCwnd = Math.min(cw + incr, TCP_MAXWIN << ccv.sndScale);
}

/**
 * Restart after idle: remember what the path bore, begin with the initial window.
 * Source: RFC 5681 §4.1; FreeBSD cc.c, newreno_cc_after_idle().
 * @public
 */
export function newrenoCcAfterIdle(ccv: CcVar): void {
  const remembered = ccv.sndCwnd - (ccv.sndCwnd >> 2);
  if (remembered > ccv.sndSsthresh) ccv.sndSsthresh = remembered;
  ccv.sndCwnd = Math.min(ccv.initialWindow(), ccv.sndCwnd);
}

/**
 * Window at the end of recovery: what is in flight plus a segment, so that no burst goes out, at most the threshold.
 * Source: RFC 6582 §3.2 step 3; FreeBSD cc.c, newreno_cc_post_recovery().
 * @public
 */
export function newrenoCcPostRecovery(ccv: CcVar): void {
  if (!inFastrecovery(ccv)) return;
  const pipe = ccv.pipe();
  const mss = ccv.maxseg;
  ccv.sndCwnd = pipe < ccv.sndSsthresh ? Math.max(pipe, mss) + mss : ccv.sndSsthresh;
}

/**
 * Reaction to congestion: the window times `factor` percent (two segments at least) for loss and marks, one segment after a timeout.
 * Source: RFC 5681 §3.1 equation 4; FreeBSD cc.c, newreno_cc_cong_signal().
 * @public
 */
export function newrenoCcCongSignal(ccv: CcVar, type: number, factor = 50): void {
  const mss = ccv.maxseg;
  const reduced = Math.max(Math.floor((ccv.sndCwnd * factor) / (100 * mss)), 2) * mss;
  switch (type) {
    case CC_NDUPACK:
      if (inFastrecovery(ccv)) return;
      if (!inCongrecovery(ccv)) ccv.sndSsthresh = reduced;
      enterRecovery(ccv);
      return;
    case CC_ECN:
      if (inCongrecovery(ccv)) return;
      ccv.sndSsthresh = reduced;
      ccv.sndCwnd = reduced;
      enterCongrecovery(ccv);
      return;
    case CC_RTO:
      ccv.sndSsthresh = Math.max(Math.floor(Math.min(ccv.sndWnd, ccv.sndCwnd) / 2 / mss), 2) * mss;
      ccv.sndCwnd = mss;
      return;
    default:
  }
}
