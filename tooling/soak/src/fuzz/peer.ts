import { type Random, SeededRandom } from '@ns/kern';
import type { LabFrame, Pattern } from '@ns/testkit';
import { decodeTcpOpts, TcpOpt, TH_ACK, TH_FIN, TH_RST, TH_SYN, TOF_SACKPERM, TOF_SCALE, TOF_TS } from '@ns/wire';
import { Intervals } from './intervals.ts';

/** Bytes in a segment of ours or the peer's at most: what the peer offers, so that both address families have the same. */
export const PEER_MSS = 1000;

/** What the stack under test has to keep: broken ones are collected. */
export type Complaint = (text: string) => void;

/**
 * The other end of one connection, which no stack drives: it knows what it has said and heard, and holds each segment of the stack against that. Positions are relative: 0 is the SYN of
 * a direction, 1 its first byte.
 */
export class Peer {
  readonly port: number;
  /** Our initial sequence number. */
  readonly iss: number;
  /** Bytes of our stream, should nothing end it before. */
  readonly length: number;
  /** Positions at which a FIN was said. */
  readonly fins: Set<number>;
  /** Our window shift; -1: none offered. */
  readonly wscale: number;
  readonly stamps: boolean;
  readonly sack: boolean;
  readonly random: Random;
  /** What we have sent of our stream: every byte that the stack may know. */
  readonly said: Intervals;
  /** What has come of its stream. */
  readonly heard: Intervals;
  /** The stack has a connection with us. */
  live: boolean;
  /** Its initial sequence number; null before its SYN. */
  stackIss: number | null;
  /** Both sides agreed on window scaling, time stamps, SACK. */
  scaled: boolean;
  stamped: boolean;
  sacked: boolean;
  stackScale: number;
  /** Position of its FIN; -1: none yet. */
  stackFin: number;
  /** The most that it has acknowledged. */
  lastAck: number;
  /** The right edge of its window. */
  edge: number;
  /** The right edge of the window that we have offered, at most. */
  offered: number;
  /** Time stamp of its last segment. */
  tsecr: number;
  /** A RST of its has come. */
  reset: boolean;
  /** Its segments, for comparison with those of another stack. */
  readonly trace: string[];
  private readonly pattern: Pattern;
  private readonly complain: Complaint;
  private readonly to: TcpOpt;

  constructor(seed: number, port: number, stackPattern: Pattern, complain: Complaint) {
    const r = new SeededRandom(seed);
    const below = (n: number): number => (r.u32() >>> 0) % n;
    this.random = r;
    this.port = port;
    this.iss = r.u32() | 0;
    this.length = below(3) === 0 ? below(200) : below(30_000);
    this.fins = new Set();
    this.wscale = below(2) === 0 ? -1 : below(15);
    this.stamps = below(2) === 0;
    this.sack = below(2) === 0;
    this.said = new Intervals();
    this.heard = new Intervals();
    this.live = false;
    this.stackIss = null;
    this.scaled = false;
    this.stamped = false;
    this.sacked = false;
    this.stackScale = 0;
    this.stackFin = -1;
    this.lastAck = 0;
    this.edge = 0;
    this.offered = 0;
    this.tsecr = 0;
    this.reset = false;
    this.trace = [];
    this.pattern = stackPattern;
    this.complain = complain;
    this.to = new TcpOpt();
  }

  /** The position behind all that we have said without a gap. */
  get next(): number {
    return this.said.contiguous(0);
  }

  /** The position behind all that the stack has said without a gap. */
  get acked(): number {
    return this.heard.contiguous(0);
  }

