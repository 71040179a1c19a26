import { describe, expect, it } from 'vitest';
import { EINVAL, ENOENT } from '@ns/errno';
import { IN6_IFF_TENTATIVE, in6SourceOn, ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { nd6Defrouters, nd6Dns, nd6Ifinfo, nd6Prefixes, nd6SetIfinfo } from '@ns/nd6';
import { RTADV, rtadvd, rtadvSnapshot, rtadvStart, rtadvStop, type RtadvConfig } from '../src/index.ts';
import { AF_INET6, parseInAddr } from '@ns/wire';
import { ifDelAddr } from '@ns/ifnet';
import { crget, credSysctlReq } from '@ns/vnet';
import { Hub, Lab, messages, rsPacket, SEC, type TestIf } from '../../nd6/test/lab.ts';

const R = '02:00:00:00:00:0e';

function router(config: RtadvConfig | null = {}, seed = 1): { lab: Lab; em: TestIf; times: (sec: number) => number[] } {
  const lab = new Lab({ seed, extra: [rtadvd()] });
  const em = lab.ether(R, '2001:db8:1::1/64');
  lab.ip6.forwarding = true;
  if (config !== null) expect(rtadvStart(em.ifp, config)).toBe(0);
  return {
    lab,
    em,
    times: (sec) => {
      const out: number[] = [];
      for (let t = 0; t < sec * 10; t++) {
        lab.host.advance(0.1 * SEC);
        for (const m of messages(em.port.take())) if (m.type === 134) out.push(t / 10);
      }
      return out;
    },
  };
}

describe('advertisements (RFC 4861 §6.2)', () => {
  it('say what the router and its link are: flags, lifetime, MTU, prefixes of its addresses', () => {
    const { lab, em } = router({ maxintervalSec: 60, managed: true, preference: 'high', rtimeMs: 30000, retransMs: 1000, mtu: 1400 });
    lab.addr(em.ifp, '2001:db8:1::2/64');
    lab.addr(em.ifp, '2001:db8:2::1/56');
    lab.addr(em.ifp, '2001:db8:3::1/128');
    lab.host.advance(1 * SEC);
    const frames = em.port.take();
    const [ra] = messages(frames).filter((m) => m.type === 134);
    expect(ra).toMatchObject({ to: '33:33:00:00:00:01', src: 'fe80::ff:fe00:e', dst: 'ff02::1', hlim: 255, flags: 64 });
    const p = frames.find((f) => f[54] === 134)!.subarray(54);
    expect([...p.subarray(4, 16)]).toEqual([64, 0x88, 0, 180, 0, 0, 0x75, 0x30, 0, 0, 3, 0xe8]);
    expect(ra!.opts.map((o) => o.slice(0, 16))).toEqual(['010102000000000e', '0501000000000578', '030440c000278d00', '0304388000278d00']);
    expect(ra!.opts[2]!.slice(16)).toBe('00093a800000000020010db8000100000000000000000000');
  });

  it('three at the beginning within 16 s, then at random times between the bounds', () => {
    const { times } = router({ maxintervalSec: 100, minintervalSec: 60 });
    const t = times(2000);
    expect(t[0]).toBeLessThan(0.6);
    expect(t[1]! - t[0]!).toBeLessThanOrEqual(16.1);
    expect(t[2]! - t[1]!).toBeLessThanOrEqual(16.1);
    const gaps = t.slice(4).map((x, i) => x - t[i + 3]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(59.9);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(100.1);
    expect(new Set(gaps.map((g) => g.toFixed(1))).size).toBeGreaterThan(5);
    expect(router({ maxintervalSec: 100, minintervalSec: 60 }).times(500)).toEqual(router({ maxintervalSec: 100, minintervalSec: 60 }).times(500));
  });

  it('answer solicitations within half a second, and no more often than each three seconds', () => {
    const { lab, em, times } = router({ maxintervalSec: 1800, minintervalSec: 1200 });
    times(60);
    lab.in(em, rsPacket());
    expect(times(5).length).toBe(1);
    let sent = 0;
    for (let i = 0; i < 300; i++) {
      lab.in(em, rsPacket({ src: `fe80::${(i + 16).toString(16)}` }));
      sent += times(0.1).length;
    }
    expect(sent).toBeLessThanOrEqual(11);
    expect(sent).toBeGreaterThanOrEqual(8);
    expect(RTADV.get(lab.vnet).stat.solicited).toBe(301);
  });

  it('forwarding that ends is said at once and three times, with lifetime 0; that it goes on, within seconds', () => {
    const { lab, em, times } = router({ maxintervalSec: 1800, minintervalSec: 1200, rdnss: [parseInAddr('2001:db8:1::53')!] });
    const set = (on: number): number => lab.kernel.sysctl.sysctlSet('net.inet6.ip6.forwarding', on, credSysctlReq(crget(lab.vnet, 0))).errno;
    /** Lifetimes of what was sent, and of its DNS servers, with the time. */
    const heard = (sec: number): [number, number, number][] => {
      const out: [number, number, number][] = [];
      for (let t = 0; t <= sec; t++) {
        for (const f of em.port.take()) {
          if (f[54] !== 134) continue;
          const dns = f.findIndex((x, i) => i >= 70 && x === 25 && f[i + 1] === 3);
          out.push([t, (f[60]! << 8) | f[61]!, new DataView(f.buffer, f.byteOffset).getUint32(dns + 4)]);
        }
        if (t < sec) lab.host.advance(1 * SEC);
      }
      return out;
    };
    times(100);
    expect(set(0)).toBe(0);
    const last = heard(60);
    expect(last.map(([, life, dns]) => [life, dns])).toEqual([[0, 0], [0, 0], [0, 0]]);
    expect(last[0]![0]).toBe(0);
    expect(last[2]![0]).toBeLessThanOrEqual(40);
    expect(heard(1000)).toEqual([]);
    expect(set(0)).toBe(0); // nothing new
    expect(heard(10)).toEqual([]);
    expect(set(1)).toBe(0);
    const again = heard(60);
    expect(again.length).toBe(4);
    expect(again[0]![0]).toBeLessThanOrEqual(4);
    expect(new Set(again.map(([, life]) => life))).toEqual(new Set([5400]));
    expect(rtadvStop(em.ifp)).toBe(0);
    em.port.take();
    expect(set(0)).toBe(0);
    expect(heard(60)).toEqual([]);
  });

  it('follow changes of addresses; stop with lifetime 0', () => {
    const { lab, em, times } = router({ maxintervalSec: 1800, minintervalSec: 1200 });
    times(60);
    lab.addr(em.ifp, '2001:db8:9::1/64');
    lab.host.advance(4 * SEC);
    const [ra] = messages(em.port.take()).filter((m) => m.type === 134);
    expect(ra!.opts.filter((o) => o.startsWith('0304')).length).toBe(2);
    ifDelAddr(em.ifp, parseInAddr('2001:db8:9::1')!, AF_INET6);
    lab.host.advance(4 * SEC);
    const options = messages(em.port.take()).filter((m) => m.type === 134)[0]!.opts.filter((o) => o.startsWith('0304'));
    expect(options.map((o) => o.slice(0, 24))).toEqual(['030440c000278d0000093a80', '030440c00000000000000000']);
    expect(rtadvStop(em.ifp)).toBe(0);
    const frames = em.port.take();
    expect(messages(frames).map((m) => m.type)).toEqual([134]);
    expect([...frames[0]!.subarray(60, 62)]).toEqual([0, 0]);
    expect(rtadvStop(em.ifp)).toBe(ENOENT);
    lab.in(em, rsPacket());
    expect(times(60)).toEqual([]);
    expect(rtadvSnapshot(lab.vnet)).toEqual([]);
  });

  it('a vnet that does not forward is no default router', () => {
    const { lab, em } = router();
    lab.ip6.forwarding = false;
    lab.host.advance(1 * SEC);
    expect([...em.port.take().find((f) => f[54] === 134)!.subarray(60, 62)]).toEqual([0, 0]);
  });

  it('nothing is said while the link-local address is being tested', () => {
    const lab = new Lab({ dad: 1, extra: [rtadvd()] });
    const em = lab.ether(R, '2001:db8:1::1/64');
    rtadvStart(em.ifp, { maxintervalSec: 4, minintervalSec: 3 });
    lab.host.advance(0.6 * SEC);
    expect(messages(em.port.take()).filter((m) => m.type === 134)).toEqual([]);
    expect(RTADV.get(lab.vnet).stat.skipped).toBe(1);
    lab.host.advance(8 * SEC);
    expect(messages(em.port.take()).filter((m) => m.type === 134).length).toBeGreaterThan(0);
  });

  it.each<[RtadvConfig]>([
    [{ maxintervalSec: 3 }],
    [{ maxintervalSec: 1801 }],
    [{ minintervalSec: 2 }],
    [{ maxintervalSec: 100, minintervalSec: 76 }],
    [{ rltimeSec: 9001 }],
    [{ rltimeSec: 5 }],
    [{ chlim: 256 }],
    [{ rtimeMs: 3600001 }],
    [{ mtu: 1279 }],
    [{ vltimeSec: 10, pltimeSec: 20 }],
    [{ dnssl: ['not a name'] }],
    [{ rdnss: Array.from({ length: 9 }, () => parseInAddr('2001:db8::53')!) }],
  ])('%j cannot be', (config) => {
    const { em } = router(null);
    expect(rtadvStart(em.ifp, config)).toBe(EINVAL);
  });

  it('one message has as many prefixes as fit, and says how many were left', () => {
    const { lab, em } = router(null);
    for (let i = 0; i < 60; i++) lab.addr(em.ifp, `2001:db8:${(i + 100).toString(16)}::1/64`);
    em.port.take();
    rtadvStart(em.ifp);
    lab.host.advance(1 * SEC);
    const frame = em.port.take().find((f) => f[54] === 134)!;
    expect(frame.length).toBeLessThanOrEqual(14 + 1280);
    expect(RTADV.get(lab.vnet).stat.prefixes_left).toBe(61 - 37);
  });
});

describe('prefixes that are gone', () => {
  const PI = /^0304(?:..){2}(.{8})(.{8}).{8}(.{16})/;
  /** Valid lifetime, preferred lifetime and the first half of each prefix of the last advertisement sent. */
  const prefixes = (em: TestIf): string[] | undefined =>
    messages(em.port.take())
      .filter((m) => m.type === 134)
      .pop()
      ?.opts.flatMap((o) => (PI.test(o) ? [o.replace(PI, '$3 $1 $2').slice(8, 34)] : []));
  const gone = (n: number): string => `${n.toString(16).padStart(4, '0')}0000 00000000 00000000`;
  const there = (n: number): string => `${n.toString(16).padStart(4, '0')}0000 00278d00 00093a80`;

  it('are said to be over for two hours, and more often at first', () => {
    const { lab, em, times } = router({ maxintervalSec: 60, minintervalSec: 40 });
    lab.addr(em.ifp, '2001:db8:9::1/64');
    times(200);
    ifDelAddr(em.ifp, parseInAddr('2001:db8:9::1')!, AF_INET6);
    expect(times(40).length).toBe(3);
    lab.host.advance(7000 * SEC);
    expect(prefixes(em)).toEqual([there(1), gone(9)]);
    lab.host.advance(300 * SEC);
    expect(prefixes(em)).toEqual([there(1)]);
  });

  it('nothing is said of one that was never said, or that another address still stands for, or that is back', () => {
    const { lab, em } = router({ maxintervalSec: 60 });
    lab.addr(em.ifp, '2001:db8:9::1/64');
    ifDelAddr(em.ifp, parseInAddr('2001:db8:9::1')!, AF_INET6);
    lab.host.advance(5 * SEC);
    expect(prefixes(em)).toEqual([there(1)]);
    lab.addr(em.ifp, '2001:db8:1::2/64');
    ifDelAddr(em.ifp, parseInAddr('2001:db8:1::1')!, AF_INET6);
    lab.host.advance(5 * SEC);
    expect(prefixes(em)).toEqual([there(1)]);
    ifDelAddr(em.ifp, parseInAddr('2001:db8:1::2')!, AF_INET6);
    lab.host.advance(5 * SEC);
    expect(prefixes(em)).toEqual([gone(1)]);
    lab.addr(em.ifp, '2001:db8:1::3/64');
    lab.host.advance(5 * SEC);
    expect(prefixes(em)).toEqual([there(1)]);
    // The same bits with another length are another prefix.
    ifDelAddr(em.ifp, parseInAddr('2001:db8:1::3')!, AF_INET6);
    lab.addr(em.ifp, '2001:db8:1::3/56');
    lab.host.advance(5 * SEC);
    expect(prefixes(em)).toEqual([there(1), gone(1)]);
  });

  it('one whose address is tested anew is not over', () => {
    const { lab, em } = router({ maxintervalSec: 60 });
    lab.host.advance(100 * SEC);
    em.port.take();
    em.ifp.addrs.find((x) => x.prefixlen === 64 && x.addr.w0 === 0x20010db8)!.afflags |= IN6_IFF_TENTATIVE;
    lab.in(em, rsPacket());
    lab.host.advance(4 * SEC);
    expect(prefixes(em)).toEqual([]);
    em.ifp.addrs.find((x) => x.prefixlen === 64 && x.addr.w0 === 0x20010db8)!.afflags &= ~IN6_IFF_TENTATIVE;
    lab.in(em, rsPacket());
    lab.host.advance(4 * SEC);
    expect(prefixes(em)).toEqual([there(1)]);
  });

  it('are bounded: of many, the last sixteen', () => {
    const { lab, em } = router({ maxintervalSec: 60 });
    lab.host.advance(100 * SEC);
    for (let i = 0; i < 20; i++) {
      lab.addr(em.ifp, `2001:db8:${(i + 0x100).toString(16)}::1/64`);
      lab.host.advance(5 * SEC);
      ifDelAddr(em.ifp, parseInAddr(`2001:db8:${(i + 0x100).toString(16)}::1`)!, AF_INET6);
      lab.host.advance(5 * SEC);
    }
    const said = prefixes(em)!;
    expect(said.length).toBe(17);
    expect(said[0]).toBe(there(1));
    expect([...said.slice(1)].sort()).toEqual(Array.from({ length: 16 }, (_, i) => gone(i + 0x104)));
    expect(RTADV.get(lab.vnet).stat.withdrawn_left).toBe(4);
  });
});

describe('a link with a router and hosts', () => {
  it('a host deprecates its address when the prefix is withdrawn, and keeps it no longer than two hours; the last word of a router that stops is lifetime 0', () => {
    const lab = new Lab({ dad: 1, extra: [rtadvd()] });
    const hub = new Hub(lab);
    const rv = lab.newVnet('router');
    const r = lab.ether(R, '2001:db8:1::1/64', { hub, vnet: rv });
    lab.addr(r.ifp, '2001:db8:2::1/64');
    lab.nd6(rv).ip6v.forwarding = true;
    const hv = lab.newVnet('host');
    const h = lab.ether('02:00:00:00:00:10', null, { hub, vnet: hv });
    nd6SetIfinfo(h.ifp, { set: ND6_IFF_ACCEPT_RTADV });
    expect(rtadvStart(r.ifp, { maxintervalSec: 600 })).toBe(0);
    lab.host.advance(60 * SEC);
    expect(lab.addrs(h)).toEqual(['2001:db8:1::ff:fe00:10/64 autoconf', '2001:db8:2::ff:fe00:10/64 autoconf']);
    const src = (): string => `${in6SourceOn(lab.nd6(hv).ip6v, parseInAddr('2001:db8:2::9')!, h.ifp)}`;
    expect(src()).toBe('2001:db8:2::ff:fe00:10');
    ifDelAddr(r.ifp, parseInAddr('2001:db8:2::1')!, AF_INET6);
    lab.host.advance(10 * SEC);
    expect(lab.addrs(h)).toEqual(['2001:db8:1::ff:fe00:10/64 autoconf', '2001:db8:2::ff:fe00:10/64 deprecated autoconf']);
    expect(src()).toBe('2001:db8:1::ff:fe00:10');
    // The two hours begin when the host first hears of it, and are not begun again by what it hears later.
    lab.host.advance(7100 * SEC);
    expect(lab.addrs(h).length).toBe(2);
    lab.host.advance(100 * SEC);
    expect(lab.addrs(h)).toEqual(['2001:db8:1::ff:fe00:10/64 autoconf']);
    lab.host.advance(1000 * SEC);
    expect(nd6Prefixes(hv).map((p) => `${p.prefix}`)).toEqual(['2001:db8:1::']);
    // A router that is unloaded says so itself (RFC 4861 §6.2.5).
    expect(nd6Defrouters(hv).length).toBe(1);
    expect(lab.kernel.kldunload('rtadvd')).toMatchObject({ errno: 0 });
    lab.host.advance(1 * SEC);
    expect(nd6Defrouters(hv)).toEqual([]);
    expect(lab.addrs(h)).toEqual(['2001:db8:1::ff:fe00:10/64 autoconf']);
  });

  it('hosts have addresses, a default router and DNS within seconds, and lose the router when it stops; nothing stays', () => {
    const lab = new Lab({ dad: 1, stable: true, extra: [rtadvd()] });
    const hub = new Hub(lab);
    const rv = lab.newVnet('router');
    const r = lab.ether(R, '2001:db8:1::1/64', { hub, vnet: rv });
    lab.nd6(rv).ip6v.forwarding = true;
    const hosts = ['a', 'b'].map((name, i) => {
      const vnet = lab.newVnet(name);
      const em = lab.ether(`02:00:00:00:00:1${i}`, null, { hub, vnet });
      nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
      return { vnet, em };
    });
    rtadvStart(r.ifp, { rdnss: [parseInAddr('2001:db8:1::53')!], dnssl: ['example.org'], mtu: 1400 });
    lab.host.advance(8 * SEC);
    for (const h of hosts) {
      expect(lab.addrs(h.em)[0]).toMatch(/^2001:db8:1:[0-9a-f:]+\/64 autoconf$/);
      expect(nd6Defrouters(h.vnet).length).toBe(1);
      expect(nd6Ifinfo(h.em.ifp)!.linkmtu).toBe(1400);
      expect(nd6Dns(h.vnet).map((e) => (e.server !== null ? `${e.server}` : e.domain))).toEqual(['2001:db8:1::53', 'example.org']);
    }
    expect(lab.addrs(hosts[0]!.em)[0]).not.toBe(lab.addrs(hosts[1]!.em)[0]);
    expect(rtadvStop(r.ifp)).toBe(0);
    lab.host.advance(1 * SEC);
    for (const h of hosts) expect(nd6Defrouters(h.vnet)).toEqual([]);
    rtadvStart(r.ifp);
    lab.kpi.ifDetach(r.ifp.handle);
    expect(lab.dropVnet(rv)).toMatchObject({ leftovers: [], problems: [] });
    lab.host.advance(100 * SEC);
    expect(lab.outstanding).toBe(0);
  });
});
