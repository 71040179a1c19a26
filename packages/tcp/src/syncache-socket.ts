import { INP_MINMTU, type Inpcb, inPcbSetTuple } from '@ns/inpcb';
import { soabort, type Socket, sonewconn } from '@ns/socket';
import { ccSwitch } from './cc.ts';
import { setState } from './fsm.ts';
import { tcpLogEnds } from './log.ts';
import { tcpMss } from './mss.ts';
import { SCF_ECN, SCF_NOOPT, SCF_SACK, SCF_SIGNATURE, SCF_TIMESTAMP, SCF_WINSCALE, type SyncacheEntry } from './syncache-entry.ts';
import { TCPS_SYN_RECEIVED, type Tcpcb, TF2_ECN_PERMIT, TF_NODELAY, TF_NOOPT, TF_NOPUSH, TF_RCVD_SCALE, TF_RCVD_TSTMP, TF_REQ_SCALE, TF_REQ_TSTMP, TF_SACK_PERMIT, TF_SIGNATURE } from './tcpcb.ts';
import { keepinitMs, tcpTimerActivate, TT_KEEP } from './timer.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/**
 * Makes the socket and the connection of a half-open entry whose ACK has come: in SYN-RECEIVED, and in the listener's queue of incomplete connections.
 * Null when the listener's queue is full or memory is short; nothing is left then.
 * Source: FreeBSD tcp_syncache.c, syncache_socket().
 */
export function syncacheSocket(v: TcpVnet, sc: SyncacheEntry, lso: Socket, linp: Inpcb, ltp: Tcpcb): Socket | null {
  const so = sonewconn(lso, 0);
  if (so === null) {
    tcpLogEnds(v, sc, 'syncache_socket', 'Socket create failed due to limits or memory shortage');
    v.stat.listendrop++;
    return null;
  }
  const inp = so.pcb as Inpcb;
  const tp = inp.ppcb as Tcpcb;
  inp.fibnum = sc.fibnum;
  inp.ttl = linp.ttl;
  inp.tos = linp.tos;
  inp.minTtl = linp.minTtl;
  inp.flags |= linp.flags & INP_MINMTU;
  const error = inPcbSetTuple(inp, sc.laddr, sc.lport, sc.faddr, sc.fport);
  if (error !== 0) {
    tcpLogEnds(v, sc, 'syncache_socket', `in_pcbconnect failed with error ${error}`);
    soabort(so);
    v.stat.listendrop++;
    return null;
  }
  if (ltp.cc !== tp.cc) ccSwitch(tp, ltp.cc);
  inherit(tp, ltp);
  tp.udpPort = sc.udpPort;
  sequence(tp, sc);
  options(tp, sc);
  if (sc.challengeCnt > 0) {
    tp.rare.challengeCnt = sc.challengeCnt;
    tp.rare.challengeEndMs = sc.challengeEndMs;
  }
  tcpMss(tp, sc.peerMss);
  // The path lost our SYN|ACK: begin with one segment (RFC 5681 §3.1, RFC 6298 §5.7).
  if (sc.rxmits > 0) tp.sndCwnd = 1;
  setState(tp, TCPS_SYN_RECEIVED);
  tcpTimerActivate(tp, TT_KEEP, keepinitMs(tp) * 1000);
  v.stat.accepts++;
  return so;
}

/** What a connection has from its listener. */
function inherit(tp: Tcpcb, ltp: Tcpcb): void {
  tp.flags = ltp.flags & (TF_NOPUSH | TF_NODELAY);
  if (tp.tcp.functionsInherit) tp.fb = ltp.fb;
  const from = ltp.ext;
  if (from === null || (from.keepinitMs | from.keepidleMs | from.keepintvlMs | from.keepcnt | from.maxunackMs | from.userMaxseg) === 0) return;
  const to = tp.rare;
  to.keepinitMs = from.keepinitMs;
  to.keepidleMs = from.keepidleMs;
  to.keepintvlMs = from.keepintvlMs;
  to.keepcnt = from.keepcnt;
  to.maxunackMs = from.maxunackMs;
  to.userMaxseg = from.userMaxseg;
}

function sequence(tp: Tcpcb, sc: SyncacheEntry): void {
  const first = (sc.irs + 1) | 0;
  tp.iss = sc.iss;
  tp.irs = sc.irs;
  tp.rcvNxt = first;
  tp.rcvUp = first;
  tp.rcvWnd = sc.wnd;
  tp.rcvAdv = (first + sc.wnd) | 0;
  tp.lastAckSent = first;
  tp.sndUna = sc.iss;
  tp.sndUp = sc.iss;
  tp.sndRecover = sc.iss;
  tp.sndNxt = (sc.iss + 1) | 0;
  tp.sndMax = tp.sndNxt;
  tp.sndWl1 = sc.irs;
}

function options(tp: Tcpcb, sc: SyncacheEntry): void {
  if ((sc.flags & SCF_SIGNATURE) !== 0) tp.flags |= TF_SIGNATURE;
  if ((sc.flags & SCF_ECN) !== 0) {
    tp.flags2 |= TF2_ECN_PERMIT;
    tp.tcp.stat.ecnShs++;
  }
  if ((sc.flags & SCF_NOOPT) !== 0) {
    tp.flags |= TF_NOOPT;
    return;
  }
  if ((sc.flags & SCF_WINSCALE) !== 0) {
    tp.flags |= TF_REQ_SCALE | TF_RCVD_SCALE;
    tp.sndScale = sc.requestedSScale;
    tp.requestRScale = sc.requestedRScale;
    tp.rcvScale = sc.requestedRScale;
  }
  if ((sc.flags & SCF_TIMESTAMP) !== 0) {
    tp.flags |= TF_REQ_TSTMP | TF_RCVD_TSTMP;
    tp.tsRecent = sc.tsreflect;
    tp.tsRecentAgeMs = tp.tcp.wheel.ticks();
    tp.tsOffset = sc.tsoff;
  }
  if ((sc.flags & SCF_SACK) !== 0) tp.flags |= TF_SACK_PERMIT;
}
