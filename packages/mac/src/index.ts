/**
 * Mandatory access control: the framework that knows the policies of a kernel and puts each question of the stack to all of them (FreeBSD security/mac).
 *
 * Policies implement `mac-kpi` and register when they are loaded; `socket` and `inpcb` ask. While there is no policy a question costs a comparison with null.
 *
 * ```ts
 * import { EACCES } from '@ns/errno';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { mac } from '@ns/mac';
 * import { macPolicyModule, MAC_VERSION } from '@ns/mac-kpi';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(mac());
 * const quiet = macPolicyModule('quiet', () => ({ name: 'mac_quiet', fullname: 'Nobody listens', version: MAC_VERSION, socketCheckListen: () => EACCES }));
 * kernel.kldload(quiet).errno; // => 0
 * ```
 *
 * @packageDocumentation
 */
export { mac } from './module.ts';
