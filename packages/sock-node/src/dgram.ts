import { addAbortListener, EventEmitter } from 'node:events';
import { type AddressInfo, BlockList, type LookupFunction } from 'node:net';
import type { Cmsg } from '@ns/inpcb';
import { EBADF, EINVAL, errnoException, exceptionWithHostPort } from '@ns/errno';
import { validateAbortSignal, validateFunction, validateNumber, validatePort, validateString } from './args.ts';
import { KeepAlive, type NetContext } from './context.ts';
import { cmsgsOf, type ReceivedControl, type SendmsgOptions } from './dgram-control.ts';
import { DgramHandle } from './dgram-handle.ts';
import { type Data, type SendArgs, type SendCallback, sendArgs } from './dgram-send.ts';
import { invalidArgType, nodeError } from './errors.ts';
import type { PeerName } from './handle.ts';

/** What `createSocket()` takes. */
export interface DgramOptions {
  type: 'udp4' | 'udp6';
  reuseAddr?: boolean;
  reusePort?: boolean;
  ipv6Only?: boolean;
  recvBufferSize?: number;
  sendBufferSize?: number;
  lookup?: LookupFunction;
  signal?: AbortSignal;
  /** Senders whose datagrams are not wanted. */
  receiveBlockList?: BlockList;
  /** Whom nothing is sent to. */
  sendBlockList?: BlockList;
  /** Not of Node: `rinfo.control` tells what is known of a datagram. */
  control?: boolean;
}

/** Who sent a datagram. */
export interface RemoteInfo {
  address: string;
  family: 'IPv4' | 'IPv6';
  port: number;
  size: number;
  /** Not of Node: on sockets made with `control`. */
  control?: ReceivedControl;
}

type ConnectCallback = (error?: Error) => void;
type LookupDone = (error: Error | null, ip: string) => void;

const UNBOUND = 0;
const BINDING = 1;
const BOUND = 2;

const DISCONNECTED = 0;
const CONNECTING = 1;
const CONNECTED = 2;

/** A UDP socket shaped like `dgram.Socket`: events listening, message, connect, error, close. */
export class NodeDgram extends EventEmitter {
  readonly type: 'udp4' | 'udp6';
  readonly #ctx: NetContext;
  readonly #keep: KeepAlive;
  readonly #lookup: LookupFunction;
  readonly #options: DgramOptions;
  #handle: DgramHandle | null;
  /** Why there is no socket, for bind() to tell; 0 = there is one. */
  readonly #openErrno: number;
  #closed: boolean;
  #bindState: number;
  #connectState: number;
  /** What waits until the socket is bound. */
  #queue: (() => void)[] | null;

  constructor(ctx: NetContext, type: 'udp4' | 'udp6' | DgramOptions, listener?: (msg: Buffer, rinfo: RemoteInfo) => void) {
    super();
    const options: DgramOptions = typeof type === 'object' && type !== null ? type : { type };
    if (options.type !== 'udp4' && options.type !== 'udp6') {
      throw nodeError(TypeError, 'ERR_SOCKET_BAD_TYPE', 'Bad socket type specified. Valid types are: udp4, udp6');
    }
    if (options.lookup !== undefined) validateFunction(options.lookup, 'lookup');
    blockListOf(options, 'receiveBlockList');
    blockListOf(options, 'sendBlockList');
    this.type = options.type;
    this.#ctx = ctx;
    this.#keep = new KeepAlive(ctx);
    this.#lookup = options.lookup ?? ctx.lookup;
    this.#options = options;
    this.#closed = false;
    this.#bindState = UNBOUND;
    this.#connectState = DISCONNECTED;
    this.#queue = null;
    const h = DgramHandle.open(ctx, options.type === 'udp6');
    this.#handle = typeof h === 'number' ? null : h;
    this.#openErrno = typeof h === 'number' ? h : 0;
    if (options.control === true) this.#handle?.tellControl();
    if (typeof listener === 'function') this.on('message', listener);
    if (options.signal !== undefined) this.#closeOnAbort(options.signal);
  }

