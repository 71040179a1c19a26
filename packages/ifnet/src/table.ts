import { defineVnetVar, sameVnet, type Vnet, type VnetVar } from '@ns/kern';
import type { Ifnet } from './ifnet.ts';

/**
 * The interfaces of one vnet. Written by this package only.
 * @public
 */
export class IfnetVnet {
  /** Whose they are. */
  readonly vnet: Vnet;
  /** In the order of their arrival; a new array on each change, so a loop over it may change the table. */
  list: readonly Ifnet[];
  /** By name. */
  readonly byName: Map<string, Ifnet>;
  /** By index; slot 0 is never used. */
  readonly byIndex: (Ifnet | null)[];
  /** Members by group. */
  readonly groups: Map<string, Set<Ifnet>>;
  /** The loopback interface, or null before there is one. */
  loif: Ifnet | null;
  /** Routing tables there are: SIOCSIFFIB is checked against it. Set by package route. */
  numfibs: number;
  /** net.inet.ip.no_same_prefix: an IPv4 prefix is on one interface only. */
  noSamePrefix: boolean;
  /** Units that each cloner has made with this vnet as home: the interface that the cloner returned. */
  readonly clones: Map<string, Map<number, Ifnet>>;

  constructor(vnet: Vnet) {
    this.vnet = vnet;
    this.list = [];
    this.byName = new Map();
    this.byIndex = [null];
    this.groups = new Map();
    this.loif = null;
    this.numfibs = 1;
    this.noSamePrefix = false;
    this.clones = new Map();
  }

  /** Enters an interface under its name and the lowest free index. */
  enter(ifp: Ifnet): void {
    sameVnet(ifp.vnet, this.vnet, `interface ${ifp.name}`);
    let index = 1;
    while (index < this.byIndex.length && this.byIndex[index] !== null) index++;
    ifp.index = index;
    // It may come from a vnet with more tables.
    if (ifp.fib >= this.numfibs) ifp.fib = 0;
    this.byIndex[index] = ifp;
    this.byName.set(ifp.name, ifp);
    this.list = [...this.list, ifp];
  }

  /** Takes it out; its index may be given out again. */
  leave(ifp: Ifnet): void {
    this.byIndex[ifp.index] = null;
    while (this.byIndex.length > 1 && this.byIndex[this.byIndex.length - 1] === null) this.byIndex.pop();
    ifp.index = 0;
    this.byName.delete(ifp.name);
    this.list = this.list.filter((x) => x !== ifp);
    if (this.loif === ifp) this.loif = null;
  }

  /** Enters it under another name. */
  rename(ifp: Ifnet, name: string): void {
    this.byName.delete(ifp.name);
    ifp.name = name;
    this.byName.set(name, ifp);
  }

  /** The lowest unit of `dname` that is not taken. */
  freeUnit(dname: string): number {
    let unit = 0;
    while (this.byName.has(`${dname}${unit}`)) unit++;
    return unit;
  }
}

/** The interfaces of a vnet. @public */
export const IFNET: VnetVar<IfnetVnet> = defineVnetVar({
  module: 'ifnet',
  name: 'ifnet',
  init: (vnet: Vnet) => new IfnetVnet(vnet),
});

/** Interface by name, or null. Source: FreeBSD ifunit(). @public */
export function ifunit(vnet: Vnet, name: string): Ifnet | null {
  return IFNET.get(vnet).byName.get(name) ?? null;
}

/** Interface by index, or null. Source: FreeBSD ifnet_byindex(). @public */
export function ifnetByIndex(vnet: Vnet, index: number): Ifnet | null {
  return IFNET.get(vnet).byIndex[index] ?? null;
}

/** Calls `fn` with each interface of a vnet, in the order of their arrival; `fn` may change the table. @public */
export function ifForeach(vnet: Vnet, fn: (ifp: Ifnet) => void): void {
  for (const ifp of IFNET.get(vnet).list) fn(ifp);
}

/** The loopback interface of a vnet, or null. Source: FreeBSD V_loif. @public */
export function loifOf(vnet: Vnet): Ifnet | null {
  return IFNET.get(vnet).loif;
}
