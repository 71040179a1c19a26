/**
 * Input dispatch, RSS hash and buckets.
 *
 * @packageDocumentation
 */

export { netisr } from './module.ts';
export { NETISR, Netisr, type NetisrInterfaces, type NetisrOptions } from './netisr.ts';
export * from './proto.ts';
export * from './rss.ts';
export type { NetisrProtoRow, NetisrSnapshot, NetisrWorkRow } from './snapshot.ts';
export { RSS_DEFAULT_KEY, RSS_KEYSIZE, Toeplitz } from './toeplitz.ts';
