/* Two stacks in one kernel, joined by a link of the test's own: delay, loss, reordering and duplication from a seed, and a record of every segment. Time is virtual. */
import { arp } from '@ns/arp';
import { ccNewreno } from '@ns/cc-newreno';
import { loop } from '@ns/drv-loop';
import { Callout } from '@ns/callout';
import { ether } from '@ns/ether';
import { ifAddAddr, type Ifnet, ifInput, ifnet, ifnetOf, ifUp } from '@ns/ifnet';
import { IF_ATTACH_VERSION, type IfDriver, IFNET_KPI, IFT_ETHER } from '@ns/ifnet-kpi';
import { type Inpcb, inpcb } from '@ns/inpcb';
import { ip } from '@ns/ip';
import { Kernel, type ModuleDecl, type Random, SeededRandom, virtualHost, type VirtualHost, type Vnet } from '@ns/kern';
import { type Mbuf, mCopypacket, mFreem, mToBytes } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { netstackBsd } from '@ns/netstack-kpi';
import { route } from '@ns/route';
import {
  socket,
  type Socket,
  soaccept,
  sobind,
  soclose,
  soconnect,
  socreate,
  sogetopt,
  solisten,
  solistenDequeue,
  soreceiveBytes,
  sosendCopy,
  sosetopt,
  soshutdown,
} from '@ns/socket';
import { tcp, type TcpInfo, TCP_INFO } from '@ns/tcp';
import { TCP, type TcpVnet } from '../src/tcp-vnet.ts';
import type { Tcpcb } from '../src/tcpcb.ts';
import { JAIL_CREATE, JAILS, type Ucred, vnet as vnetModule } from '@ns/vnet';
import { AF_INET, decodeTcpHdr, decodeTcpOpts, formatTcpFlags, IPPROTO_TCP, parseCidr, parseEtherAddr, parseInAddr, Sockaddr, SOCK_STREAM_, TcpHdr, TcpOpt } from './wire-names.ts';

export const A_ADDR = '10.0.0.1';
export const B_ADDR = '10.0.0.2';

/** What a link does to frames. */
export interface LinkOptions {
  /** One way, microseconds. */
  delayUs?: number;
  /** Share of frames lost, 0 to 1. */
  loss?: number;
  /** Share of frames that arrive twice. */
  dup?: number;
  /** Share of frames held back by up to `holdUs`. */
  reorder?: number;
  holdUs?: number;
  mtu?: number;
}

/** A segment as it was seen on the wire. */
export interface Seen {
  readonly us: number;
  readonly from: 'a' | 'b';
  readonly th: TcpHdr;
  readonly to: TcpOpt;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly win: number;
  readonly len: number;
  readonly data: Uint8Array;
  readonly ttl: number;
  readonly tos: number;
  readonly lost: boolean;
}

export class Link {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly options: LinkOptions;
  readonly seen: Seen[] = [];
  readonly ends: End[] = [];
  /** A test's own judgement: true drops the frame. */
  drop: ((s: Omit<Seen, 'lost'>) => boolean) | null = null;

  constructor(kernel: Kernel, options: LinkOptions, seed: number) {
    this.kernel = kernel;
    this.options = options;
    this.random = new SeededRandom(seed);
  }

  chance(p: number | undefined): boolean {
    return p !== undefined && p > 0 && (this.random.u32() >>> 0) / 2 ** 32 < p;
  }
}

export class End {
  readonly link: Link;
  readonly side: 'a' | 'b';
  ifp: Ifnet | null = null;
  peer: End | null = null;

  constructor(link: Link, side: 'a' | 'b') {
    this.link = link;
    this.side = side;
  }

  transmit(m: Mbuf): void {
    const { link } = this;
    const bytes = mToBytes(m);
    const s = decodeSegment(bytes, this.side, link.kernel.callouts.nowUs());
    let lost = link.chance(link.options.loss);
    if (s !== null) {
      if (link.drop !== null && link.drop(s)) lost = true;
      link.seen.push({ ...s, lost });
    }
    if (lost) {
      mFreem(m);
      return;
    }
    if (link.chance(link.options.dup)) {
      const copy = mCopypacket(m);
      if (copy !== null) this.later(copy, 50);
    }
    const hold = link.chance(link.options.reorder) ? (link.random.u32() >>> 0) % (link.options.holdUs ?? 2000) : 0;
    this.later(m, hold);
  }

  private later(m: Mbuf, extraUs: number): void {
    const peer = this.peer as End;
    const c = new Callout<Mbuf>((frame) => ifInput(peer.ifp as Ifnet, frame), m);
    this.link.kernel.callouts.reset(c, (this.link.options.delayUs ?? 100) + extraUs);
  }
}

