/**
 * Mandatory access control: the framework that knows the policies of a kernel and puts each question of the stack to all of them (FreeBSD security/mac).
 *
 * Policies implement `mac-kpi` and register when they are loaded; `socket` and `inpcb` ask. While there is no policy a question costs a comparison with null.
 *
 * ```ts
 * import { EACCES } from '@ns/errno';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { mac } from '@ns/mac';
 * import { MAC_VERSION, macChecks, macPolicyModule } from '@ns/mac-kpi';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(mac()); // before the first policy; sockets need not wait for it
 * macChecks(kernel); // => null: nobody to ask
 *
 * const quiet = { name: 'mac_quiet', fullname: 'Nobody listens', version: MAC_VERSION, socketCheckListen: () => EACCES } as const;
 * kernel.kldload(macPolicyModule('quiet', () => quiet));
 * macChecks(kernel) === null; // => false
 * kernel.kldunload('mac_quiet').message; // => "module 'mac_quiet' is held by 1 macpolicy mac_quiet": it does not say that it may be unloaded
 * ```
 *
 * @packageDocumentation
 */
export { mac } from './module.ts';
