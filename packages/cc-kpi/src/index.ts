/**
 * The contract between a transport and its congestion control (FreeBSD netinet/cc/cc.h): the hooks an algorithm offers, the narrow view of a
 * connection it gets, and NewReno's arithmetic to build on.
 *
 * An algorithm is a frozen {@link CcAlgo}; a module registers it with the kernel's {@link CC_KPI}. Neighbours: `tcp` provides the service, `cc-newreno` is the default.
 *
 * ```ts
 * import { CC_KPI, type CcAlgo, newrenoCcAckReceived, newrenoCcCongSignal } from '@ns/cc-kpi';
 * import { type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN } from '@ns/kern';
 *
 * const gentle: CcAlgo = {
 *   name: 'gentle',
 *   ackReceived: newrenoCcAckReceived,
 *   congSignal: (ccv, type) => newrenoCcCongSignal(ccv, type, 80),
 * };
 * export const ccGentle: ModuleDecl = {
 *   name: 'cc-gentle', version: 1, depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
 *   sysinit: [{ subsystem: SI_SUB_PROTO_IFATTACHDOMAIN, order: SI_ORDER_ANY, init: (kernel) => kernel.service(CC_KPI).register(gentle) }],
 * };
 * ```
 * @packageDocumentation
 */
export { CC_KPI, type CcAlgo, type CcAvailable, type CcKpi, type CcSockopt, TCP_CA_NAME_MAX } from './cc-algo.ts';
export * from './cc-var.ts';
export { newrenoCcAckReceived, newrenoCcAfterIdle, newrenoCcCongSignal, newrenoCcPostRecovery } from './newreno.ts';
