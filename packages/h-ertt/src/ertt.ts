import { type HelpedTcpcb, TF_TSO } from '@ns/tcp-kpi';

/** {@link Ertt.flags}: a measurement has ended that congestion control has not seen; it clears the bit. @public */
export const ERTT_NEW_MEASUREMENT = 0x1;
/** {@link Ertt.flags}: a measurement goes on. @public */
export const ERTT_MEASUREMENT_IN_PROGRESS = 0x2;
/** {@link Ertt.flags}: segmentation by the interface is off until the next segment has been sent, so that the next measurement is one of a single segment. @public */
export const ERTT_TSO_DISABLED = 0x4;

/** Segments that one connection can have noted: more than a window of the largest size has. What does not fit is not measured. */
const TXSEGS_MAX = 16384;
/** Records kept for use again. */
const SPARE_MAX = 64;

/** Of a {@link TxSegInfo}: the interface segmented it. */
export const TXSI_TSO = 0x1;
/** Of a {@link TxSegInfo}: the measurement of this round trip begins with it. */
export const TXSI_RTT_MEASURE_START = 0x2;

/** A segment that was sent and not acknowledged yet. Times in milliseconds modulo 2^32. Source: FreeBSD h_ertt.c, struct txseginfo. @public */
export class TxSegInfo {
  /** The next one, sent later. */
  next: TxSegInfo | null;
  /** First sequence number, int32. */
  seq: number;
  /** Bytes. */
  len: number;
  /** When it was sent: its own time stamp without the connection's offset, or the clock. */
  txTs: number;
  /** The peer's time stamp that it echoed, int32; 0 without time stamps. */
  rxTs: number;
  /** TXSI_*. */
  flags: number;

  constructor() {
    this.next = null;
    this.seq = 0;
    this.len = 0;
    this.txTs = 0;
    this.rxTs = 0;
    this.flags = 0;
  }
}

/**
 * What the helper knows of one connection. Times in milliseconds and one more, so that 0 means none, as FreeBSD counts ticks.
 * Source: FreeBSD netinet/khelp/h_ertt.h, struct ertt.
 * @public
 */
export class Ertt {
  /** Bytes sent since the measurement in progress began. */
  bytesTxInRtt: number;
  /** Bytes sent in the round trip that was measured last. */
  bytesTxInMarkedRtt: number;
  /** Congestion window when it ended. */
  markedSndCwnd: number;
  /** The last good sample; 0 before the first. */
  rttMs: number;
  /** The largest one. */
  maxrttMs: number;
  /** The smallest one. */
  minrttMs: number;
  /** Belief that the peer delays ACKs: 0 no, up to 5 surely. */
  dlyackRx: number;
  /** Segments that came before they were sent, by the peer's clock: from 10 on its time stamps are not believed. */
  timestampErrors: number;
  /** The measurement of a round trip that ended last. */
  markedpktRttMs: number;
  /** ERTT_*. Congestion control clears ERTT_NEW_MEASUREMENT when it has used it. */
  flags: number;
  /** Segments noted. */
  ntxsegs: number;
  private head: TxSegInfo | null;
  private tail: TxSegInfo | null;
  private spare: TxSegInfo | null;
  private nspare: number;
  /** The connection while its segmentation is off. */
  private quiet: HelpedTcpcb | null;

  constructor() {
    this.bytesTxInRtt = 0;
    this.bytesTxInMarkedRtt = 0;
    this.markedSndCwnd = 0;
    this.rttMs = 0;
    this.maxrttMs = 0;
    this.minrttMs = 0;
    this.dlyackRx = 0;
    this.timestampErrors = 0;
    this.markedpktRttMs = 0;
    this.flags = 0;
    this.ntxsegs = 0;
    this.head = null;
    this.tail = null;
    this.spare = null;
    this.nspare = 0;
    this.quiet = null;
  }

  /** Switches segmentation by the interface off. */
  disableTso(tp: HelpedTcpcb): void {
    tp.flags &= ~TF_TSO;
    this.flags |= ERTT_TSO_DISABLED;
    this.quiet = tp;
  }

  /** Switches it on again, if it was off. */
  restoreTso(): void {
    if (this.quiet !== null) this.quiet.flags |= TF_TSO;
    this.flags &= ~ERTT_TSO_DISABLED;
    this.quiet = null;
  }

  /** The oldest segment noted, or null. */
  first(): TxSegInfo | null {
    return this.head;
  }

  /** A record at the end of the queue, to be filled in; null when there are too many. */
  append(): TxSegInfo | null {
    if (this.ntxsegs >= TXSEGS_MAX) return null;
    const t = this.spare ?? new TxSegInfo();
    if (t === this.spare) {
      this.spare = t.next;
      this.nspare--;
      t.next = null;
    }
    if (this.tail === null) this.head = t;
    else this.tail.next = t;
    this.tail = t;
    this.ntxsegs++;
    return t;
  }

  /** Takes the oldest record out. */
  shift(): void {
    const t = this.head;
    if (t === null) return;
    this.head = t.next;
    if (this.head === null) this.tail = null;
    this.ntxsegs--;
    if (this.nspare >= SPARE_MAX) return;
    t.next = this.spare;
    this.spare = t;
    this.nspare++;
  }

  /** Forgets all, and leaves the connection as it was. */
  clear(): void {
    this.restoreTso();
    this.head = null;
    this.tail = null;
    this.spare = null;
    this.nspare = 0;
    this.ntxsegs = 0;
  }
}
