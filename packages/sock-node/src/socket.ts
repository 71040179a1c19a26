import type { AddressInfo, OnReadOpts } from 'node:net';
import { addAbortSignal, Duplex, type DuplexOptions } from 'node:stream';
import { type ConnectOptions, type NormalizedArgs, normalizeArgs, timerDuration, validateFunction, validateNumber, wholeSeconds } from './args.ts';
import { Connection } from './connection.ts';
import type { NetContext } from './context.ts';
import { nodeError, socketClosed, unsupported } from './errors.ts';
import type { Handle } from './handle.ts';
import type { NodeServer } from './server.ts';
import type { WriteCallback } from './write.ts';

/** What the constructor of a socket takes. */
export interface SocketOptions {
  allowHalfOpen?: boolean;
  readable?: boolean;
  writable?: boolean;
  signal?: AbortSignal;
  highWaterMark?: number;
  readableHighWaterMark?: number;
  writableHighWaterMark?: number;
  onread?: OnReadOpts;
  noDelay?: boolean;
  keepAlive?: boolean;
  keepAliveInitialDelay?: number;
  /** Begin paused and without reading: a server's `pauseOnConnect`. */
  pauseOnCreate?: boolean;
}

/** A TCP connection shaped like `net.Socket`: a Duplex with the same events in the same order, the same properties, the same errors. */
export class NodeSocket extends Duplex {
  /** Milliseconds of silence until 'timeout'; undefined = never. */
  timeout: number | undefined;
  /** The server that accepted it; others, such as `http`, write here too. */
  server: unknown;
  _server: NodeServer | null;
  /** `address:port` of each attempt, when there were several addresses. */
  autoSelectFamilyAttemptedAddresses: string[] | undefined;
  readonly #conn: Connection;
  #reset: boolean;

  constructor(ctx: NetContext, options: SocketOptions = {}, accepted: Handle | null = null) {
    if (accepted === null) checkOptions(options);
    super(streamOptions(options));
    this.timeout = undefined;
    this.server = null;
    this._server = null;
    this.autoSelectFamilyAttemptedAddresses = undefined;
    this.#conn = new Connection(this, ctx, options);
    this.#reset = false;
    if (accepted !== null) {
      this.#conn.attach(accepted);
      if (options.pauseOnCreate === true) (this as { readableFlowing: boolean | null }).readableFlowing = false;
      else this.read(0);
    }
    // After the fields are there: a signal that has fired destroys at once.
    if (options.signal) addAbortSignal(options.signal, this);
  }

  /** Connects: `(options[, cb])`, `(port[, host][, cb])`. Errors come as events, but for those of the arguments. */
  connect(...args: unknown[]): this {
    return this.connectTo(normalizeArgs<ConnectOptions>(args));
  }

  /** The same, arguments sorted out. */
  protected connectTo({ options, cb }: NormalizedArgs<ConnectOptions>): this {
    if (cb !== null) this.once('connect', cb);
    if (options.path) throw unsupported('options.path', 'there are no local sockets in a network stack');
    if (options.port === undefined) throw nodeError(TypeError, 'ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified');
    this.#conn.connect(options);
    return this;
  }

  /* ---- the stream ---- */

  override _read(): void {
    this.#conn.read();
  }

  override pause(): this {
    this.#conn.pause();
    return super.pause();
  }

  override resume(): this {
    this.#conn.resume();
    return super.resume();
  }

  override read(n?: number): unknown {
    this.#conn.resume();
    return super.read(n);
  }

