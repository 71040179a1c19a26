import { type Kernel, ServiceKey } from '@ns/kern';
import type { HelpedTcpcb } from './hhook.ts';
import type { SendMap, SentSegment } from './sendmap.ts';

/** Longest name of a function block, its terminating zero counted. @public */
export const TCP_FUNCTION_NAME_LEN_MAX = 32;

/**
 * What an ACK brought, as {@link LossRecovery.acknowledged} is told. One record for each vnet: keep nothing of it. Sequence numbers are int32.
 * @public
 */
export interface AckNews {
  /** Acknowledgement number. */
  readonly ack: number;
  /** Bytes that it acknowledges cumulatively, a FIN counted as one; 0 when it moves nothing. */
  readonly acked: number;
  /** Bytes that are known to have arrived only since this ACK, cumulatively or by SACK. */
  readonly delivered: number;
  /** Bytes above the ACK that became known as arrived only now. */
  readonly sacked: number;
  /** What the peer got twice (RFC 2883), [dsackStart, dsackEnd); equal when the ACK says nothing of the kind. */
  readonly dsackStart: number;
  /** End of it. */
  readonly dsackEnd: number;
  /** It had a SACK option. */
  readonly hasSack: boolean;
  /** A duplicate of the ACK before, by RFC 5681 §2, apart from what its SACK option says. */
  readonly duplicate: boolean;
  /** The peer has dropped data that it had selectively acknowledged; they count as lost now. */
  readonly reneged: boolean;
  /** It echoes a time stamp. */
  readonly hasEcho: boolean;
  /** When the segment that drew it was sent by the echoed time stamp, milliseconds modulo 2^32 of this host's clock. */
  readonly echoMs: number;
  /** When it came in, microseconds. */
  readonly nowUs: number;
}

/**
 * A connection in the hands of a function block: what the block sees, and what it may ask for. Made when the block begins, gone when it ends.
 *
 * TCP keeps the record of what was sent ({@link RecoveryConn.map}), works ACKs and SACK blocks into it, sends, shrinks and grows the windows by congestion control and
 * proportional rate reduction, and runs the retransmission timer of RFC 6298, which starts anew also when the oldest segment is sent again. The block says what is lost, when recovery begins, and what goes out as a probe.
 * @public
 */
export interface RecoveryConn {
  /** The connection. Its windows and flags are congestion control's to write, not the block's; but CCF_HYSTART_* of its `ccFlags` are, which make TCP track rounds. */
  readonly tp: HelpedTcpcb;
  /** What is outstanding. */
  readonly map: SendMap;
  /** TCPS_*, by FreeBSD's numbers: 4 is ESTABLISHED. */
  readonly state: number;
  /** SACK was agreed on. */
  readonly sackPermitted: boolean;
  /** A loss is being repaired (TF_FASTRECOVERY). */
  readonly inFastRecovery: boolean;
  /** What was outstanding at the last retransmission timeout is not all acknowledged yet. */
  readonly inRtoRecovery: boolean;
  /** Round-trip times measured so far, modulo 2^32. */
  readonly rttSamples: number;
  /** When the retransmission timer expires, microseconds; Infinity: it does not run. */
  readonly rexmtAtUs: number;
  /** Now, microseconds. */
  nowUs(): number;
  /** Marks a segment as lost: it is not in flight any more, and due to be sent again. Nothing happens if it has arrived or is lost already. */
  markLost(seg: SentSegment): void;
  /** Takes back that anything has arrived out of order: all of that counts as lost (RFC 2018 §8). */
  forgetSacked(): void;
  /**
   * A loss was found: the congestion window shrinks, once for what was in flight. `lostAgain`: a retransmission was among the lost; in a recovery without proportional
   * rate reduction that shrinks it again (RFC 8985 §9.3).
   */
  enterRecovery(lostAgain: boolean): void;
  /** A loss that has been repaired already: congestion control reacts, nothing is to be sent again (RFC 8985 §7.4.2). */
  lossRepaired(): void;
  /** Starts the block's timer anew, to call {@link LossRecovery.timeout} in `deltaUs`; 0 stops it. It shares the callout of the connection's other timers. */
  setTimer(deltaUs: number): void;
  /** Sends a segment of new data as a probe, whatever the congestion window says. False: there is none, the peer's window is full, or nothing went out. */
  probeNew(): boolean;
  /** Sends a segment again as a probe, its last full segment's worth, whatever the congestion window says. False: nothing went out. */
  probeAgain(seg: SentSegment): boolean;
  /** Starts the retransmission timer anew. */
  restartRexmt(): void;
  /** Sends what is due: lost segments and new data within the windows. Not from `transmitted`, `delivered` and `nextSeg`. */
  output(): void;
}

