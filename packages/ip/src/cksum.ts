// @hot
import { csumOffset, mHeaderWritable } from '@ns/ifnet-kpi';
import { CSUM_DELAY_DATA, CSUM_IP_UDP, type Mbuf, mCksum } from '@ns/mbuf';
import { cksumAddView, cksumFold, getIpHlen, getIpLen } from '@ns/wire';

/**
 * Computes the transport checksum that `m` (IP header first) asks for, in software: the one place where that is done on output. The field holds the pseudo-header sum, as TCP and UDP leave it. Consumes m; null when there is no mbuf.
 * Source: FreeBSD ip_output.c, in_delayed_cksum().
 */
export function ipDelayedCksum(m0: Mbuf): Mbuf | null {
  const hlen = getIpHlen(m0.dv, m0.off);
  const at = hlen + csumOffset(m0.csumFlags);
  const udp = (m0.csumFlags & CSUM_IP_UDP) !== 0;
  const m = mHeaderWritable(m0, at + 2);
  if (m === null) return null;
  let sum = cksumFold(mCksum(m, hlen, getIpLen(m.dv, m.off) - hlen, 0));
  if (sum === 0 && udp) sum = 0xffff; // RFC 768: 0 would say that there is none
  m.dv.setUint16(m.off + at, sum);
  m.csumFlags &= ~CSUM_DELAY_DATA;
  m.csumData = 0;
  return m;
}

/** Computes the checksum of the IP header at the front of `m`. */
export function ipHdrCksum(m: Mbuf): void {
  const dv = m.dv;
  const o = m.off;
  dv.setUint16(o + 10, 0);
  dv.setUint16(o + 10, cksumFold(cksumAddView(dv, o, getIpHlen(dv, o), 0)));
}
