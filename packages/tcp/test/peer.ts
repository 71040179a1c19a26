/* One stack, and a peer whose every segment the test writes by hand. Segments are written and expected as packetdrill writes them, with sequence numbers relative to the ISNs. */
import { arp } from '@ns/arp';
import { ccNewreno } from '@ns/cc-newreno';
import { loop } from '@ns/drv-loop';
import { ether } from '@ns/ether';
import { ifAddAddr, type Ifnet, ifInput, ifnet, ifnetOf, ifUp } from '@ns/ifnet';
import { IF_ATTACH_VERSION, type IfDriver, IFNET_KPI, IFT_ETHER } from '@ns/ifnet-kpi';
import { inpcb } from '@ns/inpcb';
import { ip } from '@ns/ip';
import { Kernel, type ModuleDecl, virtualHost, type VirtualHost, type Vnet } from '@ns/kern';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { netstackBsd } from '@ns/netstack-kpi';
import { route } from '@ns/route';
import { socket, type Socket, sobind, soconnect, socreate, solisten, solistenDequeue } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { TCP, type TcpVnet } from '../src/tcp-vnet.ts';
import { JAILS, type Ucred, vnet as vnetModule } from '@ns/vnet';
import { cksumAddView, cksumFold, pseudoSum4 } from '@ns/wire';
import { must } from './lab.ts';
import { AF_INET, formatTcpFlags, IPPROTO_TCP, parseCidr, parseEtherAddr, parseInAddr, Sockaddr, SOCK_STREAM_ } from './wire-names.ts';

const US = '10.0.0.1';
const PEER = '10.0.0.2';
const OUR_MAC = parseEtherAddr('02:00:00:00:00:01')!;
const PEER_MAC = parseEtherAddr('02:00:00:00:00:02')!;
const LETTERS = 'FSRP.UEWA';
const BITS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

/** A segment that the stack has sent, raw. */
export interface Out {
  readonly us: number;
  readonly ip: Uint8Array;
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly win: number;
  readonly sport: number;
  readonly dport: number;
  readonly opts: string;
  readonly data: Uint8Array;
  readonly ttl: number;
  readonly tos: number;
  readonly df: boolean;
  readonly sumOk: boolean;
  readonly mss: number;
  readonly tsval: number;
}

const driver: IfDriver = Object.freeze({
  name: 'wire',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'wire',
    transmit(_ifp: unknown, m: Mbuf, softc: unknown): number {
      const frame = mToBytes(m);
      mFreem(m);
      (softc as Peer).sent(frame);
      return 0;
    },
  }),
});

export interface PeerOptions {
  readonly mtu?: number;
  readonly seed?: number;
  readonly extra?: readonly ModuleDecl[];
  readonly sysctls?: Readonly<Record<string, number | string>>;
  readonly lport?: number;
  readonly pport?: number;
  /** Without the module cc-newreno. */
  readonly builtin?: boolean;
}

/** What an injected segment may say besides its line. */
export interface Inject {
  readonly win?: number;
  readonly opts?: readonly number[];
  readonly data?: Uint8Array;
  readonly tos?: number;
  readonly ttl?: number;
  readonly badSum?: boolean;
  readonly sport?: number;
  readonly dport?: number;
  readonly src?: string;
}

export const MSS = (n: number): number[] => [2, 4, n >> 8, n & 255];
export const SACKOK: readonly number[] = [4, 2];
export const NOP = 1;
export const WS = (n: number): number[] => [3, 3, n];
const be32 = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
export const TS = (val: number, ecr: number): number[] => [8, 10, ...be32(val), ...be32(ecr)];

export class Peer {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly cred: Ucred;
  readonly outs: Out[] = [];
  /** Our port and the peer's. */
  lport: number;
  pport: number;
  /** ISN of the stack, learnt from its first SYN; that of the peer is chosen here. */
  iss = 0;
  irs: number = 0x51000000 | 0;
  issKnown = false;
  ifp: Ifnet | null = null;
  startUs: number;

