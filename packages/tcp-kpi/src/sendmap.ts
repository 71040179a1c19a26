/** {@link SentSegment} flag: the peer has it, out of order. Source: FreeBSD RACK_ACKED. @public */
export const SEG_SACKED = 0x1;
/** {@link SentSegment} flag: lost, and not sent again yet. @public */
export const SEG_LOST = 0x2;
/** {@link SentSegment} flag: its last sequence number is the FIN. Source: FreeBSD RACK_HAS_FIN. @public */
export const SEG_HAS_FIN = 0x4;
/** {@link SentSegment} flag: the interface segmented it. @public */
export const SEG_TSO = 0x8;

/**
 * A run of sequence space that was sent at one time (RFC 8985 §5.2), outstanding or selectively acknowledged. TCP's to write; blocks read.
 * Records are used again: one is valid until its bytes are acknowledged, and may be split and merged by each ACK.
 * Source: FreeBSD tcp_stacks/tcp_rack.h, struct rack_sendmap.
 * @public
 */
export interface SentSegment {
  /** First sequence number, int32. */
  readonly start: number;
  /** One past the last. */
  readonly end: number;
  /** When it was last sent, microseconds. */
  readonly xmitUs: number;
  /** How often it was sent again. */
  readonly rexmits: number;
  /** SEG_*. */
  readonly flags: number;
  /** Neighbours by sequence number. */
  readonly next: SentSegment | null;
  /** The one below. */
  readonly prev: SentSegment | null;
  /** Of those in flight, the one sent next after it. */
  readonly later: SentSegment | null;
  /** The one sent before it. */
  readonly earlier: SentSegment | null;
}

/**
 * What a connection has sent and not got acknowledged: its records by sequence number, without a gap from sndUna to sndMax, and those in flight (neither lost nor arrived) by time of
 * sending.
 * @public
 */
export interface SendMap {
  /** Lowest and highest record; null when nothing is outstanding. */
  readonly head: SentSegment | null;
  /** The highest one: what was sent last of what was new. */
  readonly tail: SentSegment | null;
  /** Of those in flight, the one sent longest ago. */
  readonly oldest: SentSegment | null;
  /** The one sent last. */
  readonly newest: SentSegment | null;
  /** Records. */
  readonly records: number;
  /** Bytes that the peer has above sndUna. */
  readonly sackedBytes: number;
  /** The same in full segments, each selectively acknowledged piece rounded up (RFC 8985 §5.3, segs_sacked). */
  readonly sackedSegs: number;
  /** Bytes marked lost. */
  readonly lostBytes: number;
  /** The lowest lost segment, or null. */
  firstLost(): SentSegment | null;
  /** Bytes in flight. */
  pipe(): number;
}
