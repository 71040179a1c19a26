import type { Ifnet } from '@ns/ifnet';
import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { EAFNOSUPPORT, EEXIST } from '@ns/errno';
import type { Mbuf } from '@ns/mbuf';
import type { Route } from '@ns/route';
import { AF_INET, AF_INET6, type IcmpNotice, type InAddr, inAddr4, inAddr6In } from '@ns/wire';
import type { InpcbInfo } from './info.ts';
import { type McastFilter, McastLimits } from './mcast-filter.ts';
import type { Inpcb } from './pcb.ts';
import type { IpPktopts } from './pktopts.ts';

/** {@link InetAf.output} flag: never fragment on the way (IPv4 DF). @public */
export const INET_DF = 0x1;
/** {@link InetAf.output} flag: `m` begins with a complete network header made by the application (IP_HDRINCL). @public */
export const INET_RAWHDR = 0x2;
/** {@link InetAf.output} flag: send to 255.255.255.255 whatever the directed broadcast address (IP_ONESBCAST). @public */
export const INET_SENDONES = 0x4;
/** {@link InetAf.output} flag: answer EMSGSIZE rather than fragment here. @public */
export const INET_NOFRAG = 0x8;
/** {@link InetAf.output} flag: bypass routing, the destination is on a connected network (SO_DONTROUTE). @public */
export const INET_ROUTETOIF = 0x10;
/** {@link InetAf.output} flag: a broadcast destination is allowed (SO_BROADCAST). @public */
export const INET_ALLOWBROADCAST = 0x20;

/** {@link InetAf.unreach} code: the protocol is not spoken here (ICMP type 3 code 2; ICMPv6 parameter problem, next header). @public */
export const INET_UNREACH_PROTOCOL = 2;
/** {@link InetAf.unreach} code: nobody listens on the port (ICMP type 3 code 3; ICMPv6 type 1 code 4). @public */
export const INET_UNREACH_PORT = 3;

/** {@link InPkt.flags}: the destination is a broadcast address, or the frame came as link-level broadcast. @public */
export const PKT_BROADCAST = 1;
/** {@link InPkt.flags}: the destination is a multicast address, or the frame came as link-level multicast. @public */
export const PKT_MULTICAST = 2;
/** InPkt flag: put together from fragments, or with a fragment header though whole (IPv6). @public */
export const PKT_FRAGMENTED = 4;

/**
 * What the network layer knows about the way to a destination; filled by {@link InetAf.pathInfo}, owned by the caller.
 * @public
 */
export class PathInfo {
  /** Largest packet for this destination, network header included: that of the route, at most `ifmtu`. */
  mtu: number;
  /** Largest packet of the interface. */
  ifmtu: number;
  /** CSUM_* that the interface takes over. */
  hwassist: number;
  /** Most bytes of a TSO packet, headers included; 0 = no limit. */
  tsoMax: number;
  /** Whether the interface segments for this family. */
  tsoEnabled: boolean;
  /** The way leads through a loopback interface. */
  loop: boolean;
  /** The destination is on a connected network. */
  onlink: boolean;

  constructor() {
    this.mtu = 0;
    this.ifmtu = 0;
    this.hwassist = 0;
    this.tsoMax = 0;
    this.tsoEnabled = false;
    this.loop = false;
    this.onlink = false;
  }
}

/**
 * A network protocol as transports see it. `ip` provides the AF_INET one, `ip6` the AF_INET6 one; transports import neither.
 *
 * Addresses given to an InetAf are of its own family. `output` is the only method on the packet path.
 * @public
 */
