import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NsError, type PathEnv } from './paths.ts';

/** Bytes of a secret. */
const SECRET_LEN = 32;

/** The folder of what outlives a stack: below XDG_STATE_HOME, else ~/.local/state; null where there is neither. */
function stateDir(env: PathEnv): string | null {
  const base = env.XDG_STATE_HOME ? env.XDG_STATE_HOME : env.HOME ? join(env.HOME, '.local', 'state') : null;
  return base === null ? null : join(base, 'ns');
}

/**
 * The secret of the stable addresses (RFC 7217) of a stack, by its name: made at its first start and kept in a file that its user alone may read, so that addresses are the same at the next. Null where nothing can
 * be kept: the stack then draws one. Throws for a file that others may read, or that is none of ours.
 */
export function keptSecret(name: string, env: PathEnv): Uint8Array | null {
  const dir = stateDir(env);
  if (dir === null) return null;
  const path = join(dir, `${name}.secret`);
  try {
    make(dir, path);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOSPC') return null;
    if (code !== 'EEXIST') throw new NsError(`${path}: ${(e as Error).message}`);
  }
  const s = lstatSync(path);
  const others = process.platform !== 'win32' && (s.uid !== process.getuid?.() || (s.mode & 0o077) !== 0);
  if (!s.isFile() || others) throw new NsError(`${path}: a secret must be a file that its owner alone may read and write (chmod 600)`);
  const secret = readFileSync(path);
  if (secret.length !== SECRET_LEN) throw new NsError(`${path}: ${secret.length} bytes, not ${SECRET_LEN}`);
  return secret;
}

/** Writes the file whole or not at all. Throws EEXIST when it is there. */
function make(dir: string, path: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const tmp = `${path}.${process.pid}`;
  writeFileSync(tmp, randomBytes(SECRET_LEN), { flag: 'wx', mode: 0o600 });
  try {
    linkSync(tmp, path);
  } finally {
    unlinkSync(tmp);
  }
}
