import { AsyncResource } from 'node:async_hooks';
import type { OnReadOpts } from 'node:net';
import { errnoException } from '@ns/errno';
import { type ConnectOptions, wholeSeconds } from './args.ts';
import { Connector } from './connect.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { closedBeforeConnection, socketClosed } from './errors.ts';
import { callOut, type Handle, type HandleOwner, type PeerName } from './handle.ts';
import type { NodeSocket, SocketOptions } from './socket.ts';
import { PendingWrite, type WriteCallback } from './write.ts';

/**
 * What is behind a `NodeSocket`: moves data between its stream and its handle, and knows what the handle is to be told when there is one. Apart from the socket, since
 * applications hang properties of any name on that.
 */
export class Connection implements HandleOwner {
  /** Null before a connection attempt and after the end. */
  handle: Handle | null;
  /** A connection attempt is under way. */
  connecting: boolean;
  /** Bytes received. */
  received: number;
  private readonly socket: NodeSocket;
  private readonly ctx: NetContext;
  private readonly keep: KeepAlive;
  private connector: Connector | null;
  /** The stream wants more: what comes in is pushed. */
  private reading: boolean;
  /** Bytes of all writes handed over, or being handed over. */
  private dispatched: number;
  /** Written before the connection was there; counted in `bytesWritten` even if it never came. */
  private early: PendingWrite | null;
  /** Being handed over: there was no room for all of it. */
  private stalled: PendingWrite | null;
  private timer: NodeJS.Timeout | null;
  private readonly onread: OnReadOpts | null;
  private onreadBuffer: Uint8Array | null;
  private sockname: PeerName | null;
  private peername: PeerName | null;
  private noDelay: boolean;
  private keepAlive: boolean;
  /** Seconds. */
  private keepAliveDelay: number;

  constructor(socket: NodeSocket, ctx: NetContext, options: SocketOptions) {
    this.handle = null;
    this.connecting = false;
    this.received = 0;
    this.socket = socket;
    this.ctx = ctx;
    this.keep = new KeepAlive(ctx);
    this.connector = null;
    this.reading = false;
    this.dispatched = 0;
    this.early = null;
    this.stalled = null;
    this.timer = null;
    this.onread = isOnRead(options.onread) ? options.onread : null;
    this.onreadBuffer = null;
    this.sockname = null;
    this.peername = null;
    this.noDelay = Boolean(options.noDelay);
    this.keepAlive = Boolean(options.keepAlive);
    this.keepAliveDelay = wholeSeconds(options.keepAliveInitialDelay);
  }

  /* ---- connecting ---- */

  /** Begins to connect. Throws for options that are wrong. */
  connect(options: ConnectOptions): void {
    const connector = new Connector(this.socket, this, this.ctx, options);
    if (this.socket.destroyed) this.renew();
    this.connector?.cancel();
    this.connector = connector;
    this.connecting = true;
    this.keep.setOpen(true);
    this.active();
    connector.start();
  }

  /** A socket may be used again after it was closed. */
  private renew(): void {
    (this.socket as unknown as { _undestroy(): void })._undestroy();
    this.handle = null;
    this.sockname = null;
    this.peername = null;
    this.reading = false;
    this.received = 0;
    this.dispatched = 0;
    this.early = null;
  }

  /** `h` is the handle of the attempt under way. */
  use(h: Handle): void {
    this.handle?.close();
    this.handle = h;
  }

  /** The attempt has succeeded. */
  established(h: Handle): void {
    this.connector = null;
    this.connecting = false;
    this.sockname = null;
    this.active();
    this.attach(h);
    this.socket.emit('connect');
    this.socket.emit('ready');
    if (!this.socket.isPaused()) this.socket.read(0);
  }

  /** Takes a connection over. */
  attach(h: Handle): void {
    this.handle = h;
    h.owner = this;
    this.keep.setOpen(true);
    if (this.noDelay) h.setNoDelay(true);
    if (this.keepAlive) h.setKeepAlive(true, this.keepAliveDelay);
    if (this.onread !== null) this.onreadBuffer = nextBuffer(this.onread, null);
  }

  onConnect(): void {}

  /* ---- reading ---- */

  /** The stream wants more. */
  read(): void {
    if (this.connecting || this.handle === null) this.socket.once('connect', () => this.read());
    else if (!this.reading) this.readStart(this.handle);
  }

  private readStart(h: Handle): void {
    this.reading = true;
    if (h.readable) h.readAgain();
  }

  onReadable(): void {
    const h = this.handle;
    if (h === null || !this.reading) return;
    if (this.onreadBuffer !== null) {
      this.readInto(h, this.onread as OnReadOpts, this.onreadBuffer);
      return;
    }
    const chunk = h.read();
    if (chunk === null) return;
    if (typeof chunk === 'number') this.readFailed(chunk);
    else if (chunk.length === 0) this.readEnd();
    else {
      this.received += chunk.length;
      this.active();
      this.goOn(h, this.socket.push(chunk));
    }
  }

  /** The `onread` way: one buffer of the application's, no stream events but the end. */
  private readInto(h: Handle, o: OnReadOpts, buf: Uint8Array): void {
    const n = h.readInto(buf);
    if (n === null) return;
    if (n < 0) this.readFailed(-n);
    else if (n === 0) this.readEnd();
    else {
      this.received += n;
      this.active();
      const more = (o.callback.call(this.socket, n, buf) as boolean | undefined) !== false;
      this.onreadBuffer = nextBuffer(o, buf);
      this.goOn(h, more);
    }
  }

