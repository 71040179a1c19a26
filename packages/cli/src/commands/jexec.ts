import { crSetuid, JAILS } from '@ns/vnet';
import { CliError, type Command, type CommandCtx, errx, jailByText, PENDING, uidOf } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';

const USAGE = ['usage: jexec [-l] [-u username | -U username] jail', '       command ...'].join('\n');

/** The jail lives at least as long as the command. Source: FreeBSD jexec.c. */
function run(ctx: CommandCtx): number {
  const p = getopt('jexec', ctx.argv, 'ln:U:u:', USAGE);
  // Once the jail was named by an option.
  const [which, ...words] = hasOpt(p, 'n') ? [optArg(p, 'n') as string, ...p.operands] : p.operands;
  if (which === undefined || words.length === 0 || (hasOpt(p, 'u') && hasOpt(p, 'U'))) throw new CliError(1, USAGE);
  if (hasOpt(p, 'l') && !hasOpt(p, 'u') && !hasOpt(p, 'U')) throw new CliError(1, USAGE);
  const target = jailByText('jexec', ctx, which);
  const user = optArg(p, 'u') ?? optArg(p, 'U');
  const uid = user === null ? ctx.cred.uid : uidOf(ctx.env, user);
  if (uid === null) return errx('jexec', 1, `${user ?? ''}: no such user`);
  const jails = ctx.kernel.service(JAILS);
  const r = jails.jailAttach(target.jid, ctx.cred);
  const inside = r.cred ?? errx('jexec', 1, `jail_attach(${target.jid}): ${r.message}`);
  let code: number = PENDING;
  let returned = false;
  const job = ctx.spawn(ctx.json ? [...words, '--json'] : words, crSetuid(inside, uid), (exit) => {
    jails.jailDetach(inside);
    code = exit;
    if (returned) ctx.exit(exit);
  });
  returned = true;
  ctx.onInterrupt(() => job.interrupt());
  return code;
}

/** jexec(8): a command of this table in a jail. */
export const jexec: Command = { name: 'jexec', summary: 'execute a command inside an existing jail', usage: USAGE, run };
