// @hot
import { CCF_HYSTART_ALLOWED, CCF_HYSTART_CAN_SH_CWND, CCF_HYSTART_CONS_SSTH } from '@ns/cc-kpi';
import { type AckNews, type LossRecovery, type RecoveryConn, SEG_HAS_FIN, SEG_SACKED, type SentSegment } from '@ns/tcp-kpi';
import { seqGeq, seqGt, seqLeq, seqLt } from '@ns/wire';
import type { RackVnet } from './params.ts';

/** Segments selectively acknowledged that mean a loss while no reordering is known (RFC 8985 §6.2 step 4, RFC 5681). */
const DUP_THRESH = 3;
/** Recoveries without a duplicate that the enlarged reordering window outlasts (step 4). */
const REO_WND_PERSIST = 16;
/** Largest factor of the reordering window: it is bounded by the smoothed round trip long before. */
const REO_WND_MULT_MAX = 255;
/** The shortest round trip is that of the last window and the one before (§6.2 step 1: some minutes). */
const MIN_RTT_WINDOW_US = 150_000_000;
/** Probe timeout before the first round-trip time (§7.2). */
const PTO_INITIAL_US = 1_000_000;

/** What the timer is for: RFC 8985 §8 has one for all. */
const TIMER_NONE = 0;
const TIMER_REORDER = 1;
const TIMER_PROBE = 2;

/** Settings 1 to 3 of `features.hystartplusplus`, each with those before it. Source: FreeBSD rack.c, rack_init(). */
const hystartFlags = (setting: number): number =>
  (setting > 0 ? CCF_HYSTART_ALLOWED : 0) | (setting > 1 ? CCF_HYSTART_CAN_SH_CWND : 0) | (setting > 2 ? CCF_HYSTART_CONS_SSTH : 0);

/** RACK_sent_after(): whether what was sent at `t1` and ends at `seq1` was sent after the other (§6.2 step 2). */
const sentAfter = (t1: number, seq1: number, t2: number, seq2: number): boolean => t1 > t2 || (t1 === t2 && seqGt(seq1, seq2));

/**
 * The highest segment, to be sent again as a probe. A FIN that went alone goes with the data before it: many receivers cannot report it by SACK, so alone it would draw nothing that tells.
 */
function highest(tail: SentSegment | null): SentSegment | null {
  if (tail === null || (tail.flags & SEG_HAS_FIN) === 0 || ((tail.end - tail.start) | 0) > 1) return tail;
  const before = tail.prev;
  return before === null || (before.flags & SEG_SACKED) !== 0 ? tail : before;
}

/**
 * RACK-TLP of one connection: RFC 8985, in the words and the order of its sections 5 to 8. Times in microseconds; fields are §5.3's.
 *
 * The retransmission timer keeps a deadline of its own, that of RFC 6298: the reordering timer and the probe timer, of which one at most runs, always come before it, and a probe starts it
 * anew, so it is as if one timer were all three (§8).
 */
export class Rack implements LossRecovery {
  private readonly conn: RecoveryConn;
  private readonly v: RackVnet;

  /** When the most recently sent segment of those that have arrived was sent, negative before the first; its end; its round-trip time. */
  private xmitUs: number;
  private endSeq: number;
  private rttUs: number;
  /** Shortest round trip of this window and the one before, Infinity without one; when this one began. */
  private minRttUs: number;
  private minRttBeforeUs: number;
  private minRttSinceUs: number;
  /** Highest sequence number that has arrived. */
  private fack: number;
  private reorderingSeen: boolean;
  private reorderingAtUs: number;
  private reoWndUs: number;
  private reoWndMult: number;
  private reoWndPersist: number;
  /** A duplicate was reported in the round that ends at `dsackRound`. */
  private inDsackRound: boolean;
  private dsackRound: number;

  /** A probe is outstanding, up to where, and whether it was a retransmission (TLP.end_seq, TLP.is_retrans). */
  private probeOut: boolean;
  private probeEnd: number;
  private probeIsRetrans: boolean;
  /** Round-trip times measured when the last probe was sent; -1: none was. */
  private probeSamples: number;
  /** A probe is being sent. */
  private probing: boolean;

  private timer: number;
  /** When the probe timer was last started, with more than a segment in flight; negative otherwise. */
  private ptoFromUs: number;
  /** Timeouts since anything new was delivered. */
  private timeouts: number;

