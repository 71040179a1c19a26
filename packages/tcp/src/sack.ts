import { seqGeq, seqGt, seqLeq, seqLt, seqMax, seqMin, type TcpOpt, TOF_SACK } from '@ns/wire';
import type { Tcpcb } from './tcpcb.ts';

/** Segments above a hole that make it count as lost (RFC 6675 DupThresh). */
const DUPTHRESH = 3;
/** SACK blocks that a receiver remembers; a header has room for at most four. Source: FreeBSD MAX_SACK_BLKS. */
export const MAX_SACK_BLKS = 6;

/**
 * Bytes [start, end) that the peer lacks while it has later ones; those before `rxmit` have been sent again, the last of them when everything below `resent` had been sent.
 * Source: FreeBSD tcp_var.h, struct sackhole.
 */
export class SackHole {
  start: number;
  end: number;
  rxmit: number;
  resent: number;
  prev: SackHole | null;
  next: SackHole | null;

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
    this.rxmit = start;
    this.resent = start;
    this.prev = null;
    this.next = null;
  }
}

/**
 * What the sender knows from SACK and what recovery counts; made when a connection first needs it.
 * Source: FreeBSD tcp_var.h, struct sackhint and snd_holes.
 */
export class Sackhint {
  head: SackHole | null;
  tail: SackHole | null;
  /** Holes in the list. */
  numholes: number;
  /** First hole that may have bytes to send again. */
  nexthole: SackHole | null;
  /** Bytes sent again in the holes that are there. */
  sackBytesRexmit: number;
  /** Bytes that the peer has above sndUna. */
  sackedBytes: number;
  /** Highest SACK edge of the last ACK. */
  lastSackAck: number;
  /** Bytes that the last ACK reported for the first time, cumulative and selective. */
  deliveredData: number;
  /** PRR (RFC 6937): flight size when recovery began, bytes delivered and sent since. */
  recoverFs: number;
  prrDelivered: number;
  prrOut: number;
  /** The end of the flight has been sent again in this recovery (RFC 6675 RescueRxt). */
  rescued: boolean;

  constructor() {
    this.head = null;
    this.tail = null;
    this.numholes = 0;
    this.nexthole = null;
    this.sackBytesRexmit = 0;
    this.sackedBytes = 0;
    this.lastSackAck = 0;
    this.deliveredData = 0;
    this.recoverFs = 0;
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.rescued = false;
  }
}

/** The sender's scoreboard of `tp`, made on first use. */
export function sackhintOf(tp: Tcpcb): Sackhint {
  let sh = tp.sackhint;
  if (sh === null) {
    sh = new Sackhint();
    tp.sackhint = sh;
  }
  return sh;
}

/* ---- Receiver: which blocks to report (RFC 2018, RFC 2883) ---- */

/** Scratch for one rebuild of the block list, owned by a vnet. */
export class SackScratch {
  readonly blks: Int32Array;
  n: number;

  constructor() {
    this.blks = new Int32Array(2 * (MAX_SACK_BLKS + 1));
    this.n = 0;
  }
}

/** The array of a connection's SACK blocks [start, end), made on first use. */
function sackblksOf(tp: Tcpcb): Int32Array {
  let b = tp.sackblks;
  if (b === null) {
    b = new Int32Array(2 * MAX_SACK_BLKS);
    tp.sackblks = b;
  }
  return b;
}

/**
 * Puts the block that holds [start, end), merged with those it touches, first in the list. With start = end: the in-order edge moved to there, and blocks that it reached go;
 * if that is the end of the first block, the block stays in front.
 * Source: RFC 2018 §4; FreeBSD tcp_sack.c, tcp_update_sack_list().
 */
export function tcpUpdateSackList(tp: Tcpcb, start: number, end: number): void {
  const b = sackblksOf(tp);
  const scratch = tp.tcp.sackScratch;
  const keepFirst = start === end && tp.rcvNumsacks > 0 && b[1] === end;
  let hs = keepFirst ? (b[0] as number) : start;
  let he = keepFirst ? (b[1] as number) : end;
  scratch.n = 0;
  for (let i = 0; i < tp.rcvNumsacks; i++) {
    const s = b[2 * i] as number;
    const e = b[2 * i + 1] as number;
    if (seqGeq(s, e)) continue;
    if (seqLeq(hs, e) && seqGeq(he, s)) {
      hs = seqMin(hs, s);
      he = seqMax(he, e);
    } else {
      push(scratch, s, e);
    }
  }
  rebuild(tp, b, scratch, start !== end || keepFirst, hs, he);
}

