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

/** See {@link Lab.transfer}. */
export function runTransfer(lab: Lab, bytes: number, options: LabTransferOptions): LabTransferReport {
  const from: LabSideName = options.from ?? options.connection?.clientSide ?? 'a';
  const tx = lab.side(from).tcp.stat;
  const rx = lab.peerOf(from).tcp.stat;
  const before = [{ ...tx }, { ...rx }] as const;
  const c = options.connection ?? lab.connect(options);
  const begin = lab.nowUs;
  const back = options.back ?? 0;
  const [mine, theirs] = [lab.pattern(lab.seed * 2 + 1), lab.pattern(lab.seed * 2 + 2)];
  const chunk = options.chunk === undefined ? {} : { chunk: options.chunk };
  const clientSends = c.clientSide === from;
  const sender = new LabEndpoint(clientSends ? c.client : c.server, { send: bytes, sendPattern: mine, receive: back, receivePattern: theirs, finish: true, ...chunk }, lab.host.clock, true);
  const finishBack = back > 0 || options.halfClose !== false;
  const plan = { send: back, sendPattern: theirs, receive: bytes, receivePattern: mine, finish: finishBack, ...chunk };
  const receiver = new LabEndpoint(clientSends ? c.server : c.client, plan, lab.host.clock, true);
  lab.adopt(sender);
  lab.adopt(receiver);
  if (options.stallUs !== undefined) {
    receiver.paused = true;
    sender.resume();
    lab.advance(options.stallUs);
  }
  receiver.resume();
  sender.resume();
  const limit = options.limitUs ?? LIMIT_US;
  const ended = lab.until(() => {
    options.onProgress?.(sender, receiver);
    if (receiver.eof && !finishBack) receiver.close();
    return (sender.eof && receiver.eof) || sender.error !== 0 || receiver.error !== 0 || sender.wrongAt >= 0 || receiver.wrongAt >= 0;
  }, limit);
  const closedUs = lab.nowUs - begin;
  lab.drop(sender);
  lab.drop(receiver);
  const last = Math.max(receiver.lastUs, Number.isNaN(sender.lastUs) ? 0 : sender.lastUs);
  const elapsedUs = last - begin;
  const s = difference(tx, before[0]);
  return {
    bytes: receiver.received,
    bytesBack: sender.received,
    handshakeUs: c.handshakeUs,
    elapsedUs,
    closedUs,
    goodput: ((receiver.received + sender.received) * 8e6) / elapsedUs,
    retransmits: s.sndrexmitpack ?? 0,
    timeouts: s.rexmttimeo ?? 0,
    sackRecoveries: s.sackRecoveryEpisode ?? 0,
    sender: s,
    receiver: difference(rx, before[1]),
    problem: judge(sender, receiver, bytes, back, ended && sender.eof && receiver.eof),
  };
}