  constructor(o: PeerOptions = {}) {
    this.lport = o.lport ?? 8080;
    this.pport = o.pport ?? 40000;
    this.host = virtualHost({ seed: o.seed ?? 1, startUs: 1_000_000_000 });
    this.kernel = new Kernel(this.host);
    this.kernel.mbufs.poison = true;
    for (const mod of [vnetModule(), netisr(), ifnet(), route(), ether(), loop(), netstackBsd(), inpcb(), socket(), arp(), ip(), tcp({ invariants: true }), ...(o.builtin === true ? [] : [ccNewreno()]), ...(o.extra ?? [])]) {
      const r = this.kernel.kldload(mod);
      if (r.errno !== 0) throw new Error(`${mod.name}: ${r.message}`);
    }
    this.vnet = this.kernel.vnets.vnet0;
    this.cred = this.kernel.service(JAILS).cred;
    const at = this.kernel.service(IFNET_KPI).ifAttach(this.vnet, { version: IF_ATTACH_VERSION, drv: driver, softc: this, lla: OUR_MAC, mtu: o.mtu ?? 1500 });
    if (!at.ok) throw new Error('attach');
    this.ifp = ifnetOf(at.ifp);
    ifUp(this.ifp);
    const c = parseCidr(`${US}/24`)!;
    must(ifAddAddr(this.ifp, { addr: c.addr, prefixlen: c.prefixlen }), 'address');
    this.host.settle();
    // The neighbour is known from the start, so that no SYN waits for ARP.
    this.arp(1, PEER_MAC, PEER, new Uint8Array(6), US, Uint8Array.of(255, 255, 255, 255, 255, 255));
    this.host.settle();
    this.outs.length = 0;
    for (const [name, value] of Object.entries(o.sysctls ?? {})) this.sysctl(name, value);
    this.startUs = this.host.clock.nowUs();
  }

  get tcp(): TcpVnet {
    return TCP.get(this.vnet);
  }

  sysctl(name: string, value: number | string): void {
    const full = name.startsWith('kern.') || name.startsWith('net.') ? name : `net.inet.tcp.${name}`;
    must(this.kernel.sysctl.sysctlSet(full, value, { vnet: this.vnet, jailed: false }).errno, full);
  }

  /** Milliseconds since the lab was ready. */
  get ms(): number {
    return (this.host.clock.nowUs() - this.startUs) / 1000;
  }

  socket(): Socket {
    const so = socreate(this.vnet, AF_INET, SOCK_STREAM_, IPPROTO_TCP, this.cred);
    if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
    return so;
  }

  bind(so: Socket = this.socket(), port: number = this.lport): Socket {
    must(sobind(so, new Sockaddr(parseInAddr('0.0.0.0')!, port), this.cred), 'bind');
    return so;
  }

  listen(so: Socket = this.bind()): Socket {
    must(solisten(so, 1), 'listen');
    return so;
  }

  connect(so: Socket = this.bind()): Socket {
    must(soconnect(so, new Sockaddr(parseInAddr(PEER)!, this.pport), this.cred), 'connect');
    this.host.settle();
    return so;
  }

  accept(l: Socket): Socket {
    const so = solistenDequeue(l);
    if (typeof so === 'number') throw new Error(`accept: errno ${so}`);
    return so;
  }

  run(ms: number): void {
    this.host.advance(Math.round(ms * 1000));
  }

  /** A frame from the stack. */
  sent(frame: Uint8Array): void {
    const dv = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (dv.getUint16(12) === 0x0806) {
      if (dv.getUint16(20) === 1) this.arp(2, PEER_MAC, PEER, OUR_MAC, US, OUR_MAC);
      return;
    }
    if (dv.getUint16(12) !== 0x0800 || frame[23] !== IPPROTO_TCP) return;
    const hl = (frame[14]! & 15) << 2;
    const o = 14 + hl;
    const total = dv.getUint16(16);
    const off = (frame[o + 12]! >> 4) << 2;
    const flags = dv.getUint16(o + 12) & 0x1ff;
    const seq = dv.getInt32(o + 4);
    if ((flags & 2) !== 0 && !this.issKnown) {
      this.iss = seq;
      this.issKnown = true;
    }
    const sum = cksumFold(cksumAddView(dv, o, total - hl, pseudoSum4(dv.getInt32(26), dv.getInt32(30), IPPROTO_TCP, total - hl)));
    const opt = formatOpts(frame.subarray(o + 20, o + off), this.iss, this.irs);
    this.outs.push({
      us: this.host.clock.nowUs(),
      ip: frame.slice(14),
      flags,
      seq,
      ack: dv.getInt32(o + 8),
      win: dv.getUint16(o + 14),
      sport: dv.getUint16(o),
      dport: dv.getUint16(o + 2),
      opts: opt.text,
      mss: opt.mss,
      tsval: opt.tsval,
      data: frame.slice(o + off, 14 + total),
      ttl: frame[22]!,
      tos: frame[15]!,
      df: (dv.getUint16(20) & 0x4000) !== 0,
      sumOk: sum === 0,
    });
  }

