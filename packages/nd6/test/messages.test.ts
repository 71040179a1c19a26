import { describe, expect, it } from 'vitest';
import { ifSetLladdr } from '@ns/ifnet';
import { IN6_IFF_ANYCAST, in6Joingroup, ND6_IFF_ACCEPT_RTADV, ND6_IFF_IFDISABLED } from '@ns/ip6';
import { parseEtherAddr } from '@ns/wire';
import { ND6_RS_EVENT, nd6SetIfinfo } from '../src/index.ts';
import { cat, Lab, lladdrOpt, messages, naPacket, nsPacket, PEER, PEER_LL, raPacket, redirectPacket, rsPacket, SEC, type TestIf } from './lab.ts';
import { icmp6Packet } from '../../ip6/test/lab.ts';

const ME = '02:00:00:00:00:01';
const MY_LL = 'fe80::ff:fe00:1';

function setup(): { lab: Lab; em: TestIf; msgs: () => ReturnType<typeof messages> } {
  const lab = new Lab();
  const em = lab.ether(ME, '2001:db8::1/64');
  return { lab, em, msgs: () => messages(em.port.take()) };
}

describe('solicitations for us (RFC 4861 §7.2.3, §7.2.4)', () => {
  it('are answered with our address, and the sender is learnt', () => {
    const { lab, em, msgs } = setup();
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs()).toEqual([{ to: PEER, src: '2001:db8::1', dst: PEER_LL, hlim: 255, type: 136, target: '2001:db8::1', flags: 0x60, opts: ['0201020000000001'] }]);
    expect(lab.row(PEER_LL)).toBe(`${PEER} D`);
  });

  it('by unicast are answered without it, and do not override', () => {
    const { lab, em, msgs } = setup();
    lab.in(em, nsPacket('2001:db8::1', { dst: '2001:db8::1' }));
    expect(msgs()).toMatchObject([{ type: 136, flags: 0x40, opts: [] }]);
  });

  it('without a link-layer address: the sender is resolved first', () => {
    const { lab, em, msgs } = setup();
    lab.in(em, nsPacket('2001:db8::1', { opts: new Uint8Array(0) }));
    expect(msgs()).toMatchObject([{ type: 135, target: 'fe80::2' }]);
    lab.in(em, naPacket(PEER_LL, '2001:db8::1', 0x60));
    expect(msgs()).toMatchObject([{ type: 136, dst: PEER_LL }]);
  });

  it('tests for duplicates are answered to everybody, unsolicited', () => {
    const { lab, em, msgs } = setup();
    lab.in(em, nsPacket('2001:db8::1', { src: '::', opts: new Uint8Array(0) }));
    expect(msgs()).toMatchObject([{ to: '33:33:00:00:00:01', dst: 'ff02::1', type: 136, flags: 0x20, opts: ['0201020000000001'] }]);
  });

  it('a router says that it is one', () => {
    const { lab, em, msgs } = setup();
    lab.ip6.forwarding = true;
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs()).toMatchObject([{ flags: 0xe0 }]);
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
    lab.nd.norbitRaif = true;
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs().filter((m) => m.type === 136)).toMatchObject([{ flags: 0x60 }]);
  });

  it('for an anycast address: after a random wait, without override (RFC 4861 §7.2.7)', () => {
    const { lab, em, msgs } = setup();
    lab.addr(em.ifp, '2001:db8::a/64', IN6_IFF_ANYCAST);
    lab.in(em, nsPacket('2001:db8::a'));
    expect(msgs()).toEqual([]);
    lab.host.advance(1 * SEC);
    expect(msgs()).toMatchObject([{ type: 136, target: '2001:db8::a', flags: 0x40 }]);
  });

  it('no more than 64 answers wait', () => {
    const { lab, em, msgs } = setup();
    lab.addr(em.ifp, '2001:db8::a/64', IN6_IFF_ANYCAST);
    for (let i = 0; i < 200; i++) lab.in(em, nsPacket('2001:db8::a', { src: `fe80::1:${i.toString(16)}` }));
    expect(lab.nd.stat.delayed_dropped).toBe(136);
    lab.host.advance(1 * SEC);
    expect(msgs().length).toBe(64);
  });

  it('for somebody else are not, and teach nothing', () => {
    const { lab, em, msgs } = setup();
    lab.in(em, nsPacket('2001:db8::7'));
    expect(msgs()).toEqual([]);
    expect(lab.row(PEER_LL)).toBeUndefined();
  });

  it('from our own address: a duplicate, logged, not answered', () => {
    const { lab, em, msgs } = setup();
    lab.in(em, nsPacket('2001:db8::1', { src: '2001:db8::1' }));
    expect(msgs()).toEqual([]);
    expect(lab.nd.stat.dupips).toBe(1);
  });

  it('from off the link only with nd6_onlink_ns_rfc4861', () => {
    const { lab, em, msgs } = setup();
    const p = nsPacket('2001:db8::1', { src: '2001:db8:9::9' });
    lab.in(em, p);
    expect(msgs()).toEqual([]);
    expect(lab.ip6.icmp6stat.badns).toBe(1);
    lab.nd.onlinkNsRfc4861 = true;
    lab.in(em, p);
    expect(lab.row('2001:db8:9::9')).toMatch(/^02:00:00:00:00:02/);
  });
});

