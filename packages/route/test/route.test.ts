import { EADDRINUSE, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ESRCH } from '@ns/errno';
import { ifAddAddr, ifioctl, IFNET, ifnetOf, ifSetMtu } from '@ns/ifnet';
import { IF_ATTACH_VERSION, IFF_POINTOPOINT, IFT_PPP, SIOCSIFFIB } from '@ns/ifnet-kpi';
import { mFreem } from '@ns/mbuf';
import { crget } from '@ns/vnet';
import { AF_INET, AF_INET6, inAddr6, type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import {
  anyAddr,
  nhMtu,
  ribAdd,
  ribAddRedirect,
  ribChange,
  ribDelete,
  ribLookup,
  ribRoute4,
  Route,
  ROUTE,
  ROUTE_EVENT,
  routeDump,
  routeGet,
  RT_DEFAULT_FIB,
  RTF_BLACKHOLE,
  RTF_DYNAMIC,
  RTF_GATEWAY,
  RTF_LLINFO,
  RTF_MODIFIED,
  RTF_REJECT,
  RTF_STATIC,
  RTF_UP,
  rtFlagLetters,
  rtFlagNames,
  RTM_ADD,
  RTM_DELETE,
} from '../src/index.ts';
import { Lab, v4 } from '../../ip/test/lab.ts';

const A = (text: string): InAddr => parseInAddr(text)!;

/** The table as `netstat -rn` has it. */
function table(lab: Lab, fib = RT_DEFAULT_FIB): string[] {
  return routeDump(lab.vnet, fib, AF_INET).map((r) => {
    const full = r.prefixlen === 32 ? `${r.dst}` : r.prefixlen === 0 ? 'default' : `${r.dst}/${r.prefixlen}`;
    return `${full} ${r.gw ?? `link#${r.linkIndex}`} ${rtFlagLetters(r.flags)} ${r.netif}`;
  });
}

describe('routes of interface addresses', () => {
  it('come with the address: prefix U, itself UHS by lo0; loopback UH', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    expect(table(lab)).toEqual([`10.0.0.0/24 link#${em.ifp.index} U wire0`, `10.0.0.1 link#${em.ifp.index} UHS lo0`, '127.0.0.1 link#1 UH lo0']);
  });

  it('go with it, and so do routes by way of it', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    expect(lab.route('default', '10.0.0.254')).toBe(0);
    lab.delAddr(em.ifp, '10.0.0.1');
    expect(table(lab)).toEqual(['127.0.0.1 link#1 UH lo0']);
  });

  it('pass to another address of the same prefix', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.addr(em.ifp, '10.0.0.7/24');
    lab.delAddr(em.ifp, '10.0.0.1');
    expect(table(lab)).toEqual([`10.0.0.0/24 link#${em.ifp.index} U wire0`, `10.0.0.7 link#${em.ifp.index} UHS lo0`, '127.0.0.1 link#1 UH lo0']);
    expect(routeGet(lab.vnet, 0, A('10.0.0.9'))).toMatchObject({ ifa: A('10.0.0.7') });
  });

  it('an interface that goes down loses them, but not static routes; up again, it has them back', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.route('default', '10.0.0.254');
    const before = table(lab);
    lab.down(em.ifp);
    expect(table(lab)).toEqual(['default 10.0.0.254 UGS wire0', '127.0.0.1 link#1 UH lo0']);
    lab.up(em.ifp);
    expect(table(lab)).toEqual(before);
  });

  it('an interface that is taken away leaves none', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.route('192.0.2.0/24', '10.0.0.254');
    lab.kpi.ifDetach(em.ifp.handle);
    expect(table(lab)).toEqual(['127.0.0.1 link#1 UH lo0']);
  });

  it('a host address has no prefix route', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/32');
    expect(table(lab)).toEqual([`10.0.0.1 link#${em.ifp.index} UHS lo0`, '127.0.0.1 link#1 UH lo0']);
  });

  it('a point-to-point address has a host route to the far end, and itself', () => {
    const lab = new Lab();
    const r = lab.kpi.ifAttach(lab.vnet, {
      version: IF_ATTACH_VERSION,
      drv: { name: 'ppp', type: IFT_PPP, ops: { transmit: (_ifp, m) => (mFreem(m), 0) } },
      softc: null,
      flags: IFF_POINTOPOINT,
    });
    if (!r.ok) throw new Error('attach');
    const ifp = ifnetOf(r.ifp);
    expect(ifAddAddr(ifp, { addr: A('192.0.2.1'), prefixlen: 32, dst: A('192.0.2.2') })).toBe(0);
    expect(table(lab)).toEqual(['127.0.0.1 link#1 UH lo0', `192.0.2.1 link#${ifp.index} UHS lo0`, `192.0.2.2 link#${ifp.index} UH ppp0`]);
    expect(routeGet(lab.vnet, 0, A('192.0.2.2'))).toMatchObject({ ifa: A('192.0.2.1') });
  });

  it('no reference to an address outlives its routes', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const ifa = em.ifp.addrs[0]!;
    lab.route('default', '10.0.0.254');
    expect(ifa.refs).toBe(3);
    lab.delAddr(em.ifp, '10.0.0.1');
    expect(ifa.refs).toBe(0);
  });

  it('own addresses become reachable when a loopback interface comes later', () => {
    const lab = new Lab({ noLoop: true });
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    expect(table(lab)).toEqual([`10.0.0.0/24 link#${em.ifp.index} U wire0`]);
    lab.loadLoop();
    expect(table(lab)).toContain(`10.0.0.1 link#${em.ifp.index} UHS lo0`);
  });

  it('IPv6: prefix and own address, and link-local prefixes of two interfaces side by side', () => {
    const lab = new Lab();
    const a = lab.ether('02:00:00:00:00:01', null);
    const b = lab.ether('02:00:00:00:00:02', null);
    lab.addr(a.ifp, '2001:db8::1/64');
    lab.addr(a.ifp, 'fe80::1/64');
    lab.addr(b.ifp, 'fe80::2/64');
    const rib = ROUTE.get(lab.vnet).inet6(RT_DEFAULT_FIB);
    expect(ribLookup(rib, A('2001:db8::77'))?.ifp).toBe(a.ifp);
    expect(ribLookup(rib, inAddr6(0xfe800000, 0, 0, 9, a.ifp.index))?.ifp).toBe(a.ifp);
    expect(ribLookup(rib, inAddr6(0xfe800000, 0, 0, 9, b.ifp.index))?.ifp).toBe(b.ifp);
    expect(routeDump(lab.vnet, 0, AF_INET6).length).toBe(6);
  });
});

