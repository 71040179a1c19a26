import { Callout } from './callout.ts';
import type { Clock } from './clock.ts';
import { firesBefore, push, sortByDeadline, unlink } from './list.ts';

/**
 * How many callouts one {@link CalloutWheel.run} calls before it lets the host do something else.
 * @public
 */
export const CALLOUT_BUDGET = 256;

/*
 * The wheel counts ticks of 1024 microseconds. Level L has 32 slots of 32^L ticks each:
 * 1 ms, 33 ms, 1 s, 34 s, 18 min, 9.5 h; the last level reaches 12.7 days, and what is due later waits there and is filed again.
 */
const TICK_US = 1024;
const LEVELS = 6;
const LEVEL_BITS = 5;
const SLOTS = 1 << LEVEL_BITS;
const SLOT_MASK = SLOTS - 1;
/** Ticks in one slot of each level. */
const SLOT_TICKS: readonly number[] = [1, 32, 1024, 32768, 1048576, 33554432];
/** Farthest tick, counted from the cursor, that has a slot of its own. */
const MAX_TICKS = 2 ** (LEVELS * LEVEL_BITS) - 1;

/** Callouts of a slot above level 0 that are looked at to set the alarm; past that the start of the slot has to do. */
const SCAN_LIMIT = 32;

/** `alarmUs` while run() works, so that nothing sets the alarm before the end. */
const ALARM_HELD = -1;

const tickOf = (us: number): number => Math.floor(us / TICK_US);

/**
 * All callouts of one kernel: a hierarchical timing wheel under a {@link Clock}.
 *
 * Callouts fire in order of deadline, equal deadlines in order of arming; deadlines are exact to the microsecond, whatever the slot.
 * Arming and stopping are O(1) and allocate nothing. To arm a pending callout for later, as TCP does for each segment, only stores the new deadline: the wheel finds
 * out when it comes to the old place. At most one alarm is set at the clock, none while nothing is pending.
 *
 * The alarm is moved earlier when it must be and never later, so it may ring with nothing to do; a timer that is pushed ahead of itself costs one such ring each time its old
 * deadline passes.
 *
 * Source: FreeBSD kern_timeout.c for the interface; Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 7.
 * @public
 */
export class CalloutWheel {
  /** Where time comes from. */
  readonly clock: Clock;
  private readonly budget: number;
  /** Heads of the lists, LEVELS x SLOTS. */
  private readonly slots: Callout<unknown>[];
  /** For each level, which slots may hold something. A bit may outlive the last callout of its slot. */
  private readonly filled: Int32Array;
  /** Head of the list of callouts that run() has sorted and will call next; empty outside run() unless the budget ended it. */
  private readonly due: Callout<unknown>;
  /** Tick up to which slots have been emptied; slots are numbered relative to it. */
  private cursor: number = 0;
  private armed: number = 0;
  private seq: number = 0;
  /** No later than the earliest deadline. Infinity: none. */
  private alarmUs: number = Infinity;
  /** What the clock's alarm is set to. Infinity: not set. */
  private hostUs: number = Infinity;
  /** Time of the batch in hand, -1 = none. */
  private heldUs: number = -1;
  private readonly onAlarm: () => void;

  /**
   * @param clock - where time and the one alarm come from; the wheel is its only user
   * @param budget - most callouts that one run() calls
   */
  constructor(clock: Clock, budget: number = CALLOUT_BUDGET) {
    this.clock = clock;
    this.budget = budget;
    this.slots = [];
    for (let i = 0; i < LEVELS * SLOTS; i++) this.slots.push(newHead());
    this.filled = new Int32Array(LEVELS);
    this.due = newHead();
    this.cursor = tickOf(clock.nowUs());
    this.onAlarm = (): void => {
      this.hostUs = Infinity;
      this.run();
    };
  }

  /** Callouts that are armed. */
  get pending(): number {
    return this.armed;
  }

  /** Microseconds since the clock was made, or the time that {@link CalloutWheel.hold} keeps. */
  nowUs(): number {
    return this.heldUs < 0 ? this.clock.nowUs() : this.heldUs;
  }

  /** Reads the clock once for all that happens until {@link CalloutWheel.release}: a batch of packets has one time. Called again, it reads it again. */
  hold(): void {
    this.heldUs = this.clock.nowUs();
  }

  /** Time goes on. */
  release(): void {
    this.heldUs = -1;
  }

  /** Milliseconds since the clock was made as an int32 that wraps after 24.8 days and again each 49.7: FreeBSD's `ticks` with hz = 1000. Subtract with `| 0`. */
  ticks(): number {
    return (this.nowUs() / 1000) | 0;
  }

