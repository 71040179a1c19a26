/**
 * What a network driver offers and may call.
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
