import { crCansee, type Xinpcb } from '@ns/inpcb';
import { soPcblist, sotoxsocket, type Xsocket } from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import type { InAddr } from '@ns/wire';
import { tcpTimerLeft } from './timer.ts';
import { TCP_STATE_NAMES, Tcpcb, TCPS_SYN_RECEIVED, TF2_ECN_PERMIT, TF_TOE } from './tcpcb.ts';
import { TCP } from './tcp-vnet.ts';
import type { Vnet } from '@ns/kern';

/**
 * One connection as netstat and sockstat are told of it. Timers: microseconds left, 0 = not running; `rcvtimeUs`: how long ago the last segment came in.
 * Source: FreeBSD tcp_var.h, struct xtcpcb.
 * @public
 */
export interface Xtcpcb {
  /** Local address. */
  readonly laddr: InAddr;
  /** Local port. */
  readonly lport: number;
  /** Peer's address. */
  readonly faddr: InAddr;
  /** Peer's port. */
  readonly fport: number;
  /** INP_IPV4, INP_IPV6, INP_IPV6PROTO. */
  readonly vflag: number;
  /** Who opened it. */
  readonly uid: number;
  /** Generation of its pcb. */
  readonly gencnt: number;
  /** Routing table. */
  readonly fibnum: number;
  /** Flow hash. */
  readonly flowid: number;
  /** Kind of flow hash. */
  readonly flowtype: number;
  /** TCPS_* */
  readonly state: number;
  /** Its name. */
  readonly stateName: string;
  /** TF_* */
  readonly flags: number;
  /** TF2_* */
  readonly flags2: number;
  /** Handed to an offload engine: netstat says `toe` for `tcp`. */
  readonly toe: boolean;
  /** Congestion control. */
  readonly cc: string;
  /** TCP stack. */
  readonly stack: string;
  /** What that knows of the connection, by name, if it is not the built-in one; times in microseconds. */
  readonly stackInfo: Readonly<Record<string, number>> | null;
  /** Congestion window. */
  readonly sndCwnd: number;
  /** Slow start threshold. */
  readonly sndSsthresh: number;
  /** Peer's window. */
  readonly sndWnd: number;
  /** Our window. */
  readonly rcvWnd: number;
  /** MSS. */
  readonly maxseg: number;
  /** `ecn` or `off`. */
  readonly ecn: 'ecn' | 'off';
  /** The peer's port of TCP over UDP, 0 = plain TCP. */
  readonly encapsPort: number;
  /** Segments sent again. */
  readonly sndrexmitpack: number;
  /** Segments received out of order. */
  readonly rcvoopack: number;
  /** Zero windows sent. */
  readonly sndzerowin: number;
  /** Retransmission timer. */
  readonly rexmtUs: number;
  /** Persist timer. */
  readonly persistUs: number;
  /** Keepalive timer. */
  readonly keepUs: number;
  /** TIME_WAIT timer. */
  readonly mslUs: number;
  /** Delayed ACK timer. */
  readonly delackUs: number;
  /** Time since the last segment came in. */
  readonly rcvtimeUs: number;
  /** Its socket; null in TIME_WAIT after close, and for half-open connections. */
  readonly socket: Xsocket | null;
  /** A half-open connection in the syncache. */
  readonly syncache: boolean;
}

/** All connections of a vnet at one moment. @public */
export interface XtcpcbList {
  /** Rows. */
  readonly count: number;
  /** Generation: equal in two snapshots only if no pcb and no half-open connection came or went between them. */
  readonly gen: number;
  /** The rows, the newest connection first, half-open ones last. */
  readonly pcbs: readonly Xtcpcb[];
}

/**
 * The connections of a vnet that `cred` may see, half-open ones included, for tools; null sees all. These are all that there are at this moment, whatever happens to them
 * afterwards: nothing comes or goes while the list is made, so it needs no guess of its size and is never cut short. Who reads twice compares `gen`.
 * Source: FreeBSD tcp_subr.c, tcp_pcblist() and its xinpgen before and after; syncache_pcblist().
 * @public
 */