describe('net.inet.ip.no_same_prefix', () => {
  it('keeps a prefix from being on two interfaces', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const b = lab.ether('02:00:00:00:00:02', '10.0.0.2/24');
    const add = (ifp: typeof b.ifp, addr: string, prefixlen: number): number => ifAddAddr(ifp, { addr: A(addr), prefixlen });
    expect(add(b.ifp, '10.0.0.3', 24)).toBe(0);
    IFNET.get(lab.vnet).noSamePrefix = true;
    expect(add(b.ifp, '10.0.0.4', 24)).toBe(EEXIST);
    expect(add(b.ifp, '10.0.0.3', 24)).toBe(EEXIST);
    expect(b.ifp.addrs.map((x) => `${x.addr}`)).toEqual(['10.0.0.2', '10.0.0.3']); // what is refused changes nothing
    expect(add(b.ifp, '10.0.0.4', 25)).toBe(0);
    expect(add(b.ifp, '10.0.0.5', 32)).toBe(0);
    expect(add(b.ifp, '10.0.1.1', 24)).toBe(0);
    expect(add(b.ifp, '10.0.1.2', 24)).toBe(0);
  });
});

describe('add, delete, change', () => {
  it('EEXIST, ESRCH, ENETUNREACH, EADDRINUSE, EINVAL', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    ROUTE.get(lab.vnet).multipath = false; // a prefix has one gateway
    const rib = ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB);
    const gw = A('10.0.0.254');
    const net = { dst: A('192.0.2.0'), prefixlen: 24 };
    expect(ribAdd(rib, { ...net, flags: RTF_GATEWAY | RTF_STATIC, gw })).toBe(0);
    expect(ribAdd(rib, { ...net, flags: RTF_GATEWAY | RTF_STATIC, gw: A('10.0.0.253') })).toBe(EEXIST);
    expect(ribAdd(rib, { dst: A('198.51.100.0'), prefixlen: 24, flags: RTF_GATEWAY, gw: A('172.16.0.1') })).toBe(ENETUNREACH);
    expect(ribAdd(rib, { dst: A('198.51.100.0'), prefixlen: 24, flags: RTF_GATEWAY, gw: A('192.0.2.9') })).toBe(ENETUNREACH);
    expect(ribAdd(rib, { dst: A('198.51.100.0'), prefixlen: 24, flags: RTF_GATEWAY, gw: A('10.0.0.1') })).toBe(ENETUNREACH);
    expect(ribAdd(rib, { dst: A('198.51.100.0'), prefixlen: 33, flags: RTF_GATEWAY, gw })).toBe(EINVAL);
    expect(ribAdd(rib, { dst: A('198.51.100.0'), prefixlen: 24, flags: RTF_GATEWAY })).toBe(EINVAL);
    expect(ribAdd(rib, { dst: A('2001:db8::'), prefixlen: 24, flags: RTF_GATEWAY, gw })).toBe(EINVAL);
    expect(ribDelete(rib, { ...net, flags: 0, gw: A('10.0.0.253') })).toBe(ESRCH);
    expect(ribDelete(rib, { dst: A('192.0.2.0'), prefixlen: 25, flags: 0 })).toBe(ESRCH);
    expect(ribDelete(rib, { dst: A('10.0.0.0'), prefixlen: 24, flags: 0 })).toBe(EADDRINUSE);
    expect(ribChange(rib, { dst: A('203.0.113.0'), prefixlen: 24, flags: 0, gw })).toBe(ESRCH);
    expect(ribChange(rib, { ...net, flags: RTF_STATIC, gw: A('10.0.0.253'), mtu: 1400 })).toBe(0);
    expect(ribLookup(rib, A('192.0.2.1'))).toMatchObject({ gw: A('10.0.0.253'), mtu: 1400 });
    expect(ribDelete(rib, { ...net, flags: 0 })).toBe(0);
    expect(ribDelete(rib, { ...net, flags: 0 })).toBe(ESRCH);
  });

  it('a route of an interface address takes the place of a static one', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    expect(lab.route('10.1.0.0/24', '10.0.0.254')).toBe(0);
    const b = lab.ether('02:00:00:00:00:02', '10.1.0.1/24');
    expect(routeGet(lab.vnet, 0, A('10.1.0.9'))).toMatchObject({ netif: b.ifp.name, gw: null });
  });

  it('equal next hops are one object, whose number is used again when the last route goes', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const rib = ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB);
    const before = rib.nexthops().length;
    lab.route('192.0.2.0/24', '10.0.0.254');
    lab.route('198.51.100.0/24', '10.0.0.254');
    expect(ribLookup(rib, A('192.0.2.1'))).toBe(ribLookup(rib, A('198.51.100.1')));
    expect(rib.nexthops().length).toBe(before + 1);
    const index = ribLookup(rib, A('192.0.2.1'))!.index;
    ribDelete(rib, { dst: A('192.0.2.0'), prefixlen: 24, flags: 0 });
    ribDelete(rib, { dst: A('198.51.100.0'), prefixlen: 24, flags: 0 });
    expect(rib.nexthops().length).toBe(before);
    lab.route('203.0.113.0/24', '10.0.0.253');
    expect(ribLookup(rib, A('203.0.113.1'))!.index).toBe(index);
  });

  it('discarding routes need no gateway', () => {
    const lab = new Lab();
    const rib = ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB);
    expect(ribAdd(rib, { dst: A('192.0.2.0'), prefixlen: 24, flags: RTF_BLACKHOLE | RTF_STATIC })).toBe(0);
    expect(ribAdd(rib, { dst: A('198.51.100.0'), prefixlen: 24, flags: RTF_REJECT | RTF_STATIC | RTF_GATEWAY, gw: A('127.0.0.1') })).toBe(0);
    expect(table(lab)).toEqual(['127.0.0.1 link#1 UH lo0', '192.0.2.0/24 link#1 USB lo0', '198.51.100.0/24 127.0.0.1 UGRS lo0']);
  });
});

