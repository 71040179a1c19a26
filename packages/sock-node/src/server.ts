import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { uvExceptionWithHostPort } from '@ns/errno';
import { type ListenOptions, nodeError, normalizeArgs, validatePort } from './args.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { Handle } from './handle.ts';
import { NodeSocket, type SocketOptions } from './socket.ts';

/** What `createServer()` takes. @public */
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

/**
 * A TCP server shaped like `net.Server`: events listening, connection, drop, error, close.
 * @public
 */
export class NodeServer extends EventEmitter {
  /** Most connections at a time; more are dropped. Undefined = no limit. */
  maxConnections: number | undefined;
  private readonly ctx: NetContext;
  private readonly options: ServerOptions;
  private readonly keep: KeepAlive;
  private handle: Handle | null;
  private connections: number;
  private opening: boolean;

  /** For this package; applications use the class that {@link createNet} returns. */
  constructor(ctx: NetContext, options: ServerOptions = {}, listener: ((s: NodeSocket) => void) | null = null) {
    super();
    this.ctx = ctx;
    this.options = options;
    this.keep = new KeepAlive(ctx);
    this.handle = null;
    this.connections = 0;
    this.opening = false;
    this.maxConnections = undefined;
    if (listener !== null) this.on('connection', listener);
  }

  /** Listens: `(options[, cb])`, `([port[, host[, backlog]]][, cb])`. Errors come as events. */
  listen(...args: unknown[]): this {
    const { options, cb } = normalizeArgs<ListenOptions>(args);
    if (this.handle !== null || this.opening) throw nodeError(Error, 'ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.');
    if ('path' in options || 'fd' in options) throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', 'Only TCP is supported: give a port.');
    if (cb !== null) this.once('listening', cb);
    const port = options.port === undefined || options.port === null ? 0 : validatePort(options.port, 'options.port');
    const numbers = args.filter((a): a is number => typeof a === 'number');
    const backlog = options.backlog ?? (typeof args[0] === 'number' ? numbers[1] : undefined) ?? DEFAULT_BACKLOG;
    if (options.signal?.aborted === true) this.close();
    else options.signal?.addEventListener('abort', () => this.close(), { once: true });
    this.opening = true;
    const host = options.host;
    if (host === undefined || isIP(host) !== 0 || host === 'localhost') {
      this.open(host === 'localhost' ? '127.0.0.1' : (host ?? null), port, backlog, options);
      return this;
    }
    this.ctx.lookup(host, { all: false }, (err, address) => {
      if (!this.opening) return;
      if (err) {
        this.opening = false;
        this.emit('error', err);
      } else {
        this.open(address as string, port, backlog, options);
      }
    });
    return this;
  }

  private open(host: string | null, port: number, backlog: number, options: ListenOptions): void {
    const h = Handle.listen(this.ctx, host, port, backlog, options.ipv6Only ?? false, options.reusePort ?? false);
    if (typeof h === 'number') {
      const error = uvExceptionWithHostPort(h, 'listen', host ?? '0.0.0.0', port);
      process.nextTick(() => {
        this.opening = false;
        this.emit('error', error);
      });
      return;
    }
    this.handle = h;
    this.opening = false;
    this.keep.setOpen(true);
    h.onaccept = (): void => this.acceptAll(h);
    process.nextTick(() => {
      if (this.handle === h) this.emit('listening');
    });
  }

  private acceptAll(h: Handle): void {
    for (;;) {
      const accepted = this.handle === h ? h.accept() : null;
      if (accepted === null) return;
      if (this.maxConnections !== undefined && this.connections >= this.maxConnections) {
        const local = accepted.sockname();
        const remote = accepted.peername();
        accepted.setLinger0();
        accepted.close();
        this.emit('drop', {
          localAddress: local?.address,
          localPort: local?.port,
          localFamily: local?.family,
          remoteAddress: remote?.address,
          remotePort: remote?.port,
          remoteFamily: remote?.family,
        });
        continue;
      }
      const o = this.options;
      const options: SocketOptions = { allowHalfOpen: o.allowHalfOpen ?? false, noDelay: o.noDelay ?? false, keepAlive: o.keepAlive ?? false };
      if (o.keepAliveInitialDelay !== undefined) options.keepAliveInitialDelay = o.keepAliveInitialDelay;
      if (o.highWaterMark !== undefined) options.highWaterMark = o.highWaterMark;
      const socket = new NodeSocket(this.ctx, options, accepted);
      if (o.pauseOnConnect === true) socket.pause();
      this.connections++;
      (socket as { server?: NodeServer }).server = this;
      socket.once('close', () => {
        this.connections--;
        this.closed();
      });
      this.emit('connection', socket);
    }
  }

  /** Stops listening; 'close' comes when the last connection has ended. */
  close(cb?: (error?: Error) => void): this {
    if (cb !== undefined) {
      if (this.handle === null) this.once('close', () => cb(nodeError(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.')));
      else this.once('close', cb);
    }
    this.opening = false;
    const h = this.handle;
    this.handle = null;
    if (h !== null) h.close();
    this.keep.setOpen(false);
    this.closed();
    return this;
  }

  private closed(): void {
    if (this.handle !== null || this.connections > 0 || this.opening) return;
    process.nextTick(() => this.emit('close'));
  }

  /** Where it listens; null before and after. */
  address(): AddressInfo | null {
    const n = this.handle?.sockname() ?? null;
    return n === null ? null : { address: n.address, family: n.family, port: n.port };
  }

  /** Counts the connections. */
  getConnections(cb: (error: Error | null, count: number) => void): this {
    process.nextTick(cb, null, this.connections);
    return this;
  }

  /** Whether it listens. */
  get listening(): boolean {
    return this.handle !== null;
  }

  /** A listening server keeps the process alive (the default). */
  ref(): this {
    this.keep.setWanted(true);
    return this;
  }

  /** This server does not keep the process alive. */
  unref(): this {
    this.keep.setWanted(false);
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.handle === null) resolve();
      else this.close((e) => (e === undefined ? resolve() : reject(e)));
    });
  }
}
