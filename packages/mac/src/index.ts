/**
 * Mandatory access control: the framework that knows the policies of a kernel and puts each question of the stack to all of them (FreeBSD security/mac).
 *
 * Policies implement `mac-kpi` and register when they are loaded; `socket` and `inpcb` ask. While there is no policy a question costs a comparison with null.
 *
 * ```ts
 * import { mac } from '@ns/mac';
 * import { macPolicyModule, MAC_VERSION } from '@ns/mac-kpi';
 *
 * kernel.kldload(mac());
 * kernel.kldload(macPolicyModule('quiet', () => ({ name: 'mac_quiet', fullname: 'Nobody listens', version: MAC_VERSION, socketCheckListen: () => EACCES })));
 * ```
 *
 * @packageDocumentation
 */
export { mac } from './module.ts';