  private goOn(h: Handle, more: boolean): void {
    if (!more) this.reading = false;
    else if (this.handle === h && this.reading && h.readable) h.readAgain();
  }

  private readFailed(errno: number): void {
    this.reading = false;
    this.socket.destroy(errnoException(errno, 'read'));
  }

  private readEnd(): void {
    this.reading = false;
    this.active();
    this.socket.push(null);
    this.socket.read(0);
  }

  /** With `onread` no buffer fills up: pausing stops the reading itself. */
  pause(): void {
    if (this.onreadBuffer !== null && !this.connecting) this.reading = false;
  }

  /** And resuming starts it. */
  resume(): void {
    if (this.onreadBuffer !== null && !this.connecting && this.handle !== null && !this.reading) this.readStart(this.handle);
  }

  /* ---- writing ---- */

  write(chunk: Uint8Array, cb: WriteCallback): void {
    const h = this.handle;
    if (this.connecting || h === null) {
      this.writeLater(new PendingWrite([chunk], cb));
      return;
    }
    this.active();
    this.dispatched += chunk.length;
    const n = chunk.length === 0 ? 0 : h.write(chunk, 0);
    if (n === chunk.length) cb();
    else if (n < 0) cb(errnoException(-n, 'write'));
    else this.flush(h, new PendingWrite([chunk], cb), n);
  }

  writev(list: readonly Uint8Array[], cb: WriteCallback): void {
    const w = new PendingWrite(list, cb);
    if (this.connecting || this.handle === null) this.writeLater(w);
    else this.dispatch(w);
  }

  private writeLater(w: PendingWrite): void {
    if (!this.connecting) {
      w.cb(socketClosed());
      return;
    }
    this.early = w;
    const onClose = (): void => w.cb(closedBeforeConnection());
    this.socket.once('close', onClose);
    this.socket.once('connect', () => {
      this.socket.off('close', onClose);
      this.early = null;
      this.dispatch(w);
    });
  }

  private dispatch(w: PendingWrite): void {
    const h = this.handle;
    if (h === null) {
      w.cb(socketClosed());
      return;
    }
    this.active();
    this.dispatched += w.left;
    this.flush(h, w, 0);
  }

  /** Hands over as much as there is room for, beyond the first `n` bytes, which have been; {@link Connection.onWritable} sees to the rest. */
  private flush(h: Handle, w: PendingWrite, n: number): void {
    w.advance(n);
    const errno = w.flush(h);
    this.stalled = errno === 0 && w.left > 0 ? w : null;
    if (errno !== 0) w.cb(errnoException(errno, 'write'));
    else if (w.left === 0) w.cb();
  }

  onWritable(): void {
    const w = this.stalled;
    const h = this.handle;
    if (w === null || h === null || !h.hasRoom(w.left)) return;
    this.active();
    this.flush(h, w, 0);
  }

  /** Bytes written, those still queued in `queue` included. */
  written(queue: readonly { chunk: Uint8Array }[]): number {
    let n = this.dispatched + (this.early?.left ?? 0);
    for (const queued of queue) n += queued.chunk.length;
    return n;
  }

  /* ---- the end ---- */

  /** Ends sending; the callback runs a turn later, as libuv's does. That the peer is gone already is no error of this side; its reset, if any, comes by itself. */
  shutdown(cb: WriteCallback): void {
    this.handle?.shutdown();
    this.later(cb);
  }

  /** Calls `fn` when what has happened so far has been told, in the asynchronous context of the caller. */
  later(fn: () => void): void {
    const resource = new AsyncResource('SHUTDOWNWRAP', { requireManualDestroy: true }); // bind() costs many times as much
    this.ctx.turns.later(() => callOut(resource, fn, undefined));
  }

  /** Lets go of the handle. Returns the callback of a write that is under way: it is told just before 'close', and of no error. */
  close(reset: boolean): WriteCallback | null {
    const stalled = this.stalled;
    this.stalled = null;
    this.connecting = false;
    this.connector?.cancel();
    this.connector = null;
    this.setTimer(0);
    const h = this.handle;
    this.handle = null;
    this.sockname = null;
    this.keep.setOpen(false);
    if (h !== null) {
      if (reset) h.setLinger0();
      h.close();
    }
    return stalled === null ? null : stalled.cb;
  }

  /* ---- timeout, options, names ---- */

  /** Something has happened: the timeout begins anew. */
  active(): void {
    this.timer?.refresh();
  }

  /** Emits 'timeout' after `ms` of silence; 0 = never. */
  setTimer(ms: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (ms === 0) return;
    this.timer = setTimeout(() => this.socket.emit('timeout'), ms);
    this.timer.unref();
  }

  setNoDelay(on: boolean): void {
    if (on === this.noDelay) return;
    this.noDelay = on;
    if (!this.connecting) this.handle?.setNoDelay(on);
  }

  setKeepAlive(on: boolean, delaySeconds: number): void {
    if (on === this.keepAlive && !(on && delaySeconds !== this.keepAliveDelay)) return;
    this.keepAlive = on;
    this.keepAliveDelay = delaySeconds;
    if (!this.connecting) this.handle?.setKeepAlive(on, delaySeconds);
  }

  /** Whether the process is to live while the connection is open. */
  setRef(wanted: boolean): void {
    this.keep.setWanted(wanted);
  }

  remote(): PeerName | null {
    if (this.handle !== null && !this.connecting) this.peername ??= this.handle.peername();
    return this.peername;
  }

  local(): PeerName | null {
    if (this.handle === null) return null;
    return (this.sockname ??= this.handle.sockname());
  }
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
