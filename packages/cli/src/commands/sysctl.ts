import { ENOENT, strerror } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import {
  CTLFLAG_PRISON,
  CTLFLAG_STATS,
  CTLFLAG_TUN,
  CTLFLAG_VNET,
  CTLFLAG_WR,
  formatSysctl,
  formatSysctlValue,
  formatSysctlWrite,
  sysctlErrorText,
  type SysctlNode,
  type SysctlReq,
  type SysctlStyle,
  type SysctlValue,
} from '@ns/sysctl';
import { credSysctlReq } from '@ns/vnet';
import { CliError, type Command, type CommandCtx, credOfOption, readFile } from '../shell/command.ts';
import { getopt, hasOpt, optArg, type Parsed } from '../shell/getopt.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

const USAGE = ['usage: sysctl [-bdehiJNnoqTtVWx] [-f filename] [-j jail] name[=value] ...', '       sysctl [-bdehJNnoqTtVWx] [-j jail] -a'].join('\n');
/** Longest line of a file, and longest operand. Source: BUFSIZ. */
const BUFSIZ = 1024;
const EX_NOINPUT = 66;

type Node = SysctlNode<Vnet>;

/** Line breaks belong to values (tables begin with one); all else that a terminal would obey is escaped. */
const visLines = (text: string): string => text.split('\n').map((l) => l.split('\t').map(vis).join('\t')).join('\n');

/** A row of the JSON form. */
interface Row {
  readonly name: string;
  readonly value: SysctlValue | null;
  readonly type: string;
  readonly descr: string;
  readonly flags: number;
  readonly module: string;
}

/** One call of sysctl(8). Source: FreeBSD sysctl.c. */
class SysctlRun {
  private readonly ctx: CommandCtx;
  private readonly req: SysctlReq<Vnet>;
  private readonly p: Parsed;
  private readonly style: SysctlStyle;
  /** Structures are shown too. */
  private readonly opaque: boolean;
  private readonly rows: Row[];
  private text: string;
  /** Operands and lines that failed: the exit code. */
  private warnings: number;

  constructor(ctx: CommandCtx, p: Parsed, req: SysctlReq<Vnet>) {
    const has = (letter: string): boolean => hasOpt(p, letter);
    this.ctx = ctx;
    this.req = req;
    this.p = p;
    this.style = { name: has('N'), bare: has('n'), equals: has('e'), type: has('t'), descr: has('d'), hex: has('x') || has('X') };
    this.opaque = has('o') || has('A') || this.style.hex === true || ctx.json;
    this.rows = [];
    this.text = '';
    this.warnings = 0;
  }

  /** Variables at and below `name`. Source: sysctl_all(). */
  all(name: string): void {
    for (const node of this.ctx.kernel.sysctl.list(name) ?? []) this.show(node);
  }

  /** An operand, or a line of a file. Source: parse(). */
  operand(asked: string, line: number): void {
    if (asked.length >= BUFSIZ) return this.warn(`oid too long: '${asked}'${line > 0 ? ` at line ${line}` : ''}`);
    const at = asked.search(/[=:]/);
    const name = (at < 0 ? asked : asked.slice(0, at)).trimEnd();
    if (at >= 0 && (hasOpt(this.p, 'T') || hasOpt(this.p, 'W'))) throw new CliError(1, `sysctl: Can't set variables when using -T or -W\n${USAGE}`);
    const node = this.ctx.kernel.sysctl.lookup(name);
    if (node === null) {
      if (hasOpt(this.p, 'i')) return;
      if (hasOpt(this.p, 'q')) this.warnings++;
      else this.warn(sysctlErrorText(name, { errno: ENOENT, node }, null, { line }));
      return;
    }
    if (at < 0 || this.style.descr === true) this.get(node);
    else this.set(node, unquote(asked.slice(at + 1).trimStart()), { line, asked });
  }

  private get(node: Node): void {
    if (node.isNode) {
      if (this.style.descr === true || this.style.type === true) this.show(node);
      return this.all(node.name);
    }
    this.show(node);
  }

  private set(node: Node, value: string, place: { readonly line: number; readonly asked: string }): void {
    const [only, ...more] = node.type === 'string' ? [value] : value.split(/[ ,]/).filter((w) => w !== '');
    const r = this.ctx.kernel.sysctl.sysctlSet(node.name, more.length === 0 ? (only ?? '') : value, this.req);
    this.rows.push(rowOf(node, r.newValue ?? r.oldValue));
    const done = formatSysctlWrite(r, this.style);
    if (done !== '') this.text += `${visLines(done)}\n`;
    if (r.errno !== 0) this.warn(sysctlErrorText(node.name, r, value, place));
  }

