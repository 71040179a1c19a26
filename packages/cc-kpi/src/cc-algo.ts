import { ServiceKey, type Kernel } from '@ns/kern';
import type { CcVar } from './cc-var.ts';

/** Longest name of an algorithm, bytes. @public */
export const TCP_CA_NAME_MAX = 16;

/**
 * A socket option for the algorithm (TCP_CCALGOOPT).
 * @public
 */
export interface CcSockopt {
  /** Whether the value is set, not asked for. */
  readonly set: boolean;
  /** The algorithm's own number of the option. */
  readonly name: number;
  /** Value to set, or value found. */
  value: number;
}

/**
 * A congestion control algorithm: a frozen table of hooks. Only `ackReceived` is required. Hooks run inside input and output processing: they may not
 * send, block, or keep `ccv` beyond `cbDestroy`.
 * Source: FreeBSD netinet/cc/cc.h, struct cc_algo; mod_cc(9).
 * @public
 */
export interface CcAlgo {
  /** Name for TCP_CONGESTION and `net.inet.tcp.cc.algorithm`: 1 to 15 bytes. */
  readonly name: string;
  /** Runs when a kernel registers the algorithm; an errno cancels that. */
  modInit?(kernel: Kernel): number;
  /** Runs when it is deregistered; no connection uses it any more. */
  modDestroy?(kernel: Kernel): void;
  /** A connection takes the algorithm up: makes `ccv.ccData`. ENOMEM or another errno refuses. */
  cbInit?(ccv: CcVar): number;
  /** A connection drops the algorithm, or ends. */
  cbDestroy?(ccv: CcVar): void;
  /** The connection is established; the initial window is set, maxseg is known. */
  connInit?(ccv: CcVar): void;
  /** A valid ACK came in. `type` is CC_ACK, CC_DUPACK, CC_PARTIALACK or CC_SACK. */
  ackReceived(ccv: CcVar, type: number): void;
  /** Congestion was noticed: CC_ECN, CC_RTO, CC_RTO_ERR, CC_NDUPACK, or a private signal. */
  congSignal?(ccv: CcVar, type: number): void;
  /** Recovery ends with this ACK: set the window to go on with. */
  postRecovery?(ccv: CcVar): void;
  /** Data is about to be sent after more than an RTO of silence. */
  afterIdle?(ccv: CcVar): void;
  /** A data segment came in; its CE and CWR bits are in `ccv.ccFlags`. May set CCF_ACKNOW. */
  ecnpktHandler?(ccv: CcVar): void;
  /** TCP_CCALGOOPT; absent means ENOENT. Returns an errno. */
  ctlOutput?(ccv: CcVar, sopt: CcSockopt): number;
  /** A round trip has begun, the `round`th; for transports that track rounds (CCF_HYSTART_ALLOWED). */
  newround?(ccv: CcVar, round: number): void;
  /** A round-trip time was measured, before the round that its ACK begins: microseconds, times retransmitted, bytes in flight when it was sent. Where `newround` is called. */
  rttsample?(ccv: CcVar, us: number, rxtcnt: number, flight: number): void;
}

/**
 * One row of `net.inet.tcp.cc.available`.
 * @public
 */
export interface CcAvailable {
  /** Name of the algorithm. */
  readonly name: string;
  /** Connections that use it. */
  readonly pcbs: number;
}

/**
 * The framework: what a module calls to offer an algorithm. Source: FreeBSD netinet/cc/cc.c.
 * @public
 */
export interface CcKpi {
  /** Offers `algo`. EEXIST for a taken name, EINVAL for a bad one, or what `modInit` says. */
  register(algo: CcAlgo): number;
  /**
   * Withdraws an algorithm: connections and vnets that use it go over to NewReno. EPERM for NewReno itself, ENOENT for an unknown one.
   * Source: FreeBSD cc_deregister_algo().
   */
  deregister(name: string): number;
  /** The algorithm of that name, or null. */
  find(name: string): CcAlgo | null;
  /** What is on offer, in order of registration. */
  available(): CcAvailable[];
}

/** Where a kernel offers {@link CcKpi}; provided by the tcp module. @public */
export const CC_KPI: ServiceKey<CcKpi> = new ServiceKey<CcKpi>('cc');