  /**
   * Arms `c` to fire `delayUs` from now; one that is pending is armed anew and fires once.
   *
   * @param delayUs - finite; less than 1 counts as 1, so a callout that arms itself from its own function never fires twice in one run.
   * Source: callout_reset_sbt().
   */
  reset<T>(c: Callout<T>, delayUs: number): void {
    const now = this.nowUs();
    const at = now + (delayUs >= 1 ? delayUs : 1);
    c.seq = ++this.seq;
    // Later than before: it may stay where it is, except among those already sorted. Not pending is a deadline of Infinity.
    if (at >= c.deadlineUs && this.due.next === this.due) {
      c.deadlineUs = at;
      return;
    }
    const co = c as Callout<unknown>;
    if (co.next !== null) unlink(co);
    else if (this.armed++ === 0) this.cursor = tickOf(now); // empty: nothing to collect on the way
    co.deadlineUs = at;
    this.insert(co);
    if (at < this.alarmUs) this.setAlarm(at);
  }

  /** Disarms `c`. True if it was pending, false if it had fired or was never armed. Source: callout_stop(). */
  stop<T>(c: Callout<T>): boolean {
    const co = c as Callout<unknown>;
    if (co.next === null) return false;
    disarm(co);
    if (--this.armed === 0 && this.alarmUs !== ALARM_HELD) this.setAlarm(Infinity);
    return true;
  }

  /** Exact deadline of the callout that fires next, or -1. For displays and tests: with many callouts in one slot it looks at all of them. */
  nextDeadlineUs(): number {
    const next = this.earliest(Infinity);
    return next === Infinity ? -1 : next;
  }

  /**
   * Calls what is due, in order, and sets the alarm for the rest. Called by the alarm; a host that knows the time has come may call it at any moment.
   *
   * What is armed meanwhile does not fire in the same run. After {@link CALLOUT_BUDGET} calls it stops and sets the alarm for at once. An exception from a callout passes
   * through; the others stay armed. Called from inside a callout it does nothing.
   *
   * @returns how many callouts were called
   */
  run(): number {
    if (this.alarmUs === ALARM_HELD) return 0;
    this.alarmUs = ALARM_HELD;
    const now = this.clock.nowUs();
    const due = this.due;
    let fired = 0;
    try {
      do {
        for (let c = due.next as Callout<unknown>; c !== due; c = due.next as Callout<unknown>) {
          if (fired === this.budget) return fired;
          disarm(c);
          this.armed--;
          fired++;
          c.call();
        }
      } while (this.collect(now));
      return fired;
    } finally {
      this.setAlarm(this.earliest(SCAN_LIMIT));
    }
  }

  /** Files `c` by its deadline: the level by the distance from the cursor, the slot by the digits of the tick. */
  private insert(c: Callout<unknown>): void {
    let tick = tickOf(c.deadlineUs);
    let ahead = tick - this.cursor;
    if (ahead > MAX_TICKS) {
      ahead = MAX_TICKS;
      tick = this.cursor + MAX_TICKS;
    } else if (ahead < 0) {
      ahead = 0;
      tick = this.cursor;
    }
    const level = ahead < SLOTS ? 0 : ((31 - Math.clz32(ahead)) / LEVEL_BITS) | 0;
    const index = this.indexOf(level, tick);
    this.filled[level]! |= 1 << index;
    push(this.slots[level * SLOTS + index]!, c);
  }

  /**
   * Moves the cursor up to `now`, emptying the slots on the way, until callouts are due. They are then in `due`, sorted.
   * False when the cursor has arrived and nothing more is due.
   */
  private collect(now: number): boolean {
    const nowTick = tickOf(now);
    for (;;) {
      // Where the next slot that may hold something begins, and the levels that have one beginning there.
      let start = nowTick + 1;
      let levels = 0;
      for (let level = 0; level < LEVELS; level++) {
        const first = this.firstSlot(level);
        if (first < start) levels = 0;
        if (first <= start) {
          start = first;
          levels |= 1 << level;
        }
      }
      if (start > nowTick) {
        // The cursor may stand later already: time went on, and a callout of this run armed one when none was left.
        if (nowTick > this.cursor) this.cursor = nowTick;
        return false;
      }
      // All of them now: once the cursor stands here, what is in such a slot counts as due a turn later. Level 0 comes last, the others fill it.
      this.cursor = start;
      for (let level = 1; level < LEVELS; level++) if ((levels & (1 << level)) !== 0) this.cascade(level, start);
      if (this.expire(start, now)) return true;
      if (start === nowTick) return false;
    }
  }

