import { describe, expect, it } from 'vitest';
import { defineVnetVar, type Vnet } from '../src/index.ts';
import { empty, lab, make } from './helpers.ts';

const CALLS = 1 << 20;

/** Nanoseconds of one of `CALLS` steps of `fn`; the best of several runs. */
function ns(fn: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 9; i++) {
    const t0 = performance.now();
    fn();
    best = Math.min(best, ((performance.now() - t0) * 1e6) / CALLS);
  }
  return best;
}

/* `pnpm bench vnet` prints the figures; here are the bounds, wide enough for a busy machine. */
describe('access to a per-vnet variable', () => {
  it('V10 T131 costs what a module variable costs where an object holds it, and less than 500 ns by its key', () => {
    const { k, vnets } = lab();
    const V = defineVnetVar({ module: 'm', name: 'v', init: () => ({ hits: 0 }) });
    k.kldload(empty('m', { vnetVars: [V] }));
    const all: Vnet[] = [k.vnets.vnet0, make(vnets, 'a')];
    const plain = { hits: 0 };
    class Tp {
      readonly v: { hits: number };
      constructor(v: { hits: number }) {
        this.v = v;
      }
    }
    const tp = new Tp(V.get(all[1] as Vnet));
    const module = ns(() => {
      for (let i = 0; i < CALLS; i++) plain.hits++;
    });
    const held = ns(() => {
      for (let i = 0; i < CALLS; i++) tp.v.hits++;
    });
    const key = ns(() => {
      for (let i = 0; i < CALLS; i++) V.get(all[i & 1] as Vnet).hits++;
    });
    expect(plain.hits).toBe(9 * CALLS);
    expect(held).toBeLessThan(5 * module + 5);
    expect(key).toBeLessThan(500);
  });
});
