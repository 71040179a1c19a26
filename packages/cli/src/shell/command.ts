import { ENOENT, strerror } from '@ns/errno';
import type { Kernel, ModuleDecl, Vnet } from '@ns/kern';
import { crget, type Jail, type Jails, JAILS, type Ucred } from '@ns/vnet';

/**
 * Ends a command with an exit code and a message for the error output: err(3) and errx(3). The dispatcher catches it; it never leaves `exec`.
 * @public
 */
export class CliError extends Error {
  /** Exit code. */
  readonly code: number;

  /** @param message - complete, without the final newline; may be empty */
  constructor(code: number, message: string) {
    super(message);
    this.name = 'CliError';
    this.code = code;
  }
}

/** Takes the bytes of a file that a command writes (`tcpdump -w`). @public */
export interface CliFile {
  /** Takes `bytes`, which are the file's from then on. */
  write(bytes: Uint8Array): void;
  /** The file is complete. */
  close(): void;
}

/**
 * What the host lends to commands. All may be absent: a command that needs a missing part says so.
 * @public
 */
export interface CliEnv {
  /** Declaration of a module that may be loaded by name: for kldload. Null if there is none. */
  readonly findModule?: (name: string) => ModuleDecl | null;
  /** Opens a file for writing; an errno if that fails. */
  readonly openFile?: (path: string) => CliFile | number;
  /** The text of a file; an errno if that fails. For `jail -f` and `sysctl -f`, which read before they do anything: a host that has to fetch it may throw, and run the line again when it has it. */
  readonly readFile?: (path: string) => string | number;
  /** The process that sockets belong to, for sockstat. */
  readonly process?: { readonly command: string; readonly pid: number };
  /** User name of a uid; null if it has none. */
  readonly userName?: (uid: number) => string | null;
  /** Uid of a user; null if there is none. `root` is 0 anyway. */
  readonly userId?: (name: string) => number | null;
}

/** Where a command's output goes. @public */
export interface CliIo {
  /** Text for the standard output. */
  out(text: string): void;
  /** Text for the error output. */
  err(text: string): void;
  /** The command has ended. Called once, and last. */
  exit(code: number): void;
}

/**
 * What a command gets: who runs it, where, with which words, and where the output goes.
 * @public
 */
export interface CommandCtx {
  /** Kernel that it works on. */
  readonly kernel: Kernel;
  /** On whose behalf: the superuser of the host, or of a jail. Its vnet is the one that commands look at. */
  readonly cred: Ucred;
  /** Words after the name; `--json` and its like have been taken out. */
  readonly argv: readonly string[];
  /** The snapshot is wanted as JSON. */
  readonly json: boolean;
  /** What the host lends. */
  readonly env: CliEnv;
  /** What a pipe or a host put in. */
  readonly stdin: string;
  /** Text for the standard output. */
  out(text: string): void;
  /** Text for the error output. */
  err(text: string): void;
  /** Ends an asynchronous command. */
  exit(code: number): void;
  /** What is done when the user interrupts an asynchronous command. */
  onInterrupt(fn: () => void): void;
  /** Runs another command line in the place of this one: words, and on whose behalf. */
  run(words: readonly string[], cred: Ucred): number | typeof PENDING;
  /** Runs another command line (or words) beside this one, with the same output; `done` is called once, perhaps before this returns, with its exit code. */
  spawn(line: string | readonly string[], cred: Ucred, done: (code: number) => void): { interrupt(): void };
}

/** Result of a command that goes on after its `run` has returned. @public */
export const PENDING = -1;

/** A command of the table. @public */
export interface Command {
  /** First word of a command line. */
  readonly name: string;
  /** One line for `help`. */
  readonly summary: string;
  /** Complete usage text, beginning with `usage: `, without the final newline. */
  readonly usage: string;
  /** Modules that must be loaded; without them the command says so. */
  readonly needs?: readonly string[];
  /** Goes on after `run` has returned, as ping and tcpdump do: `exec` refuses it, `start` runs it. */
  readonly asynchronous?: boolean;
  /** Does its work; returns the exit code, or {@link PENDING}. Throws {@link CliError}. */
  run(ctx: CommandCtx): number;
}

/** errx(3): ends the command with `name: message`. @public */
export function errx(command: string, code: number, message: string): never {
  throw new CliError(code, `${command}: ${message}`);
}

/** err(3): ends the command with `name: what: text of errno`. @public */
export function errc(command: string, code: number, errno: number, what: string): never {
  throw new CliError(code, `${command}: ${what}: ${strerror(errno)}`);
}

/** Ends the command with its usage. @public */
export function usage(command: Command, code: number = 1): never {
  throw new CliError(code, command.usage);
}

/** The jails of a kernel, or null if module `vnet` is not loaded. */
export const jailsOf = (kernel: Kernel): Jails | null => kernel.tryService(JAILS);

/** A jail by name or number as the caller sees it. Ends the command if there is none. Source: jail_getid(3). */
export function jailByText(command: string, ctx: { readonly kernel: Kernel; readonly cred: Ucred }, text: string): Jail {
  const jail = jailsOf(ctx.kernel)?.findByName(text, ctx.cred) ?? null;
  return jail ?? errx(command, 1, `jail "${text}" not found`);
}

/** The superuser in whose name a command line runs: that of the host without `jail`, else of that jail; ENOENT if there is none. */
export function credFor(kernel: Kernel, jail: string | number | undefined): Ucred | number {
  const jails = jailsOf(kernel);
  if (jail === undefined || jail === 0 || jail === '0') return jails?.cred ?? crget(kernel.vnets.vnet0);
  const found = typeof jail === 'number' ? jails?.find(jail) : jails?.findByName(jail);
  return found?.cred ?? ENOENT;
}

/** Same, with another vnet for `-j`: the credential whose stack the command looks at. */
export function credOfOption(command: string, ctx: CommandCtx, jail: string | null): Ucred {
  return jail === null ? ctx.cred : jailByText(command, ctx, jail).cred;
}

/** The text of a file that the host lends, or an errno; `-` is what came in by the pipe. */
export function readFile(ctx: CommandCtx, path: string): string | number {
  return path === '-' ? ctx.stdin : (ctx.env.readFile?.(path) ?? ENOENT);
}

/** Uid of a user by name or number, or null. */
export function uidOf(env: CliEnv, user: string): number | null {
  if (user === 'root') return 0;
  return /^[0-9]{1,9}$/.test(user) ? Number(user) : (env.userId?.(user) ?? null);
}

/** Ends the command if a module that it needs is not loaded. */
export function needModules(command: string, kernel: Kernel, modules: readonly string[]): void {
  for (const m of modules) if (!kernel.isLoaded(m)) errx(command, 1, `the ${m} module is not loaded`);
}

/** The vnet that a command looks at. */
export const vnetOf = (ctx: CommandCtx): Vnet => ctx.cred.vnet;
