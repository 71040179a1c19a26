import { strerror } from '@ns/errno';
import { credSysctlReq } from '@ns/vnet';
import { CliError, type Command, type CommandCtx, errx } from '../shell/command.ts';
import { getopt, hasOpt } from '../shell/getopt.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

const USAGE = 'usage: dmesg [-ac]';

/** All lines are the kernel's own, so `-a` shows no more than there is without it. */
function run(ctx: CommandCtx): number {
  const p = getopt('dmesg', ctx.argv, 'ac', USAGE);
  if (p.operands.length > 0) throw new CliError(1, USAGE);
  const req = credSysctlReq(ctx.cred);
  const r = ctx.kernel.sysctl.sysctlGet('kern.msgbuf', req);
  if (r.errno !== 0) errx('dmesg', 1, `sysctl kern.msgbuf: ${strerror(r.errno)}`);
  const lines = String(r.value).split('\n').slice(0, -1);
  ctx.out(ctx.json ? renderJson({ version: SNAPSHOT_VERSION, lines }) : lines.map((l) => `${vis(l)}\n`).join(''));
  if (!hasOpt(p, 'c')) return 0;
  const cleared = ctx.kernel.sysctl.sysctlSet('kern.msgbuf_clear', 1, req);
  if (cleared.errno !== 0) errx('dmesg', 1, `sysctl kern.msgbuf_clear: ${strerror(cleared.errno)}`);
  return 0;
}

/** dmesg(8). */
export const dmesg: Command = { name: 'dmesg', summary: 'display the system message buffer', usage: USAGE, run };