  #closeOnAbort(signal: AbortSignal): void {
    validateAbortSignal(signal, 'options.signal');
    const onAbort = (): void => {
      if (!this.#closed) this.close();
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    const listener = addAbortListener(signal, onAbort);
    this.once('close', () => listener[Symbol.dispose]());
  }

  /* ---- binding ---- */

  /** Binds: `([port[, address]][, cb])`, `(options[, cb])`. Errors come as events. */
  bind(...args: unknown[]): this {
    this.#check();
    if (this.#bindState !== UNBOUND) throw nodeError(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');
    const first = args[0];
    const o = typeof first === 'object' && first !== null ? (first as { port?: unknown; address?: unknown }) : { port: first, address: args[1] };
    const port = typeof o.port === 'number' || typeof o.port === 'string' ? validatePort(o.port) : 0;
    const address = typeof o.address === 'string' && o.address !== '' ? o.address : this.type === 'udp4' ? '0.0.0.0' : '::';
    this.#bindState = BINDING;
    const cb = args[args.length - 1];
    if (typeof cb === 'function') this.#onceListening(cb as () => void);
    this.#resolve(address, (error, ip) => {
      if (this.#closed) return;
      const errno = error === null ? this.#openErrno || this.#bindTo(ip, port) : 0;
      if (error === null && errno === 0) {
        this.#startListening();
        return;
      }
      this.#bindState = UNBOUND;
      this.#queue = null;
      this.emit('error', error ?? exceptionWithHostPort(errno, 'bind', ip, port));
    });
    return this;
  }

  /** A callback of bind() is told of success only, and forgotten after a failure. */
  #onceListening(cb: () => void): void {
    const forget = (): void => {
      this.removeListener('error', forget);
      this.removeListener('listening', listening);
    };
    const listening = (): void => {
      forget();
      cb.call(this);
    };
    this.on('error', forget);
    this.on('listening', listening);
  }

  #bindTo(ip: string, port: number): number {
    const h = this.#handle as DgramHandle;
    if (this.#options.reuseAddr) h.setReuseAddr();
    if (this.#options.reusePort) h.setReusePort();
    h.setV6Only(this.#options.ipv6Only === true);
    return h.bind(ip, port);
  }

  #startListening(): void {
    const h = this.#handle as DgramHandle;
    this.#bindState = BOUND;
    this.#keep.setOpen(true);
    h.onreadable = (): void => this.#receive();
    h.receiveAgain();
    if (this.#options.recvBufferSize) this.setRecvBufferSize(this.#options.recvBufferSize);
    if (this.#options.sendBufferSize) this.setSendBufferSize(this.#options.sendBufferSize);
    this.emit('listening');
    const queue = this.#queue;
    this.#queue = null;
    if (queue !== null) for (const f of queue) f();
  }

  /** Runs `f` once bound, binding to any port first if nobody did. */
  #whenBound(f: () => void): void {
    if (this.#bindState === UNBOUND) this.bind(0);
    if (this.#bindState === BOUND) f();
    else (this.#queue ??= []).push(f);
  }

  /* ---- sending ---- */

  /** Sends: `(msg[, offset, length][, port][, address][, cb])`; `msg` may be a list. An error goes to the callback, if there is one. */
  send(msg: Data | readonly Data[], ...args: unknown[]): void {
    this.#send(sendArgs(this.#connectState === CONNECTED, msg, args), []);
  }

  /** Not of Node: sends one datagram with ancillary data. */
  sendmsg(msg: Data, options: SendmsgOptions, cb?: SendCallback): void {
    const { port, address, ...control } = options;
    const to = this.#connectState === CONNECTED ? [port, address, cb].filter((x) => x !== undefined) : [port, address, cb];
    const args = sendArgs(this.#connectState === CONNECTED, msg, to);
    this.#send(args, cmsgsOf(this.#ctx, this.type === 'udp6', control));
  }

  #send({ list, port, address, cb }: SendArgs, control: readonly Cmsg[]): void {
    this.#check();
    this.#whenBound(() => {
      if (this.#connectState === CONNECTED) {
        this.#transmit(list, null, address, port, control, cb);
        return;
      }
      this.#resolve(address, (error, ip) => {
        const blocked = error ?? this.#blocked('sendBlockList', ip);
        if (blocked === null) this.#transmit(list, ip, address, port, control, cb);
        else if (cb !== null) process.nextTick(cb, blocked);
        else process.nextTick(() => this.emit('error', blocked));
      });
    });
  }

  /** The old form: all arguments. */
  sendto(msg: Data, offset: number, length: number, port: number, address: string, cb?: SendCallback): void {
    validateNumber(offset, 'offset');
    validateNumber(length, 'length');
    validateNumber(port, 'port');
    validateString(address, 'address');
    this.send(msg, offset, length, port, address, cb);
  }

  #transmit(list: readonly Uint8Array[], ip: string | null, address: string, port: number, control: readonly Cmsg[], cb: SendCallback | null): void {
    if (this.#handle === null) return;
    const errno = this.#handle.send(list, ip, port, control);
    if (cb === null) return;
    let bytes = 0;
    for (const piece of list) bytes += piece.length;
    if (errno === 0) process.nextTick(cb, null, bytes);
    else process.nextTick(cb, exceptionWithHostPort(errno, 'send', address === '' ? undefined : address, port));
  }

  /** Fixes the peer: `(port[, address][, cb])`. */
  connect(port: number, ...args: unknown[]): void {
    const p = validatePort(port, 'Port', false);
    const cb = typeof args[args.length - 1] === 'function' ? (args.pop() as ConnectCallback) : null;
    const address = args[0] ?? '';
    validateString(address, 'address');
    this.#check();
    if (this.#connectState !== DISCONNECTED) throw nodeError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
    this.#connectState = CONNECTING;
    this.#whenBound(() => {
      if (cb !== null) this.once('connect', cb);
      this.#resolve(address as string, (error, ip) => this.#connectTo(error ?? this.#blocked('sendBlockList', ip), ip, address as string, p, cb));
    });
  }