  override write(chunk: unknown, cb?: WriteCallback): boolean;
  override write(chunk: unknown, encoding?: BufferEncoding, cb?: WriteCallback): boolean;
  override write(chunk: unknown, encoding?: BufferEncoding | WriteCallback, cb?: WriteCallback): boolean {
    if (!this.writableEnded || !this.readableEnded || this.allowHalfOpen) return super.write(chunk, encoding as BufferEncoding, cb);
    // The plain 'write after end' would blame the application, where the peer's FIN has ended both directions.
    const error = nodeError(Error, 'EPIPE', 'This socket has been ended by the other party');
    const callback = typeof encoding === 'function' ? encoding : cb;
    if (typeof callback === 'function') process.nextTick(callback, error);
    this.destroy(error);
    return false;
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, cb: WriteCallback): void {
    this.#conn.write(chunk, cb);
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: BufferEncoding }[], cb: WriteCallback): void {
    this.#conn.writev(
      chunks.map((c) => c.chunk),
      cb,
    );
  }

  override _final(cb: WriteCallback): void {
    if (this.pending) {
      this.once('connect', () => this._final(cb));
      return;
    }
    // That the peer is gone already is no error of this side; its reset, if any, comes by itself.
    this.#conn.shutdown(cb);
  }

  override _destroy(exception: Error | null, cb: WriteCallback): void {
    const opened = this.#conn.handle !== null || this.#conn.connecting;
    const finish = this.#conn.close(this.#reset);
    this.#reset = false;
    cb(exception);
    const server = this._server;
    if (server !== null) {
      server._connections--;
      server._emitCloseIfDrained();
    }
    // Node closes handles in a later phase of its event loop: errors and the server's 'close' come first.
    if (opened) this.#conn.later(() => this.#closed(finish, Boolean(exception)));
    else process.nextTick(() => this.emit('close'));
  }

  #closed(finish: WriteCallback | null, hadError: boolean): void {
    finish?.(null);
    this.emit('close', hadError);
  }

  /** Half-closes after everything was written, then destroys. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Closes with a RST. */
  resetAndDestroy(): this {
    if (this.connecting) this.once('connect', () => this.#resetNow());
    else if (this.#conn.handle !== null) this.#resetNow();
    else this.destroy(socketClosed());
    return this;
  }

  #resetNow(): void {
    this.#reset = true;
    this.destroy();
  }

  /* ---- timeout and options ---- */

  /** Emits 'timeout' after so many milliseconds of silence; 0 = never. */
  setTimeout(ms: number, cb?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = ms;
    const duration = timerDuration(ms, 'msecs');
    this.#conn.setTimer(duration);
    if (cb === undefined) return this;
    validateFunction(cb, 'callback');
    return duration === 0 ? this.removeListener('timeout', cb) : this.once('timeout', cb);
  }

  /** Turns Nagle's algorithm off (default) or on. */
  setNoDelay(enable?: boolean): this {
    this.#conn.setNoDelay(enable === undefined ? true : Boolean(enable));
    return this;
  }

  /** Turns keepalive probes on or off; the delay until the first is in milliseconds, 0 = as it is. */
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    this.#conn.setKeepAlive(Boolean(enable), wholeSeconds(initialDelayMs));
    return this;
  }

  /** An open socket keeps the process alive (the default). */
  ref(): this {
    this.#conn.setRef(true);
    return this;
  }

  /** This socket does not keep the process alive. */
  unref(): this {
    this.#conn.setRef(false);
    return this;
  }

  /* ---- properties ---- */

  /** The local end; an empty object when there is none. */
  address(): AddressInfo | Record<string, never> {
    const n = this.#conn.local();
    return n === null ? {} : { address: n.address, family: n.family, port: n.port };
  }

  /** A connection attempt is under way. */
  get connecting(): boolean {
    return this.#conn.connecting;
  }

  /** Not connected, or not yet. */
  get pending(): boolean {
    return this.#conn.handle === null || this.#conn.connecting;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bufferSize(): number | undefined {
    return this.#conn.handle === null && !this.#conn.connecting ? undefined : this.writableLength;
  }

  /** Bytes received. */
  get bytesRead(): number {
    return this.#conn.received;
  }

  /** Bytes written, those still queued included. */
  get bytesWritten(): number {
    return this.#conn.written((this as unknown as { writableBuffer: { chunk: Uint8Array }[] }).writableBuffer);
  }

  get remoteAddress(): string | undefined {
    return this.#conn.remote()?.address;
  }

  get remoteFamily(): string | undefined {
    return this.#conn.remote()?.family;
  }

  get remotePort(): number | undefined {
    return this.#conn.remote()?.port;
  }

  get localAddress(): string | undefined {
    return this.#conn.local()?.address;
  }

  get localFamily(): string | undefined {
    return this.#conn.local()?.family;
  }

  get localPort(): number | undefined {
    return this.#conn.local()?.port;
  }
}

/** What the stream takes of it: one shape, for all sockets. */
function streamOptions(o: SocketOptions): DuplexOptions {
  return {
    allowHalfOpen: Boolean(o.allowHalfOpen),
    emitClose: false,
    autoDestroy: true,
    decodeStrings: true,
    readable: o.readable,
    writable: o.writable,
    highWaterMark: o.highWaterMark,
    readableHighWaterMark: o.readableHighWaterMark,
    writableHighWaterMark: o.writableHighWaterMark,
  } as DuplexOptions;
}

function checkOptions(options: SocketOptions): void {
  const o = options as Record<string, unknown>;
  if (o['objectMode'] || o['readableObjectMode'] || o['writableObjectMode']) {
    const mode = o['objectMode'] ? 'objectMode' : o['readableObjectMode'] ? 'readableObjectMode' : 'writableObjectMode';
    throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.${mode}' is not supported. Received ${String(o[mode])}`);
  }
  if (o['fd'] !== undefined) throw unsupported('options.fd', 'a descriptor belongs to the operating system');
  if (o['handle']) throw unsupported('options.handle', 'a handle belongs to the operating system');
  if (options.keepAliveInitialDelay === undefined) return;
  validateNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
  if (options.keepAliveInitialDelay < 0) options.keepAliveInitialDelay = 0;
}
