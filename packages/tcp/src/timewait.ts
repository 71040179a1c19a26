import { INP_SOCKREF, INP_TIMEWAIT } from '@ns/inpcb';
import { soisdisconnected, sorele } from '@ns/socket';
import { seqGt, TH_ACK, TH_FIN, TH_RST, TH_SYN, TOF_TS } from '@ns/wire';
import { fbDiscard } from './fbswitch.ts';
import { setState } from './fsm.ts';
import { tcpOutput } from './output.ts';
import { tcpReassFlush } from './reass.ts';
import { tcpRespondAck } from './respond.ts';
import { tcpFreeSackholes } from './sack.ts';
import type { Segment } from './segment.ts';
import { tcpClose } from './subr.ts';
import { tcpCanceltimers, TT_2MSL, tcpTimerActivate } from './timer.ts';
import { type Tcpcb, TCPS_TIME_WAIT, TF_ACKNOW, TF_RCVD_TSTMP } from './tcpcb.ts';

/** {@link tcpTwcheck}: the segment has been dealt with. */
export const TW_DONE = 0;
/** {@link tcpTwcheck}: the connection has made room for a new one; look the segment up again. */
export const TW_RECYCLED = 1;

/**
 * Both FINs are acknowledged: the connection waits two segment lifetimes, so that its stragglers do not meet a successor. Gives up what it does not need for that, and the
 * socket if the user has closed it. At most maxtcptw wait; the oldest gives way.
 * Source: RFC 9293 §3.6.1; FreeBSD tcp_timewait.c, tcp_twstart().
 */
export function tcpTwstart(tp: Tcpcb): void {
  const v = tp.tcp;
  const inp = tp.inp;
  const so = tp.so;
  setState(tp, TCPS_TIME_WAIT);
  if (v.nolocaltimewait && inp.af !== null && inp.af.isLocal(v.vnet, inp.faddr)) {
    if ((tp.flags & TF_ACKNOW) !== 0) tcpOutput(tp);
    tcpClose(tp);
    return;
  }
  soisdisconnected(so);
  if ((tp.flags & TF_ACKNOW) !== 0) tcpOutput(tp);
  tcpCanceltimers(tp);
  tcpFreeSackholes(tp);
  fbDiscard(tp);
  tcpReassFlush(tp);
  tp.sndUna = tp.sndMax;
  tp.sndNxt = tp.sndMax;
  if (v.twq.size >= v.maxtcptw && v.twq.head !== null) tcpClose(v.twq.head);
  v.twq.add(tp);
  inp.flags |= INP_TIMEWAIT;
  tcpTimerActivate(tp, TT_2MSL, 2 * v.mslMs * 1000);
  if ((inp.flags & INP_SOCKREF) !== 0) {
    inp.flags &= ~INP_SOCKREF;
    sorele(so);
  }
}

/**
 * A segment for a connection in TIME_WAIT.
 * Source: RFC 9293 §3.10.7.4, RFC 1337, RFC 6191; FreeBSD tcp_timewait.c, tcp_twcheck().
 */
export function tcpTwcheck(tp: Tcpcb, seg: Segment): number {
  const th = seg.th;
  const flags = th.flags;
  if ((flags & TH_RST) !== 0) return TW_DONE; // RFC 1337: a RST may not cut the wait short
  if (tcpTwRecycles(tp, seg)) {
    tcpClose(tp);
    tp.tcp.stat.twRecycles++;
    return TW_RECYCLED;
  }
  if ((flags & TH_ACK) === 0) return TW_DONE;
  // RFC 7323 §3.2: on every segment or on none.
  if ((tp.flags & TF_RCVD_TSTMP) !== 0 && (seg.to.flags & TOF_TS) === 0 && !tp.tcp.tolerateMissingTs) return TW_DONE;
  // Only the FIN that we have seen starts the time again (RFC 9293 §3.10.7.4 eighth): what else comes late, or is made up, must not keep the connection for ever.
  if ((flags & TH_FIN) !== 0 && ((seg.seq + seg.tlen + ((flags & TH_SYN) === 0 ? 1 : 2)) | 0) === tp.rcvNxt) tcpTimerActivate(tp, TT_2MSL, 2 * tp.tcp.mslMs * 1000);
  if (flags !== TH_ACK || seg.tlen > 0 || seg.seq !== tp.rcvNxt || seg.ack !== tp.sndNxt) {
    tcpRespondAck(tp);
    tp.tcp.stat.twResponds++;
  }
  return TW_DONE;
}

/** Whether a segment begins a new connection: a SYN whose numbers lie beyond all of the old one, or whose time stamp does (RFC 6191 §2). It may come by another road. */
export function tcpTwRecycles(tp: Tcpcb, seg: Segment): boolean {
  if ((seg.th.flags & (TH_RST | TH_SYN | TH_ACK)) !== TH_SYN) return false;
  if (seqGt(seg.seq, tp.rcvNxt)) return true;
  return (tp.flags & TF_RCVD_TSTMP) !== 0 && (seg.to.flags & TOF_TS) !== 0 && seqGt(seg.to.tsval, tp.tsRecent);
}
