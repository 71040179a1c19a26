import { ribAdd, ROUTE, RTF_BLACKHOLE, RTF_REJECT, RTF_STATIC } from '@ns/route';
import { parseCidr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { bytes, cksumOk, etherFrame, icmpMessage, ipPacket, Lab, parseIp, type TestIf, v4 } from './lab.ts';

interface Router {
  readonly lab: Lab;
  readonly a: TestIf;
  readonly b: TestIf;
}

/** Two networks and a gateway behind the second; the neighbours are known. */
function router(options: { mtuB?: number } = {}): Router {
  const lab = new Lab();
  const a = lab.ether('02:00:00:00:00:0a', '10.0.0.1/24');
  const b = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24', options.mtuB === undefined ? {} : { mtu: options.mtuB });
  lab.ip.forwarding = true;
  lab.neighbour(a, '10.0.0.2', '02:00:00:00:0a:02');
  lab.neighbour(b, '10.0.1.2', '02:00:00:00:0b:02');
  lab.neighbour(b, '10.0.1.254', '02:00:00:00:0b:fe');
  lab.route('192.0.2.0/24', '10.0.1.254');
  return { lab, a, b };
}

const through = { src: '10.0.0.2', dst: '10.0.1.2', payload: bytes(64) };

describe('forwarding (RFC 1812 §5.2)', () => {
  it('V24 forwards in a vnet where net.inet.ip.forwarding is 1 and drops where it is 0', () => {
    const lab = new Lab();
    const other = lab.newVnet('other');
    const run = (vnet = lab.vnet): TestIf => {
      const a = lab.ether('02:00:00:00:00:0a', '10.0.0.1/24', { vnet });
      const b = lab.ether('02:00:00:00:00:0b', '10.0.1.1/24', { vnet });
      lab.neighbour(b, '10.0.1.2', '02:00:00:00:0b:02');
      lab.injectIp(a, ipPacket(through));
      return b;
    };
    lab.ip.forwarding = true;
    expect(run().wire.take().length).toBe(1);
    expect(run(other).wire.take().length).toBe(0);
    expect(lab.ip.stat).toMatchObject({ forward: 1, cantforward: 0 });
    expect(lab.ipOf(other).stat).toMatchObject({ forward: 0, cantforward: 1 });
  });

  it('takes one off the TTL, keeps all else, and has the checksum right', () => {
    const { lab, a, b } = router();
    lab.injectIp(a, ipPacket({ ...through, ttl: 9, tos: 0x2c, id: 77, off: 0x4000 }));
    const [f] = b.wire.take();
    expect([...f!.subarray(0, 14)]).toEqual([...etherFrame(Uint8Array.of(2, 0, 0, 0, 0x0b, 2), b.mac, 0x0800, new Uint8Array(0))]);
    expect(parseIp(f!.subarray(14))).toMatchObject({ ttl: 8, tos: 0x2c, id: 77, off: 0x4000, sumOk: true, src: v4('10.0.0.2'), dst: v4('10.0.1.2') });
    expect(lab.outstanding).toBe(0);
  });

  it('by way of a gateway sends to the gateway', () => {
    const { lab, a, b } = router();
    lab.injectIp(a, ipPacket({ ...through, dst: '192.0.2.9' }));
    expect([...b.wire.take()[0]!.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0x0b, 0xfe]);
  });

  it('the second packet of a flow goes by the cached route; a change of the table is seen at once', () => {
    const { lab, a, b } = router();
    for (let i = 0; i < 5; i++) lab.injectIp(a, ipPacket(through));
    expect(lab.ip.stat).toMatchObject({ forward: 5, fastforward: 4 });
    b.wire.take();
    lab.route('10.0.1.2/32', '10.0.1.254');
    lab.injectIp(a, ipPacket(through));
    expect([...b.wire.take()[0]!.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0x0b, 0xfe]);
  });

  it('TTL 1 and 0 are time exceeded; stealth leaves TTL alone', () => {
    const { lab, a, b } = router();
    for (const ttl of [1, 0]) {
      lab.injectIp(a, ipPacket({ ...through, ttl }));
      const p = parseIp(a.wire.takeType(0x0800)[0]!);
      expect([p.src, p.dst, p.payload[0], p.payload[1], cksumOk(p.payload)]).toEqual([v4('10.0.0.1'), v4('10.0.0.2'), 11, 0, true]);
    }
    expect(b.wire.take()).toEqual([]);
    lab.ip.stealth = true;
    lab.injectIp(a, ipPacket({ ...through, ttl: 1 }));
    expect(parseIp(b.wire.takeType(0x0800)[0]!).ttl).toBe(1);
  });

  it('no route is host unreachable', () => {
    const { lab, a } = router();
    lab.injectIp(a, ipPacket({ ...through, dst: '198.51.100.1' }));
    const p = parseIp(a.wire.takeType(0x0800)[0]!);
    expect([p.payload[0], p.payload[1]]).toEqual([3, 1]);
    expect(lab.ip.stat).toMatchObject({ noroute: 1, cantforward: 1 });
  });

  it('a reject route answers, a blackhole does not', () => {
    const { lab, a } = router();
    const rib = ROUTE.get(lab.vnet).inet(0);
    const c = parseCidr('198.51.100.0/24')!;
    const d = parseCidr('203.0.113.0/24')!;
    ribAdd(rib, { dst: c.addr, prefixlen: 24, flags: RTF_REJECT | RTF_STATIC });
    ribAdd(rib, { dst: d.addr, prefixlen: 24, flags: RTF_BLACKHOLE | RTF_STATIC });
    lab.injectIp(a, ipPacket({ ...through, dst: '198.51.100.1' }));
    expect(a.wire.takeType(0x0800).length).toBe(1);
    lab.injectIp(a, ipPacket({ ...through, dst: '203.0.113.1' }));
    expect(a.wire.takeType(0x0800).length).toBe(0);
    expect(lab.outstanding).toBe(0);
  });

  it('a next hop that does not answer is host unreachable once ARP has given up', () => {
    const { lab, a } = router();
    for (let i = 0; i < 6; i++) {
      lab.injectIp(a, ipPacket({ ...through, dst: '10.0.1.77' }));
      lab.host.advance(1.1e6);
    }
    const replies = a.wire.takeType(0x0800).map((x) => parseIp(x));
    expect(replies.map((p) => [p.payload[0], p.payload[1]])).toEqual([[3, 1]]);
    lab.host.advance(30e6);
    expect(lab.outstanding).toBe(0);
  });

  it('larger than the next link: fragments, or with DF "fragmentation needed" with its MTU (RFC 1191)', () => {
    const { lab, a, b } = router({ mtuB: 576 });
    lab.injectIp(a, ipPacket({ ...through, payload: bytes(1000), off: 0x4000 }));
    const p = parseIp(a.wire.takeType(0x0800)[0]!);
    const dv = new DataView(p.payload.buffer);
    expect([p.payload[0], p.payload[1], dv.getUint16(6)]).toEqual([3, 4, 576]);
    expect(p.payload.length).toBe(8 + 20 + 548);
    lab.injectIp(a, ipPacket({ ...through, payload: bytes(1000) }));
    const frags = b.wire.takeType(0x0800).map((x) => parseIp(x));
    expect(frags.map((f) => [f.len, f.off, f.ttl, f.sumOk])).toEqual([[572, 0x2000, 63, true], [468, 69, 63, true]]);
    expect([...frags.flatMap((f) => [...f.payload])]).toEqual([...bytes(1000)]);
    expect(lab.ip.stat).toMatchObject({ fragmented: 1, ofragments: 2, cantfrag: 1 });
    expect(lab.outstanding).toBe(0);
  });

  it('link-level broadcasts, class E, 0/8, 127/8 and 169.254/16 are not forwarded', () => {
    const { lab, a, b } = router();
    lab.route('default', '10.0.1.254');
    for (const dst of ['240.0.0.1', '0.1.2.3', '169.254.3.4']) lab.injectIp(a, ipPacket({ ...through, dst }));
    lab.injectIp(a, ipPacket({ ...through, src: '169.254.3.4' }));
    lab.injectIp(a, ipPacket(through), { to: Uint8Array.of(255, 255, 255, 255, 255, 255) });
    expect(b.wire.take()).toEqual([]);
    expect(lab.ip.stat.cantforward).toBe(5);
  });

  it('a directed broadcast of another link is dropped (RFC 2644)', () => {
    const { lab, a, b } = router();
    lab.injectIp(a, ipPacket({ ...through, dst: '10.0.1.255' }));
    expect(b.wire.take()).toEqual([]);
    expect(a.wire.take()).toEqual([]);
    expect(lab.ip.stat.cantforward).toBe(1);
  });

  it('out by the way it came: forwarded, and a redirect to the sender, unless by the default route', () => {
    const { lab, a } = router();
    lab.neighbour(a, '10.0.0.254', '02:00:00:00:0a:fe');
    lab.route('198.51.100.0/24', '10.0.0.254');
    lab.injectIp(a, ipPacket({ ...through, dst: '198.51.100.7' }));
    const out = a.wire.takeType(0x0800).map((x) => parseIp(x));
    const redirect = out.find((p) => p.proto === 1)!;
    expect(out.length).toBe(2);
    expect([redirect.payload[0], redirect.payload[1], new DataView(redirect.payload.buffer).getInt32(4)]).toEqual([5, 1, v4('10.0.0.254')]);
    expect(lab.ip.stat.redirectsent).toBe(1);
    lab.ip.sendRedirects = false;
    lab.injectIp(a, ipPacket({ ...through, dst: '198.51.100.7' }));
    expect(a.wire.takeType(0x0800).length).toBe(1);
    lab.ip.sendRedirects = true;
    lab.route('default', '10.0.0.254');
    lab.injectIp(a, ipPacket({ ...through, dst: '203.0.113.7' }));
    expect(a.wire.takeType(0x0800).length).toBe(1);
  });

  it('an ICMP error about an ICMP error is never sent', () => {
    const { lab, a } = router();
    const quoted = ipPacket({ src: '10.0.1.2', dst: '10.0.0.2', payload: bytes(8) });
    lab.injectIp(a, ipPacket({ ...through, ttl: 1, proto: 1, payload: icmpMessage(3, 1, 0, quoted) }));
    expect(a.wire.take()).toEqual([]);
    expect(lab.ip.icmpstat.oldicmp).toBe(1);
    expect(lab.outstanding).toBe(0);
  });

  it('about later fragments, none either', () => {
    const { lab, a } = router();
    lab.injectIp(a, ipPacket({ ...through, ttl: 1, off: 5 }));
    expect(a.wire.take()).toEqual([]);
  });

  it('allocates nothing for a packet on a known way', () => {
    const { lab, a, b } = router();
    const sink = { flags: 0 };
    const frame = etherFrame(a.mac, Uint8Array.of(2, 0, 0, 0, 0x0a, 2), 0x0800, ipPacket(through));
    lab.dropFrames(b);
    const pool = lab.kernel.mbufs;
    pool.poison = false;
    const run = (n: number): void => {
      for (let i = 0; i < n; i++) {
        const m = pool.getCl(2048, 64)!;
        m.buf.set(frame, m.off);
        m.len = frame.length;
        m.pktlen = frame.length;
        lab.kpi.ifInput(a.ifp.handle, m);
        sink.flags |= m.flags;
      }
    };
    run(100000); // until the code is compiled
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    run(100000);
    const perPacket = (process.memoryUsage().heapUsed - before) / 100000;
    expect(lab.ip.stat.fastforward).toBeGreaterThan(199000);
    expect(perPacket).toBeLessThan(8); // the smallest object has 16 bytes; what is left is the compiler's own
  });
});
