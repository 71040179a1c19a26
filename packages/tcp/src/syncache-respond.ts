import { INET_DF, type Inpcb } from '@ns/inpcb';
import { CSUM_IP6_TCP, CSUM_IP_TCP, mFreem } from '@ns/mbuf';
import { type Socket, sbspace } from '@ns/socket';
import {
  AF_INET,
  encodeTcpHdr,
  encodeTcpOpts,
  IPPROTO_TCP,
  TCP_HDR_LEN,
  TCP_MAX_WINSHIFT,
  TCP_MAXWIN,
  TH_ACK,
  TH_CWR,
  TH_ECE,
  TH_SYN,
  TOF_FASTOPEN,
  TOF_MSS,
  TOF_SACKPERM,
  TOF_SCALE,
  TOF_SIGNATURE,
  TOF_TS,
} from '@ns/wire';
import { signSegment } from './guard.ts';
import { defaultMss, tcpMssopt } from './mss.ts';
import type { Segment } from './segment.ts';
import { SCF_ECN, SCF_NOOPT, SCF_SACK, SCF_SIGNATURE, SCF_TIMESTAMP, SCF_UNREACH, SCF_WINSCALE, type SyncacheEntry } from './syncache-entry.ts';
import { TF_NOOPT, TF_SIGNATURE, type Tcpcb } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** Offset of the checksum in the TCP header. */
const TH_SUM_OFF = 16;

/** The window shift to offer: the smallest that lets the field express the largest socket buffer. */
export function wscaleFor(v: TcpVnet): number {
  let scale = 0;
  while (scale < TCP_MAX_WINSHIFT && TCP_MAXWIN << scale < v.sbMax()) scale++;
  return scale;
}

/** Whether a SYN is an ECN-setup one: both ECE and CWR (RFC 3168 §6.1.1). */
export const asksForEcn = (seg: Segment): boolean => (seg.flags & (TH_SYN | TH_ECE | TH_CWR)) === (TH_SYN | TH_ECE | TH_CWR);

/** What the SYN says, and what the listener wants. */
export function syncacheFill(v: TcpVnet, sc: SyncacheEntry, lso: Socket, ltp: Tcpcb, seg: Segment): void {
  sc.irs = seg.th.seq;
  if ((ltp.flags & TF_SIGNATURE) !== 0 && (seg.to.flags & TOF_SIGNATURE) !== 0) sc.flags |= SCF_SIGNATURE;
  const space = sbspace(lso.rcv);
  sc.wnd = space < 0 ? 0 : space > TCP_MAXWIN ? TCP_MAXWIN : space;
  if (asksForEcn(seg) && v.ecnEnable !== 0) sc.flags |= SCF_ECN;
  const to = seg.to;
  const noopt = (ltp.flags & TF_NOOPT) !== 0;
  if ((to.flags & TOF_MSS) !== 0) sc.peerMss = Math.max(noopt ? Math.min(to.mss, defaultMss(v, sc.faddr.af)) : to.mss, v.minmss);
  if (noopt) {
    sc.flags |= SCF_NOOPT;
    return;
  }
  if ((to.flags & TOF_TS) !== 0 && v.stamps()) {
    sc.tsreflect = to.tsval;
    sc.flags |= SCF_TIMESTAMP;
    const ports = v.tsOffsetPerConn;
    sc.tsoff = v.isn.newTsOffset(sc.laddr, ports ? sc.lport : 0, sc.faddr, ports ? sc.fport : 0);
  }
  if ((to.flags & TOF_SCALE) !== 0 && v.scales()) {
    sc.requestedRScale = wscaleFor(v);
    sc.requestedSScale = to.wscale;
    sc.flags |= SCF_WINSCALE;
  }
  if ((to.flags & TOF_SACKPERM) !== 0 && v.sackEnable) sc.flags |= SCF_SACK;
}

/**
 * The MSS option of a SYN|ACK: that of the path, at most what TCP_MAXSEG of the listener asks for.
 * Differs: FreeBSD does not ask the listener.
 */
function offeredMss(v: TcpVnet, sc: SyncacheEntry): number {
  const linp = sc.lso.pcb as Inpcb;
  const mss = tcpMssopt(v, sc.af, sc.faddr, sc.fibnum, linp, sc.udpPort);
  const ext = (linp.ppcb as Tcpcb).ext;
  return ext !== null && ext.userMaxseg > 0 && ext.userMaxseg < mss ? ext.userMaxseg : mss;
}

/** Sends the SYN|ACK of `sc`; false if it could not be sent. Source: FreeBSD syncache_respond(). */
export function syncacheRespond(v: TcpVnet, sc: SyncacheEntry): boolean {
  const m = v.pool.getHdr();
  if (m === null) return false;
  const { th, to } = v.out;
  const o = m.off;
  th.sport = sc.lport;
  th.dport = sc.fport;
  th.seq = sc.iss;
  th.ack = (sc.irs + 1) | 0;
  th.flags = (sc.flags & SCF_ECN) === 0 ? TH_SYN | TH_ACK : TH_SYN | TH_ACK | TH_ECE;
  th.win = sc.wnd;
  th.urp = 0;
  to.flags = 0;
  if ((sc.flags & SCF_NOOPT) === 0) {
    to.flags = TOF_MSS;
    to.mss = offeredMss(v, sc);
    if ((sc.flags & SCF_WINSCALE) !== 0) {
      to.flags |= TOF_SCALE;
      to.wscale = sc.requestedRScale;
    }
    if ((sc.flags & SCF_SACK) !== 0) to.flags |= TOF_SACKPERM;
    if ((sc.flags & SCF_TIMESTAMP) !== 0) {
      to.flags |= TOF_TS;
      to.tsval = (v.wheel.ticks() + sc.tsoff) | 0;
      to.tsecr = sc.tsreflect;
    }
    if ((sc.flags & SCF_SIGNATURE) !== 0) to.flags |= TOF_SIGNATURE;
    if (sc.tfoCookie !== null) {
      to.flags |= TOF_FASTOPEN;
      to.tfoLen = sc.tfoCookie.length;
      to.tfoCookie.set(sc.tfoCookie);
      sc.tfoCookie = null; // a repetition has none: it may be what got lost
    }
  }
  const len = TCP_HDR_LEN + encodeTcpOpts(m.dv, o + TCP_HDR_LEN, to);
  th.off = len;
  th.sum = 0;
  if (sc.udpPort === 0) {
    th.sum = sc.af.pseudoSum(sc.laddr, sc.faddr, IPPROTO_TCP, len);
    m.csumFlags = sc.af.af === AF_INET ? CSUM_IP_TCP : CSUM_IP6_TCP;
    m.csumData = TH_SUM_OFF;
  }
  encodeTcpHdr(m.dv, o, th);
  m.len = len;
  m.pktlen = len;
  m.fibnum = sc.fibnum;
  if ((to.flags & TOF_SIGNATURE) !== 0 && signSegment(v, m, to.sigOff, sc.laddr, sc.faddr) !== 0) {
    mFreem(m);
    return false;
  }
  // An unreachable that comes back may be about its size.
  const flags = v.pathMtuDiscovery && (sc.flags & SCF_UNREACH) === 0 ? INET_DF : 0;
  if (sc.udpPort !== 0) return v.overUdp.output(sc.af, m, sc.laddr, sc.faddr, sc.udpPort, sc.ttl, sc.tos, flags, null, null) === 0;
  return sc.af.output(v.vnet, m, sc.laddr, sc.faddr, IPPROTO_TCP, sc.ttl, sc.tos, flags, null, null) === 0;
}
