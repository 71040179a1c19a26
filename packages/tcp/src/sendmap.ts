// @hot
import { SEG_HAS_FIN, SEG_LOST, SEG_SACKED, type SendMap, type SentSegment } from '@ns/tcp-kpi';
import { seqGt, seqLeq, seqLt } from '@ns/wire';

/** Records that a vnet keeps for use again. */
const SPARE_MAX = 4096;

/** A record of a {@link TcpSendMap}. Source: FreeBSD tcp_rack.h, struct rack_sendmap. */
export class SentSeg implements SentSegment {
  start: number;
  end: number;
  xmitUs: number;
  rexmits: number;
  flags: number;
  /** Bytes that were outstanding when it was first sent, itself included. */
  flight: number;
  /** Of a selectively acknowledged one: the segments that it stands for. */
  segs: number;
  next: SentSeg | null;
  prev: SentSeg | null;
  later: SentSeg | null;
  earlier: SentSeg | null;

  constructor() {
    this.start = 0;
    this.end = 0;
    this.xmitUs = -0.5; // a double for good
    this.rexmits = 0;
    this.flags = 0;
    this.flight = 0;
    this.segs = 0;
    this.next = null;
    this.prev = null;
    this.later = null;
    this.earlier = null;
  }
}

/** Records of one vnet that are free, so that a segment sent costs no allocation. */
export class SegZone {
  /** Records in use. */
  inUse: number;
  private free: SentSeg | null;
  private nfree: number;

  constructor() {
    this.inUse = 0;
    this.free = null;
    this.nfree = 0;
  }

  get(): SentSeg {
    this.inUse++;
    const s = this.free;
    if (s === null) return new SentSeg();
    this.free = s.next;
    this.nfree--;
    s.next = null;
    return s;
  }

  put(s: SentSeg): void {
    this.inUse--;
    if (this.nfree >= SPARE_MAX) return;
    s.next = this.free;
    s.prev = null;
    s.later = null;
    s.earlier = null;
    this.free = s;
    this.nfree++;
  }
}

/**
 * What a connection with a function block has outstanding. Records tile [una, end) by sequence number; those in flight are also in a list by time of sending, so that who looks for
 * losses by time looks at no segment twice. Neighbours that the peer has are one record: what SACK can make of the list is bounded by the holes.
 * Source: FreeBSD tcp_stacks/rack.c, rc_tqh and rc_tmap.
 */
export class TcpSendMap implements SendMap {
  /** Oldest sequence number that is not acknowledged, and one past the highest. */
  una: number;
  end: number;
  head: SentSeg | null;
  tail: SentSeg | null;
  oldest: SentSeg | null;
  newest: SentSeg | null;
  records: number;
  sackedBytes: number;
  sackedSegs: number;
  lostBytes: number;
  private readonly zone: SegZone;
  /** Where the last search ended. */
  private hint: SentSeg | null;
  /** No record below it is lost. */
  private lostFrom: SentSeg | null;

  constructor(zone: SegZone, una: number) {
    this.zone = zone;
    this.una = una;
    this.end = una;
    this.head = null;
    this.tail = null;
    this.oldest = null;
    this.newest = null;
    this.records = 0;
    this.sackedBytes = 0;
    this.sackedSegs = 0;
    this.lostBytes = 0;
    this.hint = null;
    this.lostFrom = null;
  }

  /** @see {@link SendMap.pipe} */
  pipe(): number {
    return ((this.end - this.una) | 0) - this.sackedBytes - this.lostBytes;
  }

  /** @see {@link SendMap.firstLost} */
  firstLost(): SentSeg | null {
    if (this.lostBytes === 0) return null;
    let s = this.lostFrom;
    while (s !== null && (s.flags & SEG_LOST) === 0) s = s.next;
    this.lostFrom = s;
    return s;
  }

