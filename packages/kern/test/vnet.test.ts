import { EDOOFUS, EPERM } from '@ns/errno';
import { CTLFLAG_RWTUN, CTLFLAG_VNET, sysctlInt } from '@ns/sysctl';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as kern from '../src/index.ts';
import {
  defineVnetVar,
  Kernel,
  type EventTag,
  type ModuleDecl,
  SHUTDOWN_PRE_SYNC,
  SI_ORDER_ANY,
  SI_ORDER_FIRST,
  SI_SUB_INIT_IF,
  SI_SUB_PROTO_DOMAIN,
  SI_SUB_PROTO_IF,
  SI_SUB_VNET_DONE,
  type Vnet,
  type VnetVar,
  virtualHost,
} from '../src/index.ts';
import { collector, empty, lab, make, picture } from './helpers.ts';

/** A stand-in for ip, with the variable that the whole design was once explained by. */
interface Ip {
  forwarding: number;
  forwarded: number;
}
const IP: VnetVar<Ip> = defineVnetVar({ module: 'ip', name: 'ip', init: () => ({ forwarding: 0, forwarded: 0 }) });
const ip: ModuleDecl = empty('ip', {
  vnetVars: [IP],
  sysctls: [
    sysctlInt<Vnet>({
      name: 'net.inet.ip.forwarding',
      descr: 'Enable IP forwarding between interfaces',
      flags: CTLFLAG_RWTUN | CTLFLAG_VNET,
      get: (req) => IP.get(req.vnet).forwarding,
      set: (req, v) => void (IP.get(req.vnet).forwarding = v),
    }),
  ],
});
const forward = (vnet: Vnet): boolean => {
  const v = IP.get(vnet);
  if (v.forwarding === 0) return false;
  v.forwarded++;
  return true;
};

