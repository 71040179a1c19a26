import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A reason to stop, told to the user without a stack trace. */
export class NsError extends Error {
  readonly code: number;

  constructor(message: string, code: number = 1) {
    super(message);
    this.name = 'NsError';
    this.code = code;
  }
}

/** What decides where sockets are, and what outlives a stack. */
export interface PathEnv {
  readonly NS_SOCKET?: string | undefined;
  readonly XDG_RUNTIME_DIR?: string | undefined;
  readonly XDG_STATE_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

const WINDOWS: boolean = process.platform === 'win32';
const PIPES = '\\\\.\\pipe\\';
/** Longest path of a Unix domain socket that all systems take, bytes. Source: sun_path of BSD, with its terminating zero. */
const SUN_PATH_MAX = 103;

/** Whether a directory is ours alone: nobody else can put a socket of theirs in the place of ours. */
function isPrivate(dir: string): boolean {
  try {
    const s = lstatSync(dir);
    return s.isDirectory() && (WINDOWS || (s.uid === process.getuid?.() && (s.mode & 0o077) === 0));
  } catch {
    return false;
  }
}

/**
 * The directory for sockets: XDG_RUNTIME_DIR if it is the user's alone, else one of our own below the directory for temporary files, made with mode 0700.
 * Throws if somebody else has made it.
 */
export function socketDir(env: PathEnv): string {
  const xdg = env.XDG_RUNTIME_DIR;
  if (xdg !== undefined && xdg !== '' && isPrivate(xdg)) return xdg;
  const dir = join(tmpdir(), `ns-${process.getuid?.() ?? 'user'}`);
  try {
    mkdirSync(dir, { mode: 0o700 });
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
  }
  if (!isPrivate(dir)) throw new NsError(`${dir} belongs to somebody else, or others may enter it`);
  return dir;
}

/** Names of stacks: they become part of a path. */
export function checkName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) throw new NsError(`'${name}' is no name for a stack: letters, digits, dots, dashes`);
  return name;
}

/** Path of the socket of a stack by its name. */
export function socketOfName(name: string, env: PathEnv): string {
  checkName(name);
  return checkPath(WINDOWS ? `${PIPES}ns-${name}` : join(socketDir(env), `ns-${name}.sock`));
}

function checkPath(path: string): string {
  if (!WINDOWS && Buffer.byteLength(path) > SUN_PATH_MAX) throw new NsError(`${path}: longer than a socket's path may be (${SUN_PATH_MAX} bytes)`);
  return path;
}

/** What `-s` or NS_SOCKET names: a path, or the name of a stack. */
export function socketOfOption(text: string, env: PathEnv): string {
  return /[/\\]/.test(text) ? checkPath(WINDOWS ? text : resolve(text)) : socketOfName(text, env);
}

/** Sockets of all stacks of this user, by name. */
export function listSockets(env: PathEnv): { name: string; path: string }[] {
  const dir = WINDOWS ? PIPES : socketDir(env);
  const pattern = WINDOWS ? /^ns-(.+)$/ : /^ns-(.+)\.sock$/;
  const found: { name: string; path: string }[] = [];
  for (const file of readdirSync(dir).sort()) {
    const name = pattern.exec(file)?.[1];
    if (name !== undefined) found.push({ name, path: WINDOWS ? `${dir}${file}` : join(dir, file) });
  }
  return found;
}
