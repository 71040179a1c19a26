import { EEXIST, ENOENT, strerror } from '@ns/errno';
import { renderKldstat } from '../render/kldstat.ts';
import { CliError, type Command, type CommandCtx, errx } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';
import { modulesSnapshot } from '../snapshot/modules.ts';
import { renderJson } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

/** Modules are named without `.ko`; a user may write it. */
const baseName = (text: string): string => (text.endsWith('.ko') ? text.slice(0, -3) : text);

/** Only the host may load: a jail has no kernel of its own. */
function privileged(ctx: CommandCtx, what: string): void {
  if (ctx.cred.jail !== null) throw new CliError(1, `${what}: Operation not permitted`);
}

const LOAD_USAGE = 'usage: kldload [-nqv] file ...';

function loadOne(ctx: CommandCtx, text: string, ifNeeded: boolean, verbose: boolean): boolean {
  const name = baseName(text);
  if (ctx.kernel.isLoaded(name)) {
    if (ifNeeded) return true;
    ctx.err(`kldload: can't load ${vis(text)}: module already loaded or in kernel\n`);
    return false;
  }
  const find = ctx.env.findModule;
  const mod = find?.(name) ?? null;
  if (mod === null) {
    ctx.err(`kldload: can't load ${vis(text)}: ${strerror(ENOENT)}\n`);
    return false;
  }
  const available = (mod.depends ?? []).map((d) => find?.(d.name) ?? null).filter((m) => m !== null);
  const r = ctx.kernel.kldload(mod, available);
  if (r.errno !== 0) {
    ctx.err(`kldload: can't load ${vis(text)}: ${r.errno === EEXIST ? 'module already loaded or in kernel' : strerror(r.errno)}\n`);
    if (r.message !== '') ctx.err(`kldload: ${r.message}\n`);
  } else if (verbose) ctx.out(`Loaded ${vis(text)}, id=${r.id ?? 0}\n`);
  return r.errno === 0;
}

function runLoad(ctx: CommandCtx): number {
  const p = getopt('kldload', ctx.argv, 'nqv', LOAD_USAGE);
  if (p.operands.length === 0) throw new CliError(1, LOAD_USAGE);
  privileged(ctx, `kldload: can't load ${p.operands[0] ?? ''}`);
  let ok = true;
  for (const word of p.operands) ok = loadOne(ctx, word, hasOpt(p, 'n'), hasOpt(p, 'v')) && ok;
  return ok ? 0 : 1;
}

/** kldload(8). */
export const kldload: Command = { name: 'kldload', summary: 'load a module into the kernel', usage: LOAD_USAGE, run: runLoad };

const UNLOAD_USAGE = ['usage: kldunload [-fv] -i id ...', '       kldunload [-fv] [-n] name ...'].join('\n');

function unloadOne(ctx: CommandCtx, text: string, byId: boolean, force: boolean, verbose: boolean): boolean {
  const entry = ctx.kernel.kldstat().find((m) => (byId ? String(m.id) === text : m.name === baseName(text)));
  if (entry === undefined) {
    ctx.err(byId ? `kldunload: can't find kld with id ${vis(text)}: ${strerror(ENOENT)}\n` : `kldunload: can't find file ${vis(text)}\n`);
    return false;
  }
  const r = ctx.kernel.kldunload(entry.name, force);
  if (r.errno !== 0) {
    ctx.err(`kldunload: can't unload file: ${strerror(r.errno)}\n`);
    if (r.message !== '') ctx.err(`kldunload: ${r.message}\n`);
    return false;
  }
  if (verbose) ctx.out(`Unloading ${vis(entry.name)}.ko, id=${entry.id}\n`);
  return true;
}

function runUnload(ctx: CommandCtx): number {
  const p = getopt('kldunload', ctx.argv, 'finv', UNLOAD_USAGE);
  if (p.operands.length === 0) throw new CliError(1, UNLOAD_USAGE);
  privileged(ctx, "kldunload: can't unload file");
  let ok = true;
  for (const word of p.operands) ok = unloadOne(ctx, word, hasOpt(p, 'i'), hasOpt(p, 'f'), hasOpt(p, 'v')) && ok;
  return ok ? 0 : 1;
}

/** kldunload(8). */
export const kldunload: Command = { name: 'kldunload', summary: 'unload a module from the kernel', usage: UNLOAD_USAGE, run: runUnload };

const STAT_USAGE = ['usage: kldstat [-q] [-v] [-i id] [-n filename]', '       kldstat [-q] [-m modname]'].join('\n');

function runStat(ctx: CommandCtx): number {
  const p = getopt('kldstat', ctx.argv, 'hi:m:n:qv', STAT_USAGE);
  if (p.operands.length > 0) throw new CliError(1, STAT_USAGE);
  const all = modulesSnapshot(ctx.kernel);
  const [id, file, module] = [optArg(p, 'i'), optArg(p, 'n'), optArg(p, 'm')];
  const name = file ?? module;
  const modules = all.modules.filter((m) => (id === null || String(m.id) === id) && (name === null || m.name === baseName(name)));
  if (modules.length === 0) {
    if (hasOpt(p, 'q')) return 1;
    return errx('kldstat', 1, module !== null ? `can't find module ${module}: ${strerror(ENOENT)}` : `can't find file ${name ?? id ?? ''}: ${strerror(ENOENT)}`);
  }
  if (hasOpt(p, 'q')) return 0;
  const s = { ...all, modules };
  ctx.out(ctx.json ? renderJson(s) : renderKldstat(s, hasOpt(p, 'v')));
  return 0;
}

/** kldstat(8). */
export const kldstat: Command = { name: 'kldstat', summary: 'display the modules of the kernel', usage: STAT_USAGE, run: runStat };
