/**
 * A policy of mandatory access control that says who may bind which TCP and UDP ports (FreeBSD mac_portacl(4)).
 *
 * Neighbours: `mac` asks it; `mac-kpi` is the contract. It forbids and never allows: for users to bind reserved ports that the rules give them,
 * `net.inet.ip.portrange.reservedhigh` has to be 0 as well.
 *
 * ```ts
 * import { macPortacl } from '@ns/mac-portacl';
 * import { createStack } from '@ns/stack';
 *
 * const stack = createStack({ extra: [macPortacl()] });      // the default stack has mac()
 * stack.host.sysctl('net.inet.ip.portrange.reservedhigh', 0);
 * stack.host.sysctl('security.mac.portacl.rules', 'uid:80:tcp:80,uid:80:tcp:443');
 * ```
 *
 * @packageDocumentation
 */
export { macPortacl } from './module.ts';
