/**
 * Virtual stacks and the jails that own them (FreeBSD net/vnet.c, kern/kern_jail.c).
 *
 * A jail has a name, a host identity, permissions, and a stack: its own (`vnet: 'new'`) or its parent's. Jails are the only way to make a stack besides booting a kernel;
 * when a jail goes, its stack's destructors run in reverse order and what they leave behind is reported by name. Neighbours: `kern` holds vnets and their variables;
 * `ifnet` moves interfaces between them; sockets carry a {@link Ucred}.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { JAILS, vnet } from '@ns/vnet';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(vnet());
 * const jails = kernel.service(JAILS);
 * const { jail } = jails.jailSet({ name: 'www', vnet: 'new', 'host.hostname': 'www.example.org', persist: true });
 * jail?.vnet.id;                                  // => 1
 * jails.jailRemove(jail?.jid ?? 0).reports;       // => [{ id: 1, name: 'www', leftovers: [], problems: [], clean: true }]
 * ```
 *
 * @packageDocumentation
 */
export { crget, crSetfib, crSetuid, type CredSysctlReq, credSysctlReq, jailed, jailedWithoutVnet, prisonCheck, Ucred } from './cred.ts';
export {
  HostIdentity,
  Jail,
  JAIL_ALLOW,
  JAIL_SYS_DISABLE,
  JAIL_SYS_INHERIT,
  JAIL_SYS_NEW,
  JailAddrs,
} from './jail.ts';
export type { JailBool, JailParams, JailSys } from './params.ts';
export {
  JAIL_ATTACH,
  JAIL_CREATE,
  JAIL_DYING,
  JAIL_MAX,
  JAIL_UPDATE,
  JAILS,
  Jails,
  type JailQuery,
  type JailRemoveResult,
  type JailResult,
  PRISON_CREATE_EVENT,
  PRISON_REMOVE_EVENT,
} from './jails.ts';
export { type JailInfo, jailInfo } from './jail-info.ts';
export { JAIL_PARAMS, type JailParamDesc } from './param-table.ts';
export {
  prisonAllow,
  prisonCheckAddr,
  prisonCheckAf,
  prisonFlag,
  prisonGetAddr,
  prisonHasWords,
  prisonLocalAddr,
  prisonPrimaryOnly,
  prisonRemoteAddr,
} from './prison-addr.ts';
export { vnet } from './module.ts';
