import { EEXIST, ENOENT } from '@ns/errno';
import type { InPkt } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import type { TcpKpi, TcpMd5 } from '@ns/tcp-kpi';
import { type InAddr, TOF_SIGNATURE } from '@ns/wire';
import { tcpLogAddrs } from './log.ts';
import type { Segment } from './segment.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** What modules that guard TCP have put in place, for one kernel. Service TCP_KPI. */
export class TcpGuard implements TcpKpi {
  /** Who signs and verifies, or null. */
  md5: TcpMd5 | null;

  constructor() {
    this.md5 = null;
  }

  setMd5(md5: TcpMd5 | null): number {
    if (md5 !== null && this.md5 !== null) return EEXIST;
    this.md5 = md5;
    return 0;
  }
}

/**
 * Whether a segment is to be dropped, in silence, for its signature: missing or wrong where `wanted`, there where it is not. Called only if one of the two is the case.
 * Source: RFC 2385 §4.1; FreeBSD tcp_input(), TCPMD5_INPUT.
 */
export function signatureRefuses(v: TcpVnet, wanted: boolean, seg: Segment): boolean {
  const { md5 } = v.guard;
  const { stat } = v;
  const there = (seg.to.flags & TOF_SIGNATURE) !== 0;
  if (!wanted) {
    if (md5 === null) return false; // an option that nobody knows
    stat.sigErrSigopt++;
    return true;
  }
  if (!there) {
    stat.sigErrNosigopt++;
    tcpLogAddrs(v, seg, 'tcp_input', "Segment rejected, MD5 signature wasn't provided.");
    return true;
  }
  if (md5 === null) {
    stat.sigErrBuildsig++;
    return true;
  }
  if (!md5.verifies(v.vnet)) return false;
  const pkt = seg.pkt as InPkt;
  const error = md5.input(v.vnet, seg.m as Mbuf, seg.thOff, pkt.len, seg.to.sigOff, pkt.srcAddr(), pkt.dstAddr());
  if (error === 0) {
    stat.sigRcvgoodsig++;
    return false;
  }
  if (error === ENOENT) stat.sigErrBuildsig++;
  else stat.sigRcvbadsig++;
  tcpLogAddrs(v, seg, 'tcp_input', "Segment rejected, MD5 signature doesn't match.");
  return true;
}

/** Whether the peer of a SYN that is not signed has a key, so that it has to sign. */
export function signatureIsDue(v: TcpVnet, seg: Segment): boolean {
  const { md5 } = v.guard;
  const pkt = seg.pkt as InPkt;
  if (md5 === null || !md5.hasKey(v.vnet, pkt.srcAddr(), pkt.dstAddr())) return false;
  v.stat.sigErrNosigopt++;
  return true;
}

/** Signs the segment that begins at `m.off`. Returns an errno: it must not be sent then. */
export function signSegment(v: TcpVnet, m: Mbuf, sigOff: number, laddr: InAddr, faddr: InAddr): number {
  const { md5 } = v.guard;
  const error = md5 === null ? ENOENT : md5.output(v.vnet, m, m.off, m.pktlen, sigOff, laddr, faddr);
  if (error !== 0) v.stat.sigErrBuildsig++;
  return error;
}
