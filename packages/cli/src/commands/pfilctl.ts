import { EPERM } from '@ns/errno';
import { PFIL } from '@ns/pfil';
import { PFIL_APPEND, PFIL_IN, PFIL_OUT } from '@ns/pfil-kpi';
import { renderPfilHeads, renderPfilHooks } from '../render/pfilctl.ts';
import { CliError, type Command, type CommandCtx, errc, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt } from '../shell/getopt.ts';
import { filtersSnapshot, type FiltersSnapshot } from '../snapshot/pfil.ts';
import { renderJson } from '../snapshot/version.ts';

const PFILCTL_USAGE = ['usage: pfilctl heads', '       pfilctl hooks', '       pfilctl link [-aio] module:ruleset head', '       pfilctl unlink [-io] module:ruleset head'].join('\n');

const VERBS = ['heads', 'hooks', 'link', 'unlink'] as const;

/** A verb, which may be shortened as far as it is the only one that begins so. */
function verbOf(word: string): (typeof VERBS)[number] {
  const found = VERBS.filter((v) => v.startsWith(word));
  if (found.length > 1) errx('pfilctl', 1, `ambiguous command: ${word}`);
  return found[0] ?? errx('pfilctl', 1, `unknown command: ${word}`);
}

function show(ctx: CommandCtx, render: (s: FiltersSnapshot) => string): number {
  const s = filtersSnapshot(vnetOf(ctx));
  ctx.out(ctx.json ? renderJson(s) : render(s));
  return 0;
}

/** Source: FreeBSD sbin/pfilctl/pfilctl.c, hook(). */
function change(ctx: CommandCtx, verb: 'link' | 'unlink', words: readonly string[]): number {
  const p = getopt('pfilctl', words, verb === 'link' ? 'aio' : 'io', PFILCTL_USAGE);
  const [hook, head] = p.operands;
  let flags = 0;
  if (hasOpt(p, 'i')) flags |= PFIL_IN;
  if (hasOpt(p, 'o')) flags |= PFIL_OUT;
  if (flags === 0 || p.operands.length !== 2 || hook === undefined || head === undefined || !hook.includes(':')) throw new CliError(1, PFILCTL_USAGE);
  if (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet) errc('pfilctl', 1, EPERM, `${verb} ${hook}`);
  const pfil = PFIL.get(vnetOf(ctx));
  const errno = verb === 'link' ? pfil.link(head, hook, hasOpt(p, 'a') ? flags | PFIL_APPEND : flags) : pfil.unlink(head, hook, flags);
  if (errno !== 0) errc('pfilctl', 1, errno, `${verb} ${hook} ${head}`);
  return 0;
}

function runPfilctl(ctx: CommandCtx): number {
  const [word, ...rest] = ctx.argv;
  if (word === undefined) throw new CliError(1, PFILCTL_USAGE);
  const verb = verbOf(word);
  if (verb === 'heads') return show(ctx, renderPfilHeads);
  if (verb === 'hooks') return show(ctx, renderPfilHooks);
  return change(ctx, verb, rest);
}

/** pfilctl(8). */
export const pfilctl: Command = { name: 'pfilctl', summary: 'list, link and unlink packet filter hooks', usage: PFILCTL_USAGE, needs: ['pfil'], run: runPfilctl };
