import type { SocketsSnapshot, SocketSnapshot } from '../snapshot/sockets.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { displayWidth, left, vis } from '../text/format.ts';
import { endpointColon, familyLabel, hostText, protocolLabel } from './protocol.ts';

/** The process behind the sockets, as sockstat shows it. @public */
export interface SockstatProcess {
  /** Its name. */
  readonly command: string;
  /** Its number. */
  readonly pid: number;
}

/** What `sockstat` shows. @public */
export interface SockstatOptions {
  /** -4; with neither, both families. */
  readonly ipv4?: boolean;
  /** -6 */
  readonly ipv6?: boolean;
  /** Connected sockets (-c). */
  readonly connected?: boolean;
  /** Listening sockets (-l); with neither -c nor -l both. */
  readonly listening?: boolean;
  /** The peer's UDP port of connections in UDP, 0 for plain ones (-U). */
  readonly encaps?: boolean;
  /** State of connections (-s). */
  readonly state?: boolean;
  /** TCP stack (-S). */
  readonly stack?: boolean;
  /** Congestion control (-C). */
  readonly cc?: boolean;
  /** Number of the control block (-i). */
  readonly id?: boolean;
  /** Routing table (-f). */
  readonly fib?: boolean;
  /** Only these protocols (-P). */
  readonly protocols?: readonly string[] | null;
  /** Only these ports, local or foreign (-p): ranges [from, to]. */
  readonly ports?: readonly (readonly [from: number, to: number])[] | null;
  /** Only sockets of this jail (-j). */
  readonly jid?: number | null;
  /** Nothing between loopback addresses (-L). */
  readonly noLoopback?: boolean;
  /** No header (-q). */
  readonly quiet?: boolean;
  /** Wide address columns (-w). */
  readonly wide?: boolean;
  /** Users as numbers (-n). */
  readonly numeric?: boolean;
  /** The process that the sockets belong to; without it they show as the kernel's. */
  readonly process?: SockstatProcess | null;
  /** Name of a user, or null. */
  readonly userName?: (uid: number) => string | null;
}

const isLoopbackText = (a: string): boolean => a === '::1' || /^127\./.test(a);

function shown(s: SocketSnapshot, o: SockstatOptions): boolean {
  const both = o.ipv4 !== true && o.ipv6 !== true;
  if (!both && !(o.ipv4 === true && s.ipv4) && !(o.ipv6 === true && s.ipv6)) return false;
  const connected = s.foreign.port !== 0;
  if (o.connected === true || o.listening === true) {
    if (connected ? o.connected !== true : o.listening !== true) return false;
  }
  if (o.protocols && !o.protocols.includes(s.protocol)) return false;
  if (o.jid !== undefined && o.jid !== null && s.jid !== o.jid) return false;
  if (o.ports && !o.ports.some(([from, to]) => [s.local.port, s.foreign.port].some((p) => p >= from && p <= to))) return false;
  return !(o.noLoopback === true && isLoopbackText(hostText(s.local)) && (!connected || isLoopbackText(hostText(s.foreign))));
}

/** Puts a cell at column `at`: pads up to there, and leaves at least one blank where an earlier cell was too long. */
function place(line: string, at: number, cell: string): string {
  if (line === '') return cell;
  const pos = displayWidth(line);
  return line + ' '.repeat(pos < at ? at - pos : 1) + cell;
}

function owner(s: SocketSnapshot, o: SockstatOptions): string {
  const p = o.process ?? null;
  if (!s.owned || p === null) return '?        ?          ?     ?';
  const user = (o.numeric === true ? null : (o.userName?.(s.uid) ?? (s.uid === 0 ? 'root' : null))) ?? String(s.uid);
  let line = left(vis(user), 8, 8);
  line = place(line, 9, left(vis(p.command), 0, 10));
  line = place(line, 20, String(p.pid));
  return place(line, 26, '?');
}

function row(s: SocketSnapshot, o: SockstatOptions): string {
  const step = o.wide === true ? 46 : 22;
  let at = 30;
  let line = place(owner(s, o), at, `${protocolLabel(s)}${familyLabel(s)}`);
  at += 7;
  line = place(line, at, endpointColon(s.local));
  at += step;
  line = place(line, at, endpointColon(s.foreign));
  at += step;
  if (o.id === true) {
    line = place(line, at, String(s.id));
    at += 9;
  }
  if (o.fib === true) {
    line = place(line, at, String(s.fib));
    at += 7;
  }
  if (o.encaps === true) {
    if (s.tcp !== null && s.tcp.state !== 'CLOSED' && s.tcp.state !== 'LISTEN') line = place(line, at, String(s.tcp.encapsPort ?? 0));
    at += 7;
  }
  if (o.state === true) {
    at += 13; // PATH STATE belongs to protocols with several paths
    if (s.tcp !== null) line = place(line, at, vis(s.tcp.state));
    at += 13;
  }
  if (o.stack === true) {
    if (s.tcp !== null) line = place(line, at, vis(s.tcp.stack));
    at += 12;
  }
  if (o.cc === true && s.tcp !== null) line = place(line, at, vis(s.tcp.cc));
  return line;
}

function header(o: SockstatOptions): string {
  const w = o.wide === true ? 45 : 21;
  let line = `${left('USER', 8)} ${left('COMMAND', 10)} ${left('PID', 5)} ${left('FD', 3)} ${left('PROTO', 6)} ${left('LOCAL ADDRESS', w)} ${left('FOREIGN ADDRESS', w)}`;
  if (o.id === true) line += ` ${left('ID', 8)}`;
  if (o.fib === true) line += ` ${left('FIB', 6)}`;
  if (o.encaps === true) line += ` ${left('ENCAPS', 6)}`;
  if (o.state === true) line += ` ${left('PATH STATE', 12)} ${left('CONN STATE', 12)}`;
  if (o.stack === true) line += ` ${left('STACK', o.cc === true ? 11 : 0)}`;
  if (o.cc === true) line += ' CC';
  return line;
}

/**
 * Sockets as sockstat(1) shows them. A stack in a process has no descriptors, so FD is `?`; sockets that no program holds show `?` throughout.
 * Source: FreeBSD sockstat/main.c, displaysock().
 * @public
 */
export function renderSockstat(s: SocketsSnapshot, o: SockstatOptions = {}): string {
  checkSnapshot('sockstat', s);
  const rows = s.sockets.filter((x) => shown(x, o)).map((x) => row(x, o));
  if (o.quiet !== true) rows.unshift(header(o));
  return rows.map((r) => `${r}\n`).join('');
}
