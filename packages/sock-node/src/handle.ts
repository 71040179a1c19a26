import { EAFNOSUPPORT, ECONNABORTED, EINVAL, EWOULDBLOCK } from '@ns/errno';
import { IPV6_V6ONLY, SO_REUSEADDR, SO_REUSEPORT, SOCK_STREAM, SOL_SOCKET } from '@ns/inpcb';
import { EXT_EXTREF, type Mbuf, type MbufExt, mCopydata, mFreem, mLength } from '@ns/mbuf';
import {
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
  socreate,
  sogetopt,
  solisten,
  solistenDequeue,
  sopeeraddr,
  soreceiveBytes,
  soreceiveChain,
  sosendBytes,
  sosendCopy,
  sosetopt,
  soshutdown,
  sosockaddr,
  SS_ISDISCONNECTED,
  type SoUpcall,
} from '@ns/socket';
import { AF_INET, AF_INET6, formatInAddr, IN6ADDR_ANY, INADDR_ANY, type InAddr, IPPROTO_IPV6, IPPROTO_TCP, parseInAddr, Sockaddr } from '@ns/wire';
import type { NetContext } from './context.ts';

/** Source: FreeBSD netinet/tcp.h. */
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 256;
/** Writes from this size on travel in memory of their own by reference; smaller ones are copied into the buffer's pool. */
const GIFT_MIN = 4096;
/** Most bytes handed to a reader at a time, as libuv has it. */
const READ_MAX = 65536;
const EMPTY: Buffer = Buffer.alloc(0);

/** One end of a connection in Node's words. */
export interface PeerName {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
}

/** Node's words for an address. */
export function peerNameOf(sa: Sockaddr | number): PeerName | null {
  if (typeof sa === 'number') return null;
  return { address: formatInAddr(sa.addr), family: sa.addr.af === AF_INET6 ? 'IPv6' : 'IPv4', port: sa.port };
}

/** The socket address of a literal address, or null. */
export function sockaddrOf(address: string, port: number): Sockaddr | null {
  const addr: InAddr | null = parseInAddr(address);
  return addr === null ? null : new Sockaddr(addr, port);
}

/** Runs what an application hung on an event; what it throws becomes an uncaught exception, as in Node, and does not stop the packets. */
export function callOut(fn: () => void): void {
  try {
    fn();
  } catch (e) {
    process.nextTick(() => {
      throw e;
    });
  }
}

/**
 * A stream socket of the stack, in the terms that `NodeSocket` and `NodeServer` think in. Callbacks come from the kernel's software interrupt, never
 * from inside a call of this class.
 */
export class Handle implements SoUpcall {
  /** The connection attempt ended: 0 or an errno. */
  onconnect: ((errno: number) => void) | null;
  /** There is something to read, or the end, or an error. */
  onreadable: (() => void) | null;
  /** There may be room to write. */
  onwritable: (() => void) | null;
  /** A connection waits. */
  onaccept: (() => void) | null;
  private readonly ctx: NetContext;
  private readonly so: Socket;
  private closed: boolean;

  private constructor(ctx: NetContext, so: Socket) {
    this.ctx = ctx;
    this.so = so;
    this.closed = false;
    this.onconnect = null;
    this.onreadable = null;
    this.onwritable = null;
    this.onaccept = null;
    so.upcall = this;
  }

  /** A new socket of a family, or an errno. */
  static open(ctx: NetContext, v6: boolean): Handle | number {
    const so = socreate(ctx.vnet, v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, ctx.cred);
    return typeof so === 'number' ? so : new Handle(ctx, so);
  }

  /** A listener on `host` (null: any address, both families where there are two), or an errno. */
  static listen(ctx: NetContext, host: string | null, port: number, backlog: number, v6only: boolean, reusePort: boolean): Handle | number {
    const literal = host === null ? null : parseInAddr(host);
    if (host !== null && literal === null) return EINVAL;
    let h = Handle.open(ctx, literal === null || literal.af === AF_INET6);
    let addr = literal ?? IN6ADDR_ANY;
    if (h === EAFNOSUPPORT && literal === null) {
      h = Handle.open(ctx, false);
      addr = INADDR_ANY;
    }
    if (typeof h === 'number') return h;
    const so = h.so;
    sosetopt(so, SOL_SOCKET, SO_REUSEADDR, 1);
    if (reusePort) sosetopt(so, SOL_SOCKET, SO_REUSEPORT, 1);
    if (addr.af === AF_INET6) sosetopt(so, IPPROTO_IPV6, IPV6_V6ONLY, v6only ? 1 : 0);
    let errno = sobind(so, new Sockaddr(addr, port), ctx.cred);
    if (errno === 0) errno = solisten(so, backlog);
    if (errno === 0) return h;
    h.close();
    return errno;
  }

