import type { CcAlgo } from '@ns/cc-kpi';
import { Callout } from '@ns/callout';
import type { Inpcb } from '@ns/inpcb';
import type { Osd, Vnet } from '@ns/kern';
import type { Socket } from '@ns/socket';
import type { HelpedTcpcb, TcpFunctionBlock } from '@ns/tcp-kpi';
import { TCP_MAX_WINSHIFT, TCP_MAXWIN } from '@ns/wire';
import { TCPS_CLOSED } from './constants.ts';
import { type Sackhint, tcpComputePipe } from './sack.ts';
import type { FbConn } from './fbconn.ts';
import type { TsegQent } from './reass.ts';
import type { TcpVnet } from './tcp-vnet.ts';
import { TcpExt } from './tcpext.ts';

export * from './constants.ts';

/**
 * The control block of a connection (RFC 9293 §3.3.1): data only; what is done with it are functions in the files named after FreeBSD's.
 *
 * Sequence numbers and windows are int32; `...Us` microseconds, `...Ms` milliseconds. It is at the same time the `CcVar` of its
 * congestion control. What few connections need is in {@link TcpExt}, made when first needed.
 * Source: FreeBSD tcp_var.h, struct tcpcb.
 * @alpha
 */
export class Tcpcb implements HelpedTcpcb {
  /** Internet protocol control block. */
  readonly inp: Inpcb;
  /** Socket; stays set until the block is discarded. */
  readonly so: Socket;
  /** The TCP of the vnet. */
  readonly tcp: TcpVnet;
  /** Written by fsm.ts alone. */
  state: number;
  /** TF_* */
  flags: number;
  /** TF2_* */
  flags2: number;
  /** The peer's port of TCP over UDP, 0: plain TCP. Source: t_port. */
  udpPort: number;

  /** Initial send sequence number. */
  iss: number;
  /** Oldest unacknowledged. */
  sndUna: number;
  /** Next to send; behind sndMax while repeating. */
  sndNxt: number;
  /** Highest sent, plus one. */
  sndMax: number;
  /** Urgent pointer to send. */
  sndUp: number;
  /** Window the peer offers, scaled. */
  sndWnd: number;
  /** Segment sequence number of the last window update. */
  sndWl1: number;
  /** Segment acknowledgement number of the last window update. */
  sndWl2: number;
  /** Largest window the peer has ever offered. */
  maxSndwnd: number;
  /** Shift for windows the peer offers. */
  sndScale: number;
  /** Congestion window. */
  sndCwnd: number;
  /** Slow start threshold. */
  sndSsthresh: number;
  /** Recovery ends when this is acknowledged. */
  sndRecover: number;
  /** Highest byte known to have arrived (SACK). */
  sndFack: number;
  /** Segments that limited transmit has sent. */
  sndLimited: number;

  /** Initial receive sequence number. */
  irs: number;
  /** Next expected. */
  rcvNxt: number;
  /** Right edge advertised, plus one. */
  rcvAdv: number;
  /** Receive window. */
  rcvWnd: number;
  /** Urgent pointer received. */
  rcvUp: number;
  /** Shift for windows we offer. */
  rcvScale: number;
  /** Shift asked for in our SYN. */
  requestRScale: number;
  /** Acknowledgement number of the last segment sent. */
  lastAckSent: number;

