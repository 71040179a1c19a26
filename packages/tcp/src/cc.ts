import {
  CC_ACK,
  CC_ECN,
  CC_KPI,
  CC_NDUPACK,
  CC_RTO,
  CC_RTO_ERR,
  type CcAlgo,
  type CcAvailable,
  CCF_ABC_SENTAWND,
  CCF_CWND_LIMITED,
  CCF_USE_LOCAL_ABC,
  type CcKpi,
  exitRecovery,
  newrenoCcAckReceived,
  newrenoCcAfterIdle,
  newrenoCcCongSignal,
  newrenoCcPostRecovery,
  TCP_CA_NAME_MAX,
} from '@ns/cc-kpi';
import { EEXIST, EINVAL, ENOENT, EPERM } from '@ns/errno';
import { inPcbForeach } from '@ns/inpcb';
import type { Kernel } from '@ns/kern';
import { seqGeq } from '@ns/wire';
import { tcpComputePipe } from './sack.ts';
import { rexmtvalUs, TCPTV_REXMTMAX_US, tcpRangesetUs } from './rtt.ts';
import { TCP, type TcpVnet } from './tcp-vnet.ts';
import {
  Tcpcb,
  TF2_DISCARDED,
  TF2_ECN_PERMIT,
  TF2_ECN_SND_CWR,
  TF_CONGRECOVERY,
  TF_FASTRECOVERY,
  TF_PREVVALID,
  TF_WASCRECOVERY,
  TF_WASFRECOVERY,
} from './tcpcb.ts';

/** Name of the algorithm that is always there. */
const REFERENCE_NAME = 'newreno';

/**
 * NewReno as it is built in: the arithmetic of cc-kpi. The module cc-newreno replaces it by its own, which has parameters.
 * Source: FreeBSD cc_newreno.c, newreno_cc_algo.
 */
const builtinNewreno: CcAlgo = Object.freeze({
  name: REFERENCE_NAME,
  ackReceived: newrenoCcAckReceived,
  congSignal: newrenoCcCongSignal,
  postRecovery: newrenoCcPostRecovery,
  afterIdle: newrenoCcAfterIdle,
});

/**
 * The algorithms of one kernel. NewReno is always among them and cannot go. Source: FreeBSD cc.c.
 */
export class CcRegistry implements CcKpi {
  /** What a new vnet begins with, and where users of an algorithm that goes are put. */
  reference: CcAlgo;
  private readonly kernel: Kernel;
  private algos: readonly CcAlgo[];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.reference = builtinNewreno;
    this.algos = [builtinNewreno];
  }

  /** @see {@link CcKpi.register} */
  register(algo: CcAlgo): number {
    if (algo.name.length === 0 || algo.name.length >= TCP_CA_NAME_MAX) return EINVAL;
    const old = this.find(algo.name);
    if (old !== null && old !== builtinNewreno) return EEXIST;
    const error = algo.modInit?.(this.kernel) ?? 0;
    if (error !== 0) return error;
    if (old === null) {
      this.algos = [...this.algos, algo];
      return 0;
    }
    this.algos = this.algos.map((a) => (a === old ? algo : a));
    this.reference = algo;
    this.replace(old, algo);
    return 0;
  }

  /** @see {@link CcKpi.deregister} */
  deregister(name: string): number {
    if (name === REFERENCE_NAME) return EPERM;
    const algo = this.find(name);
    if (algo === null) return ENOENT;
    this.algos = this.algos.filter((a) => a !== algo);
    this.replace(algo, this.reference);
    algo.modDestroy?.(this.kernel);
    return 0;
  }

  /** @see {@link CcKpi.find} */
  find(name: string): CcAlgo | null {
    return this.algos.find((a) => a.name === name) ?? null;
  }

  /** @see {@link CcKpi.available} */
  available(): CcAvailable[] {
    const users = new Map<CcAlgo, number>();
    this.forEachTcpcb((tp) => users.set(tp.cc, (users.get(tp.cc) ?? 0) + 1));
    return this.algos.map((a) => ({ name: a.name, pcbs: users.get(a) ?? 0 }));
  }

  /** Moves defaults and connections from one algorithm to another, in all vnets. */
  private replace(from: CcAlgo, to: CcAlgo): void {
    this.kernel.vnets.forEach((vnet) => {
      const v = TCP.get(vnet);
      if (v.ccDefault === from) v.ccDefault = to;
    });
    this.forEachTcpcb((tp) => {
      if (tp.cc === from) ccSwitch(tp, to);
    });
  }

  private forEachTcpcb(fn: (tp: Tcpcb) => void): void {
    this.kernel.vnets.forEach((vnet) => {
      inPcbForeach(TCP.get(vnet).pcbinfo, (inp) => {
        const tp = inp.ppcb;
        if (tp instanceof Tcpcb && (tp.flags2 & TF2_DISCARDED) === 0) fn(tp);
      });
    });
  }
}