/**
 * Reports [start, end), which came in again, as a D-SACK: first in the list, followed by the block that contains it if it is above the in-order edge.
 * It goes with the next segment only: see {@link tcpCleanDsackBlocks}.
 * Source: RFC 2883 §4; FreeBSD tcp_sack.c, tcp_update_dsack_list().
 */
export function tcpUpdateDsackList(tp: Tcpcb, start: number, end: number): void {
  if (seqGeq(start, end)) return;
  const b = sackblksOf(tp);
  const scratch = tp.tcp.sackScratch;
  let cs = start;
  let ce = end;
  scratch.n = 0;
  for (let i = 0; i < tp.rcvNumsacks; i++) {
    const s = b[2 * i] as number;
    const e = b[2 * i + 1] as number;
    if (seqGeq(s, e) || seqLeq(e, tp.rcvNxt)) continue;
    if (seqLeq(cs, e) && seqGeq(ce, s)) {
      cs = seqMin(cs, s);
      ce = seqMax(ce, e);
    } else {
      push(scratch, s, e);
    }
  }
  const saved = scratch.n;
  const containing = seqGt(ce, tp.rcvNxt);
  let n = 0;
  b[n++] = start;
  b[n++] = end;
  if (containing) {
    b[n++] = cs;
    b[n++] = ce;
  }
  for (let i = 0; i < saved && n < b.length; i++) {
    b[n++] = scratch.blks[2 * i] as number;
    b[n++] = scratch.blks[2 * i + 1] as number;
  }
  tp.rcvNumsacks = n >> 1;
}

/** Drops what has been reported once: blocks that begin at or below the in-order edge, and a D-SACK inside the block behind it. Source: FreeBSD tcp_clean_dsack_blocks(). */
export function tcpCleanDsackBlocks(tp: Tcpcb): void {
  const b = tp.sackblks;
  if (b === null) return;
  let n = 0;
  for (let i = 0; i < tp.rcvNumsacks; i++) {
    const s = b[2 * i] as number;
    const e = b[2 * i + 1] as number;
    if (seqGeq(s, e) || seqLeq(s, tp.rcvNxt)) continue;
    if (i === 0 && tp.rcvNumsacks > 1 && seqGeq(s, b[2] as number) && seqLeq(e, b[3] as number)) continue;
    b[2 * n] = s;
    b[2 * n + 1] = e;
    n++;
  }
  tp.rcvNumsacks = n;
}

/** Forgets all blocks. Source: FreeBSD tcp_clean_sackreport(). */
export function tcpCleanSackreport(tp: Tcpcb): void {
  tp.rcvNumsacks = 0;
}

function push(scratch: SackScratch, s: number, e: number): void {
  scratch.blks[2 * scratch.n] = s;
  scratch.blks[2 * scratch.n + 1] = e;
  scratch.n++;
}

function rebuild(tp: Tcpcb, b: Int32Array, scratch: SackScratch, withHead: boolean, hs: number, he: number): void {
  let n = 0;
  if (withHead) {
    b[n++] = hs;
    b[n++] = he;
  }
  for (let i = 0; i < scratch.n && n < b.length; i++) {
    b[n++] = scratch.blks[2 * i] as number;
    b[n++] = scratch.blks[2 * i + 1] as number;
  }
  tp.rcvNumsacks = n >> 1;
}

/* ---- Sender: the scoreboard (RFC 6675) ---- */

/**
 * Works an ACK into the scoreboard. Blocks below the ACK, above what was sent, or empty are ignored. Returns whether anything new was learnt.
 * `thAck` must be acceptable and sndUna not yet advanced to it.
 * Source: RFC 6675 §4 Update(); FreeBSD tcp_sack.c, tcp_sack_doack().
 */
