import { MAC_HOOKS, macErrorSelect, type MacHooks } from '@ns/mac-kpi';
import { type Check, type FaultHandler, guard, type PolicyEntry } from './entry.ts';

/** The answer to a question that no policy wants to be asked. */
const allow: Check = () => 0;

/**
 * All policies as one: each is asked, in order of registration, whatever those before it have said.
 * Source: FreeBSD security/mac/mac_internal.h, MAC_POLICY_CHECK_NOSLEEP().
 */
export function compose(entries: readonly PolicyEntry[], fault: FaultHandler): MacHooks {
  const hooks: Partial<Record<keyof MacHooks, Check>> = {};
  for (const hook of MAC_HOOKS) {
    const checks: Check[] = [];
    for (const entry of entries) {
      const check = guard(entry, hook, fault);
      if (check !== null) checks.push(check);
    }
    hooks[hook] = checks.length > 1 ? all(checks) : (checks[0] ?? allow);
  }
  return Object.freeze(hooks) as unknown as MacHooks;
}

function all(checks: readonly Check[]): Check {
  return (a, b, c, d) => {
    let errno = 0;
    for (let i = 0; i < checks.length; i++) {
      const answer = (checks[i] as Check)(a, b, c, d);
      if (answer !== 0) errno = macErrorSelect(errno, answer);
    }
    return errno;
  };
}
