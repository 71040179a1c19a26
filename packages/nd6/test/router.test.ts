import { describe, expect, it } from 'vitest';
import { ifDown, ifUp } from '@ns/ifnet';
import { ND6_IFF_ACCEPT_RTADV, ND6_IFF_NO_RADR } from '@ns/ip6';
import { ip6Output } from '../../ip6/src/output.ts';
import { addrsOf, icmp6Packet } from '../../ip6/test/lab.ts';
import { INET } from '@ns/inpcb';
import { AF_INET6, parseInAddr } from '@ns/wire';
import { nd6Defrouters, nd6Dns, nd6FlushPrefixes, nd6FlushRouters, nd6HarmonizeRouters, nd6Ifinfo, nd6Prefixes, nd6SetIfinfo, NDPRF_DETACHED } from '../src/index.ts';
import { ribAdd, ROUTE, RTF_GATEWAY, RTF_STATIC } from '@ns/route';
import { cat, Lab, type LabOptions, lladdrOpt, messages, naPacket, PEER, PEER_LL, piOpt, put, type RaOptions, raPacket, SEC, type TestIf } from './lab.ts';

const ME = '02:00:00:00:00:01';
const R3 = '02:00:00:00:00:03';
const IID = ':0:ff:fe00:1';

function setup(options: LabOptions = {}): { lab: Lab; em: TestIf; ra: (o?: RaOptions & { pi?: Uint8Array[]; from?: string; mac?: string }) => void; msgs: () => ReturnType<typeof messages> } {
  const lab = new Lab(options);
  const em = lab.ether(ME);
  nd6SetIfinfo(em.ifp, { set: ND6_IFF_ACCEPT_RTADV });
  lab.host.settle();
  em.port.take();
  return {
    lab,
    em,
    ra: (o = {}) => {
      const mac = o.mac ?? PEER;
      lab.in(em, raPacket({ ...o, src: o.from ?? PEER_LL, opts: cat(lladdrOpt(1, mac), ...(o.pi ?? []), ...(o.opts !== undefined ? [o.opts] : [])) }), mac);
    },
    msgs: () => messages(em.port.take()),
  };
}

describe('router solicitation (RFC 4861 §6.3.7, RFC 7559)', () => {
  it('begins within a second, and goes on at growing intervals up to an hour, until a router offers itself', () => {
    const { lab, ra, msgs } = setup();
    const times: number[] = [];
    for (let t = 0; t < 40000; t++) {
      lab.host.advance(1 * SEC);
      for (const m of msgs()) {
        expect(m).toMatchObject({ type: 133, dst: 'ff02::2', to: '33:33:00:00:00:02', src: 'fe80::ff:fe00:1', hlim: 255, opts: ['0101020000000001'] });
        times.push(t);
      }
    }
    expect(times[0]).toBe(0);
    const gaps = times.slice(1).map((t, i) => t - times[i]!);
    expect(gaps[0]).toBeGreaterThanOrEqual(3);
    expect(gaps[0]).toBeLessThanOrEqual(5);
    for (let i = 1; i < gaps.length; i++) {
      const want = Math.min(3600, 2 * gaps[i - 1]!);
      expect(gaps[i]! / want).toBeGreaterThan(0.6);
      expect(gaps[i]! / want).toBeLessThan(1.4);
    }
    expect(gaps[gaps.length - 1]!).toBeGreaterThan(3200);
    expect(gaps[gaps.length - 1]!).toBeLessThan(4000);
    ra({ lifetime: 0 });
    lab.host.advance(4000 * SEC);
    expect(msgs().length).toBeGreaterThan(0); // one that is no default router does not end it
    ra();
    lab.host.advance(20000 * SEC);
    expect(msgs().filter((m) => m.type === 133)).toEqual([]);
  });

  it('waits for the link-local address, and stops with the interface', () => {
    const { lab, em, msgs } = setup({ dad: 1 });
    let rsAt = 0;
    for (let t = 1; t < 60 && rsAt === 0; t++) {
      lab.host.advance(0.1 * SEC);
      if (msgs().some((m) => m.type === 133)) rsAt = t;
    }
    expect(rsAt).toBeGreaterThan(10);
    ifDown(em.ifp);
    lab.host.advance(100 * SEC);
    expect(msgs()).toEqual([]);
    ifUp(em.ifp);
    lab.host.advance(4 * SEC);
    expect(msgs().filter((m) => m.type === 133).length).toBeGreaterThan(0);
    nd6SetIfinfo(em.ifp, { clear: ND6_IFF_ACCEPT_RTADV });
    lab.host.advance(100 * SEC);
    expect(msgs()).toEqual([]);
  });
});

