import { BPF_ALU, BPF_AND, BPF_B, BPF_K, BPF_LD, BPF_LDX, BPF_LEN, BPF_MSH, BPF_W } from '@ns/bpf';
import { DLT_EN10MB, DLT_NULL, DLT_RAW } from '@ns/ifnet-kpi';
import { AF_INET, ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, type InAddr, IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, prefixMask4, prefixMask6 } from '@ns/wire';
import { and, type Asm, type Label, not, or, type Test } from './asm.ts';

/** Which end a test means. */
export type Dir = 'src' | 'dst' | 'both' | 'either';

/** Tests on packets of one link type: what the primitives of pcap-filter(7) come down to. */
export class LinkTests {
  /** Bytes in front of the network header. */
  readonly off: number;
  private readonly dlt: number;

  constructor(dlt: number) {
    this.dlt = dlt;
    this.off = dlt === DLT_EN10MB ? 14 : dlt === DLT_NULL ? 4 : 0;
  }

  /** Whether this link type is known. */
  get known(): boolean {
    return this.dlt === DLT_EN10MB || this.dlt === DLT_NULL || this.dlt === DLT_RAW;
  }

  readonly never: Test = (asm, _t, f) => {
    asm.stmt(BPF_LD | BPF_W | BPF_LEN, 0);
    asm.jset(0, f, f);
  };

  /** A load of a constant position, and its comparison. */
  private eq(size: 1 | 2 | 4, off: number, k: number): Test {
    return (asm, t, f) => {
      asm.load(size, off);
      asm.jeq(k, t, f);
    };
  }

  /** Link-level protocol. */
  ethertype(type: number): Test {
    if (this.dlt === DLT_EN10MB) return this.eq(2, 12, type);
    const version = type === ETHERTYPE_IP ? 0x40 : type === ETHERTYPE_IPV6 ? 0x60 : -1;
    if (version < 0) return this.never;
    return (asm, t, f) => {
      asm.load(1, this.off);
      asm.stmt(BPF_ALU | BPF_AND | BPF_K, 0xf0);
      asm.jeq(version, t, f);
    };
  }

  get ip(): Test {
    return this.ethertype(ETHERTYPE_IP);
  }

  get ip6(): Test {
    return this.ethertype(ETHERTYPE_IPV6);
  }

  get arp(): Test {
    return this.ethertype(ETHERTYPE_ARP);
  }

  ipProto(proto: number): Test {
    return and(this.ip, this.eq(1, this.off + 9, proto));
  }

  ip6Proto(proto: number): Test {
    return and(this.ip6, this.eq(1, this.off + 6, proto));
  }

  /** A transport protocol over either network protocol. */
  proto(proto: number): Test {
    return or(this.ip6Proto(proto), this.ipProto(proto));
  }

  private ends(dir: Dir, src: Test, dst: Test): Test {
    return dir === 'src' ? src : dir === 'dst' ? dst : dir === 'both' ? and(src, dst) : or(src, dst);
  }

  /** A network, or a host with a full prefix. `only` narrows it to one protocol. */
  net(a: InAddr, prefixlen: number, dir: Dir, only: 'ip' | 'arp' | 'ip6' | null): Test {
    if (a.af !== AF_INET) return only === null || only === 'ip6' ? and(this.ip6, this.ends(dir, this.addr6(this.off + 8, a, prefixlen), this.addr6(this.off + 24, a, prefixlen))) : this.never;
    const ip = and(this.ip, this.ends(dir, this.addr4(this.off + 12, a, prefixlen), this.addr4(this.off + 16, a, prefixlen)));
    const arp = and(this.arp, this.ends(dir, this.addr4(this.off + 14, a, prefixlen), this.addr4(this.off + 24, a, prefixlen)));
    return only === 'ip' ? ip : only === 'arp' ? arp : only === 'ip6' ? this.never : or(ip, arp);
  }

  private masked(off: number, word: number, mask: number): Test {
    return (asm, t, f) => {
      asm.load(4, off);
      if (mask !== -1) asm.stmt(BPF_ALU | BPF_AND | BPF_K, mask >>> 0);
      asm.jeq((word & mask) >>> 0, t, f);
    };
  }

  private addr4(off: number, a: InAddr, prefixlen: number): Test {
    return this.masked(off, a.w3, prefixMask4(prefixlen));
  }

