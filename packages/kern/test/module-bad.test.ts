import { EBUSY, EDOOFUS, EEXIST, EINVAL, ELOOP, ENOENT, ENOEXEC, ENOMEM } from '@ns/errno';
import { sysctlInt } from '@ns/sysctl';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defineVnetVar,
  EventKey,
  HHOOK_TYPE_SOCKET,
  type Kernel,
  type KldResult,
  type ModuleDecl,
  type ModuleDepend,
  ServiceKey,
  SI_SUB_DRIVERS,
  SI_SUB_INIT_IF,
  SI_SUB_PROTO_DOMAIN,
  type Vnet,
} from '../src/index.ts';
import { empty, lab, make, picture } from './helpers.ts';

const need = (name: string, min = 1, preferred = min, max = preferred): ModuleDepend => ({ name, min, preferred, max });

/** A declaration as JavaScript may hand it over. */
const untyped = (decl: unknown): ModuleDecl => decl as ModuleDecl;

describe('a declaration that is malformed', () => {
  const step = { subsystem: SI_SUB_DRIVERS, order: 0, init: () => {} };
  const bad: [title: string, decl: ModuleDecl, says: string][] = [
    ['is not there', untyped(null), 'malformed'],
    ['has a name that is no text', untyped({ name: 7, version: 1 }), 'without a name'],
    ['has no version', untyped({ name: 'm' }), 'version undefined'],
    ['has a version that is text', untyped({ name: 'm', version: '1' }), 'version 1'],
    ['has a version beyond the integers', empty('m', { version: 2 ** 60 }), 'version 1152921504606847000'],
    ['cannot be read', untyped({ name: 'm', get version() { throw new Error('do not ask'); } }), 'do not ask'],
    ['depends on what is no list', empty('m', { depends: untyped(7) as never }), 'iterable'],
    ['depends on something without a name', empty('m', { depends: [need('')] }), 'dependency without a name'],
    ['depends on one module twice', empty('m', { depends: [need('a'), need('a', 2)] }), "'a' is needed twice"],
    ['depends on a range the wrong way round', empty('m', { depends: [need('a', 3, 2, 1)] }), 'no range'],
    ['depends on a range without its preferred version', empty('m', { depends: [need('a', 1, 9, 3)] }), 'no range'],
    ['depends on no numbers', empty('m', { depends: [need('a', NaN)] }), 'no range'],
    ['initialises at no subsystem', empty('m', { sysinit: [{ ...step, subsystem: NaN }] }), 'NaN'],
    ['initialises after everything', empty('m', { vnetInit: [{ ...step, order: 2 ** 40 }] }), 'order'],
    ['initialises with no function', empty('m', { sysinit: [{ ...step, init: untyped('now') as never }] }), 'no function'],
    ['exits with no function', empty('m', { vnetInit: [{ ...step, exit: untyped(1) as never }] }), 'no function'],
    ['has a quiesce that is no function', empty('m', { quiesce: untyped(0) as never }), 'no function'],
  ];
  it.each(bad)('%s: EINVAL, and nothing has happened', (_title, decl, says) => {
    const { k } = lab();
    const before = picture(k);
    const r = k.kldload(decl);
    expect(r).toMatchObject({ errno: EINVAL, message: expect.stringContaining(says) as string });
    expect(picture(k)).toEqual(before);
  });

  it('among those available harms nobody who does not need it', () => {
    const { k } = lab();
    expect(k.kldload(empty('m'), [untyped(null)]).errno).toBe(0);
    expect(k.kldload(empty('n', { depends: [need('a')] }), [untyped(null)])).toMatchObject({ errno: EINVAL, message: expect.stringContaining("'n' version 1 needs 'a'") as string });
    expect(k.kldload(empty('n', { depends: [need('a')] }), [untyped({ name: 'a', version: -1 })])).toMatchObject({ errno: EINVAL, message: expect.stringContaining("'a': version -1") as string });
    expect(k.kldload(empty('n', { depends: [need('a')] }), [untyped({ name: 'a', version: -1 }), empty('a')]).errno).toBe(0);
  });

  it('in a circle is ELOOP, whatever is available', () => {
    const { k } = lab();
    expect(k.kldload(empty('a', { depends: [need('a')] }))).toMatchObject({ errno: ELOOP, message: expect.stringContaining('a -> a') as string });
    const ring = ['a', 'b', 'c'].map((name, i, all) => empty(name, { depends: [need(all[(i + 1) % 3] as string)] }));
    for (const m of ring) expect(k.kldload(m, ring).errno).toBe(ELOOP);
    expect(k.kldstat()).toHaveLength(1);
  });
});

