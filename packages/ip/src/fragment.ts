import { EMSGSIZE, ENOBUFS } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { tsoSegment } from '@ns/ifnet-kpi';
import { CSUM_DELAY_DATA, M_PKTHDR, MAX_LINKHDR, type Mbuf, mAdj, mCopym, mDupPkthdr, mFreem, mTagCopyChain } from '@ns/mbuf';
import type { Route } from '@ns/route';
import { getIpHlen, getIpLen, getIpOff, type InAddr, IP_HDR_LEN, IP_MAX_HDR_LEN, IP_MF, IPOPT_COPIED, IPOPT_EOL, IPOPT_NOP } from '@ns/wire';
import { ipDelayedCksum } from './cksum.ts';
import type { IpVnet } from './ip-vnet.ts';
import { ipSend } from './output.ts';

/**
 * Sends `m`, which is larger than `mtu`, in fragments. The transport checksum is finished first, for no interface can do it over fragments. Payload is shared, headers
 * are not. Consumes m; returns an errno, that of the first fragment that could not be sent (the rest is dropped).
 * Source: FreeBSD ip_output.c, ip_fragment().
 */
export function ipFragment(ipv: IpVnet, m0: Mbuf, ifp: Ifnet, hop: InAddr, mtu: number, ro: Route | null): number {
  const stat = ipv.stat;
  let m: Mbuf | null = m0;
  if ((m.csumFlags & CSUM_DELAY_DATA) !== 0) {
    m = ipDelayedCksum(m);
    if (m === null) {
      stat.odropped++;
      return ENOBUFS;
    }
  }
  const hlen = getIpHlen(m.dv, m.off);
  const total = getIpLen(m.dv, m.off);
  const len = (mtu - hlen) & ~7;
  if (len < 8) {
    stat.cantfrag++;
    mFreem(m);
    return EMSGSIZE;
  }
  const first = makeFragments(ipv, m, hlen, total, len);
  if (first === null) {
    stat.odropped++;
    return ENOBUFS;
  }
  stat.fragmented++;
  return sendList(ipv, first, ifp, hop, ro);
}

/** The fragments of `m` in order, linked by `nextpkt`; `m` itself is the first. Null, and all freed, when there is no mbuf. */
function makeFragments(ipv: IpVnet, m: Mbuf, hlen: number, total: number, len: number): Mbuf | null {
  const word = getIpOff(m.dv, m.off);
  let tail = m;
  let n = 1;
  for (let off = hlen + len; off < total; off += len) {
    const left = total - off;
    const f = fragmentAt(m, hlen, off, left < len ? left : len);
    if (f === null) {
      freeList(m);
      return null;
    }
    f.dv.setUint16(f.off + 6, ((word + ((off - hlen) >>> 3)) & 0xffff) | (left > len ? IP_MF : 0));
    tail.nextpkt = f;
    tail = f;
    n++;
  }
  mAdj(m, hlen + len - m.pktlen);
  m.dv.setUint16(m.off + 2, hlen + len);
  m.dv.setUint16(m.off + 6, word | IP_MF);
  ipv.stat.ofragments += n;
  return m;
}

/** A packet with the header of `m` (of its options only those that are copied) and `len` bytes at offset `off` of it. */
function fragmentAt(m: Mbuf, hlen: number, off: number, len: number): Mbuf | null {
  const f = m.pool.getCl(IP_MAX_HDR_LEN, MAX_LINKHDR);
  if (f === null) return null;
  mDupPkthdr(f, m);
  f.flags |= M_PKTHDR;
  mTagCopyChain(f, m);
  for (let i = 0; i < IP_HDR_LEN; i++) f.buf[f.off + i] = m.buf[m.off + i] as number;
  const mhlen = hlen === IP_HDR_LEN ? IP_HDR_LEN : ipOptcopy(m, f, hlen);
  f.dv.setUint8(f.off, 0x40 | (mhlen >>> 2));
  f.dv.setUint16(f.off + 2, mhlen + len);
  f.len = mhlen;
  f.next = mCopym(m, off, len);
  if (f.next === null) {
    mFreem(f);
    return null;
  }
  f.pktlen = mhlen + len;
  return f;
}

/** Copies the options that go into every fragment; returns the length of the header with them. Source: FreeBSD ip_options.c, ip_optcopy(). */
export function ipOptcopy(from: Mbuf, to: Mbuf, hlen: number): number {
  const src = from.buf;
  const dst = to.buf;
  let d = to.off + IP_HDR_LEN;
  const end = from.off + hlen;
  for (let s = from.off + IP_HDR_LEN; s < end; ) {
    const opt = src[s] as number;
    if (opt === IPOPT_EOL) break;
    if (opt === IPOPT_NOP) {
      dst[d++] = IPOPT_NOP; // keeps what follows aligned
      s++;
      continue;
    }
    const optlen = s + 1 < end ? (src[s + 1] as number) : 0;
    if (optlen < 2 || s + optlen > end) break;
    if (IPOPT_COPIED(opt)) for (let i = 0; i < optlen; i++) dst[d++] = src[s + i] as number;
    s += optlen;
  }
  while (((d - to.off) & 3) !== 0) dst[d++] = IPOPT_EOL;
  return d - to.off;
}

/** Cuts a TSO packet in software and sends the segments. Consumes m; returns an errno. Source: RFC 9293 §3.1 by way of `tsoSegment`. */
export function ipTso(ipv: IpVnet, m: Mbuf, ifp: Ifnet, hop: InAddr, ro: Route | null): number {
  const first = tsoSegment(m, ipv.hdrInfo, 0);
  if (first === null) {
    ipv.stat.odropped++;
    return ENOBUFS;
  }
  return sendList(ipv, first, ifp, hop, ro);
}

function sendList(ipv: IpVnet, first: Mbuf, ifp: Ifnet, hop: InAddr, ro: Route | null): number {
  let p: Mbuf | null = first;
  while (p !== null) {
    const next: Mbuf | null = p.nextpkt;
    p.nextpkt = null;
    const errno = ipSend(ipv, p, ifp, hop, ro);
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
