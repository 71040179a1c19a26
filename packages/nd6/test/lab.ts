/* A kernel with IPv6 and neighbour discovery, and Ethernet interfaces whose far end is the test, or a hub to which other interfaces are plugged. Only the wire is made up. */
import { loop } from '@ns/drv-loop';
import { epair } from '@ns/drv-epair';
import { ether } from '@ns/ether';
import { findAddr, ifAddAddr, type Ifaddr, ifInput, ifnet, ifnetOf, type Ifnet, ifUp } from '@ns/ifnet';
import { IF_ATTACH_VERSION, type IfDriver, IFNET_KPI, type IfnetKpi, IFT_ETHER } from '@ns/ifnet-kpi';
import { inpcb } from '@ns/inpcb';
import { IN6_IFF_DEPRECATED, IN6_IFF_DETACHED, IN6_IFF_DUPLICATED, IN6_IFF_OPTIMISTIC, IN6_IFF_TENTATIVE, IN6_IFF_AUTOCONF, ip6, IP6, type Ip6Vnet } from '@ns/ip6';
import { Kernel, type ModuleDecl, virtualHost, type VirtualHost, type Vnet, type VnetAllocator, type VnetReport } from '@ns/kern';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { type Rib, ROUTE, route, rtFlagLetters } from '@ns/route';
import { AF_INET6, formatEtherAddr, type InAddr, inAddr6, parseCidr, parseEtherAddr, parseInAddr } from '@ns/wire';
import { nd6, ND6, type Nd6Vnet, ndpSnapshot } from '../src/index.ts';
import { addrsOf, etherFrame, icmp6Packet } from '../../ip6/test/lab.ts';

export const SEC = 1e6;
export const PEER = '02:00:00:00:00:02';
export const PEER_LL = 'fe80::2';

/** One end of a wire: keeps what an interface sends, or gives it to the other ports of a hub. */
export class Port {
  readonly frames: Uint8Array[] = [];
  hub: Hub | null = null;
  ifp: Ifnet | null = null;

  take(): Uint8Array[] {
    return this.frames.splice(0);
  }
}

/** An Ethernet hub: what one port sends all others hear. */
export class Hub {
  readonly ports: Port[] = [];
  /** Frames that passed. */
  readonly log: Uint8Array[] = [];
  /** Returns false for a frame that is to be lost. */
  filter: (f: Uint8Array, from: Port) => boolean = () => true;
  /** The sender hears itself, as on a looped link. */
  echo = false;
  private readonly lab: Lab;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  send(from: Port, frame: Uint8Array): void {
    if (!this.filter(frame, from)) return;
    this.log.push(frame);
    this.lab.host.defer(() => {
      for (const p of this.ports) {
        if ((p === from && !this.echo) || p.ifp === null) continue;
        const m = this.lab.kernel.mbufs.fromBytes(frame, 64);
        if (m !== null) ifInput(p.ifp, m);
      }
    });
  }
}

const driver: IfDriver = Object.freeze({
  name: 'em',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'em',
    transmit(_ifp: unknown, m: Mbuf, softc: unknown): number {
      const p = softc as Port;
      const bytes = mToBytes(m);
      mFreem(m);
      if (p.hub !== null) p.hub.send(p, bytes);
      else p.frames.push(bytes);
      return 0;
    },
  }),
});

export interface TestIf {
  readonly ifp: Ifnet;
  readonly port: Port;
  readonly mac: Uint8Array;
}

export interface LabOptions {
  readonly seed?: number;
  readonly tunables?: Record<string, string>;
  readonly extra?: readonly ModuleDecl[];
  /** net.inet6.ip6.dad_count; default 0, so that addresses are ready at once. */
  readonly dad?: number;
  /** net.inet6.ip6.use_stableaddr; default false. */
  readonly stable?: boolean;
}

export class Lab {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly kpi: IfnetKpi;
  private readonly options: LabOptions;
  private allocator: VnetAllocator | null = null;

