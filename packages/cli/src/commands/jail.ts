import { strerror } from '@ns/errno';
import { ifioctl } from '@ns/ifnet';
import { SIOCSIFVNET } from '@ns/ifnet-kpi';
import { type Jail, JAIL_CREATE, JAIL_UPDATE, type JailParams, type Jails } from '@ns/vnet';
import { renderJls, renderJlsParams } from '../render/jls.ts';
import { CliError, type Command, type CommandCtx, errx, jailByText, jailsOf, needModules, PENDING } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';
import { jailsSnapshot } from '../snapshot/jails.ts';
import { renderJson } from '../snapshot/version.ts';

const needJails = (command: string, ctx: CommandCtx): Jails => jailsOf(ctx.kernel) ?? errx(command, 1, 'jails are not supported: load the vnet module');

const JLS_USAGE = 'usage: jls [-dhNnqsv] [-j jail] [param ...]';

function runJls(ctx: CommandCtx): number {
  const p = getopt('jls', ctx.argv, 'adhj:Nnqsv', JLS_USAGE);
  const jails = needJails('jls', ctx);
  const which = optArg(p, 'j');
  const one = which === null ? null : jailByText('jls', ctx, which);
  const all = jailsSnapshot(jails, ctx.cred, hasOpt(p, 'd') || hasOpt(p, 'v'));
  const s = one === null ? all : { ...all, jails: all.jails.filter((j) => j.jid === one.jid) };
  if (ctx.json) {
    ctx.out(renderJson(s));
    return 0;
  }
  const asParams = p.operands.length > 0 || ['h', 'n', 'q', 's'].some((o) => hasOpt(p, o));
  if (!asParams || hasOpt(p, 'v')) {
    ctx.out(renderJls(s, { verbose: hasOpt(p, 'v'), names: hasOpt(p, 'N') }));
    return 0;
  }
  for (const name of p.operands) {
    if (s.jails.length > 0 && !s.jails.some((j) => Object.hasOwn(j.params, name))) errx('jls', 1, `unknown parameter: ${name}`);
  }
  const names = p.operands.length > 0 ? p.operands : null;
  ctx.out(renderJlsParams(s, names, { names: hasOpt(p, 'n'), header: hasOpt(p, 'h'), quote: hasOpt(p, 'q'), jailArgs: hasOpt(p, 's') }));
  return 0;
}

/** jls(8). */
export const jls: Command = { name: 'jls', summary: 'list jails', usage: JLS_USAGE, run: runJls };

const JAIL_USAGE = [
  'usage: jail [-qi] -[cm] param=value ... [command=command ...]',
  '       jail [-q] -[rR] jail ...',
].join('\n');

/** Parameters whose value is a number. */
const NUMBERS: ReadonlySet<string> = new Set(['jid', 'children.max', 'securelevel', 'enforce_statfs', 'devfs_ruleset', 'host.hostid']);
/** Parameters with three states; without a value they mean `new`. */
const TRISTATE: ReadonlySet<string> = new Set(['host', 'ip4', 'ip6', 'vnet']);
/** Parameters that may be repeated, and whose values are separated by commas. */
const LISTS: ReadonlySet<string> = new Set(['ip4.addr', 'ip6.addr', 'vnet.interface']);

interface JailArgs {
  readonly params: Record<string, unknown>;
  readonly interfaces: string[];
  /** Words to run in the new jail, or null. */
  readonly command: readonly string[] | null;
}

/** Reads `name=value` words; the words after `command=` are its arguments. Source: jail(8). */
function jailArgs(words: readonly string[]): JailArgs {
  const params: Record<string, unknown> = {};
  const interfaces: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const eq = word.indexOf('=');
    const key = eq < 0 ? word : word.slice(0, eq);
    const value = word.slice(eq + 1);
    if (eq >= 0 && (key === 'command' || key === 'exec.start')) return { params, interfaces, command: [value, ...words.slice(i + 1)].filter((w) => w !== '') };
    if (key === 'vnet.interface') interfaces.push(...value.split(',').filter((n) => n !== ''));
    else params[jailKey(key, eq < 0)] = jailValue(key, eq < 0 ? null : value, params[key]);
  }
  return { params, interfaces, command: null };
}

/** `nopersist` is `persist` that is off. */
const jailKey = (key: string, bare: boolean): string => (bare && key === 'nopersist' ? 'persist' : key);

