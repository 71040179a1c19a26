import { strerror } from '@ns/errno';
import { addrPolicyAdd, addrPolicyDelete, addrPolicyFlush, type AddrPolicyRow, addrPolicySnapshot } from '@ns/ip6';
import { AF_INET6, type Cidr, formatCidr, maskInAddr, parseCidr } from '@ns/wire';
import { CliError, type Command, type CommandCtx, errx, vnetOf } from '../shell/command.ts';
import { parseNumber } from '../shell/getopt.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';

const USAGE = ['usage: ip6addrctl [show]', '       ip6addrctl add <prefix> <prec> <label>', '       ip6addrctl delete <prefix>', '       ip6addrctl flush', '       ip6addrctl default'].join('\n');

function prefixOf(text: string | undefined): Cidr {
  const c = text === undefined ? null : parseCidr(text);
  if (c === null || c.addr.af !== AF_INET6) errx('ip6addrctl', 1, `bad prefix: ${text ?? ''}`);
  return { addr: maskInAddr(c.addr, c.prefixlen), prefixlen: c.prefixlen };
}

function table(rows: readonly AddrPolicyRow[]): string {
  const line = (p: string, a: string | number, b: string | number, c: string | number): string =>
    `${p.padEnd(30)} ${String(a).padStart(5)} ${String(b).padStart(5)} ${String(c).padStart(8)}\n`;
  return line('Prefix', 'Prec', 'Label', 'Use') + rows.map((r) => line(formatCidr({ addr: r.prefix, prefixlen: r.prefixlen }), r.precedence, r.label, r.use)).join('');
}

function show(ctx: CommandCtx): number {
  const rows = addrPolicySnapshot(vnetOf(ctx));
  if (!ctx.json) ctx.out(table(rows));
  else {
    const policy = rows.map((r) => ({ prefix: formatCidr({ addr: r.prefix, prefixlen: r.prefixlen }), precedence: r.precedence, label: r.label, use: r.use }));
    ctx.out(renderJson({ version: SNAPSHOT_VERSION, policy }));
  }
  return 0;
}

function change(ctx: CommandCtx, verb: string, words: readonly string[]): number {
  if (ctx.cred.uid !== 0 || (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet)) errx('ip6addrctl', 1, `${verb}: Operation not permitted`);
  const vnet = vnetOf(ctx);
  if (verb === 'flush' || verb === 'default') {
    addrPolicyFlush(vnet, verb === 'default');
    return 0;
  }
  const { addr: prefix, prefixlen } = prefixOf(words[0]);
  let errno: number;
  if (verb === 'delete') errno = addrPolicyDelete(vnet, prefix, prefixlen);
  else {
    const precedence = parseNumber(words[1] ?? '', 0, 0x7fffffff);
    const label = parseNumber(words[2] ?? '', 0, 0x7fffffff);
    if (precedence === null || label === null) throw new CliError(1, USAGE);
    errno = addrPolicyAdd(vnet, { prefix, prefixlen, precedence, label });
  }
  if (errno !== 0) errx('ip6addrctl', 1, `${verb}: ${strerror(errno)}`);
  return 0;
}

const WORDS: Readonly<Record<string, number>> = { add: 3, delete: 1, flush: 0, default: 0 };

function run(ctx: CommandCtx): number {
  const [verb = 'show', ...words] = ctx.argv;
  if (verb === 'show' && words.length === 0) return show(ctx);
  if (!Object.hasOwn(WORDS, verb) || WORDS[verb] !== words.length) throw new CliError(1, USAGE);
  return change(ctx, verb, words);
}

/** ip6addrctl(8); `default` enters the table of RFC 6724, in place of `install` with its file. */
export const ip6addrctl: Command = { name: 'ip6addrctl', summary: 'configure address selection policy for IPv6', usage: USAGE, needs: ['ip6'], run };