export function tcpSackDoack(tp: Tcpcb, to: TcpOpt, thAck: number): boolean {
  const cumulative = seqLt(tp.sndUna, thAck);
  const none = tp.sackhint === null || tp.sackhint.head === null;
  if (none && (to.flags & TOF_SACK) === 0) {
    if (tp.sackhint !== null) tp.sackhint.deliveredData = 0;
    return false;
  }
  const blks = tp.tcp.sackScratch;
  blks.n = 0;
  let leftEdgeDelta = 0;
  if (cumulative && !none) {
    leftEdgeDelta = (thAck - tp.sndUna) | 0;
    push(blks, tp.sndUna, thAck);
  }
  if ((to.flags & TOF_SACK) !== 0) collectBlocks(tp, to, thAck, blks);
  if (blks.n === 0) {
    if (tp.sackhint !== null) tp.sackhint.deliveredData = 0;
    return false;
  }
  return updateScoreboard(tp, sackhintOf(tp), blks, thAck, leftEdgeDelta);
}

/**
 * Notes and counts what the peer says that it got twice: the first block, when it lies below the ACK or inside the second. Source: RFC 2883 §4; FreeBSD tcp_subr.c, tcp_record_dsack().
 */
export function tcpRecordDsack(tp: Tcpcb, to: TcpOpt, thAck: number): void {
  const news = tp.tcp.ackNews;
  const s = to.sacks[0] as number;
  const e = to.sacks[1] as number;
  news.dsackStart = s;
  news.dsackEnd = s;
  if (to.nsacks === 0 || !seqGt(e, s) || seqGt(e, tp.sndMax) || seqLt(s, (tp.sndUna - tp.maxSndwnd) | 0)) return;
  if (seqGt(e, thAck) && !(to.nsacks > 1 && seqGeq(s, to.sacks[2] as number) && seqLeq(e, to.sacks[3] as number))) return;
  news.dsackEnd = e;
  const { stat } = tp.tcp;
  stat.dsackCount++;
  stat.dsackBytes += (e - s) | 0;
}

/** Adds the valid blocks of the option, so that the list is sorted by end: blocks may overlap (a D-SACK and the block around it), and the last is to reach farthest. */
function collectBlocks(tp: Tcpcb, to: TcpOpt, thAck: number, blks: SackScratch): void {
  for (let i = 0; i < to.nsacks; i++) {
    const s = to.sacks[2 * i] as number;
    const e = to.sacks[2 * i + 1] as number;
    if (!seqGt(e, s) || !seqGt(s, tp.sndUna) || !seqGt(s, thAck) || !seqLt(s, tp.sndMax) || !seqLeq(e, tp.sndMax)) continue;
    let at = blks.n;
    for (; at > 0 && seqGt(blks.blks[2 * at - 1] as number, e); at--) {
      blks.blks[2 * at] = blks.blks[2 * at - 2] as number;
      blks.blks[2 * at + 1] = blks.blks[2 * at - 1] as number;
    }
    blks.blks[2 * at] = s;
    blks.blks[2 * at + 1] = e;
    blks.n++;
  }
}

function updateScoreboard(tp: Tcpcb, sh: Sackhint, blks: SackScratch, thAck: number, leftEdgeDelta: number): boolean {
  const b = blks.blks;
  const last = blks.n - 1;
  sh.deliveredData = 0;
  if (sh.head === null) {
    tp.sndFack = seqMax(tp.sndUna, thAck);
    sh.sackedBytes = 0;
  } else if (seqLt(tp.sndFack, thAck)) {
    sh.deliveredData += (thAck - tp.sndFack) | 0;
    tp.sndFack = thAck;
  }
  sh.lastSackAck = b[2 * last + 1] as number;
  const fack = tp.sndFack;
  const rest = advanceFack(tp, sh, b, last);
  const filled = fillHoles(tp, sh, b, rest);
  // Of the bytes up to the ACK, those that lay in holes are in deliveredData; the others had been SACKed and are no longer above sndUna.
  sh.sackedBytes += sh.deliveredData - leftEdgeDelta;
  return filled || fack !== tp.sndFack;
}