  private wanted(node: Node): boolean {
    const { flags } = node;
    if (hasOpt(this.p, 'W') && ((flags & CTLFLAG_WR) === 0 || (flags & CTLFLAG_STATS) !== 0)) return false;
    if (hasOpt(this.p, 'T') && (flags & CTLFLAG_TUN) === 0) return false;
    if (hasOpt(this.p, 'V') && (flags & CTLFLAG_VNET) === 0) return false;
    return !hasOpt(this.p, 'J') || (flags & CTLFLAG_PRISON) !== 0;
  }

  /** One variable. What cannot be shown is passed over. Source: show_var(). */
  private show(node: Node): void {
    if (!this.wanted(node)) return;
    const { name, type, descr } = this.style;
    const valueless = name === true || type === true || descr === true;
    if (!valueless && node.type === 'opaque' && !this.opaque) return;
    const value = valueless || node.isNode ? null : this.ctx.kernel.sysctl.sysctlGet(node.name, this.req).value;
    if (!valueless && value === null) return;
    this.rows.push(rowOf(node, value));
    if (hasOpt(this.p, 'b') && value !== null) this.text += visLines(formatSysctlValue(node, value, this.style));
    else this.text += `${visLines(formatSysctl(node, value, this.style))}\n`;
  }

  private warn(text: string): void {
    this.warnings++;
    this.ctx.err(`sysctl: ${visLines(text)}\n`);
  }

  finish(): number {
    this.ctx.out(this.ctx.json ? renderJson({ version: SNAPSHOT_VERSION, sysctls: this.rows }) : this.text);
    return Math.min(this.warnings, 125);
  }
}

function rowOf(node: Node, value: SysctlValue | null): Row {
  return { name: node.name, value, type: node.typeTitle, descr: node.descr, flags: node.flags >>> 0, module: node.module };
}

/** Strips a pair of quotes; of an unpaired one, its beginning. */
function unquote(value: string): string {
  const q = value[0];
  if (q !== '"' && q !== "'") return value;
  return value.length > 1 && value.endsWith(q) ? value.slice(1, -1) : value.slice(1);
}

/** A line of a file without its comment: `#` begins one unless it stands behind a backslash or in quotes. Source: parsefile(). */
export function sysctlConfLine(line: string): string {
  const [single, double] = [line.indexOf("'"), line.indexOf('"')];
  for (let at = line.indexOf('#'); at >= 0; at = line.indexOf('#', at + 1)) {
    const quote = single >= 0 && at > single ? single : double >= 0 && at > double ? double : -1;
    if (quote >= 0) {
      const close = line.indexOf(line[quote] as string, quote + 1);
      return (close < 0 ? line : line.slice(0, close + 1)).trim();
    }
    if (at === 0 || line[at - 1] !== '\\') return line.slice(0, at).trim();
  }
  return line.trim();
}

function run(ctx: CommandCtx): number {
  const p = getopt('sysctl', ctx.argv, 'AaB:bdef:hiJj:NnoqTtVWwXx', USAGE);
  if (hasOpt(p, 'N') && hasOpt(p, 'n')) throw new CliError(1, USAGE);
  const all = hasOpt(p, 'a') || hasOpt(p, 'A') || hasOpt(p, 'X');
  const file = optArg(p, 'f');
  const r = new SysctlRun(ctx, p, credSysctlReq(credOfOption('sysctl', ctx, optArg(p, 'j'))));
  if (all && p.operands.length === 0) {
    r.all('');
    return r.finish();
  }
  if (p.operands.length === 0 && file === null) throw new CliError(1, USAGE);
  if (file !== null) {
    const text = readFile(ctx, file);
    if (typeof text === 'number') throw new CliError(EX_NOINPUT, `sysctl: ${file}: ${strerror(text)}`);
    text.split('\n').forEach((line, i) => {
      const asked = sysctlConfLine(line);
      if (asked !== '') r.operand(asked, i + 1);
    });
  }
  for (const word of p.operands) r.operand(word, 0);
  return r.finish();
}

/** sysctl(8). */
export const sysctl: Command = { name: 'sysctl', summary: 'get or set kernel state', usage: USAGE, run };
