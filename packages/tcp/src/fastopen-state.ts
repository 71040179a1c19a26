import { TCP_FASTOPEN_MAX_COOKIE_LEN } from '@ns/wire';

/**
 * How many connections of a listener are open by a cookie alone, their handshake not ended: shared by the listener and those connections, so that it outlives whoever goes first.
 * Source: FreeBSD tcpcb.t_tfo_pending.
 */
export class FastopenPending {
  count: number;

  constructor() {
    this.count = 0;
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
  /** A listener's count, and that of the listener of a connection which is counted there; else null. */
  pending: FastopenPending | null;

  constructor() {
    this.psk = null;
    this.cookieLen = 0;
    this.cookie = new Uint8Array(TCP_FASTOPEN_MAX_COOKIE_LEN);
    this.offered = false;
    this.synBytes = 0;
    this.pending = null;
  }
}
