import { VirtualClock, type Clock } from '@ns/callout';
import type { Host } from './host.ts';
import type { LogEntry } from './log-entry.ts';
import { type Random, SeededRandom } from './random.ts';

/** Deferred work after which settle() concludes that it never ends. */
const RUNAWAY = 10_000_000;
/** Log lines that are kept. */
const LOGGED_MAX = 1000;

/**
 * Choices for {@link virtualHost}.
 * @public
 */
export interface VirtualHostOptions {
  /** Seed of the generator; default 1. */
  readonly seed?: number;
  /** First value of the clock, µs; default 0. */
  readonly startUs?: number;
  /** Boot environment. */
  readonly tunables?: Readonly<Record<string, string>>;
}

/**
 * A host in virtual time: nothing happens until it is told to settle or to advance, and the same program gives the same packets in each run.
 * @public
 */
export class VirtualHost implements Host {
  /** Stands still but for {@link VirtualHost.advance} and its like. */
  readonly clock: VirtualClock;
  /** Seeded. */
  readonly random: Random;
  /** Boot environment. */
  readonly tunables: Readonly<Record<string, string>>;
  /** The last thousand log lines, oldest first. */
  readonly logged: LogEntry[];
  private deferred: (() => void)[];
  private settling: boolean;

  constructor(options: VirtualHostOptions = {}) {
    this.clock = new VirtualClock(options.startUs ?? 0);
    this.random = new SeededRandom(options.seed ?? 1);
    this.tunables = options.tunables ?? {};
    this.logged = [];
    this.deferred = [];
    this.settling = false;
  }

  /** Keeps `fn` for {@link VirtualHost.settle}. */
  defer(fn: () => void): void {
    this.deferred.push(fn);
  }

  /** Keeps a line in {@link VirtualHost.logged}. */
  log(entry: LogEntry): void {
    if (this.logged.length === LOGGED_MAX) this.logged.shift();
    this.logged.push(entry);
  }

  /** Pieces of deferred work that wait. */
  get pending(): number {
    return this.deferred.length;
  }

  /**
   * Another host on this time, for a second kernel in the same lab: an alarm and a generator of its own; this host's settle and advance run its work too,
   * and its log lines come here.
   */
  sibling(options: { readonly seed?: number; readonly tunables?: Readonly<Record<string, string>> } = {}): Host {
    return new SiblingHost(this, new SeededRandom(options.seed ?? 2), options.tunables ?? {});
  }

  /** Runs deferred work, in the order in which it was deferred, until none is left. From inside deferred work it does nothing. Time stands still. */
  settle(): void {
    if (this.settling) return;
    this.settling = true;
    try {
      for (let ran = 0; this.deferred.length > 0; ) {
        const batch = this.deferred;
        this.deferred = [];
        ran = this.runBatch(batch, ran);
      }
    } finally {
      this.settling = false;
    }
  }

  /** Settles, then moves the clock `us` microseconds ahead, alarm by alarm, settling after each. */
  advance(us: number): void {
    const end = this.clock.nowUs() + us;
    this.settle();
    while (this.clock.step(end)) this.settle();
    this.clock.advanceTo(end);
    this.settle();
  }

  /**
   * Settles, then moves from alarm to alarm until `pred` holds: true, with the clock at that moment. False when it does not hold within `limitUs` from now;
   * the clock then stands at the end of that time.
   */
  runUntil(pred: () => boolean, limitUs: number): boolean {
    const end = this.clock.nowUs() + limitUs;
    this.settle();
    if (pred()) return true;
    while (this.clock.step(end)) {
      this.settle();
      if (pred()) return true;
    }
    this.clock.advanceTo(end);
    return pred();
  }

  /** Runs a batch; if a piece throws, what follows it stays deferred. */
  private runBatch(batch: (() => void)[], ranBefore: number): number {
    let i = 0;
    try {
      while (i < batch.length) {
        if (ranBefore + i >= RUNAWAY) throw new Error(`VirtualHost still busy after ${RUNAWAY} pieces of deferred work, at ${this.clock.nowUs()} us`);
        (batch[i++] as () => void)();
      }
    } finally {
      if (i < batch.length) this.deferred = [...batch.slice(i), ...this.deferred];
    }
    return ranBefore + i;
  }
}

class SiblingHost implements Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly tunables: Readonly<Record<string, string>>;
  private readonly first: VirtualHost;

  constructor(first: VirtualHost, random: Random, tunables: Readonly<Record<string, string>>) {
    this.first = first;
    this.clock = first.clock.sibling();
    this.random = random;
    this.tunables = tunables;
  }

  defer(fn: () => void): void {
    this.first.defer(fn);
  }

  log(entry: LogEntry): void {
    this.first.log(entry);
  }
}

/** Makes a host in virtual time. @public */
export function virtualHost(options: VirtualHostOptions = {}): VirtualHost {
  return new VirtualHost(options);
}
