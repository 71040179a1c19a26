import { type IfaddrSnapshot, IFNET, type Ifnet, ifSnapshot } from '@ns/ifnet';
import {
  IFCOUNTER_COLLISIONS,
  IFCOUNTER_IBYTES,
  IFCOUNTER_IERRORS,
  IFCOUNTER_IMCASTS,
  IFCOUNTER_IPACKETS,
  IFCOUNTER_IQDROPS,
  IFCOUNTER_NOPROTO,
  IFCOUNTER_OBYTES,
  IFCOUNTER_OERRORS,
  IFCOUNTER_OMCASTS,
  IFCOUNTER_OPACKETS,
  IFCOUNTER_OQDROPS,
} from '@ns/ifnet-kpi';
import { in6Ifinfo } from '@ns/ip6';
import type { Vnet } from '@ns/kern';
import { nd6DefaultIface } from '@ns/nd6';
import { prisonCheckAddr, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, formatEtherAddr, formatInAddr, type InAddr, maskInAddr } from '@ns/wire';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** An address of an interface. @public */
export interface IfAddrSnapshot {
  /** Family of the address. */
  readonly family: 'inet' | 'inet6';
  /** Text, with `%name` for a scoped one. */
  readonly address: string;
  /** Bits of the prefix. */
  readonly prefixlen: number;
  /** Network that the prefix stands for, without its length. */
  readonly network: string;
  /** Directed broadcast address. */
  readonly broadcast: string | null;
  /** Far end of a point-to-point link. */
  readonly destination: string | null;
  /** IN6_IFF_* of an IPv6 address. */
  readonly flags: number;
  /** Seconds that it is preferred for, null = no end. */
  readonly pltime: number | null;
  /** Seconds that it is valid for, null = no end. */
  readonly vltime: number | null;
  /** Interface index of a scoped IPv6 address, else 0. */
  readonly scopeid: number;
  /** Packets received for it. */
  readonly ipackets: number;
  /** Packets sent from it. */
  readonly opackets: number;
  /** Bytes received for it. */
  readonly ibytes: number;
  /** Bytes sent from it. */
  readonly obytes: number;
}

/** Counters of an interface, by the column heads of `netstat -i` and their like. @public */
export interface IfCounters {
  /** Packets received. */
  readonly ipackets: number;
  /** Input errors. */
  readonly ierrors: number;
  /** Packets dropped on input. */
  readonly iqdrops: number;
  /** Bytes received. */
  readonly ibytes: number;
  /** Multicast and broadcast packets received. */
  readonly imcasts: number;
  /** Packets of protocols that are not here. */
  readonly noproto: number;
  /** Packets sent. */
  readonly opackets: number;
  /** Output errors. */
  readonly oerrors: number;
  /** Packets dropped on output. */
  readonly oqdrops: number;
  /** Bytes sent. */
  readonly obytes: number;
  /** Multicast and broadcast packets sent. */
  readonly omcasts: number;
  /** Collisions. */
  readonly collisions: number;
}

/** Media of an interface, as words of if_media(4). @public */
export interface IfMediaSnapshot {
  /** The word that is chosen. */
  readonly current: number;
  /** The word that is in use. */
  readonly active: number;
  /** IFM_AVALID, IFM_ACTIVE. */
  readonly status: number;
  /** Words that may be chosen. */
  readonly list: readonly number[];
}

/** An interface: what ifconfig and `netstat -i` show of it. @public */
export interface IfSnapshot {
  /** Name. */
  readonly name: string;
  /** Index in its vnet. */
  readonly index: number;
  /** IFT_*. */
  readonly type: number;
  /** IFF_*, of stack and driver. */
  readonly flags: number;
  /** Metric, for routing daemons. */
  readonly metric: number;
  /** Bytes of a network-layer packet. */
  readonly mtu: number;
  /** Description, empty for none. */
  readonly description: string;
  /** IFCAP_* that it can do. */
  readonly capabilities: number;
  /** IFCAP_* that are on. */
  readonly options: number;
  /** Link address, `02:00:00:00:00:0a`. */
  readonly ether: string | null;
  /** Burned-in link address. */
  readonly hwaddr: string | null;
  /** Addresses of both families, in their order. */
  readonly addresses: readonly IfAddrSnapshot[];
  /** Without `all`. */
  readonly groups: readonly string[];
  /** Routing table of what comes in. */
  readonly fib: number;
  /** Media; null for an interface without. */
  readonly media: IfMediaSnapshot | null;
  /** ND6_IFF_*; null without neighbour discovery. */
  readonly nd6: number | null;
  /** Counters. */
  readonly counters: IfCounters;
}

/** Interfaces of one vnet at one moment. @public */
export interface InterfacesSnapshot extends Snapshot {
  /** By index. */
  readonly interfaces: readonly IfSnapshot[];
}

