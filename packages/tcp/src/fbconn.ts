// @hot
import { CC_DUPACK, CC_NDUPACK, CCF_HYSTART_ALLOWED, exitRecovery } from '@ns/cc-kpi';
import { type AckNews, type LossRecovery, type RecoveryConn, SEG_HAS_FIN, SEG_SACKED, SEG_TSO } from '@ns/tcp-kpi';
import { seqGeq, seqGt, seqLeq, seqLt, TH_FIN, type TcpOpt, TOF_SACK, TOF_TS } from '@ns/wire';
import { ccAckReceived, ccCongSignal } from './cc.ts';
import { tcpOutput, tcpOutputProbe } from './output.ts';
import type { OutState } from './outstate.ts';
import { tcpDoPrrAck } from './recovery.ts';
import { sackhintOf } from './sack.ts';
import type { Segment } from './segment.ts';
import { type SentSeg, TcpSendMap } from './sendmap.ts';
import { startRexmt, TT_FB, tcpTimerActivate } from './timer.ts';
import { type Tcpcb, TF_FASTRECOVERY, TF_FORCEDATA, TF_RCVD_TSTMP, TF_SACK_PERMIT } from './tcpcb.ts';

/** What an ACK brought: one record for each vnet. */
export class TcpAckNews implements AckNews {
  ack: number;
  acked: number;
  delivered: number;
  sacked: number;
  dsackStart: number;
  dsackEnd: number;
  hasSack: boolean;
  duplicate: boolean;
  reneged: boolean;
  hasEcho: boolean;
  echoMs: number;
  nowUs: number;

  constructor() {
    this.ack = 0;
    this.acked = 0;
    this.delivered = 0;
    this.sacked = 0;
    this.dsackStart = 0;
    this.dsackEnd = 0;
    this.hasSack = false;
    this.duplicate = false;
    this.reneged = false;
    this.hasEcho = false;
    this.echoMs = 0;
    this.nowUs = -0.5;
  }
}

/**
 * A connection whose losses a function block finds: its record of what was sent, and the block's object. `tp.rec`; null for the built-in stack.
 *
 * In this mode sndNxt stays at sndMax, since what is lost is sent again from the map. Only where TCP itself goes back (a closed window, a smaller path MTU, a refused packet) it is
 * behind, and output then goes on from there in the old way; the map follows.
 */
export class FbConn implements RecoveryConn {
  readonly tp: Tcpcb;
  readonly map: TcpSendMap;
  /** The block's object; `fbStart` sets it before anything is called. */
  block: LossRecovery;
  inRtoRecovery: boolean;
  /** Where the recovery after a timeout ends. */
  private rtoEnd: number;
  /** Whether a recovery went on when the ACK in hand came. */
  private was: boolean;
  /** Fast recovery began with this event. */
  private entered: boolean;
  /** Rounds tracked for congestion control, and where the present one ends: a round trip after it began, that is acknowledged. */
  private round: number;
  private roundEnd: number;

  constructor(tp: Tcpcb, una: number, block: LossRecovery) {
    this.tp = tp;
    this.map = new TcpSendMap(tp.tcp.segZone, una);
    this.block = block;
    this.inRtoRecovery = false;
    this.rtoEnd = 0;
    this.was = false;
    this.entered = false;
    this.round = 0;
    this.roundEnd = tp.sndMax;
  }

  get state(): number {
    return this.tp.state;
  }

  get sackPermitted(): boolean {
    return (this.tp.flags & TF_SACK_PERMIT) !== 0;
  }

  get inFastRecovery(): boolean {
    return (this.tp.flags & TF_FASTRECOVERY) !== 0;
  }

  get rttSamples(): number {
    return this.tp.rttupdated;
  }

  get rexmtAtUs(): number {
    return this.tp.rexmtAtUs;
  }

  nowUs(): number {
    return this.tp.tcp.nowUs();
  }

  /* ---- What TCP tells ---- */

