import { JAIL_PARAMS, type Jails } from '@ns/vnet';
import { type JlsParam, renderJls, renderJlsParams } from '../render/jls.ts';
import { isNegated, positive } from '../jail/config.ts';
import { type Command, type CommandCtx, errx, jailByText, jailsOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg, type Parsed } from '../shell/getopt.ts';
import { jailsSnapshot } from '../snapshot/jails.ts';
import { renderJson } from '../snapshot/version.ts';

const USAGE = 'usage: jls [-dhNnqsv] [-j jail] [param ...]';

/** The last of the options that exclude each other counts. Source: main(). */
function printFlags(p: Parsed): { header: boolean; names: boolean; skip: boolean; verbose: boolean } {
  const f = { header: false, names: false, skip: false, verbose: false };
  for (const { name } of p.opts) {
    if (name === 'h') Object.assign(f, { skip: false, verbose: false, header: true });
    else if (name === 'n') Object.assign(f, { verbose: false, names: true });
    else if (name === 's') Object.assign(f, { header: false, verbose: false, names: true, skip: true });
    else if (name === 'v') Object.assign(f, { header: false, names: false, skip: false, verbose: true });
  }
  return f;
}

/** The parameters to print: all, or those that are named; a boolean may be named with `no`. Source: add_param(). */
function params(words: readonly string[]): readonly JlsParam[] {
  const out: JlsParam[] = [];
  const add = (name: string, negated: boolean): void => {
    if (!out.some((p) => p.name === name && p.negated === negated)) out.push({ name, negated });
  };
  for (const word of words) {
    if (word === 'all') for (const d of JAIL_PARAMS) add(d.name, false);
    else if (JAIL_PARAMS.some((d) => d.name === word)) add(word, false);
    else if (isNegated(word) && JAIL_PARAMS.some((d) => d.name === positive(word) && d.type === 'bool')) add(positive(word), true);
    else errx('jls', 1, `unknown parameter: ${word}`);
  }
  return out;
}

function run(ctx: CommandCtx): number {
  const p = getopt('jls', ctx.argv, 'adj:hNnqsv', USAGE);
  const jails: Jails = jailsOf(ctx.kernel) ?? errx('jls', 1, 'jails are not supported: load the vnet module');
  const f = printFlags(p);
  const wanted = params(p.operands.length > 0 ? p.operands : f.header || f.names ? ['all'] : []);
  const which = optArg(p, 'j');
  const dying = hasOpt(p, 'd') || hasOpt(p, 'a');
  const one = which === null ? null : jailByText('jls', ctx, which);
  const all = jailsSnapshot(jails, ctx.cred, dying);
  const s = one === null ? all : { ...all, jails: all.jails.filter((j) => j.jid === one.jid) };
  if (one !== null && s.jails.length === 0) errx('jls', 1, `jail "${which ?? ''}" not found`);
  if (ctx.json) ctx.out(renderJson(s));
  else if (wanted.length === 0) ctx.out(renderJls(s, { verbose: f.verbose, names: hasOpt(p, 'N') }));
  else ctx.out(renderJlsParams(s, wanted, { names: f.names, header: f.header, quote: hasOpt(p, 'q') || f.skip, jailArgs: f.skip }));
  return 0;
}

/** jls(8). */
export const jls: Command = { name: 'jls', summary: 'list jails', usage: USAGE, run };