  constructor(conn: RecoveryConn, v: RackVnet) {
    this.conn = conn;
    this.v = v;
    const srtt = conn.tp.srttUs;
    this.xmitUs = -0.5; // a double for good
    this.endSeq = conn.tp.sndUna;
    this.rttUs = 0.5;
    this.minRttUs = srtt > 0 ? srtt : Infinity;
    this.minRttBeforeUs = Infinity;
    this.minRttSinceUs = conn.nowUs();
    this.fack = conn.tp.sndUna;
    this.reorderingSeen = false;
    this.reorderingAtUs = -0.5;
    this.reoWndUs = 0.5;
    this.reoWndMult = 1;
    this.reoWndPersist = REO_WND_PERSIST;
    this.inDsackRound = false;
    this.dsackRound = 0;
    this.probeOut = false;
    this.probeEnd = 0;
    this.probeIsRetrans = false;
    this.probeSamples = -1;
    this.probing = false;
    this.timer = TIMER_NONE;
    this.ptoFromUs = -0.5;
    this.timeouts = 0;
    conn.tp.ccFlags |= hystartFlags(v.hystart);
  }

  /* ---- §6.1 ---- */

  transmitted(seg: SentSegment, again: boolean): void {
    // What goes out in one moment, of one ACK's making, has one probe timeout.
    if (again || this.probing || (seg.xmitUs === this.ptoFromUs && this.timer === TIMER_PROBE)) return;
    this.schedulePto();
  }

  /* ---- §6.2 steps 1 to 3, for each segment that an ACK delivers ---- */

  delivered(seg: SentSegment, news: AckNews): void {
    this.timeouts = 0;
    const rtt = news.nowUs - seg.xmitUs;
    if (seg.rexmits === 0) this.updateMinRtt(rtt, news.nowUs);
    if (seg.rexmits === 0 || !this.isSpurious(seg, rtt, news)) {
      this.rttUs = rtt;
      if (sentAfter(seg.xmitUs, seg.end, this.xmitUs, this.endSeq)) {
        this.xmitUs = seg.xmitUs;
        this.endSeq = seg.end;
      }
    }
    if (seqGt(seg.end, this.fack)) this.fack = seg.end;
    else if (seg.rexmits === 0 && seqLt(seg.end, this.fack)) this.sawReordering(news.nowUs);
  }

  /**
   * Whether the ACK of a segment that was sent again answers the original: it echoes an older time stamp, or comes too early (step 2). What is acknowledged selectively has no echo of its own:
   * the peer echoes the stamp of the segment that moved the left edge (RFC 7323 §4.3).
   */
  private isSpurious(seg: SentSegment, rtt: number, news: AckNews): boolean {
    if (news.hasEcho && seqLeq(seg.end, news.ack) && ((news.echoMs - ((seg.xmitUs / 1000) | 0)) | 0) < 0) return true;
    return rtt < this.minRtt();
  }

  private sawReordering(nowUs: number): void {
    if (!this.reorderingSeen) this.v.reorderSeen++;
    this.reorderingSeen = true;
    this.reorderingAtUs = nowUs;
  }

  private updateMinRtt(rtt: number, nowUs: number): void {
    if (nowUs - this.minRttSinceUs > MIN_RTT_WINDOW_US) {
      this.minRttBeforeUs = this.minRttUs;
      this.minRttUs = rtt;
      this.minRttSinceUs = nowUs;
    } else if (rtt < this.minRttUs) {
      this.minRttUs = rtt;
    }
  }

  /** RACK.min_RTT; Infinity without a sample. */
  private minRtt(): number {
    return this.minRttUs < this.minRttBeforeUs ? this.minRttUs : this.minRttBeforeUs;
  }

  /* ---- §6.2 steps 4 and 5, for each ACK ---- */

  acknowledged(news: AckNews): void {
    const map = this.conn.map;
    this.processDsack(news);
    this.processProbeAck(news);
    const waitUs = this.detectLoss(news.nowUs, news.reneged);
    if (waitUs > 0) {
      this.setTimer(TIMER_REORDER, waitUs);
    } else if (map.head === null) {
      this.setTimer(TIMER_NONE, 0);
    } else if (news.acked > 0 && this.schedulePto()) {
      return;
    } else if (this.timer === TIMER_REORDER || (this.timer === TIMER_PROBE && !this.mayProbe())) {
      this.setTimer(TIMER_NONE, 0);
    }
  }

