/* What comes in: RFC 8200 §3, §4; RFC 4291; RFC 5095. */
import { describe, expect, it } from 'vitest';
import { addrsOf, bytes, hex, icmp6Packet, icmp6SumOk, ip6Packet, Lab, put6 } from './lab.ts';

const ME = '2001:db8::1';
const PEER = '2001:db8::2';

/** Destination options or hop-by-hop options with these option bytes, padded to eight. */
function opts(nxt: number, ...body: number[]): Uint8Array {
  const len = (2 + body.length + 7) & ~7;
  const h = new Uint8Array(len);
  h[0] = nxt;
  h[1] = len / 8 - 1;
  h.set(body, 2);
  const left = len - 2 - body.length;
  if (left === 1) h[len - 1] = 0;
  else if (left > 1) h.set([1, left - 2], 2 + body.length);
  return h;
}

function rthdr(nxt: number, type: number, segleft: number): Uint8Array {
  return Uint8Array.of(nxt, 0, type, segleft, 0, 0, 0, 0);
}

function cat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

/** An echo request behind extension headers. */
function ping(ext: Uint8Array, nxt: number, over: { dst?: string; hlim?: number } = {}): Uint8Array {
  return icmp6Packet({ src: PEER, dst: over.dst ?? ME, type: 128, word: 1, data: bytes(8), ext, nxt, ...(over.hlim !== undefined && { hlim: over.hlim }) });
}

describe('ip6 input', () => {
  it('answers an echo request over a point-to-point interface, without neighbour discovery', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, icmp6Packet({ src: PEER, dst: ME, type: 128, word: 0x00070001, data: bytes(20) }));
    const [p] = l.out6(t);
    expect(addrsOf(p!)).toEqual([ME, PEER]);
    expect(hex(p!, 40, 42)).toBe('8100');
    expect(hex(p!, 44, 68)).toBe('00070001' + hex(bytes(20), 0, 20));
    expect(icmp6SumOk(p!)).toBe(true);
    expect(l.outstanding).toBe(0);
  });

  it('answers one to all nodes from an address of its own, to a link-local sender on the right link', () => {
    const l = new Lab();
    const t = l.ether('02:00:00:00:00:01', `${ME}/64`);
    l.neighbour(t, 'fe80::99', '02:00:00:00:00:99');
    l.in6(t, icmp6Packet({ src: 'fe80::99', dst: 'ff02::1', type: 128 }));
    const [p] = l.out6(t);
    expect(addrsOf(p!)).toEqual(['fe80::ff:fe00:1', 'fe80::99']);
    expect(l.outstanding).toBe(0);
  });

  const headers: readonly [string, Uint8Array, string][] = [
    ['shorter than a header', ip6Packet({ src: PEER, dst: ME }).slice(0, 39), 'tooshort'],
    ['version 4', ip6Packet({ src: PEER, dst: ME, version: 4 }), 'badvers'],
    ['more payload than there is', ip6Packet({ src: PEER, dst: ME, plen: 1 }), 'tooshort'],
    ['a group as sender', ip6Packet({ src: 'ff02::1', dst: ME }), 'badscope'],
    ['no destination', ip6Packet({ src: PEER, dst: '::' }), 'badscope'],
    ['a mapped sender', ip6Packet({ src: '::ffff:10.0.0.1', dst: ME }), 'badscope'],
    ['a mapped destination', ip6Packet({ src: PEER, dst: '::ffff:10.0.0.1' }), 'badscope'],
    ['loopback as sender from outside', ip6Packet({ src: '::1', dst: ME }), 'badscope'],
    ['loopback as destination from outside', ip6Packet({ src: PEER, dst: '::1' }), 'badscope'],
    ['a group of the interface itself from outside', ip6Packet({ src: PEER, dst: 'ff01::1' }), 'badscope'],
    ['a group of no scope', ip6Packet({ src: PEER, dst: 'ff00::1' }), 'badscope'],
    ['a group that is not joined', ip6Packet({ src: PEER, dst: 'ff02::1234' }), 'notmember'],
    ['for somebody else', ip6Packet({ src: PEER, dst: '2001:db8::77' }), 'cantforward'],
  ];
  it.each(headers)('drops and counts: %s', (_name, packet, counter) => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, packet);
    expect((l.ip6.stat as unknown as Record<string, number>)[counter]).toBe(1);
    expect(l.ip6.stat.delivered).toBe(0);
    expect(l.out6(t)).toEqual([]);
    expect(l.outstanding).toBe(0);
  });

  it('cuts what is behind the packet', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, cat(ping(new Uint8Array(0), 58), bytes(30)));
    expect(l.out6(t)[0]!.length).toBe(40 + 8 + 8);
  });

  it('does not take packets for an address that is being tested, or is somebody else\'s', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const ifa = t.ifp.addrs.find((a) => a.addr.toString() === ME)!;
    for (const flag of [0x02, 0x04]) {
      ifa.afflags = flag;
      l.in6(t, ping(new Uint8Array(0), 58));
    }
    expect(l.ip6.stat.notready).toBe(2);
    expect(l.out6(t)).toEqual([]);
    ifa.afflags = 0x02 | 0x200; // optimistic
    l.in6(t, ping(new Uint8Array(0), 58));
    expect(l.out6(t)).toHaveLength(1);
  });

  it('an interface where IPv6 is off takes nothing', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    (t.ifp.afdata[28] as { flags: number }).flags |= 0x8;
    l.in6(t, ping(new Uint8Array(0), 58));
    expect(l.ip6.stat.total).toBe(0);
    expect(l.outstanding).toBe(0);
  });
});

