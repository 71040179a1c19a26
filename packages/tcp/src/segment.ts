// @hot
import type { InPkt } from '@ns/inpcb';
import type { Mbuf } from '@ns/mbuf';
import { TcpHdr, TcpOpt } from '@ns/wire';

/**
 * The segment that is being processed, in the words of RFC 9293 §3.3.1: one reused record for each vnet. Sequence numbers are int32.
 * The checks of §3.10.7.4 trim it to the window: `seq`, `tlen`, `flags` and `m` always agree.
 * @alpha
 */
export class Segment {
  /** Header as it came, in host order. */
  readonly th: TcpHdr;
  /** Options as they came. */
  readonly to: TcpOpt;
  /** Where the header begins in the buffer that it was read from: that of `m` until somebody takes from `m`. */
  thOff: number;
  /** The peer's port if the segment came in UDP, 0: plain TCP. */
  udpPort: number;
  /** Network-layer facts; belongs to the network protocol and is valid while the segment is processed. */
  pkt: InPkt | null;
  /** SEG.SEQ */
  seq: number;
  /** SEG.ACK */
  ack: number;
  /** TH_* */
  flags: number;
  /** SEG.WND, scaled. */
  wnd: number;
  /** Payload bytes (SEG.LEN without SYN and FIN). */
  tlen: number;
  /** SEG.UP, 0 without URG. */
  urp: number;
  /** What of the segment lay below rcvNxt, [dupStart, dupEnd); empty if nothing did. */
  dupStart: number;
  dupEnd: number;
  /** The payload; null when it has been handed on or freed, or never was. Whoever takes it sets null. */
  m: Mbuf | null;
  /** Routing table that it came in by. */
  fibnum: number;
  /** Traffic class, for ECN. */
  tos: number;
  /** When it came in, microseconds. */
  nowUs: number;
  /** The same, milliseconds modulo 2^32: the time-stamp clock. */
  nowMs: number;

  constructor() {
    this.th = new TcpHdr();
    this.to = new TcpOpt();
    this.thOff = 0;
    this.udpPort = 0;
    this.pkt = null;
    this.seq = 0;
    this.ack = 0;
    this.flags = 0;
    this.wnd = 0;
    this.tlen = 0;
    this.urp = 0;
    this.dupStart = 0;
    this.dupEnd = 0;
    this.m = null;
    this.fibnum = 0;
    this.tos = 0;
    this.nowUs = -0.5;
    this.nowMs = 0;
  }
}
