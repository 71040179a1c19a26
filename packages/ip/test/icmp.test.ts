import { type IcmpNotice, inAddr4 } from '@ns/wire';
import { INET, type InPkt, type Protosw } from '@ns/inpcb';
import { type Mbuf, mFreem, mToBytes } from '@ns/mbuf';
import { hopsOf, ribAdd, ROUTE, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
import { describe, expect, it } from 'vitest';
import { BCAST_MAC, bytes, cksumOk, icmpMessage, ipPacket, Lab, parseIp, type TestIf, v4 } from './lab.ts';

class Transport implements Protosw {
  readonly proto = 17;
  readonly name = 'udp';
  readonly notices: IcmpNotice[] = [];
  input(m: Mbuf, pkt: InPkt): void {
    INET.get(pkt.vnet).af(2)!.unreach(m, pkt, 3);
  }
  ctlinput(n: IcmpNotice): void {
    this.notices.push(n);
  }
}

class Raw implements Protosw {
  readonly proto = 255;
  readonly name = 'raw';
  readonly got: Uint8Array[] = [];
  input(m: Mbuf): void {
    this.got.push(mToBytes(m));
    mFreem(m);
  }
}

function setup(): { lab: Lab; em: TestIf; udp: Transport; raw: Raw; out: () => ReturnType<typeof parseIp>[] } {
  const lab = new Lab();
  const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
  lab.neighbour(em, '10.0.0.2', '02:00:00:00:00:02');
  const udp = new Transport();
  const raw = new Raw();
  INET.get(lab.vnet).registerProto(udp);
  INET.get(lab.vnet).raw = raw;
  return { lab, em, udp, raw, out: () => em.wire.takeType(0x0800).map((x) => parseIp(x)) };
}

const from = { src: '10.0.0.2', dst: '10.0.0.1', proto: 1 };
const sent = (payload: Uint8Array = bytes(8), dst = '192.0.2.1'): Uint8Array => ipPacket({ src: '10.0.0.1', dst, proto: 17, payload });
/** UDP header 1024 -> 53. */
const udpHeader = Uint8Array.of(4, 0, 0, 53, 0, 8, 0, 0);

describe('requests (RFC 792, RFC 1122 §3.2.2)', () => {
  it('echo of every length, odd and fragmented too', () => {
    const { lab, em, out } = setup();
    for (const n of [0, 1, 55, 56, 1400, 1472]) {
      lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(8, 0, 0x00010002, bytes(n)) }));
      const [p] = out();
      expect([p!.payload.length, cksumOk(p!.payload), p!.payload[0]]).toEqual([8 + n, true, 0]);
    }
    expect(lab.ip.icmpstat.inhist[8]).toBe(6);
    expect(lab.ip.icmpstat.outhist[0]).toBe(6);
    expect(lab.ip.icmpstat.reflect).toBe(6);
    expect(lab.outstanding).toBe(0);
  });

  it('echo to broadcast only with bmcastecho, and then from our own address', () => {
    const { lab, em, out } = setup();
    const ping = ipPacket({ ...from, dst: '10.0.0.255', payload: icmpMessage(8, 0, 1) });
    lab.injectIp(em, ping, { to: BCAST_MAC });
    expect(out()).toEqual([]);
    expect(lab.ip.icmpstat.bmcastecho).toBe(1);
    lab.ip.bmcastecho = true;
    lab.injectIp(em, ping, { to: BCAST_MAC });
    expect(out()).toMatchObject([{ src: v4('10.0.0.1'), dst: v4('10.0.0.2') }]);
  });

  it('time stamps are those of the wall clock, in milliseconds of the day', () => {
    const { lab, em, out } = setup();
    const ts = icmpMessage(13, 0, 0x00010001, new Uint8Array(12));
    lab.injectIp(em, ipPacket({ ...from, payload: ts }));
    const [p] = out();
    const dv = new DataView(p!.payload.buffer);
    const now = Math.floor(lab.host.clock.wallUs() / 1000) % 86400000;
    expect([p!.payload[0], dv.getInt32(12), dv.getInt32(16), cksumOk(p!.payload)]).toEqual([14, now, now, true]);
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(13, 0, 1, new Uint8Array(11)) }));
    expect(lab.ip.icmpstat.badlen).toBe(1);
    lab.ip.tstamprepl = false;
    lab.injectIp(em, ipPacket({ ...from, payload: ts }));
    expect(out()).toEqual([]);
  });

  it('address masks only with maskrepl', () => {
    const { lab, em, out } = setup();
    const req = ipPacket({ ...from, payload: icmpMessage(17, 0, 1, new Uint8Array(4)) });
    lab.injectIp(em, req);
    expect(out()).toEqual([]);
    lab.ip.maskrepl = true;
    lab.injectIp(em, req);
    expect(new DataView(out()[0]!.payload.buffer).getInt32(8)).toBe(-256);
  });

  it('a sender that is no single host gets nothing', () => {
    const { lab, em, out } = setup();
    for (const src of ['0.0.0.0', '240.0.0.1']) lab.injectIp(em, ipPacket({ ...from, src, payload: icmpMessage(8, 0, 1) }));
    expect(out()).toEqual([]);
    expect(lab.ip.icmpstat.badaddr).toBe(2);
    expect(lab.outstanding).toBe(0);
  });

  it('too short, or with a wrong checksum, is counted', () => {
    const { lab, em, raw } = setup();
    lab.injectIp(em, ipPacket({ ...from, payload: bytes(7) }));
    const bad = icmpMessage(8, 0, 1, bytes(4));
    bad[9]! ^= 1;
    lab.injectIp(em, ipPacket({ ...from, payload: bad }));
    expect(lab.ip.icmpstat).toMatchObject({ tooshort: 1, checksum: 1 });
    expect(raw.got).toEqual([]);
  });

  it('at most icmplim answers a second; what was left out is logged', () => {
    const { lab, em, out } = setup();
    for (let i = 0; i < 500; i++) lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(8, 0, i) }));
    expect(out().length).toBe(200);
    lab.host.advance(1e6);
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(8, 0, 1) }));
    expect(out().length).toBe(1);
    expect(lab.logs('Limiting icmp ping response from 500 to 200 packets/sec')).toBe(1);
    lab.ip.icmplim = 0;
    for (let i = 0; i < 300; i++) lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(8, 0, i) }));
    expect(out().length).toBe(300);
  });
});