  /** First tick of the first slot of `level` whose bit is set, Infinity if there is none. Level 0 counts from the cursor's own slot, the others from the one after it. */
  private firstSlot(level: number): number {
    const bits = this.filled[level]!;
    if (bits === 0) return Infinity;
    const ticks = SLOT_TICKS[level]!;
    const base = Math.floor(this.cursor / ticks) + (level > 0 ? 1 : 0);
    const shift = base & SLOT_MASK;
    const turned = (bits >>> shift) | (bits << (SLOTS - shift));
    return (base + (31 - Math.clz32(turned & -turned))) * ticks;
  }

  /** Which slot of `level` holds `tick`. */
  private indexOf(level: number, tick: number): number {
    return ((tick | 0) >>> (level * LEVEL_BITS)) & SLOT_MASK;
  }

  /** Files the callouts of a slot anew, now that the cursor stands at its start: they go down a level or more, those armed for later to wherever they belong. */
  private cascade(level: number, start: number): void {
    const index = this.indexOf(level, start);
    const head = this.slots[level * SLOTS + index]!;
    this.filled[level]! &= ~(1 << index);
    let c = head.next as Callout<unknown>;
    head.next = head;
    head.prev = head;
    while (c !== head) {
      const next = c.next as Callout<unknown>;
      this.insert(c);
      c = next;
    }
  }

  /** Moves what is due in the level 0 slot of `tick` to the list `due`, in order; what was armed for a later tick is filed there, the rest of a tick not yet over stays. */
  private expire(tick: number, now: number): boolean {
    const index = this.indexOf(0, tick);
    const head = this.slots[index]!;
    const due = this.due;
    let sorted = true;
    for (let c = head.next as Callout<unknown>; c !== head; ) {
      const next = c.next as Callout<unknown>;
      if (tickOf(c.deadlineUs) > tick) {
        unlink(c);
        this.insert(c);
      } else if (c.deadlineUs <= now) {
        unlink(c);
        if (due.prev !== due && firesBefore(c, due.prev as Callout<unknown>)) sorted = false;
        push(due, c);
      }
      c = next;
    }
    if (head.next === head) this.filled[0]! &= ~(1 << index);
    if (!sorted) sortByDeadline(due);
    return due.next !== due;
  }

  /**
   * Earliest deadline of all, Infinity if nothing is pending. A slot above level 0 with more than `limit` callouts counts with its start instead, which is earlier.
   * In each level the first slot that holds anything decides, apart from callouts met on the way that were armed for later: these are filed anew.
   */
  private earliest(limit: number): number {
    if (this.due.next !== this.due) return (this.due.next as Callout<unknown>).deadlineUs;
    let best = Infinity;
    for (let level = 0; level < LEVELS; level++) {
      for (let start = this.firstSlot(level); start !== Infinity; start = this.firstSlot(level)) {
        const index = this.indexOf(level, start);
        const head = this.slots[level * SLOTS + index]!;
        best = Math.min(best, this.scan(head, start + SLOT_TICKS[level]!, start, level > 0 ? limit : Infinity));
        if (head.next !== head) break;
        this.filled[level]! &= ~(1 << index);
      }
    }
    return best;
  }

  /** Earliest deadline in the slot of `head`, ticks [start, end); see earliest(). */
  private scan(head: Callout<unknown>, end: number, start: number, limit: number): number {
    let best = Infinity;
    let seen = 0;
    for (let c = head.next as Callout<unknown>; c !== head; seen++) {
      if (seen === limit) return Math.min(best, start * TICK_US);
      const next = c.next as Callout<unknown>;
      if (c.deadlineUs < best) best = c.deadlineUs;
      if (Math.min(tickOf(c.deadlineUs), this.cursor + MAX_TICKS) >= end) {
        unlink(c);
        this.insert(c);
      }
      c = next;
    }
    return best;
  }

  /** Sets the alarm to `us`; Infinity clears it. */
  private setAlarm(us: number): void {
    this.alarmUs = us;
    if (us === this.hostUs) return;
    this.hostUs = us;
    if (us === Infinity) this.clock.clearAlarm();
    else this.clock.setAlarm(us, this.onAlarm);
  }
}

/** Takes `c` out of its list and marks it as not pending. */
function disarm(c: Callout<unknown>): void {
  unlink(c);
  c.next = null;
  c.prev = null;
  c.deadlineUs = Infinity;
}

function newHead(): Callout<unknown> {
  const head = new Callout<unknown>(() => undefined, null);
  head.next = head;
  head.prev = head;
  return head;
}
