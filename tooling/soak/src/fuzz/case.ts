import { type Random, SeededRandom } from '@ns/kern';
import { TCPS_CLOSED, TCPS_ESTABLISHED, TCPS_SYN_RECEIVED, TCPS_TIME_WAIT } from '@ns/tcp';
import type { Lab } from '@ns/testkit';
import { TH_ACK, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG } from '@ns/wire';
import { Conversation } from './conversation.ts';
import { PEER_MSS } from './peer.ts';

/** Everything that a segment may say of itself. */
const ANY_FLAGS = TH_FIN | TH_SYN | TH_RST | TH_PUSH | TH_ACK | TH_URG | TH_ECE | TH_CWR;
/** Rounds in which an honest end has to come: each ends with a pause longer than a retransmission timeout. */
const END_ROUNDS = 80;
const END_PAUSE_US = 2_000_000;
/** After this nothing of a connection is left whose peer has fallen silent: retransmissions, keepalive and TIME_WAIT are over, µs. */
const SILENCE_US = 3 * 3600e6;

/** What is left of a case for its judge. */
export interface CaseResult {
  readonly problems: readonly string[];
  /** The stack's segments, one a line. */
  readonly trace: readonly string[];
}

/**
 * One connection from its seed: opened by either side, then a random mix of what an honest peer, a bad path, an attacker and a user do; at last it is ended in one of four ways, and nothing of it may
 * be left. Half of the peers are honest in what they acknowledge, and half of those speak no nonsense: these must get every byte, and give every byte.
 */
export class Case {
  private readonly c: Conversation;
  private readonly r: Random;
  private readonly honest: boolean;
  private readonly sane: boolean;
  private readonly passive: boolean;

  constructor(l: Lab, seed: number, port: number, journal: string[] | null = null) {
    this.r = new SeededRandom(seed ^ 0x5ca1ab1e);
    this.c = new Conversation(l, seed, port, journal);
    this.honest = this.one(2);
    this.sane = this.honest && this.one(2);
    this.passive = this.one(2);
  }

  /** Runs it. */
  run(): CaseResult {
    const { c } = this;
    const outstanding = c.lab.a.kernel.mbufs.outstanding;
    this.open();
    const steps = 20 + this.below(100);
    for (let i = 0; i < steps && c.problems.length === 0; i++) this.step();
    this.end();
    const kept = c.lab.a.kernel.mbufs.outstanding - outstanding;
    if (kept !== 0) c.complain(`${kept} mbufs kept`);
    return { problems: c.problems, trace: c.peer.trace };
  }

  private below(n: number): number {
    return (this.r.u32() >>> 0) % n;
  }

  private one(n: number): boolean {
    return this.below(n) === 0;
  }

  /** A window of the peer's. */
  private win(): number {
    if (this.one(12)) return 0;
    return this.one(6) ? this.below(600) : 2000 + this.below(63_000);
  }

  private open(): void {
    const { c } = this;
    const [sndbuf, rcvbuf] = [2048 + this.below(40_000), 2048 + this.below(40_000)];
    if (this.passive) {
      c.listen(sndbuf, rcvbuf);
      c.say({ seq: 0, ack: 0, flags: TH_SYN | (this.one(10) ? TH_ECE | TH_CWR : 0), win: this.win() });
      if (!this.sane) for (let i = this.below(4); i > 0; i--) this.nonsense();
      if (this.sane || !this.one(8)) c.say({ seq: 1, ack: 1, flags: TH_ACK, win: this.win() });
      return;
    }
    c.dial(sndbuf, rcvbuf);
    if (!this.sane) for (let i = this.below(4); i > 0; i--) this.nonsense();
    if (this.one(10)) {
      c.say({ seq: 0, ack: 0, flags: TH_SYN, win: this.win() }); // both at once
      c.say({ seq: 1, ack: 1, flags: TH_ACK, win: this.win() });
    } else c.say({ seq: 0, ack: 1, flags: TH_SYN | TH_ACK, win: this.win() });
  }

  private step(): void {
    const { c } = this;
    switch (this.below(16)) {
      case 0:
      case 1:
      case 2:
        return this.speak(c.peer.next);
      case 3:
        return this.speak(c.peer.next + this.below(4000)); // a gap
      case 4:
        return this.speak(Math.max(1, c.peer.next - this.below(4000))); // again
      case 5:
      case 6:
      case 7:
        return c.say({ seq: c.peer.next, ack: this.ack(), flags: TH_ACK, win: this.win(), sacks: this.sacks(), tsOff: this.tsOff() });
      case 8:
      case 9:
      case 10:
        return c.write(1 + this.below(this.one(3) ? 20_000 : 1500));
      case 11:
      case 12:
        return c.take(1 + this.below(4096));
      case 13:
        return c.pass(this.one(20) ? this.below(this.sane ? 10e6 : 300e6) : this.below(1_500_000));
      case 14:
        if (!this.sane) this.nonsense();
        return;
      default:
        if (this.one(12)) c.shutdown();
        else if (this.one(20) && !this.sane) c.close();
    }
  }

