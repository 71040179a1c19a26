import type { AddressInfo, OnReadOpts } from 'node:net';
import { addAbortSignal, Duplex } from 'node:stream';
import { errnoException } from '@ns/errno';
import { type ConnectOptions, type NormalizedArgs, normalizeArgs, timerDuration, validateAbortSignal, validateFunction, validateNumber, wholeSeconds } from './args.ts';
import { Connector } from './connect.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { closedBeforeConnection, nodeError, socketClosed, unsupported } from './errors.ts';
import type { Handle, HandleOwner, PeerName } from './handle.ts';
import { kAcceptable, kActive, kConnected, kConnectionEnded, kEstablished, kReadable, kUseHandle, kWritable } from './internal.ts';
import type { NodeServer } from './server.ts';
import { PendingWrite, type WriteCallback } from './write.ts';

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

/**
 * A TCP connection shaped like `net.Socket`: a Duplex with the same events in the same order, the same properties, the same errors.
 *
 * State is in `#` fields: applications hang properties of any name on a socket.
 */
export class NodeSocket extends Duplex implements HandleOwner {
  /** A connection attempt is under way. */
  connecting: boolean;
  /** Milliseconds of silence until 'timeout'; undefined = never. */
  timeout: number | undefined;
  /** The server that accepted it; others, such as `http`, write here too. */
  server: unknown;
  _server: NodeServer | null;
  /** `address:port` of each attempt, when there were several addresses. */
  autoSelectFamilyAttemptedAddresses: string[] | undefined;
  readonly #ctx: NetContext;
  readonly #keep: KeepAlive;
  #handle: Handle | null;
  #connector: Connector | null;
  /** The stream wants more: what comes in is pushed. */
  #reading: boolean;
  #received: number;
  /** Bytes of all writes handed over, or being handed over. */
  #dispatched: number;
  /** Written before the connection was there. */
  #early: PendingWrite | null;
  /** Being handed over: there was no room for all of it. */
  #stalled: PendingWrite | null;
  #timer: NodeJS.Timeout | null;
  readonly #onread: OnReadOpts | null;
  #onreadBuffer: Uint8Array | null;
  #sockname: PeerName | null;
  #peername: PeerName | null;
  #noDelay: boolean;
  #keepAlive: boolean;
  #keepAliveDelay: number;
  #reset: boolean;

  constructor(ctx: NetContext, options: SocketOptions = {}, accepted: Handle | null = null) {
    checkOptions(options);
    const { signal, onread, ...rest } = options;
    super({ ...rest, allowHalfOpen: Boolean(options.allowHalfOpen), emitClose: false, autoDestroy: true, decodeStrings: true });
    this.connecting = false;
    this.timeout = undefined;
    this.server = null;
    this._server = null;
    this.autoSelectFamilyAttemptedAddresses = undefined;
    this.#ctx = ctx;
    this.#keep = new KeepAlive(ctx);
    this.#handle = null;
    this.#connector = null;
    this.#reading = false;
    this.#received = 0;
    this.#dispatched = 0;
    this.#early = null;
    this.#stalled = null;
    this.#timer = null;
    this.#onread = isOnRead(onread) ? onread : null;
    this.#onreadBuffer = null;
    this.#sockname = null;
    this.#peername = null;
    this.#noDelay = Boolean(options.noDelay);
    this.#keepAlive = Boolean(options.keepAlive);
    this.#keepAliveDelay = wholeSeconds(options.keepAliveInitialDelay);
    this.#reset = false;
    if (accepted !== null) this.#accept(accepted, options);
    if (signal !== undefined) {
      validateAbortSignal(signal, 'options.signal');
      addAbortSignal(signal, this);
    }
  }

