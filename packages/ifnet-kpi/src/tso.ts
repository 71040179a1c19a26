// @hot
import {
  CSUM_IP,
  CSUM_IP6_TCP,
  CSUM_IP_TCP,
  CSUM_TSO,
  M_PKTHDR,
  MAX_LINKHDR,
  type Mbuf,
  mAdj,
  mCksum,
  mCopydata,
  mDemote,
  mDupPkthdr,
  mFree,
  mFreem,
  mSplit,
  mTagCopyChain,
} from '@ns/mbuf';
import { AF_INET, cksumFold, ETHER_HDR_LEN, IP6_HDR_LEN, IPPROTO_TCP, pseudoSum4, pseudoSum6, TH_CWR, TH_FIN, TH_PUSH } from '@ns/wire';
import { ipHeaderSum } from './csum.ts';
import { type HeaderInfo, parseHeaders } from './headers.ts';

/** Offset of the checksum field in a TCP header: `csumData` of TCP packets. */
const TH_SUM_OFF = 16;

/**
 * Cuts a TSO packet (CSUM_IP_TSO or CSUM_IP6_TSO) into the packets that go on the wire, each with `m.tsoSegsz` bytes of payload, the last with the rest. Payload is
 * shared, not copied; headers are.
 *
 * Each segment has its own length fields, IPv4 identification (counted up from that of `m`), sequence number and flags: FIN and PSH on the last only,
 * CWR on the first only. Checksums that `m` leaves to the link (CSUM_IP, CSUM_IP_TCP, CSUM_IP6_TCP) are left by the segments too, with the
 * pseudo-header sum of the segment in the field; those that it does not are complete.
 *
 * @param m - consumed
 * @param info - scratch record of the caller
 * @param linkhdr - as for {@link parseHeaders}
 * @returns the segments in order, linked by `nextpkt`; `m` itself, no longer asking for TSO, if it fits into one or is not TCP; null if the pool was empty (all freed)
 * Source: FreeBSD tcp_lro.c has the opposite; RFC 9293 §3.1, RFC 3168 §6.1.2 (CWR).
 * @public
 */
export function tsoSegment(m: Mbuf, info: HeaderInfo, linkhdr: number = ETHER_HDR_LEN): Mbuf | null {
  const segsz = m.tsoSegsz;
  m.csumFlags &= ~CSUM_TSO;
  m.tsoSegsz = 0;
  const ok = parseHeaders(m, info, linkhdr) && info.proto === IPPROTO_TCP && info.l4len !== 0 && !info.fragment;
  if (!ok || segsz <= 0 || info.payloadLen <= segsz) return m;
  const hlen = info.payloadOff;
  const payload = info.payloadLen;
  // Link padding behind the network packet belongs to no segment.
  if (m.pktlen > hlen + payload) mAdj(m, hlen + payload - m.pktlen);
  const head = copyHeader(m, hlen);
  if (head === null) {
    mFreem(m);
    return null;
  }
  let data: Mbuf | null = stripHeader(m, hlen);
  let first: Mbuf | null = null;
  let last: Mbuf | null = null;
  let index = 0;
  for (let done = 0; done < payload && data !== null; done += segsz) {
    const isLast = payload - done <= segsz;
    const len = isLast ? payload - done : segsz;
    const rest: Mbuf | null = isLast ? null : mSplit(data, len);
    const seg = isLast || rest !== null ? copyHeader(head, hlen) : null;
    if (seg === null) {
      mFreem(data);
      mFreem(rest);
      freeList(first);
      mFreem(head);
      return null;
    }
    seg.next = data;
    seg.pktlen = hlen + len;
    finishSegment(seg, info, index++, done, len, isLast);
    if (last === null) first = seg;
    else last.nextpkt = seg;
    last = seg;
    data = rest;
  }
  mFreem(head);
  return first;
}

/** Frees packets that are linked by `nextpkt`. */
function freeList(first: Mbuf | null): void {
  for (let m = first; m !== null; ) {
    const next: Mbuf | null = m.nextpkt;
    mFreem(m);
    m = next;
  }
}

/** A new packet with packet header, tags and the first `hlen` bytes of `m`. */
function copyHeader(m: Mbuf, hlen: number): Mbuf | null {
  const n = m.pool.getCl(hlen, MAX_LINKHDR);
  if (n === null) return null;
  mDupPkthdr(n, m);
  n.flags |= M_PKTHDR;
  mTagCopyChain(n, m);
  n.len = hlen;
  mCopydata(m, 0, hlen, n.buf, n.off);
  return n;
}

/** The packet as a plain chain without its first `hlen` bytes. */
function stripHeader(m: Mbuf, hlen: number): Mbuf | null {
  mAdj(m, hlen);
  mDemote(m);
  let p: Mbuf | null = m;
  while (p !== null && p.len === 0) p = mFree(p);
  return p;
}

/** Writes what differs from segment to segment: number `index`, with `done` bytes of payload before it and `len` of its own. */
function finishSegment(seg: Mbuf, info: HeaderInfo, index: number, done: number, len: number, isLast: boolean): void {
  const dv = seg.dv;
  const ip = seg.off + info.l3off;
  const th = seg.off + info.l4off;
  const tcplen = info.l4len + len;
  dv.setInt32(th + 4, (dv.getInt32(th + 4) + done) | 0);
  let flags = info.tcpFlags;
  if (index > 0) flags &= ~TH_CWR;
  if (!isLast) flags &= ~(TH_FIN | TH_PUSH);
  dv.setUint8(th + 13, flags);
  if (info.af === AF_INET) {
    dv.setUint16(ip + 2, info.l3len + tcplen);
    dv.setUint16(ip + 4, (dv.getUint16(ip + 4) + index) & 0xffff);
    dv.setUint16(th + TH_SUM_OFF, pseudoSum4(info.src3, info.dst3, IPPROTO_TCP, tcplen));
    if ((seg.csumFlags & CSUM_IP) === 0) ipHeaderSum(seg, info.l3off, info.l3len);
  } else {
    dv.setUint16(ip + 4, info.l3len - IP6_HDR_LEN + tcplen);
    dv.setUint16(
      th + TH_SUM_OFF,
      pseudoSum6(info.src0, info.src1, info.src2, info.src3, info.dst0, info.dst1, info.dst2, info.dst3, IPPROTO_TCP, tcplen),
    );
  }
  if ((seg.csumFlags & (CSUM_IP_TCP | CSUM_IP6_TCP)) !== 0) seg.csumData = TH_SUM_OFF;
  else dv.setUint16(th + TH_SUM_OFF, cksumFold(mCksum(seg, info.l4off, tcplen, 0)));
  // Whoever has to look into the segment need not find its headers again.
  seg.l2hlen = info.l3off;
  seg.l3hlen = info.l3len;
  seg.l4hlen = info.l4len;
}
