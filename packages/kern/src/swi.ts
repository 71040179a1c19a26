/** Work that one handler is asked to do before the next has its turn. */
const SLICE = 64;
/** Work of one run before the host's event loop gets its turn. */
const RUN_BUDGET = 512;
/** Work of one drain: far more than any honest exchange needs, and still an end to a packet that circles for ever. */
const DRAIN_BUDGET = 1 << 20;

/**
 * A software interrupt's work: handles up to `budget` pieces (packets, upcalls) and returns how many it handled.
 * A handler that used its whole budget is asked again; one that returned less is done until it is scheduled again.
 * @public
 */
export type SwiHandler = (budget: number) => number;

/**
 * A clock that can be read once for a batch of work; `CalloutWheel` is one.
 * @public
 */
export interface SwiTime {
  /** Reads the clock and stands still. */
  hold(): void;
  /** Goes on. */
  release(): void;
}

/**
 * Software interrupts of a kernel: what was queued is worked off from the host's `defer`, soon after the present JS turn.
 *
 * Handlers run in the order of their registration, each for a slice of work, round after round, until nobody has work or the budget of the run
 * is spent; then the host gets its turn and the rest follows from where it stopped. Nothing here allocates after registration.
 * Source: FreeBSD kern_intr.c, swi_add(), swi_sched().
 * @public
 */
export class Swi {
  /** Pieces of work of one run; then the host gets its turn. */
  budget: number;
  /** Pieces of work of one turn of one handler. */
  slice: number;
  /** Runs entered from the host. */
  runs: number;
  private readonly names: (string | null)[];
  private readonly handlers: (SwiHandler | null)[];
  private order: number[];
  private pending: Uint8Array;
  private npending: number;
  /** Where in the order the round goes on that the last budget cut short. */
  private resume: number;
  private running: boolean;
  private armed: boolean;
  private stopped: boolean;
  private readonly defer: (fn: () => void) => void;
  private readonly time: SwiTime | null;
  private readonly entry: () => void;
  private readonly registered: ((undo: () => void) => void) | null;

  /** `defer` is the host's; `time` stands still during each round of work; `registered` is told of each handler, with a function that takes it away. */
  constructor(defer: (fn: () => void) => void, time: SwiTime | null = null, registered: ((undo: () => void) => void) | null = null) {
    this.registered = registered;
    this.budget = RUN_BUDGET;
    this.slice = SLICE;
    this.runs = 0;
    this.names = [];
    this.handlers = [];
    this.order = [];
    this.pending = new Uint8Array(16);
    this.npending = 0;
    this.resume = 0;
    this.running = false;
    this.armed = false;
    this.stopped = false;
    this.defer = defer;
    this.time = time;
    this.entry = (): void => {
      this.armed = false;
      this.run();
    };
  }

  /** Adds a handler behind those registered before; returns its id, which is never given out again. */
  register(name: string, handler: SwiHandler): number {
    const id = this.handlers.length;
    this.handlers.push(handler);
    this.names.push(name);
    if (id >= this.pending.length) {
      const wider = new Uint8Array(this.pending.length * 2);
      wider.set(this.pending);
      this.pending = wider;
    }
    this.order = [...this.order, id]; // replaced, not changed: a run in progress walks the old one
    this.registered?.(() => this.deregister(id));
    return id;
  }

  /** Removes a handler; what it was scheduled for is forgotten, and scheduling it does nothing from now on. */
  deregister(id: number): void {
    if (this.handlers[id] == null) return;
    this.handlers[id] = null;
    this.names[id] = null;
    if (this.pending[id] === 1) {
      this.pending[id] = 0;
      this.npending--;
    }
    this.order = this.order.filter((x) => x !== id);
  }

  /** Makes the handler run soon. Cheap, and the same once or a hundred times. */
  schedule(id: number): void {
    if (this.pending[id] !== 0 || this.handlers[id] == null) return;
    this.pending[id] = 1;
    this.npending++;
    if (!this.running && !this.armed) this.arm();
  }

  /** Whether work waits. */
  get busy(): boolean {
    return this.npending > 0;
  }

  /** Names of the registered handlers, in order. */
  list(): string[] {
    return this.order.map((id) => this.names[id] as string);
  }

  /** Entry from the host: works for one budget. Does nothing when called from inside a handler. */
  run(): void {
    if (this.running) return;
    this.runs++;
    this.loop(this.budget);
  }

  /**
   * Works now until nobody has work, unless this is a handler's own turn already (then the present run goes on afterwards).
   * For faces that want consequences before they return.
   */
  drain(): void {
    if (this.running || this.npending === 0) return;
    this.loop(DRAIN_BUDGET);
  }

  /** Forgets everything for good: the kernel shuts down. */
  stop(): void {
    this.stopped = true;
    for (let id = 0; id < this.handlers.length; id++) this.deregister(id);
  }

  private arm(): void {
    if (this.stopped) return;
    this.armed = true;
    this.defer(this.entry);
  }

  private loop(budget: number): void {
    let left = budget;
    this.running = true;
    try {
      while (this.npending > 0 && left > 0) {
        this.time?.hold();
        left -= this.round(left);
      }
    } finally {
      this.time?.release();
      this.running = false;
      if (this.npending > 0 && !this.armed) this.arm();
    }
  }

  /** One turn for each handler with work. Returns the work done, at least 1 so that a run always ends. */
  private round(left: number): number {
    const order = this.order;
    let total = 0;
    let i = this.resume < order.length ? this.resume : 0;
    this.resume = 0;
    for (; i < order.length; i++) {
      if (total >= left) {
        this.resume = i;
        break;
      }
      const id = order[i] as number;
      if (this.pending[id] !== 1) continue;
      this.pending[id] = 0;
      this.npending--;
      const turn = left - total < this.slice ? left - total : this.slice;
      const done = (this.handlers[id] as SwiHandler)(turn);
      total += done;
      if (done >= turn) this.schedule(id);
    }
    return total > 0 ? total : 1;
  }
}
