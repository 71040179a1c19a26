/* @hot Socket buffers. Source: FreeBSD kern/uipc_sockbuf.c. */
import { EXT_EXTREF, EXT_HDR, M_PKTHDR, MCLBYTES, type Mbuf, type MbufExt, mCopydata, mCopym, mDemote, mFree, MSIZE, mTrailingspace } from '@ns/mbuf';
import { SB_NOCOALESCE } from './constants.ts';
import { DgramControl, type DgramInfo, DgramRing } from './dgram.ts';

/** Ratio of storage to data that a buffer may reach. Source: FreeBSD kern.ipc.sockbuf_waste_factor. */
const SB_EFFICIENCY = 8;
/** Pieces up to this size are copied into the room behind their predecessor. Source: FreeBSD sbcompress(), MCLBYTES / 4. */
const COALESCE_MAX: number = MCLBYTES / 4;

/**
 * A socket buffer: bytes of a stream as one chain, or datagrams linked by `nextpkt`, with their limits.
 *
 * `cc` bytes of at most `hiwat`, `ctl` of them ancillary data, kept in storage of `mbcnt` bytes of at most `mbmax`.
 * Source: FreeBSD sys/sockbuf.h, struct sockbuf.
 * @public
 */
export class Sockbuf {
  /** First mbuf of the stream, or of the oldest datagram. */
  mb: Mbuf | null;
  /** Last mbuf of the last record. */
  mbtail: Mbuf | null;
  /** First mbuf of the last datagram. */
  lastrecord: Mbuf | null;
  /** Bytes, those of ancillary data included. */
  cc: number;
  /** Bytes of ancillary data. */
  ctl: number;
  /** Most bytes. */
  hiwat: number;
  /** Bytes that make a reader worth waking, or free bytes that make a writer. */
  lowat: number;
  /** Storage in use. */
  mbcnt: number;
  /** Most storage. */
  mbmax: number;
  /** SB_*. */
  flags: number;
  /** SBS_*. */
  state: number;
  /** Timeout for faces that block, ms; 0 = none. */
  timeoMs: number;
  /** Where {@link sbsndptr} looked last, null = at the front. */
  sndptr: Mbuf | null;
  /** Offset of `sndptr`'s first byte in the buffer. */
  sndptroff: number;
  /** Second result of {@link sbsndptr}: offset within the mbuf. */
  sndmoff: number;
  /** Senders of the datagrams; null in stream buffers. */
  ring: DgramRing | null;

  constructor() {
    this.mb = null;
    this.mbtail = null;
    this.lastrecord = null;
    this.cc = 0;
    this.ctl = 0;
    this.hiwat = 0;
    this.lowat = 0;
    this.mbcnt = 0;
    this.mbmax = 0;
    this.flags = 0;
    this.state = 0;
    this.timeoMs = 0;
    this.sndptr = null;
    this.sndptroff = 0;
    this.sndmoff = 0;
    this.ring = null;
  }
}

/**
 * Storage that an mbuf counts for: itself, and its cluster or as much of it as it can be held responsible for.
 * Differs: FreeBSD counts the whole storage; here a large block is shared by many pieces (TSO by reference), and memory of the application by no more than is used.
 */
export function sbCharge(m: Mbuf): number {
  const e = m.ext as MbufExt;
  if (e.type === EXT_HDR) return MSIZE;
  if (e.type === EXT_EXTREF) return MSIZE + m.len;
  const least = m.len > MCLBYTES ? m.len : MCLBYTES;
  return MSIZE + (e.size < least ? e.size : least);
}

/** Free bytes, negative when the limits have shrunk. Source: FreeBSD sbspace(). @public */
export function sbspace(sb: Sockbuf): number {
  const bytes = sb.hiwat - sb.cc;
  const storage = sb.mbmax - sb.mbcnt;
  return bytes < storage ? bytes : storage;
}

/** Bytes that may be read or sent. Source: FreeBSD sbavail(), sbused(). @public */
export function sbavail(sb: Sockbuf): number {
  return sb.cc;
}

/** Sets the limits of a buffer; false when `cc` is more than `maxsockbuf` allows (net of overhead). Source: FreeBSD sbreserve_locked(). @public */
export function sbreserve(sb: Sockbuf, cc: number, maxsockbuf: number): boolean {
  if (cc > Math.floor((maxsockbuf * MCLBYTES) / (MSIZE + MCLBYTES))) return false;
  sb.hiwat = cc;
  sb.mbmax = Math.min(cc * SB_EFFICIENCY, maxsockbuf);
  if (sb.lowat > sb.hiwat) sb.lowat = sb.hiwat;
  return true;
}

/**
 * Appends the bytes of `m` to a stream. Consumes m.
 * Source: FreeBSD uipc_sockbuf.c, sbappendstream(), sbcompress().
 * @public
 */
