import { INP_MINMTU, type InetAf, type Inpcb } from '@ns/inpcb';
import { SB_AUTOSIZE, sbreserve } from '@ns/socket';
import { AF_INET, AF_INET6, type InAddr, IPV6_MMTU, TCP_HDR_LEN, TCPOLEN_SIGNATURE, TCPOLEN_TSTAMP_APPA } from '@ns/wire';
import {
  type Tcpcb,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TF2_NO_DF,
  TF2_PLPMTU_BLACKHOLE,
  TF2_PLPMTU_MAXSEGSNT,
  TF2_PLPMTU_PMTUD,
  TF_RCVD_TSTMP,
  TF_SIGNATURE,
  TF_TSO,
} from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** Smallest segment that still leaves room for data beside 40 bytes of options. */
const MSS_FLOOR = 64;
/** Largest IP packet, for TSO where the interface says nothing. */
const IP_MAXPACKET = 65535;

/**
 * What bounds the segment size: `offer` is the MSS option of the peer's SYN (0: it sent none), `mtu` a path MTU learnt from ICMP or from output, headers
 * included; `none` looks at the path alone. Distinct kinds, so that one cannot be taken for the other.
 * Source: FreeBSD tcp_mss_update() and its parameters offer, mtuoffer.
 * @alpha
 */
export type MssOffer =
  | { readonly kind: 'offer'; readonly mss: number }
  | { readonly kind: 'mtu'; readonly mtu: number }
  | { readonly kind: 'none' };

/** IP and TCP header without options. */
export const minProtoh = (af: number): number => (af === AF_INET ? 40 : 60);

/** MSS when the peer says nothing (RFC 9293 MUST-15). */
export const defaultMss = (v: TcpVnet, af: number): number => (af === AF_INET ? v.mssdflt : v.v6mssdflt);

/** Address family that the connection speaks. */
export const tcpAf = (tp: Tcpcb): number => tp.inp.faddr.af;

/** What encapsulation takes off the MSS of a connection with this UDP port, 0 for plain TCP. */
export const encapOverhead = (v: TcpVnet, udpPort: number): number => (udpPort === 0 ? 0 : v.overUdp.overhead);

/**
 * MTU of the path as known here: that of the route, or what the host cache has from ICMP if that is less, but no less than minmss needs behind `head` bytes of headers; 0 without a
 * route. Leaves `v.path` filled in.
 */
function pathMtu(v: TcpVnet, af: InetAf, faddr: InAddr, fib: number, inp: Inpcb, head: number): number {
  v.path.mtu = 0;
  if (af.pathInfo(v.vnet, fib, faddr, v.path) !== 0) v.path.mtu = 0;
  // IPV6_USE_MIN_MTU (RFC 3542 §11.1): what every path takes.
  if (af.af === AF_INET6 && (inp.flags & INP_MINMTU) !== 0 && v.path.mtu > IPV6_MMTU) v.path.mtu = IPV6_MMTU;
  const max = v.path.mtu;
  const learnt = v.hostcache.getMtu(faddr, fib);
  const known = learnt === 0 ? 0 : Math.max(learnt, v.minmss + head);
  if (max === 0) return known;
  return known !== 0 && known < max ? known : max;
}

/**
 * The value of the MSS option towards `faddr` of a connection of `inp`, or of its listener: what fits the interface, in UDP if there is a `udpPort`, whatever minmss.
 * Source: RFC 6691; FreeBSD tcp_input.c, tcp_mssopt().
 */
export function tcpMssopt(v: TcpVnet, af: InetAf, faddr: InAddr, fibnum: number, inp: Inpcb, udpPort: number): number {
  const overhead = encapOverhead(v, udpPort);
  const head = minProtoh(af.af) + overhead;
  const mtu = pathMtu(v, af, faddr, fibnum, inp, head);
  return mtu === 0 ? defaultMss(v, af.af) - overhead : mtu - head;
}

