import { Callout } from '@ns/callout';
import { type CommandCtx, PENDING } from '../shell/command.ts';
import { type Step, TIMED_OUT } from './run.ts';

/** Exit code of what the user interrupted. Source: sh(1), 128 + SIGINT. */
const INTERRUPTED = 130;

/** Runs the steps of a call: those that end at once one after the other, those that take time when they have ended. */
class Driver {
  private readonly ctx: CommandCtx;
  private readonly steps: Generator<Step, number, number>;
  private readonly alarm: Callout<Driver>;
  private job: { interrupt(): void } | null;
  /** What the step that runs ends with, whatever it says itself; null = what it says. */
  private verdict: number | null;

  constructor(ctx: CommandCtx, steps: Generator<Step, number, number>) {
    this.ctx = ctx;
    this.steps = steps;
    this.job = null;
    this.verdict = null;
    this.alarm = new Callout<Driver>((d) => d.end(TIMED_OUT), this);
  }

  /** Goes on with the exit code of the last step; the exit code of all, or PENDING. */
  go(last: number): number {
    let code = last;
    for (;;) {
      const r = this.steps.next(code);
      if (r.done === true) return r.value;
      const step = r.value;
      if (step.background) {
        this.ctx.spawn(step.line, step.cred, () => {});
        code = 0;
        continue;
      }
      let ended: number | null = null;
      let waiting = false;
      const job = this.ctx.spawn(step.line, step.cred, (exit) => {
        if (waiting) this.resume(exit);
        else ended = exit;
      });
      if (ended !== null) {
        code = ended;
        continue;
      }
      waiting = true;
      this.job = job;
      if (step.timeout > 0) this.ctx.kernel.callouts.reset(this.alarm, step.timeout * 1_000_000);
      return PENDING;
    }
  }

  /** Ends the step that runs. */
  end(verdict: number): void {
    if (this.job === null) return;
    this.verdict = verdict;
    this.job.interrupt();
  }

  private resume(exit: number): void {
    this.ctx.kernel.callouts.stop(this.alarm);
    const code = this.verdict ?? exit;
    this.verdict = null;
    this.job = null;
    const last = this.go(code);
    if (last !== PENDING) this.ctx.exit(last);
  }
}

/** Runs the steps of a call; the exit code, or PENDING when it goes on. */
export function drive(ctx: CommandCtx, steps: Generator<Step, number, number>): number {
  const d = new Driver(ctx, steps);
  const code = d.go(0);
  if (code === PENDING) ctx.onInterrupt(() => d.end(INTERRUPTED));
  return code;
}
