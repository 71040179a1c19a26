import type { IfMedia, IfMediaStatus } from '@ns/ifnet-kpi';
import { IFCOUNTERS } from '@ns/ifnet-kpi';
import type { Vnet } from '@ns/kern';
import type { InAddr } from '@ns/wire';
import { ifGetCounter } from './data.ts';
import { ifMediaOf } from './hw.ts';
import type { Ifnet } from './ifnet.ts';
import { IFNET } from './table.ts';

/** An address, for tools. @public */
export interface IfaddrSnapshot {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** The address; for a group null if it was asked for by link address. */
  readonly addr: InAddr;
  /** Length of the prefix. */
  readonly prefixlen: number;
  /** Directed broadcast address. */
  readonly broadcast: InAddr | null;
  /** The far end. */
  readonly dst: InAddr | null;
  /** IN6_IFF_* for IPv6. */
  readonly flags: number;
  /** Kernel time at which it is no longer preferred, µs; 0 = never. */
  readonly preferredUntilUs: number;
  /** Kernel time at which it is no longer valid, µs; 0 = never. */
  readonly validUntilUs: number;
  /** Packets received for it. */
  readonly ipackets: number;
  /** Packets sent from it. */
  readonly opackets: number;
  /** Bytes received for it. */
  readonly ibytes: number;
  /** Bytes sent from it. */
  readonly obytes: number;
}

/** A multicast group, for tools. @public */
export interface IfMultiaddrSnapshot {
  /** The address; for a group null if it was asked for by link address. */
  readonly addr: InAddr | null;
  /** Link-layer address. */
  readonly lladdr: Uint8Array | null;
  /** Who asked. */
  readonly refs: number;
}

/**
 * All that tools show of an interface, at one moment; belongs to whoever asked. Source: FreeBSD struct if_data, struct ifreq.
 * @public
 */
export interface IfSnapshot {
  /** `epair0a`. */
  readonly name: string;
  /** `epair`. */
  readonly dname: string;
  /** 0. */
  readonly dunit: number;
  /** Index in its vnet. */
  readonly index: number;
  /** IFT_*. */
  readonly type: number;
  /** IFF_*. */
  readonly flags: number;
  /** For routing daemons. */
  readonly metric: number;
  /** Bytes of a network-layer packet. */
  readonly mtu: number;
  /** Routing table of what comes in. */
  readonly fib: number;
  /** Description, empty if none. */
  readonly descr: string;
  /** IFCAP_*. */
  readonly capabilities: number;
  /** IFCAP_*. */
  readonly capenable: number;
  /** CSUM_*. */
  readonly hwassist: number;
  /** Bytes of a link address. */
  readonly addrlen: number;
  /** Bytes of the link header. */
  readonly hdrlen: number;
  /** Link-layer address. */
  readonly lladdr: Uint8Array | null;
  /** Burned-in link address. */
  readonly hwaddr: Uint8Array | null;
  /** LINK_STATE_*. */
  readonly linkState: number;
  /** Bits a second. */
  readonly baudrate: number;
  /** Groups, `all` first. */
  readonly groups: readonly string[];
  /** Media words and status; null without. */
  readonly media: { readonly media: IfMedia; readonly status: IfMediaStatus } | null;
  /** Addresses in order. */
  readonly addrs: readonly IfaddrSnapshot[];
  /** Multicast memberships. */
  readonly maddrs: readonly IfMultiaddrSnapshot[];
  /** By IFCOUNTER_*. */
  readonly counters: readonly number[];
  /** Layers of methods, uppermost first. */
  readonly layers: readonly string[];
  /** Name of the cloner, or null. */
  readonly cloner: string | null;
  /** Vnet id of its home. */
  readonly homeVnet: number;
  /** When it was attached, µs of the kernel’s clock. */
  readonly epochUs: number;
  /** Last change of state, µs of the kernel’s clock. */
  readonly lastchangeUs: number;
}

/** Takes a snapshot of one interface. @public */
export function ifSnapshot(ifp: Ifnet): IfSnapshot {
  const counters: number[] = [];
  for (let id = 0; id < IFCOUNTERS; id++) counters.push(ifGetCounter(ifp, id));
  const layers: string[] = [];
  for (let l = ifp.ops; l !== l.below; l = l.below) layers.push(l.origin);
  return {
    name: ifp.name,
    dname: ifp.dname,
    dunit: ifp.dunit,
    index: ifp.index,
    type: ifp.type,
    flags: ifp.flags,
    metric: ifp.metric,
    mtu: ifp.mtu,
    fib: ifp.fib,
    descr: ifp.descr,
    capabilities: ifp.capabilities,
    capenable: ifp.capenable,
    hwassist: ifp.hwassist,
    addrlen: ifp.addrlen,
    hdrlen: ifp.hdrlen,
    lladdr: ifp.lladdr === null ? null : ifp.lladdr.slice(),
    hwaddr: ifp.hwaddr === null ? null : ifp.hwaddr.slice(),
    linkState: ifp.linkState,
    baudrate: ifp.baudrate,
    groups: ifp.groups,
    media: ifMediaOf(ifp),
    addrs: ifp.addrs.map((a) => ({
      af: a.af,
      addr: a.addr,
      prefixlen: a.prefixlen,
      broadcast: a.broadcast,
      dst: a.dst,
      flags: a.afflags,
      preferredUntilUs: a.preferredUntilUs,
      validUntilUs: a.validUntilUs,
      ipackets: a.ipackets,
      opackets: a.opackets,
      ibytes: a.ibytes,
      obytes: a.obytes,
    })),
    maddrs: ifp.maddrs.map((m) => ({ addr: m.addr, lladdr: m.lladdr === null ? null : m.lladdr.slice(), refs: m.refs })),
    counters,
    layers,
    cloner: ifp.cloner,
    homeVnet: ifp.homeVnet.id,
    epochUs: ifp.epochUs,
    lastchangeUs: ifp.lastchangeUs,
  };
}

/** Snapshots of all interfaces of a vnet, in the order of their arrival. @public */
export function ifSnapshots(vnet: Vnet): IfSnapshot[] {
  return IFNET.get(vnet).list.map(ifSnapshot);
}
