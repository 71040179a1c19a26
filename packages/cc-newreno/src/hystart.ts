import { CCF_CWND_LIMITED, CCF_HYSTART_CAN_SH_CWND, CCF_HYSTART_CONS_SSTH, type CcVar, inRecovery } from '@ns/cc-kpi';

/** Parameters of one vnet, behind `net.inet.tcp.cc.hystartplusplus.*`; times in microseconds. */
export interface HystartVnet {
  /** minrtt_thresh: the least by which the round trip must have grown. */
  minrttThresh: number;
  /** maxrtt_thresh: the most. */
  maxrttThresh: number;
  /** n_rttsamples: samples of a round that are enough. */
  nRttsamples: number;
  /** css_growth_div: conservative slow start is slower by this factor. */
  cssGrowthDiv: number;
  /** css_rounds: rounds of it, the one in which it began included. */
  cssRounds: number;
}

/** RFC 9406 §4.3. */
export const hystartDefaults: Readonly<HystartVnet> = Object.freeze({ minrttThresh: 4000, maxrttThresh: 16000, nRttsamples: 8, cssGrowthDiv: 4, cssRounds: 5 });

/**
 * HyStart++ of one connection (RFC 9406): when the round trip grows, a queue does, and slow start goes on more slowly (conservative slow start, CSS); if that was no mistake, it ends after some rounds, before
 * it has lost half a window. Over after the first congestion, until the connection was idle.
 * Source: FreeBSD cc_newreno.c, struct newreno.
 */
export class Hystart {
  enabled: boolean;
  inCss: boolean;
  round: number;
  /** Shortest round trips: of the round before, of this one, and of the one that CSS began with; Infinity: none. */
  private lastMinRtt: number;
  private minRtt: number;
  private baseline: number;
  private samples: number;
  private cssRound: number;
  /** Bytes in flight at the shortest round trip, and that when CSS began. */
  private lowFlight: number;
  private cssFlight: number;

  constructor() {
    this.enabled = true;
    this.inCss = false;
    this.round = 0;
    this.lastMinRtt = Infinity;
    this.minRtt = Infinity;
    this.baseline = Infinity;
    this.samples = 0;
    this.cssRound = 0;
    this.lowFlight = 0;
    this.cssFlight = 0;
  }

  /** Slow start is over: congestion, or the window has reached the threshold. */
  stop(): void {
    this.enabled = false;
    this.inCss = false;
  }

  /** The connection was idle: slow start begins anew. */
  restart(): void {
    if (this.enabled) return;
    this.enabled = true;
    this.inCss = false;
  }

  /** Source: RFC 9406 §4.2, "for rounds where at least N_RTT_SAMPLE RTT samples have been obtained"; FreeBSD newreno_rttsample(). */
  rttsample(v: HystartVnet, us: number, rxtcnt: number, flight: number): void {
    if (rxtcnt > 0) return; // of which transmission?
    this.samples++;
    if (us < this.minRtt) {
      this.minRtt = us;
      this.lowFlight = flight;
    }
    if (this.inCss && this.samples >= v.nRttsamples && this.minRtt < this.baseline) {
      this.inCss = false; // no queue was there
      this.baseline = Infinity;
    }
  }

  /** Source: RFC 9406 §4.2, "CSS lasts at most CSS_ROUNDS rounds"; FreeBSD newreno_newround(). */
  newround(ccv: CcVar, v: HystartVnet, round: number): void {
    this.lastMinRtt = this.minRtt;
    this.minRtt = Infinity;
    this.samples = 0;
    this.round = round;
    if (!this.inCss || round - this.cssRound < v.cssRounds) return;
    if ((ccv.ccFlags & CCF_HYSTART_CAN_SH_CWND) === 0) {
      ccv.sndSsthresh = ccv.sndCwnd;
      this.stop();
      return;
    }
    ccv.sndSsthresh = (ccv.ccFlags & CCF_HYSTART_CONS_SSTH) === 0 ? this.lowFlight : Math.floor((this.lowFlight + this.cssFlight) / 2);
    ccv.sndSsthresh = Math.max(ccv.sndSsthresh, 2 * ccv.maxseg);
    ccv.sndCwnd = Math.max(this.cssFlight, ccv.maxseg);
    this.cssRound = round;
  }

  /** By how much the growth of an ACK in slow start is to be divided; begins CSS if it is time. Source: RFC 9406 §4.2; FreeBSD newreno_ack_received(). */
  divisor(ccv: CcVar, v: HystartVnet): number {
    if (!this.inCss && this.queueGrows(v) && !inRecovery(ccv) && (ccv.ccFlags & CCF_CWND_LIMITED) !== 0) {
      this.inCss = true;
      this.baseline = this.minRtt;
      this.cssRound = this.round;
      this.cssFlight = this.lowFlight;
    }
    return this.inCss ? v.cssGrowthDiv : 1;
  }

  private queueGrows(v: HystartVnet): boolean {
    if (this.samples < v.nRttsamples || this.minRtt === Infinity || this.lastMinRtt === Infinity) return false;
    const thresh = Math.max(v.minrttThresh, Math.min(this.lastMinRtt / 8, v.maxrttThresh));
    return this.minRtt >= this.lastMinRtt + thresh;
  }
}
