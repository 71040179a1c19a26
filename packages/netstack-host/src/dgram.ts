import dgram from 'node:dgram';
import { EINVAL, EISCONN, ENOBUFS, ENOTCONN } from '@ns/errno';
import { type Mbuf, mCopydata, mFreem } from '@ns/mbuf';
import {
  DgramInfo,
  PR_ADDR,
  PR_ATOMIC,
  sbappendaddr,
  SBS_CANTRCVMORE,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_TIMESTAMP,
  socantsendmore,
  type Socket,
  SOCK_DGRAM,
  type SockProto,
  sockProto,
  soisconnected,
  soisdisconnected,
  soposterror,
  soreserve,
  sorwakeup,
  SS_ISCONNECTED,
} from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { AF_INET6, IPPROTO_UDP, Sockaddr } from '@ns/wire';
import { DgramOptions } from './dgram-options.ts';
import { anyOf, fromHost, toHost } from './host-addr.ts';
import { attempt, errnoOfError } from './host-errno.ts';
import { HOST_SOCKETS, HOST_SPACE, type HostSockets, localFor, remoteFor } from './host-sockets.ts';

/** Longest datagram that is sent, as net.inet.udp.maxdgram allows here. */
const MAXDGRAM = 65535;

/** A UDP socket of the operating system, behind a {@link Socket}. Its socket is made when it is first needed, for only then its options are known. */
export class HostDgram {
  readonly so: Socket;
  readonly host: HostSockets;
  readonly opt: DgramOptions;
  peer: Sockaddr | null;
  private sock: dgram.Socket | null;
  private readonly info: DgramInfo;
  /** Bytes that the operating system has not taken yet. */
  private unsent: number;
  /** What went wrong inside a call, from events that Node emits there and then. */
  private failed: number;

  constructor(so: Socket) {
    this.so = so;
    this.host = so.vnet.kernel.service(HOST_SOCKETS);
    this.opt = new DgramOptions(so);
    this.peer = null;
    this.sock = null;
    this.info = new DgramInfo();
    this.unsent = 0;
    this.failed = 0;
  }

  bind(local: Sockaddr): number {
    if (this.sock !== null) return EINVAL;
    const { so } = this;
    const v6 = so.domain === AF_INET6;
    const sock = dgram.createSocket({
      type: v6 ? 'udp6' : 'udp4',
      reuseAddr: (so.options & (SO_REUSEADDR | SO_REUSEPORT)) !== 0,
      ipv6Only: v6 && this.opt.v6only,
      // All addresses are literals, and an answer at once makes bind, connect and send tell their errors at once.
      lookup: (address, _family, cb) => cb(null, address, v6 ? 6 : 4),
    } as dgram.SocketOptions);
    this.sock = sock;
    this.failed = 0;
    sock.on('error', (e) => this.error(e));
    sock.on('message', (msg, rinfo) => this.received(msg, rinfo));
    const errno = attempt(() => sock.bind({ address: toHost(local.addr), port: local.port, exclusive: true })) || this.failed;
    if (errno === 0) {
      sock.unref();
      this.opt.apply(sock);
      return 0;
    }
    this.close();
    return errno;
  }

  /** The socket, bound to whatever address if it was not yet; or an errno. */
  private bound(cred: Ucred): dgram.Socket | number {
    if (this.sock !== null) return this.sock;
    const local = localFor(cred, null, this.so.domain);
    const errno = typeof local === 'number' ? local : this.bind(local);
    return errno !== 0 ? errno : (this.sock as unknown as dgram.Socket);
  }

  connect(to: Sockaddr, cred: Ucred): number {
    if (this.peer !== null) return EISCONN;
    const sock = this.bound(cred);
    if (typeof sock === 'number') return sock;
    const errno = attempt(() => sock.connect(to.port, toHost(to.addr)));
    if (errno !== 0) return errno;
    this.peer = to;
    soisconnected(this.so);
    return 0;
  }

  disconnect(): number {
    if (this.peer === null) return ENOTCONN;
    const { sock } = this;
    this.peer = null;
    this.so.state &= ~SS_ISCONNECTED;
    return sock === null ? 0 : attempt(() => sock.disconnect());
  }

  /** Sends a copy: the packet is free at once. */
  send(m: Mbuf, to: Sockaddr | null): number {
    const len = m.pktlen;
    const sock = this.bound(this.so.cred);
    const full = this.unsent + len > HOST_SPACE;
    if (typeof sock === 'number' || full) {
      mFreem(m);
      return typeof sock === 'number' ? sock : ENOBUFS;
    }
    const bytes = Buffer.allocUnsafe(len);
    mCopydata(m, 0, len, bytes, 0);
    mFreem(m);
    this.unsent += len;
    const sent = (e: Error | null): void => {
      this.unsent -= len;
      if (e === null) this.host.stat.opackets++;
      else this.error(e);
    };
    const errno = attempt(() => (to === null ? sock.send(bytes, sent) : sock.send(bytes, to.port, toHost(to.addr), sent)));
    if (errno !== 0) this.unsent -= len;
    return errno;
  }