describe('errors that we send', () => {
  it('port unreachable quotes the header and 548 bytes at most', () => {
    const { lab, em, out } = setup();
    const p = ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 17, payload: bytes(900) });
    lab.injectIp(em, p);
    const [r] = out();
    expect([r!.payload[0], r!.payload[1], r!.payload.length, cksumOk(r!.payload), r!.ttl]).toEqual([3, 3, 8 + 20 + 548, true, 64]);
    expect([...r!.payload.subarray(8)]).toEqual([...p.subarray(0, 568)]);
    lab.ip.quotelen = 8;
    lab.injectIp(em, p);
    expect(out()[0]!.payload.length).toBe(36);
  });

  it('not about broadcasts', () => {
    const { lab, em, out } = setup();
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.255', proto: 17, payload: bytes(20) }), { to: BCAST_MAC });
    lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 17, payload: bytes(20) }), { to: BCAST_MAC });
    expect(out()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('at most icmplim a second', () => {
    const { lab, em, out } = setup();
    for (let i = 0; i < 300; i++) lab.injectIp(em, ipPacket({ src: '10.0.0.2', dst: '10.0.0.1', proto: 17, payload: bytes(20) }));
    expect(out().length).toBe(200);
    expect(lab.ip.icmpstat.ratelimited).toBe(100);
    expect(lab.outstanding).toBe(0);
  });
});

describe('errors that come in', () => {
  const rows: readonly (readonly [string, number, number, number, number])[] = [
    ['network unreachable', 3, 0, 8, 65],
    ['host unreachable', 3, 1, 9, 65],
    ['protocol unreachable', 3, 2, 10, 61],
    ['port unreachable', 3, 3, 11, 61],
    ['source route failed', 3, 5, 13, 65],
    ['host prohibited', 3, 10, 21, 61],
    ['communication prohibited', 3, 13, 21, 61],
    ['time exceeded in transit', 11, 0, 18, 65],
    ['reassembly time exceeded', 11, 1, 19, 0],
    ['parameter problem', 12, 0, 20, 42],
  ];
  it.each(rows)('%s reaches the transport with the quoted ports', (_name, type, code, cmd, errno) => {
    const { lab, em, udp, raw } = setup();
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(type, code, 0, sent(udpHeader)) }));
    expect(udp.notices).toMatchObject([{ cmd, errno, proto: 17, sport: 1024, dport: 53, quoted: 8, ipLen: 28, mtu: 0 }]);
    expect(`${udp.notices[0]!.src} ${udp.notices[0]!.dst}`).toBe('10.0.0.1 192.0.2.1');
    expect(raw.got.length).toBe(1);
    expect(lab.outstanding).toBe(0);
  });

  it('fragmentation needed carries the MTU of the next hop; an old router means the next plateau', () => {
    const { lab, em, udp } = setup();
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 4, 1400, sent(udpHeader)) }));
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 4, 0, ipPacket({ src: '10.0.0.1', dst: '192.0.2.1', proto: 17, payload: udpHeader, len: 28 })) }));
    const big = ipPacket({ src: '10.0.0.1', dst: '192.0.2.1', proto: 17, payload: udpHeader });
    new DataView(big.buffer).setUint16(2, 1500);
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 4, 0, big) }));
    expect(udp.notices.map((n) => [n.cmd, n.mtu])).toEqual([[5, 1400], [5, 0], [5, 1492]]);
  });

  it('quotations that are cut short, of later fragments, or of multicast tell nobody anything', () => {
    const { lab, em, udp } = setup();
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 1, 0, sent(udpHeader).subarray(0, 27)) }));
    expect(lab.ip.icmpstat.badlen).toBe(1);
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 1, 0, ipPacket({ src: '10.0.0.1', dst: '192.0.2.1', proto: 17, off: 9, payload: udpHeader })) }));
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 1, 0, sent(udpHeader, '224.0.0.1')) }));
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 16, 0, sent(udpHeader)) }));
    expect(lab.ip.icmpstat.badcode).toBe(2);
    expect(udp.notices).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('A22 the quoted packet is read in a record of its own: that of the message stays as it was', () => {
    const { lab, em, raw } = setup();
    lab.injectIp(em, ipPacket({ ...from, payload: icmpMessage(3, 3, 0, sent(udpHeader)) }));
    const p = parseIp(raw.got[0]!);
    expect([p.src, p.dst]).toEqual([v4('10.0.0.2'), v4('10.0.0.1')]);
  });
});

