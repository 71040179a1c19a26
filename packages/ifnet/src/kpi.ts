import { BPF_D_OUT } from '@ns/bpf';
import type {
  if_t,
  IfAttachArgs,
  IfAttachArgsV1,
  IfAttachResult,
  IfCloner,
  IfMedia,
  IfnetKpi,
  IfOverlay,
  IfSlotKey,
} from '@ns/ifnet-kpi';
import type { Kernel, Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import { ifAttach, ifDetach } from './attach.ts';
import { ifSetCapabilities, ifSetCapenable } from './caps.ts';
import { clonerRegister, clonerUnregister } from './clone.ts';
import { IfCompat } from './compat.ts';
import type { IfnetCore } from './core.ts';
import { ifGetCounter, ifIncCounter, ifInput, ifInputDeferred, ifTransmit } from './data.ts';
import { IFNET_EVENT, IFNET_EVENT_UPDATE_BAUDRATE } from './events.ts';
import { ifSetDrvFlags } from './flags.ts';
import { ifSetLladdr, ifSetMtu } from './hw.ts';
import { type Ifnet, ifnetOf } from './ifnet.ts';
import { ifPopOverlay, ifPushOverlay } from './layer.ts';
import { ifLinkStateChange } from './link.ts';
import { ifForeachLlmaddr } from './multi.ts';
import { ifnetByIndex, ifunit } from './table.ts';

/** The functions of {@link IfnetKpi} for one kernel: each finds the interface behind the handle and calls its namesake. */
export class IfnetKpiImpl implements IfnetKpi {
  readonly kernel: Kernel;
  private readonly core: IfnetCore;
  private readonly compat: IfCompat;

  constructor(core: IfnetCore) {
    this.kernel = core.kernel;
    this.core = core;
    this.compat = new IfCompat();
  }

  ifAttach(vnet: Vnet, args: IfAttachArgs | IfAttachArgsV1): IfAttachResult {
    return ifAttach(this.core, this.compat, vnet, args);
  }
  ifDetach(h: if_t): void {
    ifDetach(ifnetOf(h));
  }
  ifIsAttached(h: if_t): boolean {
    return ifnetOf(h).attached;
  }

  ifInput(h: if_t, m: Mbuf): void {
    ifInput(ifnetOf(h), m);
  }
  ifInputDeferred(h: if_t, m: Mbuf): void {
    ifInputDeferred(ifnetOf(h), m);
  }
  ifTransmit(h: if_t, m: Mbuf): number {
    return ifTransmit(ifnetOf(h), m);
  }
  ifBpfTap(h: if_t, m: Mbuf): void {
    ifnetOf(h).bpf?.tap(m, BPF_D_OUT);
  }

  ifIncCounter(h: if_t, id: number, n: number): void {
    ifIncCounter(ifnetOf(h), id, n);
  }
  ifGetCounter(h: if_t, id: number): number {
    return ifGetCounter(ifnetOf(h), id);
  }
  ifGetCounterDefault(h: if_t, id: number): number {
    return ifnetOf(h).counters[id] ?? 0;
  }

  ifName(h: if_t): string {
    return ifnetOf(h).name;
  }
  ifGetDname(h: if_t): string {
    return ifnetOf(h).dname;
  }
  ifGetDunit(h: if_t): number {
    return ifnetOf(h).dunit;
  }
  ifGetIndex(h: if_t): number {
    return ifnetOf(h).index;
  }
  ifGetType(h: if_t): number {
    return ifnetOf(h).type;
  }
  ifGetSoftc(h: if_t): unknown {
    return ifnetOf(h).softc;
  }
  ifGetVnet(h: if_t): Vnet {
    return ifnetOf(h).vnet;
  }
  ifGetHomeVnet(h: if_t): Vnet {
    return ifnetOf(h).homeVnet;
  }
  ifUnit(vnet: Vnet, name: string): if_t | null {
    return ifunit(vnet, name)?.handle ?? null;
  }
  ifByIndex(vnet: Vnet, index: number): if_t | null {
    return ifnetByIndex(vnet, index)?.handle ?? null;
  }

  ifGetMtu(h: if_t): number {
    return ifnetOf(h).mtu;
  }
  ifSetMtu(h: if_t, mtu: number): void {
    ifSetMtu(ifnetOf(h), mtu);
  }
  ifGetFlags(h: if_t): number {
    return ifnetOf(h).flags;
  }
  ifSetDrvFlags(h: if_t, set: number, clear: number): void {
    ifSetDrvFlags(ifnetOf(h), set, clear);
  }
  ifGetDrvFlags(h: if_t): number {
    return ifnetOf(h).drvFlags;
  }
  ifGetLinkState(h: if_t): number {
    return ifnetOf(h).linkState;
  }
  ifLinkStateChange(h: if_t, state: number): void {
    ifLinkStateChange(ifnetOf(h), state);
  }
  ifGetBaudrate(h: if_t): number {
    return ifnetOf(h).baudrate;
  }
  ifSetBaudrate(h: if_t, bps: number): void {
    const ifp = ifnetOf(h);
    if (ifp.baudrate === bps) return;
    ifp.baudrate = bps;
    this.kernel.events.invoke(IFNET_EVENT, ifp.vnet, ifp, IFNET_EVENT_UPDATE_BAUDRATE);
  }
  ifGetCapabilities(h: if_t): number {
    return ifnetOf(h).capabilities;
  }
  ifSetCapabilities(h: if_t, caps: number): void {
    ifSetCapabilities(ifnetOf(h), caps);
  }
  ifGetCapenable(h: if_t): number {
    return ifnetOf(h).capenable;
  }
  ifSetCapenable(h: if_t, caps: number): void {
    ifSetCapenable(ifnetOf(h), caps);
  }
  ifGetHwassist(h: if_t): number {
    return ifnetOf(h).hwassist;
  }
  ifGetTsoMax(h: if_t): number {
    return ifnetOf(h).tso.maxBytes;
  }
  ifGetMedia(h: if_t): IfMedia | null {
    return ifnetOf(h).media;
  }
  ifSetMedia(h: if_t, media: IfMedia | null): void {
    ifnetOf(h).media = media;
  }

  ifGetLladdr(h: if_t): Uint8Array | null {
    return ifnetOf(h).lladdr;
  }
  ifSetLladdr(h: if_t, lladdr: Uint8Array): number {
    return ifSetLladdr(ifnetOf(h), lladdr);
  }
  ifForeachMaddr(h: if_t, fn: (lladdr: Uint8Array, refs: number) => void): number {
    return ifForeachLlmaddr(ifnetOf(h), fn);
  }
  ifGetFib(h: if_t): number {
    return ifnetOf(h).fib;
  }
  ifGetDescr(h: if_t): string {
    return ifnetOf(h).descr;
  }

  ifPushOverlay(h: if_t, overlay: IfOverlay): number {
    return ifPushOverlay(ifnetOf(h), overlay);
  }
  ifPopOverlay(h: if_t, overlay: IfOverlay): number {
    return ifPopOverlay(ifnetOf(h), overlay);
  }
  ifGetSlot<T>(h: if_t, key: IfSlotKey<T>): T | undefined {
    return ifGetSlot(ifnetOf(h), key);
  }
  ifSetSlot<T>(h: if_t, key: IfSlotKey<T>, value: T | undefined): void {
    ifSetSlot(ifnetOf(h), key, value);
  }

  ifClonerRegister(cloner: IfCloner): number {
    return clonerRegister(this.core, cloner);
  }
  ifClonerUnregister(name: string): number {
    return clonerUnregister(this.core, name);
  }

  ifLog(h: if_t, level: number, text: string): void {
    const ifp = ifnetOf(h);
    ifp.vnet.log.log(level, ifp.name, text);
  }
}

/** Data that a facility keeps with an interface, or undefined. @public */
export function ifGetSlot<T>(ifp: Ifnet, key: IfSlotKey<T>): T | undefined {
  return ifp.slots === null ? undefined : (ifp.slots.get(key as IfSlotKey<unknown>) as T | undefined);
}

/** Sets the data that a facility keeps with an interface; undefined removes it, and the last one the room for them. @public */
export function ifSetSlot<T>(ifp: Ifnet, key: IfSlotKey<T>, value: T | undefined): void {
  const k = key as IfSlotKey<unknown>;
  if (value !== undefined) {
    if (ifp.slots === null) ifp.slots = new Map();
    ifp.slots.set(k, value);
    return;
  }
  ifp.slots?.delete(k);
  if (ifp.slots?.size === 0) ifp.slots = null;
}