  /** A segment of the stack's. `written`: bytes that its user has written; `shut`: the user has ended the stream. */
  hear(f: LabFrame, written: number, shut: boolean): void {
    const t = f.tcp;
    if (t === null) return;
    const o = t.options;
    const options = this.to;
    if (!decodeTcpOpts(new DataView(o.buffer, o.byteOffset, o.byteLength), 0, o.length, options, (t.flags & TH_SYN) !== 0)) this.complain('options that end too early');
    // A RST for a segment without ACK has the number 0 itself; a SYN is where counting begins.
    const seq = this.stackIss === null || (t.flags & TH_SYN) !== 0 || ((t.flags & TH_RST) !== 0 && t.seq === 0) ? 0 : (t.seq - this.stackIss) | 0;
    const ack = (t.flags & TH_ACK) === 0 ? 0 : (t.ack - this.iss) | 0;
    this.trace.push(`${t.flags.toString(16)} ${seq} ${t.len} ${ack} ${t.win} ${options.flags}`);
    if ((t.flags & TH_RST) !== 0) {
      this.reset = true;
      return;
    }
    if ((t.flags & TH_SYN) !== 0) {
      this.syn(t.seq, t.flags, options.flags, options.wscale);
    } else if (this.stackIss === null) {
      this.complain('a segment before its SYN');
      return;
    }
    if ((options.flags & TOF_TS) !== 0) this.tsecr = options.tsval;
    if ((t.flags & TH_ACK) !== 0) this.acknowledged(ack, t.win, (t.flags & TH_SYN) !== 0);
    this.text(f, seq, t.len, written);
    if ((t.flags & TH_FIN) !== 0) this.finished(seq + t.len, written, shut);
  }

  /** A listener answers anew when nothing is left of the first connection. */
  private forget(): void {
    this.heard.clear();
    this.stackFin = -1;
    this.lastAck = 0;
    this.edge = 0;
  }

  private syn(seq: number, flags: number, options: number, wscale: number): void {
    if (this.stackIss !== null && this.stackIss !== (seq | 0)) {
      if (this.live) this.complain('a second initial sequence number');
      this.forget();
    }
    this.stackIss = seq | 0;
    this.heard.add(0, 1);
    // A SYN|ACK tells what was agreed; a SYN only what is offered.
    this.scaled = this.wscale >= 0 && (options & TOF_SCALE) !== 0;
    this.stamped = this.stamps && (options & TOF_TS) !== 0;
    this.sacked = this.sack && (options & TOF_SACKPERM) !== 0;
    this.stackScale = this.scaled ? wscale : 0;
    if ((flags & TH_ACK) === 0) return;
    if ((options & TOF_SCALE) !== 0 && this.wscale < 0) this.complain('window scale that was not offered');
    if ((options & TOF_TS) !== 0 && !this.stamps) this.complain('time stamps that were not offered');
    if ((options & TOF_SACKPERM) !== 0 && !this.sack) this.complain('SACK that was not offered');
  }

  private acknowledged(ack: number, win: number, syn: boolean): void {
    if (ack < this.lastAck) this.complain(`ACK ${ack} after ${this.lastAck}`);
    if (ack > this.next) this.complain(`ACK ${ack} of what was not sent: ${this.next}`);
    this.lastAck = Math.max(this.lastAck, ack);
    // The field counts in units of the shift, and so may take back less than one of them.
    const edge = ack + (win << (syn ? 0 : this.stackScale));
    if (edge + (1 << this.stackScale) <= this.edge) this.complain(`the right edge of the window went from ${this.edge} back to ${edge}`);
    this.edge = Math.max(this.edge, edge);
  }

  private text(f: LabFrame, seq: number, len: number, written: number): void {
    if (len === 0 || f.tcp === null) return;
    const at = f.tcp.options.byteOffset - f.bytes.byteOffset + f.tcp.options.length;
    const end = seq + len;
    if (len > PEER_MSS) this.complain(`${len} bytes in a segment`);
    if (end > written + 1) this.complain(`bytes up to ${end - 1}, where ${written} were written`);
    else if (seq < 1 || this.pattern.match(seq - 1, f.bytes, at, len) !== len) {
      // A keepalive probe with a byte of garbage, a place before the window, is allowed to be wrong.
      if (!(len === 1 && seq === this.acked - 1)) this.complain(`wrong bytes at ${seq}`);
    }
    // A probe may go one byte beyond.
    if (end > this.offered + 1) this.complain(`bytes up to ${end}, where the window ended at ${this.offered}`);
    this.heard.add(seq, end);
  }

  private finished(at: number, written: number, shut: boolean): void {
    if (!shut) this.complain('a FIN that nobody asked for');
    if (at !== written + 1) this.complain(`FIN at ${at}, behind ${written} bytes`);
    this.stackFin = at;
    this.heard.add(at, at + 1);
  }
}
