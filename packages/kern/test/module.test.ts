import { EBUSY, EDOOFUS, EEXIST, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOEXEC, ENOMEM, EOPNOTSUPP, EPERM } from '@ns/errno';
import { sysctlInt, CTLFLAG_RDTUN } from '@ns/sysctl';
import { describe, expect, it } from 'vitest';
import {
  defineVnetVar,
  Kernel,
  KERNEL_VERSION,
  type KldResult,
  MODULE_PATH,
  type ModuleDecl,
  modulePath,
  ServiceKey,
  SI_ORDER_ANY,
  SI_ORDER_FIRST,
  SI_ORDER_SECOND,
  SI_SUB_DRIVERS,
  SI_SUB_PROTO_DOMAIN,
  SI_SUB_PROTO_IF,
  SI_SUB_PSEUDO,
  SI_SUB_VNET,
  type Vnet,
  virtualHost,
} from '../src/index.ts';
import { empty, lab, make, picture } from './helpers.ts';

const ECHO: ServiceKey<string> = new ServiceKey<string>('echo');

describe('kldload', () => {
  it('runs initialisers by subsystem, then order, then as declared, and exits in reverse', () => {
    const { k } = lab();
    const log: string[] = [];
    const step = (subsystem: number, order: number, name: string) => ({
      subsystem,
      order,
      init: () => void log.push(`+${name}`),
      exit: () => void log.push(`-${name}`),
    });
    const mod = empty('m', {
      sysinit: [
        step(SI_SUB_PROTO_IF, SI_ORDER_ANY, 'if/any'),
        step(SI_SUB_DRIVERS, SI_ORDER_SECOND, 'drv/2'),
        step(SI_SUB_DRIVERS, SI_ORDER_FIRST, 'drv/1'),
        step(SI_SUB_DRIVERS, SI_ORDER_FIRST, 'drv/1bis'),
      ],
      vnetInit: [step(SI_SUB_PSEUDO, SI_ORDER_ANY, 'vnet')],
    });
    expect(k.kldload(mod)).toEqual({ errno: 0, message: '', id: 2 });
    expect(log).toEqual(['+drv/1', '+drv/1bis', '+drv/2', '+vnet', '+if/any']);
    log.length = 0;
    expect(k.kldunload('m')).toEqual({ errno: 0, message: '' });
    expect(log).toEqual(['-if/any', '-vnet', '-drv/2', '-drv/1bis', '-drv/1']);
  });

  it('lists modules with references and users', () => {
    const { k } = lab();
    k.kldload(empty('ip'));
    k.kldload(empty('tcp', { version: 3, depends: [{ name: 'ip', min: 1, preferred: 1, max: 1 }, { name: 'kernel', min: 1, preferred: 1, max: KERNEL_VERSION }] }));
    expect(k.kldstat()).toEqual([
      { id: 1, refs: 2, name: 'kernel', version: KERNEL_VERSION, usedBy: ['tcp'] },
      { id: 2, refs: 2, name: 'ip', version: 1, usedBy: ['tcp'] },
      { id: 3, refs: 1, name: 'tcp', version: 3, usedBy: [] },
    ]);
    expect(k.isLoaded('tcp')).toBe(true);
  });

  const refusals: { title: string; loaded?: ModuleDecl[]; mod: ModuleDecl; available?: ModuleDecl[]; errno: number; says: string[] }[] = [
    { title: 'a module twice', loaded: [empty('a', { version: 2 })], mod: empty('a'), errno: EEXIST, says: ["'a'", 'version 2', 'already loaded'] },
    {
      title: 'a dependency that is missing',
      mod: empty('tcp', { depends: [{ name: 'ip', min: 1, preferred: 2, max: 3 }] }),
      errno: ENOENT,
      says: ["'tcp' version 1", "'ip' version 1 to 3 (2 preferred)", 'not loaded'],
    },
    {
      title: 'a dependency that is too new',
      loaded: [empty('ip', { version: 4 })],
      mod: empty('tcp', { depends: [{ name: 'ip', min: 1, preferred: 2, max: 3 }] }),
      errno: ENOEXEC,
      says: ["'tcp' version 1", "'ip' version 1 to 3", 'version 4 is loaded'],
    },
    {
      title: 'a dependency that is too old',
      mod: empty('tcp', { depends: [{ name: 'ip', min: 2, preferred: 2, max: 3 }] }),
      available: [empty('ip', { version: 1 })],
      errno: ENOEXEC,
      says: ["'tcp' version 1", "'ip' version 2 to 3", 'only version 1 is available'],
    },
    {
      title: 'a kernel that is too old',
      mod: empty('tcp', { depends: [{ name: 'kernel', min: KERNEL_VERSION + 1, preferred: KERNEL_VERSION + 1, max: 99 }] }),
      errno: ENOEXEC,
      says: ["'kernel'", `version ${KERNEL_VERSION} is loaded`],
    },
    {
      title: 'modules that need each other',
      mod: empty('a', { depends: [{ name: 'b', min: 1, preferred: 1, max: 1 }] }),
      available: [
        empty('a', { depends: [{ name: 'b', min: 1, preferred: 1, max: 1 }] }),
        empty('b', { depends: [{ name: 'c', min: 1, preferred: 1, max: 1 }] }),
        empty('c', { depends: [{ name: 'b', min: 1, preferred: 1, max: 1 }] }),
      ],
      errno: ELOOP,
      says: ['b -> c -> b'],
    },
    {
      title: 'a module that needs itself',
      mod: empty('a', { depends: [{ name: 'a', min: 1, preferred: 1, max: 1 }] }),
      available: [empty('a', { depends: [{ name: 'a', min: 1, preferred: 1, max: 1 }] })],
      errno: ELOOP,
      says: ['a -> a'],
    },
    {
      title: 'two needs that no version meets',
      mod: empty('m', { depends: [{ name: 'a', min: 1, preferred: 1, max: 1 }, { name: 'b', min: 1, preferred: 1, max: 1 }] }),
      available: [empty('a', { version: 1 }), empty('a', { version: 2 }), empty('b', { depends: [{ name: 'a', min: 2, preferred: 2, max: 2 }] })],
      errno: ENOEXEC,
      says: ["'b' version 1 needs 'a' version 2 to 2", 'version 1 is needed by another'],
    },
    { title: 'no name', mod: empty(''), errno: EINVAL, says: ['name'] },
    { title: 'the name of the kernel', mod: empty('kernel'), errno: EEXIST, says: ["'kernel'"] },
    { title: 'a long name', mod: empty('x'.repeat(33)), errno: ENAMETOOLONG, says: ['32'] },
    { title: 'a version that is no number', mod: empty('a', { version: 1.5 }), errno: EINVAL, says: ['1.5'] },
    {
      title: 'a per-vnet initialiser before vnets are made',
      mod: empty('a', { vnetInit: [{ subsystem: SI_SUB_VNET, order: 0, init: () => {} }] }),
      errno: EINVAL,
      says: ['before vnets are made'],
    },
  ];
  it.each(refusals)('refuses $title', ({ loaded = [], mod, available = [], errno, says }) => {
    const { k } = lab();
    for (const m of loaded) expect(k.kldload(m).errno).toBe(0);
    const before = picture(k);
    const r = k.kldload(mod, available);
    expect(r.errno).toBe(errno);
    for (const s of says) expect(r.message).toContain(s);
    expect(picture(k)).toEqual(before);
  });

  it('takes what it needs from what is available, the preferred version if there is one, and gives it up again with the module', () => {
    const { k } = lab();
    const dep = (name: string, preferred: number) => ({ name, min: 1, preferred, max: 9 });
    const available = [empty('ip', { version: 1, depends: [dep('if', 5)] }), empty('ip', { version: 2 }), empty('if', { version: 3 }), empty('if', { version: 2 })];
    expect(k.kldload(empty('tcp', { depends: [dep('ip', 1)] }), available).errno).toBe(0);
    expect(k.kldstat().map((m) => `${m.name}${m.version} ${m.refs}`)).toEqual([`kernel${KERNEL_VERSION} 1`, 'if3 1', 'ip1 1', 'tcp1 1']);
    expect(k.kldunload('ip')).toMatchObject({ errno: EBUSY, message: "module 'ip' is needed by tcp" });
    expect(k.kldunload('tcp').errno).toBe(0);
    expect(k.kldstat().map((m) => m.name)).toEqual(['kernel']);
  });

  it('keeps a dependency that is also wanted by name, or held', () => {
    const { k } = lab();
    const need = (name: string) => ({ name, min: 1, preferred: 1, max: 1 });
    const a = empty('a');
    const b = empty('b');
    k.kldload(empty('m', { depends: [need('a'), need('b')] }), [a, b]);
    expect(k.kldload(a).errno).toBe(0); // now by name too
    expect(k.kldload(a).errno).toBe(EEXIST);
    const lease = k.ledger.take('socket', 'b4', 'b');
    expect(k.kldunload('m').errno).toBe(0);
    expect(k.kldstat().map((x) => x.name)).toEqual(['kernel', 'a', 'b']);
    lease.release();
    expect(k.kldunload('b').errno).toBe(0);
  });

  it('undoes a load completely, dependencies included, when a step fails', () => {
    const host = virtualHost({ tunables: { 'net.m.x': '5' } });
    const k = new Kernel(host);
    const vnets = k.vnets.claim('test');
    make(vnets, 'b');
    const log: string[] = [];
    const V = defineVnetVar({ module: 'm', name: 'v', init: (v: Vnet) => (log.push(`v+${v.id}`), { n: 0 }), destroy: (_x, v) => void log.push(`v-${v.id}`) });
    const before = picture(k);
    const mod = (fail: (v: Vnet) => number | void): ModuleDecl =>
      empty('m', {
        depends: [{ name: 'd', min: 1, preferred: 1, max: 1 }],
        vnetVars: [V],
        sysctls: [sysctlInt<Vnet>({ name: 'net.m.x', descr: 'x', flags: CTLFLAG_RDTUN, get: () => 1, set: () => 0 })],
        sysinit: [{ subsystem: SI_SUB_DRIVERS, order: 0, init: (kernel) => kernel.provide(ECHO, 'm'), exit: () => void log.push('-once') }],
        vnetInit: [
          { subsystem: SI_SUB_PROTO_IF, order: 0, init: (v) => void log.push(`a+${v.id}`), exit: (v) => void log.push(`a-${v.id}`) },
          { subsystem: SI_SUB_PROTO_DOMAIN, order: 0, init: (v) => (log.push(`b+${v.id}`), fail(v)), exit: (v) => void log.push(`b-${v.id}`) },
        ],
      });
    const d = empty('d', { sysinit: [{ subsystem: SI_SUB_DRIVERS, order: 0, init: () => void log.push('d+'), exit: () => void log.push('d-') }] });
    const undone = ['d+', 'v+0', 'v+1', 'a+0', 'a+1', 'b+0', 'b+1', 'b-0', 'a-1', 'a-0', '-once', 'v-1', 'v-0', 'd-'];

    const cases: [(v: Vnet) => number | void, number, string][] = [
      [(v) => (v.id === 1 ? ENOMEM : 0), ENOMEM, 'ENOMEM'],
      [(v) => { if (v.id === 1) throw new Error('boom'); }, EDOOFUS, 'boom'],
      [(v) => { if (v.id === 1) throw Object.assign(new Error('no'), { errno: -EPERM }); }, EPERM, 'no'],
    ];
    for (const [fail, errno, says] of cases) {
      log.length = 0;
      const r = k.kldload(mod(fail), [d]);
      expect(r.errno).toBe(errno);
      expect(r.message).toContain("module 'm'");
      expect(r.message).toContain('vnet 1');
      expect(r.message).toContain(says);
      expect(log).toEqual(undone);
      expect(picture(k)).toEqual(before);
      expect(k.tryService(ECHO)).toBeNull();
      expect(() => V.get(k.vnets.vnet0)).toThrow("'m' is not loaded");
    }
    expect(k.kldload(mod(() => {}), [d])).toEqual({ errno: 0, message: '', id: 3 });
  });

  it('undoes the rest when undoing throws too, and says so', () => {
    const { k } = lab();
    const log: string[] = [];
    const bad = empty('m', {
      sysinit: [
        { subsystem: 1, order: 1, init: () => {}, exit: () => void log.push('first') },
        { subsystem: 1, order: 2, init: () => {}, exit: () => { throw new Error('exit broke'); } },
        { subsystem: 1, order: 3, init: () => ENOMEM },
      ],
    });
    const before = picture(k);
    const r = k.kldload(bad);
    expect(r).toMatchObject({ errno: ENOMEM, problems: ['exit at 0x1: exit broke'] });
    expect(log).toEqual(['first']);
    expect(picture(k)).toEqual(before);
  });

  it('refuses names that another module has taken, whatever was registered before them', () => {
    const { k } = lab();
    const x = (name: string) => sysctlInt<Vnet>({ name, descr: '', get: () => 0 });
    k.kldload(empty('a', { sysctls: [x('net.x')], vnetVars: [defineVnetVar({ module: 'a', name: 'v', init: () => 0 })] }));
    const before = picture(k);
    expect(k.kldload(empty('b', { sysctls: [x('net.y'), x('net.x')] }))).toMatchObject({ errno: EEXIST });
    // a second copy of package a under another module cannot bring its variables
    const copy = defineVnetVar({ module: 'b', name: 'v', init: () => 0 });
    expect(k.kldload(empty('b', { vnetVars: [copy, defineVnetVar({ module: 'b', name: 'v', init: () => 1 })] }))).toMatchObject({ errno: EEXIST });
    expect(picture(k)).toEqual(before);
  });

  it('T115 takes a variable only from the module that declares it', () => {
    const { k } = lab();
    const stray = defineVnetVar({ module: 'ip', name: 'forwarding', init: () => 0 });
    expect(k.kldload(empty('tcp', { vnetVars: [stray] }))).toMatchObject({ errno: EINVAL, message: expect.stringContaining("'ip'") as string });
    expect(k.kldload(empty('ip', { vnetVars: [stray] })).errno).toBe(0);
  });

  it('refuses a load inside a load, and during the making of a vnet', () => {
    const { k, vnets } = lab();
    const inner: KldResult[] = [];
    const other = empty('other');
    k.kldload(empty('m', { sysinit: [{ subsystem: 1, order: 0, init: (kernel) => void inner.push(kernel.kldload(other), kernel.kldunload('kernel')) }] }));
    k.kldload(empty('n', { vnetInit: [{ subsystem: SI_SUB_PSEUDO, order: 0, init: (v) => void (v.isDefault || inner.push(v.kernel.kldload(other))) }] }));
    make(vnets, 'b');
    expect(inner.map((r) => r.errno)).toEqual([EBUSY, EBUSY, EBUSY]);
    expect(k.isLoaded('other')).toBe(false);
  });

  it('does once-per-kernel work once, however many vnets there are (the cc_init lesson)', () => {
    const { k, vnets } = lab();
    make(vnets, 'b');
    let once = 0;
    let each = 0;
    k.kldload(empty('cc', {
      sysinit: [{ subsystem: SI_SUB_PROTO_DOMAIN, order: 0, init: () => void once++ }],
      vnetInit: [{ subsystem: SI_SUB_PROTO_DOMAIN, order: 0, init: () => void each++ }],
    }));
    make(vnets, 'c');
    expect([once, each]).toEqual([1, 3]);
  });
});

