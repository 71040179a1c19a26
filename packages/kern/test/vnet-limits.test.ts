import { EAGAIN } from '@ns/errno';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  defineVnetVar,
  Kernel,
  SI_ORDER_ANY,
  SI_ORDER_FIRST,
  SI_SUB_INIT_IF,
  SI_SUB_PROTO_DOMAIN,
  SI_SUB_TUNABLES,
  SI_SUB_VNET,
  type Prompt,
  type Vnet,
  type VnetList,
  virtualHost,
} from '../src/index.ts';
import { empty, lab, make, picture } from './helpers.ts';

const read = (k: Kernel, name: string): unknown => k.sysctl.sysctlGet(name, { vnet: k.vnets.vnet0, jailed: false }).value;

describe('the list of vnets', () => {
  it('V20 has room for as many as kern.vnet.max says; with 1 there is vnet0 alone, and all else works', () => {
    const { k, vnets } = lab({ 'kern.vnet.max': '1' });
    const V = defineVnetVar({ module: 'm', name: 'v', init: () => ({ n: 0 }) });
    let once = 0;
    expect(k.kldload(empty('m', { vnetVars: [V], vnetInit: [{ subsystem: SI_SUB_INIT_IF, order: 0, init: (v) => void (V.get(v).n = ++once) }] })).errno).toBe(0);
    const before = picture(k);
    expect(vnets.alloc('x')).toEqual({ errno: EAGAIN, message: 'no more than 1 vnets (kern.vnet.max)', vnet: null });
    expect(picture(k)).toEqual(before);
    expect(k.vnets.list()).toEqual([k.vnets.vnet0]);
    expect([V.get(k.vnets.vnet0).n, read(k, 'kern.vnet.max'), read(k, 'kern.vnet.count')]).toEqual([1, 1, 1]);
    expect(k.kldunload('m').errno).toBe(0);
    expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('V20 gives a place back with the vnet that had it', () => {
    const { k, vnets } = lab({ 'kern.vnet.max': '3' });
    const a = make(vnets, 'a');
    make(vnets, 'b');
    expect(vnets.alloc('c').errno).toBe(EAGAIN);
    vnets.destroy(a);
    expect(make(vnets, 'c').id).toBe(3);
    expect(read(k, 'kern.vnet.count')).toBe(3);
    expect(read(lab({ 'kern.vnet.max': '-5' }).k, 'kern.vnet.max')).toBe(1);
  });

  it('T126 is a snapshot: what is changed during a walk, the walk does not see', () => {
    const { k, vnets } = lab();
    const made = ['a', 'b', 'c'].map((name) => make(vnets, name));
    const list = k.vnets.list();
    const seen: number[] = [];
    k.vnets.forEach((v) => {
      seen.push(v.id);
      if (v.id < 8) make(vnets, 'more');
      if (v === made[0]) vnets.destroy(made[2] as Vnet);
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(list.map((v) => v.id)).toEqual([0, 1, 2, 3]);
    expect(k.vnets.list().map((v) => v.id)).toEqual([0, 1, 2, 4, 5, 6]);
    list.length = 0; // the caller's own
    expect(k.vnets.count).toBe(6);
  });

  it('T127 is walked by who does not wait; the types refuse one that does, who takes the snapshot instead', async () => {
    expectTypeOf<Prompt<number>>().toEqualTypeOf<number>();
    expectTypeOf<Prompt<Promise<number>>>().toBeNever();
    type Walker = Parameters<VnetList['forEach']>[0];
    expectTypeOf<(v: Vnet) => void>().toExtend<Walker>();
    const { k, vnets } = lab();
    const [a, b] = [make(vnets, 'a'), make(vnets, 'b')];
    const later: string[] = [];
    const wait = async (v: Vnet): Promise<void> => void later.push(v.name);
    // @ts-expect-error a promise for which nobody would wait
    k.vnets.forEach(wait);
    // @ts-expect-error nor one in disguise
    k.vnets.forEach((v) => ({ then: (fn: () => void) => fn(), v }));
    k.vnets.forEach((v) => v.name.length);
    k.vnets.forEach((v) => void later.push(v.name));
    later.length = 0;
    for (const v of k.vnets.list()) {
      await Promise.resolve();
      if (v === a) vnets.destroy(b);
      if (!v.shutdown) later.push(v.name);
    }
    expect(later).toEqual(['vnet0', 'a']);
  });

  it('T128 is there before the first module, with vnet0 in it', () => {
    const k = new Kernel(virtualHost());
    const V = defineVnetVar({ module: 'first', name: 'v', init: (v: Vnet) => ({ of: v.name }) });
    const seen: unknown[] = [];
    expect(k.kldload(empty('first', {
      vnetVars: [V],
      sysinit: [{ subsystem: SI_SUB_TUNABLES, order: SI_ORDER_FIRST, init: (kernel) => void seen.push(kernel.vnets.count, V.get(kernel.vnets.vnet0)) }],
    }))).toEqual({ errno: 0, message: '', id: 2 });
    expect(seen).toEqual([1, { of: 'vnet0' }]);
  });

  it('T130 when a module comes after three of them: three first values, and vnet0\u2019s', () => {
    const { k, vnets } = lab();
    for (const name of ['a', 'b', 'c']) make(vnets, name);
    const made: number[] = [];
    const V = defineVnetVar({ module: 'late', name: 'v', init: (v: Vnet) => (made.push(v.id), { n: 7 }) });
    k.kldload(empty('late', { vnetVars: [V] }));
    expect(made).toEqual([0, 1, 2, 3]);
    const values = k.vnets.list().map((v) => V.get(v));
    expect(values).toEqual([{ n: 7 }, { n: 7 }, { n: 7 }, { n: 7 }]);
    expect(new Set(values).size).toBe(4);
    k.kldunload('late');
    k.kldload(empty('late', { vnetVars: [V] }));
    expect(made).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
  });

  it('T143 has for each a zeroed state of the module, of its own', () => {
    class State {
      count = 0;
      total = 0;
      last: Vnet | null = null;
    }
    const S = defineVnetVar({ module: 'm', name: 'state', init: () => new State() });
    const { k, vnets } = lab();
    k.kldload(empty('m', { vnetVars: [S] }));
    Object.assign(S.get(k.vnets.vnet0), { count: 5, total: 6, last: k.vnets.vnet0 });
    expect(S.get(make(vnets, 'a'))).toEqual(new State());
  });

  it('T132 lets a module grow a variable without anybody else noticing', () => {
    const { k, vnets } = lab();
    const A = defineVnetVar({ module: 'ip', name: 'a', init: () => ({ a: 1 }) });
    const B = defineVnetVar({ module: 'ip', name: 'b', init: () => ({ b: 2 }) });
    const user = defineVnetVar({ module: 'tcp', name: 't', init: (v: Vnet) => ({ ip: A.get(v) }) });
    const tcp = empty('tcp', { depends: [{ name: 'ip', min: 1, preferred: 1, max: 1 }], vnetVars: [user] });
    const tool = (): unknown => k.vnets.list().map((v) => v.describe().find((m) => m.module === 'ip')?.vars.find((x) => x.name === 'a')?.value);
    k.kldload(empty('ip', { vnetVars: [A] }));
    k.kldload(tcp);
    make(vnets, 'x');
    const old = tool();
    k.kldunload('tcp');
    k.kldunload('ip');
    expect(k.kldload(empty('ip', { vnetVars: [B, A] })).errno).toBe(0); // a patch release, the same version
    expect(k.kldload(tcp).errno).toBe(0); // and an old dependent
    expect(tool()).toEqual(old);
    expect(k.vnets.list().map((v) => user.get(v).ip)).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it('T137 asks nothing of a module that has nothing for each vnet', () => {
    const { k, vnets } = lab();
    const plain = empty('plain', { sysinit: [{ subsystem: SI_SUB_INIT_IF, order: SI_ORDER_ANY, init: () => {} }] });
    expect(k.kldload(plain).errno).toBe(0);
    expect(make(vnets, 'x').describe()).toEqual([]);
    expect(k.sysinitStats().some((s) => s.perVnet)).toBe(false);
  });

  it('T138 and the unloading of a module run the same destructors', () => {
    const run = (end: (w: ReturnType<typeof lab>, x: Vnet) => void): string[] => {
      const w = lab();
      const log: string[] = [];
      const V = defineVnetVar({ module: 'm', name: 'v', init: () => 1, destroy: (_x, v) => void log.push(`var of ${v.name}`) });
      const step = (order: number) => ({ subsystem: SI_SUB_PROTO_DOMAIN, order, init: () => {}, exit: (v: Vnet) => void log.push(`${order} of ${v.name}`) });
      w.k.kldload(empty('m', { vnetVars: [V], vnetInit: [step(1), step(2)] }));
      end(w, make(w.vnets, 'x'));
      return log.filter((l) => l.endsWith('x'));
    };
    const destroyed = run((w, x) => void w.vnets.destroy(x));
    expect(destroyed).toEqual(['2 of x', '1 of x', 'var of x']);
    expect(run((w) => void w.k.kldunload('m'))).toEqual(destroyed);
    expect(run((w) => void w.k.shutdown())).toEqual(destroyed);
  });
});

describe('the cost of initialisers', () => {
  /** A host whose clock goes on by `us` each time that it is read. */
  function ticking(us: number): Kernel {
    const host = virtualHost();
    let t = 0;
    return new Kernel({ ...host, clock: { ...host.clock, nowUs: () => (t += us), setAlarm: () => {}, clearAlarm: () => {} } as never, random: host.random, defer: () => {}, log: () => {} });
  }

  it('V11 is known for each: in which order, how often, how long', () => {
    const k = ticking(10);
    const vnets = k.vnets.claim('test');
    const slow = (v: Vnet): void => void [1, 2, 3].forEach(() => v.kernel.host.clock.nowUs());
    const INNER = defineVnetVar({ module: 'm', name: 'inner', init: (v: Vnet) => (slow(v), 1) });
    const OUTER = defineVnetVar({ module: 'm', name: 'outer', init: (v: Vnet) => INNER.get(v) + 1 });
    k.kldload(empty('m', {
      vnetVars: [OUTER, INNER],
      sysinit: [{ subsystem: SI_SUB_INIT_IF, order: SI_ORDER_FIRST, init: () => {} }],
      vnetInit: [
        { subsystem: SI_SUB_PROTO_DOMAIN, order: SI_ORDER_ANY, init: slow },
        { subsystem: SI_SUB_PROTO_DOMAIN, order: SI_ORDER_FIRST, init: () => {} },
      ],
    }));
    make(vnets, 'a');
    make(vnets, 'b');
    const row = (subsystem: number, order: number, perVnet: boolean, runs: number, totalUs: number, maxUs: number) => ({ module: 'm', subsystem, order, perVnet, runs, totalUs, maxUs });
    expect(k.sysinitStats()).toEqual([
      row(SI_SUB_VNET, SI_ORDER_FIRST, true, 6, 3 * (40 + 20), 40), // what the outer waits for is the inner's
      row(SI_SUB_INIT_IF, SI_ORDER_FIRST, false, 1, 10, 10),
      row(SI_SUB_PROTO_DOMAIN, SI_ORDER_FIRST, true, 3, 30, 10),
      row(SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, true, 3, 120, 40),
    ]);
    k.kldunload('m');
    expect(k.sysinitStats()).toEqual([]);
  });
});