  constructor(options: LabOptions = {}) {
    this.options = options;
    this.host = virtualHost({ seed: options.seed ?? 1, ...(options.tunables !== undefined && { tunables: options.tunables }) });
    this.kernel = new Kernel(this.host);
    this.kernel.mbufs.poison = true;
    for (const mod of [netisr(), ifnet(), ether(), loop(), epair(), route(), inpcb(), ip6(), nd6(), ...(options.extra ?? [])]) {
      const r = this.kernel.kldload(mod);
      if (r.errno !== 0) throw new Error(`${mod.name}: ${r.message}`);
    }
    this.vnet = this.kernel.vnets.vnet0;
    this.kpi = this.kernel.service(IFNET_KPI);
    this.tune(this.vnet);
  }

  private tune(vnet: Vnet): void {
    const nd = ND6.get(vnet);
    nd.dadCount = this.options.dad ?? 0;
    nd.useStableaddr = this.options.stable ?? false;
    nd.maxLogPerSecond = -1;
    ifUp(this.ifp('lo0', vnet));
  }

  newVnet(name: string): Vnet {
    this.allocator ??= this.kernel.vnets.claim('test');
    const r = this.allocator.alloc(name);
    if (r.vnet === null) throw new Error(r.message);
    this.tune(r.vnet);
    return r.vnet;
  }

  dropVnet(vnet: Vnet): VnetReport {
    return this.allocator!.destroy(vnet);
  }

  get nd(): Nd6Vnet {
    return ND6.get(this.vnet);
  }

  get ip6(): Ip6Vnet {
    return IP6.get(this.vnet);
  }

  nd6(vnet: Vnet): Nd6Vnet {
    return ND6.get(vnet);
  }

  ifp(name: string, vnet: Vnet = this.vnet): Ifnet {
    const h = this.kpi.ifUnit(vnet, name);
    if (h === null) throw new Error(name);
    return ifnetOf(h);
  }

  /** An Ethernet interface, up; what it has sent so far is forgotten. With `hub` it is plugged in there. */
  ether(mac: string, cidr: string | null = null, options: { vnet?: Vnet; hub?: Hub; mtu?: number } = {}): TestIf {
    const port = new Port();
    const lla = parseEtherAddr(mac)!;
    const r = this.kpi.ifAttach(options.vnet ?? this.vnet, { version: IF_ATTACH_VERSION, drv: driver, softc: port, lla, ...(options.mtu !== undefined && { mtu: options.mtu }) });
    if (!r.ok) throw new Error('attach');
    const ifp = ifnetOf(r.ifp);
    port.ifp = ifp;
    if (options.hub !== undefined) {
      port.hub = options.hub;
      options.hub.ports.push(port);
    }
    ifUp(ifp);
    if (cidr !== null) this.addr(ifp, cidr);
    this.host.settle();
    port.take();
    return { ifp, port, mac: lla };
  }

  addr(ifp: Ifnet, cidr: string, flags = 0): Ifaddr {
    const c = parseCidr(cidr)!;
    const errno = ifAddAddr(ifp, { addr: c.addr, prefixlen: c.prefixlen, flags });
    if (errno !== 0) throw new Error(`ifAddAddr ${cidr}: ${errno}`);
    const z = c.addr.w0 >>> 22 === 0x3fa ? inAddr6(c.addr.w0, c.addr.w1, c.addr.w2, c.addr.w3, ifp.index) : c.addr;
    return findAddr(ifp, z)!;
  }

  /** An address on the link of an interface. */
  at(t: TestIf | Ifnet, text: string): InAddr {
    const ifp = 'ifp' in t ? t.ifp : t;
    const a = parseInAddr(text)!;
    return a.w0 >>> 22 === 0x3fa || a.w0 >>> 16 === 0xff02 ? inAddr6(a.w0, a.w1, a.w2, a.w3, ifp.index) : a;
  }

  inject(t: TestIf, frame: Uint8Array): void {
    ifInput(t.ifp, this.kernel.mbufs.fromBytes(frame, 64)!);
    this.host.settle();
  }

  /** A message of neighbour discovery comes in from a neighbour. */
  in(t: TestIf, packet: Uint8Array, from: string = PEER): void {
    const to = packet[24] === 0xff ? Uint8Array.of(0x33, 0x33, ...packet.slice(36, 40)) : t.mac;
    this.inject(t, etherFrame(to, parseEtherAddr(from)!, packet));
  }