  /**
   * Adds [end, `to`), sent now. With `limit` records or more the last one grows instead, if it is in flight for the first time: it then counts as sent now, which makes its loss
   * show later, not sooner.
   */
  append(to: number, nowUs: number, flags: number, limit: number): SentSeg {
    const last = this.tail;
    if (last !== null && this.records >= limit && (last.flags & (SEG_SACKED | SEG_LOST)) === 0 && last.rexmits === 0) {
      last.end = to;
      last.flags |= flags;
      this.end = to;
      this.touch(last, nowUs);
      return last;
    }
    const s = this.zone.get();
    s.start = this.end;
    s.end = to;
    s.xmitUs = nowUs;
    s.rexmits = 0;
    s.flags = flags;
    s.flight = (to - this.una) | 0;
    s.segs = 0;
    s.prev = last;
    if (last === null) this.head = s;
    else last.next = s;
    this.tail = s;
    this.records++;
    this.end = to;
    this.timeAppend(s);
    return s;
  }

  /** The record was sent again now: it is in flight, the last in time. */
  resent(s: SentSeg, nowUs: number): void {
    s.rexmits++;
    if ((s.flags & SEG_LOST) !== 0) {
      s.flags &= ~SEG_LOST;
      this.lostBytes -= (s.end - s.start) | 0;
      s.xmitUs = nowUs;
      this.timeAppend(s);
    } else {
      this.touch(s, nowUs);
    }
  }

  /** Cuts a record in two at `at`, which lies inside it. Returns the upper part. */
  split(s: SentSeg, at: number): SentSeg {
    const u = this.zone.get();
    u.start = at;
    u.end = s.end;
    u.xmitUs = s.xmitUs;
    u.rexmits = s.rexmits;
    u.flags = s.flags;
    u.flight = s.flight;
    u.segs = 0;
    s.flags &= ~SEG_HAS_FIN;
    s.end = at;
    u.prev = s;
    u.next = s.next;
    if (s.next === null) this.tail = u;
    else s.next.prev = u;
    s.next = u;
    this.records++;
    if ((s.flags & (SEG_LOST | SEG_SACKED)) !== 0) return u;
    u.earlier = s;
    u.later = s.later;
    if (s.later === null) this.newest = u;
    else s.later.earlier = u;
    s.later = u;
    return u;
  }

  /** Marks a record in flight as lost. */
  markLost(s: SentSeg): void {
    if ((s.flags & (SEG_LOST | SEG_SACKED)) !== 0) return;
    this.timeRemove(s);
    s.flags |= SEG_LOST;
    this.lostBytes += (s.end - s.start) | 0;
    if (this.lostFrom === null || seqLt(s.start, this.lostFrom.start)) this.lostFrom = s;
  }

  /** What was marked lost and not sent again is in flight again, as if it had never been marked. */
  unmarkLost(): void {
    for (let s = this.head; s !== null && this.lostBytes > 0; s = s.next) {
      if ((s.flags & SEG_LOST) === 0) continue;
      s.flags &= ~SEG_LOST;
      this.lostBytes -= (s.end - s.start) | 0;
      this.timeInsert(s);
    }
    this.lostFrom = null;
  }

  /** Marks a record as arrived out of order, and merges it with its neighbours that have. Returns what it has become part of. */
  markSacked(s: SentSeg, maxseg: number): SentSeg {
    const len = (s.end - s.start) | 0;
    if ((s.flags & SEG_LOST) !== 0) {
      s.flags &= ~SEG_LOST;
      this.lostBytes -= len;
    } else {
      this.timeRemove(s);
    }
    s.flags |= SEG_SACKED;
    s.segs = len <= maxseg ? 1 : Math.ceil(len / maxseg);
    this.sackedBytes += len;
    this.sackedSegs += s.segs;
    let into = s;
    if (s.prev !== null && (s.prev.flags & SEG_SACKED) !== 0) into = this.merge(s.prev, s);
    if (into.next !== null && (into.next.flags & SEG_SACKED) !== 0) this.merge(into, into.next);
    return into;
  }

