import { type Kernel, ServiceKey, type Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import type { IfAttachArgs, IfAttachArgsV1, IfAttachResult } from './attach.ts';
import type { IfCloner } from './cloner.ts';
import type { IfOverlay } from './driver.ts';
import type { IfMedia } from './if-media.ts';
import type { if_t } from './if-t.ts';

/**
 * Names a slot of an interface: room for one facility's data, there only on the interfaces that use it. A constant of the package that owns it.
 * @public
 */
export class IfSlotKey<T> {
  /** For people. */
  readonly name: string;
  /** Carries T; never read. */
  declare readonly __value?: T;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * The functions of the stack that drivers and other plug-ins call. Belongs to one kernel: fetch it by `kernel.service(IFNET_KPI)` when the module is
 * loaded, keep it in the softc. No function allocates unless it says so; none throws for what came from a wire.
 * Source: FreeBSD net/if_var.h, the IfAPI accessors.
 * @public
 */
export interface IfnetKpi {
  /** The kernel it belongs to. */
  readonly kernel: Kernel;

  /** Makes an interface in `vnet` and announces it. Copies what it needs of `args`. Fails only with EEXIST, only if `name` was given. Allocates. */
  ifAttach(vnet: Vnet, args: IfAttachArgs | IfAttachArgsV1): IfAttachResult;
  /** Takes an interface away: brings it down, removes addresses, announces, frees what is queued for it. The handle is dead afterwards: packets given to it are freed. */
  ifDetach(ifp: if_t): void;
  /** True from `ifAttach` to `ifDetach`. */
  ifIsAttached(ifp: if_t): boolean;

  /** A packet has come in, link header first. Consumes `m`. Its consequences happen before the call returns. Sets `m.rcvif`. */
  ifInput(ifp: if_t, m: Mbuf): void;
  /** The same from a software interrupt soon: for links inside the process, whose sender is still busy. Consumes `m`; a full queue drops it and counts IFCOUNTER_IQDROPS. */
  ifInputDeferred(ifp: if_t, m: Mbuf): void;
  /** Gives a packet with its link header to the interface, as the stack does: what a layer above (vlan, bridge) uses. Consumes `m`; returns an errno. */
  ifTransmit(ifp: if_t, m: Mbuf): number;
  /** Shows a packet to bpf. The stack does so for all that passes `ifInput` and `ifTransmit`; this is for others. m stays the caller's. */
  ifBpfTap(ifp: if_t, m: Mbuf): void;

  /** Adds `n` to a counter. */
  ifIncCounter(ifp: if_t, id: number, n: number): void;
  /** A counter, asking the driver first. */
  ifGetCounter(ifp: if_t, id: number): number;
  /** A counter as the stack keeps it: what a driver's `getCounter` adds its own to. */
  ifGetCounterDefault(ifp: if_t, id: number): number;

  /** `epair0a`. */
  ifName(ifp: if_t): string;
  /** `epair`. */
  ifGetDname(ifp: if_t): string;
  /** 0; {@link IF_DUNIT_NONE} if the name has no number. */
  ifGetDunit(ifp: if_t): number;
  /** Index in its vnet, from 1; 0 once detached. */
  ifGetIndex(ifp: if_t): number;
  /** IFT_*. */
  ifGetType(ifp: if_t): number;
  /** The driver's data. */
  ifGetSoftc(ifp: if_t): unknown;
  /** The vnet it is in now. */
  ifGetVnet(ifp: if_t): Vnet;
  /** The vnet it was made in. */
  ifGetHomeVnet(ifp: if_t): Vnet;
  /** Interface by name, or null. */
  ifUnit(vnet: Vnet, name: string): if_t | null;
  /** Interface by index, or null. */
  ifByIndex(vnet: Vnet, index: number): if_t | null;

  /** MTU, bytes of a network-layer packet. */
  ifGetMtu(ifp: if_t): number;
  /** Sets the MTU and tells who must know; for drivers (a user's SIOCSIFMTU is checked, this is not). */
  ifSetMtu(ifp: if_t, mtu: number): void;
  /** IFF_* of stack and driver as one word. */
  ifGetFlags(ifp: if_t): number;
  /** Changes the driver's word: sets `set`, clears `clear`; other bits than IFF_DRV_FLAGS are ignored. */
  ifSetDrvFlags(ifp: if_t, set: number, clear: number): void;
  /** The driver's word. */
  ifGetDrvFlags(ifp: if_t): number;
  /** LINK_STATE_*. */
  ifGetLinkState(ifp: if_t): number;
  /** The link has gone up or down. Announced from a software interrupt; changes in between are merged and counted. */
  ifLinkStateChange(ifp: if_t, state: number): void;
  /** Bits a second. */
  ifGetBaudrate(ifp: if_t): number;
  /** Sets the bits a second. */
  ifSetBaudrate(ifp: if_t, bps: number): void;
  /** IFCAP_* it can do. */
  ifGetCapabilities(ifp: if_t): number;
  /** Sets what it can do; capenable loses what is no longer there. */
  ifSetCapabilities(ifp: if_t, caps: number): void;
  /** IFCAP_* that are on. */
  ifGetCapenable(ifp: if_t): number;
  /** Sets what is on, masked to what it can do. hwassist follows. */
  ifSetCapenable(ifp: if_t, caps: number): void;
  /** CSUM_* that the stack may leave to the interface: derived from capenable. */
  ifGetHwassist(ifp: if_t): number;
  /** Limits of TSO packets, bytes; 0 = none. */
  ifGetTsoMax(ifp: if_t): number;
  /** What the link can be set to, and is; null if it has no media. */
  ifGetMedia(ifp: if_t): IfMedia | null;
  /** Changes the media words. */
  ifSetMedia(ifp: if_t, media: IfMedia | null): void;

  /** The link-layer address: the stack's own array, not to be written or kept; null if there is none. */
  ifGetLladdr(ifp: if_t): Uint8Array | null;
  /** Sets the link-layer address (a copy is kept) and announces it. Returns EINVAL for a wrong length. */
  ifSetLladdr(ifp: if_t, lladdr: Uint8Array): number;
  /** Calls `fn` with each link-layer multicast address that the interface is to receive, and how many asked for it. Control path. */
  ifForeachMaddr(ifp: if_t, fn: (lladdr: Uint8Array, refs: number) => void): number;
  /** Table for packets that come in. */
  ifGetFib(ifp: if_t): number;
  /** Description, empty if none. */
  ifGetDescr(ifp: if_t): string;

  /** Lays methods over those of the interface. EEXIST if one of that origin is there. Allocates. */
  ifPushOverlay(ifp: if_t, overlay: IfOverlay): number;
  /** Removes it, wherever in the stack it is. ENOENT if it is not there. Allocates. */
  ifPopOverlay(ifp: if_t, overlay: IfOverlay): number;
  /** Data of a facility, or undefined. */
  ifGetSlot<T>(ifp: if_t, key: IfSlotKey<T>): T | undefined;
  /** Sets the data of a facility; undefined removes the slot. */
  ifSetSlot<T>(ifp: if_t, key: IfSlotKey<T>, value: T | undefined): void;

  /** Offers a cloner to all vnets; its `minifs` are made in each. EEXIST if the name is taken, EINVAL if it ends in a digit. */
  ifClonerRegister(cloner: IfCloner): number;
  /** Withdraws a cloner and destroys its interfaces in all vnets. ENOENT if it is not there. */
  ifClonerUnregister(name: string): number;

  /** Logs a line with the name of the interface in front. `level` as in syslog. */
  ifLog(ifp: if_t, level: number, text: string): void;
}

/**
 * Where the functions are found: `kernel.service(IFNET_KPI)`. Provided by module `ifnet`.
 * @public
 */
export const IFNET_KPI: ServiceKey<IfnetKpi> = new ServiceKey<IfnetKpi>('ifnet-kpi');
