import { ETIMEDOUT } from '@ns/errno';
import { INP_SOCKREF, type Inpcb, inPcbDrop, inPcbFree } from '@ns/inpcb';
import { sameVnet } from '@ns/kern';
import { HELPER_CLASS_TCP } from '@ns/kern';
import { soisdisconnected, sorele, soposterror, type Socket } from '@ns/socket';
import { ccDestroy, ccInit } from './cc.ts';
import { fbDiscard } from './fbswitch.ts';
import { setState } from './fsm.ts';
import { defaultMss, tcpSetMss } from './mss.ts';
import { tcpReassFlush } from './reass.ts';
import { tcpSendReset } from './respond.ts';
import { tcpRttInit } from './rtt.ts';
import { tcpFreeSackholes } from './sack.ts';
import { tcpCanceltimers, tcpTimerFire } from './timer.ts';
import {
  Tcpcb,
  TCPS_CLOSED,
  TCPS_HAVERCVDSYN,
  TCPS_LISTEN,
  TF2_DISCARDED,
  TF_REQ_SCALE,
  TF_REQ_TSTMP,
  TF_SACK_PERMIT,
} from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';

/** Samples after which what a connection has learnt is worth remembering. */
const HC_MIN_SAMPLES = 16;

/**
 * A control block in state CLOSED for `inp`, with the vnet's settings of this moment. The pcb refers to it; `tcpDiscardcb` undoes all.
 * Source: FreeBSD tcp_subr.c, tcp_newtcpcb().
 */
export function tcpNewtcpcb(v: TcpVnet, inp: Inpcb, so: Socket): Tcpcb {
  sameVnet(inp.vnet, v.vnet, 'tcp: a pcb');
  const tp = new Tcpcb(v, inp, so, v.ccDefault, tcpTimerFire);
  if (v.scales()) tp.flags |= TF_REQ_SCALE;
  if (v.stamps()) tp.flags |= TF_REQ_TSTMP;
  if (v.sackEnable) tp.flags |= TF_SACK_PERMIT;
  tcpSetMss(tp, defaultMss(v, so.domain));
  tcpRttInit(tp);
  tp.rcvtimeMs = v.nowMs();
  if (v.khelp.nhelpers > 0) tp.osd = v.khelp.initOsd(HELPER_CLASS_TCP, null);
  ccInit(tp);
  inp.ppcb = tp;
  v.states[TCPS_CLOSED]!++;
  return tp;
}

/** Send variables from the initial sequence number. Source: FreeBSD tcp_sendseqinit(). */
export function tcpSendseqinit(tp: Tcpcb, iss: number): void {
  tp.iss = iss;
  tp.sndUna = iss;
  tp.sndNxt = iss;
  tp.sndMax = iss;
  tp.sndUp = iss;
  tp.sndRecover = iss;
}

/** Receive variables from `irs`. Source: FreeBSD tcp_rcvseqinit(). */
export function tcpRcvseqinit(tp: Tcpcb): void {
  tp.rcvNxt = (tp.irs + 1) | 0;
  tp.rcvAdv = tp.rcvNxt;
  tp.rcvUp = tp.rcvNxt;
}

/** Chooses the initial sequence number and the time-stamp offset of a connection whose addresses are set. Source: FreeBSD tcp_connect(). */
export function tcpChooseIss(tp: Tcpcb): void {
  const v = tp.tcp;
  const inp = tp.inp;
  tcpSendseqinit(tp, v.isn.newIsn(inp.laddr, inp.lport, inp.faddr, inp.fport));
  const ports = v.tsOffsetPerConn;
  tp.tsOffset = v.isn.newTsOffset(inp.laddr, ports ? inp.lport : 0, inp.faddr, ports ? inp.fport : 0);
}

/**
 * Gives the connection up with `errno` for the user: with a RST if there is a peer that would believe it.
 * Source: FreeBSD tcp_subr.c, tcp_drop().
 */
export function tcpDrop(tp: Tcpcb, errno: number): void {
  const v = tp.tcp;
  if (TCPS_HAVERCVDSYN(tp.state)) {
    tcpSendReset(tp);
    v.stat.drops++;
  } else {
    v.stat.conndrops++;
  }
  let error = errno;
  if (error === ETIMEDOUT && tp.softerror !== 0) error = tp.softerror;
  setState(tp, TCPS_CLOSED);
  if (error !== 0) soposterror(tp.so, error);
  tcpClose(tp);
}

/**
 * The connection is over: its pcb leaves the tables, the socket learns of it, and is let go if only the connection held it.
 * Source: FreeBSD tcp_subr.c, tcp_close().
 */
export function tcpClose(tp: Tcpcb): void {
  if ((tp.flags2 & TF2_DISCARDED) !== 0) return;
  const inp = tp.inp;
  const so = tp.so;
  tp.tcp.stat.closed++;
  if (tp.state === TCPS_LISTEN) tp.tcp.syncache.purgeListener(so);
  tcpDiscardcb(tp);
  inPcbDrop(inp);
  if (inp.socket === null) {
    // TIME_WAIT whose socket has gone.
    inPcbFree(inp);
    return;
  }
  soisdisconnected(so);
  if ((inp.flags & INP_SOCKREF) !== 0) {
    inp.flags &= ~INP_SOCKREF;
    sorele(so);
  }
}

/**
 * Takes the control block out of service: timers, queues, congestion control; remembers what was learnt of the peer. The block stays readable in state CLOSED.
 * Source: FreeBSD tcp_subr.c, tcp_discardcb().
 */
export function tcpDiscardcb(tp: Tcpcb): void {
  if ((tp.flags2 & TF2_DISCARDED) !== 0) return;
  const v = tp.tcp;
  tp.flags2 |= TF2_DISCARDED;
  v.twq.remove(tp);
  if (tp.ext !== null && tp.ext.fastopen !== null) tp.ext.fastopen.release();
  tcpCanceltimers(tp);
  if (tp.rttupdated >= HC_MIN_SAMPLES) rememberPeer(tp);
  tcpFreeSackholes(tp);
  fbDiscard(tp);
  tcpReassFlush(tp);
  ccDestroy(tp);
  if (tp.osd !== null) v.khelp.destroyOsd(tp.osd);
  setState(tp, TCPS_CLOSED);
  v.states[TCPS_CLOSED]!--;
}

/** Source: the host cache part of tcp_discardcb(). */
function rememberPeer(tp: Tcpcb): void {
  const v = tp.tcp;
  let ssthresh = tp.sndSsthresh;
  // Untouched: it says nothing of the path.
  if (ssthresh <= 0 || ssthresh >= tp.so.snd.hiwat * 8) ssthresh = 0;
  else {
    ssthresh = Math.max(Math.floor((ssthresh + tp.maxseg / 2) / tp.maxseg), 2) * (tp.maxseg + 40);
    v.stat.cachedssthresh++;
  }
  v.hostcache.update(tp.inp.faddr, tp.inp.fibnum, {
    mtu: 0,
    ssthresh,
    rttUs: tp.srtt >> 5,
    rttvarUs: tp.rttvar >> 4,
    cwnd: tp.sndCwnd,
    sendpipe: 0,
    recvpipe: 0,
  });
  v.stat.cachedrtt++;
  v.stat.cachedrttvar++;
}
