import { ECONNABORTED, EINPROGRESS, errnoException, EWOULDBLOCK, uvExceptionWithHostPort } from '@ns/errno';
import { SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET } from '@ns/inpcb';
import { SO_CONNECTED, sobind, soclose, type Socket as KernSocket, solisten, solistenDequeue, sosetopt, sosockaddr, type SoUpcall } from '@ns/socket';
import type { Sockaddr } from '@ns/wire';
import { addrOf, localAddress, takeError, type WebContext } from './context.ts';
import { Deferred, ignore, onAborted } from './deferred.ts';
import { StreamSocket } from './stream-socket.ts';
import type { Listener, ListenOptions, NetAddress, Socket } from './types.ts';

/** As Node's servers have it. */
const BACKLOG = 511;

/** A listener as a stream and as an iterable of sockets. */
export class ListenerImpl implements Listener {
  readonly opened: Promise<NetAddress>;
  readonly incoming: ReadableStream<Socket>;
  readonly closed: Promise<void>;
  readonly #acceptor: Acceptor;

  constructor(ctx: WebContext, options: ListenOptions) {
    const a = new Acceptor(ctx, options);
    this.#acceptor = a;
    this.opened = a.opened.promise;
    this.closed = a.closed.promise;
    this.incoming = new ReadableStream<Socket>(
      {
        start: (controller) => {
          a.closed.promise.then(
            () => controller.close(),
            (e: unknown) => controller.error(e),
          ).catch(ignore); // cancelled: it is closed already
        },
        pull: async (controller) => {
          const s = await a.accept();
          if (s !== null) controller.enqueue(s);
        },
        cancel: () => a.close(),
      },
      { highWaterMark: 0 },
    );
  }

  get addr(): NetAddress {
    return this.#acceptor.addr;
  }

  close(): Promise<void> {
    this.#acceptor.close();
    return this.closed;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Socket> {
    const a = this.#acceptor;
    return {
      async next(): Promise<IteratorResult<Socket>> {
        const value = await a.accept();
        return value === null ? { value: undefined, done: true } : { value, done: false };
      },
      return(): Promise<IteratorResult<Socket>> {
        a.close();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator](): AsyncIterableIterator<Socket> {
        return this;
      },
    };
  }
}

/** The listening socket of the stack, and who waits for its connections. */
class Acceptor implements SoUpcall {
  readonly closed: Deferred<void>;
  readonly opened: Deferred<NetAddress>;
  /** Where it listens, or was asked to, or did before it was closed. */
  addr: NetAddress;
  private readonly where: Sockaddr;
  private listening: boolean;
  private readonly ctx: WebContext;
  private readonly allowHalfOpen: boolean;
  private so: KernSocket | null;
  /** First come, first served; null resolves at the end. */
  private waiting: Deferred<Socket | null>[];
  private failure: unknown;
  private readonly forget: () => void;

  constructor(ctx: WebContext, options: ListenOptions) {
    this.closed = new Deferred();
    this.ctx = ctx;
    this.allowHalfOpen = options.allowHalfOpen === true;
    this.waiting = [];
    this.failure = null;
    this.forget = ignore;
    options.signal?.throwIfAborted();
    this.opened = new Deferred();
    this.opened.promise.catch(ignore); // whoever does not ask hears of it by `closed`
    this.listening = false;
    this.where = localAddress(options.hostname, options.port);
    this.addr = addrOf(this.where);
    const so = openListener(ctx, this.where);
    this.so = so;
    so.upcall = this;
    const errno = solisten(so, options.backlog ?? BACKLOG);
    if (errno === 0) this.listens(so);
    else if (errno !== EINPROGRESS) {
      soclose(so);
      throw this.listenError(errno);
    }
    this.forget = onAborted(options.signal, (reason) => this.end(reason));
  }

  soupcall(so: KernSocket, events: number): void {
    if (so.error !== 0) {
      this.end(this.listening ? errnoException(takeError(so), 'accept') : this.listenError(takeError(so)));
      return;
    }
    if (!this.listening && (events & SO_CONNECTED) !== 0) this.listens(so);
    while (this.waiting.length > 0) {
      const s = this.dequeue();
      if (s === null) return;
      this.waiting.shift()?.resolve(s);
    }
  }

  private listens(so: KernSocket): void {
    this.listening = true;
    this.addr = addrOf(sosockaddr(so));
    this.opened.resolve(this.addr);
  }

  private listenError(errno: number): Error {
    const { hostname, port } = addrOf(this.where);
    return uvExceptionWithHostPort(errno, 'listen', hostname, port);
  }

  /** The next connection; null once closed. */
  accept(): Promise<Socket | null> {
    const s = this.waiting.length === 0 ? this.dequeue() : null;
    if (s !== null) return Promise.resolve(s);
    if (this.so === null) return this.failure === null ? Promise.resolve(null) : Promise.reject(this.failure as Error);
    const d = new Deferred<Socket | null>();
    this.waiting.push(d);
    return d.promise;
  }

  private dequeue(): Socket | null {
    const head = this.so;
    if (head === null) return null;
    const so = solistenDequeue(head);
    if (typeof so === 'number') {
      if (so !== EWOULDBLOCK) this.end(errnoException(so, 'accept')); // the vnet went away
      return null;
    }
    const s = new StreamSocket(this.ctx, this.allowHalfOpen, undefined);
    s.attach(so);
    return s;
  }

  close(): void {
    this.end(null);
  }

  private end(failure: unknown): void {
    const so = this.so;
    if (so === null) return;
    this.so = null;
    this.failure = failure;
    this.forget();
    so.upcall = null;
    soclose(so);
    if (!this.listening) this.opened.reject(failure ?? errnoException(ECONNABORTED, 'listen'));
    const waiting = this.waiting;
    this.waiting = [];
    for (const d of waiting) {
      if (failure === null) d.resolve(null);
      else d.reject(failure);
    }
    if (failure === null) this.closed.resolve();
    else this.closed.reject(failure);
  }
}

/** @throws NetError */
function openListener(ctx: WebContext, sa: Sockaddr): KernSocket {
  const { hostname, port } = addrOf(sa);
  const so = ctx.socket(sa.addr.af, SOCK_STREAM);
  if (typeof so === 'number') throw uvExceptionWithHostPort(so, 'listen', hostname, port);
  sosetopt(so, SOL_SOCKET, SO_REUSEADDR, 1);
  const errno = sobind(so, sa, ctx.cred);
  if (errno === 0) return so;
  soclose(so);
  throw uvExceptionWithHostPort(errno, 'listen', hostname, port);
}
