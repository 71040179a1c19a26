/**
 * The contract of mandatory access control: what a policy is asked about sockets, what it sees of them, and how it labels them (FreeBSD security/mac/mac_policy.h).
 *
 * A policy imports this package and base ones only. Neighbours: module `mac` has the framework; `socket` and `inpcb` ask; `mac-portacl` and `mac-seeotheruids` are
 * policies.
 *
 * ```ts
 * import { EACCES } from '@ns/errno';
 * import { virtualHost } from '@ns/kern';
 * import { MAC_VERSION, macPolicyModule, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
 * import { SOCK_STREAM, type Socket, soconnect, socreate } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { crSetuid } from '@ns/vnet';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const nomail = macPolicyModule('nomail', () => ({
 *   name: 'mac_nomail',
 *   fullname: 'Nobody but the superuser sends mail',
 *   version: MAC_VERSION,
 *   loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK,
 *   socketCheckConnect: (cred, _so, addr) => (addr.port === 25 && cred.uid !== 0 ? EACCES : 0),
 * }));
 * const { host } = createStack({ host: virtualHost(), extra: [nomail] });
 * const user = crSetuid(host.cred, 1001);
 * const so = socreate(host.vnet, AF_INET, SOCK_STREAM, 0, user) as Socket;
 * soconnect(so, new Sockaddr(inAddr4(0x7f000001), 25), user); // => 13 (EACCES)
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