  #accept(h: Handle, options: SocketOptions): void {
    this.#attach(h);
    if (this.#noDelay) h.setNoDelay(true);
    if (this.#keepAlive) h.setKeepAlive(true, this.#keepAliveDelay);
    if (options.pauseOnCreate === true) (this as { readableFlowing: boolean | null }).readableFlowing = false;
    else this.read(0);
  }

  /* ---- connecting ---- */

  /** Connects: `(options[, cb])`, `(port[, host][, cb])`. Errors come as events, but for those of the arguments. */
  connect(...args: unknown[]): this {
    const { options, cb } = normalizeArgs<ConnectOptions>(args);
    return this.connectTo({ options, cb });
  }

  /** The same, arguments sorted out. */
  protected connectTo({ options, cb }: NormalizedArgs<ConnectOptions>): this {
    if (cb !== null) this.once('connect', cb);
    if (options.path) throw unsupported('options.path', 'there are no local sockets in a network stack');
    if (options.port === undefined) throw nodeError(TypeError, 'ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified');
    const connector = new Connector(this, this.#ctx, options);
    if (this.destroyed) this.#renew();
    this.#connector?.cancel();
    this.#connector = connector;
    this.connecting = true;
    this.#keep.setOpen(true);
    this[kActive]();
    connector.start();
    return this;
  }

  /** A socket may be used again after it was closed. */
  #renew(): void {
    (this as unknown as { _undestroy(): void })._undestroy();
    this.#handle = null;
    this.#sockname = null;
    this.#peername = null;
    this.#reading = false;
    this.#received = 0;
    this.#dispatched = 0;
  }

  [kUseHandle](h: Handle): void {
    this.#handle?.close();
    this.#handle = h;
  }

  [kEstablished](): void {
    const h = this.#handle as Handle;
    this.#connector = null;
    this.connecting = false;
    this.#sockname = null;
    this.#attach(h);
    this[kActive]();
    if (this.#noDelay) h.setNoDelay(true);
    if (this.#keepAlive) h.setKeepAlive(true, this.#keepAliveDelay);
    this.emit('connect');
    const early = this.#early;
    this.#early = null;
    if (early !== null) this.#dispatch(early);
    this.emit('ready');
    if (!this.isPaused()) this.read(0);
  }

  #attach(h: Handle): void {
    this.#handle = h;
    h.owner = this;
    this.#keep.setOpen(true);
    if (this.#onread !== null) this.#onreadBuffer = nextBuffer(this.#onread, null);
  }

  [kConnected](): void {}

  [kAcceptable](): void {}

  /* ---- reading ---- */

  override _read(): void {
    if (this.connecting || this.#handle === null) this.once('connect', () => this._read());
    else if (!this.#reading) this.#readStart(this.#handle);
  }

  #readStart(h: Handle): void {
    this.#reading = true;
    if (h.readable) h.readAgain();
  }

  [kReadable](): void {
    const h = this.#handle;
    if (h === null || !this.#reading) return;
    if (this.#onreadBuffer !== null) {
      this.#readInto(h, this.#onread as OnReadOpts, this.#onreadBuffer);
      return;
    }
    const chunk = h.read();
    if (chunk === null) return;
    if (typeof chunk === 'number') this.#readFailed(chunk);
    else if (chunk.length === 0) this.#readEnd();
    else {
      this.#received += chunk.length;
      this[kActive]();
      this.#goOn(h, this.push(chunk));
    }
  }

  /** The `onread` way: one buffer of the application's, no stream events but the end. */
  #readInto(h: Handle, o: OnReadOpts, buf: Uint8Array): void {
    const n = h.readInto(buf);
    if (n === null) return;
    if (n < 0) this.#readFailed(-n);
    else if (n === 0) this.#readEnd();
    else {
      this.#received += n;
      this[kActive]();
      const more = (o.callback.call(this, n, buf) as boolean | undefined) !== false;
      this.#onreadBuffer = nextBuffer(o, buf);
      this.#goOn(h, more);
    }
  }

  #goOn(h: Handle, more: boolean): void {
    if (!more) this.#reading = false;
    else if (this.#handle === h && this.#reading && h.readable) h.readAgain();
  }

  #readFailed(errno: number): void {
    this.#reading = false;
    this.destroy(errnoException(errno, 'read'));
  }

  #readEnd(): void {
    this.#reading = false;
    this[kActive]();
    this.push(null);
    this.read(0);
  }

  /** With `onread` there is no buffer that fills up: pause and resume act on the connection itself. */
  override pause(): this {
    if (this.#onreadBuffer !== null && !this.connecting) this.#reading = false;
    return super.pause();
  }

  override resume(): this {
    this.#restart();
    return super.resume();
  }

  override read(n?: number): unknown {
    this.#restart();
    return super.read(n);
  }

  #restart(): void {
    if (this.#onreadBuffer !== null && !this.connecting && this.#handle !== null && !this.#reading) this.#readStart(this.#handle);
  }

  /* ---- writing ---- */

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
    const h = this.#handle;
    if (this.connecting || h === null) {
      this.#writeLater(new PendingWrite([chunk], cb));
      return;
    }
    this[kActive]();
    this.#dispatched += chunk.length;
    const n = chunk.length === 0 ? 0 : h.write(chunk, 0);
    if (n === chunk.length) cb();
    else if (n < 0) cb(errnoException(-n, 'write'));
    else this.#stall(h, new PendingWrite([chunk], cb), n);
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: BufferEncoding }[], cb: WriteCallback): void {
    const w = new PendingWrite(
      chunks.map((c) => c.chunk),
      cb,
    );
    if (this.connecting || this.#handle === null) this.#writeLater(w);
    else this.#dispatch(w);
  }

  #writeLater(w: PendingWrite): void {
    if (this.connecting) this.#early = w;
    else w.cb(socketClosed());
  }

  #dispatch(w: PendingWrite): void {
    const h = this.#handle;
    if (h === null) {
      w.cb(socketClosed());
      return;
    }
    this[kActive]();
    this.#dispatched += w.left;
    this.#stall(h, w, 0);
  }

