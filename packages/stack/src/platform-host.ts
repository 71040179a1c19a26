import type { Clock } from '@ns/callout';
import type { Host, LogEntry, Random } from '@ns/kern';

/** How often in a row deferred work may run as a microtask before the event loop gets its turn. */
const MICROTASKS_IN_A_ROW = 16;
/** Words of entropy fetched at a time. */
const ENTROPY_WORDS = 1024;
/** setTimeout takes no more milliseconds than this. */
const TIMEOUT_MAX_MS = 0x7fffffff;

/** The few host functions this file uses; all platforms have them but setImmediate and MessageChannel, one of which they do. */
interface Platform {
  readonly performance: { now(): number; readonly timeOrigin: number };
  readonly crypto: { getRandomValues<T extends Uint8Array | Int32Array>(a: T): T };
  readonly setTimeout: (fn: () => void, ms: number) => unknown;
  readonly clearTimeout: (t: unknown) => void;
  readonly queueMicrotask: (fn: () => void) => void;
  readonly setImmediate?: (fn: () => void) => unknown;
  readonly MessageChannel?: new () => { port1: { onmessage: (() => void) | null; unref?: () => void }; port2: { postMessage(v: unknown): void } };
}

class PlatformClock implements Clock {
  private readonly p: Platform;
  private readonly startMs: number;
  private timer: unknown;

  constructor(p: Platform) {
    this.p = p;
    this.startMs = p.performance.now();
    this.timer = null;
  }

  nowUs(): number {
    return Math.floor((this.p.performance.now() - this.startMs) * 1000);
  }

  wallUs(): number {
    return Math.floor((this.p.performance.timeOrigin + this.p.performance.now()) * 1000);
  }

  setAlarm(atUs: number, fire: () => void): void {
    this.clearAlarm();
    const ms = Math.max(0, Math.ceil((atUs - this.nowUs()) / 1000));
    const timer = this.p.setTimeout(
      () => {
        this.timer = null;
        fire();
      },
      Math.min(ms, TIMEOUT_MAX_MS),
    );
    // A stack by itself does not keep a process alive; its sockets do.
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
    this.timer = timer;
  }

  clearAlarm(): void {
    if (this.timer === null) return;
    this.p.clearTimeout(this.timer);
    this.timer = null;
  }
}

/** Bytes from the platform's generator, fetched in blocks. */
class PlatformRandom implements Random {
  private readonly p: Platform;
  private readonly words: Int32Array;
  private next: number;

  constructor(p: Platform) {
    this.p = p;
    this.words = new Int32Array(ENTROPY_WORDS);
    this.next = ENTROPY_WORDS;
  }

  u32(): number {
    if (this.next === ENTROPY_WORDS) {
      this.p.crypto.getRandomValues(this.words);
      this.next = 0;
    }
    const v = this.words[this.next] as number;
    this.words[this.next++] = 0;
    return v;
  }

  fill(buf: Uint8Array): void {
    for (let o = 0; o < buf.length; o += 65536) this.p.crypto.getRandomValues(buf.subarray(o, o + 65536));
  }
}

/**
 * Choices for {@link platformHost}.
 * @public
 */
export interface PlatformHostOptions {
  /** Where log lines go; nowhere by default, for a library does not print. */
  readonly log?: (entry: LogEntry) => void;
  /** Boot environment: tunables by name. */
  readonly tunables?: Readonly<Record<string, string>>;
  /** Clock instead of the platform's. */
  readonly clock?: Clock;
  /** Generator instead of the platform's: a seeded one makes a run repeatable. */
  readonly random?: Random;
}

class PlatformHost implements Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly tunables: Readonly<Record<string, string>>;
  private readonly p: Platform;
  private readonly sink: ((entry: LogEntry) => void) | null;
  private microtasksLeft: number;
  private readonly macrotask: (fn: () => void) => void;

  constructor(p: Platform, options: PlatformHostOptions) {
    this.p = p;
    this.clock = options.clock ?? new PlatformClock(p);
    this.random = options.random ?? new PlatformRandom(p);
    this.tunables = options.tunables ?? {};
    this.sink = options.log ?? null;
    this.microtasksLeft = MICROTASKS_IN_A_ROW;
    this.macrotask = macrotaskOf(p);
  }

  defer(fn: () => void): void {
    if (this.microtasksLeft > 0) {
      this.microtasksLeft--;
      this.p.queueMicrotask(fn);
      return;
    }
    this.microtasksLeft = MICROTASKS_IN_A_ROW;
    this.macrotask(fn);
  }

  log(entry: LogEntry): void {
    this.sink?.(entry);
  }
}

/** The cheapest way to run something after the event loop has had its turn. */
function macrotaskOf(p: Platform): (fn: () => void) => void {
  const immediate = p.setImmediate;
  if (immediate !== undefined) return (fn) => void immediate(fn);
  const Channel = p.MessageChannel;
  if (Channel === undefined) return (fn) => void p.setTimeout(fn, 0);
  const { port1, port2 } = new Channel();
  const queue: (() => void)[] = [];
  port1.onmessage = (): void => queue.shift()?.();
  return (fn) => {
    queue.push(fn);
    port2.postMessage(0);
  };
}

/**
 * A host made of what Node, browsers, workers, Deno and Bun have in common: `performance`, `setTimeout`, `crypto`, microtasks. Deferred work runs as a
 * microtask, and every sixteenth time after the event loop has turned.
 * @public
 */
export function platformHost(options: PlatformHostOptions = {}): Host {
  return new PlatformHost(globalThis as unknown as Platform, options);
}