  /** The MSS: payload and TCP options of a full segment. Source: t_maxseg. */
  mss: number;
  /** Payload bytes of a full segment: `mss` less the options that every segment carries; kept by `tcpSetMss`. Source: tcp_fixed_maxseg(). */
  maxseg: number;
  /** Most bytes of options and payload in a packet that the interface segments. */
  tsomax: number;
  /** Duplicate ACKs in a row. */
  dupacks: number;
  /** Retransmissions of the oldest segment. */
  rxtshift: number;
  /** Present retransmission timeout. */
  rxtcurUs: number;
  /** Smoothed round-trip time, microseconds x 32; 0 before the first sample. */
  srtt: number;
  /** Its mean deviation, microseconds x 16. */
  rttvar: number;
  /** When the timed segment was sent, microseconds modulo 2^32. */
  rtttimeUs: number;
  /** Whether a segment is being timed. */
  rttTiming: boolean;
  /** Sequence number being timed. */
  rttseq: number;
  /** Samples taken. */
  rttupdated: number;
  /** Shortest round trip seen, microseconds; 0 before the first. */
  rttlowUs: number;
  /** When the last segment came in, milliseconds modulo 2^32. */
  rcvtimeMs: number;
  /** When the connection was established, milliseconds modulo 2^32. */
  starttimeMs: number;

  /** When the present round of receive buffer sizing began, microseconds modulo 2^32. */
  rfbufTsUs: number;
  /** Bytes received in it; -1: no round is going on. */
  rfbufCnt: number;

  /** Time stamp to echo. */
  tsRecent: number;
  /** When it was taken, milliseconds modulo 2^32. */
  tsRecentAgeMs: number;
  /** Added to the clock to make our time stamps. */
  tsOffset: number;

  /** Blocks in `sackblks` to report. */
  rcvNumsacks: number;
  /** Blocks [start, end) to report, made when first needed. */
  sackblks: Int32Array | null;
  /** Runs of bytes that wait for those before them. */
  segq: TsegQent | null;
  /** Entries in `segq`. */
  segqlen: number;
  /** Bytes in `segq`. */
  segqbytes: number;
  /** Segments received out of order (tcpi_rcv_ooopack). */
  rcvoopack: number;
  /** The sender's scoreboard, made when first needed. */
  sackhint: Sackhint | null;

  /** Function block: `net.inet.tcp.functions_default` of the moment, the listener's, or what the user chose. */
  fb: TcpFunctionBlock;
  /** How it finds losses when established; null: the built-in stack does. */
  rec: FbConn | null;

  /** Congestion control algorithm. */
  cc: CcAlgo;
  /** @see {@link HelpedTcpcb.ccData} */
  ccData: unknown;
  /** @see {@link HelpedTcpcb.ccFlags} */
  ccFlags: number;
  /** @see {@link HelpedTcpcb.bytesThisAck} */
  bytesThisAck: number;
  /** @see {@link HelpedTcpcb.curack} */
  curack: number;
  /** @see {@link HelpedTcpcb.nsegs} */
  nsegs: number;
  /** @see {@link HelpedTcpcb.labc} */
  labc: number;
  /** Bytes acknowledged since the window last grew (RFC 3465). */
  bytesAcked: number;

  /** The last error that did not end the connection. */
  softerror: number;
  /** When each timer is due, microseconds; Infinity: not running. Written by timer.ts alone. */
  rexmtAtUs: number;
  persistAtUs: number;
  keepAtUs: number;
  mslAtUs: number;
  delackAtUs: number;
  /** That of the function block. */
  fbAtUs: number;
  /** When the callout is armed for: at or before the earliest of those; Infinity: not armed. */
  calloutAtUs: number;
  readonly callout: Callout<Tcpcb>;
  /** Neighbours in the queue of TIME_WAIT connections. */
  twNext: Tcpcb | null;
  twPrev: Tcpcb | null;
  /** What helpers keep for it; null if there were none when it began. */
  osd: Osd | null;
  /** Rarely needed fields, or null. */
  ext: TcpExt | null;