describe('per-vnet variables', () => {
  it('V07 V19 give each vnet its own value, made from the default and not from vnet0', () => {
    const { k, vnets } = lab();
    k.kldload(ip);
    const a = make(vnets, 'a');
    IP.get(k.vnets.vnet0).forwarding = 1;
    IP.get(a).forwarding = 2;
    const b = make(vnets, 'b');
    expect(k.vnets.list().map((v) => IP.get(v).forwarding)).toEqual([1, 2, 0]);
    expect(b.get(IP)).toBe(IP.get(b));
  });

  it('V24 V03 forward in one stack and not in the other, by the sysctl of each', () => {
    const { k, vnets } = lab();
    k.kldload(ip);
    const a = make(vnets, 'a');
    const b = make(vnets, 'b');
    const name = 'net.inet.ip.forwarding';
    expect(k.sysctl.sysctlSet(name, 1, { vnet: a, jailed: true, ownsVnet: true }).errno).toBe(0);
    expect([a, b, k.vnets.vnet0].map(forward)).toEqual([true, false, false]);
    expect(k.sysctl.sysctlGet(name, { vnet: a, jailed: true, ownsVnet: true }).value).toBe(1);
    expect(k.sysctl.sysctlGet(name, { vnet: b, jailed: true, ownsVnet: true }).value).toBe(0);
    // a jail that shares the stack may look, not write
    expect(k.sysctl.sysctlSet(name, 0, { vnet: a, jailed: true }).errno).toBe(EPERM);
    expect(IP.get(a)).toEqual({ forwarding: 1, forwarded: 1 });
  });

  it('take boot tunables in every vnet, living and coming, before the constructors run', () => {
    const host = virtualHost({ tunables: { 'net.inet.ip.forwarding': '7', 'net.inet.ip.bad': 'much' } });
    const k = new Kernel(host);
    const vnets = k.vnets.claim('test');
    make(vnets, 'a');
    const seen: number[] = [];
    k.kldload({ ...ip, vnetInit: [{ subsystem: SI_SUB_PROTO_DOMAIN, order: 0, init: (v) => void seen.push(IP.get(v).forwarding) }] });
    make(vnets, 'b');
    expect(seen).toEqual([7, 7, 7]);
    k.kldunload('ip');
    k.kldload({ ...ip, sysctls: [{ ...(ip.sysctls ?? [])[0] as (typeof ip.sysctls & object)[0], name: 'net.inet.ip.bad' }] });
    expect(host.logged.map((e) => e.text)).toEqual([0, 1, 2].map((v) => `tunable net.inet.ip.bad refused in vnet ${v}: EINVAL`));
  });

  it('V09 are listed by module in order of loading', () => {
    const { k } = lab();
    const A = defineVnetVar({ module: 'a', name: 'one', init: () => 1 });
    const B = defineVnetVar({ module: 'a', name: 'two', init: () => ({ n: 2 }) });
    k.kldload(empty('z', { vnetVars: [defineVnetVar({ module: 'z', name: 'last', init: () => 'z' })] }));
    k.kldload(empty('a', { vnetVars: [A, B] }));
    expect(k.vnets.vnet0.describe()).toEqual([
      { module: 'z', vars: [{ name: 'last', value: 'z' }] },
      { module: 'a', vars: [{ name: 'one', value: 1 }, { name: 'two', value: { n: 2 } }] },
    ]);
    k.kldunload('z');
    expect(k.vnets.vnet0.describe().map((m) => m.module)).toEqual(['a']);
  });

  it('T114 need no initialiser beside their declaration, which holds the default', () => {
    const { k, vnets } = lab();
    expect(ip.sysinit ?? ip.vnetInit).toBeUndefined();
    k.kldload(ip);
    expect(IP.get(make(vnets, 'a'))).toEqual({ forwarding: 0, forwarded: 0 });
  });

  it('T115 belong to the package that exports them: the key alone says the module, and holds no value', () => {
    expect([IP.module, IP.name]).toEqual(['ip', 'ip']);
    const before = JSON.stringify(IP);
    const { k } = lab();
    k.kldload(ip);
    IP.get(k.vnets.vnet0).forwarding = 9;
    expect(JSON.stringify(IP)).toBe(before);
  });

  it('may need each other in any order of declaration, but not in a circle', () => {
    const { k } = lab();
    const A: VnetVar<{ b: string }> = defineVnetVar({ module: 'm', name: 'a', init: (v: Vnet) => ({ b: B.get(v) }) });
    const B: VnetVar<string> = defineVnetVar({ module: 'm', name: 'b', init: () => 'b' });
    expect(k.kldload(empty('m', { vnetVars: [A, B] })).errno).toBe(0);
    expect(A.get(k.vnets.vnet0)).toEqual({ b: 'b' });
    const X: VnetVar<number> = defineVnetVar({ module: 'x', name: 'x', init: (v: Vnet): number => Y.get(v) + 1 });
    const Y: VnetVar<number> = defineVnetVar({ module: 'x', name: 'y', init: (v: Vnet): number => X.get(v) + 1 });
    const r = k.kldload(empty('x', { vnetVars: [X, Y] }));
    expect(r.errno).toBe(EDOOFUS);
    expect(r.message).toContain('x.x -> x.y -> x.x');
  });

  it('know undefined and null as values', () => {
    let made = 0;
    const U = defineVnetVar<undefined | null>({ module: 'm', name: 'u', init: () => (made++, undefined) });
    const { k } = lab();
    k.kldload(empty('m', { vnetVars: [U] }));
    expect(U.get(k.vnets.vnet0)).toBeUndefined();
    expect(U.get(k.vnets.vnet0)).toBeUndefined();
    expect(made).toBe(1);
  });

  it('are there for initialisers of the kernel, and see its services', () => {
    const { k } = lab();
    const S = new kern.ServiceKey<{ n: number }>('s');
    const V = defineVnetVar({ module: 'm', name: 'v', init: (v: Vnet) => ({ s: v.kernel.service(S) }) });
    const r = k.kldload(empty('m', {
      vnetVars: [V],
      sysinit: [
        { subsystem: SI_SUB_INIT_IF, order: 0, init: (kernel) => kernel.provide(S, { n: 1 }) },
        { subsystem: SI_SUB_PROTO_DOMAIN, order: 0, init: (kernel) => void V.get(kernel.vnets.vnet0).s.n++ },
      ],
    }));
    expect(r).toMatchObject({ errno: 0 });
    expect(V.get(k.vnets.vnet0).s.n).toBe(2);
  });

  it('are given back, last made first, after all exit functions', () => {
    const { k, vnets } = lab();
    const log: string[] = [];
    const v = (name: string) => defineVnetVar({ module: 'm', name, init: () => name, destroy: (x) => void log.push(x) });
    k.kldload(empty('m', { vnetVars: [v('a'), v('b')], vnetInit: [{ subsystem: SI_SUB_PROTO_IF, order: 0, init: () => {}, exit: () => void log.push('exit') }] }));
    vnets.destroy(make(vnets, 'x'));
    expect(log).toEqual(['exit', 'b', 'a']);
  });
});

