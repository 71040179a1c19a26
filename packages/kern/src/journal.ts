import { attempt, type Failure } from './failure.ts';

/**
 * What initialisers have registered with the kernel while they ran: event handlers, hooks, hook points, software interrupts. One that fails half-way has no exit function that would
 * take it back, so the journal does.
 */
export class Journal {
  private readonly undo: (() => void)[];
  private depth: number;

  constructor() {
    this.undo = [];
    this.depth = 0;
  }

  /** A registration has been made; `undo` takes it back, and does no harm if somebody has done so already. */
  note(undo: () => void): void {
    if (this.depth > 0) this.undo.push(undo);
  }

  /** Runs an initialiser, which may run others. If it fails, what it registered is taken back, last first. */
  attempt(what: string, fn: () => number | void): Failure | null {
    const mark = this.undo.length;
    this.depth++;
    const failed = attempt(what, fn);
    this.depth--;
    if (failed !== null) while (this.undo.length > mark) this.undo.pop()?.();
    if (this.depth === 0) this.undo.length = 0;
    return failed;
  }
}
