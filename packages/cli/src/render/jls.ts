import type { JailSnapshot, JailsSnapshot, JailValue } from '../snapshot/jails.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { left, right, vis } from '../text/format.ts';

/** What `jls` shows. @public */
export interface JlsOptions {
  /** Several lines for each jail (-v). */
  readonly verbose?: boolean;
  /** Names instead of numbers in the table (-N). */
  readonly names?: boolean;
}

/** How `jls` shows parameters. @public */
export interface JlsParamsOptions {
  /** `name=value` (-n). */
  readonly names?: boolean;
  /** A line with the names first (-h). */
  readonly header?: boolean;
  /** Quote what a shell would split (-q). */
  readonly quote?: boolean;
  /** Only what jail(8) takes and what is not at its default (-s). */
  readonly jailArgs?: boolean;
}

const TABLE_HEAD = '   JID  IP Address      Hostname                      Path';
const VERBOSE_HEAD: readonly string[] = ['   JID  Hostname                      Path', '        Name                          State', '        CPUSetID', '        IP Address(es)'];

/** Jails as jls(8) shows them. Source: FreeBSD jls/jls.c. @public */
export function renderJls(s: JailsSnapshot, o: JlsOptions = {}): string {
  checkSnapshot('jls', s);
  const rows = o.verbose === true ? [...VERBOSE_HEAD] : [TABLE_HEAD];
  for (const j of s.jails) {
    const id = o.names === true ? vis(j.name) : String(j.jid);
    const path = left(vis(j.path), 0, 74);
    if (o.verbose !== true) {
      rows.push(`${right(id, 6)}  ${left(j.addresses[0] ?? '', 15, 15)} ${left(vis(j.hostname), 29, 29)} ${path}`);
      continue;
    }
    rows.push(`${right(id, 6)}  ${left(vis(j.hostname), 29, 29)} ${path}`);
    rows.push(`        ${left(vis(j.name), 29, 29)} ${j.dying ? 'DYING' : 'ACTIVE'}`, '        0');
    for (const a of j.addresses) rows.push(`        ${a}`);
  }
  return rows.map((r) => `${r.trimEnd()}\n`).join('');
}

function valueText(v: JailValue | undefined): string {
  if (v === undefined) return '-';
  if (typeof v === 'boolean') return v ? 'true' : 'false';
  if (typeof v === 'object') return v.length === 0 ? '-' : v.map(vis).join(',');
  return vis(String(v));
}

function quoted(text: string, quote: boolean): string {
  if (!quote || (text !== '' && !/[\s"'\\]/.test(text))) return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** `allow.nomount` of `allow.mount`. */
const negated = (name: string): string => name.replace(/([^.]+)$/, 'no$1');

function named(name: string, v: JailValue | undefined, o: JlsParamsOptions): string {
  if (typeof v === 'boolean') return v ? name : negated(name);
  const text = v === '' || (typeof v === 'object' && v.length === 0) ? '' : valueText(v);
  return `${name}=${quoted(text, o.quote === true || o.jailArgs === true)}`;
}

/** Parameters that say something about a jail but cannot be set. */
const READ_ONLY: ReadonlySet<string> = new Set(['dying', 'parent', 'children.cur']);
/** What a new jail has anyway. */
const DEFAULTS: Readonly<Record<string, JailValue>> = Object.freeze({
  devfs_ruleset: 0,
  enforce_statfs: 2,
  host: 'new',
  'ip4.saddrsel': true,
  'ip6.saddrsel': true,
  securelevel: -1,
  'children.max': 0,
  'host.domainname': '',
  'host.hostid': 0,
  'host.hostuuid': '00000000-0000-0000-0000-000000000000',
  'host.hostname': '',
});

function wanted(j: JailSnapshot, names: readonly string[] | null, o: JlsParamsOptions): string[] {
  const all = names ?? Object.keys(j.params);
  if (o.jailArgs !== true) return [...all];
  return all.filter((name) => {
    const v = j.params[name];
    if (READ_ONLY.has(name) || v === undefined || v === DEFAULTS[name]) return false;
    if (typeof v === 'object') return v.length > 0;
    return !((name === 'ip4' || name === 'ip6') && j.params.vnet === 'new');
  });
}

/**
 * Parameters of jails: those that are named, or all of them with null. The caller has seen to it that they exist.
 * Source: FreeBSD jls/jls.c, print_jail().
 * @public
 */
export function renderJlsParams(s: JailsSnapshot, names: readonly string[] | null, o: JlsParamsOptions = {}): string {
  checkSnapshot('jls', s);
  const rows: string[] = [];
  const first = s.jails[0];
  if (o.header === true && (names !== null || first !== undefined)) rows.push((names ?? Object.keys(first?.params ?? {})).join(' '));
  for (const j of s.jails) {
    const cells = wanted(j, names, o).map((name) => {
      const v = j.params[name];
      if (o.names === true || o.jailArgs === true) return named(name, v, o);
      return quoted(valueText(v) === '' ? '-' : valueText(v), o.quote === true);
    });
    rows.push(cells.join(' '));
  }
  return rows.map((r) => `${r}\n`).join('');
}