describe('a module that lies about its version', () => {
  it('is refused when it changes while it is loaded, and all of it is undone', () => {
    const { k } = lab();
    const before = picture(k);
    const log: string[] = [];
    const liar = { ...empty('m', { version: 1 }), version: 1 };
    liar.sysinit = [{ subsystem: SI_SUB_DRIVERS, order: 0, init: () => void (liar.version = 2), exit: () => void log.push('undone') }];
    const r = k.kldload(liar);
    expect(r).toMatchObject({ errno: ENOEXEC, message: "module 'm': module 'm' was declared with version 1, and now says that it is 'm' version 2" });
    expect(log).toEqual(['undone']);
    expect(picture(k)).toEqual(before);
  });

  it('counts as what it was when it was loaded, whatever becomes of the object', () => {
    const { k } = lab();
    const log: string[] = [];
    const exit = (says: string) => (): void => void log.push(says);
    const step = { subsystem: SI_SUB_DRIVERS, order: 0, init: () => {}, exit: exit('the first exit') };
    const m = { ...empty('m'), name: 'm', version: 1, sysinit: [step] };
    expect(k.kldload(m).errno).toBe(0);
    m.name = 'other';
    m.version = 9;
    step.exit = exit('another exit');
    m.sysinit.length = 0;
    expect(k.kldstat()[1]).toMatchObject({ name: 'm', version: 1 });
    expect(k.kldload(empty('user', { depends: [need('m', 9)] }))).toMatchObject({ errno: ENOEXEC, message: expect.stringContaining('version 1 is loaded') as string });
    expect(k.kldload({ ...m, name: 'm' })).toMatchObject({
      errno: EEXIST,
      message: "module 'm' version 1 is already loaded; version 9 would have to wait until it is unloaded",
    });
    expect(k.kldunload('other').errno).toBe(ENOENT);
    expect(k.kldunload('m').errno).toBe(0);
    expect(log).toEqual(['the first exit']);
  });

  it('to each who asks is held to one answer', () => {
    const { k } = lab();
    let asked = 0;
    const two = untyped({ name: 'a', get version() { return ++asked; } });
    const r = k.kldload(empty('m', { depends: [need('a', 1, 1, 99)] }), [two]);
    expect(r.errno).toBe(ENOEXEC);
    expect(r.message).toContain("module 'a'");
    expect(k.kldstat()).toHaveLength(1);
  });
});

