/**
 * TCP MD5 signatures (RFC 2385; FreeBSD netipsec/xform_tcp.c): segments of sockets with TCP_MD5SIG are signed, and taken only if they are signed right. Routers guard
 * their BGP sessions with it.
 *
 * Neighbours: `tcp` asks the module through the contract in `tcp-kpi`; `cli` has `setkey`. MD5 is this package's own.
 *
 * ```ts
 * import { setkey, TCP_KEYS, tcpSignature } from '@ns/tcp-signature';
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { inpcb } from '@ns/inpcb';
 * import { netisr } from '@ns/netisr';
 * import { socket } from '@ns/socket';
 * import { tcp } from '@ns/tcp';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(tcpSignature(), [tcp(), socket(), inpcb(), netisr()]); // with what it needs
 * const keys = TCP_KEYS.get(kernel.vnets.vnet0);
 * setkey(keys, 'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "secret"; add 10.0.0.2 10.0.0.1 tcp 0x1001 -A tcp-md5 "secret";').error; // => null
 * keys.count; // => 2
 * ```
 * @packageDocumentation
 */
export { TCP_KEYS, TCP_SIG_SPI, type TcpKey, TcpKeys } from './keys.ts';
export { Md5 } from './md5.ts';
export { tcpSignature } from './module.ts';
export { formatKeys, setkey, type SetkeyResult } from './setkey.ts';
