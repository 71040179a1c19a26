/**
 * Interface table, addresses, cloning, link state.
 *
 * @packageDocumentation
 */

export { IFA_ROUTE, IFA_RTSELF, IFADDR_EVENT_ADD, IFADDR_EVENT_DEL, Ifaddr, ifaFree, ifaRef } from './ifaddr.ts';
export { type IfInputFn, Ifnet, ifnetOf, type IfOutputFn } from './ifnet.ts';
export type { IfTypeOps } from './iftype.ts';
export type { IfLayer } from './layer.ts';
export type { IfMultiaddr } from './multi.ts';