  /** The peer has dropped what it had acknowledged selectively: all of that is lost (RFC 2018 §8). */
  renege(): void {
    for (let s = this.head; s !== null; s = s.next) {
      if ((s.flags & SEG_SACKED) === 0) continue;
      s.flags = (s.flags & ~SEG_SACKED) | SEG_LOST;
      s.segs = 0;
      this.lostBytes += (s.end - s.start) | 0;
    }
    this.sackedBytes = 0;
    this.sackedSegs = 0;
    this.lostFrom = this.head;
  }

  /** Takes the first record out; `una` moves behind it. */
  shift(s: SentSeg): void {
    this.una = s.end;
    this.account(s, (s.end - s.start) | 0);
    this.sackedSegs -= s.segs;
    this.unlink(s);
  }

  /** The first record is acknowledged up to `ack`, which lies inside it. */
  trim(s: SentSeg, ack: number): void {
    this.account(s, (ack - s.start) | 0);
    s.start = ack;
    this.una = ack;
  }

  /** The record that holds `seq`, or null. */
  find(seq: number): SentSeg | null {
    let s = this.hint ?? this.head;
    while (s !== null && seqLt(seq, s.start)) s = s.prev;
    while (s !== null && seqLeq(s.end, seq)) s = s.next;
    this.hint = s;
    return s;
  }

  /** Gives all records back. */
  clear(): void {
    while (this.head !== null) this.shift(this.head);
  }

  private account(s: SentSeg, bytes: number): void {
    if ((s.flags & SEG_SACKED) !== 0) this.sackedBytes -= bytes;
    else if ((s.flags & SEG_LOST) !== 0) this.lostBytes -= bytes;
  }

  /** Puts `b`, the neighbour above, into `a`; both have arrived. */
  private merge(a: SentSeg, b: SentSeg): SentSeg {
    a.end = b.end;
    a.segs += b.segs;
    a.flags |= b.flags;
    if (b.rexmits > a.rexmits) a.rexmits = b.rexmits;
    this.unlink(b);
    return a;
  }

  private unlink(s: SentSeg): void {
    if (s.prev === null) this.head = s.next;
    else s.prev.next = s.next;
    if (s.next === null) this.tail = s.prev;
    else s.next.prev = s.prev;
    if (this.hint === s) this.hint = s.prev ?? s.next;
    if (this.lostFrom === s) this.lostFrom = s.next;
    if ((s.flags & (SEG_SACKED | SEG_LOST)) === 0) this.timeRemove(s);
    this.records--;
    this.zone.put(s);
  }

  private touch(s: SentSeg, nowUs: number): void {
    s.xmitUs = nowUs;
    if (this.newest === s) return;
    this.timeRemove(s);
    this.timeAppend(s);
  }

  private timeAppend(s: SentSeg): void {
    const last = this.newest;
    s.earlier = last;
    s.later = null;
    if (last === null) this.oldest = s;
    else last.later = s;
    this.newest = s;
  }

  private timeRemove(s: SentSeg): void {
    if (s.earlier === null) this.oldest = s.later;
    else s.earlier.later = s.later;
    if (s.later === null) this.newest = s.earlier;
    else s.later.earlier = s.earlier;
    s.earlier = null;
    s.later = null;
  }

  /** Back to its place by time: before the first that was sent later, by sequence number among those of one moment. */
  private timeInsert(s: SentSeg): void {
    let after = this.newest;
    while (after !== null && (after.xmitUs > s.xmitUs || (after.xmitUs === s.xmitUs && seqGt(after.start, s.start)))) after = after.earlier;
    const before = after === null ? this.oldest : after.later;
    s.earlier = after;
    s.later = before;
    if (after === null) this.oldest = s;
    else after.later = s;
    if (before === null) this.newest = s;
    else before.earlier = s;
  }
}
