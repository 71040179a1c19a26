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
 * Gives every socket one event at a time. Between two events of a socket Node's own queues run dry, next ticks and promises, as they do between two callbacks of libuv:
 * a program may listen for the next event in the continuation of the last. One next tick is enough for all sockets that had an event.
 */
export class Turns {
  private now: number;
  private armed: boolean;
  private queue: Served[];
  private spare: Served[];
  private readonly advance: () => void;

  constructor() {
    this.now = 1;
    this.armed = false;
    this.queue = [];
    this.spare = [];
    this.advance = (): void => this.next();
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

  private arm(): void {
    if (this.armed) return;
    this.armed = true;
    process.nextTick(this.advance);
  }

  private next(): void {
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
  }
}
