import { AsyncResource } from 'node:async_hooks';
import { EADDRINUSE, ECONNABORTED, ECONNRESET, EINPROGRESS, EINVAL, EPIPE, EWOULDBLOCK } from '@ns/errno';
import { IPV6_V6ONLY, SO_REUSEADDR, SO_REUSEPORT, SOCK_STREAM, SOL_SOCKET } from '@ns/inpcb';
import { EXT_EXTREF, type Mbuf, type MbufExt, mFreem } from '@ns/mbuf';
import {
  SBS_CANTSENDMORE,
  sbspace,
  SHUT_WR,
  SO_ACCEPT,
  SO_CONNECTED,
  SO_DISCONNECTED,
  SO_ERROR,
  SO_ERROR_EVENT,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_RCV_READY,
  SO_SND_READY,
  sobind,
  type Socket,
  soclose,
  soconnect,
  sogetopt,
  solisten,
  solistenDequeue,
  sopeeraddr,
  soreadable,
  soreceiveBytes,
  soreceiveChain,
  sosendBytes,
  sosendCopy,
  sosetopt,
  soshutdown,
  sosockaddr,
  type SoUpcall,
} from '@ns/socket';
import { AF_INET, AF_INET6, IN6ADDR_ANY, INADDR_ANY, type InAddr, IPPROTO_IPV6, IPPROTO_TCP, Sockaddr } from '@ns/wire';
import type { NetContext } from './context.ts';
import type { Served } from './turns.ts';

/** Source: FreeBSD netinet/tcp.h. */
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 256;
/** Writes from this size on travel in memory of their own by reference; smaller ones are copied into the stack's pool. */
const GIFT_MIN = 4096;
/** Most bytes handed to a reader at a time, as libuv has it, and so most bytes of one {@link Gift}. */
const READ_MAX = 65536;
const EMPTY: Buffer = Buffer.alloc(0);

/** Memory into which this package has copied what was written: nobody else knows it, so that a reader in the same process may have it. */
class Gift {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** One end of a connection in Node's words. */
export interface PeerName {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
}

/** Node's words for an address. */
export function peerNameOf(ctx: NetContext, sa: Sockaddr | number): PeerName | null {
  if (typeof sa === 'number') return null;
  return { address: ctx.formatAddr(sa.addr), family: sa.addr.af === AF_INET6 ? 'IPv6' : 'IPv4', port: sa.port };
}

/** The socket address of a literal address, or null. */
export function sockaddrOf(ctx: NetContext, address: string, port: number): Sockaddr | null {
  const addr = ctx.parseAddr(address);
  return addr === null ? null : new Sockaddr(addr, port);
}

/**
 * Runs in the asynchronous context of `resource` what an application hung on an event. What it throws becomes an uncaught exception, as in Node, and does not stop
 * the packets.
 */
export function callOut(resource: AsyncResource, fn: () => void, self: unknown): void {
  try {
    resource.runInAsyncScope(fn, self);
  } catch (e) {
    rethrow(e);
  }
}

/** Makes `e` an uncaught exception without stopping who is at work. */
export function rethrow(e: unknown): void {
  process.nextTick(() => {
    throw e;
  });
}

/** Who owns a {@link Handle} and is told what happens to it. Each call is an event of its own: next ticks and promises have run since the one before. */
export interface HandleOwner {
  /** The connection attempt ended: 0 or an errno. */
  onConnect(errno: number): void;
  /** There is something to read, or the end, or an error. */
  onReadable(): void;
  /** There may be room to write. */
  onWritable(): void;
}

/** A stream socket of the stack, in the terms that `NodeSocket` and `NodeServer` think in. */
export class Handle implements SoUpcall, Served {
  turn: number;
  waiting: boolean;
  /** Who is told; null = nobody any more. */
  owner: HandleOwner | null;
  /** A connection waits; of a listener, which has no owner. */
  onAcceptable: (() => void) | null;
  /** The outcome of a listen() that took its time: 0 or an errno. Null = nobody asks. */
  onListening: ((errno: number) => void) | null;
  private readonly ctx: NetContext;
  private readonly so: Socket;
  private readonly resource: AsyncResource;
  private events: number;
  private connecting: boolean;
  /** The listener is told by {@link onListening} whether it listens. */
  private opening: boolean;
  private closed: boolean;
  /** The peer's FIN has been read. */
  private ended: boolean;