  /** Sends a packet of no importance to a neighbour; returns the errno. */
  send(t: TestIf, dst: string, src = '2001:db8::1'): number {
    const p = new Uint8Array(48);
    p[0] = 0x60;
    p[5] = 8;
    p[6] = 59;
    p[7] = 64;
    put(p, 8, parseInAddr(src)!);
    put(p, 24, parseInAddr(dst)!);
    const errno = t.ifp.output(t.ifp, this.kernel.mbufs.fromBytes(p, 64)!, AF_INET6, this.at(t, dst), null);
    this.host.settle();
    return errno;
  }

  /** The neighbour `addr` as ndp -a shows it, in short: address, state, flags. */
  row(addr: string, vnet: Vnet = this.vnet): string | undefined {
    const r = ndpSnapshot(vnet).find((x) => `${x.addr}`.split('%')[0] === addr);
    if (r === undefined) return undefined;
    return `${r.lladdr === null ? '(incomplete)' : formatEtherAddr(r.lladdr)} ${'IRSDP'[r.state]}${r.expiresInUs === null ? ' permanent' : ''}${r.isRouter ? ' R' : ''}${r.proxied ? ' p' : ''}`;
  }

  /** The IPv6 addresses of an interface with their flags; link-local ones only if asked for. */
  addrs(t: TestIf | Ifnet, linklocal = false): string[] {
    const ifp = 'ifp' in t ? t.ifp : t;
    return ifp.addrs.filter((a) => a.af === AF_INET6 && (linklocal || a.addr.w0 >>> 22 !== 0x3fa)).map((a) => `${`${a.addr}`.split('%')[0]}/${a.prefixlen}${flagsOf(a)}`);
  }

  /** The IPv6 routes of a table that are not link-local, as netstat -rn has them. */
  routes(fib = 0, vnet: Vnet = this.vnet): string[] {
    const rib: Rib = ROUTE.get(vnet).inet6(fib);
    const rows: string[] = [];
    rib.forEach((rt) => {
      const gw = rt.nh.gw === null ? '' : ` via ${`${rt.nh.gw}`.split('%')[0]}`;
      if (rt.dst.w0 >>> 22 !== 0x3fa && rt.dst.w0 >>> 24 !== 0xff && `${rt.dst}` !== '::1') rows.push(`${`${rt.dst}`}/${rt.prefixlen} ${rtFlagLetters(rt.nh.flags)}${gw} ${rt.nh.ifp.name}`);
    });
    return rows.sort();
  }

  logs(part: string): number {
    return this.host.logged.filter((e) => e.text.includes(part)).length;
  }

  get outstanding(): number {
    return this.kernel.mbufs.outstanding;
  }
}

function flagsOf(a: Ifaddr): string {
  const names: [number, string][] = [
    [IN6_IFF_TENTATIVE, 'tentative'],
    [IN6_IFF_OPTIMISTIC, 'optimistic'],
    [IN6_IFF_DUPLICATED, 'duplicated'],
    [IN6_IFF_DETACHED, 'detached'],
    [IN6_IFF_DEPRECATED, 'deprecated'],
    [IN6_IFF_AUTOCONF, 'autoconf'],
  ];
  return names.filter(([bit]) => (a.afflags & bit) !== 0).map(([, n]) => ` ${n}`).join('');
}

export function put(p: Uint8Array, o: number, a: InAddr): void {
  const dv = new DataView(p.buffer, p.byteOffset);
  dv.setInt32(o, a.w0);
  dv.setInt32(o + 4, a.w1);
  dv.setInt32(o + 8, a.w2);
  dv.setInt32(o + 12, a.w3);
}

export function lladdrOpt(type: number, mac: string): Uint8Array {
  return Uint8Array.of(type, 1, ...parseEtherAddr(mac)!);
}

export function cat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

export function addr16(text: string): Uint8Array {
  const p = new Uint8Array(16);
  put(p, 0, parseInAddr(text)!);
  return p;
}

export interface MsgOptions {
  readonly src?: string;
  readonly dst?: string;
  readonly hlim?: number;
  readonly code?: number;
  readonly opts?: Uint8Array;
  readonly ext?: Uint8Array;
  readonly nxt?: number;
}

/** The solicited-node group of an address. */
export function snm(target: string): string {
  const a = parseInAddr(target)!;
  return inAddr6(0xff020000, 0, 1, 0xff000000 | (a.w3 & 0xffffff)).toString();
}

