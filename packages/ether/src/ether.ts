import type { Ifnet, IfTypeOps } from '@ns/ifnet';
import { defineVnetVar, type Kernel, ServiceKey, type VnetVar } from '@ns/kern';
import type { Llentry } from '@ns/lltable';
import type { Mbuf } from '@ns/mbuf';
import type { Netisr } from '@ns/netisr';
import { PfilHead } from '@ns/pfil';
import { PFIL_ETHER_NAME, PFIL_TYPE_ETHERNET } from '@ns/pfil-kpi';
import type { InAddr } from '@ns/wire';

/** Resolvers are found by address family, AF_INET and AF_INET6. */
const AF_SLOTS = 29;

/**
 * Finds the link-layer address of a next hop: `arp` for IPv4, `nd6` for IPv6.
 * @public
 */
export interface EtherResolver {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /**
   * The neighbour `dst` on `ifp`, ready for use: `m` stays the caller's. Or an errno, and m is consumed: EWOULDBLOCK when it waits for the answer, EHOSTDOWN or (with
   * `isGw`, when `dst` is a gateway) EHOSTUNREACH when there was none for too long, ENOBUFS ... Called when the sender has no resolved neighbour at hand.
   */
  resolve(ifp: Ifnet, m: Mbuf, dst: InAddr, isGw: boolean): Llentry | number;
}

/**
 * Looks at Ethernet frames before or after the stack does: where netgraph would be. Each may consume the frame (and return null), or return it, perhaps another one.
 * A frame begins with its Ethernet header.
 * @alpha
 */
export interface EtherHook {
  /** A frame that came in, before anything else. Source: FreeBSD ng_ether_input(). */
  input?(ifp: Ifnet, m: Mbuf): Mbuf | null;
  /** A frame that goes out, just before the interface. Source: FreeBSD ng_ether_output(). */
  output?(ifp: Ifnet, m: Mbuf): Mbuf | null;
  /** A frame whose type nobody takes. Source: FreeBSD ng_ether_input_orphan(). */
  inputOrphan?(ifp: Ifnet, m: Mbuf): Mbuf | null;
}

/**
 * Takes frames with a VLAN tag: `m.etherVtag` has it, the frame is untagged. Consumes m; false when no VLAN of that tag exists (m stays the caller's).
 * @alpha
 */
export type EtherVlanInput = (ifp: Ifnet, m: Mbuf) => boolean;

/**
 * Ethernet, once in each kernel.
 *
 * Source: FreeBSD net/if_ethersubr.c.
 * @public
 */
export class Ether {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Input queues. */
  readonly netisr: Netisr;
  /** By address family. */
  readonly resolvers: (EtherResolver | null)[];
  /** Where netgraph would be; null while nobody is there. */
  hook: EtherHook | null;
  /** Takes tagged frames; null while nobody does. */
  vlanInput: EtherVlanInput | null;
  /** Hooks of packet filters on Ethernet frames, in all vnets together; 0 while nobody looks. */
  filters: number;
  /** The behaviour registered for IFT_ETHER. */
  type: IfTypeOps | null;

  constructor(kernel: Kernel, netisr: Netisr) {
    this.kernel = kernel;
    this.netisr = netisr;
    this.resolvers = new Array<EtherResolver | null>(AF_SLOTS).fill(null);
    this.hook = null;
    this.vlanInput = null;
    this.filters = 0;
    this.type = null;
  }

  /** Registers the resolver of a family; replaces one that is there. */
  setResolver(r: EtherResolver): void {
    this.resolvers[r.af] = r;
  }

  /** Removes the resolver of a family if it is `r`. */
  clearResolver(r: EtherResolver): void {
    if (this.resolvers[r.af] === r) this.resolvers[r.af] = null;
  }
}

/** Where Ethernet is found: `kernel.service(ETHER)`. @public */
export const ETHER: ServiceKey<Ether> = new ServiceKey<Ether>('ether');

/** Where packet filters look at the Ethernet frames of a vnet: the head `ethernet`. Its hooks are counted in {@link Ether.filters}. @public */
export const ETHER_PFIL: VnetVar<PfilHead> = defineVnetVar<PfilHead>({
  module: 'ether',
  name: 'pfil',
  init: (vnet) => {
    const eth = vnet.kernel.service(ETHER);
    let counted = 0;
    const head: PfilHead = new PfilHead(PFIL_TYPE_ETHERNET, PFIL_ETHER_NAME, () => {
      eth.filters += head.nhooksin + head.nhooksout - counted;
      counted = head.nhooksin + head.nhooksout;
    });
    return head;
  },
});