export function sbappendstream(sb: Sockbuf, m: Mbuf): void {
  if ((m.flags & M_PKTHDR) !== 0) mDemote(m);
  let tail = sb.mbtail;
  let n: Mbuf | null = m;
  while (n !== null) {
    if (n.len === 0) {
      n = mFree(n);
      continue;
    }
    if (tail !== null && n.len <= COALESCE_MAX && (sb.flags & SB_NOCOALESCE) === 0 && n.len <= mTrailingspace(tail)) {
      n = copyBehind(sb, tail, n);
      continue;
    }
    sb.cc += n.len;
    sb.mbcnt += sbCharge(n);
    if (tail === null) {
      sb.mb = n;
      sb.lastrecord = n;
    } else tail.next = n;
    tail = n;
    n = n.next;
  }
  if (tail !== null) tail.next = null;
  sb.mbtail = tail;
}

/** Copies the bytes of `n` behind those of `tail` and frees it; returns the next of its chain. */
function copyBehind(sb: Sockbuf, tail: Mbuf, n: Mbuf): Mbuf | null {
  const before = sbCharge(tail);
  const to = tail.buf;
  const from = n.buf;
  const len = n.len;
  let t = tail.off + tail.len;
  let f = n.off;
  for (const end = f + len; f < end; ) to[t++] = from[f++] as number;
  tail.len += len;
  sb.cc += len;
  sb.mbcnt += sbCharge(tail) - before;
  return mFree(n);
}

/**
 * Appends a datagram with what is known of it. False when there is no room for it and its ancillary data: m stays the caller's. Consumes m otherwise.
 * Differs: FreeBSD counts the sender's address too, and what has a field in DgramInfo; here these take no storage of their own.
 * Source: FreeBSD uipc_sockbuf.c, sbappendaddr().
 * @public
 */
export function sbappendaddr(sb: Sockbuf, m: Mbuf, d: DgramInfo): boolean {
  const len = m.pktlen;
  let charge = 0;
  for (let n: Mbuf | null = m; n !== null; n = n.next) charge += sbCharge(n);
  const control = d.control === null ? null : new DgramControl(d.control);
  const ctl = control === null ? 0 : control.bytes;
  if (control !== null) charge += control.storage;
  if (len + ctl > sb.hiwat - sb.cc || charge > sb.mbmax - sb.mbcnt) return false;
  d.len = len;
  (sb.ring ??= new DgramRing()).push(d, control);
  m.nextpkt = null;
  m.tags = null; // who reads it may send it on, as another packet
  if (sb.lastrecord === null) sb.mb = m;
  else sb.lastrecord.nextpkt = m;
  sb.lastrecord = m;
  sb.mbtail = null;
  sb.cc += len + ctl;
  sb.ctl += ctl;
  sb.mbcnt += charge;
  return true;
}

/** Takes the oldest datagram out, its record too; null when there is none. The packet is the caller's. */
export function sbtakerecord(sb: Sockbuf): Mbuf | null {
  const m = sb.mb;
  if (m === null) return null;
  sb.mb = m.nextpkt;
  if (sb.mb === null) sb.lastrecord = null;
  m.nextpkt = null;
  for (let n: Mbuf | null = m; n !== null; n = n.next) {
    sb.cc -= n.len;
    sb.mbcnt -= sbCharge(n);
  }
  const ring = sb.ring;
  if (ring === null) return m;
  const control = ring.control();
  if (control !== null) {
    sb.cc -= control.bytes;
    sb.ctl -= control.bytes;
    sb.mbcnt -= control.storage;
  }
  ring.shift();
  return m;
}

/**
 * Drops `len` bytes, of those that are there, from the front of a stream.
 * Source: FreeBSD uipc_sockbuf.c, sbdrop(), sbcut_internal().
 * @public
 */
export function sbdrop(sb: Sockbuf, len: number): void {
  let left = len;
  let m = sb.mb;
  while (m !== null && left > 0 && m.len <= left) {
    left -= m.len;
    dropFirst(sb, m);
    m = mFree(m);
  }
  sb.mb = m;
  if (m === null) {
    sb.mbtail = null;
    sb.lastrecord = null;
    return;
  }
  sb.lastrecord = m;
  if (left > 0) trimFirst(sb, m, left);
}

/**
 * Moves the first `len` bytes of a stream, of those that are there, to `dst` at `off`: each mbuf is freed as soon as it is empty.
 * Source: the copying loop of FreeBSD uipc_socket.c, soreceive_generic().
 */