  /**
   * Injects a segment, written `flags seq:end(len) ack n`: `S 0:0(0)`, `. 1:1(0) ack 1`, `P. 1:11(10) ack 1`. Numbers are relative to the peer's ISN and ours; `raw ack n` is not relative.
   */
  inject(line: string, x: Inject = {}): void {
    const m = /^(\S+) (-?\d+):(-?\d+)(?:\((\d+)\))?(?: (raw )?ack (-?\d+))?$/.exec(line);
    if (m === null) throw new Error(`bad segment: ${line}`);
    let flags = 0;
    for (const ch of m[1]!) if (ch !== '-') flags |= BITS[LETTERS.indexOf(ch)]!;
    const seq = (Number(m[2]) + this.irs) | 0;
    const len = m[4] !== undefined ? Number(m[4]) : Number(m[3]) - Number(m[2]);
    const ack = m[6] === undefined ? 0 : m[5] !== undefined ? Number(m[6]) | 0 : (Number(m[6]) + this.iss) | 0;
    const data = x.data ?? new Uint8Array(len).map((_, i) => (Number(m[2]) + i) & 255);
    const opts = [...(x.opts ?? [])];
    while ((opts.length & 3) !== 0) opts.push(0);
    const tlen = 20 + opts.length + data.length;
    const p = new Uint8Array(14 + 20 + tlen);
    const dv = new DataView(p.buffer);
    p.set(OUR_MAC, 0);
    p.set(PEER_MAC, 6);
    dv.setUint16(12, 0x0800);
    p[14] = 0x45;
    p[15] = x.tos ?? 0;
    dv.setUint16(16, 20 + tlen);
    dv.setUint16(18, 1);
    p[22] = x.ttl ?? 64;
    p[23] = IPPROTO_TCP;
    dv.setInt32(26, parseInAddr(x.src ?? PEER)!.w3);
    dv.setInt32(30, parseInAddr(US)!.w3);
    dv.setUint16(24, cksumFold(cksumAddView(dv, 14, 20, 0)));
    dv.setUint16(34, x.sport ?? this.pport);
    dv.setUint16(36, x.dport ?? this.lport);
    dv.setInt32(38, seq);
    dv.setInt32(42, ack);
    dv.setUint16(46, (((20 + opts.length) >> 2) << 12) | flags);
    dv.setUint16(48, x.win ?? 65535);
    p.set(opts, 54);
    p.set(data, 54 + opts.length);
    dv.setUint16(50, cksumFold(cksumAddView(dv, 34, tlen, pseudoSum4(dv.getInt32(26), dv.getInt32(30), IPPROTO_TCP, tlen))));
    if (x.badSum === true) dv.setUint16(50, dv.getUint16(50) ^ 0x5555);
    this.frame(p);
  }

  frame(p: Uint8Array): void {
    const m = this.kernel.mbufs.fromBytes(p, 64);
    if (m === null) throw new Error('no mbufs');
    ifInput(this.ifp as Ifnet, m);
    this.host.settle();
  }

  /** An ICMP error that quotes the first bytes of `out`. */
  icmp(type: number, code: number, out: Out, mtu: number = 0, seqDelta: number = 0): void {
    const quote = out.ip.slice(0, 28);
    if (seqDelta !== 0) new DataView(quote.buffer).setInt32(24, (out.seq + seqDelta) | 0);
    const p = new Uint8Array(14 + 20 + 8 + quote.length);
    const dv = new DataView(p.buffer);
    p.set(OUR_MAC, 0);
    p.set(PEER_MAC, 6);
    dv.setUint16(12, 0x0800);
    p[14] = 0x45;
    dv.setUint16(16, 28 + quote.length);
    p[22] = 64;
    p[23] = 1;
    dv.setInt32(26, parseInAddr(PEER)!.w3);
    dv.setInt32(30, parseInAddr(US)!.w3);
    dv.setUint16(24, cksumFold(cksumAddView(dv, 14, 20, 0)));
    p[34] = type;
    p[35] = code;
    dv.setUint16(40, mtu);
    p.set(quote, 42);
    dv.setUint16(36, cksumFold(cksumAddView(dv, 34, 8 + quote.length, 0)));
    this.frame(p);
  }

