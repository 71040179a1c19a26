import type { Clock } from '@ns/callout';
import { driverOf, type LogEntry } from './log-entry.ts';
import type { MsgBuf } from './msgbuf.ts';

/** Log level: the system is unusable. @public */
export const LOG_EMERG = 0;
/** Log level: act at once. @public */
export const LOG_ALERT = 1;
/** Log level: critical. @public */
export const LOG_CRIT = 2;
/** Log level: an error. @public */
export const LOG_ERR = 3;
/** Log level: a warning. @public */
export const LOG_WARNING = 4;
/** Log level: normal but worth a line. @public */
export const LOG_NOTICE = 5;
/** Log level: information. @public */
export const LOG_INFO = 6;
/** Log level: for debugging. @public */
export const LOG_DEBUG = 7;

/**
 * State of a rate limit: at most so many events in a second. See {@link ppsratecheck}.
 * @public
 */
export class RateLimit {
  /** Start of the current second; -1 before the first event. */
  lastUs: number;
  /** Events in the current second. */
  count: number;
  /** Events refused since the last one that was let through. */
  suppressed: number;

  constructor() {
    this.lastUs = -1;
    this.count = 0;
    this.suppressed = 0;
  }
}

/**
 * Whether one more event may happen: at most `maxpps` in a second; negative means no limit, 0 means none. Allocates nothing.
 * Source: FreeBSD kern_time.c, ppsratecheck().
 * @public
 */
export function ppsratecheck(limit: RateLimit, nowUs: number, maxpps: number): boolean {
  if (limit.lastUs < 0 || nowUs - limit.lastUs >= 1000000) {
    limit.lastUs = nowUs;
    limit.count = 1;
    if (maxpps !== 0) return pass(limit);
  } else {
    limit.count++;
    if (maxpps < 0 || limit.count <= maxpps) return pass(limit);
  }
  limit.suppressed++;
  return false;
}

function pass(limit: RateLimit): boolean {
  limit.suppressed = 0;
  return true;
}

/**
 * The kernel's log. What is said goes into the message buffer and to the host, which prints, routes or drops it (see {@link logRouter}); packages below the faces do
 * not print. A kernel has one, and each vnet has one that notes whose lines they are: a module says what it has to say about a vnet there.
 * @public
 */
export class Logger {
  /** The last lines: what dmesg(8) shows. */
  readonly msgbuf: MsgBuf;
  private readonly clock: Clock;
  private readonly sink: (entry: LogEntry) => void;
  /** The kernel's, which has the settings. */
  private readonly root: Logger;
  private readonly vnet: number | null;
  /** Levels of single facilities. */
  private readonly levels: Map<string, number>;
  private threshold: number;
  /** The host is being told: what is said meanwhile goes to the message buffer alone. */
  private telling: boolean;

  /** For kernels and their vnets; `parent` is null for the kernel's. */
  constructor(clock: Clock, sink: (entry: LogEntry) => void, msgbuf: MsgBuf, parent: Logger | null = null, vnet: number | null = null) {
    this.msgbuf = msgbuf;
    this.clock = clock;
    this.sink = sink;
    this.root = parent ?? this;
    this.vnet = vnet;
    this.levels = parent?.levels ?? new Map();
    this.threshold = LOG_INFO;
    this.telling = false;
  }

  /** The same log for the lines of one vnet. */
  of(vnet: number): Logger {
    return new Logger(this.clock, this.sink, this.msgbuf, this.root, vnet);
  }

  /** Entries above this level are dropped before they are made, unless their facility has a level of its own. Default LOG_INFO. */
  get level(): number {
    return this.root.threshold;
  }

  set level(level: number) {
    this.root.threshold = level;
  }

  /** Gives a facility a level of its own, or with null takes it back. `epair` means all interfaces of the driver, unless `epair0a` has a level too. */
  setLevel(facility: string, level: number | null): void {
    if (level === null) this.levels.delete(facility);
    else this.levels.set(facility, level);
  }

  /** The level that counts for a facility. */
  levelOf(facility: string): number {
    const { levels, level } = this;
    return levels.size === 0 ? level : (levels.get(facility) ?? levels.get(driverOf(facility)) ?? level);
  }

  /** Says `text` at a LOG_* level. On a path that a peer can drive, guard the call with {@link ppsratecheck} or use {@link Logger.ratelimited}. */
  log(level: number, facility: string, text: string): void {
    if (level > this.levelOf(facility)) return;
    const { root, vnet } = this;
    const entry: LogEntry = { level, facility, text, timeUs: this.clock.nowUs(), ...(vnet !== null && { vnet }) };
    this.msgbuf.add(entry);
    if (root.telling) return;
    root.telling = true;
    try {
      this.sink(entry);
    } catch {
      // a host that cannot take a line loses it; the stack goes on
    } finally {
      root.telling = false;
    }
  }

  /** Says `text` at most `maxpps` times a second, with the number of those left out before. Returns whether it was said. */
  ratelimited(limit: RateLimit, maxpps: number, level: number, facility: string, text: string): boolean {
    const missed = limit.suppressed;
    if (!ppsratecheck(limit, this.clock.nowUs(), maxpps)) return false;
    this.log(level, facility, missed > 0 ? `${text} (${missed} more suppressed)` : text);
    return true;
  }

  /** LOG_ERR. */
  err(facility: string, text: string): void {
    this.log(LOG_ERR, facility, text);
  }

  /** LOG_WARNING. */
  warning(facility: string, text: string): void {
    this.log(LOG_WARNING, facility, text);
  }

  /** LOG_NOTICE. */
  notice(facility: string, text: string): void {
    this.log(LOG_NOTICE, facility, text);
  }

  /** LOG_INFO. */
  info(facility: string, text: string): void {
    this.log(LOG_INFO, facility, text);
  }

  /** LOG_DEBUG. */
  debug(facility: string, text: string): void {
    this.log(LOG_DEBUG, facility, text);
  }
}