describe('an initialiser that fails half-way', () => {
  const E = new EventKey<[]>('e');

  it('leaves nothing of what it registered itself, in the kernel and in a vnet', () => {
    const { k, vnets } = lab();
    make(vnets, 'b');
    k.hhooks.headRegister(HHOOK_TYPE_SOCKET, 0, null);
    const before = { ...(picture(k) as object), events: k.events.count(E), hooks: k.hhooks.headLookup(HHOOK_TYPE_SOCKET, 0, null)?.nhooks };
    const take = (kernel: Kernel, vnet: Vnet | null): void => {
      kernel.events.register(E, () => {}, vnet === null ? {} : { vnet });
      kernel.swi.register('half', () => 0);
      kernel.hhooks.headRegister(HHOOK_TYPE_SOCKET, 1, vnet);
      kernel.hhooks.addHook({ type: HHOOK_TYPE_SOCKET, id: 0, func: () => {}, udata: vnet, owner: 'half' });
    };
    const modules: ModuleDecl[] = [
      empty('half', { sysinit: [{ subsystem: SI_SUB_DRIVERS, order: 0, init: (kernel) => (take(kernel, null), ENOMEM) }] }),
      empty('half', { vnetInit: [{ subsystem: SI_SUB_INIT_IF, order: 0, init: (v) => { take(v.kernel, v); throw new Error('half'); } }] }),
      empty('half', { vnetVars: [defineVnetVar({ module: 'half', name: 'v', init: (v: Vnet) => { take(v.kernel, v); throw new Error('half'); } })] }),
    ];
    for (const m of modules) {
      expect([ENOMEM, EDOOFUS]).toContain(k.kldload(m).errno);
      expect({ ...(picture(k) as object), events: k.events.count(E), hooks: k.hhooks.headLookup(HHOOK_TYPE_SOCKET, 0, null)?.nhooks }).toEqual(before);
      expect(k.hhooks.headLookup(HHOOK_TYPE_SOCKET, 1, null)).toBeNull();
    }
    // The same for the constructor of a vnet that cannot be made.
    k.kldload(empty('late', { vnetInit: [{ subsystem: SI_SUB_INIT_IF, order: 0, init: (v) => { if (v.id > 1) { take(v.kernel, v); throw new Error('no more'); } } }] }));
    expect(vnets.alloc('c').errno).toBe(EDOOFUS);
    expect(k.events.count(E)).toBe(0);
    expect(k.swi.list()).toEqual([]);
  });

  it('with what it registered and gave back itself, does not disturb who came after', () => {
    const { k } = lab();
    const heard: string[] = [];
    k.kldload(empty('m', {
      sysinit: [{
        subsystem: SI_SUB_DRIVERS,
        order: 0,
        init: (kernel) => {
          kernel.events.deregister(kernel.events.register(E, () => void heard.push('gone')));
          return ENOMEM;
        },
      }],
    }));
    k.events.register(E, () => void heard.push('here'));
    k.events.invoke(E, null);
    expect(heard).toEqual(['here']);
  });

  it('V15 by handing back a promise is refused: nobody waits for it', () => {
    const { k } = lab();
    const late = untyped({ name: 'm', version: 1, sysinit: [{ subsystem: SI_SUB_DRIVERS, order: 0, init: async () => 0 }] });
    expect(k.kldload(late)).toMatchObject({ errno: EINVAL, message: expect.stringContaining('promise') as string });
    expect(k.isLoaded('m')).toBe(false);
  });

  it('cannot make or destroy vnets while it runs in all of them', () => {
    const { k, vnets } = lab();
    const b = make(vnets, 'b');
    const said: unknown[] = [];
    const step = {
      subsystem: SI_SUB_INIT_IF,
      order: 0,
      init: (v: Vnet) => {
        if (v !== b) return;
        said.push(vnets.alloc('c').errno);
        vnets.destroy(v.kernel.vnets.list()[1] as Vnet);
      },
    };
    expect(k.kldload(empty('m', { vnetInit: [step] }))).toMatchObject({ errno: EDOOFUS, message: expect.stringContaining('EBUSY') as string });
    expect(said).toEqual([EBUSY]);
    expect(k.vnets.count).toBe(2);
    expect(make(vnets, 'c').id).toBe(2);
  });
});

