/**
 * Packet filter hook points (FreeBSD net/pfil.c, pfil(9)): heads where protocols let packets be looked at, hooks of filters, and the links between them, all of one vnet.
 *
 * For protocols and for who shows or changes links; filters are written against `pfil-kpi` alone. A protocol makes a {@link PfilHead} in each vnet and shows its packets with {@link pfilRun} while
 * somebody is linked; a head without hooks costs one comparison. Neighbours: `ip` has the head `inet`, `ip6` the head `inet6`, `ether` the head `ethernet`.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { PFIL, pfil, PfilHead } from '@ns/pfil';
 * import { PFIL_DROPPED, PFIL_IN, PFIL_INET_NAME, PFIL_PASS, PFIL_TYPE_IP4 } from '@ns/pfil-kpi';
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
export { PfilHead, PfilHookEntry } from './head.ts';
export { pfil } from './module.ts';
export { pfilRun } from './run.ts';
export { PFIL, PFIL_ARRIVAL_EVENT, type PfilHeadRow, type PfilHookRow, pfilOf, type PfilSnapshot, PfilVnet } from './vnet.ts';