/** The registry of a kernel: made when the first vnet's TCP is, and provided as {@link CC_KPI} by the module. */
export function ccRegistryOf(kernel: Kernel): CcRegistry {
  return kernel.service(CC_KPI) as CcRegistry;
}

/** Begins the use of `tp.cc`. An algorithm that refuses leaves the connection with NewReno. Returns what it said. */
export function ccInit(tp: Tcpcb): number {
  tp.ccData = null;
  tp.ccFlags = 0;
  const error = tp.cc.cbInit?.(tp) ?? 0;
  if (error === 0) return 0;
  tp.cc = tp.tcp.cc.reference;
  tp.ccData = null;
  tp.cc.cbInit?.(tp);
  return error;
}

/** Ends the use of `tp.cc`. */
export function ccDestroy(tp: Tcpcb): void {
  tp.cc.cbDestroy?.(tp);
  tp.ccData = null;
}

/**
 * Changes the algorithm of a living connection: the new one begins before the old one ends; if it refuses, nothing has changed.
 * Source: FreeBSD tcp_usrreq.c, TCP_CONGESTION.
 */
export function ccSwitch(tp: Tcpcb, to: CcAlgo): number {
  if (tp.cc === to) return 0;
  const old = tp.cc;
  const oldData = tp.ccData;
  tp.ccData = null;
  const error = to.cbInit?.(tp) ?? 0;
  const newData = tp.ccData;
  tp.ccData = oldData;
  if (error !== 0) return error;
  old.cbDestroy?.(tp);
  tp.cc = to;
  tp.ccData = newData;
  return 0;
}

/**
 * Tells the algorithm of an ACK `type` that acknowledges up to `ack`; sndUna has not moved yet.
 * Source: FreeBSD tcp_input.c, cc_ack_received().
 */
export function ccAckReceived(tp: Tcpcb, ack: number, nsegs: number, type: number): void {
  const v = tp.tcp;
  tp.nsegs = nsegs;
  tp.bytesThisAck = (ack - tp.sndUna) | 0;
  if ((tp.ccFlags & CCF_USE_LOCAL_ABC) === 0) tp.labc = v.doRfc3465 ? (tp.rec !== null && tp.rec.inRtoRecovery ? 1 : v.abcLVar) : 0;
  if (tp.sndCwnd <= tp.sndWnd && (!v.newcwv || tp.sndCwnd < tcpComputePipe(tp) * 2)) tp.ccFlags |= CCF_CWND_LIMITED;
  else tp.ccFlags &= ~CCF_CWND_LIMITED;
  if (type === CC_ACK) {
    if (tp.sndCwnd > tp.sndSsthresh) {
      tp.bytesAcked += tp.bytesThisAck;
      if (tp.bytesAcked >= tp.sndCwnd) {
        tp.bytesAcked -= tp.sndCwnd;
        tp.ccFlags |= CCF_ABC_SENTAWND;
      }
    } else {
      tp.ccFlags &= ~CCF_ABC_SENTAWND;
      tp.bytesAcked = 0;
    }
  }
  tp.curack = ack;
  tp.cc.ackReceived(tp, type);
}

/**
 * Tells the algorithm of congestion; `ack` is the acknowledgement that brought the news, or sndUna.
 * Source: FreeBSD tcp_input.c, cc_cong_signal().
 */