/** Text of an address; the zone as the name of its interface in `vnet`. */
export function addrText(vnet: Vnet, a: InAddr): string {
  return a.zone === 0 ? formatInAddr(a) : formatInAddr(a, IFNET.get(vnet).byIndex[a.zone]?.name ?? String(a.zone));
}

/** Whole seconds until then, at least 0; null if it never comes. */
function secondsLeft(vnet: Vnet, atUs: number): number | null {
  return atUs === 0 ? null : Math.max(0, Math.floor((atUs - vnet.kernel.callouts.nowUs()) / 1e6));
}

function addrOf(vnet: Vnet, a: IfaddrSnapshot): IfAddrSnapshot {
  return {
    family: a.af === AF_INET6 ? 'inet6' : 'inet',
    address: addrText(vnet, a.addr),
    prefixlen: a.prefixlen,
    network: addrText(vnet, maskInAddr(a.addr, a.prefixlen)),
    broadcast: a.broadcast === null ? null : formatInAddr(a.broadcast),
    destination: a.dst === null ? null : addrText(vnet, a.dst),
    flags: a.flags,
    pltime: secondsLeft(vnet, a.preferredUntilUs),
    vltime: secondsLeft(vnet, a.validUntilUs),
    scopeid: a.addr.zone,
    ipackets: a.ipackets,
    opackets: a.opackets,
    ibytes: a.ibytes,
    obytes: a.obytes,
  };
}

function countersOf(c: readonly number[]): IfCounters {
  const n = (id: number): number => c[id] ?? 0;
  return {
    ipackets: n(IFCOUNTER_IPACKETS),
    ierrors: n(IFCOUNTER_IERRORS),
    iqdrops: n(IFCOUNTER_IQDROPS),
    ibytes: n(IFCOUNTER_IBYTES),
    imcasts: n(IFCOUNTER_IMCASTS),
    noproto: n(IFCOUNTER_NOPROTO),
    opackets: n(IFCOUNTER_OPACKETS),
    oerrors: n(IFCOUNTER_OERRORS),
    oqdrops: n(IFCOUNTER_OQDROPS),
    obytes: n(IFCOUNTER_OBYTES),
    omcasts: n(IFCOUNTER_OMCASTS),
    collisions: n(IFCOUNTER_COLLISIONS),
  };
}

const mac = (a: Uint8Array | null): string | null => (a === null || a.length !== 6 ? null : formatEtherAddr(a));

/** Bit of the interface that stands in for a default router. Source: FreeBSD ifconfig/af_nd6.c, ND6_IFF_DEFAULTIF. */
const ND6_IFF_DEFAULTIF = 0x8000;

/** ND6_IFF_* of an interface; null where there is no IPv6. */
function nd6OptionsOf(ifp: Ifnet): number | null {
  const ii = in6Ifinfo(ifp);
  if (ii === null) return null;
  return ii.ip6v.nd !== null && nd6DefaultIface(ifp.vnet) === ifp ? ii.flags | ND6_IFF_DEFAULTIF : ii.flags;
}

/** One interface, with the addresses that `cred` may see (null sees all). Source: FreeBSD prison_if(). @public */
export function interfaceSnapshot(ifp: Ifnet, cred: Ucred | null = null): IfSnapshot {
  const i = ifSnapshot(ifp);
  const seen = (a: InAddr): boolean => cred === null || prisonCheckAddr(cred, a) === 0;
  return {
    name: i.name,
    index: i.index,
    type: i.type,
    flags: i.flags,
    metric: i.metric,
    mtu: i.mtu,
    description: i.descr,
    capabilities: i.capabilities,
    options: i.capenable,
    ether: mac(i.lladdr),
    hwaddr: mac(i.hwaddr),
    addresses: i.addrs.filter((a) => (a.af === AF_INET || a.af === AF_INET6) && seen(a.addr)).map((a) => addrOf(ifp.vnet, a)),
    groups: i.groups.filter((g) => g !== 'all'),
    fib: i.fib,
    media: i.media === null ? null : { current: i.media.media.current, active: i.media.status.active, status: i.media.status.status, list: i.media.media.list },
    nd6: nd6OptionsOf(ifp),
    counters: countersOf(i.counters),
  };
}

/** All interfaces of a vnet, in the order of their indices, with the addresses that `cred` may see (null sees all). @public */
export function interfacesSnapshot(vnet: Vnet, cred: Ucred | null = null): InterfacesSnapshot {
  const list = [...IFNET.get(vnet).list].sort((a, b) => a.index - b.index);
  return { version: SNAPSHOT_VERSION, interfaces: list.map((ifp) => interfaceSnapshot(ifp, cred)) };
}