const driver: IfDriver = Object.freeze({
  name: 'tln',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'tln',
    transmit(_ifp: unknown, m: Mbuf, softc: unknown): number {
      (softc as End).transmit(m);
      return 0;
    },
  }),
});

export function decodeSegment(frame: Uint8Array, from: 'a' | 'b', us: number): Omit<Seen, 'lost'> | null {
  const dv = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (dv.getUint16(12) !== 0x0800 || frame[23] !== IPPROTO_TCP) return null;
  const hl = (frame[14]! & 15) << 2;
  const total = dv.getUint16(16);
  const th = new TcpHdr();
  const o = 14 + hl;
  if (!decodeTcpHdr(dv, o, total - hl, th)) return null;
  const to = new TcpOpt();
  decodeTcpOpts(dv, o + 20, th.off - 20, to, (th.flags & 2) !== 0);
  const data = frame.slice(o + th.off, 14 + total);
  return { us, from, th, to, flags: formatTcpFlags(th.flags), seq: th.seq, ack: th.ack, win: th.win, len: data.length, data, ttl: frame[22]!, tos: frame[15]! };
}

/** One side: a vnet with TCP. */
export class Side {
  readonly vnet: Vnet;
  readonly cred: Ucred;
  readonly addr: string;

  constructor(vnet: Vnet, cred: Ucred, addr: string) {
    this.vnet = vnet;
    this.cred = cred;
    this.addr = addr;
  }

  get tcp(): TcpVnet {
    return TCP.get(this.vnet);
  }

  socket(): Socket {
    const so = socreate(this.vnet, AF_INET, SOCK_STREAM_, IPPROTO_TCP, this.cred);
    if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
    return so;
  }

  listen(port: number, backlog: number = 5, so: Socket = this.socket()): Socket {
    must(sobind(so, new Sockaddr(parseInAddr('0.0.0.0')!, port), this.cred), 'bind');
    must(solisten(so, backlog), 'listen');
    return so;
  }

  connect(addr: string, port: number, so: Socket = this.socket(), lport: number = 0): Socket {
    if (lport !== 0) must(sobind(so, new Sockaddr(parseInAddr('0.0.0.0')!, lport), this.cred), 'bind');
    must(soconnect(so, new Sockaddr(parseInAddr(addr)!, port), this.cred), 'connect');
    return so;
  }
}

export function must(errno: number, what: string): void {
  if (errno !== 0) throw new Error(`${what}: errno ${errno}`);
}

export const tpOf = (so: Socket): Tcpcb => (so.pcb as Inpcb).ppcb as Tcpcb;

export function accept(listener: Socket): Socket {
  const so = solistenDequeue(listener);
  if (typeof so === 'number') throw new Error(`accept: errno ${so}`);
  const addr = soaccept(so);
  if (typeof addr === 'number') throw new Error(`soaccept: errno ${addr}`);
  return so;
}

/** Writes as much as the buffer takes; the number of bytes, or a negative errno. */
export function write(so: Socket, data: Uint8Array): number {
  return sosendCopy(so, null, data, 0, data.length, 0);
}

/** Reads what is there: the bytes, null at the end of data. */
export function read(so: Socket, max: number = 1 << 20): Uint8Array | null {
  const buf = new Uint8Array(max);
  const n = soreceiveBytes(so, buf, 0, max, 0);
  if (n > 0) return buf.slice(0, n);
  return n === 0 ? null : new Uint8Array(0);
}

export function info(so: Socket): TcpInfo {
  const got = sogetopt(so, IPPROTO_TCP, TCP_INFO);
  return (typeof got === 'object' && got !== null && 'val' in got ? (got as { val: unknown }).val : got) as TcpInfo;
}

export const pattern = (n: number, seed: number = 0): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255);

export interface LabOptions extends LinkOptions {
  seed?: number;
  extra?: readonly ModuleDecl[];
  startUs?: number;
  tunables?: Readonly<Record<string, string>>;
}

export class Lab {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly link: Link;
  readonly a: Side;
  readonly b: Side;