export function ccCongSignal(tp: Tcpcb, type: number, ack: number = tp.sndUna): void {
  switch (type) {
    case CC_NDUPACK:
      if ((tp.flags & TF_FASTRECOVERY) === 0) {
        tp.sndRecover = tp.sndMax;
        if ((tp.flags2 & TF2_ECN_PERMIT) !== 0) tp.flags2 |= TF2_ECN_SND_CWR;
      }
      break;
    case CC_ECN:
      // Once for each window of data.
      if ((tp.flags & TF_CONGRECOVERY) === 0 || seqGeq(ack, tp.sndRecover)) {
        tp.flags &= ~TF_CONGRECOVERY;
        tp.tcp.stat.ecnRcwnd++;
        tp.sndRecover = (tp.sndMax + 1) | 0;
        if ((tp.flags2 & TF2_ECN_PERMIT) !== 0) tp.flags2 |= TF2_ECN_SND_CWR;
      }
      break;
    case CC_RTO:
      tp.dupacks = 0;
      tp.bytesAcked = 0;
      exitRecovery(tp);
      if ((tp.flags2 & TF2_ECN_PERMIT) !== 0) tp.flags2 |= TF2_ECN_SND_CWR;
      break;
    case CC_RTO_ERR:
      undoTimeout(tp);
      break;
    default:
  }
  tp.curack = ack;
  tp.cc.congSignal?.(tp, type);
}

/** The timeout was spurious: everything as before it. */
function undoTimeout(tp: Tcpcb): void {
  const e = tp.rare;
  tp.tcp.stat.sndrexmitbad++;
  tp.sndCwnd = e.sndCwndPrev;
  tp.sndSsthresh = e.sndSsthreshPrev;
  tp.sndRecover = e.sndRecoverPrev;
  if ((tp.flags & TF_WASFRECOVERY) !== 0) tp.flags |= TF_FASTRECOVERY;
  if ((tp.flags & TF_WASCRECOVERY) !== 0) tp.flags |= TF_CONGRECOVERY;
  tp.sndNxt = tp.sndMax;
  if (tp.rec !== null) tp.rec.undone();
  tp.flags &= ~TF_PREVVALID;
}

/**
 * The connection is established: initial values from the host cache, the initial window, and the algorithm's own.
 * Source: FreeBSD tcp_input.c, cc_conn_init().
 */
export function ccConnInit(tp: Tcpcb): void {
  const v = tp.tcp;
  const known = v.hostcache.get(tp.inp.faddr, tp.inp.fibnum);
  if (known !== null) {
    if (tp.srtt === 0 && known.rttUs > 0) cachedRtt(tp, v, known.rttUs, known.rttvarUs);
    if (known.ssthresh > 0) {
      tp.sndSsthresh = Math.max(2 * tp.maxseg, known.ssthresh);
      v.stat.usedssthresh++;
    }
  }
  // 1 is the mark of a SYN that was lost (RFC 5681 §3.1).
  tp.sndCwnd = tp.sndCwnd === 1 ? tp.maxseg : tp.initialWindow();
  tp.cc.connInit?.(tp);
}

function cachedRtt(tp: Tcpcb, v: TcpVnet, rttUs: number, rttvarUs: number): void {
  tp.srtt = Math.min(rttUs, 60_000_000) << 5;
  v.stat.usedrtt++;
  if (rttvarUs > 0) {
    tp.rttvar = Math.min(rttvarUs, 60_000_000) << 4;
    v.stat.usedrttvar++;
  } else {
    tp.rttvar = tp.srtt >> 1; // one RTT either way
  }
  tp.rxtcurUs = tcpRangesetUs(v, rexmtvalUs(tp), v.rexmitMinMs * 1000, TCPTV_REXMTMAX_US);
}

/** Recovery ends with `ack`. Source: FreeBSD cc_post_recovery(). */
export function ccPostRecovery(tp: Tcpcb, ack: number): void {
  tp.curack = ack;
  tp.cc.postRecovery?.(tp);
  tp.bytesAcked = 0;
}

/** Data are about to be sent after silence. Source: FreeBSD cc_after_idle(). */
export function ccAfterIdle(tp: Tcpcb): void {
  tp.cc.afterIdle?.(tp);
}