/** Takes in what lies above everything SACKed so far; the gap to it is a new hole. Returns the index of the last block that is still to be looked at. */
function advanceFack(tp: Tcpcb, sh: Sackhint, b: Int32Array, last: number): number {
  let i = last;
  if (seqLt(tp.sndFack, b[2 * i] as number)) {
    if (holeInsert(tp, sh, tp.sndFack, b[2 * i] as number, null) !== null) {
      sh.deliveredData += ((b[2 * i + 1] as number) - (b[2 * i] as number)) | 0;
      tp.sndFack = b[2 * i + 1] as number;
      return i - 1;
    }
    while (i >= 0 && seqLt(tp.sndFack, b[2 * i] as number)) i--;
  }
  if (i >= 0 && seqLt(tp.sndFack, b[2 * i + 1] as number)) {
    sh.deliveredData += ((b[2 * i + 1] as number) - tp.sndFack) | 0;
    tp.sndFack = b[2 * i + 1] as number;
  }
  return i;
}

/** Walks blocks and holes from the top down and shrinks, splits or removes the holes that blocks cover; adds to `sh.deliveredData`. */
function fillHoles(tp: Tcpcb, sh: Sackhint, b: Int32Array, last: number): boolean {
  let changed = false;
  let i = last;
  let cur = sh.tail;
  while (i >= 0 && cur !== null) {
    const s = b[2 * i] as number;
    const e = b[2 * i + 1] as number;
    if (seqGeq(s, cur.end)) {
      i--;
      continue;
    }
    if (seqLeq(e, cur.start)) {
      cur = cur.prev;
      continue;
    }
    changed = true;
    sh.sackBytesRexmit -= rexmitted(cur);
    if (seqLeq(s, cur.start)) {
      if (seqGeq(e, cur.end)) {
        sh.deliveredData += (cur.end - cur.start) | 0;
        const gone: SackHole = cur;
        cur = cur.prev;
        holeRemove(tp, sh, gone);
        continue;
      }
      sh.deliveredData += (e - cur.start) | 0;
      cur.start = e;
      cur.rxmit = seqMax(cur.rxmit, cur.start);
    } else if (seqGeq(e, cur.end)) {
      sh.deliveredData += (cur.end - s) | 0;
      cur.end = s;
      cur.rxmit = seqMin(cur.rxmit, cur.end);
    } else {
      splitHole(tp, sh, cur, s, e);
    }
    sh.sackBytesRexmit += rexmitted(cur);
    if (seqLeq(s, cur.start)) cur = cur.prev;
    else i--;
  }
  return changed;
}

/** A block in the middle of a hole makes two of it; if there is no room for another hole, the block is not believed yet. */
function splitHole(tp: Tcpcb, sh: Sackhint, cur: SackHole, s: number, e: number): void {
  const upper = holeInsert(tp, sh, e, cur.end, cur);
  if (upper === null) return;
  if (seqGt(cur.rxmit, upper.rxmit)) {
    upper.rxmit = cur.rxmit;
    upper.resent = cur.resent;
    sh.sackBytesRexmit += rexmitted(upper);
  }
  cur.end = s;
  cur.rxmit = seqMin(cur.rxmit, cur.end);
  sh.deliveredData += (e - s) | 0;
}

/**
 * Puts hole [start, end), sent again up to `rxmit`, behind all others: for a scoreboard that is made from another record of what arrived. False: there are too many.
 */
export function sackholeAppend(tp: Tcpcb, sh: Sackhint, start: number, end: number, rxmit: number): boolean {
  const h = holeInsert(tp, sh, start, end, null);
  if (h === null) return false;
  h.rxmit = rxmit;
  h.resent = tp.sndMax;
  sh.sackBytesRexmit += rexmitted(h);
  return true;
}

/** Bytes of a hole that have been sent again. */
export function rexmitted(h: SackHole): number {
  return (seqMin(h.rxmit, h.end) - h.start) | 0;
}

/** Source: FreeBSD tcp_sackhole_insert() with its limits. */
function holeInsert(tp: Tcpcb, sh: Sackhint, start: number, end: number, after: SackHole | null): SackHole | null {
  const v = tp.tcp;
  if (sh.numholes >= v.sackMaxholes || v.sackGlobalholes >= v.sackGlobalmaxholes) {
    v.stat.sackSboverflow++;
    return null;
  }
  const h = new SackHole(start, end);
  const prev = after ?? sh.tail;
  h.prev = prev;
  if (prev === null) {
    h.next = sh.head;
    sh.head = h;
  } else {
    h.next = prev.next;
    prev.next = h;
  }
  if (h.next === null) sh.tail = h;
  else h.next.prev = h;
  sh.numholes++;
  v.sackGlobalholes++;
  if (sh.nexthole === null) sh.nexthole = h;
  return h;
}