/** The MSS option of this connection: that of the path, at most what TCP_MAXSEG asks for. */
export function tcpMssoptOf(tp: Tcpcb): number {
  const inp = tp.inp;
  const mss = tcpMssopt(tp.tcp, inp.af as InetAf, inp.faddr, inp.fibnum, inp, tp.udpPort);
  const user = tp.ext === null ? 0 : tp.ext.userMaxseg;
  return user > 0 && user < mss ? user : mss;
}

/** Sets the MSS and what follows from it. The one place that writes `mss` and `maxseg`. */
export function tcpSetMss(tp: Tcpcb, mss: number): void {
  let opts = 0;
  if ((tp.flags & TF_RCVD_TSTMP) !== 0) opts += TCPOLEN_TSTAMP_APPA;
  if ((tp.flags & TF_SIGNATURE) !== 0) opts += TCPOLEN_SIGNATURE + 2;
  tp.mss = mss;
  tp.maxseg = mss - opts;
}

/**
 * Works out the MSS from what the path takes and the peer offers.
 * Source: RFC 9293 §3.7.1; FreeBSD tcp_input.c, tcp_mss_update().
 */
export function tcpMssUpdate(tp: Tcpcb, offer: MssOffer): void {
  const v = tp.tcp;
  const inp = tp.inp;
  const family = tcpAf(tp);
  const head = minProtoh(family) + encapOverhead(v, tp.udpPort);
  const dflt = defaultMss(v, family);
  let bound = Infinity;
  if (offer.kind === 'mtu') bound = Math.max(offer.mtu - head, v.minmss);
  else if (offer.kind === 'offer') bound = offer.mss === 0 ? dflt : Math.max(offer.mss, v.minmss);
  noteNarrowPath(tp, offer, head);
  tcpSetMss(tp, dflt);
  const mtu = pathMtu(v, inp.af as InetAf, inp.faddr, inp.fibnum, inp, head);
  if (v.path.mtu === 0) return; // no route: the default has to do
  let mss = mtu - head;
  if (!v.pathMtuDiscovery && v.hostcache.getMtu(inp.faddr, inp.fibnum) === 0 && !v.path.onlink) mss = Math.min(mss, dflt);
  mss = Math.min(mss, bound);
  if (tp.ext !== null && tp.ext.userMaxseg > 0) mss = Math.min(mss, tp.ext.userMaxseg);
  tcpSetMss(tp, Math.max(mss, MSS_FLOOR));
}

/**
 * A path that does not take minmss: PMTU discovery has nothing more to find out, and its packets may be fragmented (kern/146628).
 * Differs: FreeBSD clears DF at minmss itself too, where a path of 256 bytes takes the packets as they are.
 */
function noteNarrowPath(tp: Tcpcb, offer: MssOffer, head: number): void {
  const v = tp.tcp;
  const learnt = offer.kind === 'mtu' ? offer.mtu : v.hostcache.getMtu(tp.inp.faddr, tp.inp.fibnum);
  if (learnt !== 0 && learnt < v.minmss + head) tp.flags2 |= TF2_NO_DF;
}

/**
 * The peer's MSS is known: sets ours, and rounds the buffers up to whole segments.
 * Source: FreeBSD tcp_input.c, tcp_mss().
 */
export function tcpMss(tp: Tcpcb, peerMss: number): void {
  const v = tp.tcp;
  const so = tp.so;
  tcpMssUpdate(tp, { kind: 'offer', mss: peerMss });
  const known = v.hostcache.get(tp.inp.faddr, tp.inp.fibnum);
  let mss = tp.mss;
  const sendpipe = known !== null && so.snd.hiwat === v.sendspace && known.sendpipe !== 0 ? known.sendpipe : so.snd.hiwat;
  if (sendpipe < mss) mss = sendpipe;
  else growTo(tp, true, sendpipe, mss);
  tcpSetMss(tp, mss);
  const recvpipe = known !== null && so.rcv.hiwat === v.recvspace && known.recvpipe !== 0 ? known.recvpipe : so.rcv.hiwat;
  if (recvpipe > mss) growTo(tp, false, recvpipe, mss);
  tcpSetTso(tp);
}