describe('any graph of modules', () => {
  interface Plan {
    readonly needs: readonly number[][];
    readonly steps: readonly number[];
    readonly failAt: number;
    readonly how: number;
  }
  const plans: fc.Arbitrary<Plan> = fc.record({
    needs: fc.array(fc.array(fc.nat(5), { maxLength: 3 }), { minLength: 6, maxLength: 6 }),
    steps: fc.array(fc.nat(3), { minLength: 6, maxLength: 6 }),
    failAt: fc.nat(60),
    how: fc.nat(4),
  });

  /** Six modules that take of everything; the step number `failAt` of the whole load fails, in one of several ways. */
  function modules(plan: Plan, fails: () => boolean, version: number): ModuleDecl[] {
    const fail = (): number | void => {
      if (!fails()) return;
      if (plan.how === 0) return ENOMEM;
      if (plan.how === 1) throw new Error('boom');
      if (plan.how === 2) throw Object.assign(new Error('no'), { errno: -ENOMEM });
      if (plan.how === 3) throw 'a text';
      return (async () => 0)() as never;
    };
    return plan.needs.map((needs, n) => {
      const name = `m${n}`;
      const event = new EventKey<[]>(`event ${n}`);
      const V = defineVnetVar({ module: name, name: 'v', init: (v: Vnet) => (fail(), v.ledger.take('zone', `${name}.v`)), destroy: (lease) => lease.release() });
      const once = (i: number) => {
        const undo: (() => void)[] = [];
        return {
          subsystem: SI_SUB_DRIVERS,
          order: i,
          init: (k: Kernel): number | void => {
            const tag = k.events.register(event, () => {});
            if (i === 0) k.provide(new ServiceKey<number>(`service ${n}`), n);
            const errno = fail();
            if (errno !== undefined) return errno;
            const lease = k.ledger.take('thing', name);
            const swi = k.swi.register(name, () => 0);
            const head = k.hhooks.headRegister(100 + n, i, null);
            k.hhooks.addHook({ type: 100 + n, id: i, func: () => {}, udata: i, owner: name });
            undo.push(() => k.events.deregister(tag), () => lease.release(), () => k.swi.deregister(swi));
            undo.push(() => void k.hhooks.removeHook({ type: 100 + n, id: i, func: k.hhooks.headLookup(100 + n, i, null)?.list()[0]?.func as never, udata: i, owner: name }));
            undo.push(() => void (head !== null && k.hhooks.headDeregister(head)));
          },
          exit: (): void => undo.forEach((u) => u()),
        };
      };
      const each = (i: number) => {
        const leases = new Map<Vnet, { release(): void }>();
        return {
          subsystem: SI_SUB_PROTO_DOMAIN,
          order: i,
          init: (v: Vnet): number | void => {
            const errno = fail();
            if (errno !== undefined) return errno;
            leases.set(v, v.ledger.take('pcb', name));
          },
          exit: (v: Vnet): void => leases.get(v)?.release(),
        };
      };
      const steps = Array.from({ length: plan.steps[n] as number }, (_, i) => i);
      return empty(name, {
        version,
        depends: [...new Set(needs)].filter((d) => d !== n).map((d) => need(`m${d}`, 1, 1, 1)),
        vnetVars: [V],
        sysctls: [sysctlInt<Vnet>({ name: `net.${name}.x`, descr: 'x', get: () => n })],
        sysinit: steps.map(once),
        vnetInit: steps.map(each),
      });
    });
  }

  const watch = (k: Kernel): unknown => ({
    ...(picture(k) as object),
    events: [0, 1, 2, 3, 4, 5].map((n) => k.events.count(new EventKey<[]>(`event ${n}`))),
    services: [0, 1, 2, 3, 4, 5].map((n) => k.tryService(new ServiceKey<number>(`service ${n}`))),
    heads: [0, 1, 2, 3, 4, 5].map((n) => [0, 1, 2].map((i) => k.hhooks.headLookup(100 + n, i, null) === null)),
    stats: k.sysinitStats().map((s) => `${s.module} ${s.subsystem}`),
  });

  it('is loaded whole, or leaves the kernel as it was', () => {
    let loaded = 0;
    let failed = 0;
    fc.assert(
      fc.property(plans, fc.boolean(), (plan, old) => {
        const { k, vnets } = lab();
        make(vnets, 'b');
        make(vnets, 'c');
        let step = 0;
        const all = modules(plan, () => step++ === plan.failAt, old ? 2 : 1);
        const good = modules(plan, () => false, 1);
        const before = watch(k);
        const r: KldResult = k.kldload(good[0] as ModuleDecl, all);
        if (r.errno !== 0) {
          failed++;
          expect(r.message).not.toBe('');
          expect(watch(k)).toEqual(before);
          return;
        }
        loaded++;
        for (const m of k.kldstat()) {
          if (m.name !== 'kernel') for (const v of k.vnets.list()) expect(v.ledger.report().some((row) => row.name === `${m.name}.v`)).toBe(true);
        }
        expect(k.kldunload('m0')).toEqual({ errno: 0, message: '' });
        expect(watch(k)).toEqual(before);
        expect(k.shutdown()).toEqual({ leftovers: [], problems: [] });
      }),
      { numRuns: 400 },
    );
    expect(Math.min(loaded, failed)).toBeGreaterThan(50);
  });
});