  #connectTo(error: Error | null, ip: string, address: string, port: number, cb: ConnectCallback | null): void {
    if (this.#handle === null) return;
    const errno = error === null ? this.#handle.connect(ip, port) : 0;
    const e = error ?? (errno === 0 ? null : exceptionWithHostPort(errno, 'connect', address === '' ? undefined : address, port));
    if (e === null) {
      this.#connectState = CONNECTED;
      process.nextTick(() => this.emit('connect'));
      return;
    }
    this.#connectState = DISCONNECTED;
    process.nextTick(() => {
      if (cb === null) {
        this.emit('error', e);
        return;
      }
      this.removeListener('connect', cb);
      cb(e);
    });
  }

  /** Forgets the peer. */
  disconnect(): void {
    if (this.#connectState !== CONNECTED) throw notConnected();
    const errno = this.#live().disconnect();
    if (errno !== 0) throw errnoException(errno, 'connect');
    this.#connectState = DISCONNECTED;
  }

  #receive(): void {
    const h = this.#handle;
    const d = h === null ? null : h.receive();
    if (h === null || d === null) return;
    if (typeof d === 'number') this.emit('error', errnoException(d, 'recvmsg'));
    else if (this.#blocked('receiveBlockList', d.address) === null) {
      const rinfo: RemoteInfo = { address: d.address, family: d.family, port: d.port, size: d.data.length };
      if (d.control !== null) rinfo.control = d.control;
      this.emit('message', d.data, rinfo);
    }
    if (this.#handle === h) h.receiveAgain();
  }

  /* ---- the end ---- */

  /** Closes, after what waits to be sent; 'close' follows. */
  close(cb?: () => void): this {
    if (typeof cb === 'function') this.on('close', cb);
    if (this.#queue !== null) {
      this.#queue.push(() => this.close());
      return this;
    }
    this.#check();
    this.#closed = true;
    this.#handle?.close();
    this.#handle = null;
    this.#keep.setOpen(false);
    process.nextTick(() => this.emit('close'));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await new Promise<void>((resolve) => this.close(resolve));
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

  /* ---- names and options ---- */

  /** The local end. Throws EBADF before it is bound. */
  address(): AddressInfo {
    this.#check();
    const n = this.#bindState === BOUND ? (this.#handle as DgramHandle).sockname() : null;
    if (n === null) throw errnoException(EBADF, 'getsockname');
    return { address: n.address, family: n.family, port: n.port };
  }

  /** The peer that connect() fixed. */
  remoteAddress(): AddressInfo {
    this.#check();
    if (this.#connectState !== CONNECTED) throw notConnected();
    const n = (this.#handle as DgramHandle).peername() as PeerName;
    return { address: n.address, family: n.family, port: n.port };
  }

  setBroadcast(on: boolean): void {
    done(this.#live().setBroadcast(Boolean(on)), 'setBroadcast');
  }

  setTTL(ttl: number): number {
    validateNumber(ttl, 'ttl');
    done(ttl < 1 || ttl > 255 ? EINVAL : this.#live().setTtl(ttl), 'setTTL');
    return ttl;
  }

  setMulticastTTL(ttl: number): number {
    validateNumber(ttl, 'ttl');
    done(ttl < 0 || ttl > 255 ? EINVAL : this.#live().setMulticastTtl(ttl), 'setMulticastTTL');
    return ttl;
  }

  setMulticastLoopback(on: boolean): boolean {
    done(this.#live().setMulticastLoop(Boolean(on)), 'setMulticastLoopback');
    return on;
  }

  setMulticastInterface(address: string): void {
    this.#check();
    validateString(address, 'interfaceAddress');
    done(this.#live().setMulticastInterface(address), 'setMulticastInterface');
  }

  addMembership(group: string, iface?: string): void {
    this.#group(group);
    done(this.#live().membership(true, group, iface ?? null), 'addMembership');
  }

  dropMembership(group: string, iface?: string): void {
    this.#group(group);
    done(this.#live().membership(false, group, iface ?? null), 'dropMembership');
  }

  addSourceSpecificMembership(source: string, group: string, iface?: string): void {
    this.#sourceGroup(source, group);
    done(this.#live().sourceMembership(true, source, group, iface ?? null), 'addSourceSpecificMembership');
  }

  dropSourceSpecificMembership(source: string, group: string, iface?: string): void {
    this.#sourceGroup(source, group);
    done(this.#live().sourceMembership(false, source, group, iface ?? null), 'dropSourceSpecificMembership');
  }

  setRecvBufferSize(size: number): void {
    bufferSize(size, this.#live().setRecvBuffer(size), 'uv_recv_buffer_size');
  }

  setSendBufferSize(size: number): void {
    bufferSize(size, this.#live().setSendBuffer(size), 'uv_send_buffer_size');
  }

  getRecvBufferSize(): number {
    return this.#live().recvBuffer();
  }

  getSendBufferSize(): number {
    return this.#live().sendBuffer();
  }

  /** Bytes that wait to be sent: none, a datagram is on its way when send() returns. */
  getSendQueueSize(): number {
    return 0;
  }

  /** Datagrams that wait to be sent: none. */
  getSendQueueCount(): number {
    return 0;
  }

  #group(group: string): void {
    this.#check();
    if (!group) throw nodeError(TypeError, 'ERR_MISSING_ARGS', 'The "multicastAddress" argument must be specified');
  }

  #sourceGroup(source: string, group: string): void {
    this.#check();
    validateString(source, 'sourceAddress');
    validateString(group, 'groupAddress');
  }

  /** ERR_IP_BLOCKED for an address that a list has. */
  #blocked(which: 'receiveBlockList' | 'sendBlockList', ip: string): Error | null {
    const blocked = this.#options[which]?.check(ip, this.type === 'udp6' ? 'ipv6' : 'ipv4') ?? false;
    return blocked ? nodeError(Error, 'ERR_IP_BLOCKED', `IP(${ip}) is blocked by net.BlockList`) : null;
  }

  #check(): void {
    if (this.#closed) throw nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
  }

  /** The socket; throws when there is none (any more). */
  #live(): DgramHandle {
    this.#check();
    if (this.#handle === null) throw errnoException(this.#openErrno, 'socket');
    return this.#handle;
  }

  /** The address for a name, '' = this host; never before the next tick. */
  #resolve(host: string, cb: LookupDone): void {
    const family = this.type === 'udp4' ? 4 : 6;
    // Node gives a lookup function the family where others have their options.
    this.#lookup(host || (family === 4 ? '127.0.0.1' : '::1'), family as unknown as object, (err, address) => cb(err, address as string));
  }
}

/** Source: Node lib/dgram.js, Socket(). */
function blockListOf(options: DgramOptions, name: 'receiveBlockList' | 'sendBlockList'): void {
  const list: unknown = options[name];
  if (list !== undefined && list !== null && !(list instanceof BlockList)) throw invalidArgType(`options.${name}`, 'an net.BlockList', list);
}

function done(errno: number, syscall: string): void {
  if (errno !== 0) throw errnoException(errno, syscall);
}

function bufferSize(size: number, errno: number, syscall: string): void {
  if (size >>> 0 !== size) throw nodeError(TypeError, 'ERR_SOCKET_BAD_BUFFER_SIZE', 'Buffer size must be a positive integer');
  if (errno === 0) return;
  const e = errnoException(errno, syscall);
  throw Object.assign(nodeError(Error, 'ERR_SOCKET_BUFFER_SIZE', `Could not get or set buffer size: ${syscall} returned ${e.code}`), { info: e, syscall });
}

function notConnected(): Error {
  return nodeError(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');
}
