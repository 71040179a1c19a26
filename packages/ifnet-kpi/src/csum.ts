// @hot
import {
  CSUM_DELAY_DATA,
  CSUM_DELAY_DATA_IPV6,
  CSUM_IP,
  CSUM_IP6_TCP,
  CSUM_IP6_UDP,
  CSUM_IP_TCP,
  CSUM_IP_UDP,
  CSUM_L3_CALC,
  CSUM_L3_VALID,
  CSUM_L4_CALC,
  CSUM_L4_VALID,
  CSUM_TSO,
  MAX_LINKHDR,
  type Mbuf,
  mAdj,
  mCksum,
  mCopydata,
  mFree,
  mFreem,
  mMovePkthdr,
  MSIZE,
  mWritable,
} from '@ns/mbuf';
import { AF_INET,
  AF_INET6, cksumAddView, cksumFold, ETHER_HDR_LEN } from '@ns/wire';
import { type HeaderInfo, parseHeaders } from './headers.ts';

/** The CSUM_* bits that {@link csumFinalize} works off. */
const PENDING = CSUM_IP | CSUM_DELAY_DATA | CSUM_DELAY_DATA_IPV6;
/** The PENDING bits that say IPv4. */
const PENDING4 = CSUM_IP | CSUM_DELAY_DATA;
/** Offset of the checksum field in a TCP header. */
const TH_SUM_OFF = 16;
/** Offset of the checksum field in a UDP header. */
const UH_SUM_OFF = 6;

/**
 * Offset of the checksum field in the transport header that the CSUM_* request bits in `csumFlags` are about; 0 if they ask for none. The bits say it as surely as
 * `m.csumData`, and they still do after a link inside the process has used that for its own word.
 * @public
 */
export function csumOffset(csumFlags: number): number {
  if ((csumFlags & (CSUM_IP_TCP | CSUM_IP6_TCP)) !== 0) return TH_SUM_OFF;
  return (csumFlags & (CSUM_IP_UDP | CSUM_IP6_UDP)) !== 0 ? UH_SUM_OFF : 0;
}

/**
 * Carries checksum work that a sender has left undone over a link that damages nothing: with `trusted` the receiver is told that the sums are right (L3 and
 * L4 VALID and CALC, csumData 0xffff), and the request bits stay beside that, so that whoever sends the packet on (see {@link csumForward}) knows what is missing; without, the
 * sums are computed. What asks for nothing is left for the receiver to verify.
 *
 * @param trusted4 - the receiver takes such a word for IPv4 (IFCAP_RXCSUM)
 * @param trusted6 - and for IPv6 (IFCAP_RXCSUM_IPV6)
 * @param m - consumed
 * @param info - scratch record of the caller
 * @param linkhdr - as for {@link parseHeaders}
 * @returns the packet, or null when the pool was empty (freed)
 * @public
 */
export function csumPass(m: Mbuf, trusted4: boolean, trusted6: boolean, info: HeaderInfo, linkhdr: number = ETHER_HDR_LEN): Mbuf | null {
  const pending = m.csumFlags & PENDING;
  if (pending === 0) {
    m.csumFlags = 0;
    m.csumData = 0;
    return m;
  }
  const v4 = (pending & PENDING4) !== 0;
  if (v4 ? !trusted4 : !trusted6) return csumFinalize(m, info, linkhdr);
  let flags = m.csumFlags & (PENDING | CSUM_TSO);
  if ((pending & CSUM_IP) !== 0) flags |= CSUM_L3_CALC | CSUM_L3_VALID;
  if ((pending & (CSUM_DELAY_DATA | CSUM_DELAY_DATA_IPV6)) !== 0) {
    flags |= CSUM_L4_CALC | CSUM_L4_VALID;
    m.csumData = 0xffff;
  }
  m.csumFlags = flags;
  return m;
}

/**
 * Makes a received packet one that is to be sent: what was found about its checksums is forgotten, what a sender inside the process left undone (see {@link csumPass}) is asked for again.
 * For whoever forwards.
 * @public
 */
export function csumForward(m: Mbuf): void {
  m.csumFlags &= PENDING | CSUM_TSO;
  m.csumData = csumOffset(m.csumFlags);
}

