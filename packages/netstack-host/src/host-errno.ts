import { EINVAL, EIO, errnoByName } from '@ns/errno';

/** The number that this stack has for an error of Node: by its code, for the operating system's own numbers differ. EIO for what has no name here. */
export function errnoOfError(e: unknown): number {
  const code = typeof e === 'object' && e !== null && 'code' in e ? String(e.code) : '';
  if (code.startsWith('ERR_')) return EINVAL;
  const errno = errnoByName(code);
  return errno > 0 ? errno : EIO;
}

/** Runs a call of Node that throws: 0, or the errno. */
export function attempt(fn: () => void): number {
  try {
    fn();
    return 0;
  } catch (e) {
    return errnoOfError(e);
  }
}
