import type { Clock } from './clock.ts';

/** Alarms that `runUntilIdle` answers before it concludes that they never end. */
const RUNAWAY = 10_000_000;

/** One alarm on a virtual time. */
class Alarm {
  atUs: number = Infinity;
  /** Order of arming, for alarms at the same time. */
  seq: number = 0;
  fire: (() => void) | null = null;
}

/** A time that several clocks share. */
class Timeline {
  nowUs: number = 0;
  readonly wallOffsetUs: number;
  readonly alarms: Alarm[];
  seq: number;
  stepping: boolean;

  constructor(startUs: number, wallStartUs: number) {
    this.nowUs = startUs;
    this.wallOffsetUs = wallStartUs - startUs;
    this.alarms = [];
    this.seq = 0;
    this.stepping = false;
  }

  next(): Alarm | null {
    let first: Alarm | null = null;
    for (const a of this.alarms) {
      if (a.fire === null) continue;
      if (first === null || a.atUs < first.atUs || (a.atUs === first.atUs && a.seq < first.seq)) first = a;
    }
    return first;
  }
}

/**
 * A clock that stands still until it is told to move, then moves from alarm to alarm: the same program sees the same times in each run.
 *
 * Moving it from inside an alarm's function throws.
 * @public
 */
export class VirtualClock implements Clock {
  private readonly time: Timeline;
  private readonly alarm: Alarm;

  /**
   * @param startUs - first value of `nowUs`; integer microseconds
   * @param wallStartUs - first value of `wallUs`, by default 0 (1970-01-01T00:00Z)
   */
  constructor(startUs: number = 0, wallStartUs: number = 0) {
    this.time = new Timeline(startUs, wallStartUs);
    this.alarm = new Alarm();
    this.time.alarms.push(this.alarm);
  }

  /** {@inheritDoc Clock.nowUs} */
  nowUs(): number {
    return this.time.nowUs;
  }

  /** {@inheritDoc Clock.wallUs} */
  wallUs(): number {
    return this.time.nowUs + this.time.wallOffsetUs;
  }

  /** {@inheritDoc Clock.setAlarm} */
  setAlarm(atUs: number, fire: () => void): void {
    arm(this.time, this.alarm, atUs, fire);
  }

  /** {@inheritDoc Clock.clearAlarm} */
  clearAlarm(): void {
    this.alarm.fire = null;
  }

  /** When this clock's own alarm rings, or -1 if it is not armed. */
  get alarmUs(): number {
    return this.alarm.fire === null ? -1 : this.alarm.atUs;
  }

  /** When the next alarm of this time rings, those of its siblings included, or -1 if none is armed. */
  get nextAlarmUs(): number {
    const next = this.time.next();
    return next === null ? -1 : next.atUs;
  }

  /** Another clock on the same time with an alarm of its own: for a second kernel in the same lab. Alarms for the same moment ring in the order in which they were set. */
  sibling(): Clock {
    const time = this.time;
    const alarm = new Alarm();
    time.alarms.push(alarm);
    return {
      nowUs: () => time.nowUs,
      wallUs: () => time.nowUs + time.wallOffsetUs,
      setAlarm: (atUs, fire) => {
        arm(time, alarm, atUs, fire);
      },
      clearAlarm: () => {
        alarm.fire = null;
      },
    };
  }

  /**
   * Moves to the next alarm and rings it, if it comes no later than `limitUs` (a time, not a duration). False, and nothing moves, if there is none.
   */
  step(limitUs: number = Infinity): boolean {
    const time = this.time;
    if (time.stepping) throw new Error('VirtualClock moved from inside an alarm');
    const a = time.next();
    if (a === null || a.atUs > limitUs || a.fire === null) return false;
    if (a.atUs > time.nowUs) time.nowUs = a.atUs;
    const fire = a.fire;
    a.fire = null;
    time.stepping = true;
    try {
      fire();
    } finally {
      time.stepping = false;
    }
    return true;
  }

  /** Moves `us` microseconds ahead, ringing each alarm on the way at its own time, also those that are set meanwhile. */
  advance(us: number): void {
    this.advanceTo(this.time.nowUs + us);
  }

  /** Moves to `us`, ringing each alarm on the way; a time in the past rings what is overdue and leaves the clock where it is. */
  advanceTo(us: number): void {
    while (this.step(Math.max(us, this.time.nowUs)));
    if (us > this.time.nowUs) this.time.nowUs = us;
  }

  /**
   * Moves from alarm to alarm until none is armed: true. False when the next one lies after `limitUs` (a time, not a duration); the clock then stands at the last one that rang.
   * Throws after ten million alarms, which without a limit means that something arms itself for ever.
   */
  runUntilIdle(limitUs: number = Infinity): boolean {
    for (let rung = 0; this.step(limitUs); rung++) {
      if (rung === RUNAWAY) throw new Error(`VirtualClock still busy after ${RUNAWAY} alarms, at ${this.time.nowUs} us`);
    }
    return this.time.next() === null;
  }
}

function arm(time: Timeline, alarm: Alarm, atUs: number, fire: () => void): void {
  alarm.atUs = atUs;
  alarm.seq = time.seq++;
  alarm.fire = fire;
}
