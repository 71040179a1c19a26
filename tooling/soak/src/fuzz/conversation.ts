import { EWOULDBLOCK } from '@ns/errno';
import { ifunit } from '@ns/ifnet';
import { IFNET_KPI } from '@ns/ifnet-kpi';
import {
  SHUT_WR,
  sobind,
  type Socket,
  SO_OOBINLINE,
  soclose,
  soconnect,
  SOL_SOCKET,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  sosendCopy,
  sosetopt,
  soshutdown,
  SS_ISCONNECTED,
} from '@ns/socket';
import { tcpPcblist, type Xtcpcb, TCPS_CLOSED } from '@ns/tcp';
import type { Lab, Pattern } from '@ns/testkit';
import { AF_INET, encodeTcpOpts, IN6ADDR_ANY, INADDR_ANY, type InAddr, parseInAddr, Sockaddr, TcpOpt, TH_ACK, TH_FIN, TH_RST, TH_SYN, TOF_MSS, TOF_SACK, TOF_SACKPERM, TOF_SCALE, TOF_TS } from '@ns/wire';
import { FrameBuilder } from '../frame.ts';
import { Peer, PEER_MSS } from './peer.ts';
import { reachable } from './states.ts';

/** Virtual time between two steps, µs: everything that a segment causes at once has happened. */
const STEP_US = 1000;
const OPTION_ROOM = new DataView(new ArrayBuffer(40));

/** One segment of the peer's, in relative positions. */
export interface Speech {
  readonly seq: number;
  readonly len?: number;
  readonly ack: number;
  readonly flags: number;
  readonly win?: number;
  readonly urp?: number;
  /** SACK blocks, pairs of positions. */
  readonly sacks?: readonly number[];
  /** Milliseconds that the time stamp is off; NaN: no time stamp. */
  readonly tsOff?: number;
}

/**
 * One connection between the stack at side a of a lab and a {@link Peer}: the stack's user, the wire, and what both see. After each step the connection is looked at as tools see it.
 */
export class Conversation {
  readonly peer: Peer;
  readonly lab: Lab;
  /** What went wrong. */
  readonly problems: string[];
  /** The user's socket; null before accept, and after close. */
  so: Socket | null;
  /** Bytes written and read by the user. */
  written: number;
  read: number;
  /** The user has ended its stream, has read the end of the peer's, has seen an error. */
  shut: boolean;
  eof: boolean;
  error: number;
  state: number;
  private readonly journal: string[] | null;
  private lso: Socket | null;
  private readonly port: number;
  private readonly frames: FrameBuilder;
  private readonly to: TcpOpt;
  private readonly stackPattern: Pattern;
  private readonly peerPattern: Pattern;
  private readonly buf: Uint8Array;

  /** @param journal - gets all that is said, in both directions, for a reader */
  constructor(l: Lab, seed: number, port: number, journal: string[] | null) {
    this.lab = l;
    this.journal = journal;
    this.problems = [];
    this.stackPattern = l.pattern(1);
    this.peerPattern = l.pattern(2);
    this.peer = new Peer(seed, 20_000 + (seed % 40_000), this.stackPattern, (text) => this.complain(text));
    this.so = null;
    this.written = 0;
    this.read = 0;
    this.shut = false;
    this.eof = false;
    this.error = 0;
    this.state = TCPS_CLOSED;
    this.lso = null;
    this.port = port;
    const mine = ifunit(l.a.vnet, l.a.ifname)?.lladdr;
    const theirs = ifunit(l.b.vnet, l.b.ifname)?.lladdr;
    if (mine == null || theirs == null) throw new Error('no interface');
    const from = parseInAddr(l.b.addr) as InAddr;
    this.frames = new FrameBuilder(parseInAddr(l.a.addr) as InAddr, mine, theirs).from(from.w0, from.w1, from.w2, from.w3);
    this.to = new TcpOpt();
    this.buf = new Uint8Array(4096);
    l.link.ab.options.drop = (f): boolean => {
      if (f.tcp === null || f.tcp.dport !== this.peer.port) return f.tcp !== null;
      this.peer.hear(f, this.written, this.shut);
      this.note(`> ${this.peer.trace.at(-1) ?? ''}`);
      return true;
    };
  }

  complain(text: string): void {
    if (this.problems.length < 20) this.problems.push(`${text} (segment ${this.peer.trace.length})`);
  }

  private note(text: string): void {
    this.journal?.push(`${(this.lab.nowUs / 1e6).toFixed(6)} ${text}`);
  }