  /** Bytes of the peer's stream from `seq` on, as far as it goes; its end may carry a FIN. */
  private speak(seq: number): void {
    const { c } = this;
    const end = c.peer.length + 1;
    if (seq > end) return;
    const len = Math.min(1 + this.below(PEER_MSS), end - seq);
    const fin = seq + len === end && this.one(2) ? TH_FIN : 0;
    if (len === 0 && fin === 0) return;
    c.say({ seq, len, ack: this.ack(), flags: TH_ACK | fin | (this.one(2) ? TH_PUSH : 0), win: this.win(), tsOff: this.tsOff() });
  }

  /** What the peer says it has heard. */
  private ack(): number {
    const { peer } = this.c;
    if (this.honest) return this.one(4) ? Math.max(1, peer.acked - this.below(3000)) : peer.acked;
    return this.one(8) ? this.below(60_000) : Math.max(1, peer.acked + this.below(2000) - 500);
  }

  private sacks(): readonly number[] {
    const { peer } = this.c;
    if (!this.honest && this.one(4)) return [this.below(40_000), this.below(40_000), this.below(40_000), this.below(40_000)];
    return peer.heard.beyond(peer.acked).flat();
  }

  private tsOff(): number {
    if (this.sane) return 0;
    return this.one(20) ? -this.below(100_000) : this.one(40) ? NaN : 0;
  }

  /** A segment that belongs to no conversation. */
  private nonsense(): void {
    const { c } = this;
    const near = (n: number): number => n + this.below(200) - 100;
    const where = this.one(3) ? c.peer.lastAck : this.one(2) ? near(c.peer.lastAck) : this.below(2 ** 31);
    const flags = this.one(4) ? this.below(ANY_FLAGS + 1) : [TH_RST, TH_SYN, TH_SYN | TH_ACK, TH_FIN | TH_ACK, TH_ACK, TH_RST | TH_ACK, TH_URG | TH_ACK, 0][this.below(8)] as number;
    // Until there is a connection, a SYN is believed: the stream begins where it says.
    const seq = (flags & TH_SYN) !== 0 && c.state < TCPS_ESTABLISHED ? 0 : where;
    // A RST that hits ends the case: rarely.
    if ((flags & TH_RST) !== 0 && seq === c.peer.lastAck && !this.one(6)) return;
    const len = this.one(3) && seq >= 1 && seq < 60_000 ? this.below(PEER_MSS) : 0;
    const ack = this.one(2) ? this.ack() : this.one(2) ? near(c.peer.acked) : this.below(2 ** 31);
    c.say({ seq, len, ack, flags, win: this.below(65536), urp: this.below(2000), tsOff: this.tsOff() });
  }

  private end(): void {
    const { c } = this;
    if (c.problems.length > 0) return this.tidy();
    if (this.sane) this.finish();
    else if (this.one(3)) this.silence();
    this.tidy();
  }

  /** Both sides say all that they have to say, and close: nothing may be missing. */
  private finish(): void {
    const { c } = this;
    const { peer } = c;
    const end = peer.length + 1;
    const over = (): boolean => c.eof && peer.stackFin >= 0 && peer.acked > peer.stackFin && (c.state === TCPS_CLOSED || c.state === TCPS_TIME_WAIT);
    for (let round = 0; round < END_ROUNDS && !over() && c.problems.length === 0; round++) {
      while (!c.eof && c.error === 0 && this.drain()) continue;
      c.shutdown();
      let seq = peer.lastAck;
      for (let room = peer.edge - seq; seq < end && room > 0; room = peer.edge - seq) {
        const len = Math.min(PEER_MSS, end - seq, room);
        c.say({ seq, len, ack: peer.acked, flags: TH_ACK | (seq + len === end ? TH_FIN : 0) });
        seq += len;
      }
      if (peer.lastAck === end) c.say({ seq: end, ack: peer.acked, flags: TH_ACK | TH_FIN });
      c.say({ seq: Math.max(seq, peer.lastAck), ack: peer.acked, flags: TH_ACK });
      c.pass(END_PAUSE_US);
      c.say({ seq: Math.max(seq, peer.lastAck), ack: peer.acked, flags: TH_ACK });
    }
    if (!over()) {
      c.complain(`no end: state ${c.state}, errno ${c.error}, read ${c.read} of ${peer.length}, eof ${c.eof}, heard ${peer.acked - 1} of ${c.written}, FIN ${peer.stackFin}, reset ${peer.reset}`);
    } else if (c.read !== peer.length || peer.acked !== c.written + 2) c.complain(`read ${c.read} of ${peer.length}, heard ${peer.acked} of ${c.written}`);
  }

  /** Reads; false when nothing was there. */
  private drain(): boolean {
    const before = this.c.read;
    this.c.take(4096);
    return this.c.read > before;
  }

  /** The peer is gone, the user has closed: the stack gives up by itself. */
  private silence(): void {
    const { c } = this;
    c.close();
    c.closeListener();
    c.pass(SILENCE_US);
    if (c.row !== null) c.complain(`state ${c.state} for ${SILENCE_US / 3600e6} hours`);
  }

  private tidy(): void {
    const { c } = this;
    c.close();
    c.closeListener();
    if (c.state !== TCPS_CLOSED) c.kill();
    if (c.state !== TCPS_CLOSED && c.state !== TCPS_SYN_RECEIVED) c.pass(120e6);
    if (c.row !== null) c.pass(SILENCE_US);
    if (c.row !== null) c.complain(`state ${c.state} is left`);
    c.lab.advance(1e6);
  }
}