  private addr6(off: number, a: InAddr, prefixlen: number): Test {
    return and(...[a.w0, a.w1, a.w2, a.w3].map((w, i) => this.masked(off + 4 * i, w, prefixMask6(prefixlen, i))));
  }

  /** Ports from `lo` to `hi` of TCP, UDP and SCTP, or of the one that is given. Fragments without a transport header have none. */
  ports(lo: number, hi: number, dir: Dir, proto: number | null): Test {
    const protos = proto === null ? [IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP] : [proto];
    const inRange = (asm: Asm, t: Label, f: Label): void => {
      if (lo === hi) asm.jeq(lo, t, f);
      else and((s, y, n) => s.jge(lo, y, n), (s, y, n) => s.jgt(hi, n, y))(asm, t, f);
    };
    const v6 = (off: number): Test => (asm, t, f) => {
      asm.load(2, this.off + off);
      inRange(asm, t, f);
    };
    const v4 = (off: number): Test => (asm, t, f) => {
      asm.stmt(BPF_LDX | BPF_B | BPF_MSH, this.off);
      asm.load(2, this.off + off, true);
      inRange(asm, t, f);
    };
    const ip6 = and(or(...protos.map((p) => this.ip6Proto(p))), this.ends(dir, v6(40), v6(42)));
    const ip = and(or(...protos.map((p) => this.ipProto(p))), this.firstFragment, this.ends(dir, v4(0), v4(2)));
    return or(ip6, ip);
  }

  private get firstFragment(): Test {
    return not((asm, t, f) => {
      asm.load(2, this.off + 6);
      asm.jset(0x1fff, t, f);
    });
  }

  /** Length of the packet at most `n`, or at least. */
  length(n: number, atMost: boolean): Test {
    return (asm, t, f) => {
      asm.stmt(BPF_LD | BPF_W | BPF_LEN, 0);
      if (atMost) asm.jgt(n, f, t);
      else asm.jge(n, t, f);
    };
  }

  /** Link address of an end. */
  ether(mac: Uint8Array, dir: Dir): Test {
    if (this.dlt !== DLT_EN10MB) return this.never;
    const dv = new DataView(mac.buffer, mac.byteOffset, 6);
    const at = (off: number): Test => and(this.eq(4, off + 2, dv.getUint32(2)), this.eq(2, off, dv.getUint16(0)));
    return this.ends(dir, at(6), at(0));
  }

  /** The group bit of the destination link address. */
  get etherMulticast(): Test {
    if (this.dlt !== DLT_EN10MB) return this.never;
    return (asm, t, f) => {
      asm.load(1, 0);
      asm.jset(1, t, f);
    };
  }

  /**
   * A comparison of bytes of the packet: `tcp[13] & 2 != 0`. The header of `proto` must be there; transports of IPv4 only, as in pcap-filter(7).
   */
  bytes(proto: string, off: number, size: 1 | 2 | 4, mask: number | null, relop: string, value: number): Test | null {
    const compare: Test = (asm, t, f) => {
      if (mask !== null) asm.stmt(BPF_ALU | BPF_AND | BPF_K, mask);
      if (relop === '>') asm.jgt(value, t, f);
      else if (relop === '>=') asm.jge(value, t, f);
      else if (relop === '<') asm.jge(value, f, t);
      else if (relop === '<=') asm.jgt(value, f, t);
      else if (relop === '!=') asm.jeq(value, f, t);
      else asm.jeq(value, t, f);
    };
    const at = (base: number): Test => (asm, t, f) => {
      asm.load(size, base + off);
      compare(asm, t, f);
    };
    const transport = (n: number): Test =>
      and(this.ipProto(n), this.firstFragment, (asm, t, f) => {
        asm.stmt(BPF_LDX | BPF_B | BPF_MSH, this.off);
        asm.load(size, this.off + off, true);
        compare(asm, t, f);
      });
    switch (proto) {
      case 'ether':
        return at(0);
      case 'ip':
        return and(this.ip, at(this.off));
      case 'ip6':
        return and(this.ip6, at(this.off));
      case 'arp':
        return and(this.arp, at(this.off));
      case 'tcp':
        return transport(IPPROTO_TCP);
      case 'udp':
        return transport(IPPROTO_UDP);
      case 'icmp':
        return transport(IPPROTO_ICMP);
      default:
        return null;
    }
  }
}