describe('cached routes', () => {
  it('are looked up again after any change, and only then', () => {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const rib = ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB);
    const ro = new Route();
    const dst = v4('192.0.2.1');
    expect(ribRoute4(rib, ro, dst)).toBe(null);
    const gen = rib.gen;
    lab.route('default', '10.0.0.254');
    expect(rib.gen).not.toBe(gen);
    const nh = ribRoute4(rib, ro, dst);
    expect(nh?.gw).toEqual(A('10.0.0.254'));
    expect(ribRoute4(rib, ro, dst)).toBe(nh);
    lab.route('192.0.2.0/25', '10.0.0.253');
    expect(ribRoute4(rib, ro, dst)?.gw).toEqual(A('10.0.0.253'));
    expect(ribRoute4(rib, ro, v4('192.0.2.200'))?.gw).toEqual(A('10.0.0.254'));
    const g2 = rib.gen;
    ifSetMtu(em.ifp, 1400);
    expect(rib.gen).not.toBe(g2);
    expect(nhMtu(ribRoute4(rib, ro, dst)!)).toBe(1400);
  });

  it('A19 a snapshot taken before a change is not touched by it', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.route('192.0.2.0/24', '10.0.0.254');
    const rib = ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB);
    const rows = rib.snapshot();
    ribChange(rib, { dst: A('192.0.2.0'), prefixlen: 24, flags: RTF_STATIC, gw: A('10.0.0.253') });
    lab.route('203.0.113.0/24', '10.0.0.253');
    expect(rows.find((r) => r.prefixlen === 24 && r.dst.w3 === v4('192.0.2.0'))?.nh.gw).toEqual(A('10.0.0.254'));
    expect(rows.some((r) => r.dst.w3 === v4('203.0.113.0'))).toBe(false);
  });

  it('a look-up allocates nothing', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    for (let i = 0; i < 200; i++) lab.route(`172.${16 + (i >> 4)}.${(i & 15) * 10}.0/24`, '10.0.0.254');
    const rib = ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB);
    const run = (): number => {
      let hits = 0;
      for (let i = 0; i < 200000; i++) if (rib.lookup4((Math.imul(i, 0x9e3779b1) & 0x1fffff) | (172 << 24)) !== null) hits++;
      return hits;
    };
    expect(run()).toBeGreaterThan(0);
    run();
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    run();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200000);
  });
});

