import { EISDIR } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import { formatSysctl, type SysctlFormat, type SysctlNode, formatSysctlWrite, type SysctlReq, sysctlErrorText, type SysctlValue } from '@ns/sysctl';
import { credSysctlReq } from '@ns/vnet';
import { CliError, type Command, type CommandCtx } from '../shell/command.ts';
import { getopt, hasOpt, type Parsed } from '../shell/getopt.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

const USAGE = ['usage: sysctl [-bdehiNnoqTtWx] name[=value] ...', '       sysctl [-bdehNnoqTtWx] -a'].join('\n');

type Node = SysctlNode<Vnet>;

interface Wanted {
  readonly format: SysctlFormat;
  /** Structures too (-o). */
  readonly opaque: boolean;
  /** Unknown names are passed over (-i). */
  readonly ignore: boolean;
  /** Nothing is said about what fails (-q). */
  readonly quiet: boolean;
}

function wantedOf(p: Parsed): Wanted {
  const format: SysctlFormat = hasOpt(p, 'N') ? 'name' : hasOpt(p, 'd') ? 'descr' : hasOpt(p, 't') ? 'type' : hasOpt(p, 'n') ? 'value' : hasOpt(p, 'e') ? 'equals' : 'line';
  return { format, opaque: hasOpt(p, 'o') || hasOpt(p, 'x') || hasOpt(p, 'b'), ignore: hasOpt(p, 'i'), quiet: hasOpt(p, 'q') };
}

/** Line breaks belong to values (tables begin with one); all else that a terminal would obey is escaped. */
const visLines = (text: string): string => text.split('\n').map((l) => l.split('\t').map(vis).join('\t')).join('\n');

/** Rows of the JSON form, or of the text. */
interface Out {
  readonly rows: { name: string; value: SysctlValue | null; type: string; descr: string }[];
  text: string;
}

class SysctlRun {
  private readonly ctx: CommandCtx;
  private readonly req: SysctlReq<Vnet>;
  private readonly w: Wanted;
  private readonly out: Out;
  private failed: boolean;

  constructor(ctx: CommandCtx, w: Wanted) {
    this.ctx = ctx;
    this.req = credSysctlReq(ctx.cred);
    this.w = w;
    this.out = { rows: [], text: '' };
    this.failed = false;
  }

  /** Variables at and below `name`; structures only when asked for. */
  list(name: string, explicit: boolean): void {
    for (const node of this.ctx.kernel.sysctl.list(name) ?? []) this.show(node, explicit && node.name === name);
  }

  private show(node: Node, explicit: boolean): void {
    const values = this.w.format === 'line' || this.w.format === 'value' || this.w.format === 'equals';
    if (values && node.type === 'opaque' && !this.w.opaque && !explicit && !this.ctx.json) return;
    const value = values ? this.ctx.kernel.sysctl.sysctlGet(node.name, this.req).value : null;
    if (values && value === null) return;
    this.out.rows.push({ name: node.name, value, type: node.typeTitle, descr: node.descr });
    this.out.text += `${visLines(formatSysctl(node, value, this.w.format))}\n`;
  }

  get(name: string): void {
    const tree = this.ctx.kernel.sysctl;
    const r = tree.sysctlGet(name, this.req);
    if (r.node !== null && (r.errno === 0 || r.errno === EISDIR || this.w.format === 'name' || this.w.format === 'descr' || this.w.format === 'type')) {
      if (r.node.isNode && (this.w.format === 'descr' || this.w.format === 'type')) this.show(r.node, true);
      else this.list(name, true);
    } else if (!(r.node === null && this.w.ignore)) this.complain(sysctlErrorText(name, r));
  }

  set(name: string, value: string): void {
    const r = this.ctx.kernel.sysctl.sysctlSet(name, value, this.req);
    if (r.node === null && this.w.ignore) return;
    if (r.node !== null) this.out.rows.push({ name, value: r.newValue ?? r.oldValue, type: r.node.typeTitle, descr: r.node.descr });
    const done = formatSysctlWrite(r, this.w.format);
    if (r.errno === 0) {
      if (done !== '' && !this.w.quiet) this.out.text += `${visLines(done)}\n`;
      return;
    }
    if (done !== '') this.out.text += `${visLines(done)}\n`;
    this.complain(sysctlErrorText(name, r, value));
  }

  private complain(text: string): void {
    this.failed = true;
    if (!this.w.quiet) this.ctx.err(`sysctl: ${visLines(text)}\n`);
  }

  finish(): number {
    this.ctx.out(this.ctx.json ? renderJson({ version: SNAPSHOT_VERSION, sysctls: this.out.rows }) : this.out.text);
    return this.failed ? 1 : 0;
  }
}

function run(ctx: CommandCtx): number {
  const p = getopt('sysctl', ctx.argv, 'AabdehiNnoqTtWwXx', USAGE);
  const all = hasOpt(p, 'a') || hasOpt(p, 'A') || hasOpt(p, 'X');
  if (!all && p.operands.length === 0) throw new CliError(1, USAGE);
  const w = wantedOf(p);
  const r = new SysctlRun(ctx, hasOpt(p, 'A') || hasOpt(p, 'X') ? { ...w, opaque: true } : w);
  if (all) r.list('', false);
  else {
    for (const word of p.operands) {
      const m = /^([^=:]+)[=:](.*)$/s.exec(word);
      if (m === null) r.get(word);
      else r.set(m[1] as string, m[2] as string);
    }
  }
  return r.finish();
}

/** sysctl(8). */
export const sysctl: Command = { name: 'sysctl', summary: 'get or set kernel state', usage: USAGE, run };
