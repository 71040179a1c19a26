import { EACCES, EEXIST, EINVAL, ENOENT, ENXIO, EPERM } from '@ns/errno';
import { Kernel, virtualHost } from '@ns/kern';
import { sysctlInt } from '@ns/sysctl';
import { AF_INET, AF_INET6, parseCidr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import {
  bsdNetstack,
  curnetstack,
  type ExportArgs,
  type ExportCheck,
  MNT_DEFEXPORTED,
  MNT_DELEXPORT,
  MNT_EXPORTED,
  type Netstack,
  NETSTACK,
  NETSTACK_CAP_ALL,
  NETSTACK_CAP_LRO,
  NETSTACK_CAP_MQ,
  NETSTACK_VERSION,
  netstackBsd,
  netstackDeregister,
  netstackFind,
  netstackModule,
  netstackOffer,
  netstackRegister,
  type NetstackV1,
  nullNetstack,
} from '../src/index.ts';

const AF_ROUTE = 17;
const AF_UNIX = 1;
const kernel = (): Kernel => new Kernel(virtualHost());
const so = (): { fibnum: number } => ({ fibnum: 0 });
const net = (text: string | null, flags = MNT_EXPORTED, anon = 65534): ExportArgs => ({ flags, net: text === null ? null : parseCidr(text), anon, secflavors: [1] });
const out = (): ExportCheck => ({ flags: 0, anon: -1, secflavors: [] });
const client = (text: string) => {
  const a = parseInAddr(text);
  if (a === null) throw new Error(text);
  return a;
};

describe('the null stack', () => {
  it('J09 answers every method with a safe result', () => {
    const k = kernel();
    const ns = curnetstack(k);
    expect(ns).toBe(nullNetstack);
    expect(k.tryService(NETSTACK)).toBeNull();
    const s = { fibnum: 7 };
    ns.socreate(s, { domain: AF_INET }, { fibnum: 3 });
    expect(s.fibnum).toBe(7);
    expect(ns.vfsExport({}, net('10.0.0.0/8'))).toBe(ENXIO);
    expect(ns.vfsFreeExports({})).toBeUndefined();
    const found = out();
    expect(ns.vfsCheckExport({}, client('10.0.0.1'), found)).toBe(ENXIO);
    expect(found).toEqual(out());
    expect(ns.capabilities()).toBe(0);
  });

  it('J09 does not read an error as true: only table 0 is valid', () => {
    expect([0, 1, -1, 65535, NaN].map((fib) => nullNetstack.validFib(so(), fib))).toEqual([true, false, false, false, false]);
  });

  it('J09 J10 has each method of the interface and cannot be changed', () => {
    expect(Object.keys(nullNetstack).sort()).toEqual(
      ['capabilities', 'name', 'socreate', 'validFib', 'version', 'vfsCheckExport', 'vfsExport', 'vfsFreeExports'],
    );
    expect(Object.isFrozen(nullNetstack)).toBe(true);
    expect(NETSTACK_CAP_LRO | NETSTACK_CAP_MQ).toBe(NETSTACK_CAP_ALL);
  });
});

describe('the registry', () => {
  it('J03 has room for one: EEXIST until it goes, EINVAL for nothing and for what is not there', () => {
    const k = kernel();
    const a = bsdNetstack(() => 1);
    const b = bsdNetstack(() => 1);
    expect(netstackRegister(k, null)).toBe(EINVAL);
    expect(netstackRegister(k, { ...a, version: 9 } as unknown as Netstack)).toBe(EINVAL);
    expect(netstackDeregister(k, a)).toBe(EINVAL);
    expect(netstackRegister(k, a)).toBe(0);
    expect(netstackRegister(k, b)).toBe(EEXIST);
    expect(netstackRegister(k, a)).toBe(EEXIST);
    expect(netstackDeregister(k, b)).toBe(EINVAL);
    expect(curnetstack(k)).toBe(a);
    expect(netstackDeregister(k, a)).toBe(0);
    expect(curnetstack(k)).toBe(nullNetstack);
    expect(netstackRegister(k, b)).toBe(0);
  });

  it('knows others by name, offered beside the current one', () => {
    const k = kernel();
    const make = (name: string): Netstack => ({ ...nullNetstack, name });
    const a = make('a');
    expect([netstackFind(k, 'a'), netstackFind(k, 'null')]).toEqual([null, nullNetstack]);
    expect([netstackOffer(k, a), netstackOffer(k, make('b'))]).toEqual([0, 0]);
    expect([netstackOffer(k, make('a')), netstackOffer(k, make('null')), netstackOffer(k, make('')), netstackOffer(k, null)]).toEqual([EEXIST, EINVAL, EINVAL, EINVAL]);
    expect(curnetstack(k)).toBe(nullNetstack);
    expect(netstackRegister(k, make('b'))).toBe(EEXIST);
    expect(curnetstack(k)).toBe(nullNetstack);
    expect(netstackRegister(k, make('c'))).toBe(0);
    expect([curnetstack(k).name, netstackFind(k, 'c')?.name, netstackFind(k, 'a')]).toEqual(['c', 'c', a]);
    expect([netstackDeregister(k, a), netstackFind(k, 'a'), curnetstack(k).name]).toEqual([0, null, 'c']);
  });

  it('offers a module on standby, which goes with its module', () => {
    const k = kernel();
    k.kldload(netstackBsd({ standby: true }));
    expect([curnetstack(k).name, netstackFind(k, 'bsd')?.name]).toEqual(['null', 'bsd']);
    k.kldunload('netstack_bsd');
    expect(netstackFind(k, 'bsd')).toBeNull();
  });

  it('J07 belongs to one kernel, and follows the module: unloaded, another can come', () => {
    const k = kernel();
    const other = kernel();
    expect(k.kldload(netstackBsd()).errno).toBe(0);
    expect(k.kldstat().map((m) => m.name)).toContain('netstack_bsd');
    expect(curnetstack(other).name).toBe('null');
    const tiny = netstackModule('tiny', () => ({ ...nullNetstack, name: 'tiny' }));
    expect(k.kldload(tiny)).toMatchObject({ errno: EEXIST });
    expect(curnetstack(k).name).toBe('bsd');
    expect(k.kldunload('netstack_bsd').errno).toBe(0);
    expect(curnetstack(k)).toBe(nullNetstack);
    expect(k.kldload(tiny).errno).toBe(0);
    expect(curnetstack(k).name).toBe('tiny');
  });

  it('J14 adapts a stack of version 1, which had four methods', () => {
    const k = kernel();
    const log: unknown[] = [];
    const old: NetstackV1 = {
      name: 'old',
      version: 1,
      socreate: (s, proto, cred) => void log.push(s, proto, cred),
      vfsExport: (_m, args) => args.anon,
      vfsFreeExports: (m) => void log.push(m),
      vfsCheckExport: (_m, _c, o) => (o.anon = 5, 0),
    };
    expect(netstackRegister(k, old)).toBe(0);
    const ns = curnetstack(k);
    expect([ns.name, ns.version]).toEqual(['old', NETSTACK_VERSION]);
    const mount = {};
    const found = out();
    ns.socreate(so(), { domain: AF_INET }, { fibnum: 1 });
    ns.vfsFreeExports(mount);
    expect(log).toEqual([{ fibnum: 0 }, { domain: AF_INET }, { fibnum: 1 }, mount]);
    expect(ns.vfsExport(mount, net(null))).toBe(65534);
    expect([ns.vfsCheckExport(mount, client('::1'), found), found.anon]).toEqual([0, 5]);
    expect([ns.capabilities(), ns.validFib(so(), 0), ns.validFib(so(), 1)]).toEqual([0, true, false]);
    expect(netstackRegister(k, old)).toBe(EEXIST);
    expect(netstackDeregister(k, old)).toBe(0);
    expect(curnetstack(k)).toBe(nullNetstack);
  });
});

describe('the bsd stack', () => {
  it.each([
    { name: 'PF_INET', domain: AF_INET, fib: 3 },
    { name: 'PF_INET6', domain: AF_INET6, fib: 3 },
    { name: 'PF_ROUTE', domain: AF_ROUTE, fib: 3 },
    { name: 'any other', domain: AF_UNIX, fib: 0 },
  ])('gives a new socket of $name table $fib', ({ domain, fib }) => {
    const s = { fibnum: 9 };
    bsdNetstack(() => 16).socreate(s, { domain }, { fibnum: 3 });
    expect(s.fibnum).toBe(fib);
  });

  it('knows the tables that there are, by net.fibs', () => {
    const k = kernel();
    k.kldload(netstackBsd());
    const ns = curnetstack(k);
    expect([0, 1].map((f) => ns.validFib(so(), f))).toEqual([true, false]);
    let fibs = 4;
    k.kldload({ name: 'route', version: 1, sysctls: [sysctlInt({ name: 'net.fibs', descr: 'FIBs', get: () => fibs })] });
    expect([-1, 0, 3, 4, 1.5].map((f) => ns.validFib(so(), f))).toEqual([false, true, true, false, false]);
    fibs = 8;
    expect(ns.validFib(so(), 7)).toBe(true);
    expect(ns.capabilities()).toBe(NETSTACK_CAP_ALL);
  });

  it('J11 exports mounts: two networks, clients in and out, free', () => {
    const ns = bsdNetstack(() => 1);
    const mount = {};
    const found = out();
    const check = (from: string): number => ns.vfsCheckExport(mount, client(from), found);
    expect(check('10.0.0.1')).toBe(EACCES);
    expect(ns.vfsExport(mount, net('10.0.0.0/8', MNT_EXPORTED | 1, 100))).toBe(0);
    expect(ns.vfsExport(mount, net('10.1.0.9/16', MNT_EXPORTED | 2, 101))).toBe(0); // host bits do not count
    expect(ns.vfsExport(mount, net('2001:db8::/32', MNT_EXPORTED, 102))).toBe(0);
    expect(ns.vfsExport(mount, net('10.1.0.0/16'))).toBe(EPERM);
    expect([check('10.2.3.4'), found.anon, found.flags & 3]).toEqual([0, 100, 1]);
    expect([check('10.1.3.4'), found.anon, found.flags & 3]).toEqual([0, 101, 2]); // longest prefix
    expect([check('2001:db8::5'), found.anon]).toEqual([0, 102]);
    expect([check('11.0.0.1'), check('2001:db9::1')]).toEqual([EACCES, EACCES]);
    expect(ns.vfsCheckExport({}, client('10.1.1.1'), found)).toBe(EACCES); // another mount
    expect(ns.vfsExport(mount, net(null, MNT_EXPORTED, 103))).toBe(0);
    expect(ns.vfsExport(mount, net(null))).toBe(EPERM);
    expect([check('11.0.0.1'), found.anon, (found.flags & MNT_DEFEXPORTED) !== 0]).toEqual([0, 103, true]);
    ns.vfsFreeExports(mount);
    expect(check('10.2.3.4')).toBe(EACCES);
    expect(ns.vfsExport(mount, net(null, MNT_DELEXPORT))).toBe(ENOENT);
    expect(ns.vfsExport(mount, net('10.0.0.0/8'))).toBe(0);
    expect(ns.vfsExport(mount, net(null, MNT_DELEXPORT))).toBe(0);
    expect(check('10.0.0.1')).toBe(EACCES);
  });

  it('wants 1 to 5 security flavours', () => {
    const ns = bsdNetstack(() => 1);
    expect(ns.vfsExport({}, { ...net(null), secflavors: [] })).toBe(EINVAL);
    expect(ns.vfsExport({}, { ...net(null), secflavors: [1, 2, 3, 4, 5, 6] })).toBe(EINVAL);
  });
});