  /** The segment `o` describes has gone to the network layer. */
  sent(o: OutState, nowUs: number): void {
    const map = this.map;
    const tp = this.tp;
    const fin = (o.flags & TH_FIN) !== 0;
    if (o.len === 0 && !fin) return;
    const start = o.th.seq;
    const end = (start + o.len + (fin ? 1 : 0)) | 0;
    const flags = (fin ? SEG_HAS_FIN : 0) | (o.tso ? SEG_TSO : 0);
    const probe = tp.persistAtUs !== Infinity && (tp.flags & TF_FORCEDATA) !== 0;
    if (seqLt(start, map.end) && !probe) this.sentAgain(start, end, nowUs);
    if (seqGt(end, map.end)) this.block.transmitted(map.append(end, nowUs, flags, tp.tcp.mapLimit), false);
  }

  private sentAgain(start: number, end: number, nowUs: number): void {
    const map = this.map;
    const tp = this.tp;
    tp.rttTiming = false; // Karn
    let s = map.find(seqLt(start, map.una) ? map.una : start);
    // The oldest segment has a whole timeout again: what was lost is on its way, and if it is lost once more the block will know before that.
    if (s !== null && start === map.una && tp.persistAtUs === Infinity) startRexmt(tp, nowUs);
    if (s !== null && seqLt(s.start, start) && (s.flags & SEG_SACKED) === 0) s = map.split(s, start);
    for (; s !== null && seqLt(s.start, end); s = s.next) {
      if ((s.flags & SEG_SACKED) !== 0) continue;
      if (seqGt(s.end, end)) map.split(s, end);
      map.resent(s, nowUs);
      this.block.transmitted(s, true);
    }
  }

  /** Works an ACK into the map; sndUna has not moved yet. Returns whether anything new was learnt. */
  take(seg: Segment): boolean {
    const tp = this.tp;
    const to = seg.to;
    const map = this.map;
    const news = tp.tcp.ackNews;
    const acked = (seg.ack - map.una) | 0;
    news.ack = seg.ack;
    news.acked = acked > 0 ? acked : 0;
    news.delivered = 0;
    news.sacked = 0;
    news.duplicate = false;
    news.reneged = false;
    news.nowUs = seg.nowUs;
    news.hasSack = (to.flags & TOF_SACK) !== 0 && (tp.flags & TF_SACK_PERMIT) !== 0;
    news.hasEcho = (to.flags & TOF_TS) !== 0 && to.tsecr !== 0 && (tp.flags & TF_RCVD_TSTMP) !== 0;
    news.echoMs = (to.tsecr - tp.tsOffset) | 0;
    if (!news.hasSack) {
      news.dsackStart = 0;
      news.dsackEnd = 0;
    }
    this.was = this.inRtoRecovery || (tp.flags & TF_FASTRECOVERY) !== 0;
    const sh = sackhintOf(tp);
    sh.lastSackAck = 0;
    if (acked > 0) {
      if ((tp.ccFlags & CCF_HYSTART_ALLOWED) !== 0) this.trackRound(seg.ack, seg.nowUs);
      this.ackTo(seg.ack, news);
    }
    if (news.hasSack) sh.lastSackAck = this.takeBlocks(to, seg.ack, news);
    const head = map.head;
    if (head !== null && (head.flags & SEG_SACKED) !== 0) {
      // An ACK ends at what the peer had already: it has it no more.
      map.renege();
      news.reneged = true;
    }
    sh.deliveredData = news.delivered;
    return news.delivered > 0;
  }