describe('FIBs', () => {
  it('net.fibs tables, each with its own routes; interface routes in the table of the interface', () => {
    const lab = new Lab({ tunables: { 'net.fibs': '4' } });
    const em = lab.ether('02:00:00:00:00:01', null);
    expect(ifioctlFib(lab, em.ifp.name, 2)).toBe(0);
    expect(ifioctlFib(lab, em.ifp.name, 4)).toBe(EINVAL);
    lab.addr(em.ifp, '10.0.0.1/24');
    expect(table(lab, 0)).toEqual(['127.0.0.1 link#1 UH lo0']);
    expect(table(lab, 2)).toEqual([`10.0.0.0/24 link#${em.ifp.index} U wire0`, `10.0.0.1 link#${em.ifp.index} UHS lo0`]);
    expect(table(lab, 7)).toEqual([]);
    expect(ROUTE.get(lab.vnet).validFib(3)).toBe(true);
    expect(ROUTE.get(lab.vnet).validFib(4)).toBe(false);
  });

  it('net.add_addr_allfibs puts them into all tables', () => {
    const lab = new Lab({ tunables: { 'net.fibs': '2' } });
    ROUTE.get(lab.vnet).addAddrAllfibs = true;
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    expect(table(lab, 1)).toEqual(table(lab, 0).filter((r) => !r.startsWith('127')));
    lab.delAddr(em.ifp, '10.0.0.1');
    expect(table(lab, 1)).toEqual([]);
  });
});

