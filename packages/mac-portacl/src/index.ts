/**
 * A policy of mandatory access control that says who may bind which TCP and UDP ports (FreeBSD mac_portacl(4)).
 *
 * Neighbours: `mac` asks it; `mac-kpi` is the contract. It forbids and never allows: for users to bind reserved ports that the rules give them,
 * `net.inet.ip.portrange.reservedhigh` has to be 0 as well.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { macPortacl } from '@ns/mac-portacl';
 * import { SOCK_STREAM, sobind, type Socket, socreate } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { crSetuid } from '@ns/vnet';
 * import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const { host } = createStack({ host: virtualHost(), extra: [macPortacl()] }); // the default stack has module mac
 * host.addAddress('lo0', '127.0.0.1/8');
 * host.sysctl('net.inet.ip.portrange.reservedhigh', 0);
 * host.sysctl('security.mac.portacl.rules', 'uid:80:tcp:80,uid:80:tcp:443');
 *
 * const www = crSetuid(host.cred, 80);
 * const so = socreate(host.vnet, AF_INET, SOCK_STREAM, 0, www) as Socket;
 * sobind(so, new Sockaddr(inAddr4(0x7f000001), 22), www); // => 1 (EPERM)
 * sobind(so, new Sockaddr(inAddr4(0x7f000001), 80), www); // => 0
 * ```
 *
 * @packageDocumentation
 */
export { macPortacl } from './module.ts';