  /**
   * Tells congestion control the shortest round trip that this ACK ends, and when a round has ended with it. Before the ACK is worked in.
   * Source: RFC 9406 §4.2; FreeBSD rack.c, rack_apply_updated_usrtt(), rack_new_round_setup().
   */
  private trackRound(ack: number, nowUs: number): void {
    const tp = this.tp;
    let youngest: SentSeg | null = null;
    for (let s = this.map.head; s !== null && seqLt(s.start, ack); s = s.next) {
      if (s.rexmits === 0 && (s.flags & SEG_SACKED) === 0 && (youngest === null || s.xmitUs > youngest.xmitUs)) youngest = s;
    }
    if (youngest !== null) tp.cc.rttsample?.(tp, nowUs - youngest.xmitUs, 0, youngest.flight);
    if (seqLt(ack, this.roundEnd)) return;
    this.roundEnd = tp.sndMax;
    tp.cc.newround?.(tp, ++this.round);
  }

  private ackTo(ack: number, news: TcpAckNews): void {
    const map = this.map;
    for (let s = map.head; s !== null && seqLt(s.start, ack); s = map.head) {
      const end = s.end;
      const all = seqLeq(end, ack);
      const upTo = all ? end : ack;
      if ((s.flags & SEG_SACKED) === 0) {
        news.delivered += (upTo - s.start) | 0;
        s.end = upTo;
        this.block.delivered(s, news);
        s.end = end;
      }
      if (all) map.shift(s);
      else map.trim(s, ack);
    }
    map.una = ack;
    if (seqLt(map.end, ack)) map.end = ack;
  }

  /** Works the valid blocks of the option in. Returns the highest edge. */
  private takeBlocks(to: TcpOpt, ack: number, news: TcpAckNews): number {
    const tp = this.tp;
    let highest = 0;
    for (let i = 0; i < to.nsacks; i++) {
      const s = to.sacks[2 * i] as number;
      const e = to.sacks[2 * i + 1] as number;
      if (!seqGt(e, s) || !seqGt(s, tp.sndUna) || !seqGt(s, ack) || !seqLt(s, this.map.end) || !seqLeq(e, this.map.end)) continue;
      if (highest === 0 || seqGt(e, highest)) highest = e;
      this.takeBlock(s, e, news);
    }
    return highest;
  }

  /** Bytes [start, end) have arrived. A record that would have to be cut beyond the limit stays as it is: the block is not believed yet. */
  private takeBlock(start: number, end: number, news: TcpAckNews): void {
    const map = this.map;
    const v = this.tp.tcp;
    let s = map.find(start);
    while (s !== null && seqLt(s.start, end)) {
      if ((s.flags & SEG_SACKED) === 0) {
        const below = seqLt(s.start, start);
        const above = seqGt(s.end, end);
        if ((below || above) && map.records >= v.mapLimit) {
          v.stat.sackSboverflow++;
          s = s.next;
          continue;
        }
        if (below) s = map.split(s, start);
        if (above) map.split(s, end);
        const len = (s.end - s.start) | 0;
        news.delivered += len;
        news.sacked += len;
        this.block.delivered(s, news);
        s = map.markSacked(s, this.tp.maxseg);
      }
      s = s.next;
    }
  }

  /** An ACK of new data has been processed. */
  acked(): void {
    const tp = this.tp;
    if (this.inRtoRecovery && seqGeq(tp.sndUna, this.rtoEnd)) this.inRtoRecovery = false;
    if (this.was && !this.inRtoRecovery && (tp.flags & TF_FASTRECOVERY) === 0) this.block.recovered();
    this.judge(tp.tcp.ackNews);
  }

  /** An ACK that moves nothing. `duplicate`: by RFC 5681 §2. */
  notNew(seg: Segment, duplicate: boolean): void {
    const tp = this.tp;
    if (seg.ack !== tp.sndUna) return;
    const news = tp.tcp.ackNews;
    news.duplicate = duplicate;
    if (duplicate && tp.sndMax !== tp.sndUna) {
      tp.dupacks++;
      ccAckReceived(tp, seg.ack, 1, CC_DUPACK);
    }
    if (duplicate || news.hasSack) this.judge(news);
  }

  private judge(news: TcpAckNews): void {
    this.entered = false;
    this.block.acknowledged(news);
    this.sizeWindow();
  }