export interface InetAf {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** Bytes of the network header without options: 20 or 40. */
  readonly hdrLen: number;
  /** Whether sockets begin with IPV6_V6ONLY (net.inet6.ip6.v6only). Absent = no. */
  readonly v6only?: boolean;
  /** TTL or hop limit that pcbs begin with. */
  defTtl(vnet: Vnet): number;
  /**
   * Prepends the network header and sends. `m` begins at the transport header (or, with INET_RAWHDR, at the network header); `m.csumFlags` and `m.csumData` say
   * which checksum is wanted, with the pseudo-header sum stored in its field already. Routes through `ro` (a cache, filled in) in routing table `m.fibnum`.
   * Multicast destinations take interface, ttl and loop from `inp.opts.moptions`. Of `opts` counts what is not given otherwise: interface, next hop, size, extension headers. Returns an errno; consumes m
   * in any case.
   */
  output(vnet: Vnet, m: Mbuf, src: InAddr, dst: InAddr, proto: number, ttl: number, tos: number, flags: number, ro: Route | null, inp: Inpcb | null, opts?: IpPktopts | null): number;
  /** Ones' complement sum of the pseudo header, folded to 16 bits and not complemented: to be stored or added to. `len` = transport header and payload. */
  pseudoSum(src: InAddr, dst: InAddr, proto: number, len: number): number;
  /**
   * Source address for `dst`, or an errno (ENETUNREACH, EADDRNOTAVAIL ...). Returns the interface's own object, so that pcbs share it. Interface, next hop and preferences are those of `opts`, or left
   * out those that the socket has set.
   */
  selectSource(vnet: Vnet, fib: number, dst: InAddr, inp: Inpcb | null, opts?: IpPktopts | null): InAddr | number;
  /** Whether `addr` is an address of this stack (unicast or broadcast of an interface counts, as in ifa_ifwithaddr()). */
  isLocal(vnet: Vnet, addr: InAddr): boolean;
  /** Whether `addr` is 255.255.255.255 or the directed broadcast address of an interface. */
  isBroadcast(vnet: Vnet, addr: InAddr): boolean;
  /** MTU towards `dst` and what the interface takes over. Returns an errno when there is no route. */
  pathInfo(vnet: Vnet, fib: number, dst: InAddr, out: PathInfo): number;
  /** Address of the first interface that has one: where a connect to the unspecified address goes. Null = no address at all. */
  primaryAddr(vnet: Vnet): InAddr | null;
  /** Broadcast address of the first interface that has one: where a connect to 255.255.255.255 goes. Null = none. */
  primaryBroadcast(vnet: Vnet): InAddr | null;
  /** First address of `ifp`, the source of multicast sent there. Null = none. */
  ifAddr(ifp: Ifnet): InAddr | null;
  /**
   * Tells the sender of a packet that it found nobody: INET_UNREACH_PORT or INET_UNREACH_PROTOCOL. `m` begins at its network header as received. Does not answer
   * broadcast or multicast, and is rate limited. Consumes m.
   */
  unreach(m: Mbuf, pkt: InPkt, code: number): void;
  /** The peer that `ro` leads to has acknowledged what was sent: its neighbour is reachable (RFC 4861 §7.3.1). Allocates nothing. Absent = nobody wants to know. */
  confirm?(ro: Route): void;
  /** Joins `group` on `ifp` (null: the interface of the route to it) for one more socket with its filter (left out: any sender), an errno or the interface joined. Absent = no multicast. */
  joinGroup?(vnet: Vnet, group: InAddr, ifp: Ifnet | null, filter?: McastFilter): Ifnet | number;
  /** Undoes one {@link InetAf.joinGroup}: that with the same filter. */
  leaveGroup?(vnet: Vnet, group: InAddr, ifp: Ifnet, filter?: McastFilter): void;
  /** Senders that the filters of a group on an interface name, those of all sockets together; 0 where nobody keeps count. */
  groupSources?(vnet: Vnet, group: InAddr, ifp: Ifnet): number;
  /** A filter that was given to {@link InetAf.joinGroup} says something else now. */
  filterChanged?(vnet: Vnet, group: InAddr, ifp: Ifnet): void;
}

/**
 * What `ip` or `ip6` hand to a transport with a packet: one reused record for each network protocol instance, valid until `input` returns.
 * @public
 */
export class InPkt {
  /** The stack that received it. */
  vnet: Vnet;
  /** AF_INET or AF_INET6. */
  af: number;
  /** IPPROTO_* of the transport header. */
  proto: number;
  /** Offset of the transport header from `m.off`. The network header is in front of it and contiguous with it. */
  off: number;
  /** Bytes of transport header and payload. */
  len: number;
  /** Offset of the octet that named `proto`: what an ICMPv6 parameter problem points at. 0 in IPv4. */
  nxtOff: number;
  /** Source address, int32 words as in InAddr. */
  src0: number;
  /** See `src0`. */
  src1: number;
  /** See `src0`. */
  src2: number;
  /** See `src0`. */
  src3: number;
  /** Destination address, int32 words as in InAddr. */
  dst0: number;
  /** See `dst0`. */
  dst1: number;
  /** See `dst0`. */
  dst2: number;
  /** See `dst0`. */
  dst3: number;
  /** Zone of those of its IPv6 addresses that need one: the link it came in on. */
  zone: number;
  /** TTL or hop limit. */
  ttl: number;
  /** TOS or traffic class, ECN bits included. */
  tos: number;
  /** Receiving interface. */
  ifp: Ifnet;
  /** PKT_*. */
  flags: number;

  constructor(vnet: Vnet, af: number) {
    this.vnet = vnet;
    this.af = af;
    this.proto = 0;
    this.off = 0;
    this.len = 0;
    this.nxtOff = 0;
    this.src0 = 0;
    this.src1 = 0;
    this.src2 = 0;
    this.src3 = 0;
    this.dst0 = 0;
    this.dst1 = 0;
    this.dst2 = 0;
    this.dst3 = 0;
    this.zone = 0;
    this.ttl = 0;
    this.tos = 0;
    this.ifp = null as unknown as Ifnet; // the record is filled before it is handed to anybody
    this.flags = 0;
  }

