/*
 * Jails of a configuration, or of a command line: which parameters hold for which jail, and what their variables stand for. Source: FreeBSD usr.sbin/jail/config.c.
 */
import type { CfBlock, CfParam, CfString } from './parser.ts';

/** Longest value, and most values of a parameter, that variables may make: each may stand for several others. */
const VALUE_MAX = 65536;
const VALUES_MAX = 4096;

/** A parameter of one jail. */
export interface Param {
  /** As it was written, perhaps with `no`. */
  name: string;
  values: CfString[];
  readonly isVar: boolean;
  /** `jid` and `name` are set once. */
  readonly immutable: boolean;
}

/** A jail that is to be made, changed or removed. */
export class CfJail {
  /** Null for the jail of a command line. */
  readonly name: string | null;
  /** In the order of their first mention. */
  readonly params: Param[];
  /** What was wrong with it. */
  failed: boolean;
  private readonly warn: (text: string) => void;

  constructor(name: string | null, warn: (text: string) => void) {
    this.name = name;
    this.params = [];
    this.failed = false;
    this.warn = (text) => warn(name === null ? text : `${name}: ${text}`);
  }

  /** Complains, and marks the jail as failed. Source: jail_warnx(), failed(). */
  fail(text: string): void {
    this.failed = true;
    this.warn(text);
  }

  /** Complains. */
  warnx(text: string): void {
    this.warn(text);
  }

  /** A parameter by its name without `no`, or null. */
  find(name: string): Param | null {
    return this.params.find((p) => !p.isVar && equalOpts(p.name, name)) ?? null;
  }

  /** Values of a parameter; none if it is not there, or without any. */
  list(name: string): readonly string[] {
    return this.find(name)?.values.map((v) => v.text) ?? [];
  }

  /** The last value of a parameter, or null. Source: string_param(). */
  text(name: string): string | null {
    return this.list(name).at(-1) ?? null;
  }

  /** Source: bool_param(). */
  bool(name: string): boolean {
    const p = this.find(name);
    if (p === null) return false;
    const value = p.values.at(-1)?.text;
    const on = value === undefined || value.toLowerCase() === 'true' || (Number.parseInt(value, 10) || 0) !== 0;
    return isNegated(p.name) !== on;
  }

  /** The integer, or null. Source: int_param(). */
  int(name: string): number | null {
    const value = this.text(name);
    return value === null ? null : Number.parseInt(value, 10) || 0;
  }

  /** Adds a parameter, in the place of one of that name or behind its values. Source: add_param(). */
  add(p: CfParam): void {
    const there = this.params.find((x) => equalOpts(x.name, p.name));
    if ((there !== undefined && there.isVar !== p.isVar) || (p.isVar && isParameter(p.name))) {
      return this.fail(`variable "$${p.name}" cannot have the same name as a parameter.`);
    }
    if (there === undefined) {
      this.params.push({ name: p.name, values: [...p.values], isVar: p.isVar, immutable: !p.isVar && (p.name === 'jid' || p.name === 'name') });
      return;
    }
    if (there.immutable) return this.fail(`cannot redefine parameter "${there.name}".`);
    there.name = p.name;
    there.values = p.append && p.values.length > 0 ? [...there.values, ...p.values] : [...p.values];
  }

  /** `name` or `name=value` of a command line: behind what is there. */
  addWord(word: string): void {
    const eq = word.indexOf('=');
    this.addValue(eq < 0 ? word : word.slice(0, eq), eq < 0 ? null : word.slice(eq + 1));
  }

  /** A parameter with one value, or with none. */
  addValue(name: string, value: string | null): void {
    this.add({ name, values: value === null ? [] : [{ text: value, vars: [] }], append: true, isVar: false });
  }

  /** Puts the values of variables in their places. Source: load_config(), "Resolve any variable substitutions". */
  resolve(): void {
    const bad = new Set<Param>();
    for (const p of this.params) this.resolveParam(p, [], bad);
    for (let i = this.params.length - 1; i >= 0; i--) if (this.params[i]?.isVar === true) this.params.splice(i, 1);
  }

