import { EDOOFUS, EINVAL, errnoName } from '@ns/errno';

/**
 * Why a step of loading or construction failed.
 */
export interface Failure {
  /** An errno, never 0. */
  readonly errno: number;
  readonly message: string;
}

/** Makes a failure. */
export function failure(errno: number, message: string): Failure {
  return { errno, message };
}

/** Runs one initialiser; null if it succeeded. A throw without an errno of its own counts as EDOOFUS, one that wants to be waited for as EINVAL. */
export function attempt(what: string, fn: () => number | void): Failure | null {
  try {
    const errno: unknown = fn();
    if (typeof errno === 'object' && errno !== null && 'then' in errno) return failure(EINVAL, `${what}: returned a promise, for which nobody waits`);
    return typeof errno === 'number' && errno !== 0 ? failure(errno, `${what}: ${errnoName(errno)}`) : null;
  } catch (e) {
    return failure(errnoOf(e), `${what}: ${textOf(e)}`);
  }
}

/** Runs one exit function, which must not stop the others: a throw becomes a line in `problems`. */
export function attemptExit(what: string, problems: string[], fn: () => void): void {
  try {
    fn();
  } catch (e) {
    problems.push(`${what}: ${textOf(e)}`);
  }
}

function errnoOf(e: unknown): number {
  const n = typeof e === 'object' && e !== null && 'errno' in e ? Math.abs(Number(e.errno)) : 0;
  return n > 0 && Number.isInteger(n) ? n : EDOOFUS;
}

/** What a thrown value says. */
export function textOf(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}
