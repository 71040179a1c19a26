import type { CcVar } from '@ns/cc-kpi';
import type { Osd } from '@ns/kern';
import type { TcpHdr, TcpOpt } from '@ns/wire';

/** {@link HelpedTcpcb} flag: sends no options and takes none. @public */
export const TF_NOOPT = 0x8;
/** {@link HelpedTcpcb} flag: the interface may segment. A helper that clears it for a while sets it again. @public */
export const TF_TSO = 0x1000000;

/**
 * A connection as helpers see it. What is not said to be theirs to write is for reading.
 * Source: the fields of FreeBSD's struct tcpcb that netinet/khelp/ uses.
 * @public
 */
export interface HelpedTcpcb extends CcVar {
  /** What helpers keep for it; null if there was none of them when it began. */
  readonly osd: Osd | null;
  /** Added to the clock, in milliseconds, to make its time stamps. */
  readonly tsOffset: number;
  /** Highest edge of the SACK blocks of the ACK that is being processed, 0 if it had none that count. */
  readonly lastSackAck: number;
}

/**
 * What hooks on HHOOK_TCP_EST_IN and HHOOK_TCP_EST_OUT get as their `ctx`. One record for each vnet: keep nothing of it.
 *
 * EST_IN runs for each segment with an acceptable ACK of a connection that is established or beyond, before the ACK moves anything: `tp.sndUna` is the old one. EST_OUT runs
 * for each such segment that goes to IP; `len` and `tso` say what it carries.
 * Source: FreeBSD netinet/tcp_var.h, struct tcp_hhook_data.
 * @public
 */
export interface TcpHhookData {
  /** The connection. */
  readonly tp: HelpedTcpcb;
  /** Header, in host order. */
  readonly th: TcpHdr;
  /** Options. */
  readonly to: TcpOpt;
  /** EST_OUT: bytes of payload; 0 at EST_IN. */
  readonly len: number;
  /** EST_OUT: the interface will segment it. */
  readonly tso: boolean;
  /** EST_IN: acknowledgement number; 0 at EST_OUT. */
  readonly curack: number;
  /** The clock of time stamps: milliseconds modulo 2^32. */
  readonly nowMs: number;
}
