/**
 * The interfaces of each vnet: table, addresses, flags, capabilities, groups, cloning, link state, moves between vnets, and the functions that drivers call (FreeBSD net/if.c).
 *
 * @packageDocumentation
 */

export {
  findAddr,
  firstAddr,
  ifAddAddr,
  ifaOfIfpForAddr,
  ifaWithAddr,
  ifaWithDstaddr,
  ifaWithNet,
  ifDelAddr,
  ifPurgeAddrs,
} from './addr.ts';
export { ifVmove } from './attach.ts';
export { ifSetCapabilities, ifSetCapenable } from './caps.ts';
export { ifCloneCreate, ifCloneDestroy, type IfCreateResult } from './clone.ts';
export { IFNET_CORE, type IfnetCore, ifSetNumfibs, ifTypeDeregister, ifTypeRegister } from './core.ts';
export { ifBpf, ifGetCounter, ifIncCounter, ifInput, ifInputDeferred, ifTransmit } from './data.ts';
export * from './events.ts';
export { ifAllmulti, ifDown, ifInit, ifPromisc, ifSetDrvFlags, ifUp } from './flags.ts';
export { ifAddGroup, ifDelGroup, IFG_ALL } from './group.ts';
export { ifSetLladdr, ifSetMtu } from './hw.ts';
export { IFA_ROUTE, IFA_RTSELF, IFADDR_EVENT_ADD, IFADDR_EVENT_DEL, Ifaddr, ifaFree, ifaRef } from './ifaddr.ts';
export { type IfInputFn, type Ifnet, ifnetOf, type IfOutputFn } from './ifnet.ts';
export type { IfTypeOps } from './iftype.ts';
export { ifioctl } from './ioctl.ts';
export { ifGetSlot, ifSetSlot } from './kpi.ts';
export { type IfLayer, ifPopOverlay, ifPushOverlay } from './layer.ts';
export { ifLinkStateChange } from './link.ts';
export { ifSimloop } from './loop.ts';
export { ifnet } from './module.ts';
export { ifAddLlmulti, ifAddMulti, ifDelLlmulti, ifDelMulti, ifFindLlmulti, ifFindMulti, ifForeachLlmaddr, type IfMultiaddr } from './multi.ts';
export { type IfaddrSnapshot, type IfMultiaddrSnapshot, type IfSnapshot, ifSnapshot, ifSnapshots } from './snapshot.ts';
export { ifForeach, IFNET, ifnetByIndex, type IfnetVnet, ifunit, loifOf } from './table.ts';
