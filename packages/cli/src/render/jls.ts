import { JAIL_PARAMS } from '@ns/vnet';
import { quoteOf } from '../jail/print.ts';
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
  /** Only what jail(8) takes (-s). */
  readonly jailArgs?: boolean;
}

/** A parameter to print; a boolean may be asked for by its negative name. @public */
export interface JlsParam {
  /** Name without `no`. */
  readonly name: string;
  /** Asked for with `no`. */
  readonly negated: boolean;
}

const TABLE_HEAD = '   JID  IP Address      Hostname                      Path';
const NAMES_HEAD = ` ${left('JID', 15)} ${left('IP Address', 15)} ${left('Hostname', 29)} Path`;
const VERBOSE_HEAD: readonly string[] = ['   JID  Hostname                      Path', '        Name                          State', '        CPUSetID', '        IP Address(es)'];

/** Jails as jls(8) shows them. Source: FreeBSD jls/jls.c. @public */
export function renderJls(s: JailsSnapshot, o: JlsOptions = {}): string {
  checkSnapshot('jls', s);
  const rows = o.verbose === true ? [...VERBOSE_HEAD] : [o.names === true ? NAMES_HEAD : TABLE_HEAD];
  for (const j of s.jails) {
    const id = o.names === true ? ` ${left(vis(j.name), 15)} ` : `${right(String(j.jid), 6)}  `;
    const path = left(vis(j.path), 0, 74);
    if (o.verbose !== true) {
      const ip4 = j.addresses.find((a) => !a.includes(':')) ?? '';
      rows.push(`${id}${left(ip4, 15, 15)} ${left(vis(j.hostname), 29, 29)} ${path}`);
      continue;
    }
    rows.push(`${right(String(j.jid), 6)}  ${left(vis(j.hostname), 29, 29)} ${path}`);
    rows.push(`        ${left(vis(j.name), 29, 29)} ${j.dying ? 'DYING' : 'ACTIVE'}`, '        0');
    for (const a of j.addresses) rows.push(`        ${a}`);
  }
  return rows.map((r) => `${r.trimEnd()}\n`).join('');
}

/** Source: libjail, jailparam_export(). */
function valueText(v: JailValue | undefined): string {
  if (v === undefined) return '';
  return typeof v === 'object' ? v.map(vis).join(',') : vis(String(v));
}

/** `allow.nomount` of `allow.mount`. */
const negated = (name: string): string => name.replace(/([^.]+)$/, 'no$1');

/** A list without members: nothing behind `name=`, `""` where texts are quoted, else a dash. Source: special_print(). */
function emptyList(o: JlsParamsOptions): string {
  return o.quote === true ? '""' : o.names === true ? '' : '-';
}

/** Source: quoted_print(). An empty text is `""` whatever is asked for. */
function cellText(v: JailValue | undefined, o: JlsParamsOptions): string {
  if (typeof v === 'object' && v.length === 0) return emptyList(o);
  const text = valueText(v);
  if (text === '') return '""';
  const q = o.quote === true ? quoteOf(text) : '';
  return q + text + q;
}

function cell(p: JlsParam, v: JailValue | undefined, o: JlsParamsOptions): string {
  if (typeof v === 'boolean') {
    if (o.names === true) return v ? p.name : negated(p.name);
    return v !== p.negated ? 'true' : 'false';
  }
  return (o.names === true ? `${p.name}=` : '') + cellText(v, o);
}

/** What jail(8) cannot take, or what means nothing because the group that it belongs to is not the jail's own. Source: print_jail(), PRINT_SKIP. */
function skipped(j: JailSnapshot, name: string): boolean {
  if (JAIL_PARAMS.find((d) => d.name === name)?.settable === 'never') return true;
  const dot = name.indexOf('.');
  const group = dot < 0 ? undefined : JAIL_PARAMS.find((d) => d.name === name.slice(0, dot) && d.type === 'jailsys');
  return group !== undefined && j.params[group.name] !== 'new';
}

/**
 * Parameters of jails. The caller has seen to it that they exist.
 * Source: FreeBSD jls/jls.c, print_jail().
 * @public
 */
export function renderJlsParams(s: JailsSnapshot, params: readonly JlsParam[], o: JlsParamsOptions = {}): string {
  checkSnapshot('jls', s);
  const rows: string[] = o.header === true ? [params.map((p) => (p.negated ? negated(p.name) : p.name)).join(' ')] : [];
  for (const j of s.jails) {
    const shown = params.filter((p) => o.jailArgs !== true || !skipped(j, p.name));
    rows.push(shown.map((p) => cell(p, j.params[p.name], o)).join(' '));
  }
  return rows.map((r) => `${r}\n`).join('');
}
