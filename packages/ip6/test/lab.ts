/* A kernel with IPv6, and interfaces whose far end is the test: Ethernet with neighbours that the test enters, and point-to-point. Only the wire is made up. */
import { loop } from '@ns/drv-loop';
import { ETHER, ether, type EtherResolver } from '@ns/ether';
import { ifAddAddr, ifDelAddr, ifInput, ifnet, ifnetOf, type Ifnet, ifTypeRegister, ifTransmit, ifUp, ifVmove } from '@ns/ifnet';
import { DLT_RAW, IF_ATTACH_VERSION, type IfDriver, IFF_MULTICAST, IFF_POINTOPOINT, IFNET_KPI, type IfnetKpi, IFT_ETHER, IFT_PPP } from '@ns/ifnet-kpi';
import { inpcb } from '@ns/inpcb';
import { ip6, IP6, type Ip6Vnet } from '@ns/ip6';
import { Kernel, virtualHost, type VirtualHost, type Vnet, type VnetAllocator } from '@ns/kern';
import { LLE_STATIC, llentrySetAddr, Lltable } from '@ns/lltable';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { netisr, NETISR, NETISR_IPV6 } from '@ns/netisr';
import { ribAdd, route, ROUTE, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
import {
  AF_INET6,
  cksumAddView,
  cksumFold,
  ETHERTYPE_IPV6,
  type InAddr,
  inAddr6,
  parseCidr,
  parseEtherAddr,
  parseInAddr,
  pseudoSum6,
} from '@ns/wire';

/** What a test interface has sent. */
export class Wire {
  readonly frames: Uint8Array[] = [];
  readonly flags: number[] = [];
  readonly csum: number[] = [];
  readonly csumData: number[] = [];
  errno = 0;
  /** Frames are kept. */
  keep = true;

  /** Takes all frames sent so far. */
  take(): Uint8Array[] {
    this.flags.length = 0;
    this.csum.length = 0;
    this.csumData.length = 0;
    return this.frames.splice(0);
  }
}

function transmit(_ifp: unknown, m: Mbuf, softc: unknown): number {
  const w = softc as Wire;
  if (w.keep) {
    w.frames.push(mToBytes(m));
    w.flags.push(m.flags);
    w.csum.push(m.csumFlags);
    w.csumData.push(m.csumData);
  }
  mFreem(m);
  return w.errno;
}

const etherDriver: IfDriver = Object.freeze({ name: 'wire', type: IFT_ETHER, ops: Object.freeze({ origin: 'wire', transmit }) });
const p2pDriver: IfDriver = Object.freeze({ name: 'tun', type: IFT_PPP, ops: Object.freeze({ origin: 'tun', transmit }) });

export interface TestIf {
  readonly ifp: Ifnet;
  readonly wire: Wire;
  readonly mac: Uint8Array;
}

export interface IfOptions {
  readonly vnet?: Vnet;
  readonly mtu?: number;
  readonly capabilities?: number;
}

export class Lab {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly kpi: IfnetKpi;
  private allocator: VnetAllocator | null = null;
  private readonly tables = new Map<Ifnet, Lltable>();

  constructor(options: { seed?: number; tunables?: Record<string, string> } = {}) {
    this.host = virtualHost({ seed: options.seed ?? 1, ...(options.tunables !== undefined && { tunables: options.tunables }) });
    this.kernel = new Kernel(this.host);
    this.kernel.mbufs.poison = true;
    for (const mod of [netisr(), ifnet(), loop(), ether(), route(), inpcb(), ip6()]) {
      const r = this.kernel.kldload(mod);
      if (r.errno !== 0) throw new Error(`${mod.name}: ${r.message}`);
    }
    this.vnet = this.kernel.vnets.vnet0;
    this.kpi = this.kernel.service(IFNET_KPI);
    this.kernel.service(ETHER).setResolver(this.resolver());
    ifTypeRegister(this.kernel, {
      type: IFT_PPP,
      name: 'ppp',
      hdrlen: 0,
      addrlen: 0,
      dlt: DLT_RAW,
      mtu: 1500,
      flags: IFF_POINTOPOINT | IFF_MULTICAST,
      baudrate: 0,
      output: (ifp, m) => ifTransmit(ifp, m),
      input: (_ifp, m) => void this.kernel.service(NETISR).dispatch(NETISR_IPV6, m),
    });
    ifUp(this.ifp('lo0'));
  }

  /** Neighbours are those that the test has entered. */
  private resolver(): EtherResolver {
    return {
      af: AF_INET6,
      resolve: (ifp, m, dst) => {
        const lle = this.tables.get(ifp)?.lookup(dst) ?? null;
        if (lle !== null) return lle;
        mFreem(m);
        return 65; // EHOSTUNREACH
      },
    };
  }

  newVnet(name: string): Vnet {
    this.allocator ??= this.kernel.vnets.claim('test');
    const r = this.allocator.alloc(name);
    if (r.vnet === null) throw new Error(r.message);
    return r.vnet;
  }

  dropVnet(vnet: Vnet): { leaks?: unknown } {
    return this.allocator!.destroy(vnet) as never;
  }

  move(ifp: Ifnet, vnet: Vnet): void {
    if (ifVmove(ifp, vnet) !== 0) throw new Error('ifVmove');
    this.host.settle();
  }

  sysctl(name: string, vnet: Vnet = this.vnet): unknown {
    return this.kernel.sysctl.sysctlGet(name, { vnet, jailed: false }).value;
  }

  get ip6(): Ip6Vnet {
    return IP6.get(this.vnet);
  }

  ifp(name: string, vnet: Vnet = this.vnet): Ifnet {
    const h = this.kpi.ifUnit(vnet, name);
    if (h === null) throw new Error(name);
    return ifnetOf(h);
  }

  /** An Ethernet interface, up, with an address if one is given; what it sent so far is forgotten. */
  ether(mac: string, cidr: string | null, options: IfOptions = {}): TestIf {
    return this.attach(etherDriver, parseEtherAddr(mac)!, cidr, options);
  }

  /** A point-to-point interface without link header. */
  p2p(cidr: string | null, options: IfOptions = {}): TestIf {
    return this.attach(p2pDriver, null, cidr, options);
  }

  private attach(drv: IfDriver, lla: Uint8Array | null, cidr: string | null, options: IfOptions): TestIf {
    const wire = new Wire();
    const r = this.kpi.ifAttach(options.vnet ?? this.vnet, {
      version: IF_ATTACH_VERSION,
      drv,
      softc: wire,
      ...(lla !== null && { lla }),
      ...(options.mtu !== undefined && { mtu: options.mtu }),
      ...(options.capabilities !== undefined && { capabilities: options.capabilities, capenable: options.capabilities }),
    });
    if (!r.ok) throw new Error('attach');
    const ifp = ifnetOf(r.ifp);
    ifUp(ifp);
    if (cidr !== null) this.addr(ifp, cidr);
    this.host.settle();
    wire.take();
    return { ifp, wire, mac: lla ?? new Uint8Array(6) };
  }

  addr(ifp: Ifnet, cidr: string, flags = 0): void {
    const c = parseCidr(cidr)!;
    const errno = ifAddAddr(ifp, { addr: c.addr, prefixlen: c.prefixlen, flags });
    if (errno !== 0) throw new Error(`ifAddAddr ${cidr}: ${errno}`);
  }

  delAddr(ifp: Ifnet, addr: string): number {
    const a = parseInAddr(addr)!;
    return ifDelAddr(ifp, a, a.af);
  }

  /** The link-local address of an interface. */
  linklocal(t: TestIf): InAddr {
    return t.ifp.addrs.find((a) => a.af === AF_INET6 && a.addr.w0 >>> 16 === 0xfe80)!.addr;
  }

  route(dst: string, gw: string, options: { fib?: number; flags?: number; vnet?: Vnet; zone?: Ifnet } = {}): number {
    const c = parseCidr(dst === 'default' ? '::/0' : dst)!;
    const g = parseInAddr(gw)!;
    const via = options.zone === undefined ? g : inAddr6(g.w0, g.w1, g.w2, g.w3, options.zone.index);
    return ribAdd(ROUTE.get(options.vnet ?? this.vnet).inet6(options.fib ?? 0), {
      dst: c.addr,
      prefixlen: c.prefixlen,
      flags: RTF_GATEWAY | RTF_STATIC | (options.flags ?? 0),
      gw: via,
    });
  }

  /** Enters a neighbour. */
  neighbour(t: TestIf, addr: string, mac: string): void {
    let table = this.tables.get(t.ifp);
    if (table === undefined) this.tables.set(t.ifp, (table = new Lltable(t.ifp, AF_INET6, { removed() {} })));
    const lle = table.create(parseInAddr(addr)!, LLE_STATIC)!;
    llentrySetAddr(lle, parseEtherAddr(mac)!, 0, t.mac, ETHERTYPE_IPV6);
  }

  /** A frame comes in. */
  inject(t: TestIf, frame: Uint8Array): void {
    ifInput(t.ifp, this.kernel.mbufs.fromBytes(frame, 64)!);
    this.host.settle();
  }

  /** An IPv6 packet comes in: on Ethernet from a neighbour. */
  in6(t: TestIf, packet: Uint8Array, options: { to?: Uint8Array } = {}): void {
    if (t.ifp.type !== IFT_ETHER) this.inject(t, packet);
    else this.inject(t, etherFrame(options.to ?? (packet[24] === 0xff ? groupMac(packet) : t.mac), parseEtherAddr('02:00:00:00:00:99')!, packet));
  }

  /** The IPv6 packets sent by an interface, without link header. Those of MLD, which come by themselves, only with `mld`. */
  out6(t: TestIf, mld = false): Uint8Array[] {
    const hdr = t.ifp.hdrlen;
    return t.wire
      .take()
      .map((f) => f.slice(hdr))
      .filter((p) => mld || p[6] !== 0 || (p[48] !== 143 && p[48] !== 131));
  }

  get outstanding(): number {
    return this.kernel.mbufs.outstanding;
  }
}

function groupMac(p: Uint8Array): Uint8Array {
  return Uint8Array.of(0x33, 0x33, p[36]!, p[37]!, p[38]!, p[39]!);
}

export function etherFrame(dst: Uint8Array, src: Uint8Array, payload: Uint8Array): Uint8Array {
  const f = new Uint8Array(14 + payload.length);
  f.set(dst, 0);
  f.set(src, 6);
  f[12] = 0x86;
  f[13] = 0xdd;
  f.set(payload, 14);
  return f;
}

export interface Ip6Options {
  readonly src: string;
  readonly dst: string;
  readonly nxt?: number;
  readonly hlim?: number;
  readonly tclass?: number;
  readonly flow?: number;
  /** Everything behind the fixed header. */
  readonly payload?: Uint8Array;
  /** Overrides, to make it wrong. */
  readonly plen?: number;
  readonly version?: number;
}

export function put6(p: Uint8Array, o: number, addr: string): void {
  const a = parseInAddr(addr)!;
  const dv = new DataView(p.buffer, p.byteOffset);
  dv.setInt32(o, a.w0);
  dv.setInt32(o + 4, a.w1);
  dv.setInt32(o + 8, a.w2);
  dv.setInt32(o + 12, a.w3);
}

export function ip6Packet(o: Ip6Options): Uint8Array {
  const payload = o.payload ?? new Uint8Array(0);
  const p = new Uint8Array(40 + payload.length);
  const dv = new DataView(p.buffer);
  dv.setInt32(0, ((o.version ?? 6) << 28) | ((o.tclass ?? 0) << 20) | (o.flow ?? 0));
  dv.setUint16(4, o.plen ?? payload.length);
  p[6] = o.nxt ?? 59;
  p[7] = o.hlim ?? 64;
  put6(p, 8, o.src);
  put6(p, 24, o.dst);
  p.set(payload, 40);
  return p;
}

/** Puts the checksum at `off` of the upper-layer message that ends the packet and begins at `l4`. */
export function seal(p: Uint8Array, proto: number, l4: number, off: number): Uint8Array {
  const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
  const len = p.length - l4;
  const w = (o: number): number => dv.getInt32(o);
  dv.setUint16(l4 + off, 0);
  const sum = cksumFold(cksumAddView(dv, l4, len, pseudoSum6(w(8), w(12), w(16), w(20), w(24), w(28), w(32), w(36), proto, len)));
  dv.setUint16(l4 + off, sum);
  return p;
}

/** An ICMPv6 message as a packet; `ext` are extension headers in front of it, `nxt` the first of them. */
export function icmp6Packet(o: Ip6Options & { type: number; code?: number; word?: number; data?: Uint8Array; ext?: Uint8Array }): Uint8Array {
  const data = o.data ?? new Uint8Array(0);
  const ext = o.ext ?? new Uint8Array(0);
  const payload = new Uint8Array(ext.length + 8 + data.length);
  payload.set(ext, 0);
  const dv = new DataView(payload.buffer, ext.length);
  dv.setUint8(0, o.type);
  dv.setUint8(1, o.code ?? 0);
  dv.setInt32(4, o.word ?? 0);
  payload.set(data, ext.length + 8);
  return seal(ip6Packet({ ...o, nxt: ext.length === 0 ? 58 : (o.nxt ?? 58), payload }), 58, 40 + ext.length, 2);
}

export function bytes(n: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed) & 255);
}

export function hex(p: Uint8Array, from: number, to: number): string {
  return [...p.slice(from, to)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

/** The addresses of a packet as text. */
export function addrsOf(p: Uint8Array): [src: string, dst: string] {
  const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
  const a = (o: number): string => inAddr6(dv.getInt32(o), dv.getInt32(o + 4), dv.getInt32(o + 8), dv.getInt32(o + 12)).toString();
  return [a(8), a(24)];
}

/** Whether the checksum of the ICMPv6 message at `l4` is right. */
export function icmp6SumOk(p: Uint8Array, l4 = 40): boolean {
  const copy = p.slice();
  const was = hex(copy, l4 + 2, l4 + 4);
  seal(copy, 58, l4, 2);
  return hex(copy, l4 + 2, l4 + 4) === was;
}