  constructor(options: LabOptions = {}) {
    this.host = virtualHost({ seed: options.seed ?? 1, startUs: options.startUs ?? 1_000_000_000, tunables: options.tunables ?? {} });
    this.kernel = new Kernel(this.host);
    this.kernel.mbufs.poison = true;
    for (const mod of [vnetModule(), netisr(), ifnet(), route(), ether(), loop(), netstackBsd(), inpcb(), socket(), arp(), ip(), tcp({ invariants: true }), ccNewreno(), ...(options.extra ?? [])]) {
      const r = this.kernel.kldload(mod);
      if (r.errno !== 0) throw new Error(`${mod.name}: ${r.message}`);
    }
    this.link = new Link(this.kernel, options, (options.seed ?? 1) * 7919);
    const ends = [new End(this.link, 'a'), new End(this.link, 'b')] as const;
    ends[0].peer = ends[1];
    ends[1].peer = ends[0];
    this.link.ends.push(...ends);
    this.a = this.side(ends[0], 'a', A_ADDR, '02:00:00:00:00:0a', options.mtu ?? 1500);
    this.b = this.side(ends[1], 'b', B_ADDR, '02:00:00:00:00:0b', options.mtu ?? 1500);
    this.host.settle();
  }

  private side(end: End, name: string, addr: string, mac: string, mtu: number): Side {
    const jails = this.kernel.service(JAILS);
    const r = jails.jailSet({ name, vnet: 'new', persist: true }, JAIL_CREATE);
    if (r.jail === null) throw new Error(r.message);
    const vnet = r.jail.vnet;
    const at = this.kernel.service(IFNET_KPI).ifAttach(vnet, { version: IF_ATTACH_VERSION, drv: driver, softc: end, lla: parseEtherAddr(mac)!, mtu });
    if (!at.ok) throw new Error('attach');
    end.ifp = ifnetOf(at.ifp);
    ifUp(end.ifp);
    const lo = this.kernel.service(IFNET_KPI).ifUnit(vnet, 'lo0');
    if (lo !== null) ifUp(ifnetOf(lo));
    const c = parseCidr(`${addr}/24`)!;
    must(ifAddAddr(end.ifp, { addr: c.addr, prefixlen: c.prefixlen }), 'address');
    return new Side(vnet, r.jail.cred, addr);
  }

  /** Segments seen since the last call. */
  take(): Seen[] {
    return this.link.seen.splice(0);
  }

  run(ms: number): void {
    this.host.advance(ms * 1000);
  }

  until(pred: () => boolean, ms = 60_000): boolean {
    return this.host.runUntil(pred, ms * 1000);
  }

  /** An established connection: [client on a, server on b]. */
  pair(port = 80): [Socket, Socket] {
    const l = this.b.listen(port);
    const c = this.a.connect(B_ADDR, port);
    let s: Socket | null = null;
    this.until(() => {
      const got = solistenDequeue(l);
      if (typeof got !== 'number') s = got;
      return s !== null;
    });
    if (s === null) throw new Error('no connection');
    soclose(l);
    this.run(1);
    return [c, s];
  }

  /** Sends `data` from one socket to the other, reading all the time; returns what arrived within `ms`. */
  transfer(from: Socket, to: Socket, data: Uint8Array, ms: number = 600_000): Uint8Array {
    const out: Uint8Array[] = [];
    let got = 0;
    let at = 0;
    const pump = (): boolean => {
      while (at < data.length) {
        const n = write(from, data.subarray(at));
        if (n <= 0) break;
        at += n;
      }
      for (;;) {
        const r = read(to);
        if (r === null || r.length === 0) break;
        out.push(r);
        got += r.length;
      }
      return got >= data.length;
    };
    this.until(pump, ms);
    const all = new Uint8Array(got);
    let o = 0;
    for (const p of out) {
      all.set(p, o);
      o += p.length;
    }
    return all;
  }
}

/** Same bytes: quicker than a deep comparison. */
export const same = (x: Uint8Array | null, y: Uint8Array): boolean => x !== null && Buffer.compare(x, y) === 0;

export { soclose, sogetopt, sosetopt, soshutdown };

/** Segments as lines, with numbers relative to the first SYN of each side: for reading, and for comparing. */
export function lines(seen: readonly Seen[], issA: number, issB: number): string[] {
  return seen.map((s) => {
    const mine = s.from === 'a' ? issA : issB;
    const theirs = s.from === 'a' ? issB : issA;
    const seq = (s.seq - mine) | 0;
    const sack = (s.to.flags & 0x80) !== 0 ? ` sack ${Array.from({ length: s.to.nsacks }, (_, i) => `${(s.to.sacks[2 * i]! - theirs) | 0}:${(s.to.sacks[2 * i + 1]! - theirs) | 0}`).join(' ')}` : '';
    const ack = (s.th.flags & 0x10) !== 0 ? ` ack ${(s.ack - theirs) | 0}` : '';
    return `${s.from} ${s.flags} ${seq}:${seq + s.len}(${s.len})${ack} win ${s.win}${sack}${s.lost ? ' LOST' : ''}`;
  });
}