  /** In fast recovery: what may be sent on account of what was just delivered; when it begins, one segment at least. Source: RFC 6937. */
  private sizeWindow(): void {
    const tp = this.tp;
    if ((tp.flags & TF_FASTRECOVERY) === 0) return;
    tcpDoPrrAck(tp);
    if (!this.entered) return;
    const least = this.map.pipe() + tp.maxseg;
    if (tp.sndCwnd < least) tp.sndCwnd = least;
    this.entered = false;
  }

  /** The block's timer has expired. */
  timeout(): void {
    const tp = this.tp;
    sackhintOf(tp).deliveredData = 0;
    this.entered = false;
    this.block.timeout();
    this.sizeWindow();
    tcpOutput(tp);
  }

  /** The retransmission timer has expired and congestion control knows. The oldest segment goes out whatever is in flight; false if output has to go back in the old way. */
  rexmtTimeout(): boolean {
    const tp = this.tp;
    const head = this.map.head;
    if (tp.sndNxt !== tp.sndMax || tp.sndWnd < tp.maxseg || head === null) return false;
    this.inRtoRecovery = true;
    this.rtoEnd = tp.sndMax;
    tcpTimerActivate(tp, TT_FB, 0);
    this.block.rexmtTimeout();
    this.map.markLost(head);
    tcpOutputProbe(tp, head, false);
    tcpOutput(tp);
    return true;
  }

  /** The last timeout was spurious. */
  undone(): void {
    this.inRtoRecovery = false;
    this.map.unmarkLost();
    this.block.undone();
  }

  /* ---- What the block asks for ---- */

  markLost(seg: SentSeg): void {
    this.map.markLost(seg);
  }

  forgetSacked(): void {
    if (this.map.sackedBytes > 0) this.map.renege();
  }

  enterRecovery(lostAgain: boolean): void {
    const tp = this.tp;
    if ((tp.flags & TF_FASTRECOVERY) !== 0) {
      if (!lostAgain || tp.tcp.doPrr) return;
      exitRecovery(tp);
    }
    this.inRtoRecovery = false;
    ccCongSignal(tp, CC_NDUPACK);
    tp.rttTiming = false;
    tp.tcp.stat.sackRecoveryEpisode++;
    const sh = sackhintOf(tp);
    const flight = (tp.sndMax - tp.sndUna) | 0;
    sh.recoverFs = flight > 1 ? flight : 1;
    sh.prrDelivered = 0;
    sh.prrOut = 0;
    this.entered = true;
  }

  lossRepaired(): void {
    const tp = this.tp;
    if ((tp.flags & TF_FASTRECOVERY) !== 0) return;
    ccCongSignal(tp, CC_NDUPACK);
    if (tp.sndCwnd > tp.sndSsthresh) tp.sndCwnd = tp.sndSsthresh;
    exitRecovery(tp);
  }

  setTimer(deltaUs: number): void {
    tcpTimerActivate(this.tp, TT_FB, deltaUs);
  }

  probeNew(): boolean {
    return this.probe(null);
  }

  probeAgain(seg: SentSeg): boolean {
    if ((seg.flags & SEG_SACKED) !== 0) return false;
    return this.probe(seg);
  }

  private probe(seg: SentSeg | null): boolean {
    const tp = this.tp;
    if (tp.persistAtUs !== Infinity || tp.sndNxt !== tp.sndMax) return false;
    const bytes = tcpOutputProbe(tp, seg, true);
    if (bytes === 0) return false;
    const stat = tp.tcp.stat;
    stat.tlpresends++;
    stat.tlpresendBytes += bytes;
    const e = tp.rare;
    e.sndtlppack++;
    e.sndtlpbyte += bytes;
    return true;
  }

  restartRexmt(): void {
    const tp = this.tp;
    if (tp.persistAtUs === Infinity && tp.sndMax !== tp.sndUna) startRexmt(tp, tp.tcp.nowUs());
  }

  output(): void {
    tcpOutput(this.tp);
  }
}