describe('what is refused, and counted (RFC 4861 §7.1, §6.1, §8.1)', () => {
  const noOpt = new Uint8Array(0);
  const zeroLen = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
  const overrun = Uint8Array.of(1, 9, 0, 0, 0, 0, 0, 0);
  const group = lladdrOpt(1, '33:33:00:00:00:01');
  const short = (p: Uint8Array, n: number): Uint8Array => icmp6Packet({ src: PEER_LL, dst: '2001:db8::1', hlim: 255, type: p[40]!, data: p.slice(48, 40 + n) });
  const ns = nsPacket('2001:db8::1');
  const na = naPacket('2001:db8::2', '2001:db8::1', 0x60);
  const ra = raPacket();
  const rd = redirectPacket('fe80::3', '2001:db8:5::5', '2001:db8::1');

  it.each<[string, Uint8Array, string, number]>([
    ['NS hop limit 254', nsPacket('2001:db8::1', { hlim: 254 }), 'badns', 1],
    ['NS code 1', nsPacket('2001:db8::1', { code: 1 }), 'badcode', 1],
    ['NS too short', short(ns, 20), 'badns', 1],
    ['NS target a group', nsPacket('ff02::1', { dst: '2001:db8::1' }), 'badns', 1],
    ['NS from :: to unicast', nsPacket('2001:db8::1', { src: '::', dst: '2001:db8::1', opts: noOpt }), 'badns', 1],
    ['NS from :: to all nodes', nsPacket('2001:db8::1', { src: '::', dst: 'ff02::1', opts: noOpt }), 'badns', 1],
    ['NS from :: with link-layer address', nsPacket('2001:db8::1', { src: '::' }), 'badns', 1],
    ['NS option of length 0', nsPacket('2001:db8::1', { opts: zeroLen }), 'nd_badopt', 1],
    ['NS option past the end', nsPacket('2001:db8::1', { opts: overrun }), 'nd_badopt', 1],
    ['NS link-layer address of a group', nsPacket('2001:db8::1', { opts: group }), 'badns', 1],
    ['NS link-layer address of 14 bytes', nsPacket('2001:db8::1', { opts: Uint8Array.of(1, 2, ...new Uint8Array(14).fill(2)) }), 'badns', 1],
    ['NA hop limit 1', naPacket('2001:db8::2', '2001:db8::1', 0x60, { hlim: 1 }), 'badna', 1],
    ['NA code 1', naPacket('2001:db8::2', '2001:db8::1', 0x60, { code: 1 }), 'badcode', 1],
    ['NA too short', short(na, 23), 'badna', 1],
    ['NA target a group', naPacket('ff02::1', '2001:db8::1', 0x60), 'badna', 1],
    ['NA solicited to a group', naPacket('2001:db8::2', 'ff02::1', 0x60), 'badna', 1],
    ['NA option of length 0', naPacket('2001:db8::2', '2001:db8::1', 0x60, { opts: zeroLen }), 'nd_badopt', 1],
    ['RA hop limit 64', raPacket({ hlim: 64 }), 'badra', 1],
    ['RA from a global address', raPacket({ src: '2001:db8::2' }), 'badra', 1],
    ['RA code 1', raPacket({ code: 1 }), 'badcode', 1],
    ['RA too short', short(ra, 15), 'badra', 1],
    ['RA option past the end', raPacket({ opts: overrun }), 'nd_badopt', 1],
    ['RA link-layer address of a group', raPacket({ opts: group }), 'badra', 1],
    ['redirect hop limit 64', redirectPacket('fe80::3', '2001:db8:5::5', '2001:db8::1', { hlim: 64 }), 'badredirect', 1],
    ['redirect from a global address', redirectPacket('fe80::3', '2001:db8:5::5', '2001:db8::1', { src: '2001:db8::2' }), 'badredirect', 1],
    ['redirect too short', short(rd, 39), 'badredirect', 1],
    ['redirect of a group', redirectPacket('fe80::3', 'ff0e::5', '2001:db8::1'), 'badredirect', 1],
    ['redirect to a global router', redirectPacket('2001:db8::3', '2001:db8:5::5', '2001:db8::1'), 'badredirect', 1],
    ['redirect from nobody we use', rd, 'badredirect', 1],
    ['redirect option of length 0', redirectPacket('fe80::3', '2001:db8:5::5', '2001:db8::1', { opts: zeroLen }), 'nd_badopt', 1],
  ])('%s', (_name, packet, counter, n) => {
    const { lab, em, msgs } = setup();
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
    const stat = lab.ip6.icmp6stat as unknown as Record<string, number>;
    lab.in(em, packet);
    expect(stat[counter]).toBe(n);
    expect(msgs().filter((m) => m.type === 136)).toEqual([]);
    expect(lab.row(PEER_LL)).toBeUndefined();
    expect(lab.routes().filter((r) => r.includes('via'))).toEqual([]);
    expect(lab.outstanding).toBe(0);
  });

  it('messages in fragments, also in one that is whole (RFC 6980)', () => {
    const { lab, em, msgs } = setup();
    const frag = Uint8Array.of(58, 0, 0, 0, 0, 0, 0, 1);
    const p = icmp6Packet({ src: PEER_LL, dst: 'ff02::1:ff00:1', hlim: 255, type: 135, nxt: 44, ext: frag, data: cat(nsPacket('2001:db8::1').slice(48)) });
    lab.in(em, p);
    expect(msgs()).toEqual([]);
    expect(lab.nd.stat.fragments).toBe(1);
  });

  it('everything on a disabled interface', () => {
    const { lab, em, msgs } = setup();
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_IFDISABLED });
    lab.in(em, nsPacket('2001:db8::1'));
    expect(msgs()).toEqual([]);
    expect(lab.row(PEER_LL)).toBeUndefined();
  });
});

