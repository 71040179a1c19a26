import { inPcbList, INP_IPV4, INP_IPV6, type Inpcb, type InpcbInfo, SO_ACCEPTCONN } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { RIP } from '@ns/rawip';
import { soPcblist, type Socket, sotoxsocket, SS_NOFDREF, type Xsockbuf, type Xsocket } from '@ns/socket';
import { TCP, tcpPcblist, TF_NEEDFIN, TF_NEEDSYN, type Xtcpcb } from '@ns/tcp';
import { UDP } from '@ns/udp';
import type { Ucred } from '@ns/vnet';
import { type InAddr, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IGMP } from '@ns/wire';
import { addrText } from './interfaces.ts';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** Address and port of one end; the unspecified address and port 0 mean any. @public */
export interface EndpointSnapshot {
  /** Address. */
  readonly address: string;
  /** Port. */
  readonly port: number;
}

/** Queue of a listening socket. @public */
export interface ListenSnapshot {
  /** Connections that wait for accept. */
  readonly qlen: number;
  /** Connections that are not complete. */
  readonly incqlen: number;
  /** Limit of the queue. */
  readonly maxqlen: number;
}

/** The timers of a connection, µs until each is due; null for one that does not run. @public */
export interface TcpTimersSnapshot {
  /** Retransmission. */
  readonly rexmt: number | null;
  /** Window probe. */
  readonly persist: number | null;
  /** Keepalive. */
  readonly keep: number | null;
  /** End of TIME_WAIT or FIN_WAIT_2. */
  readonly '2msl': number | null;
  /** Delayed ACK. */
  readonly delack: number | null;
  /** µs since the last segment came in. */
  readonly rcvtime: number;
}

/** What TCP adds. @public */
export interface TcpSnapshot {
  /** Name of the state. */
  readonly state: string;
  /** A SYN or FIN is still to be sent (implicit state): shown as `*`. */
  readonly hidden: boolean;
  /** Handed to an offload engine. */
  readonly toe: boolean;
  /** Timers. */
  readonly timers: TcpTimersSnapshot;
  /** TCP stack. */
  readonly stack: string;
  /** Congestion control algorithm. */
  readonly cc: string;
  /** Congestion window, bytes. */
  readonly cwnd: number;
  /** Slow start threshold, bytes. */
  readonly ssthresh: number;
  /** Maximum segment size, bytes. */
  readonly mss: number;
  /** Whether ECN is in use. */
  readonly ecn: 'ecn' | 'ace' | 'off' | 'n/a';
  /** The peer's port of TCP over UDP; 0, or absent = plain TCP. */
  readonly encapsPort?: number;
  /** Segments sent again. */
  readonly rexmitPackets: number;
  /** Segments that came out of order. */
  readonly outOfOrderPackets: number;
  /** Times a window of 0 was advertised. */
  readonly zeroWindows: number;
}

/** A socket with its protocol control block. @public */
export interface SocketSnapshot {
  /** `tcp`, `udp`, `icmp`, `icmp6`, `igmp` or `raw`. */
  readonly protocol: string;
  /** Speaks IPv4. */
  readonly ipv4: boolean;
  /** Speaks IPv6. */
  readonly ipv6: boolean;
  /** This end. */
  readonly local: EndpointSnapshot;
  /** The far end. */
  readonly foreign: EndpointSnapshot;
  /** Receive buffer. */
  readonly recv: Xsockbuf;
  /** Send buffer. */
  readonly send: Xsockbuf;
  /** Listening sockets only. */
  readonly listen: ListenSnapshot | null;
  /** TCP only. */
  readonly tcp: TcpSnapshot | null;
  /** Flow hash, unsigned. */
  readonly flowid: number;
  /** Type of the flow hash. */
  readonly flowtype: number;
  /** Routing table. */
  readonly fib: number;
  /** User who opened it. */
  readonly uid: number;
  /** Jail of that user, 0 for the host. */
  readonly jid: number;
  /** Whether a program holds the socket; if not, it is the kernel's (closing, or not yet accepted). */
  readonly owned: boolean;
  /** Generation of the control block: a name that is not given out again. */
  readonly id: number;
}

/** The sockets of one vnet at one moment: tcp, udp, raw, each the newest first. @public */
export interface SocketsSnapshot extends Snapshot {
  /** By protocol, the newest first. */
  readonly sockets: readonly SocketSnapshot[];
}

const NO_SOCKBUF: Xsockbuf = Object.freeze({ cc: 0, hiwat: 0, lowat: 0, mbcnt: 0, mbmax: 0, mbufs: 0, clusters: 0 });

