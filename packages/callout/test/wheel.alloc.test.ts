import { expect, it } from 'vitest';
import { Callout, CalloutWheel, VirtualClock } from '@ns/callout';

/** Times past 2^31, as after 36 minutes of running: they no longer fit a small integer. */
const START = 2 ** 33;
const CALLS = 100_000;

const gc = (globalThis as { gc?: () => void }).gc;

/** Fewest heap bytes that `CALLS` calls of `f` left behind in some rounds: the last ones run compiled. */
function allocated(f: (i: number) => void): number {
  const loop = (): void => {
    for (let i = 0; i < CALLS; i++) f(i);
  };
  let fewest = Infinity;
  for (let round = 0; round < 40; round++) {
    gc?.();
    const before = process.memoryUsage().heapUsed;
    loop();
    fewest = Math.min(fewest, process.memoryUsage().heapUsed - before);
  }
  return fewest;
}

it.runIf(gc !== undefined)('reset and stop allocate nothing', () => {
  const wheel = new CalloutWheel(new VirtualClock(START));
  const callouts = Array.from({ length: 64 }, (_, i) => new Callout(() => undefined, i));
  // A time that is boxed would cost 16 bytes a call.
  const budget = CALLS * 2;
  expect(allocated((i) => wheel.reset(callouts[i & 63] as Callout<number>, 200_000 + i))).toBeLessThan(budget);
  expect(
    allocated((i) => {
      const c = callouts[i & 63] as Callout<number>;
      if ((i & 7) === 3) wheel.stop(c);
      else wheel.reset(c, 1 + ((i * 7919) & 0xfffff));
    }),
  ).toBeLessThan(budget);
});

it.runIf(gc !== undefined)('a pending two-hour timer costs its object and its closure-free argument', () => {
  const wheel = new CalloutWheel(new VirtualClock(START));
  const n = 50_000;
  const keep = new Array<Callout<number>>(n);
  const fn = (): undefined => undefined;
  gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < n; i++) keep[i] = new Callout<number>(fn, i);
  gc?.();
  const made = process.memoryUsage().heapUsed;
  for (let i = 0; i < n; i++) wheel.reset(keep[i] as Callout<number>, 7_200_000_000);
  gc?.();
  const armed = process.memoryUsage().heapUsed;
  expect((made - before) / n).toBeLessThan(112);
  expect((armed - made) / n).toBeLessThan(16); // less than a boxed number each
  expect(wheel.pending).toBe(n);
});
