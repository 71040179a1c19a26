import { renderSockstat } from '../render/sockstat.ts';
import { CliError, type Command, type CommandCtx, credOfOption, errx, jailByText } from '../shell/command.ts';
import { getopt, hasOpt, optArg, parseNumber } from '../shell/getopt.ts';
import { socketsSnapshot } from '../snapshot/sockets.ts';
import { renderJson } from '../snapshot/version.ts';

const USAGE = 'usage: sockstat [-46CcfiLlnqSsUw] [-j jid] [-p ports] [-P protocols]';

/** `80,443,8000-8080` as ranges. Source: FreeBSD sockstat/main.c, parse_ports(). */
export function parsePorts(text: string): readonly (readonly [number, number])[] {
  return text.split(',').map((part) => {
    const m = /^([0-9]{1,5})(-([0-9]{1,5})?)?$/.exec(part) ?? errx('sockstat', 1, `syntax error: ${text}`);
    const from = parseNumber(m[1] as string, 0, 65535);
    const to = m[2] === undefined ? from : m[3] === undefined ? 65535 : parseNumber(m[3], 0, 65535);
    if (from === null || to === null || to < from) return errx('sockstat', 1, `invalid port number: ${part}`);
    return [from, to] as const;
  });
}

function run(ctx: CommandCtx): number {
  const p = getopt('sockstat', ctx.argv, '46CcfiLlnqSsUwj:p:P:', USAGE);
  if (p.operands.length > 0) throw new CliError(1, USAGE);
  const jail = optArg(p, 'j');
  const cred = credOfOption('sockstat', ctx, jail);
  const s = socketsSnapshot(cred.vnet, cred);
  if (ctx.json) {
    ctx.out(renderJson(s));
    return 0;
  }
  const ports = optArg(p, 'p');
  const protocols = optArg(p, 'P');
  ctx.out(
    renderSockstat(s, {
      ipv4: hasOpt(p, '4'),
      ipv6: hasOpt(p, '6'),
      connected: hasOpt(p, 'c'),
      listening: hasOpt(p, 'l'),
      encaps: hasOpt(p, 'U'),
      state: hasOpt(p, 's'),
      stack: hasOpt(p, 'S'),
      cc: hasOpt(p, 'C'),
      id: hasOpt(p, 'i'),
      fib: hasOpt(p, 'f'),
      quiet: hasOpt(p, 'q'),
      wide: hasOpt(p, 'w'),
      numeric: hasOpt(p, 'n'),
      noLoopback: hasOpt(p, 'L'),
      protocols: protocols === null ? null : protocols.split(','),
      ports: ports === null ? null : parsePorts(ports),
      jid: jail === null ? null : jailByText('sockstat', ctx, jail).jid,
      process: ctx.env.process ?? null,
      ...(ctx.env.userName !== undefined && { userName: ctx.env.userName }),
    }),
  );
  return 0;
}

/** sockstat(1). */
export const sockstat: Command = { name: 'sockstat', summary: 'list open sockets', usage: USAGE, run };
