/**
 * What a network driver offers and may call (FreeBSD net/if.h, net/if_var.h and the projects/ifnet branch).
 *
 * A driver is one frozen {@link IfDriver}; an interface is attached with one argument object and is an opaque {@link if_t} afterwards; the stack's functions arrive as
 * an {@link IfnetKpi} object when the driver's module is loaded, so one driver package serves any number of kernels and imports no implementation. Neighbours: `mbuf` (packets), `kern` (modules);
 * package `ifnet` implements it. Also here: what drivers share, such as the header parser and software segmentation.
 *
 * ```ts
 * import { IF_ATTACH_VERSION, type IfDriver, IFNET_KPI, IFT_ETHER } from '@ns/ifnet-kpi';
 * import { type ModuleDecl, SI_ORDER_ANY, SI_SUB_DRIVERS } from '@ns/kern';
 * import { mFreem } from '@ns/mbuf';
 *
 * const drv: IfDriver = { name: 'nul', type: IFT_ETHER, ops: { transmit: (_ifp, m) => (mFreem(m), 0) } };
 * export const nul: ModuleDecl = {
 *   name: 'drv-nul', version: 1, depends: [{ name: 'ifnet', min: 1, preferred: 1, max: 1 }],
 *   sysinit: [{ subsystem: SI_SUB_DRIVERS, order: SI_ORDER_ANY, init: (kernel) => {
 *     kernel.service(IFNET_KPI).ifAttach(kernel.vnets.vnet0, { version: IF_ATTACH_VERSION, drv, softc: null });
 *   } }],
 * };
 * ```
 *
 * @packageDocumentation
 */

export * from './attach.ts';
export * from './cloner.ts';
export { csumFinalize, csumForward, csumOffset, csumPass, mHeaderWritable } from './csum.ts';
export * from './driver.ts';
export * from './hashtype.ts';
export { HeaderInfo, parseHeaders } from './headers.ts';
export * from './if-cap.ts';
export * from './if-flags.ts';
export * from './if-media.ts';
export type { if_t } from './if-t.ts';
export * from './ioctl.ts';
export { IFNET_KPI, IfSlotKey, type IfnetKpi } from './kpi.ts';
export { tsoSegment } from './tso.ts';
