import type { ProtocolStats, StatsSnapshot } from '../snapshot/stats.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { plural, plurales, pluralies, vis } from '../text/format.ts';
import { ARP_LINES, type Histogram, ICMP_LINES, ICMP_NAMES, IGMP_LINES, IP_LINES, type StatLine, TCP_LINES, UDP_LINES } from './stats-lines.ts';
import { ICMP6_LINES, ICMP6_NAMES, IP6_LINES, IP6NH_NAMES } from './stats-lines6.ts';

/** What `netstat -s` shows. @public */
export interface NetstatStatsOptions {
  /** Leave out lines whose counters are 0 (-ss). */
  readonly brief?: boolean;
}

const LINES: Readonly<Record<string, readonly (StatLine | Histogram)[]>> = {
  tcp: TCP_LINES,
  udp: UDP_LINES,
  ip: IP_LINES,
  icmp: ICMP_LINES,
  igmp: IGMP_LINES,
  arp: ARP_LINES,
  ip6: IP6_LINES,
  icmp6: ICMP6_LINES,
};

type Counters = ProtocolStats['counters'];

const num = (c: Counters, field: string): number => {
  const v = c[field];
  return typeof v === 'number' ? v : 0;
};

function fill(text: string, values: readonly number[]): string {
  return text.replace(/\{(\d)(s|es|y)?\}/g, (_all, index: string, form: string | undefined) => {
    const n = values[Number(index)] ?? 0;
    return form === undefined ? String(n) : form === 's' ? plural(n) : form === 'es' ? plurales(n) : pluralies(n);
  });
}

function histogram(c: Counters, h: Histogram): string[] {
  const counts = c[h.histogram];
  if (!Array.isArray(counts)) return [];
  const rows: string[] = [];
  const names = h.names === 'icmp6' ? ICMP6_NAMES : h.names === 'protocols' ? IP6NH_NAMES : ICMP_NAMES;
  (counts as readonly number[]).forEach((n, type) => {
    if (n > 0) rows.push(`\t\t${names[type] ?? `#${type}`}: ${n}`);
  });
  return rows.length === 0 ? [] : [h.title, ...rows];
}

/** Counters of a protocol without words of their own: one line each. */
function plain(c: Counters, brief: boolean): string[] {
  const rows: string[] = [];
  for (const [field, v] of Object.entries(c)) if (typeof v === 'number' && (v !== 0 || !brief)) rows.push(`\t${v} ${vis(field)}`);
  return rows;
}

function linesOf(p: ProtocolStats, brief: boolean): string[] {
  const known = Object.hasOwn(LINES, p.name) ? LINES[p.name] : undefined;
  if (known === undefined) return plain(p.counters, brief);
  const rows: string[] = [];
  for (const line of known) {
    if ('histogram' in line) {
      rows.push(...histogram(p.counters, line));
      continue;
    }
    const values = line[0].split(' ').map((f) => num(p.counters, f));
    if (!brief || values.some((v) => v !== 0)) rows.push(fill(line[1], values));
  }
  if (p.name === 'tcp' && p.states !== undefined) rows.push(...stateLines(p.states, brief));
  if (p.name === 'icmp' && p.maskrepl !== undefined) rows.push(`\tICMP address mask responses are ${p.maskrepl ? 'enabled' : 'disabled'}`);
  return rows;
}

function stateLines(states: NonNullable<ProtocolStats['states']>, brief: boolean): string[] {
  const rows = states.filter((s) => s.count !== 0 || !brief).map((s) => `\t\t${s.count} connection${plural(s.count)} in ${s.state} state`);
  return rows.length === 0 ? [] : ['\tTCP connection count by state:', ...rows];
}

/** Counters of protocols as `netstat -s` shows them. @public */
export function renderNetstatStats(s: StatsSnapshot, o: NetstatStatsOptions = {}): string {
  checkSnapshot('netstat -s', s);
  return s.protocols.map((p) => [`${vis(p.name)}:`, ...linesOf(p, o.brief === true)].map((l) => `${l}\n`).join('')).join('');
}