  private constructor(ctx: NetContext, so: Socket) {
    this.turn = 0;
    this.waiting = false;
    this.owner = null;
    this.onAcceptable = null;
    this.onListening = null;
    this.ctx = ctx;
    this.so = so;
    this.resource = new AsyncResource('TCPWRAP', { requireManualDestroy: true });
    this.events = 0;
    this.connecting = false;
    this.opening = false;
    this.closed = false;
    this.ended = false;
    so.upcall = this;
  }

  /** A new socket of a family, or an errno. */
  static open(ctx: NetContext, v6: boolean): Handle | number {
    const so = ctx.socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM);
    return typeof so === 'number' ? so : new Handle(ctx, so);
  }

  /** A listener on `host` (null: any address, both families where there are two), or an errno. With {@link pending} the outcome comes later. */
  static listen(ctx: NetContext, host: string | null, port: number, backlog: number, v6only: boolean, reusePort: boolean): Handle | number {
    const literal = host === null ? null : ctx.parseAddr(host);
    if (host !== null && literal === null) return EINVAL;
    if (literal !== null) return Handle.listenOn(ctx, literal, port, backlog, v6only, reusePort);
    const both = Handle.listenOn(ctx, IN6ADDR_ANY, port, backlog, v6only, reusePort);
    return typeof both !== 'number' || both === EADDRINUSE ? both : Handle.listenOn(ctx, INADDR_ANY, port, backlog, false, reusePort);
  }

  private static listenOn(ctx: NetContext, addr: InAddr, port: number, backlog: number, v6only: boolean, reusePort: boolean): Handle | number {
    const h = Handle.open(ctx, addr.af === AF_INET6);
    if (typeof h === 'number') return h;
    const so = h.so;
    sosetopt(so, SOL_SOCKET, SO_REUSEADDR, 1);
    if (reusePort) sosetopt(so, SOL_SOCKET, SO_REUSEPORT, 1);
    if (addr.af === AF_INET6) sosetopt(so, IPPROTO_IPV6, IPV6_V6ONLY, v6only ? 1 : 0);
    let errno = sobind(so, new Sockaddr(addr, port), ctx.cred);
    if (errno === 0) errno = solisten(so, backlog);
    h.opening = errno === EINPROGRESS;
    if (errno === 0 || h.opening) return h;
    h.close();
    return errno;
  }

  /** Whether it is still to be told, by {@link onListening}, if the listener listens. */
  get pending(): boolean {
    return this.opening;
  }

  /* ---- events ---- */

  soupcall(_so: Socket, events: number): void {
    this.events |= events;
    if (this.ctx.turns.take(this)) this.serve();
  }

  serve(): void {
    if (this.owner !== null) callOut(this.resource, this.deliver, this);
    else if (this.opening) callOut(this.resource, this.opened, this);
    else if (this.onAcceptable !== null) callOut(this.resource, this.onAcceptable, undefined);
  }

  private opened(): void {
    const { events } = this;
    if ((events & (SO_CONNECTED | SO_ERROR_EVENT | SO_DISCONNECTED)) === 0) return;
    this.events = 0;
    this.opening = false;
    this.onListening?.((events & SO_CONNECTED) !== 0 ? 0 : this.takeError() || ECONNABORTED);
    if ((events & SO_ACCEPT) !== 0) this.acceptAgain();
  }

  /** The next event is a turn later. */
  readAgain(): void {
    this.events |= SO_RCV_READY;
    this.ctx.turns.again(this);
  }

  /** Another connection may wait, and is a turn later. */
  acceptAgain(): void {
    this.ctx.turns.again(this);
  }

