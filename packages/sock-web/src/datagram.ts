import { EHOSTDOWN, EHOSTUNREACH, ENOBUFS, errnoException, exceptionWithHostPort, EWOULDBLOCK } from '@ns/errno';
import { SOCK_DGRAM } from '@ns/inpcb';
import { mCopydata, mFreem } from '@ns/mbuf';
import { DgramInfo, sobind, soclose, type Socket as KernSocket, soreceiveDgram, sosendCopy, sosockaddr, type SoUpcall } from '@ns/socket';
import { formatInAddr, type InAddr, Sockaddr } from '@ns/wire';
import { addrOf, bytesOf, localAddress, takeError, type WebContext } from './context.ts';
import { Deferred, ignore, onAborted } from './deferred.ts';
import { closedByUser } from './errors.ts';
import type { Datagram, NetAddress, ReceivedDatagram, UdpOptions, UdpSocket } from './types.ts';

/** A UDP socket of the stack as two streams. */
export class UdpSocketImpl implements UdpSocket {
  readonly addr: NetAddress;
  readonly readable: ReadableStream<ReceivedDatagram>;
  readonly writable: WritableStream<Datagram>;
  readonly closed: Promise<void>;
  readonly #port: UdpPort;

  constructor(ctx: WebContext, options: UdpOptions) {
    const p = new UdpPort(ctx, options);
    this.#port = p;
    this.addr = addrOf(p.bound);
    this.readable = p.readable;
    this.writable = p.writable;
    this.closed = p.closed.promise;
  }

  close(): Promise<void> {
    this.#port.close();
    return this.closed;
  }
}

/** The socket behind a {@link UdpSocketImpl}. */
class UdpPort implements SoUpcall {
  readonly readable: ReadableStream<ReceivedDatagram>;
  readonly writable: WritableStream<Datagram>;
  readonly closed: Deferred<void>;
  /** Where it is bound. */
  readonly bound: Sockaddr | number;
  private readonly ctx: WebContext;
  private readonly info: DgramInfo;
  private so: KernSocket | null;
  private reader: ReadableStreamDefaultController<ReceivedDatagram> | null;
  private writer: WritableStreamDefaultController | null;
  /** A read waits. */
  private wanted: boolean;
  private readonly forget: () => void;

  constructor(ctx: WebContext, options: UdpOptions) {
    this.closed = new Deferred();
    this.ctx = ctx;
    this.info = new DgramInfo();
    this.reader = null;
    this.writer = null;
    this.wanted = false;
    this.forget = ignore;
    options.signal?.throwIfAborted();
    const so = bindTo(ctx, localAddress(options.hostname, options.port ?? 0));
    this.so = so;
    this.bound = sosockaddr(so);
    so.upcall = this;
    this.readable = new ReadableStream<ReceivedDatagram>(
      {
        start: (controller) => {
          this.reader = controller;
        },
        pull: () => {
          this.wanted = true;
          this.resume();
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<Datagram>({
      start: (controller) => {
        this.writer = controller;
      },
      write: (d) => this.send(d),
    });
    this.forget = onAborted(options.signal, (reason) => this.fail(reason));
  }

  soupcall(so: KernSocket): void {
    if (so.rcv.mb === null && so.error !== 0) this.fail(errnoException(takeError(so), 'recv')); // the vnet went away
    else this.resume();
  }

  /** Serves the read that waits. */
  private resume(): void {
    const so = this.so;
    if (so === null || !this.wanted) return;
    const m = soreceiveDgram(so, this.info, 0);
    if (m === null) {
      if (so.rcvErrno !== 0 && so.rcvErrno !== EWOULDBLOCK) this.fail(errnoException(so.rcvErrno, 'recv'));
      return;
    }
    const data = new Uint8Array(m.pktlen);
    mCopydata(m, 0, m.pktlen, data);
    mFreem(m);
    const from = this.info.from();
    this.wanted = false; // before the stream may ask again
    this.reader?.enqueue({ data, remoteAddress: formatInAddr(from.addr), remotePort: from.port });
  }

  private send(d: Datagram): Promise<void> | undefined {
    const bytes = bytesOf(d.data);
    if (bytes === null) throw new TypeError('The data of a datagram must be an ArrayBuffer or a view of one');
    const addr = this.ctx.resolve(d.remoteAddress);
    if (addr instanceof Promise) return addr.then((a) => this.sendTo(a, d.remotePort, bytes));
    this.sendTo(addr, d.remotePort, bytes);
    return undefined;
  }

  private sendTo(addr: InAddr, port: number, bytes: Uint8Array): void {
    const so = this.so;
    if (so === null) throw closedByUser('socket');
    const n = sosendCopy(so, new Sockaddr(addr, port), bytes, 0, bytes.length, 0);
    if (n < 0 && !isLoss(-n)) throw exceptionWithHostPort(-n, 'send', formatInAddr(addr), port);
  }

  close(): void {
    if (this.so === null) return;
    this.closed.resolve();
    this.release();
    this.writer?.error(closedByUser('socket'));
    try {
      this.reader?.close();
    } catch {
      // cancelled: it is closed already
    }
  }

  private fail(error: unknown): void {
    if (this.so === null) return;
    this.closed.reject(error);
    this.release();
    this.reader?.error(error);
    this.writer?.error(error);
  }

  private release(): void {
    const so = this.so;
    this.so = null;
    this.forget();
    if (so === null) return;
    so.upcall = null;
    soclose(so);
  }
}

/** No room on the way, or nobody there: the datagram is lost, which UDP allows. */
function isLoss(errno: number): boolean {
  return errno === ENOBUFS || errno === EHOSTDOWN || errno === EHOSTUNREACH;
}

/** @throws NetError */
function bindTo(ctx: WebContext, sa: Sockaddr): KernSocket {
  const { hostname, port } = addrOf(sa);
  const so = ctx.socket(sa.addr.af, SOCK_DGRAM);
  if (typeof so === 'number') throw exceptionWithHostPort(so, 'bind', hostname, port);
  const errno = sobind(so, sa, ctx.cred);
  if (errno === 0) return so;
  soclose(so);
  throw exceptionWithHostPort(errno, 'bind', hostname, port);
}
