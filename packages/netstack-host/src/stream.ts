import net from 'node:net';
import { ECONNABORTED, ECONNRESET, EINVAL, EINPROGRESS, ENOBUFS, ENOTCONN, EOPNOTSUPP } from '@ns/errno';
import { SO_REUSEPORT } from '@ns/inpcb';
import { type Mbuf, mFreem } from '@ns/mbuf';
import {
  PR_CONNREQUIRED,
  PR_WANTRCVD,
  PRUS_EOF,
  PRUS_OOB,
  SB_NOCOALESCE,
  sbappendstream,
  SBS_CANTRCVMORE,
  sbdrop,
  sbflush,
  sbspace,
  SO_CONNECTED,
  SO_LINGER,
  socantrcvmore,
  socantsendmore,
  type Socket,
  SOCK_STREAM,
  type SockProto,
  sockProto,
  soisconnected,
  soisconnecting,
  soisdisconnected,
  soisdisconnecting,
  solistenProto,
  solistenProtoCheck,
  sonewconn,
  soposterror,
  soref,
  sorele,
  soreserve,
  sorwakeup,
  sowwakeup,
  SS_ISCONNECTED,
  SS_ISDISCONNECTED,
} from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { AF_INET6, IPPROTO_TCP, Sockaddr } from '@ns/wire';
import { anyOf, fromHost, nodeFamily, toHost } from './host-addr.ts';
import { attempt, errnoOfError } from './host-errno.ts';
import { HOST_SOCKETS, HOST_SPACE, type HostSockets, localFor, remoteFor } from './host-sockets.ts';
import { StreamOptions } from './stream-options.ts';

/** Milliseconds after which bytes for which there was no mbuf are tried again. */
const NOBUFS_RETRY_MS = 10;

/** A TCP connection or listener of the operating system, behind a {@link Socket}. */
export class HostStream {
  readonly so: Socket;
  readonly host: HostSockets;
  readonly opt: StreamOptions;
  /** What `bind` asked for; the operating system hears of it when it connects or listens. */
  local: Sockaddr | null;
  /** The peer, as long as there was one. */
  peer: Sockaddr | null;
  conn: net.Socket | null;
  server: net.Server | null;
  /** Bytes given to the operating system and not taken by it yet. */
  private unsent: number;
  /** Reading stopped for want of room. */
  private paused: boolean;
  /** Came in when there was no mbuf for it. */
  private held: Uint8Array | null;
  /** The descriptor is closed, and a reference keeps the socket until its data are out. */
  private lingering: boolean;

  constructor(so: Socket) {
    this.so = so;
    this.host = so.vnet.kernel.service(HOST_SOCKETS);
    this.opt = new StreamOptions(so);
    this.local = null;
    this.peer = null;
    this.conn = null;
    this.server = null;
    this.unsent = 0;
    this.paused = false;
    this.held = null;
    this.lingering = false;
  }

  /* ---- listening ---- */

  listen(backlog: number): number {
    const { so } = this;
    const errno = solistenProtoCheck(so);
    if (errno !== 0) return errno;
    if (so.listen !== null) {
      solistenProto(so, backlog);
      return 0;
    }
    if (this.server !== null) return EINPROGRESS;
    const local = this.local ?? new Sockaddr(anyOf(so.domain), 0);
    const server = net.createServer({ allowHalfOpen: true });
    this.server = server;
    server.on('connection', (conn) => this.accepted(conn));
    server.on('error', (e) => {
      if (this.server !== server) return;
      if (so.listen === null) this.server = null;
      soposterror(so, errnoOfError(e));
    });
    server.on('listening', () => {
      if (this.server !== server) return;
      server.unref();
      solistenProto(so, backlog);
      so.sv.sk.upcalls.post(so, SO_CONNECTED);
    });
    const options = {
      host: toHost(local.addr),
      port: local.port,
      backlog: backlog < 0 ? so.sv.sk.soacceptqueue : backlog,
      exclusive: true,
      ipv6Only: so.domain === AF_INET6 && this.opt.v6only,
      reusePort: (so.options & SO_REUSEPORT) !== 0,
    };
    const refused = attempt(() => server.listen(options));
    if (refused === 0) return EINPROGRESS;
    this.server = null;
    return refused;
  }

