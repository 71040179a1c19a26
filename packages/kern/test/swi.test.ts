import { describe, expect, it } from 'vitest';
import { HHOOK_TYPE_TCP, hhookRun, Kernel, Swi, virtualHost } from '../src/index.ts';
import { ALLOC_ROUNDS, allocated } from './helpers.ts';

/** A handler over a queue of pieces of work, which it logs. */
function worker(log: string[], name: string): { queue: number; handler: (budget: number) => number } {
  const w = {
    queue: 0,
    handler: (budget: number): number => {
      const n = Math.min(budget, w.queue);
      w.queue -= n;
      log.push(`${name}${n}`);
      return n;
    },
  };
  return w;
}

describe('Swi', () => {
  it('runs what was scheduled, once, in order of registration, from the host', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    const log: string[] = [];
    const a = worker(log, 'a');
    const b = worker(log, 'b');
    const ia = swi.register('a', a.handler);
    const ib = swi.register('b', b.handler);
    a.queue = b.queue = 1;
    for (let i = 0; i < 100; i++) {
      swi.schedule(ib);
      swi.schedule(ia);
    }
    expect(host.pending).toBe(1);
    expect(log).toEqual([]);
    host.settle();
    expect(log).toEqual(['a1', 'b1']);
    expect(swi.busy).toBe(false);
    expect(swi.list()).toEqual(['a', 'b']);
  });

  it('gives each a slice in turn, and the host its turn when the budget is spent', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    swi.budget = 100;
    swi.slice = 30;
    const log: string[] = [];
    const a = worker(log, 'a');
    const b = worker(log, 'b');
    swi.register('a', a.handler);
    swi.register('b', b.handler);
    a.queue = 90;
    b.queue = 35;
    swi.schedule(0);
    swi.schedule(1);
    swi.run();
    expect(log).toEqual(['a30', 'b30', 'a30', 'b5', 'a5']);
    expect(host.pending).toBe(1); // armed by schedule; the rest waits for the host
    log.length = 0;
    host.settle();
    expect(log).toEqual(['a25']);
    expect(a.queue + b.queue).toBe(0);
  });

  it('starves none of many busy handlers', () => {
    const swi = new Swi(() => {});
    swi.budget = 256;
    const turns = new Array<number>(20).fill(0);
    for (let i = 0; i < turns.length; i++) {
      swi.register(String(i), (budget) => (turns[i] = (turns[i] as number) + 1, budget));
      swi.schedule(i);
    }
    for (let run = 0; run < 50; run++) swi.run();
    expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(1);
  });

  it('does what a handler schedules in the same run, but does not recurse', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    let depth = 0;
    let deepest = 0;
    let left = 1000;
    const id = swi.register('loop', () => {
      depth++;
      deepest = Math.max(deepest, depth);
      if (--left > 0) swi.schedule(id);
      swi.drain(); // inside a run: nothing
      swi.run();
      depth--;
      return 1;
    });
    swi.schedule(id);
    host.settle();
    expect(left).toBe(0);
    expect(deepest).toBe(1);
    expect(swi.runs).toBeGreaterThan(1); // more than one budget
  });

  it('always ends a run, even of handlers that do nothing and come again', () => {
    let deferred = 0;
    const swi = new Swi(() => deferred++);
    let calls = 0;
    const id = swi.register('idle', () => {
      calls++;
      swi.schedule(id);
      return 0;
    });
    swi.schedule(id);
    swi.run();
    expect(calls).toBe(swi.budget);
    expect(deferred).toBe(1);
  });

  it('drains at once, beyond one budget', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    const log: string[] = [];
    const a = worker(log, 'a');
    swi.register('a', a.handler);
    a.queue = 10_000;
    swi.schedule(0);
    swi.drain();
    expect(a.queue).toBe(0);
    log.length = 0;
    host.settle();
    expect(log).toEqual([]);
  });

  it('forgets a handler that is deregistered, also by another one in the same run, and never gives its id away', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    const log: string[] = [];
    const ia = swi.register('a', () => {
      log.push('a');
      swi.deregister(ib);
      return 1;
    });
    const ib: number = swi.register('b', () => (log.push('b'), 1));
    swi.schedule(ia);
    swi.schedule(ib);
    host.settle();
    swi.schedule(ib);
    swi.deregister(ib);
    expect(swi.busy).toBe(false);
    host.settle();
    expect(log).toEqual(['a']);
    expect(swi.register('c', () => 0)).toBe(2);
    expect(swi.list()).toEqual(['a', 'c']);
  });

  it('goes on after a handler that throws', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    const log: string[] = [];
    swi.register('bad', () => {
      throw new Error('broken invariant');
    });
    swi.register('good', () => (log.push('good'), 1));
    swi.schedule(0);
    swi.schedule(1);
    expect(() => host.settle()).toThrow('broken invariant');
    host.settle();
    expect(log).toEqual(['good']);
  });

  it('serves more handlers than it began with room for, and none after stop', () => {
    const host = virtualHost();
    const swi = new Swi((fn) => host.defer(fn));
    const ran = new Set<number>();
    for (let i = 0; i < 100; i++) swi.register(String(i), () => (ran.add(i), 1));
    for (let i = 0; i < 100; i++) swi.schedule(i);
    host.settle();
    expect(ran.size).toBe(100);
    swi.schedule(1);
    swi.stop();
    ran.clear();
    host.settle();
    expect(ran.size).toBe(0);
  });
});

describe('on the packet path', () => {
  const N = 20_000;
  /** What the measuring itself costs, and a little more: less than one byte for each of N rounds. */
  const NOISE = 16_384;

  it('scheduling and running allocate nothing', async () => {
    const swi = new Swi(() => {});
    let work = 0;
    const id = swi.register('work', (budget) => (work++, budget < 1 ? 0 : 1));
    const other = swi.register('other', () => 1);
    const rounds = (): void => {
      for (let i = 0; i < N; i++) {
        swi.schedule(id);
        swi.schedule(other);
        swi.schedule(id);
        swi.run();
      }
    };
    rounds();
    rounds();
    expect(await allocated(rounds)).toBeLessThan(NOISE);
    expect(work).toBe((2 + ALLOC_ROUNDS) * N);
  });

  it('accounts and hook points allocate nothing', async () => {
    const k = new Kernel(virtualHost());
    const head = k.hhooks.headRegister(HHOOK_TYPE_TCP, 0, null);
    if (head === null) throw new Error('no head');
    let ran = 0;
    k.hhooks.addHook({ type: HHOOK_TYPE_TCP, id: 0, owner: 'x', udata: null, func: () => void ran++ });
    const account = k.ledger.account('pcb', 'x');
    const rounds = (): void => {
      for (let i = 0; i < N; i++) {
        account.take();
        if (head.nhooks > 0) hhookRun(head, account, null);
        account.release();
      }
    };
    rounds();
    rounds();
    expect(await allocated(rounds)).toBeLessThan(NOISE);
    expect(ran).toBe((2 + ALLOC_ROUNDS) * N);
  });
});
