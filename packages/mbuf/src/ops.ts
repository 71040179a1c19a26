import { clearPkthdr, M_PKTHDR, M_RDONLY, MAX_LINKHDR, type Mbuf, type MbufExt, MCLBYTES, MHLEN, mMovePkthdr, MSIZE } from './mbuf.ts';

/** Frees one mbuf; returns the rest of its chain. Source: FreeBSD m_free(). @public */
export function mFree(m: Mbuf): Mbuf | null {
  return m.pool.freeOne(m);
}

/** Frees a chain; null is allowed. Source: FreeBSD m_freem(). @public */
export function mFreem(m: Mbuf | null): void {
  if (m !== null) m.pool.freeChain(m);
}

/** Whether the bytes of `m` may be written: nobody shares its storage, and it is not read-only. Source: FreeBSD M_WRITABLE(). @public */
export function mWritable(m: Mbuf): boolean {
  return (m.flags & M_RDONLY) === 0 && (m.ext as MbufExt).refs === 1;
}

/** Bytes that may be written in front of `m`; 0 if it is not writable. Source: FreeBSD M_LEADINGSPACE(). @public */
export function mLeadingspace(m: Mbuf): number {
  return mWritable(m) ? m.off - (m.ext as MbufExt).base : 0;
}

/** Bytes that may be written behind `m`; 0 if it is not writable. Source: FreeBSD M_TRAILINGSPACE(). @public */
export function mTrailingspace(m: Mbuf): number {
  if (!mWritable(m)) return 0;
  const e = m.ext as MbufExt;
  return e.base + e.size - m.off - m.len;
}

/** Bytes in the chain `m`, counted. Source: FreeBSD m_length(). @public */
export function mLength(m: Mbuf | null): number {
  let len = 0;
  for (let n = m; n !== null; n = n.next) len += n.len;
  return len;
}

/** The last mbuf of the chain. @public */
export function mLast(m: Mbuf): Mbuf {
  let n = m;
  while (n.next !== null) n = n.next;
  return n;
}

/** Sets `pktlen` of the packet to the bytes that are there, and returns it. Source: FreeBSD m_fixhdr(). @public */
export function mFixhdr(m: Mbuf): number {
  return (m.pktlen = mLength(m));
}

/**
 * Makes room for `len` bytes (at most {@link MCLBYTES}; more than {@link MHLEN} take a cluster) in front of the packet or chain `m`, in place where it can be done. Returns the chain, whose first mbuf begins with
 * the new bytes (contents undefined), or null when there is no mbuf left: then the chain has been freed. Consumes m.
 * Source: FreeBSD M_PREPEND(), m_prepend().
 * @public
 */
export function mPrepend(m: Mbuf, len: number): Mbuf | null {
  const e = m.ext as MbufExt;
  if (m.off - e.base >= len && e.refs === 1 && (m.flags & M_RDONLY) === 0) {
    m.off -= len;
    m.len += len;
    m.pktlen += len;
    return m;
  }
  const n = len <= MHLEN ? m.pool.getHdr() : m.pool.getCl(len, MAX_LINKHDR);
  if (n === null) {
    mFreem(m);
    return null;
  }
  if ((m.flags & M_PKTHDR) !== 0) mMovePkthdr(n, m);
  else n.flags &= ~M_PKTHDR;
  if (len <= MHLEN) {
    const nb = (n.ext as MbufExt).base;
    n.off = Math.max(n.off - len, nb);
  }
  n.len = len;
  n.pktlen += len;
  n.next = m;
  return n;
}

/**
 * Cuts `n` bytes from the front (n > 0) or `-n` from the back (n < 0) of a packet or chain, at most all of them. Mbufs that become empty stay, with `len` 0.
 * Source: FreeBSD m_adj().
 * @public
 */
export function mAdj(m: Mbuf, n: number): void {
  if (n >= 0) {
    if (n <= m.len) {
      m.off += n;
      m.len -= n;
      m.pktlen -= n;
      return;
    }
    let left = n;
    for (let p: Mbuf | null = m; p !== null && left > 0; p = p.next) {
      const cut = p.len < left ? p.len : left;
      p.off += cut;
      p.len -= cut;
      left -= cut;
    }
    m.pktlen -= n - left;
    return;
  }
  const total = mLength(m);
  let keep = total + n;
  if (keep < 0) keep = 0;
  m.pktlen -= total - keep;
  for (let p: Mbuf | null = m; p !== null; p = p.next) {
    if (p.len > keep) p.len = keep;
    keep -= p.len;
  }
}

/** Like `mAdj(m, n)` for n >= 0, but frees the mbufs that become empty (never the first of a packet). Returns m. @public */
export function mTrimHead(m: Mbuf, n: number): Mbuf {
  mAdj(m, n);
  for (let p = m.next; p !== null && p.len === 0; p = m.next) {
    if (m.len !== 0) break;
    m.next = mFree(p);
  }
  return m;
}

