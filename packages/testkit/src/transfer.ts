import { errnoName } from '@ns/errno';
import type { TcpStats } from '@ns/tcp';
import { LabEndpoint } from './endpoint.ts';
import type { Lab, LabConnection, LabConnectOptions, LabSideName } from './lab.ts';

const LIMIT_US = 7_200_000_000;

/** What {@link Lab.transfer} may be told. @public */
export interface LabTransferOptions extends LabConnectOptions {
  /** Bytes in the other direction at the same time; default 0: it is half-closed at once, or stays open until the end with `halfClose: false`. */
  readonly back?: number;
  /** The receiving side ends its own direction at once (default true), or only when all has come. */
  readonly halfClose?: boolean;
  /** A connection that is there already. */
  readonly connection?: LabConnection;
  /** Most bytes of one write. */
  readonly chunk?: number;
  /** Virtual time that it may take, µs; default two hours. */
  readonly limitUs?: number;
  /** Called as time passes. */
  readonly onProgress?: (sender: LabEndpoint, receiver: LabEndpoint) => void;
  /** The receiver does not read for so long after the connection is there, µs: the window closes. */
  readonly stallUs?: number;
}

/** How a transfer went. Counters are those of the sender's vnet, from beginning to end. @public */
export interface LabTransferReport {
  /** Bytes that arrived and were right, in the direction of `from`, and back. */
  readonly bytes: number;
  /** Those of the other direction. */
  readonly bytesBack: number;
  /** From connect() until the connection was there, µs. */
  readonly handshakeUs: number;
  /** From then until the last byte was read, µs. */
  readonly elapsedUs: number;
  /** Until both sides had read the end of data, µs. */
  readonly closedUs: number;
  /** Bits of payload a second over elapsedUs, both directions together. */
  readonly goodput: number;
  /** Segments sent again. */
  readonly retransmits: number;
  /** Expiries of the retransmission timer. */
  readonly timeouts: number;
  /** Recoveries by SACK. */
  readonly sackRecoveries: number;
  /** What changed in the counters of the sender's and of the receiver's vnet. */
  readonly sender: Partial<Record<keyof TcpStats, number>>;
  /** Those of the vnet that received. */
  readonly receiver: Partial<Record<keyof TcpStats, number>>;
  /** What went wrong; empty if every byte arrived, in order, once, and the connection ended. */
  readonly problem: string;
}

function difference(now: TcpStats, before: TcpStats): Partial<Record<keyof TcpStats, number>> {
  const d: Partial<Record<keyof TcpStats, number>> = {};
  for (const k of Object.keys(now) as (keyof TcpStats)[]) {
    const n = now[k] - before[k];
    if (n !== 0) d[k] = n;
  }
  return d;
}

function judge(sender: LabEndpoint, receiver: LabEndpoint, bytes: number, back: number, ended: boolean): string {
  for (const [who, e, want] of [
    ['receiver', receiver, bytes],
    ['sender', sender, back],
  ] as const) {
    if (e.wrongAt >= 0) return `${who}: byte ${e.wrongAt} is wrong`;
    if (e.surplus > 0) return `${who}: ${e.surplus} bytes too many`;
    if (e.error !== 0) return `${who}: ${errnoName(e.error)} after ${e.received} of ${want} bytes`;
    if (e.received !== want) return `${who}: ${e.received} of ${want} bytes`;
  }
  return ended ? '' : `the end of data did not arrive: sender ${sender.eof}, receiver ${receiver.eof}`;
}

/**
 * A transfer under way: see {@link Lab.begin}.
 * @public
 */
export class LabTransfer {
  /** The end that sends most. */
  readonly sender: LabEndpoint;
  /** The end that checks it. */
  readonly receiver: LabEndpoint;
  private readonly lab: Lab;
  private readonly bytes: number;
  private readonly options: LabTransferOptions;
  private readonly beginUs: number;
  private readonly handshakeUs: number;
  private readonly finishBack: boolean;
  private readonly before: readonly [TcpStats, TcpStats];
  private closedUs: number;

