import { describe, expect, it } from 'vitest';
import { ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { ribAdd, ROUTE, RTF_GATEWAY, RTF_STATIC, type RtStat } from '@ns/route';
import { parseInAddr } from '@ns/wire';
import { nd6SetIfinfo } from '../src/index.ts';
import { Lab, type LabOptions, lladdrOpt, messages, naPacket, PEER, PEER_LL, piOpt, raPacket, redirectPacket, SEC, type TestIf, cat } from './lab.ts';
import { ip6Packet } from '../../ip6/test/lab.ts';

const ME = '02:00:00:00:00:01';
const R3 = '02:00:00:00:00:03';
const FAR = '2001:db8:5::5';
const MINE = '2001:db8::ff:fe00:1';

/** A host with the default router fe80::2. */
function host(options: LabOptions = {}): { lab: Lab; em: TestIf; redirect: (target: string, dst: string, o?: Parameters<typeof redirectPacket>[3]) => void; stat: RtStat } {
  const lab = new Lab(options);
  const em = lab.ether(ME);
  nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
  lab.in(em, raPacket({ lifetime: 9000, opts: cat(lladdrOpt(1, PEER), piOpt('2001:db8::')) }));
  return { lab, em, redirect: (target, dst, o) => lab.in(em, redirectPacket(target, dst, MINE, o)), stat: ROUTE.get(lab.vnet).stat };
}

const dyn = (lab: Lab, fib = 0): string[] => lab.routes(fib).filter((r) => r.includes('D'));

describe('redirects that come in (RFC 4861 §8.1, §8.3)', () => {
  it('to a better router: a route for ten minutes, and its link-layer address', () => {
    const { lab, redirect, stat } = host();
    redirect('fe80::3', FAR);
    expect(dyn(lab)).toEqual([`${FAR}/128 UGHD via fe80::3 em0`]);
    expect(lab.row('fe80::3')).toBe(`${R3} S R`);
    expect(stat.dynamic).toBe(1);
    lab.host.advance(599 * SEC);
    expect(dyn(lab).length).toBe(1);
    lab.host.advance(2 * SEC);
    expect(dyn(lab)).toEqual([]);
  });

  it('to the destination itself: it is on the link', () => {
    const { lab, redirect } = host();
    redirect(FAR, FAR, { opts: lladdrOpt(2, '02:00:00:00:00:05') });
    expect(dyn(lab)).toEqual([`${FAR}/128 UHD em0`]);
    expect(lab.row(FAR)).toBe('02:00:00:00:00:05 S');
  });

  it('a router that does not answer loses what redirects gave it', () => {
    const { lab, em, redirect } = host();
    redirect('fe80::3', FAR);
    lab.send(em, 'fe80::3', MINE);
    lab.host.advance(9 * SEC);
    expect(dyn(lab)).toEqual([]);
    redirect(FAR, FAR, { opts: lladdrOpt(2, '02:00:00:00:00:05') });
    lab.send(em, FAR, MINE);
    lab.host.advance(9 * SEC);
    expect(dyn(lab)).toEqual([]);
  });

  it.each<[string, string, string, Parameters<typeof redirectPacket>[3]]>([
    ['from a router that is not in use', 'fe80::3', FAR, { src: 'fe80::7' }],
    ['to ourselves', 'fe80::ff:fe00:1', FAR, {}],
    ['with a bad link-layer address', 'fe80::3', FAR, { opts: lladdrOpt(2, 'ff:ff:ff:ff:ff:ff') }],
    ['for a destination that is on the link', 'fe80::3', '2001:db8::77', {}],
  ])('%s: refused', (_n, target, dst, o) => {
    const { lab, redirect } = host();
    redirect(target, dst, o);
    expect(dyn(lab)).toEqual([]);
    expect(lab.ip6.icmp6stat.badredirect).toBe(1);
  });

  it('not with rediraccept 0, not on a router', () => {
    const { lab, redirect } = host();
    lab.nd.rediraccept = false;
    redirect('fe80::3', FAR);
    lab.nd.rediraccept = true;
    lab.ip6.forwarding = true;
    redirect('fe80::3', FAR);
    expect(dyn(lab)).toEqual([]);
  });

  it('no more than maxdynroutes', () => {
    const { lab, redirect } = host();
    lab.nd.maxdynroutes = 10;
    for (let i = 0; i < 50; i++) redirect('fe80::3', `2001:db8:5::${(i + 1).toString(16)}`);
    expect(dyn(lab).length).toBe(10);
    expect(lab.nd.stat.redirect_limit).toBe(40);
  });
});

describe('redirects that go out (RFC 4861 §8.2)', () => {
  function router(): { lab: Lab; em: TestIf; through: (dst: string, src?: string) => ReturnType<typeof messages> } {
    const lab = new Lab();
    const em = lab.ether(ME, '2001:db8::1/64');
    lab.ip6.forwarding = true;
    return {
      lab,
      em,
      through: (dst, src = '2001:db8::2') => {
        lab.in(em, ip6Packet({ src, dst, payload: new Uint8Array(32) }));
        return messages(em.port.take());
      },
    };
  }

  it('to a sender that could do without us: target, its link-layer address, the packet', () => {
    const { lab, em, through } = router();
    lab.in(em, naPacket('2001:db8::9', '2001:db8::1', 0x60)); // nobody asked: not learnt
    lab.send(em, '2001:db8::9');
    lab.in(em, naPacket('2001:db8::9', '2001:db8::1', 0x60, { opts: lladdrOpt(2, '02:00:00:00:00:09') }));
    lab.send(em, '2001:db8::2');
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    em.port.take();
    const [rd] = through('2001:db8::9').filter((m) => m.type === 137);
    expect(rd).toMatchObject({ to: PEER, src: 'fe80::ff:fe00:1', dst: '2001:db8::2', hlim: 255, target: '2001:db8::9' });
    expect(rd!.opts[0]).toBe('0201020000000009');
    expect(rd!.opts[1]).toMatch(/^040a0000000000006000/); // redirected header: 8 + 72 bytes
    expect(lab.ip6.icmp6stat.oredirect).toBe(1);
    expect(lab.ip6.stat.redirectsent).toBe(1);
  });

  it('not to somebody else\'s host, nor with net.inet6.ip6.redirect off', () => {
    const { lab, through } = router();
    expect(through('2001:db8::9', '2001:db8:7::7').filter((m) => m.type === 137)).toEqual([]);
    lab.ip6.sendRedirects = false;
    expect(through('2001:db8::9').filter((m) => m.type === 137)).toEqual([]);
    expect(lab.ip6.icmp6stat.oredirect).toBe(0);
  });

  it('no more than errppslimit a second', () => {
    const { lab, em, through } = router();
    lab.send(em, '2001:db8::2');
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    lab.ip6.errppslimit = 5;
    for (let i = 0; i < 50; i++) through(`2001:db8::1:${i.toString(16)}`);
    expect(lab.ip6.icmp6stat.oredirect).toBe(5);
    lab.host.advance(10 * SEC);
    expect(lab.outstanding).toBe(0);
  });
});

describe('routing tables', () => {
  const fibs = (n: number): LabOptions => ({ tunables: { 'net.fibs': String(n) } });

  it('T35 timers are made once for a vnet, not for each routing table', () => {
    const count = (n: number): number => {
      const { lab, redirect } = host(fibs(n));
      ROUTE.get(lab.vnet).addAddrAllfibs = true;
      redirect('fe80::3', FAR);
      lab.host.advance(1 * SEC);
      return lab.kernel.callouts.pending;
    };
    expect(count(16)).toBe(count(1));
  });

  it('T37 an address with its prefix is in the right tables: connected prefixes in all, or in that of the interface', () => {
    const lab = new Lab(fibs(3));
    const em = lab.ether(ME);
    ROUTE.get(lab.vnet).addAddrAllfibs = true;
    lab.addr(em.ifp, '2001:db8::1/64');
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
    lab.in(em, raPacket({ lifetime: 0, opts: cat(lladdrOpt(1, PEER), piOpt('2001:db8:1::')) }));
    for (const fib of [0, 1, 2]) expect(lab.routes(fib).filter((r) => r.includes('/64'))).toEqual(['2001:db8:1::/64 U em0', '2001:db8::/64 U em0']);
    ROUTE.get(lab.vnet).addAddrAllfibs = false;
    em.ifp.fib = 2;
    lab.addr(em.ifp, '2001:db8:2::1/64');
    lab.in(em, raPacket({ lifetime: 0, opts: cat(lladdrOpt(1, PEER), piOpt('2001:db8:3::')) }));
    expect([0, 1, 2].map((fib) => lab.routes(fib).filter((r) => r.includes('/64')).length)).toEqual([2, 2, 4]);
  });

  it('T38 groups and neighbour discovery are of the default table, whatever table the interface has', () => {
    const lab = new Lab({ ...fibs(2), dad: 1 });
    const em = lab.ether(ME);
    em.ifp.fib = 1;
    lab.host.advance(3 * SEC);
    lab.addr(em.ifp, '2001:db8::1/64');
    lab.host.advance(2 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64']); // tested
    expect(em.ifp.maddrs.some((m) => m.addr !== null && `${m.addr}`.startsWith('ff02::1:ff00:1'))).toBe(true);
    em.port.take();
    lab.in(em, naPacket('2001:db8::1', 'ff02::1', 0x20));
    expect(lab.nd.stat.dupips).toBe(1);
    // Who is a neighbour is asked of the default table: there no prefix leads to this interface.
    const ni = lab.routes(0).filter((r) => r.includes('/64'));
    expect(ni).toEqual([]);
    expect(lab.routes(1).filter((r) => r.includes('/64'))).toEqual(['2001:db8::/64 U em0']);
  });

  it('T39 individual addresses of ours are in the default table only, and reached from all', () => {
    const lab = new Lab(fibs(2));
    const em = lab.ether(ME);
    ROUTE.get(lab.vnet).addAddrAllfibs = true;
    lab.addr(em.ifp, '2001:db8::1/64');
    expect(lab.routes(0)).toEqual(['2001:db8::/64 U em0', '2001:db8::1/128 UHS lo0']);
    expect(lab.routes(1)).toEqual(['2001:db8::/64 U em0']);
    // By the prefix route of another table a packet for us comes to neighbour discovery, which gives it back.
    const before = lab.ip6.stat.total;
    lab.send(em, '2001:db8::1');
    expect(lab.ip6.stat.total).toBe(before + 1);
    expect(em.port.take()).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('T40 redirects and connected prefixes go into all tables with net.add_addr_allfibs, else into that of the interface', () => {
    for (const all of [true, false]) {
      const lab = new Lab(fibs(4));
      ROUTE.get(lab.vnet).addAddrAllfibs = all;
      const em = lab.ether(ME);
      nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
      lab.in(em, raPacket({ lifetime: 9000, opts: cat(lladdrOpt(1, PEER), piOpt('2001:db8::')) }));
      // Each table leads to the destination by the router that redirects.
      for (const fib of [1, 2, 3]) addDefault(lab, em, fib);
      lab.in(em, redirectPacket('fe80::3', FAR, MINE));
      const withRedirect = [0, 1, 2, 3].filter((fib) => dyn(lab, fib).length > 0);
      const withPrefix = [0, 1, 2, 3].filter((fib) => lab.routes(fib).includes('2001:db8::/64 U em0'));
      expect(withRedirect).toEqual(all ? [0, 1, 2, 3] : [0]);
      expect(withPrefix).toEqual(all ? [0, 1, 2, 3] : [0]);
      lab.host.advance(700 * SEC);
      expect([0, 1, 2, 3].flatMap((fib) => dyn(lab, fib))).toEqual([]);
    }
  });
});

function addDefault(lab: Lab, em: TestIf, fib: number): void {
  const errno = ribAdd(ROUTE.get(lab.vnet).inet6(fib), { dst: parseInAddr('::')!, prefixlen: 0, flags: RTF_GATEWAY | RTF_STATIC, gw: lab.at(em, PEER_LL), ifp: em.ifp });
  expect(errno).toBe(0);
}