function ifioctlFib(lab: Lab, name: string, fib: number): number {
  return ifioctl(lab.vnet, SIOCSIFFIB, { cmd: SIOCSIFFIB, name, fib }, crget(lab.vnet));
}

describe('redirects', () => {
  function redirected(): { lab: Lab; go: (dst: string, gw: string, from: string) => number } {
    const lab = new Lab();
    const em = lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    lab.route('default', '10.0.0.254');
    const rv = ROUTE.get(lab.vnet);
    const rib = rv.inet(RT_DEFAULT_FIB);
    return { lab, go: (dst, gw, from) => ribAddRedirect(rv, rib, A(dst), A(gw), A(from), em.ifp, 600e6) };
  }

  it('from the present gateway make a host route (D) that goes after its time', () => {
    const { lab, go } = redirected();
    expect(go('192.0.2.1', '10.0.0.253', '10.0.0.254')).toBe(0);
    expect(table(lab)).toContain('192.0.2.1 10.0.0.253 UGHD wire0');
    lab.host.advance(599e6);
    expect(table(lab)).toContain('192.0.2.1 10.0.0.253 UGHD wire0');
    lab.host.advance(2e6);
    expect(table(lab).some((r) => r.startsWith('192.0.2.1'))).toBe(false);
    expect(ROUTE.get(lab.vnet).stat.dynamic).toBe(1);
  });

  it('change a host route that is there (M)', () => {
    const { lab, go } = redirected();
    lab.route('192.0.2.1/32', '10.0.0.254');
    expect(go('192.0.2.1', '10.0.0.253', '10.0.0.254')).toBe(0);
    expect(table(lab)).toContain('192.0.2.1 10.0.0.253 UGHMS wire0');
    expect(RTF_MODIFIED).toBe(0x20);
  });

  it('are refused from anybody else, to ourselves, and off the link', () => {
    const { lab, go } = redirected();
    expect(go('192.0.2.1', '10.0.0.253', '10.0.0.9')).toBe(EINVAL);
    expect(go('192.0.2.1', '10.0.0.1', '10.0.0.254')).toBe(EHOSTUNREACH);
    expect(go('192.0.2.1', '172.16.0.1', '10.0.0.254')).toBe(ENETUNREACH);
    expect(go('192.0.2.1', '224.0.0.1', '10.0.0.254')).toBe(EINVAL);
    expect(table(lab).length).toBe(4);
    expect(ROUTE.get(lab.vnet).stat).toMatchObject({ badredirect: 2, unreach: 2, dynamic: 0 });
  });
});

describe('what tools see', () => {
  it('flag letters and names', () => {
    expect(rtFlagLetters(RTF_UP | RTF_GATEWAY | RTF_STATIC)).toBe('UGS');
    expect(rtFlagLetters(RTF_UP | RTF_LLINFO | RTF_DYNAMIC)).toBe('UDL');
    expect(rtFlagNames(RTF_UP | RTF_GATEWAY | RTF_STATIC)).toBe('<UP,GATEWAY,STATIC>');
  });

  it('events tell of each change, after it', () => {
    const lab = new Lab();
    lab.ether('02:00:00:00:00:01', '10.0.0.1/24');
    const seen: string[] = [];
    lab.kernel.events.register(ROUTE_EVENT, (e) => seen.push(`${e.cmd} ${e.rt.dst}/${e.rt.prefixlen}`));
    lab.route('default', '10.0.0.254');
    ribDelete(ROUTE.get(lab.vnet).inet(RT_DEFAULT_FIB), { dst: anyAddr(AF_INET), prefixlen: 0, flags: 0 });
    expect(seen).toEqual([`${RTM_ADD} 0.0.0.0/0`, `${RTM_DELETE} 0.0.0.0/0`]);
  });

  it('route get of nowhere is ESRCH', () => {
    expect(routeGet(new Lab().vnet, 0, A('192.0.2.1'))).toBe(ESRCH);
  });
});