describe('kldunload', () => {
  it('is EBUSY with the holders by name, in the kernel and in all vnets, until they let go', () => {
    const { k, vnets } = lab();
    const b = make(vnets, 'b');
    k.kldload(empty('tcp'));
    const leases = [k.vnets.vnet0.ledger.take('socket', 'tcp4', 'tcp'), b.ledger.take('socket', 'tcp6', 'tcp'), k.ledger.take('helper', 'ertt', 'tcp')];
    b.ledger.take('socket', 'udp4', 'udp');
    const r = k.kldunload('tcp');
    expect(r.errno).toBe(EBUSY);
    expect(r.message).toBe("module 'tcp' is held by 1 helper ertt, 1 socket tcp4, 1 socket tcp6");
    expect(r.holders?.map((h) => h.name)).toEqual(['ertt', 'tcp4', 'tcp6']);
    expect(k.kldunload('tcp', true).errno).toBe(EBUSY); // force skips the veto, not the users
    expect(k.isLoaded('tcp')).toBe(true);
    for (const l of leases) l.release();
    expect(k.kldunload('tcp').errno).toBe(0);
  });

  it('asks the module itself; EOPNOTSUPP and EINVAL are no answer, force does not ask', () => {
    const { k } = lab();
    let answer = EPERM;
    k.kldload(empty('m', { quiesce: () => answer }));
    expect(k.kldunload('m')).toMatchObject({ errno: EPERM, message: expect.stringContaining('objects') as string });
    answer = EOPNOTSUPP;
    expect(k.kldunload('m').errno).toBe(0);
    k.kldload(empty('m', { quiesce: () => EINVAL }));
    expect(k.kldunload('m').errno).toBe(0);
    k.kldload(empty('m', { quiesce: () => EPERM }));
    expect(k.kldunload('m', true).errno).toBe(0);
  });

  it('J06 says who holds the module also when the module itself objects', () => {
    const { k } = lab();
    k.kldload(empty('tcp', { quiesce: () => EBUSY }));
    k.kldload(empty('cc', { depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }] }));
    const lease = k.vnets.vnet0.ledger.take('socket', 'tcp4', 'tcp');
    const socket = { kind: 'socket', name: 'tcp4', module: 'tcp', count: 1 };
    expect(k.kldunload('tcp')).toEqual({ errno: EBUSY, message: "module 'tcp' is needed by cc", holders: [{ kind: 'module', name: 'cc', module: 'tcp', count: 1 }, socket] });
    k.kldunload('cc');
    expect(k.kldunload('tcp')).toEqual({ errno: EBUSY, message: "module 'tcp' objects: quiesce: EBUSY; it is held by 1 socket tcp4", holders: [socket] });
    lease.release();
    expect(k.kldunload('tcp')).toEqual({ errno: EBUSY, message: "module 'tcp' objects: quiesce: EBUSY" });
    expect(k.kldunload('tcp', true).errno).toBe(0);
  });

  it('refuses the kernel and what is not loaded', () => {
    const { k } = lab();
    expect(k.kldunload('kernel').errno).toBe(EBUSY);
    expect(k.kldunload('nothing').errno).toBe(ENOENT);
  });

  it('leaves no trace, with sysctls, services, variables and what the exits gave back', () => {
    const { k, vnets } = lab();
    make(vnets, 'b');
    const before = picture(k);
    const V = defineVnetVar({ module: 'm', name: 'v', init: (v) => v.ledger.take('zone', 'm.v'), destroy: (lease) => lease.release() });
    k.kldload(empty('m', {
      vnetVars: [V],
      sysctls: [sysctlInt<Vnet>({ name: 'net.m.x', descr: 'x', get: () => 1 })],
      sysinit: [{ subsystem: 1, order: 0, init: (kernel) => kernel.provide(ECHO, 'here') }],
    }));
    expect(k.service(ECHO)).toBe('here');
    expect(() => k.provide(ECHO, 'again')).toThrow('EEXIST');
    expect(k.kldunload('m')).toEqual({ errno: 0, message: '' });
    expect(picture(k)).toEqual(before);
    expect(() => k.service(ECHO)).toThrow("service 'echo' is not there");
  });

  it('goes on when an exit throws, and tells what the module left behind', () => {
    const { k, host } = lab();
    k.kldload(empty('m', {
      sysinit: [
        { subsystem: 1, order: 0, init: (kernel) => void kernel.ledger.take('callout', 'm.purge'), exit: () => { throw new Error('no way'); } },
        { subsystem: 1, order: 1, init: (kernel) => void kernel.ledger.take('hook', 'mm') },
      ],
    }));
    const r = k.kldunload('m');
    expect(r).toMatchObject({ errno: 0, problems: ['exit at 0x1: no way'] });
    expect(r.leftovers).toEqual([{ kind: 'callout', name: 'm.purge', module: '', count: 1 }]);
    expect(host.logged.map((e) => e.text)).toEqual(['unload: exit at 0x1: no way', 'unload: left behind 1 callout m.purge']);
    expect(k.isLoaded('m')).toBe(false);
  });
});

describe('the module path', () => {
  it('is a list by name that is made once, when it is asked for', () => {
    let made = 0;
    const path = modulePath(() => {
      made++;
      return [{ name: 'a', version: 2 }, { name: 'a', version: 1 }, { name: 'b', version: 1 }];
    });
    expect(made).toBe(0);
    expect([path.find('a')?.version, path.find('b')?.version, path.find('c'), path.list().length, made]).toEqual([2, 1, null, 3, 1]);
    const k = new Kernel(virtualHost());
    expect(k.tryService(MODULE_PATH)).toBeNull();
    k.provide(MODULE_PATH, path);
    expect(k.service(MODULE_PATH)).toBe(path);
  });
});