/**
 * Makes the first `len` bytes of a packet contiguous and writable, copying these bytes only; what follows stays where it is, shared or not.
 * Consumes m: returns the packet, or null (freed) if it is shorter, or the pool is empty.
 * @public
 */
export function mHeaderWritable(m: Mbuf, len: number): Mbuf | null {
  if (m.len >= len && mWritable(m)) return m;
  const n = len <= MSIZE - MAX_LINKHDR ? m.pool.getCl(MSIZE - MAX_LINKHDR, MAX_LINKHDR) : m.pool.getCl(len, MAX_LINKHDR);
  if (n === null || m.pktlen < len || !mCopydata(m, 0, len, n.buf, n.off)) {
    mFreem(n);
    mFreem(m);
    return null;
  }
  n.len = len;
  const pktlen = m.pktlen;
  mAdj(m, len);
  mMovePkthdr(n, m);
  n.pktlen = pktlen;
  let rest: Mbuf | null = m;
  while (rest !== null && rest.len === 0) rest = mFree(rest);
  n.next = rest;
  return n;
}

/**
 * Does in software the checksums that the packet still asks for (CSUM_IP, CSUM_IP_TCP ... CSUM_IP6_UDP in `m.csumFlags`), for a link that does not, or a receiver
 * that wants to verify. The field in the transport header holds the pseudo-header sum. Both families. A packet that asks for nothing comes
 * back untouched.
 *
 * @param m - consumed; its header is copied first if it is shared
 * @param info - scratch record of the caller; filled in by the parser
 * @param linkhdr - as for {@link parseHeaders}
 * @returns the packet, or null when the pool was empty (freed). Bits that could not be served because the packet is not what they say are cleared too.
 * Source: FreeBSD in_delayed_cksum(), in6_delayed_cksum().
 * @public
 */
export function csumFinalize(m: Mbuf, info: HeaderInfo, linkhdr: number = ETHER_HDR_LEN): Mbuf | null {
  const pending = m.csumFlags & PENDING;
  if (pending === 0) return m;
  const field = csumOffset(pending);
  m.csumFlags &= ~PENDING;
  m.csumData = 0;
  if (!headersKnown(m, info, linkhdr, pending) && !parseHeaders(m, info, linkhdr)) return m;
  const l4 = info.l4off;
  const l4total = info.totlen - info.l3len;
  const doData = (pending & (info.af === AF_INET ? CSUM_DELAY_DATA : CSUM_DELAY_DATA_IPV6)) !== 0 && !info.laterFragment && field + 2 <= l4total;
  const n = mHeaderWritable(m, doData ? l4 + field + 2 : l4);
  if (n === null) return null;
  if (doData) {
    let sum = cksumFold(mCksum(n, l4, l4total, 0));
    if (sum === 0 && (pending & (CSUM_IP_UDP | CSUM_IP6_UDP)) !== 0) sum = 0xffff;
    n.dv.setUint16(n.off + l4 + field, sum);
  }
  if ((pending & CSUM_IP) !== 0 && info.af === AF_INET) ipHeaderSum(n, info.l3off, info.l3len);
  return n;
}

/**
 * Whether the packet brings the lengths of its headers, from this link header on: then `info` gets what a checksum needs of them, and nothing is parsed. Lengths that were noted before the link header was put
 * in front, or that have it no more in front of them, do not count.
 */
function headersKnown(m: Mbuf, info: HeaderInfo, linkhdr: number, pending: number): boolean {
  const l2 = m.l2hlen;
  if (m.l3hlen === 0 || (linkhdr === 0 ? l2 !== 0 : l2 < linkhdr)) return false;
  info.af = (pending & CSUM_DELAY_DATA_IPV6) !== 0 ? AF_INET6 : AF_INET;
  info.l3off = l2;
  info.l3len = m.l3hlen;
  info.l4off = l2 + m.l3hlen;
  info.l4len = m.l4hlen;
  info.totlen = m.pktlen - l2;
  info.laterFragment = false;
  return true;
}

/** Computes and stores the checksum of the IPv4 header of `hlen` bytes at `off` of the first mbuf, which is writable. */
export function ipHeaderSum(m: Mbuf, off: number, hlen: number): void {
  const p = m.off + off;
  m.dv.setUint16(p + 10, 0);
  m.dv.setUint16(p + 10, cksumFold(cksumAddView(m.dv, p, hlen, 0)));
}