function jailValue(key: string, value: string | null, before: unknown): unknown {
  if (value === null) return TRISTATE.has(key) ? 'new' : key !== 'nopersist';
  if (NUMBERS.has(key)) return /^-?[0-9]{1,10}$/.test(value) ? Number(value) : value;
  if (!LISTS.has(key)) return value;
  const list = value.split(',').map((a) => a.trim()).filter((a) => a !== '');
  return Array.isArray(before) ? [...(before as string[]), ...list] : list;
}

function lend(ctx: CommandCtx, jail: Jail, names: readonly string[]): void {
  if (names.length > 0) needModules('jail', ctx.kernel, ['ifnet']);
  const outer = ctx.cred;
  for (const name of names) {
    const errno = ifioctl(outer.vnet, SIOCSIFVNET, { cmd: SIOCSIFVNET, name, jid: jail.jid }, outer);
    if (errno !== 0) throw new CliError(1, `jail: ${jail.name}: vnet.interface: ${name}: ${strerror(errno)}`);
  }
}

function setJail(ctx: CommandCtx, words: readonly string[], flags: number, quiet: boolean, id: boolean): number {
  const jails = needJails('jail', ctx);
  const a = jailArgs(words);
  const creating = (flags & JAIL_CREATE) !== 0;
  const persist = a.params.persist;
  if (creating && (flags & JAIL_UPDATE) === 0 && a.command === null && (persist === undefined || persist === false)) {
    errx('jail', 1, 'a jail without persist needs a command');
  }
  // A jail with a command lives while that runs: it persists until the command has ended.
  const params = (a.command === null ? a.params : { ...a.params, persist: true }) as JailParams;
  const known = new Set(jails.list(ctx.cred).map((j) => j.jid));
  const r = jails.jailSet(params, flags, ctx.cred);
  if (r.jail === null) throw new CliError(1, `jail: ${r.message === '' ? strerror(r.errno) : r.message}`);
  const made = !known.has(r.jail.jid);
  try {
    lend(ctx, r.jail, a.interfaces);
  } catch (e) {
    if (made) jails.jailRemove(r.jail.jid, ctx.cred);
    throw e;
  }
  if (id) ctx.out(`${r.jail.jid}\n`);
  else if (made && !quiet) ctx.out(`${jails.nameFor(r.jail, ctx.cred)}: created\n`);
  if (a.command === null) return 0;
  const code = ctx.run(a.command, r.jail.cred);
  if (code === PENDING) return code; // the command goes on, and the jail with it
  if (persist !== true && persist !== 'true') jails.jailRemove(r.jail.jid, ctx.cred);
  return code;
}

function removeJails(ctx: CommandCtx, names: readonly string[], quiet: boolean): number {
  const jails = needJails('jail', ctx);
  const targets = names.includes('*') ? jails.list(ctx.cred).filter((j) => j.parent === ctx.cred.jail) : names.map((n) => jailByText('jail', ctx, n));
  let code = 0;
  for (const j of targets) {
    const name = jails.nameFor(j, ctx.cred);
    const r = jails.jailRemove(j.jid, ctx.cred);
    if (r.errno !== 0) {
      ctx.err(`jail: ${name}: ${r.message}\n`);
      code = 1;
    } else if (!quiet) ctx.out(`${name}: removed\n`);
  }
  return code;
}

function runJail(ctx: CommandCtx): number {
  const p = getopt('jail', ctx.argv, 'cimqrRv', JAIL_USAGE);
  const quiet = hasOpt(p, 'q') || hasOpt(p, 'i');
  const [create, modify, remove] = [hasOpt(p, 'c'), hasOpt(p, 'm'), hasOpt(p, 'r') || hasOpt(p, 'R')];
  if (remove === (create || modify) || p.operands.length === 0) throw new CliError(1, JAIL_USAGE);
  if (remove) return removeJails(ctx, p.operands, quiet);
  return setJail(ctx, p.operands, (create ? JAIL_CREATE : 0) | (modify ? JAIL_UPDATE : 0), quiet, hasOpt(p, 'i'));
}

/** jail(8), without its configuration file. */
export const jail: Command = { name: 'jail', summary: 'make, change or remove a jail', usage: JAIL_USAGE, run: runJail };

const JEXEC_USAGE = 'usage: jexec [-l] jail command ...';

function runJexec(ctx: CommandCtx): number {
  const p = getopt('jexec', ctx.argv, 'lU:u:', JEXEC_USAGE);
  const [which, ...words] = p.operands;
  if (which === undefined || words.length === 0) throw new CliError(1, JEXEC_USAGE);
  return ctx.run(words, jailByText('jexec', ctx, which).cred);
}

/** jexec(8): a command of this table in a jail. */
export const jexec: Command = { name: 'jexec', summary: 'run a command in a jail', usage: JEXEC_USAGE, run: runJexec };
