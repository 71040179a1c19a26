/**
 * The contract of packet filters (FreeBSD net/pfil.h, pfil(9)): what a hook is given and may answer, where it can look, and how a module links it.
 *
 * A filter imports this package and base ones only. Neighbours: module `pfil` has the hook points; `ip`, `ip6` and `ether` show their packets; `pf-state` is a filter.
 *
 * ```ts
 * import { virtualHost } from '@ns/kern';
 * import { PFIL_DROPPED, PFIL_INET_NAME, PFIL_OUT, PFIL_PASS, PFIL_TYPE_IP4, pfilModule } from '@ns/pfil-kpi';
 * import { SOCK_DGRAM, type Socket, socreate, sosendCopy } from '@ns/socket';
 * import { createStack } from '@ns/stack';
 * import { AF_INET, getIpDst, inAddr4, Sockaddr } from '@ns/wire';
 *
 * const secret = 0x7f000035; // 127.0.0.53
 * const hide = pfilModule('hide', () => [
 *   { rulname: 'default', head: PFIL_INET_NAME, type: PFIL_TYPE_IP4, flags: PFIL_OUT, ruleset: null, mbufChk: (m) => (getIpDst(m.dv, m.off) === secret ? PFIL_DROPPED : PFIL_PASS) },
 * ]);
 * const { host } = createStack({ host: virtualHost(), extra: [hide] }); // module pfil comes along
 * host.addAddress('lo0', '127.0.0.1/8');
 * host.addAddress('lo0', '127.0.0.53/32');
 * const so = socreate(host.vnet, AF_INET, SOCK_DGRAM, 0, host.cred) as Socket;
 * sosendCopy(so, new Sockaddr(inAddr4(secret), 53), new Uint8Array(8), 0, 8, 0); // => -13 (EACCES)
 * sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 53), new Uint8Array(8), 0, 8, 0); // => 8
 * ```
 *
 * @packageDocumentation
 */
export {
  PFIL_APPEND,
  PFIL_CONSUMED,
  PFIL_DROPPED,
  PFIL_ETHER_NAME,
  PFIL_FWD,
  PFIL_IN,
  PFIL_INET6_NAME,
  PFIL_INET_NAME,
  PFIL_OUT,
  PFIL_PASS,
  PFIL_REALLOCED,
  PFIL_TYPE_ETHERNET,
  PFIL_TYPE_IP4,
  PFIL_TYPE_IP6,
  type PfilHook,
  type PfilHookArgs,
  type PfilMbufChk,
  type PfilPacket,
} from './hook.ts';
export { PFIL_HEAD_EVENT, PFIL_KPI, type PfilKpi } from './kpi.ts';
export { type PfilFilter, pfilModule } from './module.ts';
