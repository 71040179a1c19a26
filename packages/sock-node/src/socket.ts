import type { AddressInfo, LookupFunction, OnReadOpts } from 'node:net';
import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { EPIPE, errnoException, exceptionWithHostPort } from '@ns/errno';
import { type ConnectOptions, nodeError, normalizeArgs, validatePort } from './args.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { Handle, type PeerName } from './handle.ts';

/** What the constructor of a socket takes. @public */
export interface SocketOptions {
  allowHalfOpen?: boolean;
  readable?: boolean;
  writable?: boolean;
  signal?: AbortSignal;
  highWaterMark?: number;
  onread?: OnReadOpts;
  noDelay?: boolean;
  keepAlive?: boolean;
  keepAliveInitialDelay?: number;
}

type WriteCallback = (error?: Error | null) => void;

/**
 * A TCP connection shaped like `net.Socket`: a Duplex with the same events in the same order, the same properties, the same errors.
 * Made by the `Socket` class, `connect()` or a server of {@link createNet}.
 * @public
 */
export class NodeSocket extends Duplex {
  connecting: boolean;
  /** Milliseconds of silence until 'timeout'; undefined = never. */
  timeout: number | undefined;
  /** Bytes handed to the stack. */
  private dispatched: number;
  private received: number;
  private readonly ctx: NetContext;
  private readonly keep: KeepAlive;
  private handle: Handle | null;
  private outgoing: { data: Uint8Array[]; cb: WriteCallback } | null;
  private reading: boolean;
  private timer: NodeJS.Timeout | null;
  private readonly onread: OnReadOpts | null;
  private onreadBuffer: Uint8Array | null;
  private name: PeerName | null;
  private peer: PeerName | null;
  private readonly initial: { noDelay: boolean; keepAlive: boolean; keepAliveMs: number };

