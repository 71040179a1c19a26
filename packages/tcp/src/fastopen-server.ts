import type { Inpcb, InPkt } from '@ns/inpcb';
import { type ListenState, type Socket, soisconnected } from '@ns/socket';
import { TH_ACK, TH_FIN, TH_RST, TH_SYN, TOF_FASTOPEN } from '@ns/wire';
import { ccConnInit } from './cc.ts';
import { fastopenState } from './fastopen.ts';
import { TCP_FASTOPEN_COOKIE_LEN, TFO_NO_KEY } from './fastopen-keys.ts';
import { FastopenPending } from './fastopen-state.ts';
import type { Segment } from './segment.ts';
import type { SyncacheEntry } from './syncache-entry.ts';
import { syncacheSocket } from './syncache-socket.ts';
import { type Tcpcb, TF_ACKNOW, TF_DELACK, TF_FASTOPEN, TF_NEEDFIN, TF_NOOPT } from './tcpcb.ts';
import type { TcpVnet } from './tcp-vnet.ts';
import { CONTINUE, DROP, DROP_WITH_RESET, type Verdict } from './verdict.ts';

/**
 * A SYN for a listener: what its Fast Open option is worth, TFO_*. TFO_NO_KEY also where there is none, where neither the vnet nor the listener has Fast Open on, and while half of the
 * listener's backlog has been opened so and not yet confirmed: then the SYN is one like any other.
 * Source: RFC 7413 §4.2.2, §5.1; FreeBSD syncache_add().
 */
export function fastopenJudge(v: TcpVnet, lso: Socket, ltp: Tcpcb, seg: Segment): number {
  const { keys } = v.fastopen;
  const { to } = seg;
  if ((to.flags & TOF_FASTOPEN) === 0 || !keys.enabled || (ltp.flags & (TF_FASTOPEN | TF_NOOPT)) !== TF_FASTOPEN) return TFO_NO_KEY;
  const limit = (lso.listen as ListenState).qlimit >> 1;
  if (!pendingOf(ltp).admits(limit, seg.nowUs)) return TFO_NO_KEY;
  return keys.check((seg.pkt as InPkt).srcAddr(), to.tfoCookie, to.tfoLen);
}

function pendingOf(ltp: Tcpcb): FastopenPending {
  const s = fastopenState(ltp);
  return (s.pending ??= new FastopenPending());
}

/**
 * The SYN of `sc` has a good cookie: makes its connection now, for the segment to be processed on in it. It can be accepted and written to at once; the SYN|ACK goes with what is
 * written, or after the delay of an ACK. A FIN on the SYN is left for the client to repeat. Null if there can be no socket: the SYN is dropped, and the client's next has no cookie.
 * Differs: FreeBSD takes the FIN, and is in CLOSE_WAIT before the handshake ends.
 * Source: RFC 7413 §4.2.2; FreeBSD syncache_tfo_expand().
 */
export function fastopenExpand(v: TcpVnet, sc: SyncacheEntry, lso: Socket, linp: Inpcb, ltp: Tcpcb, seg: Segment): Socket | null {
  const so = syncacheSocket(v, sc, lso, linp, ltp);
  if (so === null) {
    v.stat.scAborted++;
    return null;
  }
  const tp = (so.pcb as Inpcb).ppcb as Tcpcb;
  const s = fastopenState(tp);
  s.cookie.set(v.fastopen.keys.cookie);
  s.cookieLen = TCP_FASTOPEN_COOKIE_LEN;
  s.pending = pendingOf(ltp);
  s.pending.count++;
  s.counted = true;
  tp.flags |= TF_FASTOPEN;
  tp.sndNxt = tp.iss;
  tp.sndMax = tp.iss;
  // What answers the data may go before the handshake ends.
  tp.sndWnd = seg.th.win;
  tp.maxSndwnd = seg.th.win;
  ccConnInit(tp);
  seg.flags &= ~TH_FIN;
  soisconnected(so);
  v.stat.scCompleted++;
  return so;
}

/**
 * A segment for a connection that a cookie has opened and whose handshake has not ended: the SYN that began it, an ACK, or a RST. A repeated SYN needs no answer: the timer sends the
 * SYN|ACK again.
 * Source: FreeBSD tcp_do_segment(), state SYN_RECEIVED, IS_FASTOPEN.
 */
export function fastopenArrives(tp: Tcpcb, seg: Segment): Verdict {
  switch (seg.flags & (TH_SYN | TH_ACK)) {
    case TH_SYN | TH_ACK:
      return DROP_WITH_RESET;
    case TH_SYN:
      return (tp.flags & TF_DELACK) !== 0 || tp.delackAtUs !== Infinity || tp.rexmtAtUs !== Infinity ? DROP : CONTINUE;
    case TH_ACK:
      return CONTINUE;
    default:
      return (seg.flags & TH_RST) !== 0 ? CONTINUE : DROP;
  }
}

/** Whether the SYN|ACK is due: there are data or a FIN to go after it, the delayed ACK has come to its time, or it is a repetition. Source: FreeBSD tcp_usr_rcvd(), tcp_do_segment(). */
export function fastopenSynAckDue(tp: Tcpcb): boolean {
  return tp.sndMax !== tp.iss || tp.so.snd.cc > 0 || (tp.flags & (TF_ACKNOW | TF_NEEDFIN)) !== 0;
}
