import { EventEmitter } from 'node:events';
import type { AddressInfo, LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { errnoException, exceptionWithHostPort } from '@ns/errno';
import { nodeError, validatePort } from './args.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { DgramHandle, type PeerName } from './dgram-handle.ts';

/** What `createSocket()` takes. @public */
export interface DgramOptions {
  type: 'udp4' | 'udp6';
  reuseAddr?: boolean;
  reusePort?: boolean;
  ipv6Only?: boolean;
  recvBufferSize?: number;
  sendBufferSize?: number;
  lookup?: LookupFunction;
  signal?: AbortSignal;
}

/** Who sent a datagram. @public */
export interface RemoteInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
  size: number;
}

type SendCallback = (error: Error | null, bytes: number) => void;
type Data = string | Uint8Array | DataView;

const UNBOUND = 0;
const BINDING = 1;
const BOUND = 2;

/**
 * A UDP socket shaped like `dgram.Socket`: events listening, message, connect, error, close.
 * @public
 */
export class NodeDgram extends EventEmitter {
  readonly type: 'udp4' | 'udp6';
  private readonly ctx: NetContext;
  private readonly keep: KeepAlive;
  private readonly lookup: LookupFunction;
  private handle: DgramHandle | null;
  private state: number;
  private peer: PeerName | null;
  private connecting: boolean;
  private queue: (() => void)[];

  /** For this package; applications use `createSocket` of what {@link createDgram} returns. */
  constructor(ctx: NetContext, options: DgramOptions, listener: ((msg: Buffer, rinfo: RemoteInfo) => void) | null = null) {
    super();
    if (options.type !== 'udp4' && options.type !== 'udp6') throw nodeError(TypeError, 'ERR_SOCKET_BAD_TYPE', 'Bad socket type specified. Valid types are: udp4, udp6');
    this.ctx = ctx;
    this.type = options.type;
    this.keep = new KeepAlive(ctx);
    this.lookup = options.lookup ?? ctx.lookup;
    this.state = UNBOUND;
    this.peer = null;
    this.connecting = false;
    this.queue = [];
    const h = DgramHandle.open(ctx, options.type === 'udp6');
    if (typeof h === 'number') throw errnoException(h, 'socket');
    this.handle = h;
    if (options.reuseAddr === true) h.setReuseAddr();
    if (options.reusePort === true) h.setReusePort();
    if (options.ipv6Only === true) h.setV6Only();
    if (options.recvBufferSize !== undefined) h.setRecvBuffer(options.recvBufferSize);
    if (options.sendBufferSize !== undefined) h.setSendBuffer(options.sendBufferSize);
    h.onreadable = (): void => this.receive();
    options.signal?.addEventListener('abort', () => this.handle !== null && this.close(), { once: true });
    if (listener !== null) this.on('message', listener);
  }

