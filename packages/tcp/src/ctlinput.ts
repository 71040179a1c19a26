import { EHOSTDOWN, EHOSTUNREACH, ENETUNREACH } from '@ns/errno';
import { INP_DROPPED, INP_TIMEWAIT, inPcbLookupExact } from '@ns/inpcb';
import { routeClear } from '@ns/route';
import { AF_INET6, type IcmpNotice, PRC_MSGSIZE, PRC_TIMXCEED_INTRANS, PRC_UNREACH_ADMIN_PROHIB, PRC_UNREACH_PORT, PRC_UNREACH_PROTOCOL, prcIsRedirect, seqGeq, seqLt } from '@ns/wire';
import { exitRecovery } from '@ns/cc-kpi';
import { tcpFastopenDisablePath } from './fastopen.ts';
import { encapOverhead, minProtoh, type MssOffer, tcpMssUpdate, tcpSetMss } from './mss.ts';
import { tcpOutput } from './output.ts';
import { tcpFreeSackholes } from './sack.ts';
import { tcpDrop } from './subr.ts';
import { type Tcpcb, TCPS_ESTABLISHED, TCPS_LISTEN, TCPS_SYN_SENT, TF2_NO_DF, TF_FASTOPEN } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** Path MTUs that occur (RFC 1191 §7), for routers that do not say theirs. Source: FreeBSD ip_next_mtu(). */
const MTU_PLATEAUS: readonly number[] = Object.freeze([65535, 32000, 17914, 8166, 4352, 2002, 1492, 1280, 1006, 508, 296, 68]);
/** Smallest MTU of an IPv6 link. */
const IPV6_MMTU = 1280;
/** Bytes of the quoted TCP header that hold ports and sequence number. */
const QUOTED_MIN = 8;

/** The next plateau below `mtu`, 0 if there is none. */
export function ipNextMtu(mtu: number): number {
  for (const p of MTU_PLATEAUS) if (p < mtu) return p;
  return 0;
}

/**
 * An ICMP error about a segment of ours, sent to UDP port `udpPort`, or plain if that is 0. Anybody can forge one: it counts only if it quotes the connection's road and a sequence
 * number that is under way, and only in SYN-SENT can it end a connection.
 * Source: RFC 5927; FreeBSD tcp_subr.c, tcp_ctlinput(), tcp6_ctlinput().
 */
export function tcpCtlinput(v: TcpVnet, n: IcmpNotice, udpPort: number): void {
  if (n.quoted < QUOTED_MIN || prcIsRedirect(n.cmd)) return;
  const inp = inPcbLookupExact(v.pcbinfo, n.dst, n.dport, n.src, n.sport);
  if (inp === null) {
    if (n.errno !== 0 && n.cmd !== PRC_MSGSIZE) v.syncache.unreach(n.src, n.sport, n.dst, n.dport, udpPort, n.seq);
    return;
  }
  if ((inp.flags & (INP_TIMEWAIT | INP_DROPPED)) !== 0 || inp.socket === null) return;
  const tp = inp.ppcb as Tcpcb;
  if (tp.udpPort !== udpPort || !seqGeq(n.seq, tp.sndUna) || !seqLt(n.seq, tp.sndMax)) return;
  if (n.cmd === PRC_MSGSIZE) {
    fragmentationNeeded(v, tp, n);
    return;
  }
  if (v.icmpMayRst && isFatal(n.cmd)) {
    if (tp.state !== TCPS_SYN_SENT) return;
    if ((tp.flags & TF_FASTOPEN) !== 0) tcpFastopenDisablePath(tp);
    tcpDrop(tp, n.errno);
    return;
  }
  if (n.errno !== 0) tcpNotify(tp, n.errno);
}

/** Errors that end an attempt to connect, with net.inet.tcp.icmp_may_rst. */
function isFatal(cmd: number): boolean {
  return cmd === PRC_UNREACH_ADMIN_PROHIB || cmd === PRC_UNREACH_PORT || cmd === PRC_UNREACH_PROTOCOL || cmd === PRC_TIMXCEED_INTRANS;
}

/**
 * The path does not take packets of this size. The MTU goes along to the connection, not only into the host cache: that may be full (T28). Segments are never made smaller
 * than minmss: below that they lose their DF bit and are fragmented on the way, for the rest of the connection.
 */
function fragmentationNeeded(v: TcpVnet, tp: Tcpcb, n: IcmpNotice): void {
  const head = minProtoh(n.af) + encapOverhead(v, tp.udpPort);
  let mtu = n.mtu !== 0 ? n.mtu : n.ipLen !== 0 ? ipNextMtu(n.ipLen) : 0;
  if (mtu === 0) {
    tcpMtudiscNotify(tp);
    return;
  }
  if (n.af === AF_INET6 && mtu < IPV6_MMTU) mtu = IPV6_MMTU;
  if ((tp.flags2 & TF2_NO_DF) !== 0) return; // what it sends may be fragmented: this is old, or forged
  if (mtu < tp.mss + head) {
    v.hostcache.updateMtu(n.dst, tp.inp.fibnum, mtu);
    tcpMtudisc(tp, { kind: 'mtu', mtu });
  } else if (n.af === AF_INET6 && tp.state === TCPS_SYN_SENT) {
    v.hostcache.updateMtu(n.dst, tp.inp.fibnum, mtu); // what ICMPv6 itself does in FreeBSD; the next SYN asks the cache
  }
}

/**
 * Takes a smaller MTU over: smaller segments, and everything outstanding again at once, since what was too large is lost.
 * Source: FreeBSD tcp_subr.c, tcp_mtudisc().
 */
export function tcpMtudisc(tp: Tcpcb, offer: MssOffer): void {
  tcpMssUpdate(tp, offer);
  if (tp.so.snd.hiwat < tp.mss) tcpSetMss(tp, tp.so.snd.hiwat);
  tp.tcp.stat.mturesent++;
  tp.rttTiming = false;
  tp.sndNxt = tp.sndUna;
  tcpFreeSackholes(tp);
  tp.sndRecover = tp.sndMax;
  exitRecovery(tp);
  tcpOutput(tp);
}

/** The path is said to be too narrow, but not how narrow: looks at route and host cache again. Source: FreeBSD tcp_mtudisc_notify(). */
export function tcpMtudiscNotify(tp: Tcpcb): void {
  tcpMtudisc(tp, { kind: 'none' });
}

/** A soft error: remembered for the day that the connection fails. Source: FreeBSD tcp_notify(). */
function tcpNotify(tp: Tcpcb, errno: number): void {
  if (tp.state === TCPS_LISTEN) return;
  if (tp.state === TCPS_ESTABLISHED && (errno === EHOSTUNREACH || errno === ENETUNREACH || errno === EHOSTDOWN)) {
    routeClear(tp.inp.route);
    return;
  }
  tp.softerror = errno;
}
