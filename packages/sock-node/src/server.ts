import { addAbortListener, EventEmitter } from 'node:events';
import { type AddressInfo, isIP } from 'node:net';
import { errnoException, uvExceptionWithHostPort } from '@ns/errno';
import { type ListenOptions, normalizeArgs, validateAbortSignal, validateNumber, validatePort, wholeSeconds } from './args.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { invalidArgType, nodeError, unsupported } from './errors.ts';
import { Handle } from './handle.ts';
import type { NodeSocket, SocketOptions } from './socket.ts';

/** What `createServer()` takes. */
export interface ServerOptions {
  allowHalfOpen?: boolean;
  pauseOnConnect?: boolean;
  noDelay?: boolean;
  keepAlive?: boolean;
  keepAliveInitialDelay?: number;
  highWaterMark?: number;
}

/** Node's default backlog. */
const DEFAULT_BACKLOG = 511;

/** A TCP server shaped like `net.Server`: events listening, connection, drop, error, close. */
export class NodeServer extends EventEmitter {
  /** Most connections at a time; more are dropped. Undefined or 0 = no limit. */
  maxConnections: number | undefined;
  allowHalfOpen: boolean;
  pauseOnConnect: boolean;
  noDelay: boolean;
  keepAlive: boolean;
  /** Seconds, as Node keeps it here. */
  keepAliveInitialDelay: number;
  highWaterMark: number | undefined;
  _connections: number;
  readonly #ctx: NetContext;
  readonly #keep: KeepAlive;
  #handle: Handle | null;
  /** Counts calls of listen() and close(): what a name is resolved for may be over when it is. */
  #listening: number;

