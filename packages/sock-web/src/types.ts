import type { Vnet } from '@ns/kern';
import type { Ucred } from '@ns/vnet';

/**
 * Where sockets are to live: a vnet (as its superuser), or what has a credential, such as a jail of package `vnet` or `stack`.
 * @public
 */
export type WebTarget = Vnet | { readonly cred: Ucred };

/**
 * Resolves a host name to a literal address. What it throws, the operation that needed the name fails with.
 * @public
 */
export type Lookup = (hostname: string) => string | Promise<string>;

/**
 * Choices for `createWebSockets()`.
 * @public
 */
export interface WebSocketsOptions {
  /** For names other than `localhost` and literal addresses; without it they fail with ENOTFOUND. */
  readonly lookup?: Lookup;
  /** Name of the network stack of the sockets, such as `host`; by default that of the jail, or the kernel's. */
  readonly netstack?: string;
}

/**
 * A peer to connect to.
 * @public
 */
export interface SocketAddress {
  /** A literal address or a name. */
  readonly hostname: string;
  /** 0 to 65535. */
  readonly port: number;
}

/**
 * A local address.
 * @public
 */
export interface NetAddress {
  /** A literal address. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/**
 * Choices for `connect()`.
 * @public
 */
export interface SocketOptions {
  /** Keep the writable open when the readable has come to its end; false by default. */
  readonly allowHalfOpen?: boolean;
  /** There is no TLS here; another value throws a NotSupportedError. */
  readonly secureTransport?: 'off';
  /** Ends the connection, or the attempt, by a reset: everything then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * What is known of a connection that is open.
 * @public
 */
export interface SocketInfo {
  /** `10.0.0.1:80`, `[::1]:80`; null when the peer was gone at once. */
  readonly remoteAddress: string | null;
  /** In the same form. */
  readonly localAddress: string | null;
  /** Always null: there is no TLS. */
  readonly alpn: null;
}

/**
 * A TCP connection as a pair of streams. None of its promises has to be listened to.
 *
 * Source: WinterTC Sockets API, `interface Socket`.
 * @public
 */
export interface Socket {
  /**
   * What the peer sends: a byte stream, for BYOB readers too. Nothing is taken from the receive buffer before somebody reads, so that a reader who stops closes the
   * window of the peer. Bytes that came before an error are read before it. Cancelling throws away what waits and what will come; the peer is not told.
   */
  readonly readable: ReadableStream<Uint8Array>;
  /**
   * To the peer: takes an ArrayBuffer or a view of one. A write is done when the send buffer has taken all of it, a copy; `desiredSize` counts bytes. Closing it sends the
   * FIN after what was written; aborting it resets the connection, since the peer must not take a part for the whole.
   */
  readonly writable: WritableStream<ArrayBufferView | ArrayBuffer>;
  /** Fulfilled once connected; rejects with a NetError, the reason of `close()` or of the signal. */
  readonly opened: Promise<SocketInfo>;
  /**
   * Fulfilled when `close()` is called, and when both directions have ended: with `allowHalfOpen: false` by reading up to the end of what the peer sends. Rejects when no
   * connection came about and when one breaks.
   */
  readonly closed: Promise<void>;
  /** Always false: there is no TLS. */
  readonly upgraded: boolean;
  /** Always 'off'. */
  readonly secureTransport: 'off';
  /**
   * Ends the socket: the readable is cancelled and the writable aborted with `reason`, and so is `opened` when still pending. What the send buffer has taken is still
   * delivered before the FIN; if a write had not been taken wholly, the connection is reset instead. Returns `closed`.
   */
  close(reason?: unknown): Promise<void>;
  /**
   * Sends a FIN after all that was written, and leaves the readable as it is; works while the writable is locked, of which later writes fail with EPIPE then. Fulfilled
   * when the FIN is in TCP's hands.
   */
  closeWrite(): Promise<void>;
  /** Throws a NotSupportedError. */
  startTls(): Socket;
}

/**
 * Choices for `listen()`.
 * @public
 */
export interface ListenOptions {
  /** A literal address of the stack or `localhost`; all addresses by default. */
  readonly hostname?: string;
  /** 0 = any that is free. */
  readonly port: number;
  /** How many connections may wait to be accepted; 511 by default. */
  readonly backlog?: number;
  /** For the connections accepted; see {@link SocketOptions.allowHalfOpen}. */
  readonly allowHalfOpen?: boolean;
  /** Closes the listener; `closed` and who waits for a connection reject with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * A listening socket. A connection goes to who asked first, be it `incoming` or an iterator; until somebody asks it waits in the backlog.
 * @public
 */
export interface Listener extends AsyncIterable<Socket> {
  /** Where it listens. Over a stack that takes its time, what was asked for until `opened`. */
  readonly addr: NetAddress;
  /** Fulfilled with its address when it listens: at once, but for the operating system's stack. Rejected when it cannot. */
  readonly opened: Promise<NetAddress>;
  /** The connections, as a stream. Cancelling it closes the listener. */
  readonly incoming: ReadableStream<Socket>;
  /** Fulfilled when closed. */
  readonly closed: Promise<void>;
  /** Stops; connections that were not accepted are reset, the others go on. Returns `closed`. */
  close(): Promise<void>;
  /** The connections one by one. Leaving the loop closes the listener. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Socket>;
}

/**
 * Choices for `udp()`.
 * @public
 */
export interface UdpOptions {
  /** A literal address of the stack or `localhost`; all addresses by default. */
  readonly hostname?: string;
  /** 0, which is the default: any that is free. */
  readonly port?: number;
  /** Closes the socket; everything then rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * A datagram with the address it came from or goes to.
 * @public
 */
export interface Datagram {
  /** The payload. One that was received is the reader's own. */
  readonly data: ArrayBufferView | ArrayBuffer;
  /** A literal address; a name too when sending. */
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
}

/**
 * A datagram that was received.
 * @public
 */
export interface ReceivedDatagram extends Datagram {
  /** The payload, the reader's own. */
  readonly data: Uint8Array;
}

/**
 * A UDP socket as a pair of streams of datagrams.
 * @public
 */
export interface UdpSocket {
  /** Where it is bound. */
  readonly addr: NetAddress;
  /** Datagrams stay in the receive buffer until somebody reads; what does not fit there is lost. Cancelling it closes the socket. */
  readonly readable: ReadableStream<ReceivedDatagram>;
  /**
   * Sends. A datagram that has no room on its way, or whose next hop does not answer, is lost like any other; other errors (EMSGSIZE, EACCES, ENETUNREACH) end the
   * writable, as those of a stream do. Closing or aborting it leaves the readable as it is.
   */
  readonly writable: WritableStream<Datagram>;
  /** Fulfilled when closed. */
  readonly closed: Promise<void>;
  /** Closes the socket: readers see the end. Returns `closed`. */
  close(): Promise<void>;
}

/**
 * The functions that `createWebSockets()` returns; none needs its `this`.
 * @public
 */
export interface WebSockets {
  /**
   * Begins to connect and returns at once.
   *
   * @param address - `host:port`, an IPv6 address in brackets, or the parts
   * @throws TypeError for what is no address; NotSupportedError for `secureTransport` other than 'off'
   */
  connect(address: string | SocketAddress, options?: SocketOptions): Socket;
  /**
   * Listens.
   *
   * @throws NetError EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOTFOUND ...
   */
  listen(options: ListenOptions): Listener;
  /**
   * A datagram socket, bound.
   *
   * @throws NetError as `listen()`
   */
  udp(options?: UdpOptions): UdpSocket;
}
