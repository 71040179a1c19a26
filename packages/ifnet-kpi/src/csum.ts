import {
  CSUM_DELAY_DATA,
  CSUM_DELAY_DATA_IPV6,
  CSUM_IP,
  CSUM_IP6_UDP,
  CSUM_IP_UDP,
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
import { AF_INET, cksumAddView, cksumFold, ETHER_HDR_LEN } from '@ns/wire';
import { type HeaderInfo, parseHeaders } from './headers.ts';

/** The CSUM_* bits that {@link csumFinalize} works off. */
const PENDING = CSUM_IP | CSUM_DELAY_DATA | CSUM_DELAY_DATA_IPV6;

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
 * that wants to verify. The field in the transport header holds the pseudo-header sum, `m.csumData` its offset there. Both families. A packet that asks for nothing comes
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
  const field = m.csumData;
  m.csumFlags &= ~PENDING;
  m.csumData = 0;
  if (!parseHeaders(m, info, linkhdr)) return m;
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

/** Computes and stores the checksum of the IPv4 header of `hlen` bytes at `off` of the first mbuf, which is writable. */
export function ipHeaderSum(m: Mbuf, off: number, hlen: number): void {
  const p = m.off + off;
  m.dv.setUint16(p + 10, 0);
  m.dv.setUint16(p + 10, cksumFold(cksumAddView(m.dv, p, hlen, 0)));
}