function holeRemove(tp: Tcpcb, sh: Sackhint, h: SackHole): void {
  if (sh.nexthole === h) sh.nexthole = h.next;
  if (h.prev === null) sh.head = h.next;
  else h.prev.next = h.next;
  if (h.next === null) sh.tail = h.prev;
  else h.next.prev = h.prev;
  sh.numholes--;
  tp.tcp.sackGlobalholes--;
}

/** Drops the scoreboard: at a timeout, at the end of recovery, and of the connection. Source: FreeBSD tcp_free_sackholes(). */
export function tcpFreeSackholes(tp: Tcpcb): void {
  const sh = tp.sackhint;
  if (sh === null) return;
  tp.tcp.sackGlobalholes -= sh.numholes;
  sh.head = null;
  sh.tail = null;
  sh.numholes = 0;
  sh.nexthole = null;
  sh.sackBytesRexmit = 0;
  sh.sackedBytes = 0;
  sh.deliveredData = 0;
}

/** The next hole that has bytes not sent again yet, or null. Source: RFC 6675 NextSeg() rule 1; FreeBSD tcp_sack_output(). */
export function tcpSackOutput(tp: Tcpcb): SackHole | null {
  const sh = tp.sackhint;
  if (sh === null) return null;
  let h = sh.nexthole;
  while (h !== null && seqGeq(h.rxmit, h.end)) h = h.next;
  if (h !== null) sh.nexthole = h;
  return h;
}

/** After a timeout of the retransmissions themselves: let the search begin at the first hole again. Source: FreeBSD tcp_sack_adjust(). */
export function tcpSackRestart(tp: Tcpcb): void {
  const sh = tp.sackhint;
  if (sh === null) return;
  for (let h = sh.head; h !== null; h = h.next) h.rxmit = h.start;
  sh.sackBytesRexmit = 0;
  sh.nexthole = sh.head;
}

/** Moves sndNxt out of what the peer has already SACKed, for sending after a timeout. Source: FreeBSD tcp_sack_adjust(). */
export function tcpSackAdjust(tp: Tcpcb): void {
  const sh = tp.sackhint;
  if (sh === null || sh.head === null) return;
  if (seqGeq(tp.sndNxt, tp.sndFack)) return;
  for (let h: SackHole | null = sh.head; h !== null; h = h.next) {
    if (seqLt(tp.sndNxt, h.end)) {
      if (seqLt(tp.sndNxt, h.start) && h.prev !== null) tp.sndNxt = h.start;
      return;
    }
    if (h.next !== null && seqLt(tp.sndNxt, h.next.start)) {
      tp.sndNxt = h.next.start;
      return;
    }
  }
  tp.sndNxt = tp.sndFack;
}

/**
 * Bytes in flight: sent, less what the peer has, less what is lost, plus what was sent again. A hole counts as lost when more than two segments above it have arrived
 * (IsLost of RFC 6675, by bytes). With f the highest byte SACKed, all below it has arrived, is lost, or lies in one of the youngest holes; so only those are looked at.
 * Without the lost part, a window with many losses would seem full with nothing in it, and the ACK clock would stop.
 * Source: RFC 6675 §4 SetPipe(); FreeBSD tcp_compute_pipe().
 */
export function tcpComputePipe(tp: Tcpcb): number {
  if (tp.rec !== null) return tp.rec.map.pipe();
  const sh = tp.sackhint;
  if (sh === null || sh.head === null) return (tp.sndMax - tp.sndUna) | 0;
  let pipe = ((tp.sndMax - tp.sndFack) | 0) + sh.sackBytesRexmit;
  const enough = (DUPTHRESH - 1) * tp.maxseg;
  let edge = tp.sndFack;
  let above = 0;
  for (let h = sh.tail; h !== null; h = h.prev) {
    above += (edge - h.end) | 0;
    if (above > enough) break;
    pipe += (h.end - h.start) | 0;
    // Not lost, so the original may still be there; a repetition does not count besides.
    pipe -= rexmitted(h);
    edge = h.start;
  }
  return pipe;
}
