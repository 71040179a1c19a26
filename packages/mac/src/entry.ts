import { EACCES, EINPROGRESS, ELAST, EWOULDBLOCK } from '@ns/errno';
import type { LedgerAccount, Lease } from '@ns/kern';
import type { MacPolicy } from '@ns/mac-kpi';

/** A hook of a policy, made safe: an errno, always. No hook has more than four arguments. */
export type Check = (a: unknown, b?: unknown, c?: unknown, d?: unknown) => number;

/** Told of answers that are none. */
export type FaultHandler = (policy: MacPolicy, hook: string, what: string) => void;

/** A policy that is registered. */
export class PolicyEntry {
  readonly policy: MacPolicy;
  /** Hooks of it that run now: keeps its module from being unloaded. */
  readonly running: LedgerAccount;
  /** What its registration holds. */
  readonly leases: Lease[];
  /** Whether it is to be asked. */
  active: boolean;

  constructor(policy: MacPolicy, running: LedgerAccount) {
    this.policy = policy;
    this.running = running;
    this.leases = [];
    this.active = true;
  }
}

/**
 * A hook as the framework calls it; null if the policy does not have it. A policy that has gone in the middle of a question is not asked any more. What is thrown, and an
 * answer that would make the caller wait for something that never comes, refuse.
 */
export function guard(entry: PolicyEntry, hook: keyof MacPolicy, fault: FaultHandler): Check | null {
  const { policy, running } = entry;
  const fn = policy[hook] as ((...args: unknown[]) => unknown) | undefined;
  if (fn === undefined) return null;
  const isVoid = hook === 'socketDestroyLabel';
  return (a, b, c, d) => {
    if (!entry.active) return 0;
    running.take();
    try {
      const answer = isVoid ? (fn.call(policy, a), 0) : fn.call(policy, a, b, c, d);
      if (isErrno(answer)) return answer;
      fault(policy, hook, `answered ${String(answer)}`);
    } catch (e) {
      fault(policy, hook, `threw: ${textOf(e)}`);
    } finally {
      running.release();
    }
    return EACCES;
  };
}

function isErrno(x: unknown): x is number {
  return typeof x === 'number' && Number.isInteger(x) && x >= 0 && x <= ELAST && x !== EWOULDBLOCK && x !== EINPROGRESS;
}

/** For the log. Must not throw, whatever was thrown. */
function textOf(e: unknown): string {
  try {
    return e instanceof Error ? e.message : String(e);
  } catch {
    return 'something that has no text';
  }
}
