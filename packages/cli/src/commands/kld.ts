import { EEXIST, ENOENT, ENOEXEC, strerror } from '@ns/errno';
import { MODULE_PATH, type ModuleDecl } from '@ns/kern';
import { moduleFile, renderKldstat, renderKldstatModules } from '../render/kldstat.ts';
import { CliError, type Command, type CommandCtx, errx } from '../shell/command.ts';
import { getopt, hasOpt, optArg } from '../shell/getopt.ts';
import { modulesSnapshot } from '../snapshot/modules.ts';
import { renderJson } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

const EX_USAGE = 64;

/** Modules are named without `.ko`; a user may write it. */
const baseName = (text: string): string => (text.endsWith('.ko') ? text.slice(0, -3) : text);

/** Only the host may load: a jail has no kernel of its own. */
function privileged(ctx: CommandCtx, what: string): void {
  if (ctx.cred.jail !== null) throw new CliError(1, `${what}: Operation not permitted`);
}

const LOAD_USAGE = 'usage: kldload [-nqv] file ...';

/** Where modules are found: with the host, and with whoever composed the kernel. */
function findModule(ctx: CommandCtx, name: string): { mod: ModuleDecl; available: readonly ModuleDecl[] } | null {
  const path = ctx.kernel.tryService(MODULE_PATH);
  const mod = ctx.env.findModule?.(name) ?? path?.find(name) ?? null;
  if (mod === null) return null;
  const near = (mod.depends ?? []).map((d) => ctx.env.findModule?.(d.name) ?? null).filter((m) => m !== null);
  return { mod, available: [...near, ...(path?.list() ?? [])] };
}

/** What kldload(8) says about an errno. */
function loadError(text: string, errno: number): string {
  if (errno === EEXIST) return `can't load ${text}: module already loaded or in kernel`;
  if (errno === ENOEXEC) return `an error occurred while loading module ${text}. Please check dmesg(8) for more details.`;
  return `can't load ${text}: ${strerror(errno)}`;
}

/** Source: FreeBSD kldload/kldload.c, main(). */
function loadOne(ctx: CommandCtx, text: string, ifNeeded: boolean, verbose: boolean): boolean {
  const name = baseName(text);
  if (ctx.kernel.isLoaded(name)) {
    if (!ifNeeded) ctx.err(`kldload: ${loadError(vis(text), EEXIST)}\n`);
    else if (verbose) ctx.out(`${vis(text)} is already loaded\n`);
    return ifNeeded;
  }
  const found = findModule(ctx, name);
  const r = found === null ? null : ctx.kernel.kldload(found.mod, found.available);
  if (r !== null && r.errno === 0) {
    if (verbose) ctx.out(`Loaded ${vis(text)}, id=${r.id ?? 0}\n`);
    return true;
  }
  ctx.err(`kldload: ${loadError(vis(text), r?.errno ?? ENOENT)}\n`);
  if (r !== null && r.message !== '') ctx.err(`kldload: ${vis(r.message)}\n`);
  return false;
}

function runLoad(ctx: CommandCtx): number {
  const p = getopt('kldload', ctx.argv, 'nqv', LOAD_USAGE);
  if (p.operands.length === 0) throw new CliError(1, LOAD_USAGE);
  privileged(ctx, `kldload: can't load ${p.operands[0] ?? ''}`);
  // Of -q and -v the last one counts.
  const verbose = p.opts.filter((o) => o.name === 'v' || o.name === 'q').at(-1)?.name === 'v';
  let ok = true;
  for (const word of p.operands) ok = loadOne(ctx, word, hasOpt(p, 'n'), verbose) && ok;
  return ok ? 0 : 1;
}

/** kldload(8). */
export const kldload: Command = { name: 'kldload', summary: 'load a module into the kernel', usage: LOAD_USAGE, run: runLoad };

const UNLOAD_USAGE = ['usage: kldunload [-fv] -i id ...', '       kldunload [-fv] [-n] name ...'].join('\n');

/** The first that cannot go ends it. Source: FreeBSD kldunload/kldunload.c, main(). */
function unloadOne(ctx: CommandCtx, text: string, byId: boolean, force: boolean, verbose: boolean): void {
  if (byId && Number.parseInt(text, 10) < 0) errx('kldunload', 1, `Invalid ID ${vis(text)}`);
  const id = Number.parseInt(text, 10) || 0;
  const entry = ctx.kernel.kldstat().find((m) => (byId ? m.id === id : m.name === baseName(text)));
  if (entry === undefined) return errx('kldunload', 1, byId ? `can't ${verbose ? 'stat' : 'unload'} file: ${strerror(ENOENT)}` : `can't find file ${vis(text)}`);
  if (verbose) ctx.out(`Unloading ${vis(moduleFile(entry.name))}, id=${entry.id}\n`);
  const r = ctx.kernel.kldunload(entry.name, force);
  if (r.errno === 0) return;
  const why = r.message === '' ? '' : `\nkldunload: ${vis(r.message)}`;
  errx('kldunload', 1, `can't unload file: ${strerror(r.errno)}${why}`);
}

function runUnload(ctx: CommandCtx): number {
  const p = getopt('kldunload', ctx.argv, 'finv', UNLOAD_USAGE, EX_USAGE);
  if (p.operands.length === 0) throw new CliError(EX_USAGE, UNLOAD_USAGE);
  privileged(ctx, "kldunload: can't unload file");
  for (const word of p.operands) unloadOne(ctx, word, hasOpt(p, 'i'), hasOpt(p, 'f'), hasOpt(p, 'v'));
  return 0;
}

/** kldunload(8). */
export const kldunload: Command = { name: 'kldunload', summary: 'unload a module from the kernel', usage: UNLOAD_USAGE, run: runUnload };

const STAT_USAGE = ['usage: kldstat [-d] [-h] [-q] [-v] [-i id] [-n filename]', '       kldstat [-d] [-q] [-m modname]'].join('\n');

/** A module has no data of its own to show, and no size: -d and -h change nothing. Source: FreeBSD kldstat/kldstat.c, main(). */
function runStat(ctx: CommandCtx): number {
  const p = getopt('kldstat', ctx.argv, 'dhi:m:n:qv', STAT_USAGE);
  const [id, file, module] = [optArg(p, 'i'), optArg(p, 'n'), optArg(p, 'm')];
  if (p.operands.length > 0 || (id !== null && !/^[0-9]+$/.test(id))) throw new CliError(1, STAT_USAGE);
  const all = modulesSnapshot(ctx.kernel);
  const name = module ?? (file === null ? null : baseName(file));
  const modules = all.modules.filter((m) => (name === null ? id === null || Number(id) === 0 || m.id === Number(id) : m.name === name));
  const quiet = hasOpt(p, 'q') && name !== null;
  if (modules.length === 0) {
    if (quiet) return 1;
    const what = module !== null ? `can't find module ${vis(module)}` : file !== null ? `can't find file ${vis(file)}` : `can't stat file id ${id ?? ''}`;
    return errx('kldstat', 1, `${what}: ${strerror(ENOENT)}`);
  }
  if (quiet) return 0;
  const s = { ...all, modules };
  ctx.out(ctx.json ? renderJson(s) : module !== null ? renderKldstatModules(s) : renderKldstat(s, hasOpt(p, 'v')));
  return 0;
}

/** kldstat(8). */
export const kldstat: Command = { name: 'kldstat', summary: 'display the modules of the kernel', usage: STAT_USAGE, run: runStat };