/**
 * A function block's side of one connection: all that it knows of it is in this object. The hooks run inside input, output and timer processing; TCP calls them in the order of
 * events and never one from within itself, but for `transmitted`, which whatever sends brings about.
 * @public
 */
export interface LossRecovery {
  /** A segment has gone out, for the first time or, with `again`, once more. Runs when the send variables and the retransmission timer have been seen to. */
  transmitted(seg: SentSegment, again: boolean): void;
  /**
   * The ACK in hand says for the first time that this segment has arrived, cumulatively or by SACK. Runs for each, in the order of sequence numbers for those below the ACK, and
   * before `acknowledged`. A segment that has arrived in part has that part as its range meanwhile.
   */
  delivered(seg: SentSegment, news: AckNews): void;
  /** An ACK has been worked in, sndUna and congestion control included: time to look for losses, and to arm the timer. What is due is sent after it returns. */
  acknowledged(news: AckNews): void;
  /** What is to be sent next: a segment of `map` that is lost, or null for new data. */
  nextSeg(): SentSegment | null;
  /** The timer that `setTimer` started has expired. */
  timeout(): void;
  /** The retransmission timer has expired: mark what is lost. The oldest segment is, and goes out in any case. */
  rexmtTimeout(): void;
  /** The last timeout was a mistake: windows are as before it, what was marked lost and not sent again is in flight again. */
  undone(): void;
  /** What had to be repaired is acknowledged: fast recovery or the one after a timeout is over. */
  recovered(): void;
  /** The block ends for this connection, which goes on with another one or is `discarded`. */
  fini(discarded: boolean): void;
  /** Numbers for views, by name; times in microseconds. */
  snapshot(): Readonly<Record<string, number>>;
}

/**
 * An alternative to the way in which TCP finds and repairs losses: a frozen table, offered to {@link TcpFunctions.register}. The rest of TCP is the same for all.
 * Source: FreeBSD netinet/tcp_var.h, struct tcp_function_block.
 * @public
 */
export interface TcpFunctionBlock {
  /** Name for TCP_FUNCTION_BLK and `net.inet.tcp.functions_default`: 1 to 31 bytes. */
  readonly name: string;
  /** Further names that it is known by. */
  readonly aliases?: readonly string[];
  /** A user chooses it for a socket that is not in state CLOSED any more: 0 if it can take over, else an errno. Absent means EINVAL. Nothing but `conn.tp`, `state` and `sackPermitted` is there. */
  handoffOk?(conn: RecoveryConn): number;
  /**
   * Takes a connection up: when it is established, or at once if it is. Segments that are under way are in `conn.map`, those of unknown time with that of now. An errno refuses;
   * the connection stays with the block it has, or goes to the built-in one.
   */
  init(conn: RecoveryConn): LossRecovery | number;
}

/**
 * One row of `net.inet.tcp.functions_available`.
 * @public
 */
export interface TcpFunctionInfo {
  /** Name of the block. */
  readonly name: string;
  /** The name that this row is for: the same, or an alias. */
  readonly alias: string;
  /** Connections and sockets that use it, in all vnets. */
  readonly pcbs: number;
}

/** How {@link TcpFunctions.deregister} goes about it. @public */
export interface TcpDeregisterOptions {
  /** Only answer whether it would succeed. */
  readonly quiesce?: boolean;
  /** Move what uses the block to the built-in one instead of refusing. */
  readonly force?: boolean;
}

/**
 * The function blocks of one kernel: service {@link TCP_FUNCTIONS}. The built-in one, `freebsd`, is always among them.
 * Source: FreeBSD netinet/tcp_subr.c, register_tcp_functions(), deregister_tcp_functions().
 * @public
 */
export interface TcpFunctions {
  /** Offers a block under its names. EINVAL for a bad one, EALREADY for one that is taken. */
  register(block: TcpFunctionBlock): number;
  /**
   * Withdraws a block. EPERM for the built-in one, ENOENT for one that is not offered, EBUSY while a vnet has it as its default, or connections use it.
   * `force` moves both, and so always succeeds.
   * Differs: FreeBSD refuses a default also with force, and a refusal leaves the block unusable for new connections.
   */
  deregister(block: TcpFunctionBlock, options?: TcpDeregisterOptions): number;
  /** The block of that name or alias, or null. */
  find(name: string): TcpFunctionBlock | null;
  /** What is on offer, in order of registration. */
  available(): TcpFunctionInfo[];
  /** The kernel that it is for. */
  readonly kernel: Kernel;
}

/** Where a kernel offers {@link TcpFunctions}; provided by the tcp module. @public */
export const TCP_FUNCTIONS: ServiceKey<TcpFunctions> = new ServiceKey<TcpFunctions>('tcp_functions');
