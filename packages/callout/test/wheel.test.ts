import { describe, expect, it } from 'vitest';
import { CALLOUT_BUDGET, Callout, CalloutWheel, VirtualClock } from '@ns/callout';

const SECOND = 1_000_000;
const HOUR = 3600 * SECOND;
/** What the wheel calls a tick, and where its levels begin: 32^n ticks. */
const TICK = 1024;

/** A wheel on a virtual clock that counts its alarms, with a log of what fired and when. */
class Bench {
  readonly clock: VirtualClock;
  readonly wheel: CalloutWheel;
  readonly log: string[] = [];
  alarmsSet = 0;

  constructor(startUs = 0, budget = CALLOUT_BUDGET) {
    this.clock = new VirtualClock(startUs);
    const set = this.clock.setAlarm.bind(this.clock);
    this.clock.setAlarm = (atUs, fire) => {
      this.alarmsSet++;
      set(atUs, fire);
    };
    this.wheel = new CalloutWheel(this.clock, budget);
  }

  callout(name: string, also?: () => void): Callout<string> {
    return new Callout((n: string) => {
      this.log.push(`${n}@${this.clock.nowUs()}`);
      also?.();
    }, name);
  }
}

describe('the host alarm', () => {
  it('T73 is not armed while nothing is pending: not at the start, not after firing, not after a stop', () => {
    const { clock, wheel } = new Bench();
    const c = new Callout(() => undefined, null);
    expect(clock.alarmUs).toBe(-1);
    wheel.reset(c, 500);
    expect(clock.alarmUs).toBe(500);
    wheel.stop(c);
    expect(clock.alarmUs).toBe(-1);
    wheel.reset(c, 500);
    clock.advance(SECOND);
    expect([clock.alarmUs, wheel.pending, wheel.nextDeadlineUs()]).toEqual([-1, 0, -1]);
  });

  it('T73 rings a few times in two hours for an idle connection, not at a rate', () => {
    const b = new Bench(12_345);
    b.wheel.reset(b.callout('keep'), 2 * HOUR);
    b.clock.advance(3 * HOUR);
    expect(b.log).toEqual([`keep@${12_345 + 2 * HOUR}`]);
    expect(b.alarmsSet).toBe(1);
  });

  it('rings at most once an old deadline for a timer that is pushed ahead of itself', () => {
    const b = new Bench();
    const rexmt = b.callout('rexmt');
    for (let i = 0; i < 10_000; i++) {
      b.wheel.reset(rexmt, 200_000);
      b.clock.advance(100);
    }
    expect(b.log).toEqual([]);
    expect(b.alarmsSet).toBeLessThanOrEqual(6);
  });

  it('does not move for a stop while others are pending, and is right again after it has rung', () => {
    const b = new Bench();
    const soon = b.callout('soon');
    b.wheel.reset(b.callout('late'), HOUR);
    b.wheel.reset(soon, 1000);
    b.wheel.stop(soon);
    expect(b.clock.alarmUs).toBe(1000);
    b.clock.advance(1000);
    expect(b.clock.alarmUs).toBe(HOUR);
  });

  it('may ring early: nothing fires and it is set again', () => {
    const b = new Bench();
    b.wheel.reset(b.callout('a'), HOUR);
    expect(b.wheel.run()).toBe(0);
    expect([b.clock.alarmUs, b.log.length]).toEqual([HOUR, 0]);
  });
});

describe('order', () => {
  it('is by deadline, then by arming, whatever slots they came from', () => {
    const b = new Bench();
    // Armed from afar, so it comes down through two levels; the second is filed directly beside it; the third is earlier.
    b.wheel.reset(b.callout('far'), 40_000 * TICK);
    b.clock.advance(40_000 * TICK - 20);
    b.wheel.reset(b.callout('near'), 20);
    b.wheel.reset(b.callout('first'), 19);
    b.clock.advance(20);
    expect(b.log.map((l) => l.split('@')[0])).toEqual(['first', 'far', 'near']);
  });

  it('counts the last arming of a callout that was armed again for the same moment', () => {
    const b = new Bench();
    const a = b.callout('a');
    b.wheel.reset(a, 5000);
    b.wheel.reset(b.callout('b'), 5000);
    b.wheel.reset(a, 5000);
    b.clock.advance(5000);
    expect(b.log).toEqual(['b@5000', 'a@5000']);
  });

  it('holds where slots of two levels begin at one tick, one filed from a cursor that stood still for long', () => {
    const b = new Bench();
    const at = 32_768 * TICK;
    b.wheel.reset(b.callout('level 3'), at);
    b.wheel.reset(b.callout('level 0'), TICK);
    b.clock.advance(at - 1);
    b.wheel.reset(b.callout('level 2'), 1);
    b.clock.advance(1);
    expect(b.log).toEqual([`level 0@${TICK}`, `level 3@${at}`, `level 2@${at}`]);
  });

  it.each([1, TICK - 1, TICK, 32 * TICK - 1, 32 * TICK, 1024 * TICK, 2 ** 30 * TICK - 1, 2 ** 30 * TICK, 2 ** 31 * TICK + 7, 365 * 24 * HOUR])('is exact for a delay of %d us', (delay) => {
    for (const start of [0, 1, TICK * 31 + 1000, TICK * 1023, 2 ** 32 * TICK + 5]) {
      const b = new Bench(start);
      b.wheel.reset(b.callout('c'), delay);
      expect(b.wheel.nextDeadlineUs()).toBe(start + delay);
      b.clock.runUntilIdle();
      expect(b.log).toEqual([`c@${start + delay}`]);
    }
  });
});

