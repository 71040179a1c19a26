import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Callout, CalloutWheel, VirtualClock } from '@ns/callout';
import type { Clock } from '@ns/callout';

/** What a callout does when it fires, or a test between two steps. */
interface Op {
  readonly kind: 'reset' | 'stop';
  readonly target: number;
  readonly delay: number;
}
interface Firing {
  readonly id: number;
  readonly at: number;
}

/** The specification: a list that is searched for the smallest deadline, then the earliest arming. */
class SortedList {
  readonly armed: Map<number, { deadline: number; seq: number }> = new Map();
  private seq = 0;

  reset(id: number, now: number, delay: number): void {
    this.armed.set(id, { deadline: now + Math.max(1, delay), seq: this.seq++ });
  }

  stop(id: number): boolean {
    return this.armed.delete(id);
  }

  first(): { id: number; deadline: number } | null {
    const rows = [...this.armed].sort(([, a], [, b]) => a.deadline - b.deadline || a.seq - b.seq);
    const row = rows[0];
    return row ? { id: row[0], deadline: row[1].deadline } : null;
  }
}

/** A host that notices the time only now and then: between two looks the clock jumps. */
class LateClock implements Clock {
  private now = 0;
  private fire: (() => void) | null = null;
  alarmUs = -1;

  nowUs(): number {
    return this.now;
  }

  wallUs(): number {
    return this.now;
  }

  setAlarm(atUs: number, fire: () => void): void {
    this.alarmUs = atUs;
    this.fire = fire;
  }

  clearAlarm(): void {
    this.alarmUs = -1;
    this.fire = null;
  }

  jump(us: number): void {
    this.now += us;
    while (this.fire !== null && this.alarmUs <= this.now) {
      const fire = this.fire;
      this.clearAlarm();
      fire();
    }
  }
}

const IDS = 12;
/** Near the boundaries of ticks and slots, and often equal. */
const round = fc.tuple(fc.constantFrom(1, 32, 64, 1024, 32_768), fc.nat(3), fc.integer({ min: -1, max: 1 })).map(([ticks, n, off]) => ticks * n * 1024 + off);
const delay = fc.oneof(
  { weight: 3, arbitrary: round },
  { weight: 3, arbitrary: fc.nat(20) },
  fc.integer({ min: -1, max: 5 }),
  fc.nat(3000),
  fc.nat(200_000),
  fc.nat(50_000_000),
  fc.nat(7_300_000_000),
  fc.integer({ min: 1_099_000_000_000, max: 3_000_000_000_000 }),
);
const op: fc.Arbitrary<Op> = fc.record({ kind: fc.constantFrom('reset', 'reset', 'reset', 'stop'), target: fc.nat(IDS - 1), delay });
const scripts = fc.array(fc.array(fc.array(op, { maxLength: 2 }), { maxLength: 4 }), { minLength: IDS, maxLength: IDS });
const step = fc.oneof({ weight: 3, arbitrary: op }, { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), target: fc.constant(0), delay: fc.oneof(round.map((us) => Math.max(0, us)), fc.nat(10), fc.nat(2000), fc.nat(70_000), fc.nat(5_000_000), fc.nat(8_000_000_000)) }) });

/** Runs the same steps on wheel and list; `exact` says that the clock stops at each deadline. */
function compare(clock: Clock & { alarmUs: number }, move: (us: number) => void, exact: boolean, budget: number, plans: readonly (readonly (readonly Op[])[])[], steps: readonly (Op | { kind: 'advance'; delay: number })[]): void {
  const wheel = new CalloutWheel(clock, budget);
  const list = new SortedList();
  const got: Firing[] = [];
  const want: Firing[] = [];
  const turns: number[] = new Array<number>(IDS).fill(0);
  const modelTurns: number[] = new Array<number>(IDS).fill(0);
  const callouts: Callout<number>[] = [];
  const act = (o: Op): void => {
    if (o.kind === 'stop') wheel.stop(callouts[o.target]!);
    else wheel.reset(callouts[o.target]!, o.delay);
  };
  const fire = (id: number): void => {
    got.push({ id, at: clock.nowUs() });
    for (const o of plans[id]?.[turns[id]!++] ?? []) act(o);
  };
  for (let id = 0; id < IDS; id++) callouts.push(new Callout(fire, id));
  const advanceModel = (to: number): void => {
    for (let f = list.first(); f !== null && f.deadline <= to; f = list.first()) {
      const now = exact ? f.deadline : to;
      list.stop(f.id);
      want.push({ id: f.id, at: now });
      for (const o of plans[f.id]?.[modelTurns[f.id]!++] ?? []) {
        if (o.kind === 'stop') list.stop(o.target);
        else list.reset(o.target, now, o.delay);
      }
    }
  };
  for (const s of steps) {
    const now = clock.nowUs();
    if (s.kind === 'advance') {
      advanceModel(now + s.delay);
      move(s.delay);
    } else if (s.kind === 'stop') {
      expect(wheel.stop(callouts[s.target]!)).toBe(list.stop(s.target));
    } else {
      wheel.reset(callouts[s.target]!, s.delay);
      list.reset(s.target, now, s.delay);
    }
    expect(got).toEqual(want);
    const first = list.first()?.deadline ?? -1;
    expect(wheel.pending).toBe(list.armed.size);
    callouts.forEach((c, id) => expect(c.pending).toBe(list.armed.has(id)));
    if (first < 0) expect(clock.alarmUs).toBe(-1);
    else expect(clock.alarmUs >= 0 && clock.alarmUs <= first).toBe(true);
    // Looked at only now and then: it files moved callouts anew, and the wheel must do without.
    if (wheel.pending % 3 === 0) expect(wheel.nextDeadlineUs()).toBe(first);
  }
}

describe('CalloutWheel against a sorted list', () => {
  it('fires the same callouts in the same order at their exact deadlines', () => {
    fc.assert(
      fc.property(scripts, fc.array(step, { maxLength: 60, size: 'max' }), (plans, steps) => {
        const clock = new VirtualClock();
        compare(clock, (us) => clock.advance(us), true, 256, plans, steps);
      }),
      { numRuns: 250 },
    );
  });

  it('keeps the order when the host is late and the budget small', () => {
    fc.assert(
      fc.property(scripts, fc.array(step, { maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 4 }), (plans, steps, budget) => {
        const clock = new LateClock();
        compare(clock, (us) => clock.jump(us), false, budget, plans, steps);
      }),
      { numRuns: 250 },
    );
  });

  it('sorts any number of callouts in one tick', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1500), { minLength: 1, maxLength: 300 }), (delays) => {
        const clock = new VirtualClock(5000);
        const wheel = new CalloutWheel(clock);
        const fired: number[] = [];
        delays.forEach((d, i) => wheel.reset(new Callout((n: number) => fired.push(n), i), d));
        expect(clock.runUntilIdle()).toBe(true);
        const order = delays.map((d, i) => ({ at: Math.max(1, d), i })).sort((a, b) => a.at - b.at || a.i - b.i);
        expect(fired).toEqual(order.map((o) => o.i));
      }),
    );
  });
});