  /** A connection has come: into the queue, or back out when that is full. */
  private accepted(conn: net.Socket): void {
    const so = this.so.listen === null ? null : sonewconn(this.so, SS_ISCONNECTED);
    if (so === null) {
      this.host.stat.listendrop++;
      conn.on('error', ignore);
      conn.resetAndDestroy();
      return;
    }
    this.host.stat.accepts++;
    const s = streamOf(so);
    s.opt.inherit(this.opt);
    s.adopt(conn);
    s.named(conn);
  }

  /* ---- connecting ---- */

  connect(to: Sockaddr): number {
    const { so } = this;
    const conn = new net.Socket({ allowHalfOpen: true });
    this.adopt(conn);
    soisconnecting(so);
    const options: net.TcpNetConnectOpts = { host: toHost(to.addr), port: to.port, family: nodeFamily(so.domain), autoSelectFamily: false };
    if (this.local !== null) {
      options.localAddress = toHost(this.local.addr);
      options.localPort = this.local.port;
    }
    conn.once('connect', () => {
      if (this.conn !== conn) return;
      this.host.stat.connects++;
      this.named(conn);
      soisconnected(so);
    });
    const errno = attempt(() => conn.connect(options));
    if (errno !== 0) this.drop();
    return errno;
  }

  /** Takes an operating system's socket for its own. */
  private adopt(conn: net.Socket): void {
    this.conn = conn;
    conn.unref();
    this.opt.apply(conn);
    conn.on('data', (chunk: Buffer) => this.received(chunk));
    conn.on('end', () => {
      if (this.conn === conn) socantrcvmore(this.so);
    });
    conn.on('error', (e) => {
      if (this.conn === conn && this.so.error === 0) this.so.error = errnoOfError(e);
    });
    conn.on('close', () => {
      if (this.conn !== conn) return;
      if (this.so.error === 0 && (this.so.rcv.state & SBS_CANTRCVMORE) === 0) this.so.error = ECONNRESET;
      this.over();
    });
  }

  private named(conn: net.Socket): void {
    this.local = fromHost(conn.localAddress, conn.localPort) ?? this.local;
    this.peer = fromHost(conn.remoteAddress, conn.remotePort);
  }

  /* ---- data ---- */

  private received(chunk: Uint8Array): void {
    const { so } = this;
    if (so.pcb !== this || (so.rcv.state & SBS_CANTRCVMORE) !== 0) return;
    const m = so.vnet.kernel.mbufs.extAdd(chunk, null, null);
    if (m === null) {
      this.held = chunk;
      this.pause();
      setTimeout(() => this.retry(), NOBUFS_RETRY_MS).unref();
      return;
    }
    sbappendstream(so.rcv, m);
    if (sbspace(so.rcv) <= 0) this.pause();
    sorwakeup(so);
  }

  private retry(): void {
    const chunk = this.held;
    this.held = null;
    if (chunk === null || this.conn === null) return;
    this.received(chunk);
    this.resume();
  }

  private pause(): void {
    this.paused = true;
    this.conn?.pause();
  }

  /** The application has read. */
  resume(): void {
    if (!this.paused || this.held !== null || sbspace(this.so.rcv) <= 0) return;
    this.paused = false;
    this.conn?.resume();
  }

  send(flags: number, m: Mbuf | null): number {
    const { conn, so } = this;
    if (conn === null || (flags & PRUS_OOB) !== 0) {
      mFreem(m);
      return conn === null ? ENOTCONN : EOPNOTSUPP;
    }
    if (m !== null) this.write(conn, m);
    if ((flags & PRUS_EOF) !== 0) this.shutdown();
    return so.error;
  }

  /** Writes a chain by reference: it stays in the send buffer, and where it is, until the operating system has it. */
  private write(conn: net.Socket, m: Mbuf): void {
    const { so } = this;
    const pieces: Uint8Array[] = [];
    let n = 0;
    for (let p: Mbuf | null = m; p !== null; p = p.next) {
      if (p.len > 0) pieces.push(p.buf.subarray(p.off, p.off + p.len));
      n += p.len;
    }
    sbappendstream(so.snd, m);
    if (n === 0) return;
    this.unsent += n;
    conn.cork();
    for (let i = 0; i < pieces.length - 1; i++) conn.write(pieces[i] as Uint8Array);
    conn.write(pieces[pieces.length - 1] as Uint8Array, (e) => this.written(n, e ?? null));
    conn.uncork();
  }

  private written(n: number, e: Error | null): void {
    this.unsent -= n;
    if (e !== null || this.so.pcb !== this) return;
    sbdrop(this.so.snd, n);
    sowwakeup(this.so);
  }

