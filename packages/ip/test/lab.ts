/* A kernel with the network layer, and Ethernet interfaces whose far end is the test. Only the wire is made up. */
import { arp } from '@ns/arp';
import { loop } from '@ns/drv-loop';
import { ether } from '@ns/ether';
import { ifAddAddr, ifDelAddr, ifioctl, ifInput, ifnet, ifnetOf, type Ifnet, ifUp, ifDown, ifVmove } from '@ns/ifnet';
import { IF_ATTACH_VERSION, type IfDriver, IFNET_KPI, type IfnetKpi, IFT_ETHER } from '@ns/ifnet-kpi';
import { inpcb } from '@ns/inpcb';
import { Kernel, virtualHost, type VirtualHost, type Vnet, type VnetAllocator, type VnetReport } from '@ns/kern';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { ribAdd, route, ROUTE, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
import { cksumAddView, cksumFold, type InAddr, parseCidr, parseEtherAddr, parseInAddr } from '@ns/wire';
import { ip, IP, type IpVnet } from '@ns/ip';

/** What a test interface has sent. */
export class Wire {
  readonly frames: Uint8Array[] = [];
  readonly flags: number[] = [];
  readonly csum: number[] = [];
  /** Answer of transmit. */
  errno = 0;
  /** Frames are kept. */
  keep = true;

  /** Takes all frames sent so far. */
  take(): Uint8Array[] {
    return this.frames.splice(0);
  }

  /** Takes the frames of one Ethernet type, without the Ethernet header. */
  takeType(type: number): Uint8Array[] {
    return this.take()
      .filter((f) => ((f[12]! << 8) | f[13]!) === type)
      .map((f) => f.subarray(14));
  }
}

const driver: IfDriver = Object.freeze({
  name: 'wire',
  type: IFT_ETHER,
  ops: Object.freeze({
    origin: 'wire',
    transmit(_ifp: unknown, m: Mbuf, softc: unknown): number {
      const w = softc as Wire;
      if (w.keep) {
        w.frames.push(mToBytes(m));
        w.flags.push(m.flags);
        w.csum.push(m.csumFlags);
      }
      mFreem(m);
      return w.errno;
    },
  }),
});

export interface TestIf {
  readonly ifp: Ifnet;
  readonly wire: Wire;
  readonly mac: Uint8Array;
}

export class Lab {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly kpi: IfnetKpi;

  constructor(options: { seed?: number; tunables?: Record<string, string>; noLoop?: boolean } = {}) {
    this.host = virtualHost({ seed: options.seed ?? 1, ...(options.tunables !== undefined && { tunables: options.tunables }) });
    this.kernel = new Kernel(this.host);
    this.kernel.mbufs.poison = true;
    const mods = [netisr(), ifnet(), ...(options.noLoop === true ? [] : [loop()]), ether(), route(), arp(), inpcb(), ip()];
    for (const mod of mods) {
      const r = this.kernel.kldload(mod);
      if (r.errno !== 0) throw new Error(`${mod.name}: ${r.message}`);
    }
    this.vnet = this.kernel.vnets.vnet0;
    this.kpi = this.kernel.service(IFNET_KPI);
    const lo = this.ifp('lo0');
    if (lo !== null) this.addr(lo, '127.0.0.1/8');
  }

  private allocator: VnetAllocator | null = null;

  /** Another vnet, with its own lo0. */
  newVnet(name: string): Vnet {
    this.allocator ??= this.kernel.vnets.claim('test');
    const r = this.allocator.alloc(name);
    if (r.vnet === null) throw new Error(r.message);
    return r.vnet;
  }

  dropVnet(vnet: Vnet): VnetReport {
    return this.allocator!.destroy(vnet);
  }

  move(ifp: Ifnet, vnet: Vnet): void {
    if (ifVmove(ifp, vnet) !== 0) throw new Error('ifVmove');
    this.host.settle();
  }

  sysctl(name: string, vnet: Vnet = this.vnet): unknown {
    return this.kernel.sysctl.sysctlGet(name, { vnet, jailed: false }).value;
  }

  inAddr(text: string): InAddr {
    return parseInAddr(text)!;
  }

  ipOf(vnet: Vnet): IpVnet {
    return IP.get(vnet);
  }

  get ip(): IpVnet {
    return IP.get(this.vnet);
  }

  ifp(name: string, vnet: Vnet = this.vnet): Ifnet | null {
    const h = this.kpi.ifUnit(vnet, name);
    return h === null ? null : ifnetOf(h);
  }

  /** An Ethernet interface with an address, its announcement already taken. */
  ether(mac: string, cidr: string | null, options: { vnet?: Vnet; mtu?: number; capabilities?: number } = {}): TestIf {
    const wire = new Wire();
    const lla = parseEtherAddr(mac)!;
    const r = this.kpi.ifAttach(options.vnet ?? this.vnet, {
      version: IF_ATTACH_VERSION,
      drv: driver,
      softc: wire,
      lla,
      ...(options.mtu !== undefined && { mtu: options.mtu }),
      ...(options.capabilities !== undefined && { capabilities: options.capabilities, capenable: options.capabilities }),
    });
    if (!r.ok) throw new Error('attach');
    const ifp = ifnetOf(r.ifp);
    if (cidr !== null) this.addr(ifp, cidr);
    this.host.settle();
    wire.take();
    return { ifp, wire, mac: lla };
  }

  addr(ifp: Ifnet, cidr: string): void {
    const c = parseCidr(cidr)!;
    const errno = ifAddAddr(ifp, { addr: c.addr, prefixlen: c.prefixlen });
    if (errno !== 0) throw new Error(`ifAddAddr ${cidr}: ${errno}`);
  }

  delAddr(ifp: Ifnet, addr: string): number {
    const a = parseInAddr(addr)!;
    return ifDelAddr(ifp, a, a.af);
  }

  up(ifp: Ifnet): void {
    ifUp(ifp);
  }

  down(ifp: Ifnet): void {
    ifDown(ifp);
  }

  route(dst: string, gw: string, flags = 0, vnet: Vnet = this.vnet): number {
    const c = parseCidr(dst === 'default' ? '0.0.0.0/0' : dst)!;
    return ribAdd(ROUTE.get(vnet).inet(0), { dst: c.addr, prefixlen: c.prefixlen, flags: RTF_GATEWAY | RTF_STATIC | flags, gw: parseInAddr(gw)! });
  }

  /** Loads the loopback driver, which a lab made with `noLoop` lacks. */
  loadLoop(): void {
    this.kernel.kldload(loop());
  }

  loadIp(): void {
    this.kernel.kldload(ip());
  }

  loadArp(): void {
    this.kernel.kldload(arp());
  }

  /** A frame comes in. */
  inject(t: TestIf, frame: Uint8Array): void {
    const m = this.kernel.mbufs.fromBytes(frame, 64)!;
    ifInput(t.ifp, m);
    this.host.settle();
  }

  /** An IP packet comes in, from a neighbour. */
  injectIp(t: TestIf, packet: Uint8Array, options: { from?: string; to?: Uint8Array } = {}): void {
    this.inject(t, etherFrame(options.to ?? t.mac, parseEtherAddr(options.from ?? '02:00:00:00:00:99')!, 0x0800, packet));
  }

  /** A neighbour that answers: its ARP reply comes in. */
  neighbour(t: TestIf, addr: string, mac: string): void {
    this.inject(t, arpFrame(2, mac, addr, t.mac, t.ifp.addrs.find((a) => a.af === 2)!.addr.toString()));
    t.wire.take();
  }

  /** Frames sent by this interface are no longer kept. */
  dropFrames(t: TestIf): void {
    t.wire.keep = false;
  }

  /** Mbufs in use. */
  get outstanding(): number {
    return this.kernel.mbufs.outstanding;
  }

  logs(part: string): number {
    return this.host.logged.filter((e) => e.text.includes(part)).length;
  }
}

export { ifioctl };

export function etherFrame(dst: Uint8Array, src: Uint8Array, type: number, payload: Uint8Array): Uint8Array {
  const f = new Uint8Array(14 + payload.length);
  f.set(dst, 0);
  f.set(src, 6);
  f[12] = type >>> 8;
  f[13] = type & 255;
  f.set(payload, 14);
  return f;
}

export const BCAST_MAC: Uint8Array = Uint8Array.of(255, 255, 255, 255, 255, 255);

export function v4(a: string): number {
  return (parseInAddr(a) as InAddr).w3;
}

/** ARP over Ethernet; `to` is where the frame goes, by default to everybody for a request. */
export function arpFrame(op: number, sha: string, spa: string, tha: Uint8Array, tpa: string, to?: Uint8Array): Uint8Array {
  const p = new Uint8Array(28);
  const dv = new DataView(p.buffer);
  const mac = parseEtherAddr(sha)!;
  dv.setUint16(0, 1);
  dv.setUint16(2, 0x0800);
  p[4] = 6;
  p[5] = 4;
  dv.setUint16(6, op);
  p.set(mac, 8);
  dv.setInt32(14, v4(spa));
  p.set(op === 1 ? new Uint8Array(6) : tha, 18);
  dv.setInt32(24, v4(tpa));
  return etherFrame(to ?? (op === 1 ? BCAST_MAC : tha), mac, 0x0806, p);
}

export interface IpOptions {
  readonly src: string;
  readonly dst: string;
  readonly proto?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  readonly off?: number;
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
  /** Overrides, to make it wrong. */
  readonly len?: number;
  readonly hl?: number;
  readonly version?: number;
  readonly sum?: number;
}

export function ipPacket(o: IpOptions): Uint8Array {
  const payload = o.payload ?? new Uint8Array(0);
  const opt = o.options ?? new Uint8Array(0);
  const hlen = 20 + opt.length;
  const p = new Uint8Array(hlen + payload.length);
  const dv = new DataView(p.buffer);
  p[0] = ((o.version ?? 4) << 4) | (o.hl ?? hlen >>> 2);
  p[1] = o.tos ?? 0;
  dv.setUint16(2, o.len ?? p.length);
  dv.setUint16(4, o.id ?? 0x1234);
  dv.setUint16(6, o.off ?? 0);
  p[8] = o.ttl ?? 64;
  p[9] = o.proto ?? 253;
  dv.setInt32(12, v4(o.src));
  dv.setInt32(16, v4(o.dst));
  p.set(opt, 20);
  p.set(payload, hlen);
  dv.setUint16(10, o.sum ?? cksumFold(cksumAddView(dv, 0, hlen, 0)));
  return p;
}

export function icmpMessage(type: number, code: number, word: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const p = new Uint8Array(8 + data.length);
  const dv = new DataView(p.buffer);
  p[0] = type;
  p[1] = code;
  dv.setInt32(4, word);
  p.set(data, 8);
  dv.setUint16(2, cksumFold(cksumAddView(dv, 0, p.length, 0)));
  return p;
}

export function bytes(n: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed) & 255);
}

/** The header of a packet as a record of its fields. */
export function parseIp(p: Uint8Array): { src: number; dst: number; proto: number; ttl: number; tos: number; id: number; off: number; len: number; hlen: number; sumOk: boolean; payload: Uint8Array } {
  const dv = new DataView(p.buffer, p.byteOffset, p.byteLength);
  const hlen = (p[0]! & 15) << 2;
  return {
    src: dv.getInt32(12),
    dst: dv.getInt32(16),
    proto: p[9]!,
    ttl: p[8]!,
    tos: p[1]!,
    id: dv.getUint16(4),
    off: dv.getUint16(6),
    len: dv.getUint16(2),
    hlen,
    sumOk: cksumFold(cksumAddView(dv, 0, hlen, 0)) === 0,
    payload: p.slice(hlen, dv.getUint16(2)),
  };
}

export function cksumOk(p: Uint8Array): boolean {
  return cksumFold(cksumAddView(new DataView(p.buffer, p.byteOffset, p.byteLength), 0, p.length, 0)) === 0;
}
