import type { CcAlgo } from '@ns/cc-kpi';
import type { TcpFunctionBlock } from '@ns/tcp-kpi';
import type { CalloutWheel } from '@ns/callout';
import { INET, type InetAf, type InetDomain, type InpcbInfo, inPcbInfoDestroy, inPcbInfoInit, PathInfo } from '@ns/inpcb';
import { defineVnetVar, HHOOK_TCP_EST_IN, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, type HhookHead, type Khelp, type Random, RateLimit, type Vnet, type VnetVar } from '@ns/kern';
import type { MbufPool } from '@ns/mbuf';
import { type SocketKernel, SOCKETS } from '@ns/socket';
import { type CcRegistry, ccRegistryOf } from './cc.ts';
import { TCP_KPI } from '@ns/tcp-kpi';
import { Fastopen } from './fastopen.ts';
import { TcpAckNews } from './fbconn.ts';
import { type FunctionRegistry, functionsOf } from './functions.ts';
import type { TcpGuard } from './guard.ts';
import { TcpHooks } from './hooks.ts';
import { HostCache } from './hostcache.ts';
import { IsnState } from './isn.ts';
import { OutState } from './outstate.ts';
import { TcpOverUdp } from './over-udp.ts';
import { ReassState } from './reass.ts';
import { SackScratch } from './sack.ts';
import { Segment } from './segment.ts';
import { SegZone } from './sendmap.ts';
import { TcpStats } from './stats.ts';
import { Syncache } from './syncache.ts';
import { TCP_NSTATES } from './tcpcb.ts';
import { cacheLimits, tcbHashSize } from './tunables.ts';
import { TwQueue } from './twqueue.ts';

/** Values of net.inet.tcp.rfc1323 that mean one of its options alone. Source: FreeBSD tcp_newtcpcb(), syncache_add(). */
const RFC1323_SCALE = 2;
const RFC1323_TS = 3;

/**
 * TCP of one vnet: counters, tables, and the value of every sysctl under net.inet.tcp. Times in milliseconds unless the name says otherwise.
 * Defaults are FreeBSD's.
 * @alpha
 */
export class TcpVnet {
  readonly vnet: Vnet;
  readonly wheel: CalloutWheel;
  readonly random: Random;
  readonly pool: MbufPool;
  readonly sockets: SocketKernel;
  readonly inet: InetDomain;
  readonly stat: TcpStats;
  readonly pcbinfo: InpcbInfo;
  readonly isn: IsnState;
  readonly hostcache: HostCache;
  readonly syncache: Syncache;
  readonly fastopen: Fastopen;
  readonly reass: ReassState;
  readonly sackScratch: SackScratch;
  readonly cc: CcRegistry;
  readonly functions: FunctionRegistry;
  /** Records of what was sent, of connections with a function block. */
  readonly segZone: SegZone;
  /** What the ACK in hand brought. */
  readonly ackNews: TcpAckNews;
  readonly guard: TcpGuard;
  readonly overUdp: TcpOverUdp;
  readonly khelp: Khelp;
  readonly hooks: TcpHooks;
  /** Scratch of path queries. */
  readonly path: PathInfo;
  /** Live connections by state, CLOSED included; written by fsm.ts and subr.ts. */
  readonly states: number[];
  /** Connections in TIME_WAIT, the oldest first. */
  readonly twq: TwQueue;
  /** Rate limits of RSTs: to closed ports, to open ports. */
  readonly rstClosedPort: RateLimit;
  readonly rstOpenPort: RateLimit;
  /** Rate limits of what log_in_vain and log_debug say: one each, so that neither silences the other. */
  readonly vainLimit: RateLimit;
  readonly debugLimit: RateLimit;
  /** The segment being processed: one at a time in a vnet, for input never recurses. */
  readonly seg: Segment;
  /** Scratch of tcpOutput. */
  readonly out: OutState;
  /** net.inet.tcp.cc.algorithm */
  ccDefault: CcAlgo;
  /** net.inet.tcp.functions_default */
  fbDefault: TcpFunctionBlock;

  /** When the segment in hand came in; negative when there is none. */
  inputUs: number;
  /** Check transitions and buffers at run time: for tests and development. */
  invariants: boolean;

