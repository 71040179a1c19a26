import { driverOf, type LogEntry } from './log-entry.ts';

/**
 * Where a host sends some of the kernel's lines: a selector and an action, as a line of syslog.conf(5) has them.
 * @public
 */
export interface LogRoute {
  /** The facilities that it takes: names of modules and interfaces; `epair` means all interfaces of that driver. Absent = all. */
  readonly facility?: string | readonly string[];
  /** The least urgent level that it takes, LOG_EMERG to LOG_DEBUG. Default: all that the kernel lets through, see `Logger.level`. */
  readonly level?: number;
  /** The vnet that it takes; `null` means lines about the kernel itself. Absent = all. */
  readonly vnet?: number | null;
  /** Lines that it takes go no further. */
  readonly last?: boolean;
  /** Takes a line. */
  to(entry: LogEntry): void;
}

function takes(route: LogRoute, e: LogEntry): boolean {
  if (route.level !== undefined && e.level > route.level) return false;
  if (route.vnet !== undefined && route.vnet !== (e.vnet ?? null)) return false;
  const { facility } = route;
  if (facility === undefined) return true;
  const names = typeof facility === 'string' ? [facility] : facility;
  return names.includes(e.facility) || names.includes(driverOf(e.facility));
}

/**
 * A sink for `Host.log` that gives each line to all routes that take it, in their order. One that throws does not keep the line from the others.
 *
 * ```ts
 * createStack({ log: logRouter([{ facility: 'tcp', level: LOG_WARNING, to: alarm, last: true }, { to: print }]) });
 * ```
 * Source: syslogd(8).
 * @public
 */
export function logRouter(routes: readonly LogRoute[]): (entry: LogEntry) => void {
  return (entry) => {
    for (const route of routes) {
      if (!takes(route, entry)) continue;
      try {
        route.to(entry);
      } catch {
        // its own loss
      }
      if (route.last === true) return;
    }
  };
}
