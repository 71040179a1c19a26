import { arp } from '../commands/arp.ts';
import { dmesg } from '../commands/dmesg.ts';
import { ifconfig } from '../commands/ifconfig.ts';
import { jail } from '../commands/jail.ts';
import { jexec } from '../commands/jexec.ts';
import { jls } from '../commands/jls.ts';
import { kldload, kldstat, kldunload } from '../commands/kld.ts';
import { hostname, tcpdrop } from '../commands/misc.ts';
import { ndp } from '../commands/ndp.ts';
import { netstat } from '../commands/netstat.ts';
import { pfilctl } from '../commands/pfilctl.ts';
import { ip6addrctl } from '../commands/ip6addrctl.ts';
import { ping, ping6 } from '../commands/ping.ts';
import { route } from '../commands/route.ts';
import { rtadvctl } from '../commands/rtadvctl.ts';
import { setfib } from '../commands/setfib.ts';
import { setkey } from '../commands/setkey.ts';
import { sockstat } from '../commands/sockstat.ts';
import { sysctl } from '../commands/sysctl.ts';
import { tcpdump } from '../commands/tcpdump.ts';
import { left } from '../text/format.ts';
import { type Command, type CommandCtx, errx } from './command.ts';

const HELP_USAGE = 'usage: help [command]';

function runHelp(ctx: CommandCtx): number {
  const [name] = ctx.argv;
  if (name === undefined) {
    for (const c of COMMANDS) ctx.out(`${left(c.name, 10)} ${c.summary}\n`);
    return 0;
  }
  const c = commandByName(name) ?? errx('help', 1, `no such command: ${name}`);
  ctx.out(`${c.summary}\n${c.usage}\n`);
  return 0;
}

const help: Command = { name: 'help', summary: 'list the commands, or show the usage of one', usage: HELP_USAGE, run: runHelp };

/** All commands, by name. @public */
export const COMMANDS: readonly Command[] = Object.freeze([
  arp,
  dmesg,
  help,
  hostname,
  ifconfig,
  ip6addrctl,
  jail,
  jexec,
  jls,
  kldload,
  kldstat,
  kldunload,
  ndp,
  netstat,
  pfilctl,
  ping,
  ping6,
  route,
  rtadvctl,
  setfib,
  setkey,
  sockstat,
  sysctl,
  tcpdrop,
  tcpdump,
]);

/** The command of that name, or null. @public */
export function commandByName(name: string): Command | null {
  return COMMANDS.find((c) => c.name === name) ?? null;
}
