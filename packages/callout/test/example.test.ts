import { expect, it } from 'vitest';
import { Callout, CalloutWheel, VirtualClock } from '@ns/callout';

it('the example of the documentation', () => {
  const clock = new VirtualClock();
  const wheel = new CalloutWheel(clock);
  const fired: number[] = [];
  const rexmt = new Callout((_name: string) => fired.push(clock.nowUs()), 'rexmt');
  wheel.reset(rexmt, 200_000);
  wheel.reset(rexmt, 300_000);
  clock.advance(1_000_000);
  expect([fired, clock.alarmUs]).toEqual([[300_000], -1]);
});