  /** Adapts the reordering window: each round with a duplicate enlarges it (step 4). One that a probe has drawn says nothing of reordering. */
  private processDsack(news: AckNews): void {
    if (this.inDsackRound && seqGeq(this.conn.tp.sndUna, this.dsackRound)) this.inDsackRound = false;
    if (this.inDsackRound || news.dsackStart === news.dsackEnd || this.answersProbe(news)) return;
    this.inDsackRound = true;
    this.dsackRound = this.conn.tp.sndNxt;
    if (this.reoWndMult < REO_WND_MULT_MAX) this.reoWndMult++;
    this.reoWndPersist = REO_WND_PERSIST;
  }

  recovered(): void {
    if (--this.reoWndPersist <= 0) {
      this.reoWndPersist = 0;
      this.reoWndMult = 1;
    }
  }

  /** RACK_update_reo_wnd(), its last part. */
  private updateReoWnd(nowUs: number): number {
    const conn = this.conn;
    const fade = this.v.reorderFadeUs;
    if (this.reorderingSeen && fade > 0 && nowUs - this.reorderingAtUs > fade) this.reorderingSeen = false;
    if (!this.reorderingSeen && (conn.inFastRecovery || conn.inRtoRecovery || conn.map.sackedSegs >= DUP_THRESH)) return 0;
    const srtt = conn.tp.srttUs;
    const min = this.minRtt();
    const wnd = ((min === Infinity ? srtt : min) * this.reoWndMult) / this.v.reorderDivisor();
    return srtt > 0 && wnd > srtt ? srtt : wnd; // without a smoothed one there is no bound
  }

  /**
   * RACK_detect_loss(): what was sent before something that has arrived, by more than a round trip and the reordering window, is lost. Returns how long to wait for what may be; 0: for
   * nothing. Only what is in flight is looked at, in the order in which it was sent, up to the first that was not sent before: of what was sent within one microsecond, sequence numbers tell the order.
   */
  private detectLoss(nowUs: number, lost: boolean): number {
    const conn = this.conn;
    const v = this.v;
    this.reoWndUs = this.updateReoWnd(nowUs);
    const due = this.rttUs + this.reoWndUs;
    let wait = 0;
    let found = lost;
    let again = false;
    let s = this.xmitUs < 0 ? null : conn.map.oldest;
    while (s !== null && sentAfter(this.xmitUs, this.endSeq, s.xmitUs, s.end)) {
      const next = s.later;
      const remaining = s.xmitUs + due - nowUs;
      if (remaining > 0) {
        if (remaining > wait) wait = remaining;
      } else {
        v.rackLost++;
        if (s.rexmits > 0) {
          v.rackLostRexmits++;
          again = true;
        }
        conn.markLost(s);
        found = true;
      }
      s = next;
    }
    if (found) this.lossFound(again);
    return wait;
  }

  /** Recovery begins; after a timeout only for a retransmission that was lost too: the rest is repaired already, with the smallest window. */
  private lossFound(again: boolean): void {
    const conn = this.conn;
    if (conn.inRtoRecovery && !again) return;
    if (!conn.inFastRecovery) this.probeOut = false; // §7.1
    conn.enterRecovery(again);
  }

  nextSeg(): SentSegment | null {
    return this.conn.map.firstLost();
  }

  /* ---- §6.3 ---- */

  /** RACK_mark_losses_on_RTO(). */
  rexmtTimeout(): void {
    const conn = this.conn;
    const v = this.v;
    const nowUs = conn.nowUs();
    this.timer = TIMER_NONE;
    this.probeOut = false; // §7.1
    // What the peer says it has may have been dropped by it since (RFC 2018 §8).
    if (++this.timeouts > v.scoreboardThresh) conn.forgetSacked();
    const due = this.rttUs + this.reoWndUs;
    let s = conn.map.oldest;
    while (s !== null) {
      const next = s.later;
      if (s.start === conn.tp.sndUna || s.xmitUs + due - nowUs <= 0) {
        v.rtoLost++;
        conn.markLost(s);
      }
      s = next;
    }
  }

  undone(): void {
    this.timeouts = 0;
  }

  /* ---- §7.2: when to probe ---- */

  private mayProbe(): boolean {
    const conn = this.conn;
    return this.v.tlp && conn.sackPermitted && !this.probeOut && !conn.inFastRecovery && !conn.inRtoRecovery && conn.map.sackedBytes === 0 && conn.map.lostBytes === 0;
  }

  /** Starts the probe timer anew, if a probe may be sent at all and no reordering is waited for. */
  private schedulePto(): boolean {
    const conn = this.conn;
    if (this.timer === TIMER_REORDER && conn.map.sackedBytes > 0) return false;
    if (conn.map.head === null || !this.mayProbe()) return false;
    this.setTimer(TIMER_PROBE, this.calcPto());
    return true;
  }