export function sbtakebytes(sb: Sockbuf, len: number, dst: Uint8Array, off: number): void {
  let left = len;
  let at = off;
  let m = sb.mb;
  while (m !== null && m.len <= left) {
    dst.set(m.buf.subarray(m.off, m.off + m.len), at);
    at += m.len;
    left -= m.len;
    dropFirst(sb, m);
    m = mFree(m);
  }
  sb.mb = m;
  sb.lastrecord = m;
  if (m === null) {
    sb.mbtail = null;
    return;
  }
  if (left === 0) return;
  dst.set(m.buf.subarray(m.off, m.off + left), at);
  trimFirst(sb, m, left);
}

/** Accounts for the loss of the first mbuf. */
function dropFirst(sb: Sockbuf, m: Mbuf): void {
  sb.cc -= m.len;
  sb.mbcnt -= sbCharge(m);
  if (sb.sndptr === m) {
    sb.sndptr = null;
    sb.sndptroff = 0;
  } else if (sb.sndptr !== null) sb.sndptroff -= m.len;
}

/** Cuts `n` bytes, fewer than all, off the first mbuf. */
function trimFirst(sb: Sockbuf, m: Mbuf, n: number): void {
  const before = sbCharge(m);
  m.off += n;
  m.len -= n;
  sb.cc -= n;
  sb.mbcnt += sbCharge(m) - before;
  if (sb.sndptr !== null && sb.sndptr !== m) sb.sndptroff -= n;
}

/**
 * Takes the first `len` bytes of a stream, of those that are there, as a plain chain that is the caller's; storage at the cut is shared. Null when there are none, or
 * when the pool has no mbuf for the cut.
 * Source: FreeBSD uipc_sockbuf.c, sbcut_locked().
 * @public
 */
export function sbcut(sb: Sockbuf, len: number): Mbuf | null {
  const head = sb.mb;
  if (head === null || len <= 0) return null;
  let left = len;
  let last: Mbuf | null = null;
  let m: Mbuf | null = head;
  while (m !== null && m.len <= left) {
    left -= m.len;
    dropFirst(sb, m);
    last = m;
    m = m.next;
  }
  let out: Mbuf | null = last === null ? null : head;
  if (m !== null && left > 0) {
    const piece = mCopym(m, 0, left);
    if (piece !== null) {
      trimFirst(sb, m, left);
      if (last === null) out = piece;
      else {
        last.next = piece;
        last = null;
      }
    }
  }
  if (last !== null) last.next = null;
  sb.mb = m;
  sb.lastrecord = m;
  if (m === null) sb.mbtail = null;
  return out;
}

/** Throws all bytes and datagrams away. Source: FreeBSD sbflush(). @public */
export function sbflush(sb: Sockbuf): void {
  for (let m = sb.mb; m !== null; ) {
    const nextpkt: Mbuf | null = m.nextpkt;
    m.nextpkt = null;
    for (let n: Mbuf | null = m; n !== null; ) n = mFree(n);
    m = nextpkt;
  }
  sb.mb = null;
  sb.mbtail = null;
  sb.lastrecord = null;
  sb.cc = 0;
  sb.ctl = 0;
  sb.mbcnt = 0;
  sb.sndptr = null;
  sb.sndptroff = 0;
  sb.ring = null;
}

/**
 * Finds the mbuf with the byte at offset `off` of a stream (less than `cc`); `sb.sndmoff` says where in it. Remembers the place when it is farther on than before, so that
 * sending along a long queue does not walk it again and again.
 * Source: FreeBSD uipc_sockbuf.c, sbsndptr_noadv(), sbsndptr_adv().
 * @public
 */
export function sbsndptr(sb: Sockbuf, off: number): Mbuf {
  let m = sb.sndptr;
  let at = sb.sndptroff;
  const cached = m !== null && off >= at;
  if (!cached) {
    m = sb.mb;
    at = 0;
  }
  while (m !== null && off - at >= m.len) {
    at += m.len;
    m = m.next;
  }
  if (m === null) throw new Error('sbsndptr: no byte at this offset');
  if (cached || sb.sndptr === null) {
    sb.sndptr = m;
    sb.sndptroff = at;
  }
  sb.sndmoff = off - at;
  return m;
}

/** A plain chain that refers to `len` bytes at offset `off` of a stream: what goes into a segment. Null when the pool is out of mbufs. @public */
export function sbcopym(sb: Sockbuf, off: number, len: number): Mbuf | null {
  const m = sbsndptr(sb, off);
  return mCopym(m, sb.sndmoff, len);
}

/** Copies `len` bytes at offset `off` of a stream to `dst` at `at`: what is put behind the headers of a small segment. @public */
export function sbcopydata(sb: Sockbuf, off: number, len: number, dst: Uint8Array, at: number): void {
  const m = sbsndptr(sb, off);
  mCopydata(m, sb.sndmoff, len, dst, at);
}