  private socket(sndbuf: number, rcvbuf: number): Socket {
    const so = this.lab.a.socket({ sndbuf, rcvbuf });
    if (sosetopt(so, SOL_SOCKET, SO_OOBINLINE, 1) !== 0) throw new Error('SO_OOBINLINE');
    return so;
  }

  /** The stack's user listens. */
  listen(sndbuf: number, rcvbuf: number): void {
    const { jail, af } = this.lab.a;
    const so = this.socket(sndbuf, rcvbuf);
    if (sobind(so, new Sockaddr(af === AF_INET ? INADDR_ANY : IN6ADDR_ANY, this.port), jail.cred) !== 0 || solisten(so, 8) !== 0) throw new Error('listen');
    this.lso = so;
  }

  /** The stack's user connects; the peer hears a SYN. */
  dial(sndbuf: number, rcvbuf: number): void {
    const { jail, af } = this.lab.a;
    const so = this.socket(sndbuf, rcvbuf);
    if (sobind(so, new Sockaddr(af === AF_INET ? INADDR_ANY : IN6ADDR_ANY, this.port), jail.cred) !== 0) throw new Error('bind');
    if (soconnect(so, new Sockaddr(parseInAddr(this.lab.b.addr) as InAddr, this.peer.port), jail.cred) !== 0) throw new Error('connect');
    this.so = so;
    this.pass(STEP_US);
  }

  /** The peer says something, and the stack answers. What it says of its stream is always the same at the same place. */
  say(s: Speech): void {
    this.note(`< ${JSON.stringify(s)}`);
    const { peer, to } = this;
    const syn = (s.flags & TH_SYN) !== 0;
    const from = s.seq + (syn ? 1 : 0);
    const len = s.len ?? 0;
    const data = new Uint8Array(len);
    for (let i = 0; i < len; i++) data[i] = this.peerPattern.bytes[this.peerPattern.offset(from - 1 + i)] as number;
    peer.said.add(syn && s.seq !== 0 ? from : s.seq, from + len + ((s.flags & TH_FIN) !== 0 ? 1 : 0));
    if ((s.flags & TH_FIN) !== 0) peer.fins.add(from + len);
    if ((s.flags & TH_ACK) !== 0 && !syn) peer.offered = Math.max(peer.offered, s.ack + ((s.win ?? 65535) << this.shift()));
    else if (syn) peer.offered = Math.max(peer.offered, s.ack + (s.win ?? 65535), 1 + (s.win ?? 65535));
    to.flags = 0;
    if (syn) this.synOptions();
    if ((syn ? peer.stamps : peer.stamped) && !Number.isNaN(s.tsOff ?? 0)) {
      to.flags |= TOF_TS;
      to.tsval = (Math.floor(this.lab.nowUs / 1000) + (s.tsOff ?? 0)) | 0;
      to.tsecr = peer.tsecr;
    }
    if (s.sacks !== undefined && s.sacks.length > 0 && !syn && peer.sacked) this.sackOption(s.sacks);
    const optlen = to.flags === 0 ? 0 : encodeTcpOpts(OPTION_ROOM, 0, to);
    const stackIss = peer.stackIss ?? 0;
    const frame = this.frames.build({
      sport: peer.port,
      dport: this.port,
      seq: (peer.iss + s.seq) | 0,
      ack: (stackIss + s.ack) | 0,
      flags: s.flags,
      win: s.win ?? 65535,
      urp: s.urp ?? 0,
      options: new Uint8Array(OPTION_ROOM.buffer, 0, optlen),
      data,
    });
    const m = this.lab.a.kernel.mbufs.fromBytes(frame, 64);
    if (m === null) throw new Error('the pool is empty');
    const ifp = ifunit(this.lab.a.vnet, this.lab.a.ifname);
    if (ifp === null) throw new Error('no interface');
    this.lab.a.kernel.service(IFNET_KPI).ifInput(ifp.handle, m);
    this.pass(STEP_US);
  }

  /** The shift of our windows, as the stack may understand them at most. */
  private shift(): number {
    return this.peer.scaled ? Math.max(this.peer.wscale, 0) : 0;
  }

  private synOptions(): void {
    const { to, peer } = this;
    to.flags = TOF_MSS;
    to.mss = PEER_MSS;
    if (peer.wscale >= 0) {
      to.flags |= TOF_SCALE;
      to.wscale = peer.wscale;
    }
    if (peer.sack) to.flags |= TOF_SACKPERM;
  }

