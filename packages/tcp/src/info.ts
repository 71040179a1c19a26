import { sbspace } from '@ns/socket';
import { TCPI_OPT_ECN, TCPI_OPT_SACK, TCPI_OPT_TFO, TCPI_OPT_TIMESTAMPS, TCPI_OPT_TOE, TCPI_OPT_WSCALE, type TcpInfo } from './sockopt.ts';
import { type Tcpcb, TF2_ECN_PERMIT, TF_FASTOPEN, TF_RCVD_SCALE, TF_RCVD_TSTMP, TF_REQ_SCALE, TF_REQ_TSTMP, TF_SACK_PERMIT, TF_TOE } from './tcpcb.ts';

/** What both sides have agreed on, as TCPI_OPT_* bits. */
function negotiated(tp: Tcpcb): number {
  const f = tp.flags;
  let o = 0;
  if ((f & (TF_REQ_TSTMP | TF_RCVD_TSTMP)) === (TF_REQ_TSTMP | TF_RCVD_TSTMP)) o |= TCPI_OPT_TIMESTAMPS;
  if ((f & TF_SACK_PERMIT) !== 0) o |= TCPI_OPT_SACK;
  if ((f & (TF_REQ_SCALE | TF_RCVD_SCALE)) === (TF_REQ_SCALE | TF_RCVD_SCALE)) o |= TCPI_OPT_WSCALE;
  if ((tp.flags2 & TF2_ECN_PERMIT) !== 0) o |= TCPI_OPT_ECN;
  if ((f & TF_TOE) !== 0) o |= TCPI_OPT_TOE;
  if ((f & TF_FASTOPEN) !== 0) o |= TCPI_OPT_TFO;
  return o;
}

/** A snapshot of a connection for TCP_INFO. Source: FreeBSD tcp_usrreq.c, tcp_fill_info(). */
export function tcpFillInfo(tp: Tcpcb): TcpInfo {
  const options = negotiated(tp);
  const scaled = (options & TCPI_OPT_WSCALE) !== 0;
  const e = tp.ext;
  return {
    state: tp.state,
    options,
    sndWscale: scaled ? tp.sndScale : 0,
    rcvWscale: scaled ? tp.rcvScale : 0,
    rto: tp.rxtcurUs,
    sndMss: tp.mss,
    rcvMss: tp.mss,
    lastDataRecv: ((tp.tcp.nowMs() - tp.rcvtimeMs) | 0) * 1000,
    rtt: tp.srtt >> 5,
    rttvar: tp.rttvar >> 4,
    rttmin: tp.rttlowUs,
    sndSsthresh: tp.sndSsthresh,
    sndCwnd: tp.sndCwnd,
    rcvSpace: Math.max(sbspace(tp.so.rcv), 0),
    sndWnd: tp.sndWnd,
    sndBwnd: 0,
    sndNxt: tp.sndNxt >>> 0,
    rcvNxt: tp.rcvNxt >>> 0,
    toeTid: 0,
    sndRexmitpack: e === null ? 0 : e.sndrexmitpack,
    rcvOoopack: tp.rcvoopack,
    sndZerowin: e === null ? 0 : e.sndzerowin,
    receivedCe: e === null ? 0 : e.rcep,
    receivedE1Bytes: e === null ? 0 : e.re1b,
    receivedE0Bytes: e === null ? 0 : e.re0b,
    receivedCeBytes: e === null ? 0 : e.rceb,
    totalTlp: e === null ? 0 : e.sndtlppack,
    totalTlpBytes: e === null ? 0 : e.sndtlpbyte,
    sndUna: tp.sndUna >>> 0,
    sndMax: tp.sndMax >>> 0,
    rcvNumsacks: tp.rcvNumsacks,
    rcvAdv: tp.rcvAdv >>> 0,
    dupacks: tp.dupacks,
  };
}