  /** TLP_calc_PTO(). */
  private calcPto(): number {
    const conn = this.conn;
    const srtt = conn.tp.srttUs;
    const nowUs = conn.nowUs();
    const alone = conn.map.pipe() <= conn.tp.maxseg;
    this.ptoFromUs = alone ? -0.5 : nowUs;
    let pto = PTO_INITIAL_US;
    if (srtt > 0) pto = alone ? 2 * srtt + this.v.delayedAckUs : 2 * srtt;
    if (pto < this.v.tlpMinUs) pto = this.v.tlpMinUs;
    const rto = conn.rexmtAtUs - nowUs;
    if (pto > rto) pto = rto;
    return pto > 1 ? pto : 1;
  }

  private setTimer(kind: number, us: number): void {
    if (kind === TIMER_NONE && this.timer === TIMER_NONE) return;
    this.timer = kind;
    this.conn.setTimer(us);
  }

  timeout(): void {
    const kind = this.timer;
    this.timer = TIMER_NONE;
    if (kind === TIMER_PROBE) {
      this.sendProbe();
      return;
    }
    if (kind !== TIMER_REORDER) return;
    this.v.rackToTot++;
    const waitUs = this.detectLoss(this.conn.nowUs(), false);
    if (waitUs > 0) this.setTimer(TIMER_REORDER, waitUs);
  }

  /* ---- §7.3: the probe ---- */

  /** TLP_send_probe(): new data if there are any and the peer takes them, else the highest segment again. One at a time, and none before the path was measured since the last. */
  private sendProbe(): void {
    const conn = this.conn;
    const v = this.v;
    v.tlpToTotal++;
    const tail = highest(conn.map.tail);
    if (tail !== null && !this.probeOut && conn.rttSamples !== this.probeSamples) {
      this.probing = true;
      const bytes = (tail.end - tail.start) | 0;
      if (conn.probeNew()) {
        this.probeSent(false);
        v.tlpNew++;
      } else if ((tail.flags & SEG_SACKED) === 0 && conn.probeAgain(tail)) {
        this.probeSent(true);
        v.tlpRetran++;
        v.tlpRetranBytes += bytes < conn.tp.maxseg ? bytes : conn.tp.maxseg;
      }
      this.probing = false;
    }
    conn.restartRexmt();
  }

  private probeSent(again: boolean): void {
    this.probeOut = true;
    this.probeIsRetrans = again;
    this.probeEnd = this.conn.tp.sndMax;
    this.probeSamples = this.conn.rttSamples;
  }

  /* ---- §7.4: what the probe has found ---- */

  /** The duplicate that this ACK reports is the probe. */
  private answersProbe(news: AckNews): boolean {
    return this.probeOut && this.probeIsRetrans && news.dsackEnd === this.probeEnd;
  }

  /** TLP_process_ack(): a probe that has repaired the only loss would hide it from congestion control. */
  private processProbeAck(news: AckNews): void {
    if (!this.probeOut || seqLt(news.ack, this.probeEnd)) return;
    if (!this.probeIsRetrans) {
      this.probeOut = false;
    } else if (news.dsackStart !== news.dsackEnd && news.dsackEnd === this.probeEnd) {
      this.probeOut = false; // case 1: nothing was lost
    } else if (seqGt(news.ack, this.probeEnd)) {
      this.probeOut = false; // case 3: the probe was what arrived
      this.v.tlpRepaired++;
      this.conn.lossRepaired();
    } else if (news.duplicate && !news.hasSack) {
      this.probeOut = false; // case 2: nothing was lost, and the peer does not report duplicates
    }
  }

  fini(): void {
    this.timer = TIMER_NONE;
    this.conn.tp.ccFlags &= ~hystartFlags(3);
  }

  snapshot(): Readonly<Record<string, number>> {
    const min = this.minRtt();
    return {
      rtt: this.xmitUs < 0 ? 0 : this.rttUs,
      minRtt: min === Infinity ? 0 : min,
      reoWnd: this.xmitUs < 0 ? 0 : this.reoWndUs,
      reoWndMult: this.reoWndMult,
      reoWndPersist: this.reoWndPersist,
      reorderingSeen: this.reorderingSeen ? 1 : 0,
      probeOut: this.probeOut ? 1 : 0,
      timer: this.timer,
    };
  }
}