describe('redirects', () => {
  const redirect = (gw: string, dst = '192.0.2.1', src = '10.0.0.1'): Uint8Array =>
    icmpMessage(5, 1, v4(gw), ipPacket({ src, dst, proto: 17, payload: udpHeader }));

  function withGateway(): ReturnType<typeof setup> {
    const s = setup();
    s.lab.route('default', '10.0.0.254');
    return s;
  }
  const way = (lab: Lab): string => `${ROUTE.get(lab.vnet).inet(0).lookup4(v4('192.0.2.1'))?.gw}`;

  it('from our gateway are followed, by a router not', () => {
    const { lab, em } = withGateway();
    lab.injectIp(em, ipPacket({ ...from, src: '10.0.0.254', payload: redirect('10.0.0.253') }));
    expect(way(lab)).toBe('10.0.0.253');
    const r = withGateway();
    r.lab.ip.forwarding = true;
    r.lab.injectIp(r.em, ipPacket({ ...from, src: '10.0.0.254', payload: redirect('10.0.0.253') }));
    expect(way(r.lab)).toBe('10.0.0.254');
  });

  it('from others, about packets of others, with drop_redirect or a bad code are not', () => {
    const { lab, em } = withGateway();
    const gw = { ...from, src: '10.0.0.254' };
    lab.injectIp(em, ipPacket({ ...from, payload: redirect('10.0.0.253') }));
    lab.injectIp(em, ipPacket({ ...gw, payload: redirect('10.0.0.253', '192.0.2.1', '10.0.0.9') }));
    lab.injectIp(em, ipPacket({ ...gw, payload: redirect('172.16.0.1') }));
    lab.injectIp(em, ipPacket({ ...gw, payload: icmpMessage(5, 9, v4('10.0.0.253'), sent(udpHeader)) }));
    lab.injectIp(em, ipPacket({ ...gw, payload: icmpMessage(5, 1, v4('10.0.0.253'), bytes(10)) }));
    lab.ip.dropRedirect = true;
    lab.injectIp(em, ipPacket({ ...gw, payload: redirect('10.0.0.253') }));
    expect(way(lab)).toBe('10.0.0.254');
    expect(lab.outstanding).toBe(0);
  });

  it('T40 go into all tables with net.add_addr_allfibs, else into that of the interface', () => {
    for (const all of [true, false]) {
      const { lab, em } = setup();
      const rv = ROUTE.get(lab.vnet);
      expect(rv.grow(3)).toBe(0);
      rv.addAddrAllfibs = all;
      // Each table leads to the destination by the router that redirects.
      for (const fib of [0, 1, 2]) {
        ribAdd(rv.inet(fib), { dst: inAddr4(v4('10.0.0.0')), prefixlen: 24, flags: 0, ifp: em.ifp });
        expect(ribAdd(rv.inet(fib), { dst: inAddr4(0), prefixlen: 0, flags: RTF_GATEWAY | RTF_STATIC, gw: inAddr4(v4('10.0.0.254')) })).toBe(0);
      }
      lab.injectIp(em, ipPacket({ ...from, src: '10.0.0.254', payload: redirect('10.0.0.253') }));
      const followed = [0, 1, 2].filter((fib) => `${rv.inet(fib).lookup4(v4('192.0.2.1'))?.gw}` === '10.0.0.253');
      expect(followed).toEqual(all ? [0, 1, 2] : [0]);
    }
  });

  it('from any of several gateways are followed for that destination, and leave the choice among them for others', () => {
    const { lab, em } = withGateway();
    expect(lab.route('default', '10.0.0.252')).toBe(0);
    const gw = { ...from, src: '10.0.0.252' };
    lab.injectIp(em, ipPacket({ ...gw, payload: redirect('10.0.0.253') }));
    expect(way(lab)).toBe('10.0.0.253');
    // A route that somebody has given several gateways is not a redirect's to change.
    for (const via of ['10.0.0.252', '10.0.0.254']) expect(lab.route('192.0.2.9/32', via)).toBe(0);
    lab.injectIp(em, ipPacket({ ...gw, payload: redirect('10.0.0.253', '192.0.2.9') }));
    const hops = (dst: string): string[] => hopsOf(ROUTE.get(lab.vnet).inet(0).match(inAddr4(v4(dst)))!).map((w) => `${w.nh.gw}`).sort();
    expect(hops('192.0.2.9')).toEqual(['10.0.0.252', '10.0.0.254']);
    expect(hops('192.0.2.2')).toEqual(['10.0.0.252', '10.0.0.254']);
  });
});
