import type { CallNode, ScriptEvent } from '../lang/ast.ts';
import type { Attempt, CallDone } from '../sys/process.ts';
import type { Machine } from './machine.ts';

/** A blocking call that runs beside the script. */
export interface PendingCall {
  readonly event: ScriptEvent;
  readonly call: CallNode;
  readonly attempt: Attempt;
  /** When it is to end, µs of the kernel's clock, and how exactly. */
  readonly endUs: number;
  readonly toleranceUs: number;
}

/** Longest wait for a packet whose time the script leaves open, and for a call to return, µs. */
export const PATIENCE_US: number = 3_600_000_000;
/** Alarms in one wait after which something arms itself for ever. */
const STEPS_MAX = 2_000_000;

/**
 * Moves the machine's clock, alarm by alarm, and asks the call that is pending after each step.
 * Nothing else moves it: what the script does takes no time.
 */
export class ScriptClock {
  private readonly machine: Machine;
  /** The call beside the script; null when there is none. */
  pending: PendingCall | null;
  /** Told when it returns. Throws if it should not have. */
  private readonly onDone: (p: PendingCall, d: CallDone) => void;

  constructor(machine: Machine, onDone: (p: PendingCall, d: CallDone) => void) {
    this.machine = machine;
    this.pending = null;
    this.onDone = onDone;
  }

  get nowUs(): number {
    return this.machine.nowUs;
  }

  /** Runs what is due now. */
  settle(): void {
    this.machine.host.settle();
    const p = this.pending;
    if (p === null) return;
    const d = p.attempt.poll();
    if (d === null) return;
    this.machine.host.settle();
    this.pending = null;
    this.onDone(p, d);
  }

  /** Moves to `us`; what is due then has happened. */
  advanceTo(us: number): void {
    this.until(() => false, us);
  }

  /**
   * Moves from alarm to alarm until `pred` holds: true. False at `limitUs`, where the clock then stands; it moves no further than the last alarm when `stayAtEnd` is set
   * and none is left.
   */
  until(pred: () => boolean, limitUs: number, stayAtEnd: boolean = false, wakeUs: number = Infinity): boolean {
    const { clock } = this.machine.host;
    this.settle();
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      if (pred()) return true;
      const limit = Math.max(this.nowUs, Math.min(limitUs, this.pending?.attempt.wakeUs ?? Infinity, wakeUs));
      if (!clock.step(limit)) {
        if (stayAtEnd && limit === limitUs && clock.nextAlarmUs < 0) return false;
        if (limit <= this.nowUs && limit >= limitUs) return false;
        clock.advanceTo(limit);
        if (limit >= limitUs) {
          this.settle();
          return pred();
        }
      }
      this.settle();
    }
    throw new Error(`still busy after ${STEPS_MAX} alarms`);
  }
}