export function nsPacket(target: string, o: MsgOptions = {}): Uint8Array {
  return icmp6Packet({ src: PEER_LL, dst: snm(target), hlim: 255, type: 135, ...o, data: cat(addr16(target), o.opts ?? lladdrOpt(1, PEER)) });
}

/** `flags`: R 0x80, S 0x40, O 0x20. */
export function naPacket(target: string, dst: string, flags: number, o: MsgOptions = {}): Uint8Array {
  return icmp6Packet({ src: PEER_LL, hlim: 255, type: 136, word: flags << 24, ...o, dst, data: cat(addr16(target), o.opts ?? lladdrOpt(2, PEER)) });
}

export function rsPacket(o: MsgOptions = {}): Uint8Array {
  return icmp6Packet({ src: PEER_LL, dst: 'ff02::2', hlim: 255, type: 133, ...o, data: o.opts ?? lladdrOpt(1, PEER) });
}

export interface RaOptions extends MsgOptions {
  readonly lifetime?: number;
  readonly flags?: number;
  readonly curhlim?: number;
  readonly reachable?: number;
  readonly retrans?: number;
}

export function raPacket(o: RaOptions = {}): Uint8Array {
  const data = new Uint8Array(8);
  const dv = new DataView(data.buffer);
  dv.setUint32(0, o.reachable ?? 0);
  dv.setUint32(4, o.retrans ?? 0);
  const word = ((o.curhlim ?? 64) << 24) | ((o.flags ?? 0) << 16) | (o.lifetime ?? 1800);
  return icmp6Packet({ src: PEER_LL, dst: 'ff02::1', hlim: 255, type: 134, ...o, word, data: cat(data, o.opts ?? lladdrOpt(1, PEER)) });
}

/** A prefix information option; flags: L 0x80, A 0x40. */
export function piOpt(prefix: string, options: { len?: number; flags?: number; valid?: number; preferred?: number } = {}): Uint8Array {
  const p = new Uint8Array(32);
  const dv = new DataView(p.buffer);
  p[0] = 3;
  p[1] = 4;
  p[2] = options.len ?? 64;
  p[3] = options.flags ?? 0xc0;
  dv.setUint32(4, options.valid ?? 86400);
  dv.setUint32(8, options.preferred ?? 14400);
  put(p, 16, parseInAddr(prefix)!);
  return p;
}

export function redirectPacket(target: string, dst: string, to: string, o: MsgOptions = {}): Uint8Array {
  return icmp6Packet({ src: PEER_LL, hlim: 255, type: 137, ...o, dst: to, data: cat(addr16(target), addr16(dst), o.opts ?? lladdrOpt(2, '02:00:00:00:00:03')) });
}

/** An ICMPv6 message sent, as a record. */
export interface Sent {
  readonly to: string;
  readonly src: string;
  readonly dst: string;
  readonly hlim: number;
  readonly type: number;
  /** Target of NS and NA. */
  readonly target: string;
  /** First byte behind the checksum. */
  readonly flags: number;
  /** Options as hex, each. */
  readonly opts: string[];
}

const hex = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');

const HEAD: Record<number, number> = { 133: 8, 134: 16, 135: 24, 136: 24, 137: 40 };

/** The messages of neighbour discovery among frames; MLD and everything else is left out. */
export function messages(frames: readonly Uint8Array[]): Sent[] {
  const out: Sent[] = [];
  for (const f of frames) {
    const p = f.subarray(14);
    if (f[12] !== 0x86 || p[6] !== 58 || HEAD[p[40]!] === undefined) continue;
    const [src, dst] = addrsOf(p);
    const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
    const opts: string[] = [];
    for (let o = 40 + HEAD[p[40]!]!; o < p.length; o += p[o + 1]! << 3) opts.push(hex(p.subarray(o, o + (p[o + 1]! << 3))));
    const tgt = p.length >= 64 ? inAddr6(dv.getInt32(48), dv.getInt32(52), dv.getInt32(56), dv.getInt32(60)).toString() : '';
    out.push({ to: formatEtherAddr(f.subarray(0, 6)), src, dst, hlim: p[7]!, type: p[40]!, target: p[40] === 135 || p[40] === 136 || p[40] === 137 ? tgt : '', flags: p[44]!, opts });
  }
  return out;
}