  /** For {@link Lab.begin}. */
  constructor(lab: Lab, bytes: number, options: LabTransferOptions) {
    const from: LabSideName = options.from ?? options.connection?.clientSide ?? 'a';
    this.lab = lab;
    this.bytes = bytes;
    this.options = { ...options, from };
    this.before = [{ ...lab.side(from).tcp.stat }, { ...lab.peerOf(from).tcp.stat }];
    const c = options.connection ?? lab.connect(options);
    const back = options.back ?? 0;
    const [mine, theirs] = [lab.pattern(lab.seed * 2 + 1), lab.pattern(lab.seed * 2 + 2)];
    const chunk = options.chunk === undefined ? {} : { chunk: options.chunk };
    const [tx, rx] = c.clientSide === from ? [c.client, c.server] : [c.server, c.client];
    this.beginUs = lab.nowUs;
    this.handshakeUs = c.handshakeUs;
    this.closedUs = NaN;
    this.finishBack = back > 0 || options.halfClose !== false;
    this.sender = lab.adopt(new LabEndpoint(tx, { send: bytes, sendPattern: mine, receive: back, receivePattern: theirs, finish: true, ...chunk }, lab.host.clock));
    this.receiver = lab.adopt(new LabEndpoint(rx, { send: back, sendPattern: theirs, receive: bytes, receivePattern: mine, finish: this.finishBack, ...chunk }, lab.host.clock));
  }

  /** Lets it go. The receiver that is to stall first does not read yet. */
  start(): void {
    if (this.options.stallUs !== undefined) {
      this.receiver.paused = true;
      this.sender.resume();
      this.lab.advance(this.options.stallUs);
    }
    this.receiver.resume();
    this.sender.resume();
  }

  /** Whether it has come to an end, good or bad. Called as time passes. */
  poll(): boolean {
    const { sender, receiver } = this;
    this.options.onProgress?.(sender, receiver);
    if (receiver.eof && !this.finishBack) receiver.close();
    const over = (sender.eof && receiver.eof) || sender.error !== 0 || receiver.error !== 0 || sender.wrongAt >= 0 || receiver.wrongAt >= 0;
    if (over && Number.isNaN(this.closedUs)) this.closedUs = this.lab.nowUs - this.beginUs;
    return over;
  }

  /** Closes both ends and says how it went. */
  report(ended: boolean): LabTransferReport {
    const { sender, receiver, lab, options, before } = this;
    lab.drop(sender);
    lab.drop(receiver);
    const elapsedUs = Math.max(receiver.lastUs, Number.isNaN(sender.lastUs) ? 0 : sender.lastUs) - this.beginUs;
    const from = options.from as LabSideName;
    const s = difference(lab.side(from).tcp.stat, before[0]);
    return {
      bytes: receiver.received,
      bytesBack: sender.received,
      handshakeUs: this.handshakeUs,
      elapsedUs,
      closedUs: Number.isNaN(this.closedUs) ? lab.nowUs - this.beginUs : this.closedUs,
      goodput: ((receiver.received + sender.received) * 8e6) / elapsedUs,
      retransmits: s.sndrexmitpack ?? 0,
      timeouts: s.rexmttimeo ?? 0,
      sackRecoveries: s.sackRecoveryEpisode ?? 0,
      sender: s,
      receiver: difference(lab.peerOf(from).tcp.stat, before[1]),
      problem: judge(sender, receiver, this.bytes, options.back ?? 0, ended),
    };
  }

  /** Lets time pass until it is over. */
  complete(): LabTransferReport {
    const over = this.lab.until(() => this.poll(), this.options.limitUs ?? LIMIT_US);
    return this.report(over && this.sender.eof && this.receiver.eof);
  }
}
