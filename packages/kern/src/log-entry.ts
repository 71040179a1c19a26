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
  /** Number of the vnet that it is about; absent if it is about the kernel. */
  readonly vnet?: number;
}

/** Name of the driver of an interface: `epair` of `epair0a`. */
export const driverOf = (facility: string): string => facility.replace(/[0-9]+[a-z]?$/, '');

/** A line as the kernel says it: `epair0a: link state changed to UP`; line breaks in it become blanks. @public */
export function formatLogEntry(e: LogEntry): string {
  return `${e.facility}: ${e.text}`.replace(/[\r\n]+/g, ' ');
}
