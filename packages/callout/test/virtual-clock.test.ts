import { describe, expect, it } from 'vitest';
import { Callout, CalloutWheel, VirtualClock } from '@ns/callout';

describe('VirtualClock', () => {
  it('stands still until it is moved, wall clock beside it', () => {
    const clock = new VirtualClock(1000, 1_700_000_000_000_000);
    expect([clock.nowUs(), clock.wallUs(), clock.alarmUs]).toEqual([1000, 1_700_000_000_000_000, -1]);
    clock.advance(25);
    expect([clock.nowUs(), clock.wallUs()]).toEqual([1025, 1_700_000_000_000_025]);
  });

  it('rings on the way at the time of each alarm, those set meanwhile included', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const ring = (): void => {
      seen.push(clock.nowUs());
      if (seen.length < 3) clock.setAlarm(clock.nowUs() + 10, ring);
    };
    clock.setAlarm(10, ring);
    clock.advance(100);
    expect([seen, clock.nowUs()]).toEqual([[10, 20, 30], 100]);
  });

  it('keeps one alarm: a later one replaces it, clearAlarm removes it', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.setAlarm(10, () => seen.push('old'));
    clock.setAlarm(20, () => seen.push('new'));
    clock.advance(30);
    clock.setAlarm(40, () => seen.push('cleared'));
    clock.clearAlarm();
    clock.advance(30);
    expect(seen).toEqual(['new']);
  });

  it('rings for a time in the past when next moved, never inside setAlarm', () => {
    const clock = new VirtualClock(100);
    let rung = 0;
    clock.setAlarm(5, () => rung++);
    expect(rung).toBe(0);
    clock.advance(0);
    expect([rung, clock.nowUs()]).toEqual([1, 100]);
  });

  it('step() goes to one alarm within its limit', () => {
    const clock = new VirtualClock();
    clock.setAlarm(10, () => undefined);
    expect([clock.step(9), clock.nowUs(), clock.step(10), clock.nowUs(), clock.step()]).toEqual([false, 0, true, 10, false]);
  });

  it('runUntilIdle() stops at the limit, or when nothing is armed', () => {
    const clock = new VirtualClock();
    const wheel = new CalloutWheel(clock);
    const again: Callout<null> = new Callout(() => wheel.reset(again, 1000), null);
    wheel.reset(again, 1000);
    expect([clock.runUntilIdle(4500), clock.nowUs()]).toEqual([false, 4000]);
    wheel.stop(again);
    expect([clock.runUntilIdle(), clock.nowUs()]).toEqual([true, 4000]);
  });

  it('gives each sibling an alarm of its own, rung in order of time, then of setting', () => {
    const clock = new VirtualClock();
    const wheels = [new CalloutWheel(clock.sibling()), new CalloutWheel(clock), new CalloutWheel(clock.sibling())];
    const log: string[] = [];
    wheels.forEach((w, i) => {
      w.reset(new Callout((n: number) => log.push(`${n}@${w.nowUs()}`), i), 50);
      w.reset(new Callout((n: number) => log.push(`${n}@${w.nowUs()}`), i), 40 - i);
    });
    expect(clock.nextAlarmUs).toBe(38);
    clock.advance(50);
    expect(log).toEqual(['2@38', '1@39', '0@40', '2@50', '1@50', '0@50']);
    expect(clock.nextAlarmUs).toBe(-1);
  });
});
