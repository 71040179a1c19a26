import { ENOENT, strerror } from '@ns/errno';
import { IFNET, type Ifnet, ifunit } from '@ns/ifnet';
import { rtadvConfig, rtadvSnapshot, rtadvStart, rtadvStop } from '@ns/rtadvd';
import { renderRtadvctl } from '../render/rtadvctl.ts';
import { CliError, type Command, type CommandCtx, errx, vnetOf } from '../shell/command.ts';
import { getopt } from '../shell/getopt.ts';
import { rtadvTable } from '../snapshot/rtadv.ts';
import { renderJson } from '../snapshot/version.ts';

const USAGE = [
  'usage: rtadvctl [-v] show [interface ...]',
  '       rtadvctl reload [interface ...]',
  '       rtadvctl enable interface ...',
  '       rtadvctl disable interface ...',
  '       rtadvctl shutdown',
].join('\n');

/** What is done to one interface; an errno. */
type Action = (ifp: Ifnet, running: boolean) => number;

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['enable', (ifp, running) => (running ? 0 : rtadvStart(ifp, rtadvConfig(ifp) ?? {}))],
  ['disable', (ifp, running) => (running ? rtadvStop(ifp) : 0)],
  ['reload', (ifp, running) => (running ? rtadvStart(ifp, rtadvConfig(ifp) ?? {}) : 0)],
]);

function show(ctx: CommandCtx, names: readonly string[], verbose: number): number {
  const s = rtadvTable(vnetOf(ctx));
  for (const name of names) if (ifunit(vnetOf(ctx), name) === null) throw new CliError(1, `show failed: invalid interface ${name}.`);
  const interfaces = names.length === 0 ? s.interfaces : names.flatMap((n) => s.interfaces.filter((i) => i.name === n));
  ctx.out(ctx.json ? renderJson({ ...s, interfaces }) : renderRtadvctl({ ...s, interfaces }, verbose));
  return 0;
}

/** Does it to each interface; the exit code is the number of those where it failed. */
function each(ctx: CommandCtx, verb: string, action: Action, names: readonly string[]): number {
  const running = rtadvSnapshot(vnetOf(ctx)).map((r) => r.ifname);
  let failed = 0;
  for (const name of names) {
    const ifp = ifunit(vnetOf(ctx), name);
    const errno = ifp === null ? ENOENT : action(ifp, running.includes(name));
    if (errno === 0) continue;
    failed++;
    ctx.err(`${verb} failed: ${ifp === null ? `invalid interface ${name}` : `${name}: ${strerror(errno)}`}.\n`);
  }
  return Math.min(failed, 255);
}

function run(ctx: CommandCtx): number {
  const { opts, operands } = getopt('rtadvctl', ctx.argv, 'v', USAGE);
  const [verb = '', ...names] = operands;
  if (verb === 'show') return show(ctx, names, opts.length);
  const action = ACTIONS.get(verb === 'shutdown' ? 'disable' : verb);
  if (action === undefined) throw new CliError(1, USAGE);
  if (ctx.cred.uid !== 0 || (ctx.cred.jail !== null && !ctx.cred.jail.ownsVnet)) errx('rtadvctl', 1, `${verb}: Operation not permitted`);
  if (names.length === 0 && verb !== 'reload' && verb !== 'shutdown') throw new CliError(1, `${verb} failed.`);
  const all = verb === 'shutdown' || names.length === 0;
  return each(ctx, verb, action, all ? IFNET.get(vnetOf(ctx)).list.map((i) => i.name) : names);
}

/**
 * rtadvctl(8). An interface is advertised on with the values that {@link rtadvStart} was told last, or those of rtadvd.conf(5) by default; `reload` says the present state of its addresses anew.
 */
export const rtadvctl: Command = { name: 'rtadvctl', summary: 'control router advertisements', usage: USAGE, needs: ['rtadvd'], run };
