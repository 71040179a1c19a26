import { EACCES, EDEADLK, EINVAL, ENOENT, EPERM, ESRCH } from '@ns/errno';

/** Errnos from the one that says most to the one that says least. */
const PRECEDENCE: readonly number[] = Object.freeze([EDEADLK, EINVAL, ESRCH, ENOENT, EACCES, EPERM]);

/**
 * The answer that two policies give together: 0 only if both allow; else what can be told best: a decision that could not be made (EDEADLK), bad arguments (EINVAL),
 * that the thing is not visible (ESRCH, ENOENT), protection (EACCES), privilege (EPERM), any other, the first before the second.
 * Source: FreeBSD mac_framework.c, mac_error_select().
 * @public
 */
export function macErrorSelect(error1: number, error2: number): number {
  for (const errno of PRECEDENCE) if (error1 === errno || error2 === errno) return errno;
  return error1 !== 0 ? error1 : error2;
}
