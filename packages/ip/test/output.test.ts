import { EACCES, EADDRNOTAVAIL, EHOSTUNREACH, EINVAL, EMSGSIZE, ENETUNREACH } from '@ns/errno';
import { IFCAP_TSO4, IFCAP_TXCSUM, IFF_MULTICAST } from '@ns/ifnet-kpi';
import {
  INET,
  INET_ALLOWBROADCAST,
  INET_DF,
  INET_NOFRAG,
  INET_RAWHDR,
  INET_ROUTETOIF,
  INET_SENDONES,
  type InetAf,
  InpOpts,
  type Inpcb,
  type InPkt,
  IpMoptions,
  PathInfo,
  type Protosw,
} from '@ns/inpcb';
import { CSUM_IP, CSUM_IP_TCP, CSUM_IP_TSO, CSUM_IP_UDP, type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { ribAdd, ROUTE, Route, RTF_BLACKHOLE, RTF_REJECT, RTF_STATIC } from '@ns/route';
import { cksumAddView, cksumFold, INADDR_ANY, parseCidr, pseudoSum4 } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { bytes, ipPacket, Lab, parseIp, type TestIf, v4 } from './lab.ts';

class Sink implements Protosw {
  readonly proto = 253;
  readonly name = 'sink';
  readonly got: { src: number; dst: number; ifname: string; payload: Uint8Array }[] = [];
  input(m: Mbuf, pkt: InPkt): void {
    this.got.push({ src: pkt.src3, dst: pkt.dst3, ifname: pkt.ifp.name, payload: mToBytes(m).slice(pkt.off) });
    mFreem(m);
  }
}

interface Setup {
  readonly lab: Lab;
  readonly em: TestIf;
  readonly af: InetAf;
  readonly sink: Sink;
  /** Sends `payload` as protocol 253 and returns the errno. */
  send(dst: string, payload?: Uint8Array, flags?: number, inp?: Inpcb | null, src?: string): number;
  out(): ReturnType<typeof parseIp>[];
}

function setup(options: { mtu?: number; capabilities?: number } = {}): Setup {
  const lab = new Lab();
  const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24', options);
  lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
  lab.neighbour(em, '10.0.0.254', '02:00:00:00:00:fe');
  lab.route('default', '10.0.0.254');
  const af = INET.get(lab.vnet).af(2)!;
  const sink = new Sink();
  INET.get(lab.vnet).registerProto(sink);
  return {
    lab,
    em,
    af,
    sink,
    send: (dst, payload = bytes(32), flags = 0, inp = null, src = '0.0.0.0') => {
      const m = lab.kernel.mbufs.fromBytes(payload, 120)!;
      const errno = af.output(lab.vnet, m, lab.inAddr(src), lab.inAddr(dst), 253, 64, 0, flags, null, inp);
      lab.host.settle();
      return errno;
    },
    out: () => em.wire.takeType(0x0800).map((x) => parseIp(x)),
  };
}

const withOpts = (fill: (o: InpOpts) => void): Inpcb => {
  const opts = new InpOpts();
  fill(opts);
  return { opts } as Inpcb;
};

describe('the header', () => {
  it('is complete: lengths, source by route, checksum', () => {
    const { send, out } = setup();
    expect(send('192.0.2.1', bytes(32), INET_DF)).toBe(0);
    expect(out()).toMatchObject([{ src: v4('10.0.0.1'), dst: v4('192.0.2.1'), len: 52, off: 0x4000, id: 0, ttl: 64, proto: 253, sumOk: true }]);
  });

  it('identification: 0 where it means nothing (RFC 6864), else each time another; random ones never twice in 8192', () => {
    const { lab, send, out } = setup();
    send('10.0.0.2', bytes(8), INET_DF);
    for (let i = 0; i < 3; i++) send('10.0.0.2', bytes(8));
    const ids = out().map((p) => p.id);
    expect(ids[0]).toBe(0);
    expect([ids[2]! - ids[1]!, ids[3]! - ids[2]!]).toEqual([1, 1]);
    lab.ip.rfc6864 = false;
    send('10.0.0.2', bytes(8), INET_DF);
    expect(out()[0]!.id).not.toBe(0);
    lab.ip.ids.random = true;
    const seen = Array.from({ length: 30000 }, () => lab.ip.ids.newid());
    for (let i = 0; i < seen.length; i += 4096) expect(new Set(seen.slice(i, i + 8192)).size).toBe(Math.min(8192, seen.length - i));
    expect(seen.includes(0)).toBe(false);
  });

  it('fills the route cache and uses it', () => {
    const { lab, af, em } = setup();
    const ro = new Route();
    const go = (): number => af.output(lab.vnet, lab.kernel.mbufs.fromBytes(bytes(8), 120)!, INADDR_ANY, lab.inAddr('192.0.2.1'), 253, 64, 0, 0, ro, null);
    expect([go(), go()]).toEqual([0, 0]);
    expect(ro.nh?.gw?.toString()).toBe('10.0.0.254');
    expect(ro.lle?.addr.toString()).toBe('10.0.0.254');
    expect(em.wire.take().length).toBe(2);
  });

  it('socket options go behind the header; raw packets keep theirs', () => {
    const { lab, af, em, send, out } = setup();
    expect(send('10.0.0.2', bytes(8), 0, withOpts((o) => (o.options = Uint8Array.of(148, 4, 0, 0))))).toBe(0);
    const [p] = em.wire.takeType(0x0800);
    expect([...p!.subarray(20, 32)]).toEqual([148, 4, 0, 0, ...bytes(8)]);
    expect(parseIp(p!)).toMatchObject({ hlen: 24, len: 32, sumOk: true });
    const raw = ipPacket({ src: '0.0.0.0', dst: '10.0.0.2', id: 0, ttl: 3, payload: bytes(8) });
    expect(af.output(lab.vnet, lab.kernel.mbufs.fromBytes(raw, 64)!, INADDR_ANY, lab.inAddr('10.0.0.2'), 253, 64, 0, INET_RAWHDR, null, null)).toBe(0);
    expect(out()).toMatchObject([{ src: v4('10.0.0.1'), ttl: 3, sumOk: true }]);
    for (const bad of [bytes(10), Uint8Array.of(0x41, ...raw.subarray(1)), raw.subarray(0, 24)]) {
      expect(af.output(lab.vnet, lab.kernel.mbufs.fromBytes(bad, 64)!, INADDR_ANY, lab.inAddr('10.0.0.2'), 253, 64, 0, INET_RAWHDR, null, null)).toBe(EINVAL);
    }
    expect(lab.outstanding).toBe(0);
  });
});

describe('where it goes', () => {
  it('our own address goes through lo0 and comes back', () => {
    const { lab, em, send, sink } = setup();
    expect(send('10.0.0.1')).toBe(0);
    expect(send('127.0.0.1')).toBe(0);
    expect(sink.got).toMatchObject([
      { src: v4('10.0.0.1'), dst: v4('10.0.0.1'), ifname: 'lo0', payload: bytes(32) },
      { src: v4('127.0.0.1'), dst: v4('127.0.0.1'), ifname: 'lo0' },
    ]);
    expect(em.wire.take()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('errors: no route, reject, blackhole, loopback address outside', () => {
    const lab = new Lab();
    const af = INET.get(lab.vnet).af(2)!;
    const rib = ROUTE.get(lab.vnet).inet(0);
    for (const [net, flags] of [['198.51.100.0/24', RTF_REJECT], ['203.0.113.0/24', RTF_BLACKHOLE], ['203.0.114.1/32', RTF_REJECT]] as const) {
      const c = parseCidr(net)!;
      ribAdd(rib, { dst: c.addr, prefixlen: c.prefixlen, flags: flags | RTF_STATIC });
    }
    const go = (dst: string): number => af.output(lab.vnet, lab.kernel.mbufs.fromBytes(bytes(8), 120)!, INADDR_ANY, lab.inAddr(dst), 253, 64, 0, 0, null, null);
    expect(['192.0.2.1', '198.51.100.1', '203.0.114.1', '203.0.113.1'].map(go)).toEqual([EHOSTUNREACH, ENETUNREACH, EHOSTUNREACH, 0]);
    expect(lab.ip.stat.noroute).toBe(1);
    const s = setup();
    expect(s.send('10.0.0.2', bytes(8), 0, null, '127.0.0.1')).toBe(EADDRNOTAVAIL);
    expect(s.lab.ip.stat.badaddr).toBe(1);
    expect(lab.outstanding + s.lab.outstanding).toBe(0);
  });

  it('broadcast needs permission, fits one packet, and is heard here too', () => {
    const { em, send, out, sink } = setup();
    expect(send('10.0.0.255')).toBe(EACCES);
    expect(send('10.0.0.255', bytes(3000), INET_ALLOWBROADCAST)).toBe(EMSGSIZE);
    expect(send('10.0.0.255', bytes(8), INET_ALLOWBROADCAST)).toBe(0);
    expect([...em.wire.frames[0]!.subarray(0, 6)]).toEqual([255, 255, 255, 255, 255, 255]);
    expect(out().map((p) => p.dst)).toEqual([v4('10.0.0.255')]);
    expect(sink.got).toMatchObject([{ dst: v4('10.0.0.255'), payload: bytes(8) }]);
    expect(send('255.255.255.255', bytes(8), INET_ALLOWBROADCAST)).toBe(0);
    expect([...em.wire.frames[0]!.subarray(0, 6)]).toEqual([255, 255, 255, 255, 255, 255]);
    out();
    expect(send('10.0.0.255', bytes(8), INET_ALLOWBROADCAST | INET_SENDONES)).toBe(0);
    expect(out()).toMatchObject([{ dst: -1, ttl: 1, sumOk: true }]);
  });

  it('INET_ROUTETOIF reaches connected networks only, with TTL 1', () => {
    const { send, out } = setup();
    expect(send('192.0.2.1', bytes(8), INET_ROUTETOIF)).toBe(ENETUNREACH);
    expect(send('10.0.0.2', bytes(8), INET_ROUTETOIF)).toBe(0);
    expect(out()).toMatchObject([{ dst: v4('10.0.0.2'), ttl: 1 }]);
  });

  it('multicast: TTL and loop of the socket; heard here only when joined', () => {
    const { lab, em, af, send, out, sink } = setup();
    const mo = new IpMoptions();
    mo.ttl = 5;
    const inp = withOpts((o) => (o.moptions = mo));
    expect(send('239.1.2.3', bytes(8), 0, inp)).toBe(0);
    expect(out()).toMatchObject([{ ttl: 5, src: v4('10.0.0.1') }]);
    expect(sink.got).toEqual([]);
    af.joinGroup!(lab.vnet, lab.inAddr('239.1.2.3'), em.ifp);
    send('239.1.2.3', bytes(8), 0, inp);
    expect(sink.got).toMatchObject([{ dst: v4('239.1.2.3'), payload: bytes(8) }]);
    mo.loop = false;
    send('239.1.2.3', bytes(8), 0, inp);
    expect(sink.got.length).toBe(1);
    mo.ttl = 0;
    mo.loop = true;
    out();
    send('239.1.2.3', bytes(8), 0, inp);
    expect(out()).toEqual([]);
    expect(sink.got.length).toBe(2);
    em.ifp.stackFlags &= ~IFF_MULTICAST;
    expect(send('239.1.2.3', bytes(8), 0, inp)).toBe(ENETUNREACH);
    expect(lab.outstanding).toBe(0);
  });
});

describe('what does not fit', () => {
  it('is fragmented: multiples of eight, in order, each with its checksum, options only where copied', () => {
    const { lab, send, out } = setup({ mtu: 576 });
    send('10.0.0.2', bytes(2000));
    const f = out();
    expect(f.map((p) => [p.len, p.off & 0x1fff, p.off >>> 13])).toEqual([[572, 0, 1], [572, 69, 1], [572, 138, 1], [364, 207, 0]]);
    expect(new Set(f.map((p) => p.id)).size).toBe(1);
    expect(f.every((p) => p.sumOk)).toBe(true);
    expect(f.flatMap((p) => [...p.payload])).toEqual([...bytes(2000)]);
    const options = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0); // record route is not copied, router alert is
    send('10.0.0.2', bytes(1000), 0, withOpts((o) => (o.options = options)));
    const g = out();
    expect(g.map((p) => p.hlen)).toEqual([32, 28]);
    expect(g.every((p) => p.sumOk)).toBe(true);
    expect(g.flatMap((p) => [...p.payload])).toEqual([...bytes(1000)]);
    expect(lab.ip.stat).toMatchObject({ fragmented: 2, ofragments: 6, localout: 2 });
    expect(lab.outstanding).toBe(0);
  });

  it('or refused: DF, INET_NOFRAG, more than 65535', () => {
    const { lab, send } = setup({ mtu: 576 });
    expect(send('10.0.0.2', bytes(2000), INET_DF)).toBe(EMSGSIZE);
    expect(send('10.0.0.2', bytes(2000), INET_NOFRAG)).toBe(EMSGSIZE);
    expect(send('10.0.0.2', new Uint8Array(65516))).toBe(EMSGSIZE);
    expect(lab.ip.stat.cantfrag).toBe(2);
    expect(lab.outstanding).toBe(0);
  });

  it('a sender that runs out of mbufs in the middle leaves nothing behind', () => {
    const lab = new Lab({ tunables: { 'kern.ipc.nmbufs': '40' } });
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24', { mtu: 72 });
    lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
    const af = INET.get(lab.vnet).af(2)!;
    expect(af.output(lab.vnet, lab.kernel.mbufs.fromBytes(bytes(4000), 120)!, INADDR_ANY, lab.inAddr('10.0.0.2'), 253, 64, 0, 0, null, null)).not.toBe(0);
    expect(lab.outstanding).toBe(0);
    expect(lab.ip.stat.odropped).toBe(1);
  });
});

describe('checksums and segmentation', () => {
  const SRC = '10.0.0.1';
  const DST = '10.0.0.2';

  /** A TCP or UDP packet that leaves its checksum to the interface, as the transports do. */
  function offloaded(s: Setup, proto: number, payload: Uint8Array, csum: number, tso = 0): number {
    const hdr = new Uint8Array(proto === 6 ? 20 : 8);
    const dv = new DataView(hdr.buffer);
    if (proto === 6) {
      dv.setInt32(4, 1000);
      hdr[12] = 0x50;
      hdr[13] = 0x18;
    } else dv.setUint16(4, 8 + payload.length);
    const field = proto === 6 ? 16 : 6;
    dv.setUint16(field, pseudoSum4(v4(SRC), v4(DST), proto, hdr.length + payload.length));
    const m = s.lab.kernel.mbufs.fromBytes(Uint8Array.of(...hdr, ...payload), 120)!;
    m.csumFlags = csum;
    m.csumData = field;
    m.tsoSegsz = tso;
    return s.af.output(s.lab.vnet, m, s.lab.inAddr(SRC), s.lab.inAddr(DST), proto, 64, 0, INET_DF, null, null);
  }

  const good = (p: ReturnType<typeof parseIp>): boolean => {
    const dv = new DataView(p.payload.buffer);
    return cksumFold(cksumAddView(dv, 0, p.payload.length, pseudoSum4(p.src, p.dst, p.proto, p.payload.length))) === 0;
  };

  it.each([[6, CSUM_IP_TCP], [17, CSUM_IP_UDP]])('protocol %i: done here when the interface does not', (proto, csum) => {
    const s = setup();
    for (const n of [0, 1, 7, 1000]) {
      expect(offloaded(s, proto, bytes(n), csum)).toBe(0);
      const [p] = s.out();
      expect([p!.sumOk, good(p!)]).toEqual([true, true]);
    }
    expect(s.em.wire.csum.every((c) => c === 0)).toBe(true);
  });

  it('a UDP sum of 0 goes out as 0xffff', () => {
    const s = setup();
    // The payload that brings the sum to zero: the complement of all the rest.
    const rest = cksumFold(pseudoSum4(v4(SRC), v4(DST), 17, 10) + 10);
    offloaded(s, 17, Uint8Array.of(rest >>> 8, rest & 255), CSUM_IP_UDP);
    expect(new DataView(s.out()[0]!.payload.buffer).getUint16(6)).toBe(0xffff);
  });

  it('left to an interface that does it, with the request in csumFlags', () => {
    const s = setup({ capabilities: IFCAP_TXCSUM });
    offloaded(s, 6, bytes(100), CSUM_IP_TCP);
    expect(s.em.wire.csum[s.em.wire.csum.length - 1]).toBe(CSUM_IP | CSUM_IP_TCP);
    const [p] = s.out();
    expect(good(p!)).toBe(false);
  });

  it('finished before fragmentation', () => {
    const s = setup({ mtu: 576, capabilities: IFCAP_TXCSUM });
    const payload = bytes(1500);
    const hdr = new Uint8Array(8);
    new DataView(hdr.buffer).setUint16(4, 1508);
    new DataView(hdr.buffer).setUint16(6, pseudoSum4(v4(SRC), v4(DST), 17, 1508));
    const m = s.lab.kernel.mbufs.fromBytes(Uint8Array.of(...hdr, ...payload), 120)!;
    m.csumFlags = CSUM_IP_UDP;
    m.csumData = 6;
    s.af.output(s.lab.vnet, m, s.lab.inAddr(SRC), s.lab.inAddr(DST), 17, 64, 0, 0, null, null);
    const f = s.out();
    const whole = Uint8Array.from(f.flatMap((p) => [...p.payload]));
    expect(cksumFold(cksumAddView(new DataView(whole.buffer), 0, whole.length, pseudoSum4(v4(SRC), v4(DST), 17, whole.length)))).toBe(0);
  });

  it('TSO packets pass where the interface takes them', () => {
    const s = setup({ capabilities: IFCAP_TXCSUM | IFCAP_TSO4 });
    expect(offloaded(s, 6, bytes(5000), CSUM_IP_TCP | CSUM_IP_TSO, 1460)).toBe(0);
    expect(s.em.wire.csum.at(-1)).toBe(CSUM_IP | CSUM_IP_TCP | CSUM_IP_TSO);
    expect(s.out()[0]!.len).toBe(5040);
  });

  it('and are cut where it does not', () => {
    const s = setup();
    expect(offloaded(s, 6, bytes(5000), CSUM_IP_TCP | CSUM_IP_TSO, 1460)).toBe(0);
    const f = s.out();
    expect(f.map((p) => p.len)).toEqual([1500, 1500, 1500, 660]);
    expect(f.every((p) => p.sumOk && good(p))).toBe(true);
    expect(f.map((p) => new DataView(p.payload.buffer).getInt32(4))).toEqual([1000, 2460, 3920, 5380]);
    expect(f.flatMap((p) => [...p.payload.subarray(20)])).toEqual([...bytes(5000)]);
    expect(s.lab.outstanding).toBe(0);
  });
});

describe('what transports ask', () => {
  it('source, path, locality', () => {
    const { lab, em, af } = setup({ capabilities: IFCAP_TXCSUM | IFCAP_TSO4 });
    lab.addr(em.ifp, '10.0.0.7/24');
    const src = (dst: string): string => `${af.selectSource(lab.vnet, 0, lab.inAddr(dst), null)}`;
    expect(['192.0.2.1', '10.0.0.9', '10.0.0.7', '127.0.0.1'].map(src)).toEqual(['10.0.0.1', '10.0.0.1', '10.0.0.7', '127.0.0.1']);
    const out = new PathInfo();
    expect(af.pathInfo(lab.vnet, 0, lab.inAddr('192.0.2.1'), out)).toBe(0);
    expect(out).toMatchObject({ mtu: 1500, ifmtu: 1500, tsoEnabled: true, loop: false, onlink: false });
    expect(af.pathInfo(lab.vnet, 0, lab.inAddr('10.0.0.1'), out)).toBe(0);
    expect(out).toMatchObject({ mtu: 16384, loop: true, onlink: true });
    expect(['10.0.0.1', '10.0.0.7', '10.0.0.255', '10.0.0.9'].map((a) => af.isLocal(lab.vnet, lab.inAddr(a)))).toEqual([true, true, true, false]);
    expect(['10.0.0.255', '255.255.255.255', '10.0.0.1'].map((a) => af.isBroadcast(lab.vnet, lab.inAddr(a)))).toEqual([true, true, false]);
    expect(`${af.primaryAddr(lab.vnet)} ${af.primaryBroadcast(lab.vnet)} ${af.ifAddr(em.ifp)}`).toBe('10.0.0.1 10.0.0.255 10.0.0.1');
    const bare = new Lab();
    const baf = INET.get(bare.vnet).af(2)!;
    expect(baf.selectSource(bare.vnet, 0, bare.inAddr('192.0.2.1'), null)).toBe(ENETUNREACH);
    expect(baf.pathInfo(bare.vnet, 0, bare.inAddr('192.0.2.1'), out)).toBe(ENETUNREACH);
  });
});
