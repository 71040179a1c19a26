import type { CcSockopt } from '@ns/cc-kpi';
import { ECONNRESET, EINVAL, ENOENT, ENOPROTOOPT } from '@ns/errno';
import { INP_DROPPED, INP_TIMEWAIT, type Inpcb, inPcbCtloutput, inPcbCtloutput6, type Sockopt, sooptInt, SOPT_SET } from '@ns/inpcb';
import { SO_SETFIB, type Socket, SOL_SOCKET } from '@ns/socket';
import { IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP } from '@ns/wire';
import { ccSwitch } from './cc.ts';
import { setFastopen } from './fastopen.ts';
import { fbSwitch } from './fbswitch.ts';
import { tcpFillInfo } from './info.ts';
import { tcpSetMss } from './mss.ts';
import { tcpOutput } from './output.ts';
import {
  TCP_CCALGOOPT,
  TCP_CONGESTION,
  TCP_FASTOPEN,
  TCP_FUNCTION_BLK,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINIT,
  TCP_KEEPINTVL,
  TCP_MAXSEG,
  TCP_MAXUNACKTIME,
  TCP_MD5SIG,
  TCP_NODELAY,
  TCP_NOOPT,
  TCP_NOPUSH,
  TCP_REMOTE_UDP_ENCAPS_PORT,
  type TcpFunctionSet,
} from './sockopt.ts';
import { keepcnt, keepidleMs, keepinitMs, keepintvlMs, TT_2MSL, TT_KEEP, tcpTimerActivate, tcpTimerActive, maxidleMs } from './timer.ts';
import {
  type Tcpcb,
  TCPS_CLOSED,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_2,
  TCPS_LISTEN,
  TCPS_SYN_RECEIVED,
  TCPS_TIME_WAIT,
  TF2_DISCARDED,
  TF_FASTOPEN,
  TF_NODELAY,
  TF_NOOPT,
  TF_NOPUSH,
  TF_SIGNATURE,
} from './tcpcb.ts';

/** Longest time of a keep option, seconds: milliseconds fit an int32. */
const KEEP_MAX_SEC = 2147483;

/**
 * Socket options of levels IPPROTO_TCP, IPPROTO_IP and IPPROTO_IPV6; also told of SOL_SOCKET ones.
 * Source: FreeBSD tcp_usrreq.c, tcp_ctloutput().
 */
export function tcpCtloutput(so: Socket, sopt: Sockopt): number {
  const inp = so.pcb as Inpcb;
  switch (sopt.level) {
    case IPPROTO_TCP:
      break;
    case IPPROTO_IP:
      return inPcbCtloutput(inp, sopt);
    case IPPROTO_IPV6:
      return inPcbCtloutput6(inp, sopt);
    case SOL_SOCKET:
      if (sopt.name === SO_SETFIB) inp.fibnum = so.fibnum;
      return 0;
    default:
      return ENOPROTOOPT;
  }
  const tp = inp.ppcb as Tcpcb;
  if (sopt.dir !== SOPT_SET) return getOption(tp, sopt);
  if ((inp.flags & (INP_TIMEWAIT | INP_DROPPED)) !== 0) return ECONNRESET;
  return setOption(tp, sopt);
}

function setOption(tp: Tcpcb, sopt: Sockopt): number {
  switch (sopt.name) {
    case TCP_CONGESTION:
      return setCongestion(tp, sopt.val);
    case TCP_CCALGOOPT:
      return ccOption(tp, sopt.val, true);
    case TCP_FUNCTION_BLK:
      return fbSwitch(tp, (sopt.val as Partial<TcpFunctionSet> | null)?.functionSetName);
    case TCP_FASTOPEN:
      return setFastopen(tp, sopt.val);
    case TCP_INFO:
      return EINVAL;
    default:
  }
  const val = sooptInt(sopt);
  switch (sopt.name) {
    case TCP_NODELAY:
      return setFlag(tp, TF_NODELAY, val, true);
    case TCP_NOOPT:
      return setFlag(tp, TF_NOOPT, val, false);
    case TCP_NOPUSH:
      return setFlag(tp, TF_NOPUSH, val, true);
    case TCP_MD5SIG:
      if (tp.tcp.guard.md5 === null) return ENOPROTOOPT;
      tp.flags = val !== 0 ? tp.flags | TF_SIGNATURE : tp.flags & ~TF_SIGNATURE;
      tcpSetMss(tp, tp.mss);
      return 0;
    case TCP_MAXSEG:
      return setMaxseg(tp, val);
    case TCP_REMOTE_UDP_ENCAPS_PORT:
      if (tp.state !== TCPS_CLOSED || val < 0 || val > 65535 || (val !== 0 && tp.tcp.overUdp.port === 0)) return EINVAL;
      tp.udpPort = val;
      return 0;
    case TCP_KEEPINIT:
    case TCP_KEEPIDLE:
    case TCP_KEEPINTVL:
    case TCP_KEEPCNT:
      return setKeep(tp, sopt.name, val);
    case TCP_MAXUNACKTIME:
      if (val < 0 || val > KEEP_MAX_SEC) return EINVAL;
      tp.rare.maxunackMs = val * 1000;
      return 0;
    default:
      return ENOPROTOOPT;
  }
}