  /** Binds: `([port[, address]][, cb])`, `(options[, cb])`. */
  bind(...args: unknown[]): this {
    const h = this.open();
    if (this.state !== UNBOUND) throw nodeError(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    const last = args[args.length - 1];
    if (typeof last === 'function') this.once('listening', last as () => void);
    const first = args[0];
    const o = typeof first === 'object' && first !== null ? (first as { port?: number; address?: string }) : { port: first, address: args[1] };
    const port = typeof o.port === 'number' || typeof o.port === 'string' ? validatePort(o.port) : 0;
    const address = typeof o.address === 'string' && o.address !== '' ? o.address : this.anyAddress();
    this.state = BINDING;
    this.resolve(address, (error, ip) => {
      if (this.handle !== h) return;
      const errno = error === null ? h.bind(ip, port) : 0;
      if (error !== null || errno !== 0) {
        this.state = UNBOUND;
        this.emit('error', error ?? exceptionWithHostPort(errno, 'bind', ip, port));
        return;
      }
      this.bound();
    });
    return this;
  }

  private bound(): void {
    this.state = BOUND;
    this.keep.setOpen(true);
    this.emit('listening');
    const queue = this.queue;
    this.queue = [];
    for (const f of queue) f();
  }

  /** Runs `f` once bound, binding to any port first if nobody did. */
  private whenBound(f: () => void): void {
    if (this.state === BOUND) {
      f();
      return;
    }
    this.queue.push(f);
    if (this.state === UNBOUND) this.bind(0);
  }

  /** Sends: `(msg[, offset, length][, port][, address][, cb])`. `msg` may be a list. Without callback an error is emitted. */
  send(msg: Data | readonly Data[], ...args: unknown[]): void {
    this.open();
    const cb = typeof args[args.length - 1] === 'function' ? (args.pop() as SendCallback) : null;
    let data = toBuffer(msg);
    const connected = this.peer !== null || this.connecting;
    const ranged = typeof args[1] === 'number'; // (offset, length, ...): otherwise the second is an address
    if (ranged) {
      const [offset, length] = args.splice(0, 2) as [number, number];
      if (offset + length > data.length) throw nodeError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"length" is outside of buffer bounds');
      data = data.subarray(offset, offset + length);
    }
    if (connected) {
      if (args.length > 0 && args[0] !== undefined) throw nodeError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
      this.whenBound(() => this.transmit(data, null, 0, cb));
      return;
    }
    const port = validatePort(args[0]);
    if (port === 0) throw nodeError(RangeError, 'ERR_SOCKET_BAD_PORT', 'Port should be > 0 and < 65536. Received type number (0).');
    const address = typeof args[1] === 'string' && args[1] !== '' ? args[1] : this.loopback();
    this.whenBound(() => {
      this.resolve(address, (error, ip) => {
        if (error !== null) this.sent(error, 0, cb);
        else this.transmit(data, ip, port, cb);
      });
    });
  }

  private transmit(data: Buffer, ip: string | null, port: number, cb: SendCallback | null): void {
    const h = this.handle;
    if (h === null) return;
    const errno = h.send(data, ip, port);
    if (errno === 0) this.sent(null, data.length, cb);
    else this.sent(ip === null ? errnoException(errno, 'send') : exceptionWithHostPort(errno, 'send', ip, port), 0, cb);
  }

  private sent(error: Error | null, bytes: number, cb: SendCallback | null): void {
    if (cb !== null) process.nextTick(cb, error, bytes);
    else if (error !== null) process.nextTick(() => this.emit('error', error));
  }

  /** Fixes the peer: `(port[, address][, cb])`. */
  connect(port: number, ...args: unknown[]): void {
    const h = this.open();
    if (this.peer !== null || this.connecting) throw nodeError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    const cb = typeof args[args.length - 1] === 'function' ? (args.pop() as (error?: Error) => void) : null;
    const p = validatePort(port);
    const address = typeof args[0] === 'string' && args[0] !== '' ? args[0] : this.loopback();
    this.connecting = true;
    this.whenBound(() => {
      this.resolve(address, (error, ip) => {
        if (this.handle !== h) return;
        this.connecting = false;
        const errno = error === null ? h.connect(ip, p) : 0;
        const e = error ?? (errno === 0 ? null : exceptionWithHostPort(errno, 'connect', ip, p));
        if (e === null) {
          this.peer = h.peername();
          if (cb !== null) this.once('connect', cb);
          process.nextTick(() => this.emit('connect'));
        } else if (cb !== null) {
          process.nextTick(cb, e);
        } else {
          process.nextTick(() => this.emit('error', e));
        }
      });
    });
  }

  /** Forgets the peer. */
  disconnect(): void {
    const h = this.open();
    if (this.peer === null) throw nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
    const errno = h.disconnect();
    if (errno !== 0) throw errnoException(errno, 'connect');
    this.peer = null;
  }

  private receive(): void {
    for (let h = this.handle; h !== null; h = this.handle) {
      const d = h.receive();
      if (d === null) return;
      if (typeof d === 'number') {
        this.emit('error', errnoException(d, 'recvmsg'));
        continue;
      }
      this.emit('message', d.data, { address: d.address, family: d.family, port: d.port, size: d.data.length });
    }
  }

  /** Closes; 'close' follows. */
  close(cb?: () => void): this {
    if (cb !== undefined) this.once('close', cb);
    const h = this.open();
    this.handle = null;
    h.close();
    this.keep.setOpen(false);
    this.queue = [];
    process.nextTick(() => this.emit('close'));
    return this;
  }

  /** The local end. */
  address(): AddressInfo {
    const n = this.open().sockname();
    if (n === null || this.state !== BOUND) throw errnoException(9, 'getsockname');
    return { address: n.address, family: n.family, port: n.port };
  }

  /** The peer that connect() fixed. */
  remoteAddress(): AddressInfo {
    this.open();
    if (this.peer === null) throw nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
    return { address: this.peer.address, family: this.peer.family, port: this.peer.port };
  }

  setBroadcast(on: boolean): void {
    this.check(this.open().setBroadcast(on), 'setBroadcast');
  }

  setTTL(ttl: number): number {
    this.check(this.open().setTtl(ttl), 'setTTL');
    return ttl;
  }

  setMulticastTTL(ttl: number): number {
    this.check(this.open().setMulticastTtl(ttl), 'setMulticastTTL');
    return ttl;
  }

  setMulticastLoopback(on: boolean): boolean {
    this.check(this.open().setMulticastLoop(on), 'setMulticastLoopback');
    return on;
  }

  setMulticastInterface(address: string): void {
    this.check(this.open().setMulticastInterface(address), 'setMulticastInterface');
  }

  addMembership(group: string, iface?: string): void {
    this.check(this.open().membership(true, group, iface ?? null), 'addMembership');
  }

  dropMembership(group: string, iface?: string): void {
    this.check(this.open().membership(false, group, iface ?? null), 'dropMembership');
  }

  setRecvBufferSize(size: number): void {
    this.check(this.open().setRecvBuffer(size), 'uv_recv_buffer_size');
  }

  setSendBufferSize(size: number): void {
    this.check(this.open().setSendBuffer(size), 'uv_send_buffer_size');
  }

  getRecvBufferSize(): number {
    return this.open().recvBuffer();
  }

  getSendBufferSize(): number {
    return this.open().sendBuffer();
  }

  ref(): this {
    this.keep.setWanted(true);
    return this;
  }

  unref(): this {
    this.keep.setWanted(false);
    return this;
  }

  private check(errno: number, syscall: string): void {
    if (errno !== 0) throw errnoException(errno, syscall);
  }

  private open(): DgramHandle {
    if (this.handle === null) throw nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
    return this.handle;
  }

  private anyAddress(): string {
    return this.type === 'udp4' ? '0.0.0.0' : '::';
  }

  private loopback(): string {
    return this.type === 'udp4' ? '127.0.0.1' : '::1';
  }

  private resolve(host: string, cb: (error: Error | null, ip: string) => void): void {
    if (isIP(host) !== 0) {
      process.nextTick(cb, null, host);
      return;
    }
    if (host === 'localhost') {
      process.nextTick(cb, null, this.loopback());
      return;
    }
    this.lookup(host, { family: this.type === 'udp4' ? 4 : 6, all: false }, (err, address) => cb(err, address as string));
  }
}

function toBuffer(msg: Data | readonly Data[]): Buffer {
  if (Array.isArray(msg)) return Buffer.concat((msg as readonly Data[]).map(toBuffer));
  const m = msg as Data;
  if (typeof m === 'string') return Buffer.from(m);
  if (ArrayBuffer.isView(m)) return Buffer.from(m.buffer, m.byteOffset, m.byteLength);
  throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "buffer" argument must be of type string or an instance of Buffer, TypedArray, or DataView.');
}
