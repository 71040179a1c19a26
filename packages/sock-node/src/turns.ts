/** Somebody whom {@link Turns} serves. */
export interface Served {
  /** The last turn in which it was served; begins at 0. */
  turn: number;
  /** It waits for the next turn. */
  waiting: boolean;
  /** Tells the application one thing. Must not throw. */
  serve(): void;
}

/**
 * Gives every socket one event at a time. Between two events of a socket all that Node has queued runs, next ticks and promises and what they bring about, as between
 * two callbacks of libuv: a program may listen for the next event in the continuation of the last. The first event after a while is told at once, in the kernel's
 * software interrupt; what follows waits for the event loop to turn, once for all sockets.
 */
export class Turns {
  private now: number;
  private armed: boolean;
  private queue: Served[];
  private spare: Served[];
  private callbacks: (() => void)[];
  private readonly advance: () => void;
  private readonly serve: () => void;

  constructor() {
    this.now = 1;
    this.armed = false;
    this.queue = [];
    this.spare = [];
    this.callbacks = [];
    this.advance = (): void => this.next();
    this.serve = (): void => this.serveAll();
  }

  /** Whether `s` may be told something now; if it had its event in this turn, it is served in the next. */
  take(s: Served): boolean {
    if (s.turn === this.now) {
      this.again(s);
      return false;
    }
    s.turn = this.now;
    this.arm();
    return true;
  }

  /** `s` is served in the next turn. */
  again(s: Served): void {
    if (s.waiting) return;
    s.waiting = true;
    this.queue.push(s);
    this.arm();
  }

  /** Runs `fn` in the next turn, before what the sockets have to tell in it, as libuv does what is pending before it polls. It must not throw. */
  later(fn: () => void): void {
    this.callbacks.push(fn);
    this.arm();
  }

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    setImmediate(this.advance);
  }

  private next(): void {
    const callbacks = this.callbacks;
    if (callbacks.length === 0) {
      this.serveAll();
      return;
    }
    this.callbacks = [];
    for (const fn of callbacks) fn();
    if (this.queue.length > 0) setImmediate(this.serve); // what the callbacks put off to the next tick comes first
    else this.serveAll();
  }

  private serveAll(): void {
    this.armed = false;
    this.now++;
    const list = this.queue;
    this.queue = this.spare;
    this.spare = list;
    for (let i = 0; i < list.length; i++) {
      const s = list[i] as Served;
      s.waiting = false;
      if (this.take(s)) s.serve();
    }
    list.length = 0;
    if (this.callbacks.length > 0) this.arm();
  }
}
