import { EPERM } from '@ns/errno';
import { formatKeys, setkey as runScript, TCP_KEYS, type TcpKeys } from '@ns/tcp-signature';
import { formatInAddr } from '@ns/wire';
import { CliError, type Command, type CommandCtx, errc, errx, vnetOf } from '../shell/command.ts';
import { getopt, hasOpt } from '../shell/getopt.ts';
import { renderJson, SNAPSHOT_VERSION } from '../snapshot/version.ts';

const USAGE = ['usage: setkey -c [statement ...]', '       setkey -D', '       setkey -F'].join('\n');

/** A shell has taken quotation marks off: words that cannot be written without them get them back. */
function quoted(word: string): string {
  return /^[^\s;"#]+$/.test(word) || /[;"]/.test(word) ? word : `"${word}"`;
}

/** The keys of TCP MD5; without the secrets in JSON, which others read too. */
function show(ctx: CommandCtx, keys: TcpKeys): number {
  if (ctx.json) {
    const rows = keys.list().map((k) => ({ src: formatInAddr(k.src), dst: formatInAddr(k.dst), proto: 'tcp', spi: k.spi, auth: 'tcp-md5' }));
    ctx.out(renderJson({ version: SNAPSHOT_VERSION, keys: rows }));
    return 0;
  }
  ctx.out(keys.count === 0 ? 'No SAD entries.\n' : formatKeys(keys));
  return 0;
}

function run(ctx: CommandCtx): number {
  const p = getopt('setkey', ctx.argv, 'cDF', USAGE);
  const modes = ['c', 'D', 'F'].filter((o) => hasOpt(p, o));
  const words = p.operands.length > 0;
  const statements = words ? (p.operands.length === 1 ? (p.operands[0] as string) : p.operands.map(quoted).join(' ')) : ctx.stdin;
  if (modes.length !== 1 || (words && !hasOpt(p, 'c')) || (hasOpt(p, 'c') && statements === '')) throw new CliError(1, USAGE);
  if (ctx.cred.uid !== 0 || (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet)) errc('setkey', 1, EPERM, 'keys');
  const keys = TCP_KEYS.get(vnetOf(ctx));
  if (hasOpt(p, 'D')) return show(ctx, keys);
  if (hasOpt(p, 'F')) {
    keys.flush();
    return 0;
  }
  const r = runScript(keys, statements);
  ctx.out(r.output);
  return r.error === null ? 0 : errx('setkey', 1, r.error.replace(/^setkey: /, ''));
}

/** setkey(8), for TCP MD5 keys: statements are the operands of `-c`, or without operands the standard input. */
export const setkey: Command = { name: 'setkey', summary: 'manage the keys of TCP MD5 signatures', usage: USAGE, needs: ['tcp-signature'], run };
