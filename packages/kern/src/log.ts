import type { Clock } from '@ns/callout';

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
 * One line of the kernel's log.
 * @public
 */
export interface LogEntry {
  /** LOG_EMERG (0) to LOG_DEBUG (7), as syslog. */
  readonly level: number;
  /** Who says it: a module or interface name. */
  readonly facility: string;
  /** One line, without a newline at its end. */
  readonly text: string;
  /** Monotonic time of the kernel's clock. */
  readonly timeUs: number;
}

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
 * The kernel's log. What is said goes to the host, which prints, keeps or drops it; packages below the faces do not print.
 * @public
 */
export class Logger {
  /** Entries above this level are dropped before they are made. Default LOG_INFO. */
  level: number;
  private readonly clock: Clock;
  private readonly sink: (entry: LogEntry) => void;

  constructor(clock: Clock, sink: (entry: LogEntry) => void) {
    this.level = LOG_INFO;
    this.clock = clock;
    this.sink = sink;
  }

  /** Says `text` at a LOG_* level. On a path that a peer can drive, guard the call with {@link ppsratecheck} or use {@link Logger.ratelimited}. */
  log(level: number, facility: string, text: string): void {
    if (level > this.level) return;
    this.sink({ level, facility, text, timeUs: this.clock.nowUs() });
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