  private deliver(): void {
    const o = this.owner as HandleOwner;
    const events = this.events;
    this.events = 0;
    if (this.connecting) {
      if ((events & (SO_CONNECTED | SO_ERROR_EVENT | SO_DISCONNECTED)) === 0) return;
      this.connecting = false;
      const connected = (events & SO_CONNECTED) !== 0;
      if (connected && soreadable(this.so)) this.readAgain();
      o.onConnect(connected ? 0 : this.takeError() || ECONNABORTED);
      return;
    }
    if ((events & (SO_RCV_READY | SO_DISCONNECTED | SO_ERROR_EVENT)) !== 0) o.onReadable();
    if ((events & (SO_SND_READY | SO_DISCONNECTED | SO_ERROR_EVENT)) !== 0 && this.owner === o) o.onWritable();
  }

  /* ---- connections ---- */

  bind(address: string | null, port: number): number {
    const any = this.so.domain === AF_INET6 ? IN6ADDR_ANY : INADDR_ANY;
    const sa = address === null ? new Sockaddr(any, port) : sockaddrOf(this.ctx, address, port);
    return sa === null ? EINVAL : sobind(this.so, sa, this.ctx.cred);
  }

  /** Begins to connect: an errno when that cannot be, else 0, and `onConnect` tells the outcome. */
  connect(address: string, port: number): number {
    const sa = sockaddrOf(this.ctx, address, port);
    const errno = sa === null ? EINVAL : soconnect(this.so, sa, this.ctx.cred);
    this.connecting = errno === 0;
    return errno;
  }

  /** The next connection that waits, null when there is none, or an errno: the vnet is gone. */
  accept(): Handle | number | null {
    const so = solistenDequeue(this.so);
    return typeof so !== 'number' ? new Handle(this.ctx, so) : so === EWOULDBLOCK ? null : so;
  }

  shutdown(): number {
    return soshutdown(this.so, SHUT_WR);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.owner = null;
    this.onAcceptable = null;
    this.onListening = null;
    soclose(this.so);
    this.resource.emitDestroy();
  }

  /* ---- data ---- */

  /** Whether `read()` would give something: bytes, the end or an error. */
  get readable(): boolean {
    return soreadable(this.so);
  }

  /** What has come in: bytes, an empty buffer at the end, null when there is nothing yet, or an errno. */
  read(): Buffer | number | null {
    const so = this.so;
    const head = so.rcv.mb;
    const gift = head === null ? null : giftAt(head);
    if (gift !== null) {
      mFreem(soreceiveChain(so, gift.length, 0));
      return gift;
    }
    const n = head === null ? 1 : copyLen(head);
    const b = n < GIFT_MIN ? Buffer.allocUnsafe(n) : Buffer.allocUnsafeSlow(n);
    const got = soreceiveBytes(so, b, 0, n, 0);
    if (got === n) return b;
    if (got > 0) return b.subarray(0, got);
    if (got !== 0) return got === -EWOULDBLOCK ? null : -got;
    this.ended = true;
    return EMPTY;
  }

  /** Reads into the application's buffer: bytes, 0 at the end, null when there is nothing yet, or a negative errno. */
  readInto(buf: Uint8Array): number | null {
    const n = soreceiveBytes(this.so, buf, 0, buf.length, 0);
    return n === -EWOULDBLOCK ? null : n;
  }

  /** Whether a write of which `left` bytes are left would get on, or would fail. */
  hasRoom(left: number): boolean {
    return this.worthSending(left) > 0 || this.so.error !== 0;
  }

  /**
   * How many of `len` bytes to take now: what there is room for, but no crumbs: all, or at least a third of the buffer, as Linux has it. Else 0, and `onWritable` comes when
   * there is more room. On a socket that can send no more, all: the socket layer tells why.
   */
  private worthSending(len: number): number {
    const so = this.so;
    const space = sbspace(so.snd);
    if (len <= space || (so.snd.state & SBS_CANTSENDMORE) !== 0) return len;
    return space * 3 >= so.snd.hiwat ? space : 0;
  }

