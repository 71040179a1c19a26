import { ECONNABORTED, errnoException, exceptionWithHostPort } from '@ns/errno';
import { SOCK_STREAM } from '@ns/inpcb';
import {
  SO_CONNECTED,
  SO_DISCONNECTED,
  SO_ERROR_EVENT,
  SO_LINGER,
  SO_RCV_READY,
  SO_SND_READY,
  soclose,
  soconnect,
  type Socket as KernSocket,
  SOL_SOCKET,
  sopeeraddr,
  sosetopt,
  sosockaddr,
  type SoUpcall,
} from '@ns/socket';
import { formatInAddr, type InAddr, Sockaddr } from '@ns/wire';
import { nameOf, takeError, type WebContext } from './context.ts';
import { Deferred, ignore, onAborted } from './deferred.ts';
import { closedByUser, noTls } from './errors.ts';
import { type RecvOwner, RecvSide } from './recv-side.ts';
import { type SendOwner, SendSide } from './send-side.ts';
import type { Socket, SocketAddress, SocketInfo } from './types.ts';

/** A stream socket of the stack as the Sockets API has it. */
export class StreamSocket implements Socket {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<ArrayBufferView | ArrayBuffer>;
  readonly opened: Promise<SocketInfo>;
  readonly closed: Promise<void>;
  readonly upgraded: boolean;
  readonly secureTransport: 'off';
  readonly #connection: StreamConnection;

  constructor(ctx: WebContext, allowHalfOpen: boolean, signal: AbortSignal | undefined) {
    const c = new StreamConnection(ctx, allowHalfOpen, signal);
    this.#connection = c;
    this.readable = c.recv.readable;
    this.writable = c.send.writable;
    this.opened = c.opened.promise;
    this.closed = c.closed.promise;
    this.upgraded = false;
    this.secureTransport = 'off';
  }

  /** Begins to connect. */
  connect(to: SocketAddress): void {
    this.#connection.connect(to);
  }

  /** Takes over a connection that was accepted. */
  attach(so: KernSocket): void {
    this.#connection.attach(so);
  }

  close(reason?: unknown): Promise<void> {
    this.#connection.close(reason);
    return this.closed;
  }

  closeWrite(): Promise<void> {
    const { send } = this.#connection;
    send.end();
    return send.fin.promise;
  }

  startTls(): Socket {
    throw noTls('startTls()');
  }
}

/** What is behind a {@link StreamSocket}: the socket of the stack, its two halves, and how they end. */
class StreamConnection implements SoUpcall, RecvOwner, SendOwner {
  readonly recv: RecvSide;
  readonly send: SendSide;
  readonly opened: Deferred<SocketInfo>;
  readonly closed: Deferred<void>;
  private readonly ctx: WebContext;
  private readonly allowHalfOpen: boolean;
  private so: KernSocket | null;
  private connecting: boolean;
  /** Nothing can happen any more. */
  private over: boolean;
  /** Where to, for messages. */
  private address: string;
  private port: number;
  private forget: () => void;

  constructor(ctx: WebContext, allowHalfOpen: boolean, signal: AbortSignal | undefined) {
    this.opened = new Deferred();
    this.closed = new Deferred();
    this.ctx = ctx;
    this.allowHalfOpen = allowHalfOpen;
    this.so = null;
    this.connecting = false;
    this.over = false;
    this.address = '';
    this.port = 0;
    this.forget = ignore;
    this.recv = new RecvSide(this);
    this.send = new SendSide(this);
    this.forget = onAborted(signal, (reason) => this.fail(reason, true));
  }

  /* ---- connecting ---- */

  connect(to: SocketAddress): void {
    if (this.over) return;
    this.address = to.hostname;
    this.port = to.port;
    const addr = this.ctx.resolve(to.hostname);
    if (addr instanceof Promise) addr.then((a) => this.connectTo(a)).catch((e: unknown) => this.fail(e, false));
    else this.connectTo(addr);
  }

  private connectTo(addr: InAddr): void {
    if (this.over) return;
    this.address = formatInAddr(addr);
    const so = this.ctx.socket(addr.af, SOCK_STREAM);
    if (typeof so === 'number') {
      this.connectFailed(so);
      return;
    }
    this.so = so;
    this.connecting = true;
    so.upcall = this;
    const errno = soconnect(so, new Sockaddr(addr, this.port), this.ctx.cred);
    if (errno !== 0) this.connectFailed(errno);
  }

  private connectFailed(errno: number): void {
    this.fail(exceptionWithHostPort(errno, 'connect', this.address, this.port), false);
  }

  /** Takes over a connection that was accepted. */
  attach(so: KernSocket): void {
    so.upcall = this;
    this.so = so;
    this.established(so);
    if (!this.over && so.error !== 0) this.broken(errnoException(takeError(so), 'read')); // while it waited
  }

  private established(so: KernSocket): void {
    this.connecting = false;
    this.opened.resolve({ remoteAddress: nameOf(sopeeraddr(so)), localAddress: nameOf(sosockaddr(so)), alpn: null });
    this.recv.open(so);
    if (!this.over) this.send.open(so);
  }

  /* ---- events ---- */

  soupcall(so: KernSocket, events: number): void {
    if (this.connecting) {
      if ((events & (SO_CONNECTED | SO_ERROR_EVENT | SO_DISCONNECTED)) === 0) return;
      if ((events & SO_CONNECTED) === 0) {
        this.connectFailed(takeError(so) || ECONNABORTED);
        return;
      }
      this.established(so);
    }
    if (!this.over && so.error !== 0) this.broken(errnoException(takeError(so), this.send.cut ? 'write' : 'read'));
    if (!this.over && (events & (SO_RCV_READY | SO_DISCONNECTED)) !== 0) this.recv.resume();
    if (!this.over && (events & (SO_SND_READY | SO_DISCONNECTED)) !== 0) this.send.resume();
  }

  recvDone(ended: boolean): void {
    if (ended && !this.allowHalfOpen) this.send.end();
    this.endIfDone();
  }

  recvFailed(errno: number): void {
    this.broken(errnoException(errno, 'read'));
  }

  sendDone(): void {
    this.endIfDone();
  }

  sendFailed(errno: number): void {
    this.broken(errnoException(errno, 'write'));
  }

  sendAborted(reason: unknown): void {
    this.fail(reason, true);
  }

  /* ---- the end ---- */

  private endIfDone(): void {
    if (this.over || !this.recv.done || !this.send.done) return;
    this.closed.resolve();
    this.release(false);
  }

  /** The connection broke: what had come is still to be read. */
  private broken(error: unknown): void {
    if (this.over) return;
    this.recv.failAfterRest(error);
    this.fail(error, false);
  }

  /** Everything that is not over yet rejects with `error`; `reset` tells the peer. */
  private fail(error: unknown, reset: boolean): void {
    if (this.over) return;
    this.opened.reject(error);
    this.closed.reject(error);
    this.release(reset);
    this.recv.fail(error);
    this.send.fail(error);
  }

  close(reason: unknown): void {
    if (this.over) {
      this.recv.close(); // what an error had left
      return;
    }
    const error = reason ?? closedByUser('socket');
    this.opened.reject(error);
    this.closed.resolve();
    this.release(this.send.cut);
    this.recv.close();
    this.send.fail(error);
  }

  /** Gives the socket of the stack back. */
  private release(reset: boolean): void {
    this.over = true;
    this.forget();
    const so = this.so;
    this.so = null;
    if (so === null) return;
    so.upcall = null;
    if (reset) sosetopt(so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: 0 });
    soclose(so);
  }
}