  private error(e: Error): void {
    this.failed = errnoOfError(e);
    if (this.so.pcb === this && this.sock !== null) soposterror(this.so, this.failed);
  }

  private received(msg: Uint8Array, rinfo: dgram.RemoteInfo): void {
    const { so, host } = this;
    const from = fromHost(rinfo.address, rinfo.port);
    if (so.pcb !== this || from === null || (so.rcv.state & SBS_CANTRCVMORE) !== 0) return;
    host.stat.ipackets++;
    const m = so.vnet.kernel.mbufs.fromBytes(msg);
    if (m !== null && sbappendaddr(so.rcv, m, this.describe(from))) {
      sorwakeup(so);
      return;
    }
    host.stat.fullsock++;
    mFreem(m);
  }

  private describe(from: Sockaddr): DgramInfo {
    const d = this.info;
    const { addr } = from;
    d.af = addr.af;
    d.port = from.port;
    d.zone = addr.zone;
    d.src0 = addr.w0;
    d.src1 = addr.w1;
    d.src2 = addr.w2;
    d.src3 = addr.w3;
    d.tstampUs = (this.so.options & SO_TIMESTAMP) !== 0 ? this.so.vnet.kernel.callouts.nowUs() : -1;
    return d;
  }

  local(): Sockaddr {
    let at: Sockaddr | null = null;
    const { sock } = this;
    if (sock !== null) {
      attempt(() => {
        const { address, port } = sock.address();
        at = fromHost(address, port);
      });
    }
    return at ?? new Sockaddr(anyOf(this.so.domain), 0);
  }

  /** The operating system's socket, for options. */
  get socket(): dgram.Socket | null {
    return this.sock;
  }

  /** Lets go of the operating system's socket, after what it was given to send. */
  close(): void {
    const { sock } = this;
    this.sock = null;
    if (sock !== null) attempt(() => sock.close());
  }
}

const dgramOf = (so: Socket): HostDgram => so.pcb as HostDgram;

function attach(so: Socket): number {
  if (so.snd.hiwat === 0 && !soreserve(so, MAXDGRAM, HOST_SPACE)) return ENOBUFS;
  const d = new HostDgram(so);
  so.pcb = d;
  d.host.add(so);
  return 0;
}

function detach(so: Socket): void {
  const d = dgramOf(so);
  d.close();
  d.host.remove(so);
  so.pcb = null;
}

function close(so: Socket): void {
  dgramOf(so).close();
  if ((so.state & SS_ISCONNECTED) !== 0) soisdisconnected(so);
}

function send(so: Socket, m: Mbuf | null, addr: Sockaddr | null): number {
  if (m === null) return EINVAL;
  const to = addr === null ? null : remoteFor(so.cred, addr, so.domain);
  const errno = typeof to === 'number' ? to : addr !== null && dgramOf(so).peer !== null ? EISCONN : 0;
  if (typeof to === 'number' || errno !== 0) {
    mFreem(m);
    return errno;
  }
  return dgramOf(so).send(m, to);
}

/** UDP of the operating system, for sockets of one family. */
export function hostDgramProto(domain: number): SockProto {
  return sockProto({
    netstack: 'host',
    module: 'netstack_host',
    name: 'udp',
    domain,
    type: SOCK_DGRAM,
    protocol: IPPROTO_UDP,
    flags: PR_ATOMIC | PR_ADDR,
    attach,
    detach,
    bind: (so, addr, cred) => {
      const local = localFor(cred, addr, so.domain);
      return typeof local === 'number' ? local : dgramOf(so).bind(local);
    },
    connect: (so, addr, cred) => {
      const to = remoteFor(cred, addr, so.domain);
      return typeof to === 'number' ? to : dgramOf(so).connect(to, cred);
    },
    disconnect: (so) => dgramOf(so).disconnect(),
    shutdown: (so) => {
      socantsendmore(so);
      return 0;
    },
    send: (so, _flags, m, addr) => send(so, m, addr),
    abort: close,
    close,
    sockaddr: (so) => dgramOf(so).local(),
    peeraddr: (so) => dgramOf(so).peer ?? ENOTCONN,
    ctloutput: (so, sopt) => dgramOf(so).opt.ctloutput(sopt, dgramOf(so).socket),
  });
}