  /** Takes as many bytes of `chunk` from `off` on as there is room for, a copy of them; returns how many, or a negative errno. May be called again for the rest. */
  write(chunk: Uint8Array, off: number): number {
    const so = this.so;
    if (so.error !== 0) return -this.writeError();
    const len = chunk.length - off;
    const n = this.worthSending(len);
    if (n < GIFT_MIN) return n === 0 ? 0 : sentOr0(sosendCopy(so, null, chunk, off, n, 0));
    const size = n < READ_MAX ? n : READ_MAX;
    const copy = Buffer.allocUnsafeSlow(size);
    copy.set(size === chunk.length ? chunk : chunk.subarray(off, off + size));
    return sentOr0(sosendBytes(so, copy, 0, size, null, new Gift(copy), 0));
  }

  /** The same for the rest of a list: what fits goes down as one piece, so that headers and bodies share segments. `left` is how many bytes there are. */
  writev(list: readonly Uint8Array[], index: number, off: number, left: number): number {
    const so = this.so;
    if (so.error !== 0) return -this.writeError();
    const n = this.worthSending(left);
    if (n <= 0) return 0;
    const size = n < READ_MAX ? n : READ_MAX;
    const copy = size < GIFT_MIN ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
    gather(copy, list, index, off);
    return sentOr0(size < GIFT_MIN ? sosendCopy(so, null, copy, 0, size, 0) : sosendBytes(so, copy, 0, size, null, new Gift(copy), 0));
  }

  /* ---- options and names ---- */

  /** Close will reset the connection. */
  setLinger0(): void {
    sosetopt(this.so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: 0 });
  }

  setNoDelay(on: boolean): void {
    sosetopt(this.so, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
  }

  setKeepAlive(on: boolean, delaySeconds: number): void {
    sosetopt(this.so, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
    if (on && delaySeconds > 0) sosetopt(this.so, IPPROTO_TCP, TCP_KEEPIDLE, delaySeconds);
  }

  sockname(): PeerName | null {
    return peerNameOf(this.ctx, sosockaddr(this.so));
  }

  peername(): PeerName | null {
    return peerNameOf(this.ctx, sopeeraddr(this.so));
  }

  /** The pending error comes first, and a reset after the peer's FIN is EPIPE: as on Linux, where Node's users have seen it. FreeBSD says EPIPE in any case. */
  private writeError(): number {
    const errno = this.takeError();
    return errno === ECONNRESET && this.ended ? EPIPE : errno;
  }

  private takeError(): number {
    const e = sogetopt(this.so, SOL_SOCKET, SO_ERROR);
    return typeof e === 'number' ? e : 0;
  }
}

/**
 * The {@link Gift} of which all bytes begin at `m`, and to which nobody refers any more, the sender included: the reader may have it, to change it or to send it elsewhere.
 */
function giftAt(m: Mbuf): Buffer | null {
  const e = m.ext as MbufExt;
  if (e.type !== EXT_EXTREF || m.off !== e.base || !(e.arg instanceof Gift)) return null;
  let refs = 0;
  let n = 0;
  for (let p: Mbuf | null = m; p !== null && p.ext === e && p.off === e.base + n; p = p.next) {
    n += p.len;
    refs++;
  }
  return n === e.size && refs === e.refs ? e.arg.bytes : null;
}

/** How many bytes from `m` on, at most READ_MAX, are to be copied: those in front of the next that need not be. */
function copyLen(m: Mbuf): number {
  let n = 0;
  for (let p: Mbuf | null = m; p !== null && n < READ_MAX; p = p.next) {
    if (n > 0 && giftAt(p) !== null) break;
    n += p.len;
  }
  return n < READ_MAX ? n : READ_MAX;
}

/** Fills `to` from the list, beginning at `off` of its piece `index`. */
function gather(to: Uint8Array, list: readonly Uint8Array[], index: number, off: number): void {
  let at = 0;
  for (let i = index; at < to.length; i++) {
    const piece = list[i] as Uint8Array;
    const from = i === index ? off : 0;
    const n = Math.min(piece.length - from, to.length - at);
    to.set(n === piece.length ? piece : piece.subarray(from, from + n), at);
    at += n;
  }
}

/** A full buffer is no error: nothing was taken. */
function sentOr0(sent: number): number {
  return sent === -EWOULDBLOCK ? 0 : sent;
}