describe('default routers (RFC 4861 §6.3.4, §6.3.6)', () => {
  it('come with an advertisement and go with their lifetime', () => {
    const { lab, ra } = setup();
    ra({ lifetime: 100 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::2 em0']);
    expect(lab.row(PEER_LL)).toBe(`${PEER} S R`);
    lab.host.advance(99 * SEC);
    expect(nd6Defrouters(lab.vnet).length).toBe(1);
    lab.host.advance(2 * SEC);
    expect(nd6Defrouters(lab.vnet)).toEqual([]);
    expect(lab.routes()).toEqual([]);
  });

  it('go at once with lifetime 0, with the R flag of an advertisement cleared, or by ndp -R', () => {
    const { lab, em, ra } = setup();
    ra();
    ra({ lifetime: 0 });
    expect(lab.routes()).toEqual([]);
    ra();
    lab.in(em, naPacket(PEER_LL, 'ff02::1', 0x20));
    expect(lab.routes()).toEqual([]);
    expect(lab.row(PEER_LL)).toBe(`${PEER} S`);
    ra();
    nd6FlushRouters(lab.vnet);
    expect(lab.routes()).toEqual([]);
  });

  it('the preferred one is used (RFC 4191): high before medium before low; reserved counts as medium', () => {
    const { lab, ra } = setup();
    ra({ from: 'fe80::3', mac: R3, flags: 0x18 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::3 em0']);
    ra({ from: 'fe80::4', mac: '02:00:00:00:00:04', flags: 0x10 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::4 em0']);
    ra();
    expect(lab.routes()).toEqual(['::/0 UG via fe80::4 em0']);
    ra({ from: 'fe80::5', mac: '02:00:00:00:00:05', flags: 0x08 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::5 em0']);
    expect(nd6Defrouters(lab.vnet).map((d) => `${d.addr}`.split('%')[0])).toEqual(['fe80::5', 'fe80::4', 'fe80::2', 'fe80::3']);
    ra({ from: 'fe80::5', mac: '02:00:00:00:00:05', lifetime: 0 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::4 em0']);
  });

  it('one that does not answer gives way to another, and gets its turn again when it does', () => {
    const { lab, em, ra } = setup();
    ra();
    ra({ from: 'fe80::3', mac: R3 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::2 em0']);
    lab.send(em, 'fe80::2', 'fe80::ff:fe00:1');
    lab.host.advance(8.5 * SEC); // delay, three probes
    expect(lab.row(PEER_LL)).toBeUndefined();
    expect(lab.routes()).toEqual(['::/0 UG via fe80::3 em0']);
    ra();
    expect(lab.routes()).toEqual(['::/0 UG via fe80::3 em0']); // no better than the one in use
    ra({ flags: 0x08 });
    expect(lab.routes()).toEqual(['::/0 UG via fe80::2 em0']);
  });

  it('when none answers they are tried by turns', () => {
    const { lab, em, ra } = setup();
    ra();
    ra({ from: 'fe80::3', mac: R3 });
    const use = (gw: string): void => {
      lab.send(em, gw, 'fe80::ff:fe00:1');
      lab.host.advance(9 * SEC);
    };
    use('fe80::2');
    use('fe80::3');
    expect(lab.routes()).toEqual(['::/0 UG via fe80::2 em0']);
    use('fe80::2');
    expect(lab.routes()).toEqual(['::/0 UG via fe80::3 em0']);
  });

  it('a default route that an administrator made stays; a router forwards by its own', () => {
    const { lab, em, ra } = setup();
    const rib = ROUTE.get(lab.vnet).inet6(0);
    ribAdd(rib, { dst: parseInAddr('::')!, prefixlen: 0, flags: RTF_GATEWAY | RTF_STATIC, gw: lab.at(em, 'fe80::9'), ifp: em.ifp });
    ra();
    expect(lab.routes()).toEqual(['::/0 UGS via fe80::9 em0']);
    ra({ lifetime: 0 });
    expect(lab.routes()).toEqual(['::/0 UGS via fe80::9 em0']);
    lab.ip6.forwarding = true;
    ra();
    expect(nd6Defrouters(lab.vnet)).toEqual([]);
    lab.nd.rfc6204w3 = true;
    ra();
    expect(nd6Defrouters(lab.vnet).length).toBe(1);
  });

  it('ND6_IFF_NO_RADR keeps the prefixes and not the router; without ND6_IFF_ACCEPT_RTADV nothing is taken', () => {
    const { lab, em, ra } = setup();
    nd6SetIfinfo(em.ifp, { set: ND6_IFF_NO_RADR });
    ra({ pi: [piOpt('2001:db8::')] });
    expect(lab.routes().filter((r) => r.startsWith('::/0'))).toEqual([]);
    expect(lab.addrs(em)).toEqual([`2001:db8::${IID.slice(3)}/64 autoconf`]);
    nd6SetIfinfo(em.ifp, { clear: ND6_IFF_ACCEPT_RTADV });
    ra({ pi: [piOpt('2001:db8:1::')] });
    expect(lab.addrs(em).length).toBe(1);
  });

  it('the list is bounded: maxifdefrouters', () => {
    const { lab, ra } = setup();
    for (let i = 2; i < 40; i++) ra({ from: `fe80::${i.toString(16)}`, mac: `02:00:00:00:01:${i.toString(16).padStart(2, '0')}` });
    expect(nd6Defrouters(lab.vnet).length).toBe(16);
    expect(lab.nd.stat.router_limit).toBe(22);
  });

  it('ndp -H puts the default route back', () => {
    const { lab, ra } = setup();
    ra();
    lab.nd.defrouters[0]!.installed = false;
    nd6HarmonizeRouters(lab.vnet);
    expect(lab.routes()).toEqual(['::/0 UG via fe80::2 em0']);
    expect(nd6Defrouters(lab.vnet)[0]!.installed).toBe(true);
  });
});

describe('what routers say of the link', () => {
  it('timers and hop limit within bounds; zero says nothing', () => {
    const { lab, em, ra } = setup();
    ra({ reachable: 10000, retrans: 500, curhlim: 100 });
    expect(nd6Ifinfo(em.ifp)).toMatchObject({ basereachableMs: 10000, retransMs: 500, curhlim: 100 });
    ra({ curhlim: 0 });
    expect(nd6Ifinfo(em.ifp)).toMatchObject({ basereachableMs: 10000, retransMs: 500, curhlim: 100 });
    ra({ reachable: 3600001, retrans: 4000000000, curhlim: 3 });
    expect(nd6Ifinfo(em.ifp)).toMatchObject({ basereachableMs: 10000, retransMs: 500, curhlim: 100 });
    ra({ retrans: 1, curhlim: 0 });
    expect(nd6Ifinfo(em.ifp)!.retransMs).toBe(500);
    expect(lab.nd.stat.ra_ignored).toBe(4);
    expect(nd6Ifinfo(em.ifp)!.reachableMs).toBeGreaterThanOrEqual(5000);
    expect(nd6Ifinfo(em.ifp)!.reachableMs).toBeLessThanOrEqual(15000);
  });

  it.each([
    [1400, 1400],
    [1280, 1280],
    [1279, 1500],
    [1500, 1500],
    [1501, 1500],
    [0xffffffff, 1500],
  ])('MTU option %i: link MTU %i', (mtu, want) => {
    const { em, ra } = setup();
    const o = new Uint8Array(8);
    o[0] = 5;
    o[1] = 1;
    new DataView(o.buffer).setUint32(4, mtu);
    ra({ opts: o });
    expect(nd6Ifinfo(em.ifp)!.linkmtu).toBe(want);
  });
});

describe('prefixes and addresses (RFC 4861 §6.3.4, RFC 4862 §5.5.3)', () => {
  const ADDR = `2001:db8::${IID.slice(3)}/64`;

  it('L and A: a route and an address, until the lifetimes are over', () => {
    const { lab, em, ra } = setup();
    ra({ lifetime: 0, pi: [piOpt('2001:db8::', { valid: 10000, preferred: 300 })] });
    expect(lab.addrs(em)).toEqual([`${ADDR} autoconf`]);
    expect(lab.routes()).toEqual(['2001:db8::/64 U em0', '2001:db8::ff:fe00:1/128 UHS lo0']);
    lab.host.advance(301 * SEC);
    expect(lab.addrs(em)).toEqual([`${ADDR} deprecated autoconf`]);
    ra({ lifetime: 0, pi: [piOpt('2001:db8::', { valid: 10000, preferred: 300 })] });
    expect(lab.addrs(em)).toEqual([`${ADDR} autoconf`]);
    lab.host.advance(10001 * SEC);
    expect(lab.addrs(em)).toEqual([]);
    expect(lab.routes()).toEqual([]);
    expect(nd6Prefixes(lab.vnet)).toEqual([]);
    expect(lab.nd.stat).toMatchObject({ addr_autoconf: 1, addr_expired: 1 });
  });

  it('A only: an address without a route; L only: a route without an address; neither: nothing', () => {
    const a = setup();
    a.ra({ lifetime: 0, pi: [piOpt('2001:db8::', { flags: 0x40 })] });
    expect(a.lab.addrs(a.em)).toEqual([`${ADDR} autoconf`]);
    expect(a.lab.routes()).toEqual(['2001:db8::ff:fe00:1/128 UHS lo0']);
    const l = setup();
    l.ra({ lifetime: 0, pi: [piOpt('2001:db8::', { flags: 0x80 })] });
    expect(l.lab.addrs(l.em)).toEqual([]);
    expect(l.lab.routes()).toEqual(['2001:db8::/64 U em0']);
    const n = setup();
    n.ra({ lifetime: 0, pi: [piOpt('2001:db8::', { flags: 0 })] });
    expect(nd6Prefixes(n.lab.vnet)).toEqual([]);
  });

  it('a forged advertisement does not end an address within two hours, and the prefix goes off the link at once', () => {
    const { lab, em, ra } = setup();
    ra({ lifetime: 0, pi: [piOpt('2001:db8::', { valid: 86400, preferred: 86400 })] });
    ra({ lifetime: 0, pi: [piOpt('2001:db8::', { valid: 0, preferred: 0 })] });
    expect(lab.addrs(em)).toEqual([`${ADDR} autoconf`]);
    lab.host.advance(2 * SEC);
    expect(lab.addrs(em)).toEqual([`${ADDR} deprecated autoconf`]);
    expect(lab.routes()).toEqual(['2001:db8::ff:fe00:1/128 UHS lo0']);
    lab.host.advance(7190 * SEC);
    expect(lab.addrs(em).length).toBe(1);
    lab.host.advance(20 * SEC);
    expect(lab.addrs(em)).toEqual([]);
  });

  it.each([
    ['link-local', piOpt('fe80::')],
    ['a group', piOpt('ff0e::')],
    ['preferred longer than valid', piOpt('2001:db8::', { valid: 100, preferred: 200 })],
    ['valid lifetime 0', piOpt('2001:db8::', { valid: 0, preferred: 0 })],
    ['prefix of 48 bits', piOpt('2001:db8::', { len: 48 })],
    ['prefix of 129 bits', piOpt('2001:db8::', { len: 129 })],
  ])('no address from %s', (_n, pi) => {
    const { lab, em, ra } = setup();
    ra({ pi: [pi] });
    expect(lab.addrs(em)).toEqual([]);
  });

  it('for ever means for ever', () => {
    const { lab, em, ra } = setup();
    ra({ lifetime: 0, pi: [piOpt('2001:db8::', { valid: 0xffffffff, preferred: 0xffffffff })] });
    lab.host.advance(3 * 365 * 86400 * SEC);
    expect(lab.addrs(em)).toEqual([`${ADDR} autoconf`]);
    expect(lab.routes()).toContain('2001:db8::/64 U em0');
  });

  it('an address that was configured by hand stays as it is', () => {
    const { lab, em, ra } = setup();
    lab.addr(em.ifp, ADDR);
    ra({ pi: [piOpt('2001:db8::', { valid: 100, preferred: 100 })] });
    lab.host.advance(200 * SEC);
    expect(lab.addrs(em)).toEqual([ADDR]);
    expect(lab.routes()).toContain('2001:db8::/64 U em0');
  });

  it('a stable address is the same each time, and another on another prefix; a duplicate gives way to the next', () => {
    const run = (): [string[], Lab, TestIf, ReturnType<typeof setup>['ra']] => {
      const { lab, em, ra } = setup({ stable: true, dad: 1 });
      lab.host.advance(3 * SEC);
      ra({ pi: [piOpt('2001:db8::'), piOpt('2001:db8:0:1::')] });
      lab.host.advance(3 * SEC);
      return [lab.addrs(em), lab, em, ra];
    };
    const [first] = run();
    const [again, lab, em] = run();
    expect(again).toEqual(first);
    expect(first.length).toBe(2);
    const iid = (a: string): string => a.split('/')[0]!.split(':').slice(-4).join(':');
    expect(iid(first[0]!)).not.toBe(iid(first[1]!));
    expect(first.join()).not.toContain('ff:fe');
    // The link changes: all is tested again, and now somebody has it.
    ifDown(em.ifp);
    ifUp(em.ifp);
    lab.host.advance(0.1 * SEC);
    const taken = again[0]!.split('/')[0]!;
    lab.in(em, naPacket(taken, 'ff02::1', 0x20));
    lab.host.advance(3 * SEC);
    const now = lab.addrs(em);
    expect(now.length).toBe(2);
    expect(now.map((a) => a.split('/')[0])).not.toContain(taken);
    expect(now.some((a) => a.includes('duplicated'))).toBe(false);
  });

  it('a prefix whose router is gone is detached while another has one, and comes back with it', () => {
    const { lab, em, ra } = setup();
    ra({ pi: [piOpt('2001:db8::')] });
    ra({ from: 'fe80::3', mac: R3, pi: [piOpt('2001:db8:0:1::')] });
    lab.send(em, 'fe80::2', 'fe80::ff:fe00:1');
    lab.host.advance(9 * SEC);
    expect(lab.addrs(em)).toEqual([`${ADDR} detached autoconf`, `2001:db8:0:1${IID}/64 autoconf`]);
    expect(lab.routes()).not.toContain('2001:db8::/64 U em0');
    expect(nd6Prefixes(lab.vnet)[0]!.state & NDPRF_DETACHED).not.toBe(0);
    ra({ pi: [piOpt('2001:db8::')] });
    expect(lab.addrs(em)).toEqual([`${ADDR} autoconf`, `2001:db8:0:1${IID}/64 autoconf`]);
    expect(lab.routes()).toContain('2001:db8::/64 U em0');
  });

  it('where no router answers nothing is detached', () => {
    const { lab, em, ra } = setup();
    ra({ pi: [piOpt('2001:db8::')] });
    lab.send(em, 'fe80::2', 'fe80::ff:fe00:1');
    lab.host.advance(9 * SEC);
    expect(lab.addrs(em)).toEqual([`${ADDR} autoconf`]);
    expect(lab.routes()).toContain('2001:db8::/64 U em0');
  });

  it('ndp -P drops prefixes and their addresses', () => {
    const { lab, em, ra } = setup();
    lab.addr(em.ifp, '2001:db8:7::1/64');
    ra({ lifetime: 0, pi: [piOpt('2001:db8::'), piOpt('2001:db8:0:1::')] });
    nd6FlushPrefixes(lab.vnet);
    expect(lab.addrs(em)).toEqual(['2001:db8:7::1/64']);
    expect(nd6Prefixes(lab.vnet)).toEqual([]);
    expect(lab.routes()).toEqual(['2001:db8:7::/64 U em0', '2001:db8:7::1/128 UHS lo0']);
  });

  it('a flood of 10,000 prefixes is bounded and counted; so are the options of one message', () => {
    const { lab, em, ra } = setup();
    for (let i = 0; i < 1250; i++) {
      const pi = Array.from({ length: 8 }, (_, j) => piOpt(`2001:db8:${(i + 1).toString(16)}:${j}::`));
      ra({ pi });
    }
    expect(nd6Prefixes(lab.vnet).length).toBe(16);
    expect(lab.addrs(em).length).toBe(16);
    expect(lab.routes().length).toBe(33);
    expect(lab.nd.stat.prefix_limit).toBe(10000 - 16);
    ra({ pi: Array.from({ length: 20 }, (_, j) => piOpt(`2001:db8:ffff:${j}::`)) });
    expect(lab.ip6.icmp6stat.nd_toomanyopt).toBe(1);
    expect(lab.nd.stat.prefix_limit).toBe(10000 - 16 + 9);
    expect(lab.outstanding).toBe(0);
  });

  it('a manual address with lifetimes expires too', () => {
    const { lab, em } = setup();
    lab.addr(em.ifp, '2001:db8::1/64');
    const ifa = em.ifp.addrs.find((a) => `${a.addr}` === '2001:db8::1')!;
    ifa.preferredUntilUs = lab.host.clock.nowUs() + 10 * SEC;
    ifa.validUntilUs = lab.host.clock.nowUs() + 20 * SEC;
    lab.nd.schedule(ifa.preferredUntilUs);
    lab.host.advance(11 * SEC);
    expect(lab.addrs(em)).toEqual(['2001:db8::1/64 deprecated']);
    lab.host.advance(10 * SEC);
    expect(lab.addrs(em)).toEqual([]);
  });
});

describe('DNS (RFC 8106)', () => {
  function rdnss(life: number, ...servers: string[]): Uint8Array {
    const p = new Uint8Array(8 + 16 * servers.length);
    p[0] = 25;
    p[1] = p.length >> 3;
    new DataView(p.buffer).setUint32(4, life);
    servers.forEach((s, i) => put(p, 8 + 16 * i, parseInAddr(s)!));
    return p;
  }
  function dnssl(life: number, raw: number[]): Uint8Array {
    const p = new Uint8Array((8 + raw.length + 7) & ~7);
    p[0] = 31;
    p[1] = p.length >> 3;
    new DataView(p.buffer).setUint32(4, life);
    p.set(raw, 8);
    return p;
  }
  const name = (s: string): number[] => [...s.split('.').flatMap((l) => [l.length, ...[...l].map((c) => c.charCodeAt(0))]), 0];
  const all = (lab: Lab): string[] => nd6Dns(lab.vnet).map((e) => (e.server !== null ? `${e.server}` : e.domain!));

  it('servers and domains are kept until their lifetime is over, or withdrawn', () => {
    const { lab, ra } = setup();
    ra({ opts: cat(rdnss(100, '2001:db8::53', '2001:db8::54'), dnssl(200, [...name('Example.org'), ...name('lab.example.org')])) });
    expect(all(lab)).toEqual(['2001:db8::53', '2001:db8::54', 'example.org', 'lab.example.org']);
    ra({ opts: rdnss(0, '2001:db8::53') });
    expect(all(lab)).toEqual(['2001:db8::54', 'example.org', 'lab.example.org']);
    lab.host.advance(101 * SEC);
    expect(all(lab)).toEqual(['example.org', 'lab.example.org']);
    lab.host.advance(101 * SEC);
    expect(all(lab)).toEqual([]);
  });

  it('what cannot be a server or a name is left out', () => {
    const { lab, ra } = setup();
    ra({ opts: rdnss(100, '::', 'ff02::1', '::1', 'fe80::53') });
    expect(all(lab).map((s) => s.split('%')[0])).toEqual(['fe80::53']);
    ra({ opts: dnssl(100, [3, 0x61, 0x20, 0x62, 0]) });
    ra({ opts: dnssl(100, [3, 0x61, 0x2e, 0x62, 0]) });
    ra({ opts: dnssl(100, [63, 0x61]) });
    ra({ opts: dnssl(100, [0xc0, 0x0c]) });
    expect(all(lab).length).toBe(1);
  });

  it('the lists are bounded and go with the interface', () => {
    const { lab, em, ra } = setup();
    for (let i = 0; i < 100; i++) ra({ opts: cat(rdnss(100, `2001:db8::${i.toString(16)}:1`), dnssl(100, name(`d${i}.example`))) });
    expect(all(lab).length).toBe(16);
    expect(lab.nd.stat.dns_limit).toBe(184);
    lab.kpi.ifDetach(em.ifp.handle);
    expect(all(lab)).toEqual([]);
  });
});


describe('the source of a packet and the router that it leaves by (RFC 6724 rule 5.5)', () => {
  const source = (lab: Lab, dst: string): string => `${INET.get(lab.vnet).af(AF_INET6)!.selectSource(lab.vnet, 0, parseInAddr(dst)!, null)}`;

  it.each([[[1, 2]], [[2, 1]]])('has the prefix that this router announces, though another is closer to the destination; heard in order %j', (order) => {
    const { lab, em, ra } = setup();
    const routers = { 1: { from: PEER_LL, mac: PEER, pi: [piOpt('2001:db8:1::')] }, 2: { from: 'fe80::3', mac: R3, pi: [piOpt('2001:db8:2::')] } };
    for (const n of order) ra(routers[n as 1 | 2]);
    const rib = ROUTE.get(lab.vnet).inet6(0);
    const via = (dst: string, gw: string): void => void expect(ribAdd(rib, { dst: parseInAddr(dst)!, prefixlen: 48, gw: lab.at(em, gw), flags: RTF_GATEWAY | RTF_STATIC, ifp: em.ifp })).toBe(0);
    via('2001:db8:4::', PEER_LL);
    via('2001:db8:3::', 'fe80::3');
    via('2001:db8:5::', 'fe80::9');
    // By the tie-breaker: 2001:db8:2:: for 2001:db8:3::, and the first of equals for the others.
    expect(source(lab, '2001:db8:3::1')).toBe('2001:db8:2::ff:fe00:1');
    ribAdd(rib, { dst: parseInAddr('2001:db8:3:1::')!, prefixlen: 64, gw: lab.at(em, PEER_LL), flags: RTF_GATEWAY | RTF_STATIC, ifp: em.ifp });
    ribAdd(rib, { dst: parseInAddr('2001:db8:1:1::')!, prefixlen: 64, gw: lab.at(em, 'fe80::3'), flags: RTF_GATEWAY | RTF_STATIC, ifp: em.ifp });
    expect(source(lab, '2001:db8:3:1::1')).toBe('2001:db8:1::ff:fe00:1');
    expect(source(lab, '2001:db8:1:1::1')).toBe('2001:db8:2::ff:fe00:1');
    expect(source(lab, '2001:db8:4::1')).toBe('2001:db8:1::ff:fe00:1');
    // A next hop that announces nothing, and a destination on the link: the tie-breaker.
    ribAdd(rib, { dst: parseInAddr('2001:db8:3:2::')!, prefixlen: 64, gw: lab.at(em, 'fe80::9'), flags: RTF_GATEWAY | RTF_STATIC, ifp: em.ifp });
    expect(source(lab, '2001:db8:3:2::1')).toBe('2001:db8:2::ff:fe00:1');
    expect(source(lab, '2001:db8:1::77')).toBe('2001:db8:1::ff:fe00:1');
    // One that is deprecated is still the worse one (rule 3).
    ra({ ...routers[1], pi: [piOpt('2001:db8:1::', { preferred: 0 })] });
    lab.host.advance(1 * SEC);
    expect(source(lab, '2001:db8:3:1::1')).toBe('2001:db8:2::ff:fe00:1');
  });

  it('is chosen for the destination, not for the router, where a packet comes without', () => {
    const { lab, em, ra } = setup();
    ra({ pi: [piOpt('2001:db8:1::')] });
    em.port.take();
    const packet = icmp6Packet({ src: '::', dst: '2001:db8:9::1', type: 128, data: new Uint8Array(8) });
    expect(ip6Output(lab.ip6, lab.kernel.mbufs.fromBytes(packet, 64)!, parseInAddr('2001:db8:9::1')!, 0, null, null, null)).toBe(0);
    lab.host.settle();
    const sent = em.port.take().find((f) => f[54] === 128)!;
    expect(addrsOf(sent.subarray(14))[0]).toBe('2001:db8:1::ff:fe00:1');
  });

  it('counts an address that was given by hand, if a router announces its prefix', () => {
    const { lab, em, ra } = setup();
    lab.addr(em.ifp, '2001:db8:7::7/64');
    lab.addr(em.ifp, '2001:db8:8::8/64');
    ra({ pi: [piOpt('2001:db8:7::', { flags: 0x80 })] });
    ribAdd(ROUTE.get(lab.vnet).inet6(0), { dst: parseInAddr('2001:db8:9::')!, prefixlen: 48, gw: lab.at(em, PEER_LL), flags: RTF_GATEWAY | RTF_STATIC, ifp: em.ifp });
    expect(source(lab, '2001:db8:9::1')).toBe('2001:db8:7::7');
  });
});
