import { bench, describe } from 'vitest';
import { Callout, CalloutWheel, VirtualClock } from '@ns/callout';

/* `npx vitest bench packages/callout`: each sample is a batch of BATCH calls, so divide. */

const BATCH = 10_000;
/** Times that no longer fit a small integer, as after an hour of running. */
const START = 2 ** 33;

function timers(n: number): { wheel: CalloutWheel; clock: VirtualClock; c: Callout<number>[] } {
  const clock = new VirtualClock(START);
  return { clock, wheel: new CalloutWheel(clock), c: Array.from({ length: n }, (_, i) => new Callout<number>(() => undefined, i)) };
}

describe(`x ${BATCH}`, () => {
  const a = timers(1024);
  bench('reset to a later time (each TCP segment)', () => {
    for (let i = 0; i < BATCH; i++) a.wheel.reset(a.c[i & 1023] as Callout<number>, 200_000 + i);
  });

  const b = timers(1024);
  bench('reset to any time', () => {
    for (let i = 0; i < BATCH; i++) b.wheel.reset(b.c[i & 1023] as Callout<number>, 1 + ((i * 7919) & 0xfffff));
  });

  const c = timers(1024);
  c.wheel.reset(c.c[0] as Callout<number>, 7_200_000_000);
  bench('reset, stop', () => {
    for (let i = 0; i < BATCH; i++) {
      const one = c.c[1 + (i & 511)] as Callout<number>;
      c.wheel.reset(one, 40_000);
      c.wheel.stop(one);
    }
  });

  const d = timers(BATCH);
  bench('reset, fire, all at their own microsecond', () => {
    for (let i = 0; i < BATCH; i++) d.wheel.reset(d.c[i] as Callout<number>, 1 + ((i * 7919) % 1_000_000));
    d.clock.advance(1_000_001);
  });
});
