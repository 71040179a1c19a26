import { describe, expect, it } from 'vitest';
import { Route } from '@ns/route';
import { AF_INET6 } from '@ns/wire';
import { nd6Ifinfo, nd6SetIfinfo, ndpDelete, ndpFlush, ndpSet, ndpSnapshot } from '../src/index.ts';
import { EINVAL, ENETUNREACH, ENOENT, EPERM } from '@ns/errno';
import { ND6_IFF_PERFORMNUD } from '@ns/ip6';
import { parseEtherAddr, parseInAddr } from '@ns/wire';
import { Lab, lladdrOpt, messages, naPacket, nsPacket, PEER, PEER_LL, SEC, type TestIf } from './lab.ts';

const ME = '02:00:00:00:00:01';

function setup(): { lab: Lab; em: TestIf; msgs: () => ReturnType<typeof messages> } {
  const lab = new Lab();
  const em = lab.ether(ME, '2001:db8::1/64');
  return { lab, em, msgs: () => messages(em.port.take()) };
}

const types = (ms: { type: number }[]): number[] => ms.map((m) => m.type);

describe('address resolution (RFC 4861 §7.2)', () => {
  it('asks the solicited-node group, keeps the packet, sends it when the answer comes', () => {
    const { lab, em, msgs } = setup();
    expect(lab.send(em, '2001:db8::2')).toBe(0);
    expect(msgs()).toEqual([
      { to: '33:33:ff:00:00:02', src: '2001:db8::1', dst: 'ff02::1:ff00:2', hlim: 255, type: 135, target: '2001:db8::2', flags: 0, opts: ['0101020000000001'] },
    ]);
    expect(lab.row('2001:db8::2')).toBe('(incomplete) I');
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    const frames = em.port.take();
    expect(frames.length).toBe(1);
    expect([...frames[0]!.slice(0, 14)]).toEqual([...parseEtherAddr(PEER)!, ...em.mac, 0x86, 0xdd]);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} R`);
    expect(lab.outstanding).toBe(0);
  });

  it('asks three times, a second apart, then tells those who wait that the address is unreachable', () => {
    const { lab, em } = setup();
    for (let i = 0; i < 3; i++) lab.send(em, '2001:db8::2');
    const times: number[] = [];
    for (let t = 0; t < 4000; t += 100) {
      if (messages(em.port.take()).length > 0) times.push(t);
      lab.host.advance(0.1 * SEC);
    }
    expect(times).toEqual([0, 1000, 2000]);
    expect(lab.row('2001:db8::2')).toBeUndefined();
    expect(lab.nd.stat).toMatchObject({ timeouts: 1, dropped: 3 });
    expect(lab.ip6.icmp6stat.odst_unreach_addr).toBe(3);
    expect(lab.outstanding).toBe(0);
  });

  it('keeps nd6_maxqueuelen packets and drops the oldest', () => {
    const { lab, em } = setup();
    for (let i = 0; i < 20; i++) lab.send(em, '2001:db8::2');
    expect(lab.nd.stat.dropped).toBe(4);
    em.port.take();
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    expect(em.port.take().length).toBe(16);
    expect(lab.outstanding).toBe(0);
  });

  it('an answer without its address, or with one that cannot be, is no answer', () => {
    const { lab, em } = setup();
    lab.send(em, '2001:db8::2');
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60, { opts: new Uint8Array(0) }));
    expect(lab.row('2001:db8::2')).toBe('(incomplete) I');
    for (const mac of ['03:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00']) lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60, { opts: lladdrOpt(2, mac) }));
    expect(lab.row('2001:db8::2')).toBe('(incomplete) I');
    expect(lab.ip6.icmp6stat.badna).toBe(3);
  });

  it('the table is bounded: a scan of a prefix evicts its own unanswered entries', () => {
    const { lab, em } = setup();
    lab.nd.maxentries = 64;
    for (let i = 0; i < 2000; i++) lab.send(em, `2001:db8::1:${i.toString(16)}`);
    expect(ndpSnapshot(lab.vnet).length).toBe(64);
    expect(lab.row('2001:db8::1')).toBe(`${ME} R permanent`);
    lab.host.advance(10 * SEC);
    expect(lab.outstanding).toBe(0);
  });
});

describe('neighbour unreachability detection (RFC 4861 §7.3)', () => {
  function known(): ReturnType<typeof setup> & { use: () => void } {
    const s = setup();
    s.lab.send(s.em, '2001:db8::2');
    s.lab.in(s.em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    s.em.port.take();
    return { ...s, use: () => void s.lab.send(s.em, '2001:db8::2') };
  }

  it('REACHABLE for half to one and a half of BaseReachableTime, STALE until used, DELAY for 5 s, PROBE by unicast, REACHABLE when answered', () => {
    const { lab, em, msgs, use } = known();
    const reach = nd6Ifinfo(em.ifp)!.reachableMs;
    expect(reach).toBeGreaterThanOrEqual(15000);
    expect(reach).toBeLessThanOrEqual(45000);
    lab.host.advance(reach * 1000 - SEC);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} R`);
    lab.host.advance(2 * SEC);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} S`);
    lab.host.advance(3600 * SEC);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} S`);
    expect(msgs()).toEqual([]);
    use();
    expect(lab.row('2001:db8::2')).toBe(`${PEER} D`);
    lab.host.advance(4.9 * SEC);
    expect(msgs()).toEqual([]);
    lab.host.advance(0.2 * SEC);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} P`);
    expect(msgs()).toMatchObject([{ to: PEER, dst: '2001:db8::2', type: 135, target: '2001:db8::2' }]);
    lab.in(em, naPacket('2001:db8::2', '2001:db8::1', 0x60));
    expect(lab.row('2001:db8::2')).toBe(`${PEER} R`);
  });

  it('a neighbour that does not answer three probes goes', () => {
    const { lab, msgs, use } = known();
    lab.host.advance(60 * SEC);
    use();
    lab.host.advance(5.1 * SEC);
    lab.host.advance(2 * SEC);
    expect(types(msgs())).toEqual([135, 135, 135]);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} P`);
    lab.host.advance(1 * SEC);
    expect(lab.row('2001:db8::2')).toBeUndefined();
    expect(lab.nd.stat.timeouts).toBe(1);
  });

  it('a transport that has answers keeps it from being asked', () => {
    const { lab, em, msgs } = known();
    lab.host.advance(60 * SEC);
    const ro = new Route();
    lab.send(em, '2001:db8::2');
    em.ifp.output(em.ifp, lab.kernel.mbufs.fromBytes(new Uint8Array(48), 64)!, AF_INET6, parseInAddr('2001:db8::2')!, ro);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} D`);
    lab.ip6.nd!.confirm(ro.lle!);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} R`);
    lab.host.advance(10 * SEC);
    expect(msgs()).toEqual([]);
  });

  it('an entry that nobody uses is collected after a day', () => {
    const { lab } = known();
    lab.host.advance(86400 * SEC);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} S`);
    lab.host.advance(60 * SEC);
    expect(lab.row('2001:db8::2')).toBeUndefined();
  });

  it('without ND6_IFF_PERFORMNUD it is never asked', () => {
    const { lab, em, msgs, use } = known();
    expect(nd6SetIfinfo(em.ifp, { clear: ND6_IFF_PERFORMNUD })).toBe(0);
    lab.host.advance(60 * SEC);
    use();
    lab.host.advance(60 * SEC);
    expect(msgs()).toEqual([]);
    expect(lab.row('2001:db8::2')).toBe(`${PEER} S`);
  });

  it('a cached route never sends to an entry that went', () => {
    const { lab, em } = known();
    const ro = new Route();
    const out = (): number => em.ifp.output(em.ifp, lab.kernel.mbufs.fromBytes(new Uint8Array(48), 64)!, AF_INET6, parseInAddr('2001:db8::2')!, ro);
    out();
    ndpDelete(lab.vnet, parseInAddr('2001:db8::2')!);
    em.port.take();
    out();
    expect(types(messages(em.port.take()))).toEqual([135]);
  });

  // RFC 4861 §7.2.5 and Appendix C: state before, flags (S 0x40, O 0x20), whether the address is the same, and what follows.
  const OTHER = '02:00:00:00:00:07';
  it.each([
    ['R', 0x00, true, `${PEER} R`],
    ['R', 0x00, false, `${PEER} S`],
    ['R', 0x40, false, `${PEER} S`],
    ['R', 0x20, true, `${PEER} R`],
    ['R', 0x20, false, `${OTHER} S`],
    ['R', 0x60, false, `${OTHER} R`],
    ['S', 0x00, true, `${PEER} S`],
    ['S', 0x00, false, `${PEER} S`],
    ['S', 0x40, true, `${PEER} R`],
    ['S', 0x40, false, `${PEER} S`],
    ['S', 0x20, true, `${PEER} S`],
    ['S', 0x20, false, `${OTHER} S`],
    ['S', 0x60, true, `${PEER} R`],
    ['S', 0x60, false, `${OTHER} R`],
  ])('advertisement in state %s with flags 0x%s, same address: %s', (state, flags, same, want) => {
    const { lab, em } = known();
    if (state === 'S') lab.host.advance(60 * SEC);
    lab.in(em, naPacket('2001:db8::2', (flags & 0x40) !== 0 ? '2001:db8::1' : 'ff02::1', flags, { opts: lladdrOpt(2, same ? PEER : OTHER) }));
    expect(lab.row('2001:db8::2')).toBe(want);
  });

  it('a solicitation with another address makes the entry stale, and our answer uses it', () => {
    const { lab, em } = known();
    lab.in(em, nsPacket('2001:db8::1', { src: '2001:db8::2', opts: lladdrOpt(1, OTHER) }), OTHER);
    expect(lab.row('2001:db8::2')).toBe(`${OTHER} D`);
  });
});

describe('ndp', () => {
  const mac = parseEtherAddr('02:00:00:00:00:09')!;
  const A = (t: string) => parseInAddr(t)!;

  it('enters, deletes, flushes; says what cannot be', () => {
    const { lab, em } = setup();
    expect(ndpSet(lab.vnet, A('2001:db8::9'), mac)).toBe(0);
    expect(lab.row('2001:db8::9')).toBe('02:00:00:00:00:09 R permanent');
    expect(ndpSet(lab.vnet, A('2001:db8:1::9'), mac)).toBe(ENETUNREACH);
    expect(ndpSet(lab.vnet, A('2001:db8::1'), mac)).toBe(ENETUNREACH); // ours: its route leads to loopback
    expect(ndpSet(lab.vnet, A('2001:db8::9'), mac.slice(1))).toBe(EINVAL);
    expect(ndpSet(lab.vnet, A('ff02::1'), mac)).toBe(EINVAL);
    expect(ndpDelete(lab.vnet, A('2001:db8::8'))).toBe(ENOENT);
    expect(ndpDelete(lab.vnet, A('2001:db8::1'))).toBe(EPERM);
    ndpSet(lab.vnet, A('2001:db8::a'), mac, { temporary: true });
    expect(lab.row('2001:db8::a')).toBe('02:00:00:00:00:09 S');
    expect(ndpSet(lab.vnet, lab.at(em, 'fe80::9'), mac)).toBe(0);
    expect(ndpFlush(lab.vnet).map((r) => `${r.addr}`.split('%')[0])).toEqual(['2001:db8::9', '2001:db8::a', 'fe80::9']);
    expect(lab.row('2001:db8::9')).toBeUndefined();
  });

  it('static entries are not changed by messages', () => {
    const { lab, em } = setup();
    ndpSet(lab.vnet, A('2001:db8::9'), mac);
    lab.in(em, naPacket('2001:db8::9', 'ff02::1', 0x20));
    lab.in(em, nsPacket('2001:db8::1', { src: '2001:db8::9' }));
    expect(lab.row('2001:db8::9')).toBe('02:00:00:00:00:09 R permanent');
  });

  it('a proxied neighbour is answered for, after a random wait, without override (RFC 4861 §7.2.8)', () => {
    const { lab, em, msgs } = setup();
    ndpSet(lab.vnet, A('2001:db8::9'), mac, { proxy: true });
    lab.in(em, nsPacket('2001:db8::9'));
    expect(types(msgs())).toEqual([]);
    lab.host.advance(1 * SEC);
    expect(msgs()).toMatchObject([{ to: PEER, dst: PEER_LL, type: 136, target: '2001:db8::9', flags: 0x40, opts: ['0201020000000009'] }]);
    ndpDelete(lab.vnet, A('2001:db8::9'));
    lab.in(em, nsPacket('2001:db8::9'));
    lab.host.advance(2 * SEC);
    expect(msgs()).toEqual([]);
  });

  it('packets that wait go out when an administrator enters the neighbour', () => {
    const { lab, em } = setup();
    lab.send(em, '2001:db8::9');
    em.port.take();
    ndpSet(lab.vnet, A('2001:db8::9'), mac);
    expect(em.port.take().length).toBe(1);
    expect(lab.outstanding).toBe(0);
  });
});