  alwaysKeepalive: boolean;
  keepidleMs: number;
  keepintvlMs: number;
  keepinitMs: number;
  keepcnt: number;
  mslMs: number;
  delayedAck: boolean;
  delacktimeMs: number;
  rexmitInitialMs: number;
  rexmitMinMs: number;
  rexmitSlopMs: number;
  retries: number;
  /** Of connections that have no TCP_MAXUNACKTIME of their own; 0: for ever. */
  maxunacktimeMs: number;
  rexmitDropOptions: boolean;
  persminMs: number;
  persmaxMs: number;
  finwait2TimeoutMs: number;
  fastFinwait2Recycle: boolean;
  maxtcptw: number;
  nolocaltimewait: boolean;

  mssdflt: number;
  v6mssdflt: number;
  minmss: number;
  pathMtuDiscovery: boolean;
  pmtudBlackholeDetection: boolean;
  pmtudBlackholeMss: number;
  v6pmtudBlackholeMss: number;
  rfc1323: number;
  tolerateMissingTs: boolean;
  tsOffsetPerConn: boolean;

  doRfc3042: boolean;
  doRfc3390: boolean;
  doRfc3465: boolean;
  abcLVar: number;
  initcwndSegments: number;
  newcwv: boolean;
  doPrr: boolean;
  sackEnable: boolean;
  sackLrd: boolean;
  sackMaxholes: number;
  sackGlobalmaxholes: number;
  sackGlobalholes: number;
  functionsInherit: boolean;
  mapLimit: number;
  ecnEnable: number;
  ecnMaxretries: number;

  sendspace: number;
  recvspace: number;
  sendbufAuto: boolean;
  sendbufAutoLowat: boolean;
  sendbufInc: number;
  sendbufMax: number;
  recvbufAuto: boolean;
  recvbufMax: number;
  doTcpdrain: boolean;
  tso: boolean;

  blackhole: number;
  blackholeLocal: boolean;
  dropSynfin: boolean;
  insecureRst: boolean;
  insecureSyn: boolean;
  insecureAck: boolean;
  ackWarCnt: number;
  ackWarTimewindowMs: number;
  icmpMayRst: boolean;
  requireUniquePort: boolean;
  logInVain: number;
  logDebug: boolean;
  syncookies: boolean;
  syncookiesOnly: boolean;

