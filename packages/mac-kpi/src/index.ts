/**
 * The contract of mandatory access control: what a policy is asked about sockets, what it sees of them, and how it labels them (FreeBSD security/mac/mac_policy.h).
 *
 * A policy imports this package and base ones only. Neighbours: module `mac` has the framework; `socket` and `inpcb` ask; `mac-portacl` and `mac-seeotheruids` are
 * policies.
 *
 * ```ts
 * import { EACCES } from '@ns/errno';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { mac } from '@ns/mac';
 * import { MAC_VERSION, macPolicyModule, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
 *
 * const nomail = macPolicyModule('nomail', () => ({
 *   name: 'mac_nomail',
 *   fullname: 'Nobody but the superuser sends mail',
 *   version: MAC_VERSION,
 *   loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK,
 *   socketCheckConnect: (cred, _so, addr) => (addr.port === 25 && cred.uid !== 0 ? EACCES : 0),
 * }));
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(nomail, [mac()]).errno; // => 0
 * ```
 *
 * @packageDocumentation
 */
export { macErrorSelect } from './error.ts';
export { MAC, MAC_POLICIES_EVENT, macChecks, type MacFramework, macPolicyDeregister, macPolicyModule, macPolicyRegister } from './framework.ts';
export { MAC_MAX_SLOTS, MacLabel, type MacObject, MacSlot } from './label.ts';
export {
  MAC_HOOKS,
  MAC_VERSION,
  type MacCred,
  type MacHooks,
  type MacInpcb,
  type MacJail,
  type MacPolicy,
  type MacSocket,
  MPC_LOADTIME_FLAG_NOTLATE,
  MPC_LOADTIME_FLAG_UNLOADOK,
} from './policy.ts';