  /** Hands over as much as there is room for, beyond the first `n` bytes, which have been; [kWritable] sees to the rest. */
  #stall(h: Handle, w: PendingWrite, n: number): void {
    w.advance(n);
    const errno = w.flush(h);
    if (errno !== 0) {
      this.#stalled = null;
      w.cb(errnoException(errno, 'write'));
    } else if (w.left === 0) {
      this.#stalled = null;
      w.cb();
    } else {
      this.#stalled = w;
    }
  }

  [kWritable](): void {
    const w = this.#stalled;
    const h = this.#handle;
    if (w === null || h === null || !h.hasRoom(w.left)) return;
    this[kActive]();
    this.#stall(h, w, 0);
  }

  override _final(cb: WriteCallback): void {
    if (this.pending) {
      this.once('connect', () => this._final(cb));
      return;
    }
    // That the peer is gone already is no error of this side; its reset, if any, comes by itself.
    this.#handle?.shutdown();
    cb();
  }

  /* ---- the end ---- */

  override _destroy(exception: Error | null, cb: WriteCallback): void {
    const early = this.#early;
    const stalled = this.#stalled;
    const opened = this.#handle !== null || this.connecting;
    this.#early = null;
    this.#stalled = null;
    this.connecting = false;
    this.#connector?.cancel();
    this.#connector = null;
    this.#clearTimer();
    const h = this.#handle;
    this.#handle = null;
    this.#sockname = null;
    this.#keep.setOpen(false);
    if (h !== null) {
      if (this.#reset) h.setLinger0();
      h.close();
    }
    this.#reset = false;
    cb(exception);
    this._server?.[kConnectionEnded]();
    const closed = (): void => {
      early?.cb(closedBeforeConnection());
      stalled?.cb(null);
      if (opened) this.emit('close', exception !== null && exception !== undefined);
      else this.emit('close');
    };
    // Node closes handles in a later phase of its event loop: errors and the server's 'close' come first.
    process.nextTick(() => process.nextTick(closed));
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
    else if (this.#handle !== null) this.#resetNow();
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
    this.#clearTimer();
    if (cb !== undefined) validateFunction(cb, 'callback');
    if (duration === 0) {
      if (cb !== undefined) this.removeListener('timeout', cb);
      return this;
    }
    this.#timer = setTimeout(() => this.emit('timeout'), duration);
    this.#timer.unref();
    if (cb !== undefined) this.once('timeout', cb);
    return this;
  }

  [kActive](): void {
    this.#timer?.refresh();
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Turns Nagle's algorithm off (default) or on. */
  setNoDelay(enable?: boolean): this {
    const on = enable === undefined ? true : Boolean(enable);
    if (on === this.#noDelay) return this;
    this.#noDelay = on;
    if (!this.pending) this.#handle?.setNoDelay(on);
    return this;
  }

  /** Turns keepalive probes on or off; the delay until the first is in milliseconds, 0 = as it is. */
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    const on = Boolean(enable);
    const delay = wholeSeconds(initialDelayMs);
    if (on === this.#keepAlive && !(on && delay !== this.#keepAliveDelay)) return this;
    this.#keepAlive = on;
    this.#keepAliveDelay = delay;
    if (!this.pending) this.#handle?.setKeepAlive(on, delay);
    return this;
  }

  /** An open socket keeps the process alive (the default). */
  ref(): this {
    this.#keep.setWanted(true);
    return this;
  }

  /** This socket does not keep the process alive. */
  unref(): this {
    this.#keep.setWanted(false);
    return this;
  }

  /* ---- properties ---- */

  /** The local end; an empty object when there is none. */
  address(): AddressInfo | Record<string, never> {
    const n = this.#local();
    return n === null ? {} : { address: n.address, family: n.family, port: n.port };
  }

  /** Not connected, or not yet. */
  get pending(): boolean {
    return this.#handle === null || this.connecting;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bufferSize(): number | undefined {
    return this.#handle === null ? undefined : this.writableLength;
  }

  /** Bytes received. */
  get bytesRead(): number {
    return this.#received;
  }

  /** Bytes written, those still queued included. */
  get bytesWritten(): number {
    let n = this.#dispatched + (this.#early?.left ?? 0);
    for (const queued of (this as unknown as { writableBuffer: { chunk: Uint8Array }[] }).writableBuffer) n += queued.chunk.length;
    return n;
  }

  get remoteAddress(): string | undefined {
    return this.#remote()?.address;
  }

  get remoteFamily(): string | undefined {
    return this.#remote()?.family;
  }

  get remotePort(): number | undefined {
    return this.#remote()?.port;
  }

  get localAddress(): string | undefined {
    return this.#local()?.address;
  }

  get localFamily(): string | undefined {
    return this.#local()?.family;
  }

  get localPort(): number | undefined {
    return this.#local()?.port;
  }

  #remote(): PeerName | null {
    if (this.#handle !== null && !this.connecting) this.#peername ??= this.#handle.peername();
    return this.#peername;
  }

  #local(): PeerName | null {
    if (this.#handle === null) return null;
    return (this.#sockname ??= this.#handle.sockname());
  }
}

function checkOptions(options: SocketOptions): void {
  const o = options as Record<string, unknown>;
  for (const mode of ['objectMode', 'readableObjectMode', 'writableObjectMode']) {
    if (o[mode]) throw nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.${mode}' is not supported. Received ${String(o[mode])}`);
  }
  if (o['fd'] !== undefined) throw unsupported('options.fd', 'a descriptor belongs to the operating system');
  if (o['handle']) throw unsupported('options.handle', 'a handle belongs to the operating system');
  if (options.keepAliveInitialDelay === undefined) return;
  validateNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
  if (options.keepAliveInitialDelay < 0) options.keepAliveInitialDelay = 0;
}

function isOnRead(o: OnReadOpts | undefined): o is OnReadOpts {
  return typeof o === 'object' && o !== null && (o.buffer instanceof Uint8Array || typeof o.buffer === 'function') && typeof o.callback === 'function';
}

/** The buffer to read into next; one that is none leaves the last in use. */
function nextBuffer(o: OnReadOpts, last: Uint8Array | null): Uint8Array | null {
  if (typeof o.buffer !== 'function') return o.buffer;
  const b: unknown = o.buffer();
  return b instanceof Uint8Array ? b : last;
}
