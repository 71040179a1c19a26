// @hot
import { csumOffset, mHeaderWritable } from '@ns/ifnet-kpi';
import { CSUM_DELAY_DATA_IPV6, CSUM_IP6_UDP, type Mbuf, mCksum } from '@ns/mbuf';
import { cksumFold } from '@ns/wire';

/**
 * Computes the transport checksum that `m` (IPv6 header first, transport header at `l4`) asks for, in software: the one place where that is done on output. The field holds the
 * pseudo-header sum, as TCP and UDP leave it. Consumes m; null when there is no mbuf.
 * Source: FreeBSD ip6_output.c, in6_delayed_cksum().
 */
export function ip6DelayedCksum(m0: Mbuf, l4: number): Mbuf | null {
  const at = l4 + csumOffset(m0.csumFlags);
  const udp = (m0.csumFlags & CSUM_IP6_UDP) !== 0;
  const m = mHeaderWritable(m0, at + 2);
  if (m === null) return null;
  let sum = cksumFold(mCksum(m, l4, m.pktlen - l4, 0));
  if (sum === 0 && udp) sum = 0xffff; // RFC 8200 §8.1
  m.dv.setUint16(m.off + at, sum);
  m.csumFlags &= ~CSUM_DELAY_DATA_IPV6;
  m.csumData = 0;
  return m;
}