  /** For `tcpNewtcpcb` alone. */
  constructor(v: TcpVnet, inp: Inpcb, so: Socket, cc: CcAlgo, fire: (tp: Tcpcb) => void) {
    this.inp = inp;
    this.so = so;
    this.tcp = v;
    this.state = TCPS_CLOSED;
    this.flags = 0;
    this.flags2 = 0;
    this.udpPort = 0;
    this.iss = 0;
    this.sndUna = 0;
    this.sndNxt = 0;
    this.sndMax = 0;
    this.sndUp = 0;
    this.sndWnd = 0;
    this.sndWl1 = 0;
    this.sndWl2 = 0;
    this.maxSndwnd = 0;
    this.sndScale = 0;
    this.sndCwnd = TCP_MAXWIN << TCP_MAX_WINSHIFT;
    this.sndSsthresh = TCP_MAXWIN << TCP_MAX_WINSHIFT;
    this.sndRecover = 0;
    this.sndFack = 0;
    this.sndLimited = 0;
    this.irs = 0;
    this.rcvNxt = 0;
    this.rcvAdv = 0;
    this.rcvWnd = 0;
    this.rcvUp = 0;
    this.rcvScale = 0;
    this.requestRScale = 0;
    this.lastAckSent = 0;
    this.mss = 0;
    this.maxseg = 0;
    this.tsomax = 0;
    this.dupacks = 0;
    this.rxtshift = 0;
    this.rxtcurUs = 0;
    this.srtt = 0;
    this.rttvar = 0;
    this.rtttimeUs = 0;
    this.rttTiming = false;
    this.rttseq = 0;
    this.rttupdated = 0;
    this.rttlowUs = 0;
    this.rcvtimeMs = 0;
    this.starttimeMs = 0;
    this.rfbufTsUs = 0;
    this.rfbufCnt = -1;
    this.tsRecent = 0;
    this.tsRecentAgeMs = 0;
    this.tsOffset = 0;
    this.rcvNumsacks = 0;
    this.sackblks = null;
    this.segq = null;
    this.segqlen = 0;
    this.segqbytes = 0;
    this.rcvoopack = 0;
    this.sackhint = null;
    this.fb = v.fbDefault;
    this.rec = null;
    this.cc = cc;
    this.ccData = null;
    this.ccFlags = 0;
    this.bytesThisAck = 0;
    this.curack = 0;
    this.nsegs = 0;
    this.labc = 0;
    this.bytesAcked = 0;
    this.softerror = 0;
    // Infinity, not 0, from the start: the fields are doubles for good and a store never allocates.
    this.rexmtAtUs = Infinity;
    this.persistAtUs = Infinity;
    this.keepAtUs = Infinity;
    this.mslAtUs = Infinity;
    this.delackAtUs = Infinity;
    this.fbAtUs = Infinity;
    this.calloutAtUs = Infinity;
    this.callout = new Callout<Tcpcb>(fire, this);
    this.twNext = null;
    this.twPrev = null;
    this.osd = null;
    this.ext = null;
  }

  /** @see {@link HelpedTcpcb.vnet} */
  get vnet(): Vnet {
    return this.tcp.vnet;
  }

  /** @see {@link HelpedTcpcb.lastSackAck} */
  get lastSackAck(): number {
    return this.sackhint === null ? 0 : this.sackhint.lastSackAck;
  }

  /** @see {@link HelpedTcpcb.srttUs} */
  get srttUs(): number {
    return this.srtt >> 5;
  }

  /**
   * The initial window of this connection, bytes.
   * Source: RFC 6928 §2, RFC 3390; FreeBSD tcp_compute_initwnd().
   */
  initialWindow(): number {
    const v = this.tcp;
    const mss = this.maxseg;
    const segments = v.initcwndSegments;
    if (segments > 0) return Math.min(segments * mss, Math.max(2 * mss, segments * 1460));
    if (v.doRfc3390) return Math.min(4 * mss, Math.max(2 * mss, 4380));
    return mss > 2190 ? 2 * mss : mss > 1095 ? 3 * mss : 4 * mss;
  }

  /** @see {@link HelpedTcpcb.pipe} */
  pipe(): number {
    return tcpComputePipe(this);
  }

  /** The rarely needed fields, made now if this is the first. */
  get rare(): TcpExt {
    const e = this.ext;
    if (e !== null) return e;
    const made = new TcpExt();
    this.ext = made;
    return made;
  }
}
