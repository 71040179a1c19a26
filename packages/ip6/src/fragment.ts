import { EMSGSIZE, ENOBUFS } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { tsoSegment } from '@ns/ifnet-kpi';
import { CSUM_DELAY_DATA_IPV6, M_PKTHDR, MAX_LINKHDR, type Mbuf, mCopydata, mCopym, mDupPkthdr, mFreem, mTagCopyChain } from '@ns/mbuf';
import type { Route } from '@ns/route';
import {
  type InAddr,
  IP6_FRAG_LEN,
  IP6_HDR_LEN,
  IP6F_MORE_FRAG,
  ip6ExtLen,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
} from '@ns/wire';
import { ip6DelayedCksum } from './cksum.ts';
import { in6Ifinfo, type Ip6Vnet } from './ip6-vnet.ts';
import { ip6L4off, ip6Send } from './output.ts';

/**
 * Sends `m`, which is larger than `mtu`, in fragments. The transport checksum is finished first, for no interface can do it over fragments. Payload is shared, headers are not. Consumes
 * m; returns an errno, that of the first fragment that could not be sent (the rest is dropped).
 * Source: FreeBSD ip6_output.c, ip6_fragment(); RFC 8200 §4.5.
 */
export function ip6Fragment(ip6v: Ip6Vnet, m0: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, mtu: number, ro: Route | null): number {
  const { stat } = ip6v;
  const ifstat = in6Ifinfo(ifp)?.stat;
  let m: Mbuf | null = m0;
  if ((m.csumFlags & CSUM_DELAY_DATA_IPV6) !== 0) {
    const l4 = ip6L4off(ip6v, m);
    m = l4 < 0 ? null : ip6DelayedCksum(m, l4);
    if (m === null) {
      if (l4 < 0) mFreem(m0);
      stat.odropped++;
      return ENOBUFS;
    }
  }
  const unfrag = unfragLen(m);
  const len = (mtu - unfrag - IP6_FRAG_LEN) & ~7;
  if (len < 8) {
    stat.cantfrag++;
    if (ifstat !== undefined) ifstat.out_fragfail++;
    mFreem(m);
    return EMSGSIZE;
  }
  const first = makeFragments(m, unfrag, len, ip6v.vnet.kernel.random.u32());
  mFreem(m);
  if (first === null) {
    stat.odropped++;
    return ENOBUFS;
  }
  stat.fragmented++;
  if (ifstat !== undefined) ifstat.out_fragok++;
  for (let f: Mbuf | null = first; f !== null; f = f.nextpkt) {
    stat.ofragments++;
    if (ifstat !== undefined) ifstat.out_fragcreat++;
  }
  return sendList(ip6v, first, ifp, origifp, hop, ro);
}

/** Bytes that go into every fragment: the fixed header, hop-by-hop options, and what stands before and in a routing header (RFC 8200 §4.5). */
function unfragLen(m: Mbuf): number {
  let nxt = m.dv.getUint8(m.off + 6);
  let off = IP6_HDR_LEN;
  let unfrag = IP6_HDR_LEN;
  while (nxt === IPPROTO_HOPOPTS || nxt === IPPROTO_ROUTING || nxt === IPPROTO_DSTOPTS) {
    if (m.len < off + 8) break;
    const here = nxt;
    const len = ip6ExtLen(m.dv, m.off + off, here);
    nxt = m.dv.getUint8(m.off + off);
    off += len;
    if (m.len < off) break;
    if (here !== IPPROTO_DSTOPTS) unfrag = off;
  }
  return unfrag;
}

/** The fragments of `m` in order, linked by `nextpkt`; `m` stays the caller's. Null, and all freed, when there is no mbuf. */
function makeFragments(m: Mbuf, unfrag: number, len: number, ident: number): Mbuf | null {
  const total = m.pktlen;
  let first: Mbuf | null = null;
  let tail: Mbuf | null = null;
  for (let off = unfrag; off < total; off += len) {
    const left = total - off;
    const f = fragmentAt(m, unfrag, off, left < len ? left : len, left > len, ident);
    if (f === null) {
      if (first !== null) freeList(first);
      return null;
    }
    if (tail === null) first = f;
    else tail.nextpkt = f;
    tail = f;
  }
  return first;
}

/** A packet with the unfragmentable part of `m`, a fragment header, and `len` bytes at offset `off` of it. */
function fragmentAt(m: Mbuf, unfrag: number, off: number, len: number, more: boolean, ident: number): Mbuf | null {
  const hlen = unfrag + IP6_FRAG_LEN;
  const f = m.pool.getCl(hlen, MAX_LINKHDR);
  if (f === null) return null;
  mDupPkthdr(f, m);
  f.flags |= M_PKTHDR;
  mTagCopyChain(f, m);
  mCopydata(m, 0, unfrag, f.buf, f.off);
  f.len = hlen;
  f.next = mCopym(m, off, len);
  if (f.next === null) {
    mFreem(f);
    return null;
  }
  f.pktlen = hlen + len;
  const dv = f.dv;
  const o = f.off;
  const at = lastNxtOff(f, unfrag);
  const fh = o + unfrag;
  dv.setUint8(fh, dv.getUint8(at));
  dv.setUint8(fh + 1, 0);
  dv.setUint16(fh + 2, (off - unfrag) | (more ? IP6F_MORE_FRAG : 0));
  dv.setInt32(fh + 4, ident);
  dv.setUint8(at, IPPROTO_FRAGMENT);
  dv.setUint16(o + 4, f.pktlen - IP6_HDR_LEN);
  return f;
}

/** Position of the next-header octet of the last header within the first `unfrag` bytes of `f`. */
function lastNxtOff(f: Mbuf, unfrag: number): number {
  let at = f.off + 6;
  let off = IP6_HDR_LEN;
  while (off < unfrag) {
    const nxt = f.dv.getUint8(at);
    at = f.off + off;
    off += ip6ExtLen(f.dv, at, nxt);
  }
  return at;
}

/** Cuts a TSO packet in software and sends the segments. Consumes m; returns an errno. */
export function ip6Tso(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, ro: Route | null): number {
  const first = tsoSegment(m, ip6v.hdrInfo, 0);
  if (first === null) {
    ip6v.stat.odropped++;
    return ENOBUFS;
  }
  return sendList(ip6v, first, ifp, origifp, hop, ro);
}

function sendList(ip6v: Ip6Vnet, first: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, ro: Route | null): number {
  let p: Mbuf | null = first;
  while (p !== null) {
    const next: Mbuf | null = p.nextpkt;
    p.nextpkt = null;
    const errno = ip6Send(ip6v, p, ifp, origifp, hop, ro);
    p = next;
    if (errno !== 0) {
      if (p !== null) freeList(p);
      return errno;
    }
  }
  return 0;
}

function freeList(first: Mbuf): void {
  for (let m: Mbuf | null = first; m !== null; ) {
    const next: Mbuf | null = m.nextpkt;
    m.nextpkt = null;
    mFreem(m);
    m = next;
  }
}