  /** The source address as an object. Allocates. */
  srcAddr(): InAddr {
    return this.af === AF_INET ? inAddr4(this.src3) : inAddr6In(this.src0, this.src1, this.src2, this.src3, this.zone);
  }

  /** The destination address as an object. Allocates. */
  dstAddr(): InAddr {
    return this.af === AF_INET ? inAddr4(this.dst3) : inAddr6In(this.dst0, this.dst1, this.dst2, this.dst3, this.zone);
  }
}

/**
 * A transport (or ICMP, IGMP) as network protocols see it: one instance per vnet.
 * @public
 */
export interface Protosw {
  /** IPPROTO_*; the raw protocol has IPPROTO_RAW. */
  readonly proto: number;
  /** For statistics. */
  readonly name: string;
  /** The family whose packets it takes; left out: both. */
  readonly af?: number;
  /** Takes a packet for this stack. `m` begins at the network header; the transport header at `pkt.off` may need a pullup. Consumes m. */
  input(m: Mbuf, pkt: InPkt): void;
  /** An ICMP error about a packet this protocol sent. */
  ctlinput?(notice: IcmpNotice): void;
}

/**
 * The network and transport protocols of one vnet, and where they find each other.
 * Source: FreeBSD in_proto.c, inetsw[] and ip_protox[].
 * @public
 */
export class InetDomain {
  /** By protocol number; what `ip` looks at for each packet. */
  readonly protosw: (Protosw | null)[];
  /** The same for `ip6`. Source: FreeBSD in6_proto.c, ip6_protox[]. */
  readonly protosw6: (Protosw | null)[];
  /** The raw protocol: gets what no entry of `protosw` takes, and what ICMP and IGMP hand on after their own work. Null = not loaded. */
  raw: Protosw | null;
  /** The sets of pcbs of this vnet, for diagnostics and for what concerns all of them. */
  readonly infos: InpcbInfo[];
  /** Bounds on IPv4 source filters: net.inet.ip.mcast. */
  readonly mcast4: McastLimits;
  /** Those of IPv6: net.inet6.ip6.mcast. */
  readonly mcast6: McastLimits;
  private inet4: InetAf | null;
  private inet6: InetAf | null;

  constructor() {
    this.protosw = new Array<Protosw | null>(256).fill(null);
    this.protosw6 = new Array<Protosw | null>(256).fill(null);
    this.raw = null;
    this.infos = [];
    this.mcast4 = new McastLimits();
    this.mcast6 = new McastLimits();
    this.inet4 = null;
    this.inet6 = null;
  }

  /** The network protocol of a family, or null when its module is not loaded. */
  af(af: number): InetAf | null {
    return af === AF_INET ? this.inet4 : af === AF_INET6 ? this.inet6 : null;
  }

  /** Enters a network protocol: EEXIST if the family has one, EAFNOSUPPORT if it is not an internet family. */
  registerAf(a: InetAf): number {
    if (a.af !== AF_INET && a.af !== AF_INET6) return EAFNOSUPPORT;
    if (this.af(a.af) !== null) return EEXIST;
    if (a.af === AF_INET) this.inet4 = a;
    else this.inet6 = a;
    return 0;
  }

  /** Removes a network protocol. */
  deregisterAf(a: InetAf): void {
    if (this.inet4 === a) this.inet4 = null;
    if (this.inet6 === a) this.inet6 = null;
  }

  /** Enters a transport under its number, for its family or for both: EEXIST if it is taken. */
  registerProto(p: Protosw): number {
    const n = p.proto & 0xff;
    if ((p.af !== AF_INET6 && this.protosw[n] !== null) || (p.af !== AF_INET && this.protosw6[n] !== null)) return EEXIST;
    if (p.af !== AF_INET6) this.protosw[n] = p;
    if (p.af !== AF_INET) this.protosw6[n] = p;
    return 0;
  }

  /** Removes a transport. */
  deregisterProto(p: Protosw): void {
    const n = p.proto & 0xff;
    if (this.protosw[n] === p) this.protosw[n] = null;
    if (this.protosw6[n] === p) this.protosw6[n] = null;
  }

  /** Who takes the packets of a protocol and family, or null. */
  protoOf(af: number, proto: number): Protosw | null {
    return (af === AF_INET6 ? this.protosw6 : this.protosw)[proto & 0xff] ?? null;
  }
}

/** The protocols of a vnet. @public */
export const INET: VnetVar<InetDomain> = defineVnetVar({ module: 'inpcb', name: 'inet', init: () => new InetDomain() });