  constructor(vnet: Vnet) {
    const k = vnet.kernel;
    this.vnet = vnet;
    this.wheel = k.callouts;
    this.random = k.random;
    this.pool = k.mbufs;
    this.sockets = k.service(SOCKETS);
    this.inet = INET.get(vnet);
    this.stat = new TcpStats();
    this.pcbinfo = inPcbInfoInit(vnet, 'tcp', 'tcp_inpcb', { countPortAllocs: true, hashSize: tcbHashSize(k) });
    this.isn = new IsnState({ random: k.random, nowUs: () => k.callouts.nowUs() });
    this.hostcache = new HostCache(k.callouts, k.random, this.stat, cacheLimits(k, 'hostcache'));
    this.fastopen = new Fastopen(k);
    this.reass = new ReassState(4096);
    this.sackScratch = new SackScratch();
    this.cc = ccRegistryOf(k);
    this.functions = functionsOf(k);
    this.segZone = new SegZone();
    this.ackNews = new TcpAckNews();
    this.guard = k.service(TCP_KPI) as TcpGuard;
    this.overUdp = new TcpOverUdp(this);
    this.khelp = k.khelp;
    this.hooks = new TcpHooks(hookPoint(vnet, HHOOK_TCP_EST_IN), hookPoint(vnet, HHOOK_TCP_EST_OUT));
    this.seg = new Segment();
    this.out = new OutState();
    this.path = new PathInfo();
    this.states = new Array<number>(TCP_NSTATES).fill(0);
    this.twq = new TwQueue();
    this.rstClosedPort = new RateLimit();
    this.rstOpenPort = new RateLimit();
    this.vainLimit = new RateLimit();
    this.debugLimit = new RateLimit();
    this.ccDefault = this.cc.reference;
    this.fbDefault = this.functions.builtin;
    this.inputUs = -0.5; // a double for good
    this.invariants = false;
    this.alwaysKeepalive = true;
    this.keepidleMs = 7200000;
    this.keepintvlMs = 75000;
    this.keepinitMs = 75000;
    this.keepcnt = 8;
    this.mslMs = 30000;
    this.delayedAck = true;
    this.delacktimeMs = 40;
    this.rexmitInitialMs = 1000;
    this.rexmitMinMs = 30;
    this.rexmitSlopMs = 200;
    this.retries = 12;
    this.maxunacktimeMs = 0;
    this.rexmitDropOptions = false;
    this.persminMs = 5000;
    this.persmaxMs = 60000;
    this.finwait2TimeoutMs = 60000;
    this.fastFinwait2Recycle = false;
    this.maxtcptw = 13107;
    this.nolocaltimewait = false;
    this.mssdflt = 536;
    this.v6mssdflt = 1220;
    this.minmss = 216;
    this.pathMtuDiscovery = true;
    this.pmtudBlackholeDetection = false;
    this.pmtudBlackholeMss = 1200;
    this.v6pmtudBlackholeMss = 1220;
    this.rfc1323 = 1;
    this.tolerateMissingTs = false;
    this.tsOffsetPerConn = true;
    this.doRfc3042 = true;
    this.doRfc3390 = true;
    this.doRfc3465 = true;
    this.abcLVar = 2;
    this.initcwndSegments = 10;
    this.newcwv = false;
    this.doPrr = true;
    this.sackEnable = true;
    this.sackLrd = true;
    this.sackMaxholes = 128;
    this.sackGlobalmaxholes = 65536;
    this.sackGlobalholes = 0;
    this.functionsInherit = true;
    this.mapLimit = 8192;
    this.ecnEnable = 2;
    this.ecnMaxretries = 1;
    this.sendspace = 32768;
    this.recvspace = 65536;
    this.sendbufAuto = true;
    this.sendbufAutoLowat = false;
    this.sendbufInc = 8192;
    this.sendbufMax = 2097152;
    this.recvbufAuto = true;
    this.recvbufMax = 2097152;
    this.doTcpdrain = true;
    this.tso = true;
    this.blackhole = 0;
    this.blackholeLocal = false;
    this.dropSynfin = false;
    this.insecureRst = false;
    this.insecureSyn = false;
    this.insecureAck = false;
    this.ackWarCnt = 5;
    this.ackWarTimewindowMs = 1000;
    this.icmpMayRst = true;
    this.requireUniquePort = false;
    this.logInVain = 0;
    this.logDebug = false;
    this.syncookies = true;
    this.syncookiesOnly = false;
    this.syncache = new Syncache(this, cacheLimits(k, 'syncache'));
  }

  /** Whether window scale is offered and accepted: by net.inet.tcp.rfc1323, whose 3 means time stamps alone. */
  scales(): boolean {
    return this.rfc1323 !== 0 && this.rfc1323 !== RFC1323_TS;
  }

  /** Whether time stamps are: its 2 means window scale alone. */
  stamps(): boolean {
    return this.rfc1323 !== 0 && this.rfc1323 !== RFC1323_SCALE;
  }

  /** The network protocol of a family, or null when it is not loaded. */
  af(family: number): InetAf | null {
    return this.inet.af(family);
  }

  /** Now, integer microseconds; while a segment is processed, the moment it came in: the clock is read once for each. */
  nowUs(): number {
    const t = this.inputUs;
    return t >= 0 ? t : this.wheel.nowUs();
  }

  /** The same in milliseconds modulo 2^32: the time-stamp clock, FreeBSD's `ticks`. */
  nowMs(): number {
    return (this.nowUs() / 1000) | 0;
  }

  /** kern.ipc.maxsockbuf */
  sbMax(): number {
    return this.sockets.maxsockbuf;
  }
}

function hookPoint(vnet: Vnet, id: number): HhookHead {
  const head = vnet.kernel.hhooks.headRegister(HHOOK_TYPE_TCP, id, vnet);
  if (head === null) throw new Error(`hook point ${id} of TCP is there already`);
  return head;
}

/** TCP of each vnet. Hot objects hold the {@link TcpVnet} itself. @alpha */
export const TCP: VnetVar<TcpVnet> = defineVnetVar<TcpVnet>({
  module: 'tcp',
  name: 'tcp',
  init: (vnet) => new TcpVnet(vnet),
  destroy: (v) => {
    v.syncache.destroy();
    v.hostcache.destroy();
    v.fastopen.destroy();
    v.vnet.kernel.hhooks.headDeregister(v.hooks.estIn);
    v.vnet.kernel.hhooks.headDeregister(v.hooks.estOut);
    inPcbInfoDestroy(v.pcbinfo);
  },
});
