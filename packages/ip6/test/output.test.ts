/* What goes out: RFC 8200 §5, RFC 4007, RFC 6437, RFC 8201; checksum offload; routing tables. */
import { EHOSTUNREACH, EMSGSIZE } from '@ns/errno';
import { IFCAP_TSO6, IFCAP_TXCSUM_IPV6 } from '@ns/ifnet-kpi';
import { INET_DF, type InetAf, IpMoptions } from '@ns/inpcb';
import { CSUM_DATA_VALID, CSUM_DATA_VALID_IPV6, CSUM_DELAY_DATA_IPV6, CSUM_IP6_TSO, CSUM_TCP_IPV6, CSUM_UDP_IPV6, M_PKTHDR, type Mbuf, mFreem } from '@ns/mbuf';
import { RT_DEFAULT_FIB } from '@ns/route';
import { AF_INET6, type InAddr, IN6ADDR_ANY, inAddr6, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { addrsOf, bytes, hex, icmp6Packet, Lab, seal, type TestIf } from './lab.ts';

const a = (t: string): InAddr => parseInAddr(t)!;

function af(l: Lab): InetAf {
  return l.ip6.inet.af(AF_INET6)!;
}

/** A transport packet: `n` bytes, the checksum field of TCP or UDP holding the pseudo-header sum. */
function transport(l: Lab, src: InAddr, dst: InAddr, proto: 6 | 17, n: number): Mbuf {
  const b = bytes(n);
  const off = proto === 6 ? 16 : 6;
  const dv = new DataView(b.buffer);
  if (proto === 6) b[12] = 0x50;
  dv.setUint16(off, af(l).pseudoSum(src, dst, proto, n));
  const m = l.kernel.mbufs.fromBytes(b, 64)!;
  m.flags |= M_PKTHDR;
  m.csumFlags = proto === 6 ? CSUM_TCP_IPV6 : CSUM_UDP_IPV6;
  m.csumData = off;
  return m;
}

function send(l: Lab, src: InAddr, dst: InAddr, proto: 6 | 17, n: number, over: { flags?: number; fib?: number; tsoSegsz?: number } = {}): number {
  const m = transport(l, src, dst, proto, n);
  m.fibnum = over.fib ?? RT_DEFAULT_FIB;
  if (over.tsoSegsz !== undefined) {
    m.csumFlags |= CSUM_IP6_TSO;
    m.tsoSegsz = over.tsoSegsz;
  }
  return af(l).output(l.vnet, m, src, dst, proto, 64, 0, over.flags ?? 0, null, null);
}

/** Whether the checksum of a packet is right. */
function sumOk(p: Uint8Array, proto: 6 | 17): boolean {
  const off = proto === 6 ? 16 : 6;
  const copy = seal(p.slice(), proto, 40, off);
  return hex(copy, 40 + off, 42 + off) === hex(p, 40 + off, 42 + off);
}

const ME = a('2001:db8::1');
const PEER = a('2001:db8::2');

function lab(capabilities = 0, mtu = 1500): { l: Lab; t: TestIf } {
  const l = new Lab();
  return { l, t: l.p2p('2001:db8::1/64', { capabilities, mtu }) };
}

describe('checksums on output', () => {
  it('T25 computes only the pseudo-header sum where the interface does the rest, and says where it goes', () => {
    for (const [proto, off, bit] of [[6, 16, CSUM_TCP_IPV6], [17, 6, CSUM_UDP_IPV6]] as const) {
      const { l, t } = lab(IFCAP_TXCSUM_IPV6);
      expect(send(l, ME, PEER, proto, 60)).toBe(0);
      expect([t.wire.csum[0]! & CSUM_DELAY_DATA_IPV6, t.wire.csumData[0]]).toEqual([bit, off]);
      const [p] = l.out6(t);
      expect(Number.parseInt(hex(p!, 40 + off, 42 + off), 16)).toBe(af(l).pseudoSum(ME, PEER, proto, 60));
    }
  });

  it('T25 does it in software where the interface does not', () => {
    for (const proto of [6, 17] as const) {
      const { l, t } = lab(0);
      expect(send(l, ME, PEER, proto, 61)).toBe(0);
      expect(t.wire.csum[0]! & CSUM_DELAY_DATA_IPV6).toBe(0);
      expect(sumOk(l.out6(t)[0]!, proto)).toBe(true);
    }
  });

  it('T26 the payload length is filled in by output, whatever it was', () => {
    const { l, t } = lab();
    send(l, ME, PEER, 17, 33);
    expect(hex(l.out6(t)[0]!, 4, 6)).toBe('0021');
  });

  it('T18 T19 what the two families share has the same value', () => {
    expect(CSUM_DELAY_DATA_IPV6).toBe(CSUM_TCP_IPV6 | CSUM_UDP_IPV6);
    expect(CSUM_DATA_VALID_IPV6).toBe(CSUM_DATA_VALID);
  });

  it('T17 has FreeBSD\'s values', () => {
    expect([CSUM_UDP_IPV6, CSUM_TCP_IPV6, CSUM_IP6_TSO]).toEqual([0x200, 0x400, 0x1000]);
  });

  it('leaves segmentation to an interface that does it, and cuts itself for one that does not', () => {
    const big = 20 + 4000;
    const hw = lab(IFCAP_TXCSUM_IPV6 | IFCAP_TSO6);
    expect(send(hw.l, ME, PEER, 6, big, { tsoSegsz: 1400 })).toBe(0);
    expect(hw.l.out6(hw.t).map((p) => p.length)).toEqual([40 + big]);
    const sw = lab(0);
    expect(send(sw.l, ME, PEER, 6, big, { tsoSegsz: 1400 })).toBe(0);
    const out = sw.l.out6(sw.t);
    expect(out.map((p) => p.length)).toEqual([1460, 1460, 1260]);
    expect(out.every((p) => sumOk(p, 6) && (p[4]! << 8 | p[5]!) === p.length - 40)).toBe(true);
    expect([hw.l.outstanding, sw.l.outstanding]).toEqual([0, 0]);
  });
});

describe('size', () => {
  it('fragments at the source, and only there; each fragment but the last is as full as it can be', () => {
    const { l, t } = lab();
    expect(send(l, ME, PEER, 17, 4000)).toBe(0);
    const out = l.out6(t);
    expect(out.map((p) => p.length)).toEqual([1496, 1496, 1152]);
    expect(out.map((p) => [p[6], p[40], (p[42]! << 8) | p[43]!])).toEqual([
      [44, 17, 1],
      [44, 17, 1448 | 1],
      [44, 17, 2896],
    ]);
    expect(new Set(out.map((p) => hex(p, 44, 48))).size).toBe(1);
    const whole = Uint8Array.from([...out[0]!.slice(0, 40), ...out.flatMap((p) => [...p.slice(48)])]);
    expect(sumOk(whole, 17)).toBe(true);
    expect([l.ip6.stat.fragmented, l.ip6.stat.ofragments]).toEqual([1, 3]);
    expect(send(l, ME, PEER, 17, 4000, { flags: INET_DF })).toBe(EMSGSIZE);
    expect(l.ip6.stat.cantfrag).toBe(1);
    expect(l.outstanding).toBe(0);
  });

  it('follows the path MTU for ten minutes (RFC 8201)', () => {
    const { l, t } = lab();
    send(l, ME, PEER, 17, 1400);
    const [sent] = l.out6(t);
    l.in6(t, icmp6Packet({ src: '2001:db8::99', dst: '2001:db8::1', type: 2, word: 1300, data: sent!.slice(0, 100) }));
    send(l, ME, PEER, 17, 1400);
    expect(l.out6(t).map((p) => p.length)).toEqual([1296, 40 + 8 + 1400 - 1248]);
    send(l, ME, a('2001:db8::3'), 17, 1400);
    expect(l.out6(t).map((p) => p.length)).toEqual([1440]);
    l.host.advance(601e6);
    send(l, ME, PEER, 17, 1400);
    expect(l.out6(t).map((p) => p.length)).toEqual([1440]);
  });

  it('more than 65535 bytes of payload are refused', () => {
    const { l } = lab();
    const m = l.kernel.mbufs.fromBytes(new Uint8Array(65536), 64)!;
    m.flags |= M_PKTHDR;
    expect(af(l).output(l.vnet, m, ME, PEER, 17, 64, 0, 0, null, null)).toBe(EMSGSIZE);
    expect(l.outstanding).toBe(0);
  });
});

describe('addresses and scopes', () => {
  it('chooses a source for a packet that has none', () => {
    const { l, t } = lab();
    expect(send(l, IN6ADDR_ANY, PEER, 17, 20)).toBe(0);
    expect(addrsOf(l.out6(t)[0]!)).toEqual(['2001:db8::1', '2001:db8::2']);
  });

  it('keeps link-local sources on their link, and loopback inside (RFC 4007 §9)', () => {
    const { l, t } = lab();
    const other = l.p2p('2001:db8:1::1/64');
    const lla = l.linklocal(t);
    expect(send(l, lla, a('2001:db8:1::2'), 17, 20)).toBe(EHOSTUNREACH);
    expect(send(l, a('::1'), PEER, 17, 20)).toBe(EHOSTUNREACH);
    expect(send(l, lla, PEER, 17, 20)).toBe(0);
    expect(l.ip6.stat.badscope).toBe(2);
    expect([l.out6(t).length, l.out6(other).length, l.outstanding]).toEqual([1, 0, 0]);
  });

  it('asks for a zone where an address needs one', () => {
    const { l, t } = lab();
    expect(send(l, IN6ADDR_ANY, a('fe80::99'), 17, 20)).toBe(EHOSTUNREACH);
    expect(send(l, IN6ADDR_ANY, inAddr6(0xfe800000, 0, 0, 0x99, t.ifp.index), 17, 20)).toBe(0);
    expect(addrsOf(l.out6(t)[0]!)[1]).toBe('fe80::99');
  });

  it('says when there is no way', () => {
    const { l } = lab();
    expect(send(l, ME, a('2001:db8:ffff::1'), 17, 20)).toBe(EHOSTUNREACH);
    expect(l.ip6.stat.noroute).toBe(1);
    expect(af(l).selectSource(l.vnet, 0, a('2001:db8:ffff::1'), null)).toBe(EHOSTUNREACH);
  });

  it('multicast goes out with its own hop limit, is heard here when joined, and stays inside with hop limit 0', () => {
    const l = new Lab();
    const t = l.ether('02:00:00:00:00:01', '2001:db8::1/64');
    const got: string[] = [];
    l.ip6.inet.registerProto({ proto: 17, name: 'x', input: (m, pkt) => {
      got.push(`${pkt.srcAddr()} ${pkt.dstAddr()} ${pkt.ttl}`);
      mFreem(m);
    } });
    const group = a('ff02::1234');
    const mo = new IpMoptions();
    mo.ifp = t.ifp;
    mo.ttl = 5;
    const out = (): number => af(l).output(l.vnet, transport(l, IN6ADDR_ANY, group, 17, 20), IN6ADDR_ANY, group, 17, 64, 0, 0, null, { opts: { moptions: mo } } as never);
    expect(out()).toBe(0);
    l.host.settle();
    let frames = t.wire.take();
    expect(frames.map((f) => [hex(f, 0, 6), f[14 + 7]])).toEqual([['333300001234', 5]]);
    expect(got).toEqual([]);
    expect(af(l).joinGroup!(l.vnet, group, t.ifp)).toBe(t.ifp);
    l.host.settle();
    t.wire.take();
    mo.ttl = 0;
    expect(out()).toBe(0);
    l.host.settle();
    frames = t.wire.take();
    expect(frames).toEqual([]);
    expect(got).toEqual([`fe80::ff:fe00:1%${t.ifp.index} ff02::1234%${t.ifp.index} 0`]);
    mo.loop = false;
    out();
    l.host.settle();
    expect(got).toHaveLength(1);
    expect(l.outstanding).toBe(0);
  });
});

describe('flow labels (RFC 6437)', () => {
  it('are the same for a flow and differ between flows; none with net.inet6.ip6.auto_flowlabel=0', () => {
    const { l, t } = lab();
    const label = (): number => {
      const p = l.out6(t)[0]!;
      return ((p[1]! & 15) << 16) | (p[2]! << 8) | p[3]!;
    };
    send(l, ME, PEER, 17, 20);
    const one = label();
    send(l, ME, PEER, 17, 20);
    expect(label()).toBe(one);
    expect(one).not.toBe(0);
    const labels = new Set<number>();
    for (let i = 3; i < 60; i++) {
      send(l, ME, a(`2001:db8::${i}`), 17, 20);
      labels.add(label());
    }
    expect(labels.size).toBeGreaterThan(50);
    l.ip6.autoFlowlabel = false;
    send(l, ME, PEER, 17, 20);
    expect(label()).toBe(0);
  });
});

describe('routing tables', () => {
  it('T31 T34 each FIB has its own default route for IPv6, and the packet says which', () => {
    const l = new Lab({ tunables: { 'net.fibs': '2' } });
    const one = l.p2p('2001:db8:1::1/64');
    const two = l.p2p('2001:db8:2::1/64');
    l.kernel.sysctl.sysctlSet('net.add_addr_allfibs', 1, { vnet: l.vnet, jailed: false });
    for (const t of [one, two]) {
      const { addrs } = t.ifp;
      for (const x of addrs) l.delAddr(t.ifp, x.addr.toString());
      l.addr(t.ifp, t === one ? '2001:db8:1::1/64' : '2001:db8:2::1/64');
    }
    expect(l.route('default', '2001:db8:1::9', { fib: RT_DEFAULT_FIB })).toBe(0);
    expect(l.route('default', '2001:db8:2::9', { fib: 1 })).toBe(0);
    const dst = a('2001:db8:ffff::1');
    expect(send(l, IN6ADDR_ANY, dst, 17, 20, { fib: RT_DEFAULT_FIB })).toBe(0);
    expect(send(l, IN6ADDR_ANY, dst, 17, 20, { fib: 1 })).toBe(0);
    expect(l.out6(one).map((p) => addrsOf(p)[0])).toEqual(['2001:db8:1::1']);
    expect(l.out6(two).map((p) => addrsOf(p)[0])).toEqual(['2001:db8:2::1']);
  });
});