/** What the pcb lists of all protocols share. */
interface PcbRow {
  readonly laddr: InAddr;
  readonly lport: number;
  readonly faddr: InAddr;
  readonly fport: number;
  readonly vflag: number;
  readonly uid: number;
  readonly gencnt: number;
  readonly fibnum: number;
  readonly flowid: number;
  readonly flowtype: number;
}

function rawName(proto: number): string {
  switch (proto) {
    case IPPROTO_ICMP:
      return 'icmp';
    case IPPROTO_ICMPV6:
      return 'icmp6';
    case IPPROTO_IGMP:
      return 'igmp';
    default:
      return 'raw';
  }
}

function tcpOf(x: Xtcpcb): TcpSnapshot {
  const timer = (us: number): number | null => (us === 0 ? null : us);
  return {
    state: x.stateName,
    hidden: (x.flags & (TF_NEEDSYN | TF_NEEDFIN)) !== 0,
    toe: x.toe,
    timers: {
      rexmt: timer(x.rexmtUs),
      persist: timer(x.persistUs),
      keep: timer(x.keepUs),
      '2msl': timer(x.mslUs),
      delack: timer(x.delackUs),
      rcvtime: x.rcvtimeUs,
    },
    stack: x.stack,
    cc: x.cc,
    cwnd: x.sndCwnd,
    ssthresh: x.sndSsthresh,
    mss: x.maxseg,
    ecn: x.syncache ? 'n/a' : x.ecn,
    encapsPort: x.encapsPort,
    rexmitPackets: x.sndrexmitpack,
    outOfOrderPackets: x.rcvoopack,
    zeroWindows: x.sndzerowin,
  };
}

function rowOf(vnet: Vnet, protocol: string, x: PcbRow, so: Xsocket | null, jid: number, tcp: TcpSnapshot | null): SocketSnapshot {
  const end = (a: InAddr, port: number): EndpointSnapshot => ({ address: addrText(vnet, a), port });
  const listening = so !== null && (so.options & SO_ACCEPTCONN) !== 0;
  return {
    protocol,
    ipv4: (x.vflag & INP_IPV4) !== 0,
    ipv6: (x.vflag & INP_IPV6) !== 0,
    local: end(x.laddr, x.lport),
    foreign: end(x.faddr, x.fport),
    recv: so?.rcv ?? NO_SOCKBUF,
    send: so?.snd ?? NO_SOCKBUF,
    listen: listening ? { qlen: so.qlen, incqlen: so.incqlen, maxqlen: so.qlimit } : null,
    tcp,
    flowid: x.flowid >>> 0,
    flowtype: x.flowtype,
    fib: x.fibnum,
    uid: x.uid,
    jid,
    owned: so !== null && (so.state & SS_NOFDREF) === 0,
    id: x.gencnt,
  };
}

const jidOf = (inp: Inpcb): number => inp.cred.jail?.jid ?? 0;

function tcpSockets(vnet: Vnet, cred: Ucred | null): SocketSnapshot[] {
  const jids = new Map<number, number>();
  for (const { inp } of inPcbList(TCP.get(vnet).pcbinfo).pcbs) jids.set(inp.gencnt, jidOf(inp));
  return tcpPcblist(vnet, cred).pcbs.map((x) => rowOf(vnet, 'tcp', x, x.socket, x.syncache ? 0 : (jids.get(x.gencnt) ?? 0), tcpOf(x)));
}

function otherSockets(vnet: Vnet, cred: Ucred | null, info: InpcbInfo, name: (inp: Inpcb) => string): SocketSnapshot[] {
  return soPcblist(info, cred).pcbs.map((x) => {
    const so = x.inp.socket === null ? null : sotoxsocket(x.inp.socket as Socket);
    return rowOf(vnet, name(x.inp), x, so, jidOf(x.inp), null);
  });
}

/** The sockets of a vnet that `cred` may see (null sees all): of the protocols that are loaded. @public */
export function socketsSnapshot(vnet: Vnet, cred: Ucred | null = null): SocketsSnapshot {
  const sockets: SocketSnapshot[] = [];
  const { kernel } = vnet;
  if (kernel.isLoaded('tcp')) sockets.push(...tcpSockets(vnet, cred));
  if (kernel.isLoaded('udp')) sockets.push(...otherSockets(vnet, cred, UDP.get(vnet).info, () => 'udp'));
  if (kernel.isLoaded('rawip')) sockets.push(...otherSockets(vnet, cred, RIP.get(vnet).info, (inp) => rawName(inp.proto)));
  return { version: SNAPSHOT_VERSION, sockets };
}