describe('reset', () => {
  it.each([0, -5, 0.5, Number.NaN])('takes a delay of %d for one microsecond', (delay) => {
    const b = new Bench(100);
    b.wheel.reset(b.callout('c'), delay);
    b.clock.advance(10);
    expect(b.log).toEqual(['c@101']);
  });

  it('moves a pending callout in either direction, and it fires once', () => {
    const b = new Bench();
    const c = b.callout('c');
    b.wheel.reset(c, 2000);
    b.wheel.reset(c, HOUR);
    b.wheel.reset(c, 30);
    expect([b.wheel.pending, c.deadlineUs, b.clock.alarmUs]).toEqual([1, 30, 30]);
    b.clock.advance(2 * HOUR);
    expect(b.log).toEqual(['c@30']);
    expect([c.pending, c.deadlineUs]).toEqual([false, Infinity]);
  });

  it('does not lose a callout that a nearer one hides when it is armed for later', () => {
    const b = new Bench();
    const moved = b.callout('moved');
    b.wheel.reset(moved, 3 * TICK);
    b.wheel.reset(b.callout('other'), 7 * TICK);
    b.wheel.reset(moved, 30 * 24 * HOUR);
    expect(b.wheel.nextDeadlineUs()).toBe(7 * TICK);
    b.clock.advance(HOUR);
    expect(b.log).toEqual([`other@${7 * TICK}`]);
    b.clock.runUntilIdle();
    expect(b.log[1]).toBe(`moved@${30 * 24 * HOUR}`);
  });
});

describe('stop', () => {
  it('is true for a pending callout, and a harmless false before arming, after stopping and after firing', () => {
    const b = new Bench();
    const c = b.callout('c');
    expect(b.wheel.stop(c)).toBe(false);
    b.wheel.reset(c, 10);
    expect([b.wheel.stop(c), b.wheel.stop(c)]).toEqual([true, false]);
    b.wheel.reset(c, 10);
    b.clock.advance(10);
    expect([b.log.length, b.wheel.stop(c), b.wheel.pending]).toEqual([1, false, 0]);
  });
});

describe('inside a callout', () => {
  it('it is no longer pending and may arm itself', () => {
    const b = new Bench();
    const c: Callout<string> = b.callout('c', () => {
      expect(c.pending).toBe(false);
      if (b.log.length < 4) b.wheel.reset(c, 250);
    });
    b.wheel.reset(c, 250);
    b.clock.runUntilIdle();
    expect(b.log).toEqual(['c@250', 'c@500', 'c@750', 'c@1000']);
  });

  it('others due in the same run can be stopped or put off', () => {
    const b = new Bench();
    const stopped = b.callout('stopped');
    const putOff = b.callout('put off');
    const killer = b.callout('killer', () => {
      expect(b.wheel.stop(stopped)).toBe(true);
      b.wheel.reset(putOff, 3);
    });
    for (const c of [killer, stopped, putOff]) b.wheel.reset(c, 100);
    b.wheel.reset(b.callout('last'), 102);
    b.clock.advance(SECOND);
    expect(b.log).toEqual(['killer@100', 'last@102', 'put off@103']);
  });

  it('arming with no delay does not fire in the same run', () => {
    const b = new Bench();
    const c: Callout<string> = b.callout('c', () => b.wheel.reset(c, 0));
    b.wheel.reset(c, 1);
    b.clock.advance(3);
    expect(b.log).toEqual(['c@1', 'c@2', 'c@3']);
  });

  it('run() does nothing, and moving the virtual clock is refused', () => {
    const b = new Bench();
    const c = b.callout('c', () => {
      expect(b.wheel.run()).toBe(0);
      b.clock.advance(10);
    });
    b.wheel.reset(c, 5);
    b.wheel.reset(b.callout('d'), 5);
    expect(() => b.clock.advance(5)).toThrow('from inside an alarm');
    b.clock.advance(0);
    expect(b.log).toEqual(['c@5', 'd@5']);
  });

  it('an exception passes through and leaves the others armed', () => {
    const b = new Bench();
    b.wheel.reset(b.callout('a', () => { throw new Error('broken'); }), 10);
    b.wheel.reset(b.callout('b'), 10);
    b.wheel.reset(b.callout('c'), 20);
    expect(() => b.clock.advance(10)).toThrow('broken');
    expect([b.wheel.pending, b.clock.alarmUs]).toEqual([2, 10]);
    b.clock.advance(10);
    expect(b.log).toEqual(['a@10', 'b@10', 'c@20']);
  });
});