  constructor(ctx: NetContext, options?: ServerOptions | ((s: NodeSocket) => void) | null, listener?: (s: NodeSocket) => void) {
    super();
    const o = typeof options === 'function' || options == null ? {} : options;
    if (typeof o !== 'object') throw invalidArgType('options', 'of type object', options);
    if (o.keepAliveInitialDelay !== undefined) validateNumber(o.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (o.highWaterMark !== undefined) validateNumber(o.highWaterMark, 'options.highWaterMark');
    const onConnection = typeof options === 'function' ? options : listener;
    if (typeof onConnection === 'function') this.on('connection', onConnection);
    this.maxConnections = undefined;
    this.allowHalfOpen = o.allowHalfOpen || false;
    this.pauseOnConnect = Boolean(o.pauseOnConnect);
    this.noDelay = Boolean(o.noDelay);
    this.keepAlive = Boolean(o.keepAlive);
    this.keepAliveInitialDelay = wholeSeconds(Math.max(o.keepAliveInitialDelay ?? 0, 0));
    this.highWaterMark = o.highWaterMark !== undefined && o.highWaterMark < 0 ? undefined : o.highWaterMark;
    this._connections = 0;
    this.#ctx = ctx;
    this.#keep = new KeepAlive(ctx);
    this.#handle = null;
    this.#listening = 0;
  }

  /* ---- listening ---- */

  /** Listens: `(options[, cb])`, `([port[, host[, backlog]]][, cb])`. Errors come as events, but for those of the arguments. */
  listen(...args: unknown[]): this {
    const { options, cb } = normalizeArgs<ListenOptions>(args);
    if (this.#handle !== null) throw nodeError(Error, 'ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.');
    if (cb !== null) this.once('listening', cb);
    this.#listening++;
    this.#closeOnAbort(options.signal);
    const port = portOf(args, options);
    const backlog = options.backlog || count(args[1]) || count(args[2]) || DEFAULT_BACKLOG;
    const { host } = options;
    if (!host) {
      this.#open(null, port, backlog, options);
      return this;
    }
    const id = this.#listening;
    const found = (err: Error | null, address: string): void => {
      if (id !== this.#listening) return;
      if (err !== null) this.emit('error', err);
      else this.#open(address, port, backlog, options);
    };
    if (isIP(host) !== 0) process.nextTick(found, null, host);
    else this.#ctx.lookup(host, {}, (err, address) => found(err, address as string));
    return this;
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    validateAbortSignal(signal, 'options.signal');
    if (signal.aborted) {
      process.nextTick(() => this.close());
      return;
    }
    const listener = addAbortListener(signal, () => this.close());
    this.once('close', () => listener[Symbol.dispose]());
  }

  #open(host: string | null, port: number, backlog: number, options: ListenOptions): void {
    const h = Handle.listen(this.#ctx, host, port, backlog, options.ipv6Only === true, options.reusePort === true);
    if (typeof h === 'number') {
      const error = uvExceptionWithHostPort(h, 'listen', host ?? '0.0.0.0', port);
      process.nextTick(() => this.emit('error', error));
      return;
    }
    this.#handle = h;
    this.#keep.setOpen(true);
    h.onAcceptable = (): void => this.#accept(h);
    if (h.pending) h.onListening = (errno): void => this.#opened(errno, host, port);
    else process.nextTick(() => this.#opened(0, host, port));
  }

  #opened(errno: number, host: string | null, port: number): void {
    if (this.#handle === null) return;
    if (errno === 0) {
      this.emit('listening');
      return;
    }
    this.#handle.close();
    this.#handle = null;
    this.#keep.setOpen(false);
    this.emit('error', uvExceptionWithHostPort(errno, 'listen', host ?? '0.0.0.0', port));
  }

  /* ---- connections ---- */

  #accept(h: Handle): void {
    const accepted = h.accept();
    if (accepted === null) return;
    if (typeof accepted === 'number') {
      this.#fail(accepted);
      return;
    }
    h.acceptAgain();
    if (this.maxConnections && this._connections >= this.maxConnections) {
      this.#drop(accepted);
      return;
    }
    const options: SocketOptions = {
      allowHalfOpen: this.allowHalfOpen,
      pauseOnCreate: this.pauseOnConnect,
      noDelay: this.noDelay,
      keepAlive: this.keepAlive,
      keepAliveInitialDelay: this.keepAliveInitialDelay * 1000,
    };
    if (this.highWaterMark !== undefined) options.highWaterMark = this.highWaterMark;
    const socket = this.#ctx.accepted(options, accepted);
    this._connections++;
    socket.server = this;
    socket._server = this;
    this.emit('connection', socket);
  }

  /** The listening socket is no more. */
  #fail(errno: number): void {
    this.close();
    this.emit('error', errnoException(errno, 'accept'));
  }

  #drop(h: Handle): void {
    const local = h.sockname();
    const remote = h.peername();
    this.emit('drop', {
      localAddress: local?.address,
      localPort: local?.port,
      localFamily: local?.family,
      remoteAddress: remote?.address,
      remotePort: remote?.port,
      remoteFamily: remote?.family,
    });
    h.close();
  }

  /** Counts the connections. */
  getConnections(cb: (error: Error | null, count: number) => void): this {
    process.nextTick(cb, null, this._connections);
    return this;
  }

  /* ---- the end ---- */

  /** Stops listening; 'close' comes when the last connection has ended. */
  close(cb?: (error?: Error) => void): this {
    this.#listening++;
    if (typeof cb === 'function') {
      if (this.#handle === null) this.once('close', () => cb(nodeError(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.')));
      else this.once('close', cb);
    }
    const h = this.#handle;
    this.#handle = null;
    if (h !== null) h.close();
    this.#keep.setOpen(false);
    this._emitCloseIfDrained();
    return this;
  }

  _emitCloseIfDrained(): void {
    if (this.#handle === null && this._connections === 0) process.nextTick(() => this.emit('close'));
  }

  /** Where it listens; null before and after. */
  address(): AddressInfo | null {
    const n = this.#handle?.sockname() ?? null;
    return n === null ? null : { address: n.address, family: n.family, port: n.port };
  }

  /** Whether it listens. */
  get listening(): boolean {
    return this.#handle !== null;
  }

  /** A listening server keeps the process alive (the default). */
  ref(): this {
    this.#keep.setWanted(true);
    return this;
  }

  /** This server does not keep the process alive. */
  unref(): this {
    this.#keep.setWanted(false);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#handle === null) return;
    await new Promise<void>((resolve, reject) => this.close((e) => (e === undefined ? resolve() : reject(e))));
  }
}

/** The port to listen on, 0 = any. Throws where Node throws. */
function portOf(args: readonly unknown[], options: ListenOptions): number {
  const { port } = options;
  if (args.length === 0 || typeof args[0] === 'function' || port === null || (port === undefined && 'port' in options)) return 0;
  if (typeof port === 'number' || typeof port === 'string') return validatePort(port, 'options.port');
  if (options.path !== undefined) throw unsupported('options.path', 'there are no local sockets in a network stack');
  if (options.fd !== undefined) throw unsupported('options.fd', 'a descriptor belongs to the operating system');
  throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'options' must have the property "port" or "path". Received ${JSON.stringify(options)}`);
}

/** A backlog in an argument list, 0 for what is none. */
function count(v: unknown): number {
  const n = v === null || typeof v === 'object' || typeof v === 'function' ? 0 : Number(v);
  return n >= 0 ? n : 0;
}