  private arp(op: number, sha: Uint8Array, spa: string, tha: Uint8Array, tpa: string, to: Uint8Array): void {
    const p = new Uint8Array(42);
    const dv = new DataView(p.buffer);
    p.set(to, 0);
    p.set(sha, 6);
    dv.setUint16(12, 0x0806);
    dv.setUint16(14, 1);
    dv.setUint16(16, 0x0800);
    p[18] = 6;
    p[19] = 4;
    dv.setUint16(20, op);
    p.set(sha, 22);
    dv.setInt32(28, parseInAddr(spa)!.w3);
    p.set(tha, 32);
    dv.setInt32(38, parseInAddr(tpa)!.w3);
    const m = this.kernel.mbufs.fromBytes(p, 64);
    if (m !== null && this.ifp !== null) ifInput(this.ifp, m);
  }

  /** The next segment that the stack has sent, as a line; null if there is none. */
  next(): string | null {
    const s = this.outs.shift();
    return s === undefined ? null : this.line(s);
  }

  /** All segments sent since, as lines. */
  all(): string[] {
    return this.outs.splice(0).map((s) => this.line(s));
  }

  /** `flags seq:end(len) ack n win w <options>`; ack without a flag is shown as `rawack`. */
  line(s: Out): string {
    if (!s.sumOk) return 'bad checksum';
    const seq = (s.seq - this.iss) | 0;
    const ack = (s.flags & 16) !== 0 ? ` ack ${(s.ack - this.irs) | 0}` : s.ack === 0 ? '' : ` rawack ${s.ack}`;
    const opts = s.opts === '' ? '' : ` <${s.opts}>`;
    return `${formatTcpFlags(s.flags)} ${seq}:${seq + s.data.length}(${s.data.length})${ack} win ${s.win}${opts}`;
  }

  /** A connection by the passive way, with these options in the SYN. Returns [listener, child]. */
  passive(opts: readonly number[] = [...MSS(1460), ...SACKOK, 0, 0], l: Socket = this.listen()): [Socket, Socket] {
    this.inject('S 0:0(0)', { opts });
    this.next();
    this.inject('. 1:1(0) ack 1');
    return [l, this.accept(l)];
  }

  /** A connection by the active way. */
  active(opts: readonly number[] = [...MSS(1460), ...SACKOK, 0, 0]): Socket {
    const so = this.connect();
    this.next();
    this.inject('S. 0:0(0) ack 1', { opts });
    this.next();
    return so;
  }
}

function formatOpts(o: Uint8Array, iss: number, irs: number): { text: string; mss: number; tsval: number } {
  const dv = new DataView(o.buffer, o.byteOffset, o.byteLength);
  const out: string[] = [];
  let mss = 0;
  let tsval = 0;
  void iss;
  for (let i = 0; i < o.length; ) {
    const k = o[i]!;
    if (k === 0) {
      out.push('eol');
      i++;
      continue;
    }
    if (k === 1) {
      out.push('nop');
      i++;
      continue;
    }
    const n = o[i + 1]!;
    if (k === 2) {
      mss = dv.getUint16(i + 2);
      out.push(`mss ${mss}`);
    } else if (k === 3) out.push(`wscale ${o[i + 2]}`);
    else if (k === 4) out.push('sackOK');
    else if (k === 8) {
      tsval = dv.getInt32(i + 2);
      out.push(`TS ecr ${dv.getUint32(i + 6)}`);
    } else if (k === 5) {
      const blocks: string[] = [];
      for (let j = i + 2; j < i + n; j += 8) blocks.push(`${(dv.getInt32(j) - irs) | 0}:${(dv.getInt32(j + 4) - irs) | 0}`);
      out.push(`sack ${blocks.join(' ')}`);
    } else if (k === 34) out.push(`FO${n > 2 ? ' ' : ''}${Buffer.from(o.subarray(i + 2, i + n)).toString('hex')}`);
    else out.push(`opt ${k}`);
    i += n;
  }
  return { text: out.join(','), mss, tsval };
}