describe('the budget', () => {
  it('ends a run and rings again at once', () => {
    const b = new Bench(0, 3);
    for (let i = 0; i < 7; i++) b.wheel.reset(b.callout(`c${i}`), 10);
    expect(b.clock.step()).toBe(true);
    expect([b.log.length, b.wheel.pending, b.clock.alarmUs, b.wheel.nextDeadlineUs()]).toEqual([3, 4, 10, 10]);
    b.clock.step();
    b.clock.step();
    expect([b.log.length, b.clock.alarmUs, b.clock.nowUs()]).toEqual([7, -1, 10]);
  });

  it('leaves callouts that can be stopped or armed for later between two runs', () => {
    const b = new Bench(0, 1);
    const [one, two, three] = [b.callout('1'), b.callout('2'), b.callout('3')];
    for (const c of [one, two, three]) b.wheel.reset(c, 10);
    b.clock.step();
    expect(b.wheel.stop(two)).toBe(true);
    b.wheel.reset(three, 5);
    b.wheel.reset(b.callout('4'), 2);
    b.clock.advance(100);
    expect(b.log).toEqual(['1@10', '4@12', '3@15']);
  });

  it('with all that a run left over stopped, the alarm follows the rest', () => {
    const b = new Bench(0, 1);
    const two = b.callout('2');
    b.wheel.reset(b.callout('1'), 10);
    b.wheel.reset(two, 10);
    b.clock.step();
    b.wheel.stop(two);
    expect(b.clock.alarmUs).toBe(-1);
  });
});

describe('scale', () => {
  it('50,000 two-hour timers, all pushed ahead as segments come, ring seldom and fire in order', () => {
    const b = new Bench();
    let fired = 0;
    let last = 0;
    const keep = Array.from({ length: 50_000 }, () => new Callout(() => {
      expect(b.clock.nowUs()).toBeGreaterThanOrEqual(last);
      last = b.clock.nowUs();
      fired++;
    }, null));
    for (const c of keep) b.wheel.reset(c, 2 * HOUR);
    for (let t = 0; t < 120; t++) {
      b.clock.advance(59 * SECOND);
      for (let i = t; i < keep.length; i += 120) b.wheel.reset(keep[i]!, 2 * HOUR);
    }
    expect([fired, b.wheel.pending]).toEqual([0, 50_000]);
    expect(b.alarmsSet).toBeLessThan(50);
    b.clock.runUntilIdle();
    expect([fired, b.clock.nowUs()]).toEqual([50_000, 120 * 59 * SECOND + 2 * HOUR]);
  });

  it('more callouts in one tick than are looked at for the alarm', () => {
    const b = new Bench();
    for (let i = 99; i >= 0; i--) b.wheel.reset(b.callout(`${i}`), 100 * TICK + i);
    b.clock.runUntilIdle();
    expect(b.log).toEqual(Array.from({ length: 100 }, (_, i) => `${i}@${100 * TICK + i}`));
  });
});

describe('ticks', () => {
  it('counts milliseconds and wraps as an int32', () => {
    const { clock, wheel } = new Bench(1_999);
    expect([wheel.nowUs(), wheel.ticks()]).toEqual([1_999, 1]);
    clock.advanceTo(0x7fffffff * 1000);
    const before = wheel.ticks();
    clock.advance(2000);
    expect([before, wheel.ticks(), (wheel.ticks() - before) | 0]).toEqual([0x7fffffff, -0x7fffffff, 2]);
  });
});
