import { clearPkthdr, M_EOR, M_EXT, M_PKTHDR, M_RDONLY, MAX_LINKHDR, type Mbuf, type MbufExt, mDupPkthdr } from './mbuf.ts';
import { mFreem, mLength, mWritable } from './ops.ts';
import { mTagCopyChain } from './tag.ts';

/** Flags of a piece that a second reference to it keeps. */
const SHARE_FLAGS = M_EXT | M_RDONLY | M_EOR;

/**
 * Copies `len` bytes at offset `off` of the chain into `dst` at `at`. The chain must have them: returns false, with nothing promised about `dst`, if not.
 * Source: FreeBSD m_copydata().
 * @public
 */
export function mCopydata(m: Mbuf, off: number, len: number, dst: Uint8Array, at = 0): boolean {
  let skip = off;
  let left = len;
  let o = at;
  for (let p: Mbuf | null = m; p !== null && left > 0; p = p.next) {
    if (skip >= p.len) {
      skip -= p.len;
      continue;
    }
    const n = p.len - skip < left ? p.len - skip : left;
    const from = p.off + skip;
    dst.set(p.buf.subarray(from, from + n), o);
    o += n;
    left -= n;
    skip = 0;
  }
  return left === 0;
}

/** The bytes of a chain as one fresh array: for tools and tests, not for the packet path. @public */
export function mToBytes(m: Mbuf | null): Uint8Array {
  const out = new Uint8Array(mLength(m));
  if (m !== null) mCopydata(m, 0, out.length, out);
  return out;
}

/**
 * Writes `src` over the chain at offset `off`. Every piece touched must be writable and the bytes must be there: false, with nothing written, if not.
 * Differs: FreeBSD's m_copyback() extends the chain.
 * @public
 */
export function mCopyback(m: Mbuf, off: number, src: Uint8Array): boolean {
  if (!writableRange(m, off, src.length)) return false;
  let skip = off;
  let o = 0;
  for (let p: Mbuf | null = m; p !== null && o < src.length; p = p.next) {
    if (skip >= p.len) {
      skip -= p.len;
      continue;
    }
    const n = Math.min(p.len - skip, src.length - o);
    p.buf.set(src.subarray(o, o + n), p.off + skip);
    o += n;
    skip = 0;
  }
  return true;
}

function writableRange(m: Mbuf, off: number, len: number): boolean {
  let at = 0;
  for (let p: Mbuf | null = m; p !== null; p = p.next) {
    if (at + p.len > off && at < off + len && !mWritable(p)) return false;
    at += p.len;
  }
  return off + len <= at;
}

/**
 * A plain chain that refers to `len` bytes at offset `off` of `m`; no byte is copied, so both become unwritable where they meet. Null when the bytes are not there
 * or the pool is out of mbufs. m stays the caller's.
 * Differs: FreeBSD's m_copym() also copies the packet header when off is 0; see {@link mCopypacket} for that.
 * @public
 */
export function mCopym(m: Mbuf, off: number, len: number): Mbuf | null {
  let p: Mbuf | null = m;
  let skip = off;
  while (p !== null && skip >= p.len) {
    skip -= p.len;
    p = p.next;
  }
  let head: Mbuf | null = null;
  let tail: Mbuf | null = null;
  let left = len;
  while (left > 0) {
    if (p === null) {
      mFreem(head);
      return null;
    }
    if (p.len > skip) {
      const n = p.len - skip < left ? p.len - skip : left;
      const c = m.pool.share(p.ext as MbufExt, p.off + skip, n, p.flags & SHARE_FLAGS);
      if (c === null) {
        mFreem(head);
        return null;
      }
      if (tail === null) head = c;
      else tail.next = c;
      tail = c;
      left -= n;
    }
    skip = 0;
    p = p.next;
  }
  return head;
}

/** A second packet with the same bytes by reference, packet header and tags copied. Null when the pool is out of mbufs. Source: FreeBSD m_copypacket(). @public */
export function mCopypacket(m: Mbuf): Mbuf | null {
  const n = m.pool.share(m.ext as MbufExt, m.off, m.len, m.flags & SHARE_FLAGS);
  if (n === null) return null;
  clearPkthdr(n);
  n.flags |= M_PKTHDR;
  mDupPkthdr(n, m);
  mTagCopyChain(n, m);
  if (m.next !== null) {
    const rest = mCopym(m.next, 0, mLength(m.next));
    if (rest === null && mLength(m.next) > 0) {
      mFreem(n);
      return null;
    }
    n.next = rest;
  }
  return n;
}

/** A deep copy of a packet, writable, with `headroom` bytes in front; header and tags copied. Null when the pool is empty. Source: FreeBSD m_dup(). @public */
export function mDup(m: Mbuf, headroom: number = MAX_LINKHDR): Mbuf | null {
  const len = mLength(m);
  const n = m.pool.getm(len, headroom);
  if (n === null) return null;
  let at = 0;
  for (let p: Mbuf | null = n; p !== null; p = p.next) {
    mCopydata(m, at, p.len, p.buf, p.off);
    at += p.len;
  }
  mDupPkthdr(n, m);
  n.flags |= M_PKTHDR;
  n.pktlen = len;
  mTagCopyChain(n, m);
  return n;
}

/** The packet itself if all of it may be written, else a writable copy, and the original is freed. Null when the pool is empty. Consumes m. Source: FreeBSD m_unshare(). @public */
export function mUnshare(m: Mbuf): Mbuf | null {
  for (let p: Mbuf | null = m; p !== null; p = p.next) {
    if (!mWritable(p)) {
      const n = mDup(m);
      mFreem(m);
      return n;
    }
  }
  return m;
}