  private resolveParam(p: Param, path: readonly Param[], bad: Set<Param>): boolean {
    if (bad.has(p)) return false;
    const values: CfString[] = [];
    for (const s of p.values) {
      const done = s.vars.length === 0 ? [s] : this.substitute(p, s, [...path, p], bad);
      if (done === null) {
        bad.add(p);
        this.failed = true;
        return false;
      }
      values.push(...done);
      if (values.length > VALUES_MAX) {
        bad.add(p);
        this.fail(`${p.name}: too many values`);
        return false;
      }
    }
    p.values = values;
    return true;
  }

  private substitute(p: Param, s: CfString, path: readonly Param[], bad: Set<Param>): CfString[] | null {
    let text = '';
    let from = 0;
    for (const v of s.vars) {
      const vp = this.params.find((x) => x.name === v.name);
      if (vp === undefined || vp.values.length === 0) return this.refuse(`${p.name}: variable "${v.name}" not found`);
      if (path.includes(vp)) return this.refuse(`${v.name}: variable loop`);
      if (!this.resolveParam(vp, path, bad)) return null;
      if (vp.values.length > 1) {
        const alone = s.text === '' && s.vars.length === 1;
        return alone ? [...vp.values] : this.refuse(`${p.name}: array cannot be substituted inline`);
      }
      text += s.text.slice(from, v.pos) + (vp.values[0] as CfString).text;
      from = v.pos;
      if (text.length > VALUE_MAX) return this.refuse(`${p.name}: value too long`);
    }
    return [{ text: text + s.text.slice(from), vars: [] }];
  }

  private refuse(message: string): null {
    this.fail(message);
    return null;
  }
}

/** `persist` and `nopersist`, `allow.mount` and `allow.nomount`. Source: equalopts(). */
export function equalOpts(a: string, b: string): boolean {
  return a === b || positive(a) === b || a === positive(b);
}

/** Whether the last part of a name begins with `no`. */
export const isNegated = (name: string): boolean => name.slice(name.lastIndexOf('.') + 1).startsWith('no');

/** The name without the `no` of its last part. */
export const positive = (name: string): string => name.replace(/(^|\.)no([^.]*)$/, '$1$2');

/** Names that a variable may not have. */
const PARAMETERS: readonly string[] = Object.freeze([
  'allow.dying', 'command', 'depend', 'interface', 'ip_hostname', 'mount', 'persist', 'securelevel', 'devfs_ruleset', 'jid', 'name', 'path', 'vnet',
]);
const isParameter = (name: string): boolean => PARAMETERS.includes(name) || /^(allow|exec|host|ip4|ip6|mount|stop|vnet)\./.test(name);

/** Whether a name has `*` as a part. Source: wild_jail_name(). */
export const isWild = (name: string): boolean => name.split('.').includes('*');

/** Whether a jail's name matches: `*` stands for one part, at the end for one or more. Source: wild_jail_match(). */
export function wildMatch(name: string, wild: string): boolean {
  const [n, w] = [name.split('.'), wild.split('.')];
  for (let i = 0; i < w.length; i++) {
    if (w[i] === '*' && i === w.length - 1) return n.length > i;
    if (n[i] === undefined || (w[i] !== '*' && w[i] !== n[i])) return false;
  }
  return n.length === w.length;
}

/** The jails of a file, each with its own parameters and those of matching wildcards, in the order of the file. Source: load_config(). */
export function jailsOfConfig(blocks: readonly CfBlock[], warn: (text: string) => void): CfJail[] {
  const jails: CfJail[] = [];
  for (const own of blocks) {
    if (isWild(own.name)) continue;
    const jail = new CfJail(own.name, warn);
    jail.addValue(/^[1-9][0-9]*$/.test(own.name) ? 'jid' : 'name', own.name);
    for (const b of blocks) if (b === own || (isWild(b.name) && wildMatch(own.name, b.name))) for (const p of b.params) jail.add(p);
    jail.resolve();
    jails.push(jail);
  }
  return jails;
}
