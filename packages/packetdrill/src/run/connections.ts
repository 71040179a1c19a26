import { type Socket, sopeeraddr, sosockaddr } from '@ns/socket';
import { formatInAddr, IPPROTO_TCP } from '@ns/wire';
import type { PacketNode, TcpSpec } from '../lang/ast.ts';
import { type Packet, type TcpFields, TH_ACK, TH_SYN } from '../pkt/packet.ts';
import type { Config } from './config.ts';
import { ScriptFailure } from './failure.ts';
import { ScriptSocket } from './script-socket.ts';

/** First port of the peers that connect to the script's listener. */
const FIRST_REMOTE_PORT = 8081;

/**
 * The sockets of a script and which of them is under test: the latest one made.
 * Source: packetdrill run_packet.c, find_or_create_socket_for_script_packet() and its neighbours.
 */
export class Connections {
  private readonly config: Config;
  private readonly localIp: string;
  private readonly remoteIp: string;
  private readonly all: ScriptSocket[];
  private nextPort: number;

  constructor(config: Config) {
    this.config = config;
    this.localIp = formatInAddr(config.localIp);
    this.remoteIp = formatInAddr(config.remoteIp);
    this.all = [];
    this.nextPort = FIRST_REMOTE_PORT;
  }

  /** The socket under test, or null before there is one. */
  get current(): ScriptSocket | null {
    return this.all[this.all.length - 1] ?? null;
  }

  /** A new socket, under test from now on. */
  add(): ScriptSocket {
    const s = new ScriptSocket();
    this.all.push(s);
    return s;
  }

  /** The socket that a descriptor belongs to, the latest first. */
  byFd(fd: number): ScriptSocket | null {
    return this.latest((s) => s.fd === fd);
  }

  /** A descriptor was given to a connection that a packet had made: the one with that remote port. */
  accepted(so: Socket, fd: number): void {
    const peer = sopeeraddr(so);
    const port = typeof peer === 'number' ? 0 : peer.port;
    const s = this.latest((x) => x.remotePort === port && port !== 0 && x.so === null) ?? this.add();
    s.fd = fd;
    s.so = so;
    s.remotePort = port;
    const own = sosockaddr(so);
    if (typeof own !== 'number') s.localPort = own.port;
  }

  /** The connection that a packet towards the stack belongs to; a socket without a far end gets one. */
  forInbound(node: PacketNode): ScriptSocket {
    const s = this.current;
    if (s === null) throw new ScriptFailure(node.line, 'there is no socket that this packet could be for');
    if (s.stage !== 'created') return s;
    const child = this.add();
    child.stage = 'passive';
    child.localPort = node.ports?.dst ?? this.localPortOf(s);
    child.remotePort = node.ports?.src ?? this.nextPort++;
    if (node.body.type === 'tcp') {
      child.scriptRemoteIsn = node.body.seq ?? 0;
      child.liveRemoteIsn = child.scriptRemoteIsn;
    }
    return child;
  }

  private latest(pred: (s: ScriptSocket) => boolean): ScriptSocket | null {
    for (let i = this.all.length - 1; i >= 0; i--) if (pred(this.all[i] as ScriptSocket)) return this.all[i] as ScriptSocket;
    return null;
  }

  private localPortOf(s: ScriptSocket): number {
    const own = s.so === null ? 0 : sosockaddr(s.so);
    return typeof own === 'number' || own.port === 0 ? this.config.bindPort : own.port;
  }

  /** A segment goes to the stack: what it says about the peer's ISN. */
  noteInbound(t: TcpSpec, s: ScriptSocket): void {
    if (s.stage === 'syn-sent' && (t.flags & (TH_SYN | TH_ACK)) === (TH_SYN | TH_ACK)) {
      s.stage = 'syn-acked';
      s.scriptRemoteIsn = t.seq ?? 0;
      s.liveRemoteIsn = s.scriptRemoteIsn;
    }
  }

  /** Whether a packet that came out belongs to the connection under test. */
  owns(p: Packet, s: ScriptSocket): boolean {
    if (p.src !== this.localIp || p.dst !== this.remoteIp || p.icmp !== null) return false;
    if (s.stage === 'connecting') {
      const syn = p.proto !== IPPROTO_TCP || (p.tcp !== null && (p.tcp.flags & (TH_SYN | TH_ACK)) === TH_SYN);
      return syn && p.dport === s.remotePort && (s.localPort === 0 || p.sport === s.localPort);
    }
    return p.sport === s.localPort && p.dport === s.remotePort;
  }

  /** A datagram has come out: it says which port is ours. */
  noteDatagram(p: Packet, s: ScriptSocket): void {
    if (s.stage !== 'connecting') return;
    s.stage = 'syn-sent';
    s.localPort = p.sport;
  }

  /** A segment has come out: what it says about our port and ISN. `spec`: what the script writes in its place; null = not known yet. */
  noteOutbound(p: Packet, t: TcpFields, s: ScriptSocket, spec: TcpSpec | null): void {
    if (s.stage === 'connecting') {
      s.stage = 'syn-sent';
      s.localPort = p.sport;
    } else if (s.stage === 'passive' && (t.flags & (TH_SYN | TH_ACK)) === (TH_SYN | TH_ACK) && spec?.seq !== null) s.stage = 'synack-sent';
    else return;
    s.liveLocalIsn = t.seq;
    s.scriptLocalIsn = spec?.seq ?? 0;
  }
}
