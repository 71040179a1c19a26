import type { Clock } from '@ns/callout';
import type { LogEntry } from './log-entry.ts';
import type { Random } from './random.ts';

/**
 * What the host gives a kernel: all that the stack knows of the world outside. Faces make one for Node or a browser; `virtualHost` makes one for tests,
 * labs and simulation.
 * @public
 */
export interface Host {
  /** Time and the one alarm. */
  readonly clock: Clock;
  /** Random numbers. */
  readonly random: Random;
  /** Runs `fn` soon: after the present JS turn, before further input. A host bounds how long it does so before its event loop has its turn. */
  defer(fn: () => void): void;
  /** Takes a line of the kernel's log. */
  log(entry: LogEntry): void;
  /** Boot environment: tunables by their sysctl name, like kenv(1). */
  readonly tunables?: Readonly<Record<string, string>>;
}
