/**
 * The interfaces of each vnet (FreeBSD net/if.c): table, addresses, flags, capabilities, groups, cloning, link state, layers of methods, moves between vnets, and the
 * functions that drivers call.
 *
 * The stack sees {@link Ifnet}; drivers see `if_t` and never more. An interface *type* ({@link ifTypeRegister}) brings link-level behaviour; `ether` registers Ethernet, loopback is here.
 * Neighbours: `ifnet-kpi` (the contract), `netisr` (queues), `bpf` (taps), `vnet` (jails). Protocols listen to the events and never write an `Ifnet`.
 *
 * ```ts
 * import { Kernel, virtualHost } from '@ns/kern';
 * import { vnet } from '@ns/vnet';
 * import { netisr } from '@ns/netisr';
 * import { loop } from '@ns/drv-loop';
 * import { ifAddAddr, ifnet, ifSnapshots, ifunit } from '@ns/ifnet';
 * import { INADDR_LOOPBACK } from '@ns/wire';
 *
 * const kernel = new Kernel(virtualHost());
 * for (const mod of [netisr(), vnet(), ifnet(), loop()]) kernel.kldload(mod);
 * const lo0 = ifunit(kernel.vnets.vnet0, 'lo0');
 * if (lo0 !== null) ifAddAddr(lo0, { addr: INADDR_LOOPBACK, prefixlen: 8 });
 * ifSnapshots(kernel.vnets.vnet0)[0]?.flags.toString(16); // => '8049': UP, LOOPBACK, RUNNING, MULTICAST
 * ```
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
export { IFA_NOPREFIXROUTE, IFA_ROUTE, IFA_RTSELF, IFADDR_EVENT_ADD, IFADDR_EVENT_DEL, Ifaddr, ifaFree, ifaRef } from './ifaddr.ts';
export { IfaddrHash } from './ifaddr-hash.ts';
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