describe('vnets', () => {
  const traced = (log: string[]): ModuleDecl[] => {
    const step = (subsystem: number, order: number, name: string) => ({
      subsystem,
      order,
      init: (v: Vnet) => void log.push(`+${name}@${v.id} ${v.state === subsystem}`),
      exit: (v: Vnet) => void log.push(`-${name}@${v.id} ${v.state === subsystem}`),
    });
    return [
      empty('proto', { vnetInit: [step(SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, 'proto')] }),
      empty('if', { vnetInit: [step(SI_SUB_VNET_DONE, SI_ORDER_ANY, 'if_return'), step(SI_SUB_INIT_IF, SI_ORDER_FIRST, 'if')] }),
    ];
  };

  it('are constructed in (subsystem, order) across modules and destroyed in reverse, vnet_if_return first', () => {
    const { k, vnets } = lab();
    const log: string[] = [];
    for (const m of traced(log)) k.kldload(m);
    log.length = 0;
    const v = make(vnets, 'x');
    expect(log).toEqual(['+if@1 true', '+proto@1 true', '+if_return@1 true']);
    expect(v.state).toBe(SI_SUB_VNET_DONE);
    log.length = 0;
    const report = vnets.destroy(v);
    expect(log).toEqual(['-if_return@1 true', '-proto@1 true', '-if@1 true']);
    expect(report).toEqual({ id: 1, name: 'x', leftovers: [], problems: [], clean: true });
    expect(v.shutdown).toBe(true);
    expect(k.vnets.get(1)).toBeNull();
  });

  it('J05 that live when a module is loaded end up like those that come later', () => {
    const early = lab();
    const late = lab();
    const log: string[] = [];
    make(early.vnets, 'x');
    for (const m of [ip, ...traced(log)]) {
      early.k.kldload(m);
      late.k.kldload(m);
    }
    make(late.vnets, 'x');
    expect(picture(early.k)).toEqual(picture(late.k));
  });

  it('are undone completely when a constructor fails, and the id is not given out again', () => {
    const { k, vnets } = lab();
    const log: string[] = [];
    k.kldload(empty('good', {
      vnetVars: [defineVnetVar({ module: 'good', name: 'v', init: () => 1, destroy: () => void log.push('var') })],
      vnetInit: [{ subsystem: SI_SUB_INIT_IF, order: 0, init: () => {}, exit: () => void log.push('good') }],
    }));
    k.kldload(empty('bad', {
      vnetInit: [
        { subsystem: SI_SUB_PROTO_IF, order: 0, init: (v) => { if (v.name === 'x') throw new Error('boom'); }, exit: () => void log.push('bad') },
        { subsystem: SI_SUB_PROTO_DOMAIN, order: 0, init: () => void log.push('never') },
      ],
    }));
    log.length = 0;
    const before = picture(k);
    const r = vnets.alloc('x');
    expect(r).toMatchObject({ errno: EDOOFUS, vnet: null });
    expect(r.message).toContain("constructor of 'bad'");
    expect(r.message).toContain('boom');
    expect(log).toEqual(['good', 'var']);
    expect(picture(k)).toEqual(before);
    expect(make(vnets, 'y').id).toBe(2);
  });

  it('are destroyed to the end when a destructor throws; the report names it and what was left', () => {
    const { k, vnets } = lab();
    const log: string[] = [];
    k.kldload(empty('m', {
      vnetVars: [defineVnetVar({ module: 'm', name: 'v', init: () => 1, destroy: () => { throw new Error('var broke'); } })],
      vnetInit: [
        { subsystem: SI_SUB_INIT_IF, order: 0, init: (v) => void v.ledger.take('pcb', 'm.udp'), exit: () => void log.push('first') },
        { subsystem: SI_SUB_PROTO_IF, order: 0, init: () => {}, exit: () => { throw new Error('exit broke'); } },
      ],
    }));
    const v = make(vnets, 'x');
    const r = vnets.destroy(v);
    expect(log).toEqual(['first']);
    expect(r.clean).toBe(false);
    expect(r.leftovers).toEqual([{ kind: 'pcb', name: 'm.udp', module: '', count: 1 }]);
    expect(r.problems).toEqual([expect.stringContaining('exit broke'), expect.stringContaining('var broke')]);
    expect(k.vnets.count).toBe(1);
    expect(v.describe()).toEqual([]);
  });

  it('cannot be destroyed twice, nor in another kernel, nor can vnet0 be, and their variables are gone', () => {
    const { k, vnets } = lab();
    const other = lab();
    k.kldload(ip);
    const v = make(vnets, 'x');
    expect(() => other.vnets.destroy(v)).toThrow('not alive');
    vnets.destroy(v);
    expect(() => vnets.destroy(v)).toThrow('not alive');
    expect(() => vnets.destroy(k.vnets.vnet0)).toThrow('vnet0');
    expect(() => IP.get(v)).toThrow('gone');
  });

  it('V14 may be made and destroyed while all are visited', () => {
    const { k, vnets } = lab();
    const a = make(vnets, 'a');
    const b = make(vnets, 'b');
    const c = make(vnets, 'c');
    const visited: string[] = [];
    k.vnets.forEach((v) => {
      visited.push(v.name);
      if (v === a) {
        vnets.destroy(a);
        vnets.destroy(b);
        make(vnets, 'new');
      }
    });
    expect(visited).toEqual(['vnet0', 'a', 'c']);
    expect(k.vnets.list().map((v) => v.name)).toEqual(['vnet0', 'c', 'new']);
    expect(k.vnets.get(c.id)).toBe(c);
  });

  it('T124 are made by the one who holds the right, and there is no other constructor', () => {
    const { k, vnets } = lab();
    expect(Object.keys(kern)).not.toContain('Vnet');
    expect(Object.keys(kern)).not.toContain('VnetList');
    expect('alloc' in k.vnets).toBe(false);
    expect(() => k.vnets.claim('somebody')).toThrow('made by test');
    vnets.release();
    expect(() => vnets.alloc('x')).toThrow('given back');
    const again = k.vnets.claim('test');
    expect(again.alloc('x').vnet?.name).toBe('x');
    expect(() => vnets.alloc('y')).toThrow('given back');
  });

  it('V13 come and go a thousand times and leave nothing: no lease, no object', async () => {
    const { k, vnets } = lab();
    const V = defineVnetVar({ module: 'm', name: 'v', init: (v: Vnet) => v.ledger.take('zone', 'm.v'), destroy: (l) => l.release() });
    const tags = defineVnetVar<EventTag[]>({ module: 'm', name: 'tags', init: () => [] });
    k.kldload(empty('m', {
      vnetVars: [V, tags],
      vnetInit: [{
        subsystem: SI_SUB_PROTO_IF,
        order: 0,
        init: (v) => void tags.get(v).push(k.events.register(SHUTDOWN_PRE_SYNC, () => void v.id, { vnet: v })),
        exit: (v) => tags.get(v).forEach((t) => k.events.deregister(t)),
      }],
    }));
    const before = picture(k);
    const refs: WeakRef<Vnet>[] = [];
    for (let i = 0; i < 1000; i++) {
      const v = make(vnets, `jail${i}`);
      refs.push(new WeakRef(v));
      expect(vnets.destroy(v)).toEqual({ id: i + 1, name: `jail${i}`, leftovers: [], problems: [], clean: true });
    }
    expect(picture(k)).toEqual(before);
    expect(k.events.count(SHUTDOWN_PRE_SYNC)).toBe(1);
    expect(await survivors(refs)).toBeLessThan(5);
  });
});