describe('extension headers (RFC 8200 §4)', () => {
  const good: readonly [string, Uint8Array, number][] = [
    ['hop-by-hop with padding', opts(58), 0],
    ['hop-by-hop with a router alert', opts(58, 5, 2, 0, 0), 0],
    ['destination options with an option to be skipped', opts(58, 0x1e, 2, 9, 9), 60],
    ['hop-by-hop, destination options, routing without segments, destination options', cat(opts(60), opts(43), rthdr(60, 0, 0), opts(58)), 0],
    ['a fragment header of a whole packet (RFC 6946)', Uint8Array.of(58, 0, 0, 0, 1, 2, 3, 4), 44],
    ['destination options after a fragment header', cat(Uint8Array.of(60, 0, 0, 0, 1, 2, 3, 4), opts(58)), 44],
    ['the longest options header', opts(58, ...Array.from({ length: 8 }, () => [1, 253, ...new Array<number>(253).fill(0)]).flat().slice(0, 2038)), 60],
  ];
  it.each(good)('passes %s', (_name, ext, nxt) => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`, { mtu: 9000 });
    l.in6(t, ping(ext, nxt));
    const out = l.out6(t);
    if (ext.length > 2000) {
      // More headers than are looked at.
      expect(l.ip6.stat.exthdrtoolong).toBe(1);
      expect(out).toEqual([]);
    } else {
      expect(out.map((p) => p[40])).toEqual([129]);
    }
    expect(l.outstanding).toBe(0);
  });

  const bad: readonly [string, Uint8Array, number, string | null][] = [
    ['an unknown option that says discard', opts(58, 0x41, 0), 60, null],
    ['an unknown option that says tell', opts(58, 0x81, 0), 60, '04020000002a'],
    ['an unknown option that says tell unless multicast', opts(58, 0xc1, 0), 0, '04020000002a'],
    ['a jumbo payload', opts(58, 0xc2, 4, 0, 1, 0, 0), 0, '04020000002a'],
    ['an option that runs past its header', opts(58, 0x1e, 200), 60, '04000000002b'],
    ['a router alert of the wrong length', opts(58, 5, 3, 0, 0, 0), 0, '04000000002b'],
    ['routing header type 0 with segments left (RFC 5095)', rthdr(58, 0, 1), 43, '04000000002a'],
    ['routing header of another type with segments left', rthdr(58, 4, 1), 43, '04000000002a'],
    ['hop-by-hop options that do not come first', cat(opts(0), opts(58)), 60, '040100000028'],
    ['an unknown next header', opts(253), 60, '040100000028'],
  ];
  it.each(bad)('refuses %s', (_name, ext, nxt, answer) => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const packet = ping(ext, nxt);
    l.in6(t, packet);
    const out = l.out6(t);
    if (answer === null) {
      expect(out).toEqual([]);
    } else {
      const [p] = out;
      expect(addrsOf(p!)).toEqual([ME, PEER]);
      expect(hex(p!, 40, 42) + hex(p!, 44, 48)).toBe(answer);
      expect(icmp6SumOk(p!)).toBe(true);
      expect(p!.slice(48)).toEqual(packet);
    }
    expect(l.ip6.icmp6stat.reflect).toBe(0);
    expect(l.outstanding).toBe(0);
  });

  it('points at the next-header octet of the fixed header when that is the unknown one', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 200, payload: bytes(10) }));
    expect(hex(l.out6(t)[0]!, 40, 48).replace(/^(....)..../, '$1')).toBe('040100000006');
  });

  it('no next header is no error', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 59 }));
    expect(l.out6(t)).toEqual([]);
    expect(l.outstanding).toBe(0);
  });

  it('stops at net.inet6.ip6.hdrnestlimit headers', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const chain = (n: number): Uint8Array => cat(...Array.from({ length: n }, (_, i) => opts(i === n - 1 ? 58 : 60)));
    l.in6(t, ping(chain(15), 60));
    expect(l.out6(t)).toHaveLength(1);
    l.in6(t, ping(chain(16), 60));
    expect(l.out6(t)).toEqual([]);
    expect(l.ip6.stat.toomanyhdr).toBe(1);
    expect(l.outstanding).toBe(0);
  });

  it('does not follow a header that ends behind the packet', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 60, payload: Uint8Array.of(58, 9, 1, 4, 0, 0, 0, 0) }));
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 0, payload: Uint8Array.of(58, 0, 1) }));
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 44, payload: Uint8Array.of(58, 0, 0, 1) }));
    expect(l.ip6.stat.tooshort).toBe(3);
    expect(l.out6(t)).toEqual([]);
    expect(l.outstanding).toBe(0);
  });

  it('tells a sender to a group only of an option that asks for it', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, ping(opts(58, 0x81, 0), 60, { dst: 'ff02::1' }));
    l.in6(t, ping(opts(58, 0xc1, 0), 60, { dst: 'ff02::1' }));
    l.in6(t, ping(opts(253), 60, { dst: 'ff02::1' }));
    expect(l.out6(t).map((p) => hex(p, 40, 42))).toEqual(['0402']);
    expect(l.outstanding).toBe(0);
  });
});

describe('ICMPv6 (RFC 4443)', () => {
  it('sends no error about errors, redirects, to groups or to nobody', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const bad = (src: string, type: number): Uint8Array => icmp6Packet({ src, dst: ME, type, ext: opts(58, 0x81, 0), nxt: 60 });
    for (const [src, type] of [[PEER, 1], [PEER, 127], [PEER, 137], ['::', 128]] as const) l.in6(t, bad(src, type));
    expect(l.out6(t)).toEqual([]);
    expect(l.ip6.icmp6stat.canterror).toBe(4);
    expect(l.outstanding).toBe(0);
  });

  it('sends at most errppslimit errors a second', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    for (let i = 0; i < 150; i++) l.in6(t, ping(opts(253), 60));
    expect(l.out6(t)).toHaveLength(100);
    expect(l.ip6.icmp6stat.toofreq).toBe(50);
    l.host.advance(1.1e6);
    l.in6(t, ping(opts(253), 60));
    expect(l.out6(t)).toHaveLength(1);
  });

  it('an error has at most 1280 bytes', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 200, payload: bytes(1400) }));
    const [p] = l.out6(t);
    expect(p!.length).toBe(1280);
    expect(icmp6SumOk(p!)).toBe(true);
  });

  it('drops a wrong checksum, and a message that is too short', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const p = ping(new Uint8Array(0), 58);
    p[50]! ^= 1;
    l.in6(t, p);
    l.in6(t, ip6Packet({ src: PEER, dst: ME, nxt: 58, payload: bytes(7) }));
    expect([l.ip6.icmp6stat.checksum, l.ip6.icmp6stat.tooshort]).toEqual([1, 1]);
    expect(l.out6(t)).toEqual([]);
  });

  it('tells transports of errors about their packets, and of no others; packet too big makes the path narrower, never below 1280', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const told: [number, string, number, number, number][] = [];
    l.ip6.inet.registerProto({
      proto: 17,
      name: 'udp',
      input() {},
      ctlinput: (n) => void told.push([n.cmd, n.dst.toString(), n.sport, n.dport, n.mtu]),
    });
    const quoted = ip6Packet({ src: ME, dst: '2001:db8:5::9', nxt: 17, payload: cat(Uint8Array.of(0, 53, 1, 0), bytes(1400)) });
    const err = (type: number, code: number, word: number, q: Uint8Array): void => l.in6(t, icmp6Packet({ src: PEER, dst: ME, type, code, word, data: q.slice(0, 200) }));
    err(1, 4, 0, quoted);
    err(2, 0, 1300, quoted);
    err(2, 0, 1200, quoted);
    err(3, 0, 0, quoted);
    err(4, 1, 0, quoted);
    err(1, 99, 0, quoted);
    put6(quoted, 8, '2001:db8::66');
    err(1, 4, 0, quoted);
    expect(told).toEqual([
      [11, '2001:db8:5::9', 53, 256, 0],
      [5, '2001:db8:5::9', 53, 256, 1300],
      [18, '2001:db8:5::9', 53, 256, 0],
      [10, '2001:db8:5::9', 53, 256, 0],
    ]);
    expect([l.ip6.icmp6stat.pmtuchg, l.ip6.icmp6stat.badcode, l.ip6.icmp6stat.dropped]).toEqual([1, 1, 2]);
  });

  it('gives messages of neighbour discovery to who is hooked in, checked and in one piece', () => {
    const l = new Lab();
    const t = l.p2p(`${ME}/64`);
    const got: [number, number, number, string][] = [];
    l.ip6.nd = {
      input: (m, pkt, type) => void got.push([type, pkt.ttl, pkt.len, hex(m.buf, m.off + pkt.off + 8, m.off + pkt.off + 12)]),
      ifaArrived() {},
      ifaReady() {},
      ifaGone() {},
      confirm() {},
      redirect() {},
    };
    for (let type = 132; type <= 138; type++) l.in6(t, icmp6Packet({ src: PEER, dst: ME, type, hlim: 255, data: bytes(16, type) }));
    const wrong = icmp6Packet({ src: PEER, dst: ME, type: 135, data: bytes(16) });
    wrong[60]! ^= 1;
    l.in6(t, wrong);
    expect(got).toEqual([133, 134, 135, 136, 137].map((type) => [type, 255, 24, hex(bytes(4, type), 0, 4)]));
    expect(l.outstanding).toBe(0);
  });
});