export function tcpPcblist(vnet: Vnet, cred: Ucred | null = null): XtcpcbList {
  const v = TCP.get(vnet);
  const list = soPcblist(v.pcbinfo, cred);
  const pcbs: Xtcpcb[] = [];
  for (const x of list.pcbs) {
    const tp = x.inp.ppcb;
    if (tp instanceof Tcpcb) pcbs.push(xtcpcbOf(x, tp));
  }
  for (const sc of v.syncache.entries()) {
    if (cred !== null && !v.syncache.seeOther && crCansee(cred, sc.lso.cred) !== 0) continue;
    const lso = sotoxsocket(sc.lso);
    pcbs.push({
      ...EMPTY,
      laddr: sc.laddr,
      lport: sc.lport,
      faddr: sc.faddr,
      fport: sc.fport,
      vflag: sc.af.hdrLen === 20 ? 1 : 2,
      uid: lso.uid,
      fibnum: sc.fibnum,
      encapsPort: sc.udpPort,
      state: TCPS_SYN_RECEIVED,
      stateName: TCP_STATE_NAMES[TCPS_SYN_RECEIVED] as string,
      syncache: true,
    });
  }
  return { count: pcbs.length, gen: (list.gen + v.syncache.gencnt) | 0, pcbs };
}

const EMPTY = Object.freeze({
  gencnt: 0,
  flowid: 0,
  flowtype: 0,
  flags: 0,
  flags2: 0,
  toe: false,
  cc: '',
  stack: 'freebsd',
  stackInfo: null,
  sndCwnd: 0,
  sndSsthresh: 0,
  sndWnd: 0,
  rcvWnd: 0,
  maxseg: 0,
  ecn: 'off',
  encapsPort: 0,
  sndrexmitpack: 0,
  rcvoopack: 0,
  sndzerowin: 0,
  rexmtUs: 0,
  persistUs: 0,
  keepUs: 0,
  mslUs: 0,
  delackUs: 0,
  rcvtimeUs: 0,
  socket: null,
} as const);

function xtcpcbOf(x: Xinpcb, tp: Tcpcb): Xtcpcb {
  const left: number[] = [0, 0, 0, 0, 0];
  tcpTimerLeft(tp, left);
  const e = tp.ext;
  return {
    laddr: x.laddr,
    lport: x.lport,
    faddr: x.faddr,
    fport: x.fport,
    vflag: x.vflag,
    uid: x.uid,
    gencnt: x.gencnt,
    fibnum: x.fibnum,
    flowid: x.flowid,
    flowtype: x.flowtype,
    state: tp.state,
    stateName: TCP_STATE_NAMES[tp.state] as string,
    flags: tp.flags,
    flags2: tp.flags2,
    toe: (tp.flags & TF_TOE) !== 0,
    cc: tp.cc.name,
    stack: tp.fb.name,
    stackInfo: tp.rec === null ? null : tp.rec.block.snapshot(),
    sndCwnd: tp.sndCwnd,
    sndSsthresh: tp.sndSsthresh,
    sndWnd: tp.sndWnd,
    rcvWnd: tp.rcvWnd,
    maxseg: tp.mss,
    ecn: (tp.flags2 & TF2_ECN_PERMIT) !== 0 ? 'ecn' : 'off',
    encapsPort: tp.udpPort,
    sndrexmitpack: e === null ? 0 : e.sndrexmitpack,
    rcvoopack: tp.rcvoopack,
    sndzerowin: e === null ? 0 : e.sndzerowin,
    rexmtUs: left[0] as number,
    persistUs: left[1] as number,
    keepUs: left[2] as number,
    mslUs: left[3] as number,
    delackUs: left[4] as number,
    rcvtimeUs: ((tp.tcp.nowMs() - tp.rcvtimeMs) >>> 0) * 1000,
    socket: x.inp.socket === null ? null : sotoxsocket(tp.so),
    syncache: false,
  };
}
