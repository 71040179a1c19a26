/**
 * Packet filter hook points (FreeBSD net/pfil.c, pfil(9)): heads where protocols let packets be looked at, hooks of filters, and the links between them, all of one vnet.
 *
 * A protocol makes a {@link PfilHead} in each vnet and shows its packets with {@link pfilRun} while somebody is linked; a head without hooks costs one comparison. A filter is a module that depends
 * on `pfil` and adds its hook in each vnet. Neighbours: `ip` has the head `inet`, `ip6` the head `inet6`, `ether` the head `ethernet`.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { PFIL, PFIL_DROPPED, PFIL_IN, PFIL_INET_NAME, PFIL_PASS, PFIL_TYPE_IP4, pfil, PfilHead } from '@ns/pfil';
 * import { getIpTtl } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * kernel.kldload(pfil());
 * const pf = PFIL.get(kernel.vnets.vnet0);
 * pf.headRegister(new PfilHead(PFIL_TYPE_IP4, PFIL_INET_NAME)); // done by package ip
 * pf.addHook({ modname: 'hops', rulname: 'default', type: PFIL_TYPE_IP4, mbufChk: (m) => (getIpTtl(m.dv, m.off) < 5 ? PFIL_DROPPED : PFIL_PASS) });
 * pf.link('inet', 'hops:default', PFIL_IN); // => 0
 * pf.snapshot().heads; // => [{ name: 'inet', type: 1, hooksIn: ['hops:default'], hooksOut: [] }]
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
  PfilHead,
  PfilHook,
  type PfilHookArgs,
  type PfilMbufChk,
  type PfilPacket,
} from './head.ts';
export { pfil } from './module.ts';
export { pfilRun } from './run.ts';
export { PFIL, PFIL_ARRIVAL_EVENT, type PfilHeadRow, type PfilHookRow, pfilOf, type PfilSnapshot, PfilVnet } from './vnet.ts';
