import { TCP_FASTOPEN_MAX_COOKIE_LEN } from '@ns/wire';

/** How long a connection that was reset before its handshake ended stays counted, microseconds. */
const RESET_HOLD_US = 60e6;

/**
 * How many connections of a listener were opened by a cookie alone and have not ended their handshake: shared by the listener and those connections, so that it outlives whoever
 * goes first.
 * Source: RFC 7413 §5.1; FreeBSD tcpcb.t_tfo_pending.
 */
export class FastopenPending {
  /** Those that there are. */
  count: number;
  /** When each of those was reset that still count, the oldest first. */
  private readonly resets: number[];

  constructor() {
    this.count = 0;
    this.resets = [];
  }

  /** Whether there may be one more. Without a limit a flood of SYNs with a cookie would fill the listener's queue. */
  admits(limit: number, nowUs: number): boolean {
    while (this.resets.length > 0 && nowUs - (this.resets[0] as number) >= RESET_HOLD_US) this.resets.shift();
    return this.count + this.resets.length < limit;
  }

  /** One of them was reset. */
  reset(nowUs: number): void {
    this.count--;
    this.resets.push(nowUs);
  }
}

/** Fast Open of one connection or listener; there is one only where the option TCP_FASTOPEN was set, or a cookie opened the connection. Source: FreeBSD struct tcpcb, t_tfo_*. */
export class FastopenState {
  /** The pre-shared key of the socket, or null. */
  psk: Uint8Array | null;
  /** Bytes of `cookie` that count; for a client 0 asks for one. */
  cookieLen: number;
  /** What goes out: in a client's SYN, in a server's SYN|ACK. */
  readonly cookie: Uint8Array;
  /** Our SYN had the option. */
  offered: boolean;
  /** Bytes of data that our SYN had. */
  synBytes: number;
  /** A listener's count; for a connection of its that is counted there, the same; else null. */
  pending: FastopenPending | null;
  /** Counted in `pending`. */
  counted: boolean;

  constructor() {
    this.psk = null;
    this.cookieLen = 0;
    this.cookie = new Uint8Array(TCP_FASTOPEN_MAX_COOKIE_LEN);
    this.offered = false;
    this.synBytes = 0;
    this.pending = null;
    this.counted = false;
  }

  /** The handshake has ended, or the connection. Source: FreeBSD tcp_fastopen_decrement_counter(). */
  release(): void {
    if (!this.counted) return;
    this.counted = false;
    (this.pending as FastopenPending).count--;
    this.pending = null;
  }

  /**
   * The peer has reset the connection before its handshake ended: it counts for a minute yet. When the address of the SYN is forged, with a cookie that its owner was given once, it is the owner's RST that ends
   * the connection, within a round trip; a slot that came free with it would make the limit none (RFC 7413 §5.1, which names no time; a minute is Linux's).
   * Differs: FreeBSD frees the slot at once, tcp_close().
   */
  releaseReset(nowUs: number): void {
    if (!this.counted) return;
    this.counted = false;
    (this.pending as FastopenPending).reset(nowUs);
    this.pending = null;
  }
}
