import { EINPROGRESS, EWOULDBLOCK } from '@ns/errno';
import { SO_REUSEADDR } from '@ns/inpcb';
import type { Kernel } from '@ns/kern';
import {
  SO_CONNECTED,
  SO_ERROR,
  SO_ERROR_EVENT,
  sobind,
  SOCK_DGRAM,
  SOCK_STREAM,
  soclose,
  soconnect,
  socreate,
  type Socket,
  sogetopt,
  SOL_SOCKET,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  sosendCopy,
  sosetopt,
  sosockaddr,
  type SoUpcall,
} from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { type InAddr, parseInAddr, Sockaddr } from '@ns/wire';

/**
 * A kernel with a network stack in it, for {@link netstackSuite}.
 * @public
 */
export interface NetstackBooted {
  /** The kernel. */
  readonly kernel: Kernel;
  /** The superuser of the host. */
  readonly cred: Ucred;
}

/**
 * The network stack that {@link netstackSuite} tries.
 * @public
 */
export interface NetstackUnderTest {
  /** Its name, as `netstackFind` knows it. */
  readonly netstack: string;
  /** Boots a kernel of which the stack is the current one, on the platform's time. */
  boot(): NetstackBooted;
  /** An address on which its sockets reach each other; default `127.0.0.1`. */
  readonly address?: string;
}

/** One socket, and promises for what happens to it. */
export class End implements SoUpcall {
  readonly so: Socket;
  /** Events so far. */
  events: number;
  private wake: (() => void) | null;

  constructor(so: Socket) {
    this.so = so;
    this.events = 0;
    this.wake = null;
    so.upcall = this;
  }

  soupcall(_so: Socket, events: number): void {
    this.events |= events;
    this.wake?.();
  }

  /** Resolves when `test` holds, which is tried now and after each event. */
  async until(test: () => boolean): Promise<void> {
    while (!test()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }

  /** The outcome of connect or listen: 0 or an errno. */
  async outcome(): Promise<number> {
    await this.until(() => (this.events & (SO_CONNECTED | SO_ERROR_EVENT)) !== 0 || this.so.error !== 0);
    return this.takeError();
  }

  takeError(): number {
    return sogetopt(this.so, SOL_SOCKET, SO_ERROR) as number;
  }

  /** Sends all of `bytes`; counts how often there was no room. */
  async send(bytes: Uint8Array): Promise<number> {
    let full = 0;
    for (let at = 0; at < bytes.length; ) {
      const n = sosendCopy(this.so, null, bytes, at, bytes.length - at, 0);
      if (n > 0) at += n;
      else {
        if (n !== -EWOULDBLOCK) throw new Error(`send: ${n}`);
        full++;
        await this.room();
      }
    }
    return full;
  }

  private async room(): Promise<void> {
    this.events = 0;
    await this.until(() => this.events !== 0);
  }

  /** Receives until `len` bytes, the end, or an error; the errno that ended it is in `rcvErrno` of the socket. */
  async receive(len: number): Promise<Uint8Array> {
    const out = new Uint8Array(len);
    let at = 0;
    while (at < len) {
      this.events = 0;
      const n = soreceiveBytes(this.so, out, at, Math.min(len - at, 65536), 0);
      if (n > 0) at += n;
      else if (n === 0 || this.so.rcvErrno !== EWOULDBLOCK) break;
      else await this.until(() => this.events !== 0);
    }
    return out.subarray(0, at);
  }

  close(): number {
    return soclose(this.so);
  }
}

/** A booted stack and the few steps that all tests take. */
export class NetstackRig {
  readonly kernel: Kernel;
  readonly cred: Ucred;
  readonly addr: InAddr;

  constructor(dut: NetstackUnderTest) {
    const { kernel, cred } = dut.boot();
    this.kernel = kernel;
    this.cred = cred;
    this.addr = parseInAddr(dut.address ?? '127.0.0.1') as InAddr;
  }

  open(type: number, cred: Ucred = this.cred): End {
    const so = socreate(cred.vnet, this.addr.af, type, 0, cred);
    if (typeof so === 'number') throw new Error(`socreate: ${so}`);
    return new End(so);
  }

  at(port: number): Sockaddr {
    return new Sockaddr(this.addr, port);
  }

  portOf(end: End): number {
    const sa = sosockaddr(end.so);
    return typeof sa === 'number' ? 0 : sa.port;
  }

  /** A listener on a free port. */
  async listener(backlog = 16, cred: Ucred = this.cred): Promise<End> {
    const l = this.open(SOCK_STREAM, cred);
    sosetopt(l.so, SOL_SOCKET, SO_REUSEADDR, 1);
    const errno = sobind(l.so, this.at(0), cred) || solisten(l.so, backlog);
    const told = errno === EINPROGRESS ? await l.outcome() : errno;
    if (told !== 0) throw new Error(`listen: ${told}`);
    l.events = 0;
    return l;
  }

  /** Begins to connect to a port. */
  connecting(port: number, cred: Ucred = this.cred): End {
    const c = this.open(SOCK_STREAM, cred);
    const errno = soconnect(c.so, this.at(port), cred);
    if (errno !== 0) throw new Error(`connect: ${errno}`);
    return c;
  }

  /** The next connection of a listener. */
  async accept(l: End): Promise<End> {
    let so: Socket | number = 0;
    await l.until(() => {
      so = solistenDequeue(l.so);
      return typeof so !== 'number';
    });
    return new End(so as unknown as Socket);
  }

  /** A connection: listener, client, server. */
  async pair(): Promise<{ l: End; c: End; s: End }> {
    const l = await this.listener();
    const c = this.connecting(this.portOf(l));
    const errno = await c.outcome();
    if (errno !== 0) throw new Error(`connect: ${errno}`);
    const s = await this.accept(l);
    return { l, c, s };
  }

  /** A datagram socket, bound to a free port. */
  dgram(): End {
    const d = this.open(SOCK_DGRAM);
    const errno = sobind(d.so, this.at(0), this.cred);
    if (errno !== 0) throw new Error(`bind: ${errno}`);
    return d;
  }

  /** Shuts the kernel down: what was left over, and what threw. */
  end(): unknown {
    return this.kernel.shutdown();
  }
}