describe('router solicitations', () => {
  it('are for routers: checked, learnt, and told to whoever advertises', () => {
    const { lab, em } = setup();
    const heard: string[] = [];
    lab.kernel.events.register(ND6_RS_EVENT, (ifp, src) => heard.push(`${ifp.name} ${`${src}`.split('%')[0]}`));
    lab.in(em, rsPacket());
    expect(heard).toEqual([]);
    lab.ip6.forwarding = true;
    in6Joingroup(lab.ip6, lab.at(em, 'ff02::2'), em.ifp);
    lab.in(em, rsPacket());
    lab.in(em, rsPacket({ src: '::', opts: new Uint8Array(0) }));
    lab.in(em, rsPacket({ src: '::' }));
    lab.in(em, rsPacket({ hlim: 254 }));
    expect(heard).toEqual(['em0 fe80::2', 'em0 ::']);
    expect(lab.ip6.icmp6stat.badrs).toBe(2);
    expect(lab.row(PEER_LL)).toBe(`${PEER} S`);
  });
});

describe('another link-layer address of ours', () => {
  it('is told to all nodes (RFC 4861 §7.2.6), and ready-made headers have it', () => {
    const { lab, em, msgs } = setup();
    lab.send(em, '2001:db8::2');
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    em.port.take();
    ifSetLladdr(em.ifp, parseEtherAddr('02:00:00:00:00:77')!);
    lab.host.settle();
    expect(msgs()).toMatchObject([
      { dst: 'ff02::1', type: 136, target: MY_LL, flags: 0x20, opts: ['0201020000000077'] },
      { dst: 'ff02::1', type: 136, target: '2001:db8::1', flags: 0x20, opts: ['0201020000000077'] },
    ]);
    lab.send(em, '2001:db8::2');
    expect([...em.port.take()[0]!.slice(6, 12)]).toEqual([2, 0, 0, 0, 0, 0x77]);
    expect(lab.row('2001:db8::1')).toBe('02:00:00:00:00:77 R permanent');
  });
});