  soupcall(_so: Socket, events: number): void {
    if (this.onconnect !== null && (events & (SO_CONNECTED | SO_ERROR_EVENT | SO_DISCONNECTED)) !== 0) {
      const f = this.onconnect;
      const errno = (events & SO_CONNECTED) !== 0 ? 0 : this.takeError() || ECONNABORTED;
      callOut(() => f(errno));
    }
    if ((events & SO_ACCEPT) !== 0 && this.onaccept !== null) callOut(this.onaccept);
    if ((events & (SO_RCV_READY | SO_DISCONNECTED | SO_ERROR_EVENT)) !== 0 && this.onreadable !== null) callOut(this.onreadable);
    if ((events & (SO_SND_READY | SO_DISCONNECTED | SO_ERROR_EVENT)) !== 0 && this.onwritable !== null) callOut(this.onwritable);
  }

  bind(address: string | null, port: number): number {
    const any = this.so.domain === AF_INET6 ? IN6ADDR_ANY : INADDR_ANY;
    const sa = address === null ? new Sockaddr(any, port) : sockaddrOf(address, port);
    return sa === null ? EINVAL : sobind(this.so, sa, this.ctx.cred);
  }

  /** Begins to connect; `onconnect` tells the outcome. */
  connect(address: string, port: number): void {
    const sa = sockaddrOf(address, port);
    const errno = sa === null ? EINVAL : soconnect(this.so, sa, this.ctx.cred);
    if (errno !== 0) process.nextTick(() => this.onconnect?.(errno));
  }

  /** The next connection that waits, or null. */
  accept(): Handle | null {
    const so = solistenDequeue(this.so);
    return typeof so === 'number' ? null : new Handle(this.ctx, so);
  }

  /** What has come in: bytes, an empty buffer at the end, null when there is nothing yet, or an errno. */
  read(): Buffer | number | null {
    const so = this.so;
    const first = so.rcv.mb;
    const gift = first !== null && isGift(first);
    const m = soreceiveChain(so, gift ? first.len : READ_MAX, 0);
    if (m === null) return so.rcvErrno === 0 ? EMPTY : so.rcvErrno === EWOULDBLOCK ? null : so.rcvErrno;
    if (m.next === null && isGift(m)) {
      const b = Buffer.from(m.buf.buffer, m.off, m.len);
      mFreem(m);
      return b;
    }
    const n = mLength(m);
    const b = n < GIFT_MIN ? Buffer.allocUnsafe(n) : Buffer.allocUnsafeSlow(n);
    mCopydata(m, 0, n, b);
    mFreem(m);
    return b;
  }

  /** Reads into the application's buffer: bytes, 0 at the end, null when there is nothing yet, or a negative errno. */
  readInto(buf: Uint8Array): number | null {
    const n = soreceiveBytes(this.so, buf, 0, buf.length, 0);
    return n === -EWOULDBLOCK ? null : n;
  }

  /** Takes as many bytes of `chunk` as there is room for, a copy of them; returns how many, or a negative errno. */
  write(chunk: Uint8Array, more: boolean): number {
    const so = this.so;
    const space = sbspace(so.snd);
    const n = chunk.length < space ? chunk.length : space;
    let sent: number;
    if (n >= GIFT_MIN) {
      // Copied once, into memory that nobody else will touch: the reader at the other end of an in-process link may keep it.
      const copy = new Uint8Array(Buffer.allocUnsafeSlow(n).buffer);
      copy.set(n === chunk.length ? chunk : chunk.subarray(0, n));
      sent = sosendBytes(so, copy, 0, n, null, undefined, 0);
    } else {
      sent = sosendCopy(so, null, chunk, 0, chunk.length, 0);
    }
    void more;
    return sent === -EWOULDBLOCK ? 0 : sent;
  }

  shutdown(): number {
    return soshutdown(this.so, SHUT_WR);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onconnect = null;
    this.onreadable = null;
    this.onwritable = null;
    this.onaccept = null;
    soclose(this.so);
  }

  /** Close will reset the connection. */
  setLinger0(): void {
    sosetopt(this.so, SOL_SOCKET, SO_LINGER, { onoff: 1, linger: 0 });
  }

  setNoDelay(on: boolean): void {
    sosetopt(this.so, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
  }

  setKeepAlive(on: boolean, delayMs: number): void {
    sosetopt(this.so, SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
    if (on && delayMs >= 1000) sosetopt(this.so, IPPROTO_TCP, TCP_KEEPIDLE, Math.floor(delayMs / 1000));
  }

  sockname(): PeerName | null {
    return peerNameOf(sosockaddr(this.so));
  }

  peername(): PeerName | null {
    return peerNameOf(sopeeraddr(this.so));
  }

  /** The connection is over. */
  get gone(): boolean {
    return (this.so.state & SS_ISDISCONNECTED) !== 0;
  }

  private takeError(): number {
    const e = sogetopt(this.so, SOL_SOCKET, SO_ERROR);
    return typeof e === 'number' ? e : 0;
  }
}

/** Whether the bytes lie in memory that its sender has given away and that nobody else refers to: it may be handed on as it is. */
function isGift(m: Mbuf): boolean {
  const e = m.ext as MbufExt;
  return e.type === EXT_EXTREF && e.free === null && e.refs === 1 && m.len >= GIFT_MIN;
}