  /** For this package; applications use the class that {@link createNet} returns. */
  constructor(ctx: NetContext, options: SocketOptions = {}, accepted: Handle | null = null) {
    super({
      allowHalfOpen: options.allowHalfOpen ?? false,
      emitClose: false,
      autoDestroy: true,
      decodeStrings: true,
      ...(options.highWaterMark === undefined ? {} : { highWaterMark: options.highWaterMark }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    this.ctx = ctx;
    this.keep = new KeepAlive(ctx);
    this.connecting = false;
    this.timeout = undefined;
    this.dispatched = 0;
    this.received = 0;
    this.handle = null;
    this.outgoing = null;
    this.reading = false;
    this.timer = null;
    this.onread = options.onread ?? null;
    this.onreadBuffer = this.onread === null ? null : onreadBufferOf(this.onread);
    this.name = null;
    this.peer = null;
    this.initial = { noDelay: options.noDelay ?? false, keepAlive: options.keepAlive ?? false, keepAliveMs: options.keepAliveInitialDelay ?? 0 };
    if (accepted !== null) {
      this.attach(accepted);
      this.established();
      this.read(0);
    }
  }

  /** Connects: `(options[, cb])`, `(port[, host][, cb])`. Errors come as events. */
  connect(...args: unknown[]): this {
    const { options, cb } = normalizeArgs<ConnectOptions>(args);
    if ('path' in options) throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', 'Only TCP connections are supported: give a port.');
    if (options.port === undefined) throw nodeError(TypeError, 'ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified');
    const port = validatePort(options.port);
    if (cb !== null) this.once('connect', cb);
    if (this.destroyed) {
      // A socket may be used again after it was closed, as Node's may.
      const d = this as unknown as { _undestroy(): void };
      d._undestroy();
      this.handle = null;
      this.name = null;
      this.peer = null;
    }
    this.connecting = true;
    this.keep.setOpen(true);
    if (options.noDelay !== undefined) this.initial.noDelay = options.noDelay;
    if (options.keepAlive !== undefined) this.initial.keepAlive = options.keepAlive;
    if (options.keepAliveInitialDelay !== undefined) this.initial.keepAliveMs = options.keepAliveInitialDelay;
    if (options.timeout !== undefined) this.setTimeout(options.timeout);
    this.resolve(options, port);
    return this;
  }

  private resolve(options: ConnectOptions, port: number): void {
    const host = options.host ?? 'localhost';
    const family = isIP(host);
    if (family !== 0 || host === 'localhost') {
      const address = family !== 0 ? host : options.family === 6 ? '::1' : '127.0.0.1';
      process.nextTick(() => {
        if (!this.connecting) return;
        if (family === 0) this.emit('lookup', null, address, options.family === 6 ? 6 : 4, host);
        this.start(address, port, options);
      });
      return;
    }
    const lookup: LookupFunction = options.lookup ?? this.ctx.lookup;
    lookup(host, { family: options.family ?? 0, all: false }, (err, address, addressFamily) => {
      this.emit('lookup', err, address, addressFamily, host);
      if (!this.connecting) return;
      if (err) {
        process.nextTick(() => this.destroy(Object.assign(err, { host, port })));
        return;
      }
      this.start(address as string, port, options);
    });
  }

  private start(address: string, port: number, options: ConnectOptions): void {
    const h = Handle.open(this.ctx, isIP(address) === 6);
    if (typeof h === 'number') {
      this.destroy(exceptionWithHostPort(h, 'connect', address, port));
      return;
    }
    this.attach(h);
    this.active();
    if (options.localAddress !== undefined || options.localPort !== undefined) {
      const error = h.bind(options.localAddress ?? null, options.localPort ?? 0);
      if (error !== 0) {
        this.destroy(exceptionWithHostPort(error, 'bind', options.localAddress ?? '0.0.0.0', options.localPort));
        return;
      }
    }
    h.onconnect = (error): void => {
      h.onconnect = null;
      if (!this.connecting) return;
      if (error !== 0) {
        const local = options.localAddress !== undefined && options.localPort !== undefined ? `${options.localAddress}:${options.localPort}` : undefined;
        this.destroy(exceptionWithHostPort(error, 'connect', address, port, local));
        return;
      }
      this.connected();
    };
    h.connect(address, port);
  }

  private attach(h: Handle): void {
    this.handle = h;
    this.keep.setOpen(true);
    h.onreadable = (): void => this.pull();
    h.onwritable = (): void => this.flush();
    h.onerror = (error): void => {
      if (this.connecting) return;
      this.destroy(errnoException(error, error === EPIPE ? 'write' : 'read'));
    };
  }

  private connected(): void {
    this.connecting = false;
    this.established();
    this.active();
    this.emit('connect');
    this.emit('ready');
    if (!this.isPaused()) this.read(0);
    this.flush();
  }

  private established(): void {
    const h = this.handle as Handle;
    this.name = h.sockname();
    this.peer = h.peername();
    if (this.initial.noDelay) h.setNoDelay(true);
    if (this.initial.keepAlive) h.setKeepAlive(true, this.initial.keepAliveMs);
  }

  /* ---- reading ---- */

  override _read(): void {
    if (this.connecting || this.handle === null) {
      this.reading = true;
      return;
    }
    this.reading = true;
    this.pull();
  }

  /** Moves what has come in to the stream, until the stream has enough. */
  private pull(): void {
    const h = this.handle;
    while (h !== null && this.reading && this.handle === h) {
      if (this.onread !== null) {
        if (!this.pullInto(h)) return;
        continue;
      }
      const chunk = h.read();
      if (chunk === null) return;
      if (typeof chunk === 'number') {
        this.reading = false;
        this.destroy(errnoException(chunk, 'read'));
        return;
      }
      if (chunk.length === 0) {
        this.reading = false;
        this.push(null);
        this.read(0);
        return;
      }
      this.received += chunk.length;
      this.active();
      if (!this.push(chunk)) {
        this.reading = false;
        return;
      }
    }
  }

  /** The `onread` way: one buffer of the application's, no stream events. Returns whether to go on. */
  private pullInto(h: Handle): boolean {
    const o = this.onread as OnReadOpts;
    const buf = this.onreadBuffer as Uint8Array;
    const n = h.readInto(buf);
    if (n === null) return false;
    if (n < 0) {
      this.destroy(errnoException(-n, 'read'));
      return false;
    }
    if (n === 0) {
      this.reading = false;
      this.push(null);
      this.read(0);
      return false;
    }
    this.received += n;
    this.active();
    const more = o.callback(n, buf) as boolean | undefined;
    if (typeof o.buffer === 'function') this.onreadBuffer = o.buffer();
    if (more === false) {
      this.reading = false;
      this.pause();
      return false;
    }
    return true;
  }

  override resume(): this {
    if (this.onread !== null && !this.connecting && !this.reading && this.handle !== null) {
      super.resume();
      this.reading = true;
      process.nextTick(() => this.pull());
      return this;
    }
    return super.resume();
  }

  /* ---- writing ---- */

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, cb: WriteCallback): void {
    this.dispatch([chunk], cb);
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: BufferEncoding }[], cb: WriteCallback): void {
    this.dispatch(
      chunks.map((c) => c.chunk),
      cb,
    );
  }

  private dispatch(data: Uint8Array[], cb: WriteCallback): void {
    if (this.connecting) {
      this.outgoing = { data, cb };
      return;
    }
    if (this.handle === null) {
      cb(nodeError(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed'));
      return;
    }
    this.outgoing = { data, cb };
    this.flush();
  }

  /** Hands pending data to the stack, as far as there is room; the callback runs when all of it is there. */
  private flush(): void {
    const p = this.outgoing;
    const h = this.handle;
    if (p === null || h === null || this.connecting) return;
    while (p.data.length > 0) {
      const chunk = p.data[0] as Uint8Array;
      const n = chunk.length === 0 ? 0 : h.write(chunk, p.data.length > 1);
      if (n < 0) {
        this.outgoing = null;
        p.cb(errnoException(-n, 'write'));
        return;
      }
      this.dispatched += n;
      if (n < chunk.length) {
        if (n > 0) {
          p.data[0] = chunk.subarray(n);
          this.active();
        }
        return; // no room: onwritable comes back
      }
      p.data.shift();
    }
    this.active();
    this.outgoing = null;
    p.cb();
  }

  override _final(cb: WriteCallback): void {
    if (this.connecting) {
      this.once('connect', () => this._final(cb));
      return;
    }
    if (this.handle === null) {
      cb();
      return;
    }
    const error = this.handle.shutdown();
    // The peer may be gone already: its reset, if any, comes by itself.
    cb(error === 0 || this.handle.gone ? null : errnoException(error, 'shutdown'));
  }

  override _destroy(exception: Error | null, cb: WriteCallback): void {
    this.connecting = false;
    this.clearTimer();
    const h = this.handle;
    this.handle = null;
    this.keep.setOpen(false);
    const p = this.outgoing;
    this.outgoing = null;
    if (h !== null) h.close();
    if (p !== null) p.cb(exception ?? nodeError(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established'));
    const isException = exception !== null;
    cb(exception);
    process.nextTick(() => this.emit('close', isException));
  }

  /** Half-closes after everything was written, then destroys. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Closes with a RST. */
  resetAndDestroy(): this {
    if (this.connecting) {
      this.once('connect', () => this.resetAndDestroy());
      return this;
    }
    if (this.handle === null) {
      this.destroy(nodeError(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed'));
      return this;
    }
    this.handle.setLinger0();
    return this.destroy();
  }

  /* ---- options and properties ---- */

  /** Emits 'timeout' after so many milliseconds of silence; 0 = never. */
  setTimeout(ms: number, cb?: () => void): this {
    this.timeout = ms;
    this.clearTimer();
    if (ms > 0) {
      this.timer = setTimeout(() => this.emit('timeout'), ms);
      this.timer.unref();
      if (cb !== undefined) this.once('timeout', cb);
    } else if (cb !== undefined) {
      this.removeListener('timeout', cb);
    }
    return this;
  }

  /** Turns Nagle's algorithm off (default) or on. */
  setNoDelay(noDelay = true): this {
    this.initial.noDelay = noDelay;
    if (this.handle !== null && !this.connecting) this.handle.setNoDelay(noDelay);
    return this;
  }

  /** Turns keepalive probes on or off; the delay is until the first, milliseconds. */
  setKeepAlive(on = false, initialDelayMs = 0): this {
    this.initial.keepAlive = on;
    this.initial.keepAliveMs = initialDelayMs;
    if (this.handle !== null && !this.connecting) this.handle.setKeepAlive(on, initialDelayMs);
    return this;
  }

  /** An open socket keeps the process alive (the default). */
  ref(): this {
    this.keep.setWanted(true);
    return this;
  }

  /** This socket does not keep the process alive. */
  unref(): this {
    this.keep.setWanted(false);
    return this;
  }

  /** The local end; an empty object before there is one. */
  address(): AddressInfo | Record<string, never> {
    const n = this.name;
    return n === null ? {} : { address: n.address, family: n.family, port: n.port };
  }

  /** True until the connection is there. */
  get pending(): boolean {
    return this.handle === null || this.connecting;
  }

  /** `opening`, `open`, `readOnly`, `writeOnly` or `closed`. */
  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    if (this.writable) return 'writeOnly';
    return 'closed';
  }

  get bufferSize(): number {
    return this.writableLength;
  }

  /** Bytes received. */
  get bytesRead(): number {
    return this.received;
  }

  /** Bytes written, those still queued included. */
  get bytesWritten(): number {
    return this.dispatched + this.writableLength;
  }

  get remoteAddress(): string | undefined {
    return this.peer?.address;
  }

  get remoteFamily(): string | undefined {
    return this.peer?.family;
  }

  get remotePort(): number | undefined {
    return this.peer?.port;
  }

  get localAddress(): string | undefined {
    return this.name?.address;
  }

  get localFamily(): string | undefined {
    return this.name?.family;
  }

  get localPort(): number | undefined {
    return this.name?.port;
  }

  private active(): void {
    this.timer?.refresh();
  }

  private clearTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}

function onreadBufferOf(o: OnReadOpts): Uint8Array {
  return typeof o.buffer === 'function' ? o.buffer() : o.buffer;
}
