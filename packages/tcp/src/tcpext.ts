import type { FastopenState } from './fastopen-state.ts';

/**
 * Fields of a connection that few connections need; made on first use, so that an idle one stays small.
 * Source: FreeBSD tcp_var.h, struct tcpcb.
 * @alpha
 */
export class TcpExt {
  /** TCP_KEEPINIT, TCP_KEEPIDLE, TCP_KEEPINTVL, milliseconds; 0: the vnet's. */
  keepinitMs: number;
  keepidleMs: number;
  keepintvlMs: number;
  /** TCP_KEEPCNT; 0: the vnet's. */
  keepcnt: number;
  /** TCP_MAXUNACKTIME, milliseconds; 0: none. */
  maxunackMs: number;
  /** When sent data was last acknowledged while some stayed outstanding, milliseconds modulo 2^32; valid with `ackTiming`. */
  acktimeMs: number;
  ackTiming: boolean;

  /** TCP_MAXSEG set before the handshake: upper bound of maxseg; 0: none. */
  userMaxseg: number;
  /** maxseg before black hole detection lowered it; 0: not lowered. */
  pmtudSavedMaxseg: number;

  /** Retransmission timeouts since sndUna was `rexmtUna`. */
  rexmtCount: number;
  rexmtUna: number;
  /** Congestion state before the last timeout, to undo it: with TF_PREVVALID. */
  sndCwndPrev: number;
  sndSsthreshPrev: number;
  sndRecoverPrev: number;
  /** An ACK before this moment proves the timeout wrong, milliseconds modulo 2^32. */
  badrxtwinMs: number;
  /** TSval of the first retransmission after a timeout, for Eifel detection (RFC 3522). */
  rexmtTsval: number;

  /** Challenge ACKs sent in the window that ends at `challengeEndMs` (RFC 5961 §10). */
  challengeEndMs: number;
  challengeCnt: number;
  /** The same for ACKs that answer ACKs for data not sent. */
  ackwarEndMs: number;
  ackwarCnt: number;

  /** tcpi_snd_rexmitpack, tcpi_snd_zerowin. */
  sndrexmitpack: number;
  sndzerowin: number;

  /** tcpi_total_tlp, tcpi_total_tlp_bytes. */
  sndtlppack: number;
  sndtlpbyte: number;

  /** What accurate ECN would report of the segments received (RFC 9768 §3.2.1): CE marked ones, and payload bytes by mark. */
  rcep: number;
  rceb: number;
  re0b: number;
  re1b: number;

  /** TCPOOB_*: state of the urgent byte. */
  oobState: number;
  /** The urgent byte. */
  oobByte: number;

  /** Fast Open, or null. */
  fastopen: FastopenState | null;

  constructor() {
    this.keepinitMs = 0;
    this.keepidleMs = 0;
    this.keepintvlMs = 0;
    this.keepcnt = 0;
    this.maxunackMs = 0;
    this.acktimeMs = 0;
    this.ackTiming = false;
    this.userMaxseg = 0;
    this.pmtudSavedMaxseg = 0;
    this.rexmtCount = 0;
    this.rexmtUna = 0;
    this.sndCwndPrev = 0;
    this.sndSsthreshPrev = 0;
    this.sndRecoverPrev = 0;
    this.badrxtwinMs = 0;
    this.rexmtTsval = 0;
    this.challengeEndMs = 0;
    this.challengeCnt = 0;
    this.ackwarEndMs = 0;
    this.ackwarCnt = 0;
    this.sndrexmitpack = 0;
    this.sndzerowin = 0;
    this.sndtlppack = 0;
    this.sndtlpbyte = 0;
    this.rcep = 0;
    this.rceb = 0;
    this.re0b = 0;
    this.re1b = 0;
    this.oobState = 0;
    this.oobByte = 0;
    this.fastopen = null;
  }
}