  private sackOption(sacks: readonly number[]): void {
    const { to, peer } = this;
    const max = (to.flags & TOF_TS) === 0 ? 4 : 3;
    to.nsacks = Math.min(sacks.length >> 1, max);
    for (let i = 0; i < 2 * to.nsacks; i++) to.sacks[i] = ((peer.stackIss ?? 0) + (sacks[i] as number)) | 0;
    to.flags |= TOF_SACK;
  }

  /** Time passes; then the connection is looked at. */
  pass(us: number): void {
    this.lab.advance(us);
    this.accept();
    this.look();
  }

  private accept(): void {
    if (this.lso === null || this.so !== null) return;
    const so = solistenDequeue(this.lso);
    if (typeof so === 'number') return;
    this.so = so;
    this.closeListener();
  }

  /** The connection as tools see it; null when it is gone, or has not begun. */
  get row(): Xtcpcb | null {
    return tcpPcblist(this.lab.a.vnet).pcbs.find((p) => p.fport === this.peer.port && p.lport === this.port && !p.syncache) ?? null;
  }

  private look(): void {
    const row = this.row;
    const state = row?.state ?? TCPS_CLOSED;
    // The first look at a connection that came through the syncache finds it in any state.
    if (this.state !== TCPS_CLOSED && !reachable(this.state, state)) this.complain(`state ${this.state} became ${state}`);
    this.state = state;
    this.peer.live = state !== TCPS_CLOSED;
    const sock = row?.socket;
    if (sock == null) return;
    // A scaled window is rounded up.
    if (sock.rcv.cc >= sock.rcv.hiwat + (1 << this.peer.stackScale)) this.complain(`${sock.rcv.cc} bytes in a receive buffer of ${sock.rcv.hiwat}`);
    if (sock.snd.cc > sock.snd.hiwat) this.complain(`${sock.snd.cc} bytes in a send buffer of ${sock.snd.hiwat}`);
  }

  /** The user writes up to `n` bytes. */
  write(n: number): void {
    const { so } = this;
    if (so === null || this.shut || (so.state & SS_ISCONNECTED) === 0) return;
    const p = this.stackPattern;
    // What is written may leave before the call returns.
    const before = this.written;
    this.written += n;
    const took = sosendCopy(so, null, p.bytes, p.offset(before), Math.min(n, p.run(before)), 0);
    this.written = before + (took > 0 ? took : 0);
    if (took < 0 && took !== -EWOULDBLOCK) this.error = -took;
    this.pass(STEP_US);
  }

  /** The user reads up to `n` bytes, and compares them. */
  take(n: number): void {
    const { so, peer } = this;
    if (so === null || this.eof) return;
    const got = soreceiveBytes(so, this.buf, 0, Math.min(n, this.buf.length), 0);
    if (got === 0) {
      this.eof = true;
      if (this.error === 0 && !peer.fins.has(this.read + 1) && (so.state & SS_ISCONNECTED) !== 0) this.complain(`end of data after ${this.read} bytes`);
    } else if (got < 0) {
      if (got !== -EWOULDBLOCK) this.error = -got;
      return;
    } else {
      if (this.peerPattern.match(this.read, this.buf, 0, got) !== got) this.complain(`wrong bytes read at ${this.read}`);
      this.read += got;
      if (this.read + 1 > peer.next) this.complain(`${this.read} bytes read, ${peer.next - 1} sent`);
    }
    this.pass(STEP_US);
  }

  /** The user ends its stream. */
  shutdown(): void {
    if (this.so === null || this.shut || (this.so.state & SS_ISCONNECTED) === 0) return;
    this.shut = true;
    soshutdown(this.so, SHUT_WR);
    this.pass(STEP_US);
  }

  /** The user closes its socket: it sees no more of the connection. */
  close(): void {
    if (this.so === null) return;
    this.shut = true;
    soclose(this.so);
    this.so = null;
    this.closeListener();
    this.pass(STEP_US);
  }

  /** No further connection is accepted. */
  closeListener(): void {
    if (this.lso !== null) soclose(this.lso);
    this.lso = null;
  }

  /** The peer resets the connection, wherever it stands. */
  kill(): void {
    for (const seq of [this.peer.lastAck, this.peer.next]) {
      if (this.row !== null) this.say({ seq, ack: this.peer.acked, flags: TH_RST | TH_ACK });
    }
  }
}