function setFlag(tp: Tcpcb, flag: number, val: number, flush: boolean): number {
  if (val < 0) return -val;
  const before = tp.flags;
  tp.flags = val !== 0 ? before | flag : before & ~flag;
  // What was held back may go now.
  const released = flag === TF_NOPUSH ? val === 0 && (before & flag) !== 0 : val !== 0;
  if (flush && released && tp.state >= TCPS_ESTABLISHED && tp.state !== TCPS_TIME_WAIT) return tcpOutput(tp);
  return 0;
}

/** Before the handshake: what is offered, and the limit of what is sent. Afterwards the segment size can be lowered. */
function setMaxseg(tp: Tcpcb, val: number): number {
  if (val <= 0) return EINVAL;
  if (tp.state > TCPS_LISTEN) {
    if (val > tp.mss || val + 40 < tp.tcp.minmss) return EINVAL;
    tcpSetMss(tp, val);
    return 0;
  }
  if (val < tp.tcp.minmss || val > 65495) return EINVAL;
  tp.rare.userMaxseg = val;
  return 0;
}

function setKeep(tp: Tcpcb, name: number, val: number): number {
  if (val <= 0 || val > KEEP_MAX_SEC) return EINVAL;
  const e = tp.rare;
  switch (name) {
    case TCP_KEEPINIT:
      e.keepinitMs = val * 1000;
      if (tp.state > TCPS_LISTEN && tp.state <= TCPS_SYN_RECEIVED) tcpTimerActivate(tp, TT_KEEP, e.keepinitMs * 1000);
      return 0;
    case TCP_KEEPIDLE:
      e.keepidleMs = val * 1000;
      if (tp.state > TCPS_SYN_RECEIVED && tp.state !== TCPS_TIME_WAIT) tcpTimerActivate(tp, TT_KEEP, e.keepidleMs * 1000);
      return 0;
    case TCP_KEEPINTVL:
      e.keepintvlMs = val * 1000;
      break;
    default:
      e.keepcnt = val;
  }
  if (tp.state === TCPS_FIN_WAIT_2 && tcpTimerActive(tp, TT_2MSL)) tcpTimerActivate(tp, TT_2MSL, Math.min(maxidleMs(tp), tp.tcp.finwait2TimeoutMs) * 1000);
  return 0;
}

/** Source: TCP_CONGESTION of tcp_ctloutput(). */
function setCongestion(tp: Tcpcb, val: unknown): number {
  if (typeof val !== 'string') return EINVAL;
  const algo = tp.tcp.cc.find(val);
  return algo === null ? ENOENT : ccSwitch(tp, algo);
}

function ccOption(tp: Tcpcb, val: unknown, set: boolean): number {
  if (typeof val !== 'object' || val === null) return EINVAL;
  const opt = val as CcSockopt;
  if (opt.set !== set) return EINVAL;
  return tp.cc.ctlOutput === undefined ? ENOENT : tp.cc.ctlOutput(tp, opt);
}

function getOption(tp: Tcpcb, sopt: Sockopt): number {
  switch (sopt.name) {
    case TCP_NODELAY:
      sopt.val = (tp.flags & TF_NODELAY) !== 0 ? 1 : 0;
      return 0;
    case TCP_MD5SIG:
      if (tp.tcp.guard.md5 === null) return ENOPROTOOPT;
      sopt.val = (tp.flags & TF_SIGNATURE) !== 0 ? 1 : 0;
      return 0;
    case TCP_MAXSEG:
      sopt.val = tp.state <= TCPS_LISTEN && tp.ext !== null && tp.ext.userMaxseg > 0 ? tp.ext.userMaxseg : tp.mss;
      return 0;
    case TCP_NOOPT:
      sopt.val = (tp.flags & TF_NOOPT) !== 0 ? 1 : 0;
      return 0;
    case TCP_NOPUSH:
      sopt.val = (tp.flags & TF_NOPUSH) !== 0 ? 1 : 0;
      return 0;
    case TCP_REMOTE_UDP_ENCAPS_PORT:
      sopt.val = tp.udpPort;
      return 0;
    case TCP_FASTOPEN:
      sopt.val = (tp.flags & TF_FASTOPEN) !== 0 ? 1 : 0;
      return 0;
    case TCP_INFO:
      sopt.val = tcpFillInfo(tp);
      return 0;
    case TCP_CONGESTION:
      sopt.val = tp.cc.name;
      return 0;
    case TCP_CCALGOOPT:
      return (tp.flags2 & TF2_DISCARDED) !== 0 ? ECONNRESET : ccOption(tp, sopt.val, false);
    case TCP_KEEPINIT:
      sopt.val = Math.floor(keepinitMs(tp) / 1000);
      return 0;
    case TCP_KEEPIDLE:
      sopt.val = Math.floor(keepidleMs(tp) / 1000);
      return 0;
    case TCP_KEEPINTVL:
      sopt.val = Math.floor(keepintvlMs(tp) / 1000);
      return 0;
    case TCP_KEEPCNT:
      sopt.val = keepcnt(tp);
      return 0;
    case TCP_MAXUNACKTIME:
      sopt.val = tp.ext === null ? 0 : tp.ext.maxunackMs / 1000;
      return 0;
    case TCP_FUNCTION_BLK:
      sopt.val = { functionSetName: tp.fb.name, pcbcnt: tp.tcp.functions.pcbs(tp.fb) } satisfies TcpFunctionSet;
      return 0;
    default:
      return ENOPROTOOPT;
  }
}