function growTo(tp: Tcpcb, send: boolean, size: number, mss: number): void {
  const v = tp.tcp;
  const sb = send ? tp.so.snd : tp.so.rcv;
  const want = Math.min(Math.ceil(size / mss) * mss, v.sbMax());
  if (want > sb.hiwat && !sbreserve(sb, want, v.sbMax())) sb.flags &= ~SB_AUTOSIZE;
}

/** Takes over whether the interface towards the peer segments for us: not what is in UDP. */
export function tcpSetTso(tp: Tcpcb): void {
  const path = tp.tcp.path;
  if (path.tsoEnabled && tp.udpPort === 0) tp.flags |= TF_TSO;
  else tp.flags &= ~TF_TSO;
  const max = path.tsoMax > 0 ? path.tsoMax : IP_MAXPACKET;
  tp.tsomax = max - (tcpAf(tp) === AF_INET ? 20 : 40) - TCP_HDR_LEN;
}

/** Whether packets of this connection may not be fragmented; false when its path is narrower than minmss, so that it still works (T108). */
export function tcpWantsDf(tp: Tcpcb): boolean {
  return tp.tcp.pathMtuDiscovery && (tp.flags2 & (TF2_PLPMTU_BLACKHOLE | TF2_NO_DF)) === 0;
}

/**
 * Black hole detection: when full segments are lost again and again, tries smaller ones, two times each size, and goes back to the old one when that does not help.
 * Called from the retransmission timer.
 * Source: RFC 4821 §7.7 in spirit; FreeBSD tcp_timer.c, tcp_timer_rexmt(), V_tcp_pmtud_blackhole_detect.
 */
export function tcpBlackholeProbe(tp: Tcpcb): void {
  const v = tp.tcp;
  if (!v.pmtudBlackholeDetection || (tp.state !== TCPS_ESTABLISHED && tp.state !== TCPS_FIN_WAIT_1)) return;
  const v4 = tcpAf(tp) === AF_INET;
  const dflt = v4 ? v.mssdflt : v.v6mssdflt;
  const first = Math.max(v4 ? v.pmtudBlackholeMss : v.v6pmtudBlackholeMss, dflt);
  const probing = (tp.flags2 & TF2_PLPMTU_BLACKHOLE) !== 0;
  const steps = first > dflt ? 2 : 1;
  const shift = tp.rxtshift;
  if (probing && shift >= 2 + 2 * steps) {
    tp.flags2 = (tp.flags2 | TF2_PLPMTU_PMTUD) & ~TF2_PLPMTU_BLACKHOLE;
    if (tp.ext !== null) {
      tcpSetMss(tp, tp.ext.pmtudSavedMaxseg);
      tp.ext.pmtudSavedMaxseg = 0;
    }
    v.stat.pmtudBlackholeFailed++;
    tp.cc.connInit?.(tp);
    return;
  }
  const candidate = (tp.flags2 & (TF2_PLPMTU_PMTUD | TF2_PLPMTU_MAXSEGSNT)) === (TF2_PLPMTU_PMTUD | TF2_PLPMTU_MAXSEGSNT);
  if (probing ? shift !== 4 : !candidate || shift !== 2) return;
  if (!probing) {
    tp.flags2 |= TF2_PLPMTU_BLACKHOLE;
    tp.rare.pmtudSavedMaxseg = tp.mss;
  }
  const overhead = encapOverhead(v, tp.udpPort);
  if (shift === 2 && tp.mss > first - overhead) {
    tcpSetMss(tp, first);
    v.stat.pmtudBlackholeActivated++;
  } else if (tp.mss > dflt) {
    tcpSetMss(tp, dflt);
    tp.flags2 &= ~TF2_PLPMTU_PMTUD;
    v.stat.pmtudBlackholeActivatedMinMss++;
  }
  tp.cc.connInit?.(tp);
}
