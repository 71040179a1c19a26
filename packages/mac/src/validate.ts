import { MAC_HOOKS, MAC_VERSION, type MacPolicy, MPC_LOADTIME_FLAG_NOTLATE, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';

const FLAGS = MPC_LOADTIME_FLAG_NOTLATE | MPC_LOADTIME_FLAG_UNLOADOK;

/** A method that means to be a hook. */
const LOOKS_LIKE_HOOK = /^(socket|inpcb|cred)[A-Z]/;

/** What is wrong with a policy; null if nothing. A hook that would never be asked is wrong: nobody would notice what it does not forbid. */
export function policyProblem(policy: MacPolicy): string | null {
  if (policy.version !== MAC_VERSION) return `is for version ${String(policy.version)} of the interface, this is ${MAC_VERSION}`;
  if (typeof policy.name !== 'string' || policy.name === '' || typeof policy.fullname !== 'string') return 'has no name';
  const flags = policy.loadtimeFlags ?? 0;
  if (!Number.isInteger(flags) || (flags & ~FLAGS) !== 0) return `has load-time flags ${String(flags)}`;
  const known = new Set<string>([...MAC_HOOKS, 'destroy']);
  for (const name of membersOf(policy)) {
    if (known.has(name)) {
      const hook: unknown = policy[name as keyof MacPolicy];
      if (hook !== undefined && typeof hook !== 'function') return `has a ${name} that is no function`;
    } else if (LOOKS_LIKE_HOOK.test(name) && typeof (policy as unknown as Record<string, unknown>)[name] === 'function') {
      return `has a ${name}, which nobody asks`;
    }
  }
  return null;
}

/** Names of members, inherited ones too. */
function membersOf(policy: object): Set<string> {
  const names = new Set<string>();
  for (let o: object | null = policy; o !== null && o !== Object.prototype; o = Object.getPrototypeOf(o) as object | null) {
    for (const name of Object.getOwnPropertyNames(o)) names.add(name);
  }
  return names;
}