/** How many of the objects are still there after a garbage collection. */
async function survivors(refs: readonly WeakRef<object>[]): Promise<number> {
  (await collector())();
  return refs.filter((r) => r.deref() !== undefined).length;
}

describe('any sequence of loads, unloads, births and deaths', () => {
  it('runs each constructor once in each vnet and undoes it once, the last first', () => {
    const op = fc.oneof(
      fc.record({ what: fc.constant('load' as const), n: fc.nat(3), fails: fc.boolean() }),
      fc.record({ what: fc.constant('unload' as const), n: fc.nat(3) }),
      fc.record({ what: fc.constant('alloc' as const), fails: fc.boolean() }),
      fc.record({ what: fc.constant('destroy' as const), n: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 40 }), (ops) => {
        const { k, vnets } = lab();
        /** What stands in each vnet now, in order of construction. */
        const standing = new Map<number, string[]>();
        let failVnet = false;
        let failLoad = -1;
        const ctor = (n: number, subsystem: number) => ({
          subsystem,
          order: 0,
          init: (v: Vnet): number => {
            if (failLoad === n && subsystem === SI_SUB_PROTO_DOMAIN && v.isDefault === false) return EPERM;
            if (failVnet && n === 2) return EPERM;
            const stack = standing.get(v.id) ?? [];
            const name = `${n}/${subsystem}`;
            expect(stack).not.toContain(name);
            standing.set(v.id, [...stack, name]);
            return 0;
          },
          exit: (v: Vnet): void => {
            const stack = standing.get(v.id) ?? [];
            expect(stack).toContain(`${n}/${subsystem}`);
            standing.set(v.id, stack.filter((x) => x !== `${n}/${subsystem}`));
          },
        });
        const module = (n: number): ModuleDecl => {
          const V = defineVnetVar({ module: `m${n}`, name: 'v', init: (v: Vnet) => v.ledger.take('zone', `m${n}.v`), destroy: (l) => l.release() });
          return empty(`m${n}`, { vnetVars: [V], vnetInit: [ctor(n, SI_SUB_INIT_IF), ctor(n, SI_SUB_PROTO_DOMAIN)] });
        };
        for (const o of ops) {
          if (o.what === 'load') {
            failLoad = o.fails ? o.n : -1;
            k.kldload(module(o.n));
            failLoad = -1;
          } else if (o.what === 'unload') k.kldunload(`m${o.n}`);
          else if (o.what === 'alloc') {
            failVnet = o.fails;
            vnets.alloc('x');
            failVnet = false;
          } else {
            const v = k.vnets.list()[1 + (o.n % Math.max(1, k.vnets.count - 1))];
            if (v !== undefined) expect(vnets.destroy(v).clean).toBe(true);
          }
          const loaded = k.kldstat().filter((m) => m.name !== 'kernel').map((m) => m.name.slice(1));
          const want = loaded.flatMap((n) => [`${n}/${SI_SUB_INIT_IF}`, `${n}/${SI_SUB_PROTO_DOMAIN}`]).sort();
          for (const v of k.vnets.list()) {
            expect([...(standing.get(v.id) ?? [])].sort()).toEqual(want);
            expect(v.ledger.total('zone')).toBe(loaded.length);
          }
          for (const [id, stack] of standing) if (k.vnets.get(id) === null) expect(stack).toEqual([]);
        }
        expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
      }),
      { numRuns: 150 },
    );
  });
});
