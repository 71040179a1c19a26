import { ECONNREFUSED, EINVAL, ENOTCONN } from '@ns/errno';
import { inpcb } from '@ns/inpcb';
import { Kernel, type Vnet, virtualHost, type VirtualHost } from '@ns/kern';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { netstackBsd } from '@ns/netstack-kpi';
import { crget, type Ucred } from '@ns/vnet';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import {
  PR_CONNREQUIRED,
  PR_WANTRCVD,
  sbappendstream,
  SB_AUTOSIZE,
  sbdrop,
  type SockProto,
  sockProto,
  SOCK_STREAM,
  socantrcvmore,
  socantsendmore,
  socket,
  Socket,
  SOCKETS,
  type SocketKernel,
  soisconnected,
  soisdisconnected,
  soisdisconnecting,
  solistenProto,
  solistenProtoCheck,
  sonewconn,
  soposterror,
  socreate,
  soreserve,
  sorwakeup,
  SS_ISCONNECTED,
} from '@ns/socket';

/** What the test protocol knows of a socket. */
export class PairPcb {
  peer: Socket | null = null;
  port = 0;
  /** Calls of rcvd(), for tests of window updates. */
  rcvd = 0;
  sent: number[] = [];
  aborted = false;
}

export const pcbOf = (so: Socket): PairPcb => so.pcb as PairPcb;

/**
 * A stream protocol at the edge: two sockets of one kernel joined directly, bytes handed over as they are sent. What a socket layer needs of a protocol, and nothing else.
 */
export class PairProto {
  readonly proto: SockProto;
  readonly ports: Map<number, Socket> = new Map();
  /** Bytes stay in the sender's buffer until `flush`. */
  corked = false;
  /** Connections come incomplete and are completed by `soisconnected`. */
  slowAccept = false;
  readonly pending: Socket[] = [];

  constructor() {
    this.proto = sockProto({
      module: 'pair',
      name: 'pair',
      domain: AF_INET,
      type: SOCK_STREAM,
      protocol: 250,
      flags: PR_CONNREQUIRED | PR_WANTRCVD,
      attach: (so) => {
        so.pcb = new PairPcb();
        if (so.snd.hiwat === 0 && !soreserve(so, 8192, 8192)) return 55;
        so.rcv.flags |= SB_AUTOSIZE;
        return 0;
      },
      detach: (so) => {
        this.unlink(so);
        so.pcb = null;
      },
      bind: (so, addr) => {
        const port = addr === null ? 1 : addr.port;
        if (this.ports.has(port)) return 48;
        pcbOf(so).port = port;
        this.ports.set(port, so);
        return 0;
      },
      listen: (so, backlog) => {
        const errno = solistenProtoCheck(so);
        if (errno === 0) solistenProto(so, backlog);
        return errno;
      },
      connect: (so, addr) => {
        const head = this.ports.get(addr.port);
        if (head === undefined || head.listen === null) return ECONNREFUSED;
        const peer = sonewconn(head, this.slowAccept ? 0 : SS_ISCONNECTED);
        if (peer === null) return ECONNREFUSED;
        pcbOf(peer).peer = so;
        pcbOf(so).peer = peer;
        if (this.slowAccept) this.pending.push(peer);
        soisconnected(so);
        return 0;
      },
      accept: (so) => (pcbOf(so).peer === null ? 53 : new Sockaddr(inAddr4(0x7f000001), 4242)),
      disconnect: (so) => {
        soisdisconnecting(so);
        this.unlink(so);
        soisdisconnected(so);
        return 0;
      },
      shutdown: (so) => {
        socantsendmore(so);
        const { peer } = pcbOf(so);
        if (peer !== null) socantrcvmore(peer);
        return 0;
      },
      rcvd: (so) => void pcbOf(so).rcvd++,
      send: (so, flags, m) => this.send(so, flags, m),
      abort: (so) => {
        const pcb = pcbOf(so);
        pcb.aborted = true;
        const { peer } = pcb;
        if (peer !== null) {
          peer.error = 54;
          soisdisconnected(peer);
        }
        this.unlink(so);
        soisdisconnected(so);
      },
      close: (so) => this.unlink(so),
      sockaddr: (so) => new Sockaddr(inAddr4(0x7f000001), pcbOf(so).port),
      peeraddr: (so) => (pcbOf(so).peer === null ? ENOTCONN : new Sockaddr(inAddr4(0x7f000001), 4242)),
    });
  }

  private unlink(so: Socket): void {
    const pcb = so.pcb as PairPcb | null;
    if (pcb === null) return;
    if (this.ports.get(pcb.port) === so) this.ports.delete(pcb.port);
    const { peer } = pcb;
    pcb.peer = null;
    if (peer !== null && peer.pcb !== null) {
      pcbOf(peer).peer = null;
      socantrcvmore(peer);
    }
  }

  private send(so: Socket, flags: number, m: Mbuf | null): number {
    const { peer, sent } = pcbOf(so);
    sent.push(flags);
    if (m === null) return EINVAL;
    if (peer === null) {
      mFreem(m);
      return ENOTCONN;
    }
    sbappendstream(so.snd, m);
    if (!this.corked) this.flush(so);
    return 0;
  }

  /** Hands over what waits in the sender's buffer. */
  flush(so: Socket, max: number = Infinity): void {
    const { peer } = pcbOf(so);
    const n = Math.min(so.snd.cc, max);
    if (peer === null || n === 0) return;
    const bytes = new Uint8Array(n);
    let o = 0;
    for (let p = so.snd.mb; p !== null && o < n; p = p.next) {
      const k = Math.min(p.len, n - o);
      bytes.set(p.buf.subarray(p.off, p.off + k), o);
      o += k;
    }
    sbdrop(so.snd, n);
    const copy = so.vnet.kernel.mbufs.fromBytes(bytes);
    if (copy !== null) sbappendstream(peer.rcv, copy);
    sorwakeup(peer);
  }
}

export interface Lab {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly sk: SocketKernel;
  readonly root: Ucred;
  readonly pair: PairProto;
}

export function lab(): Lab {
  const host = virtualHost({ seed: 1 });
  const kernel = new Kernel(host);
  for (const mod of [netstackBsd(), inpcb(), socket()]) {
    const r = kernel.kldload(mod);
    if (r.errno !== 0) throw new Error(r.message);
  }
  const sk = kernel.service(SOCKETS);
  const pair = new PairProto();
  sk.prRegister(pair.proto);
  const vnet = kernel.vnets.vnet0;
  return { host, kernel, vnet, sk, root: crget(vnet), pair };
}

export function open(l: Lab): Socket {
  const so = socreate(l.vnet, AF_INET, SOCK_STREAM, 0, l.root);
  if (!(so instanceof Socket)) throw new Error(`socreate: ${String(so)}`);
  return so;
}

export const at = (port: number): Sockaddr => new Sockaddr(inAddr4(0x7f000001), port);

export { soposterror };