  /* ---- the end ---- */

  shutdown(): number {
    socantsendmore(this.so);
    this.conn?.end();
    return 0;
  }

  /** In order, or with SO_LINGER and 0 seconds by a reset. */
  disconnect(): number {
    const { so } = this;
    if ((so.options & SO_LINGER) !== 0 && so.linger === 0) {
      this.drop();
      return 0;
    }
    soisdisconnecting(so);
    sbflush(so.rcv);
    this.conn?.destroySoon();
    return 0;
  }

  /** The descriptor is closed: data that wait are sent first, and keep the process meanwhile. */
  close(): void {
    const { conn, server } = this;
    this.server = null;
    server?.close();
    if (conn === null) return;
    if (conn.connecting) {
      this.drop();
      return;
    }
    if (this.unsent > 0 && !this.lingering) {
      this.lingering = true;
      soref(this.so);
      conn.ref();
    }
    conn.destroySoon();
  }

  /** At once, with a reset. */
  drop(): void {
    const { conn, server } = this;
    this.server = null;
    server?.close();
    if (conn === null) return;
    if (conn.connecting) conn.destroy();
    else conn.resetAndDestroy();
    this.over();
  }

  /** The operating system has let go of the connection. */
  private over(): void {
    const { so } = this;
    this.conn = null;
    this.held = null;
    soisdisconnected(so);
    if (!this.lingering) return;
    this.lingering = false;
    sorele(so);
  }
}

function ignore(): void {}

const streamOf = (so: Socket): HostStream => so.pcb as HostStream;

function attach(so: Socket): number {
  if (so.snd.hiwat === 0 && !soreserve(so, HOST_SPACE, HOST_SPACE)) return ENOBUFS;
  so.snd.flags |= SB_NOCOALESCE;
  const s = new HostStream(so);
  so.pcb = s;
  s.host.add(so);
  return 0;
}

function detach(so: Socket): void {
  const s = streamOf(so);
  s.host.remove(so);
  s.conn = null;
  so.pcb = null;
}

/** Keeps the address; whether it is free is told by connect and listen. Differs: FreeBSD tells here. */
function bind(so: Socket, addr: Sockaddr | null, cred: Ucred): number {
  const s = streamOf(so);
  if (s.conn !== null || s.server !== null || s.local !== null) return EINVAL;
  const local = localFor(cred, addr, so.domain);
  if (typeof local === 'number') return local;
  s.local = local;
  return 0;
}

function connect(so: Socket, addr: Sockaddr, cred: Ucred): number {
  const s = streamOf(so);
  const to = remoteFor(cred, addr, so.domain);
  if (typeof to === 'number') return to;
  if (s.local === null) {
    const local = localFor(cred, null, so.domain);
    if (typeof local === 'number') return local;
    if (local.addr !== anyOf(so.domain)) s.local = local;
  }
  return s.connect(to);
}

function sockaddr(so: Socket): Sockaddr {
  const s = streamOf(so);
  const at = s.server?.address() ?? null;
  const bound = at !== null && typeof at === 'object' ? fromHost(at.address, at.port) : null;
  return bound ?? s.local ?? new Sockaddr(anyOf(so.domain), 0);
}

/** TCP of the operating system, for sockets of one family. */
export function hostStreamProto(domain: number): SockProto {
  return sockProto({
    netstack: 'host',
    module: 'netstack_host',
    name: 'tcp',
    domain,
    type: SOCK_STREAM,
    protocol: IPPROTO_TCP,
    flags: PR_CONNREQUIRED | PR_WANTRCVD,
    attach,
    detach,
    bind,
    listen: (so, backlog) => streamOf(so).listen(backlog),
    connect,
    accept: (so) => ((so.state & SS_ISDISCONNECTED) !== 0 ? ECONNABORTED : (streamOf(so).peer ?? ECONNABORTED)),
    disconnect: (so) => streamOf(so).disconnect(),
    shutdown: (so) => streamOf(so).shutdown(),
    rcvd: (so) => streamOf(so).resume(),
    send: (so, flags, m) => streamOf(so).send(flags, m),
    abort: (so) => streamOf(so).drop(),
    close: (so) => streamOf(so).close(),
    sockaddr,
    peeraddr: (so) => streamOf(so).peer ?? ENOTCONN,
    ctloutput: (so, sopt) => streamOf(so).opt.ctloutput(sopt, streamOf(so).conn),
  });
}
