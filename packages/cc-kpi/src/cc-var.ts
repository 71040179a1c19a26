import type { Vnet } from '@ns/kern';

/** Bits of {@link CcVar.ccFlags}: a window's worth of bytes has been acknowledged (RFC 3465). @public */
export const CCF_ABC_SENTAWND = 0x1;
/** The congestion window, not the application or the peer's window, limits the sender. @public */
export const CCF_CWND_LIMITED = 0x2;
/** Use `labc` of this connection instead of the stack's. @public */
export const CCF_USE_LOCAL_ABC = 0x4;
/** Set by the algorithm: acknowledge at once. @public */
export const CCF_ACKNOW = 0x8;
/** The IP header of this segment carried CE. @public */
export const CCF_IPHDR_CE = 0x10;
/** The TCP header of this segment carried CWR. @public */
export const CCF_TCPHDR_CWR = 0x20;
/** The initial window was set by the user. @public */
export const CCF_USR_IWND = 0x100;

/** The transport tracks rounds and round-trip times, so that HyStart++ can end slow start (RFC 9406). @public */
export const CCF_HYSTART_ALLOWED = 0x400;
/** At the end of conservative slow start HyStart++ may shrink the window to what was in flight when it began. @public */
export const CCF_HYSTART_CAN_SH_CWND = 0x800;
/** And then takes for threshold the mean of that and of what was in flight at the shortest round trip. @public */
export const CCF_HYSTART_CONS_SSTH = 0x1000;

/** Bit of {@link CcVar.flags}: repairing a loss. Value of FreeBSD's TF_FASTRECOVERY. @public */
export const TF_FASTRECOVERY = 0x100000;
/** Bit of {@link CcVar.flags}: reacting to a congestion signal; nothing need be lost. Value of FreeBSD's TF_CONGRECOVERY. @public */
export const TF_CONGRECOVERY = 0x20000000;

/** Type of an acknowledgement: of new data. @public */
export const CC_ACK = 0x0001;
/** Type of an acknowledgement: a duplicate. @public */
export const CC_DUPACK = 0x0002;
/** Type of an acknowledgement: a partial one, in recovery. @public */
export const CC_PARTIALACK = 0x0004;
/** Type of an acknowledgement: with SACK information. @public */
export const CC_SACK = 0x0008;

/** Congestion signal: an ECN mark. @public */
export const CC_ECN = 0x00000001;
/** Congestion signal: the retransmission timer expired. @public */
export const CC_RTO = 0x00000002;
/** Congestion signal: that expiry was spurious; undo. @public */
export const CC_RTO_ERR = 0x00000004;
/** Congestion signal: the threshold of duplicate ACKs was reached. @public */
export const CC_NDUPACK = 0x00000008;
/** Signals that belong to an algorithm alone. @public */
export const CC_SIGPRIVMASK = 0xff000000;

/**
 * What a congestion control algorithm sees of a connection, and all it may change. Windows are bytes, sequence numbers int32.
 *
 * The transport fills in the words of the event (`bytesThisAck`, `curack`, `nsegs`, `labc`, the CCF bits) before it calls a hook; the algorithm answers by writing
 * `sndCwnd`, `sndSsthresh`, the recovery bits of `flags` and its own `ccData`. TCP's control block is one of these; so is any other transport's.
 * Source: FreeBSD netinet/cc/cc.h, struct cc_var.
 * @public
 */
export interface CcVar {
  /** State of the algorithm for this connection; made in `cbInit`, dropped in `cbDestroy`. */
  ccData: unknown;
  /** CCF_*. */
  ccFlags: number;
  /** Bytes that this ACK acknowledges. */
  bytesThisAck: number;
  /** Acknowledgement number of this ACK. */
  curack: number;
  /** Segments that this ACK covers (more than 1 after LRO). */
  nsegs: number;
  /** Limit L of RFC 3465 in segments; 0 when windows grow by ACKs instead of bytes. */
  labc: number;
  /** Congestion window. The algorithm's to write. */
  sndCwnd: number;
  /** Slow start threshold. The algorithm's to write. */
  sndSsthresh: number;
  /** TF_FASTRECOVERY and TF_CONGRECOVERY are the algorithm's to set and clear, by the helpers here; the rest is not. */
  flags: number;
  /** Peer's window, scaled. */
  readonly sndWnd: number;
  /** Oldest unacknowledged byte. */
  readonly sndUna: number;
  /** Next byte to send. */
  readonly sndNxt: number;
  /** Highest byte sent. */
  readonly sndMax: number;
  /** Window scale of the peer: the window can be at most 65535 \<\< sndScale. */
  readonly sndScale: number;
  /** Payload bytes of a full segment. */
  readonly maxseg: number;
  /** Smoothed round-trip time, microseconds; 0 before the first sample. */
  readonly srttUs: number;
  /** The virtual stack, for per-vnet parameters. */
  readonly vnet: Vnet;
  /** Initial window, bytes (RFC 6928). */
  initialWindow(): number;
  /** Bytes in flight as recovery estimates them (RFC 6675). */
  pipe(): number;
}

/** Whether a loss is being repaired. @public */
export function inFastrecovery(ccv: CcVar): boolean {
  return (ccv.flags & TF_FASTRECOVERY) !== 0;
}

/** Whether a congestion signal is being reacted to. @public */
export function inCongrecovery(ccv: CcVar): boolean {
  return (ccv.flags & TF_CONGRECOVERY) !== 0;
}

/** Whether either is going on. @public */
export function inRecovery(ccv: CcVar): boolean {
  return (ccv.flags & (TF_FASTRECOVERY | TF_CONGRECOVERY)) !== 0;
}

/** Loss: sets both bits. @public */
export function enterRecovery(ccv: CcVar): void {
  ccv.flags |= TF_FASTRECOVERY | TF_CONGRECOVERY;
}

/** Congestion signal without loss. @public */
export function enterCongrecovery(ccv: CcVar): void {
  ccv.flags |= TF_CONGRECOVERY;
}

/** Recovery is over, or abandoned. @public */
export function exitRecovery(ccv: CcVar): void {
  ccv.flags &= ~(TF_FASTRECOVERY | TF_CONGRECOVERY);
}