/**
 * Makes the first `len` bytes of the packet or chain contiguous. Returns the chain, or null when it has fewer bytes or there is no mbuf
 * left: then it has been freed. `len` may not exceed 2 KiB less the link headroom. Consumes m.
 * Source: FreeBSD m_pullup().
 * @public
 */
export function mPullup(m: Mbuf, len: number): Mbuf | null {
  if (m.len >= len) return m;
  return pullupSlow(m, len);
}

function pullupSlow(m: Mbuf, len: number): Mbuf | null {
  let head = m;
  let need = len - m.len;
  if (need > mTrailingspace(m)) {
    const n = len <= MSIZE - MAX_LINKHDR ? m.pool.getCl(MSIZE - MAX_LINKHDR, MAX_LINKHDR) : m.pool.getCl(MCLBYTES - MAX_LINKHDR, MAX_LINKHDR);
    if (n === null || len > MCLBYTES - MAX_LINKHDR) {
      if (n !== null) mFreem(n);
      mFreem(m);
      return null;
    }
    clearPkthdr(n);
    if ((m.flags & M_PKTHDR) !== 0) mMovePkthdr(n, m);
    else n.flags = 0;
    n.next = m;
    n.nextpkt = m.nextpkt;
    m.nextpkt = null;
    head = n;
    need = len;
  }
  for (let p = head.next; p !== null && need > 0; p = head.next) {
    const k = p.len < need ? p.len : need;
    moveBytes(head, p, k);
    need -= k;
    if (p.len > 0) break;
    head.next = mFree(p);
  }
  if (need > 0) {
    mFreem(head);
    return null;
  }
  return head;
}

/** Moves the first `k` bytes of `p` to the end of `head`. */
function moveBytes(head: Mbuf, p: Mbuf, k: number): void {
  const to = head.off + head.len;
  const a = head.buf;
  const b = p.buf;
  const o = p.off;
  if (k > 64) a.set(b.subarray(o, o + k), to);
  else for (let i = 0; i < k; i++) a[to + i] = b[o + i] as number;
  head.len += k;
  p.off += k;
  p.len -= k;
}

/**
 * Splits the packet or chain after `len` bytes: `m` keeps the front, the rest is returned (as a packet if m is one). Storage at the cut is
 * shared. Null when there are no bytes behind the cut, or no mbuf left (m is unchanged then). Source: FreeBSD m_split().
 * @public
 */
export function mSplit(m: Mbuf, len: number): Mbuf | null {
  let p: Mbuf | null = m;
  let left = len;
  while (p !== null && left > p.len) {
    left -= p.len;
    p = p.next;
  }
  if (p === null) return null;
  let rest: Mbuf | null;
  if (left === p.len) {
    rest = p.next;
    if (rest === null) return null;
    if ((m.flags & M_PKTHDR) === 0) {
      p.next = null;
      return rest;
    }
    const hdr = m.pool.getHdr();
    if (hdr === null) return null;
    hdr.next = rest;
    p.next = null;
    rest = hdr;
  } else {
    rest = m.pool.share(p.ext as MbufExt, p.off + left, p.len - left, p.flags & ~M_PKTHDR);
    if (rest === null) return null;
    clearPkthdr(rest);
    if ((m.flags & M_PKTHDR) !== 0) rest.flags |= M_PKTHDR;
    rest.next = p.next;
    p.next = null;
    p.len = left;
  }
  if ((m.flags & M_PKTHDR) !== 0) {
    rest.rcvif = m.rcvif;
    rest.fibnum = m.fibnum;
    rest.flowid = m.flowid;
    rest.rsstype = m.rsstype;
    rest.pktlen = m.pktlen - len;
    m.pktlen = len;
  }
  return rest;
}

/** Appends chain `n` to chain `m`; the packet header of n, if any, is dropped, that of m not updated. Source: FreeBSD m_cat(). @public */
export function mCat(m: Mbuf, n: Mbuf): void {
  if ((n.flags & M_PKTHDR) !== 0) mDemote(n);
  mLast(m).next = n;
}

/** Appends packet `n` to packet `m` and adds up `pktlen`. Source: FreeBSD m_catpkt(). @public */
export function mCatpkt(m: Mbuf, n: Mbuf): void {
  m.pktlen += n.pktlen;
  mCat(m, n);
}

/** Makes the first mbuf of a packet a plain one. Source: FreeBSD m_demote(). @public */
export function mDemote(m: Mbuf): void {
  m.flags &= ~M_PKTHDR;
  m.tags = null;
  m.rcvif = null;
  m.pktlen = 0;
}
