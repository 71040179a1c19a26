import type { Vnet } from '@ns/kern';
import type { Ifnet } from '@ns/ifnet';
import type { Mbuf } from '@ns/mbuf';
import { Route, RT_DEFAULT_FIB } from '@ns/route';
import type { Ucred } from '@ns/vnet';
import { AF_INET6, IN6ADDR_ANY, INADDR_ANY, type InAddr } from '@ns/wire';
import type { InetAf } from './inet.ts';
import type { McastFilter } from './mcast-filter.ts';
import type { InpcbInfo } from './info.ts';
import type { IpPktopts } from './pktopts.ts';

/** vflag: speaks IPv4. @public */
export const INP_IPV4 = 0x1;
/** vflag: speaks IPv6. @public */
export const INP_IPV6 = 0x2;
/** vflag: belongs to an AF_INET6 socket (which may speak IPv4 by mapped addresses). @public */
export const INP_IPV6PROTO = 0x4;

/** flags: receive IP options. @public */
export const INP_RECVOPTS = 0x1;
/** flags: receive IP options for a reply. @public */
export const INP_RECVRETOPTS = 0x2;
/** flags: tell the destination address of datagrams (IP_RECVDSTADDR, IPV6_PKTINFO). @public */
export const INP_RECVDSTADDR = 0x4;
/** flags: the application supplies the network header (IP_HDRINCL). @public */
export const INP_HDRINCL = 0x8;
/** flags: ephemeral port from the high range (IP_PORTRANGE_HIGH). @public */
export const INP_HIGHPORT = 0x10;
/** flags: ephemeral port from the low, privileged range (IP_PORTRANGE_LOW). @public */
export const INP_LOWPORT = 0x20;
/** flags: the port was chosen by the stack. @public */
export const INP_ANONPORT = 0x40;
/** flags: tell the receiving interface (IP_RECVIF). @public */
export const INP_RECVIF = 0x80;
/** flags: this socket wants path MTU discovery. @public */
export const INP_MTUDISC = 0x100;
/** flags: tell the TTL of datagrams (IP_RECVTTL). @public */
export const INP_RECVTTL = 0x400;
/** flags: set DF (IP_DONTFRAG). @public */
export const INP_DONTFRAG = 0x800;
/** flags: may bind to any address (IP_BINDANY). @public */
export const INP_BINDANY = 0x1000;
/** flags: is in the lookup tables. @public */
export const INP_INHASHLIST = 0x2000;
/** flags: tell the TOS of datagrams (IP_RECVTOS). @public */
export const INP_RECVTOS = 0x4000;
/** flags: an IPv6 socket that does not take IPv4 by mapped addresses (IPV6_V6ONLY). @public */
export const INP_V6ONLY = 0x8000;
/** flags: tell the hop-by-hop options (IPV6_RECVHOPOPTS). @public */
export const IN6P_HOPOPTS = 0x40000;
/** flags: tell the destination options (IPV6_RECVDSTOPTS). @public */
export const IN6P_DSTOPTS = 0x80000;
/** flags: tell the routing headers (IPV6_RECVRTHDR). @public */
export const IN6P_RTHDR = 0x100000;
/** flags: IPV6_RECVRTHDRDSTOPTS was set. @public */
export const IN6P_RTHDRDSTOPTS = 0x200000;
/** flags: tell what paths take (IPV6_RECVPATHMTU). Differs: FreeBSD's is the sign bit. @public */
export const IN6P_MTU = 0x10000000;
/** flags: the connection is in TIME_WAIT. @public */
export const INP_TIMEWAIT = 0x1000000;
/** flags: broadcasts go to 255.255.255.255 (IP_ONESBCAST). @public */
export const INP_ONESBCAST = 0x2000000;
/** flags: no packet of more than 1280 bytes (IPV6_USE_MIN_MTU). @public */
export const INP_MINMTU = 0x20000000;
/** flags: off the tables, the connection is over; only the socket still holds it. @public */
export const INP_DROPPED = 0x4000000;
/** flags: the pcb holds a reference on its socket. @public */
export const INP_SOCKREF = 0x8000000;

/** flags2: SO_REUSEPORT of the socket. @public */
export const INP_REUSEPORT = 0x8;
/** flags2: freed; only references keep it. @public */
export const INP_FREED = 0x10;
/** flags2: SO_REUSEADDR of the socket. @public */
export const INP_REUSEADDR = 0x20;
/** flags2: tell the flow id of datagrams. @public */
export const INP_RECVFLOWID = 0x100;
/** flags2: tell the original destination (IP_ORIGDSTADDR). @public */
export const INP_ORIGDSTADDR = 0x800;
/** flags2: SO_REUSEPORT_LB of the socket. @public */
export const INP_REUSEPORT_LB = 0x2000;
/** flags2: packets have flow label 0 (IPV6_AUTOFLOWLABEL off). Differs: FreeBSD has the opposite bit. @public */
export const INP_NOFLOWLABEL = 0x20000;
/** flags2: stands in the exact table, not in the port table's unconnected part. Differs: no such bit in FreeBSD. @public */
export const INP_CONNECTED = 0x10000;

// Socket options that bind rules and lookups read. Source: FreeBSD sys/socket.h.

/** Socket option: the socket listens. @public */
export const SO_ACCEPTCONN = 0x2;
/** Socket option: may share its port with sockets on other addresses, and with old connections. @public */
export const SO_REUSEADDR = 0x4;
/** Socket option: may share address and port with others that have the option. @public */
export const SO_REUSEPORT = 0x200;
/** Socket option: as SO_REUSEPORT, and flows are spread over the sockets. @public */
export const SO_REUSEPORT_LB = 0x10000;
/** Socket type: byte stream. @public */
export const SOCK_STREAM = 1;
/** Socket type: datagrams. @public */
export const SOCK_DGRAM = 2;
/** Socket type: raw packets. @public */
export const SOCK_RAW = 3;

/**
 * What a pcb needs of its socket; `Socket` of package socket has it.
 * @public
 */
export interface InpSocket {
  /** AF_INET or AF_INET6: the domain it was made in. */
  readonly domain: number;
  /** SOCK_*. */
  readonly type: number;
  /** SO_* bits. */
  options: number;
  /** Routing table. */
  fibnum: number;
  /** Who opened it. */
  readonly cred: Ucred;
}

/** {@link McastFilter} of a membership, whose owner changes it. @public */
export interface MemberFilter extends McastFilter {
  /** {@inheritDoc McastFilter.include} */
  include: boolean;
  /** {@inheritDoc McastFilter.sources} */
  sources: readonly InAddr[];
}

/** Multicast membership of a socket. @public */
export interface IpMembership {
  /** The group. */
  readonly group: InAddr;
  /** Where it was joined. */
  readonly ifp: Ifnet;
  /** Which senders are welcome. Replaced in place, so that the network protocol, which has it too, sees what it has become. */
  readonly filter: MemberFilter;
}

/** Multicast settings of a socket. Source: FreeBSD struct ip_moptions. @public */
export class IpMoptions {
  /** Outgoing interface, null = by route. */
  ifp: Ifnet | null;
  /** TTL or hop limit of multicast. */
  ttl: number;
  /** Whether senders on this host hear themselves. */
  loop: boolean;
  /** Groups joined. */
  readonly memberships: IpMembership[];

  constructor() {
    this.ifp = null;
    this.ttl = 1;
    this.loop = true;
    this.memberships = [];
  }
}

/** What few pcbs have; null in all others. @public */
export class InpOpts {
  /** Multicast settings, null = defaults. */
  moptions: IpMoptions | null;
  /** IP options to send, as they stand in the header (a multiple of four bytes), null = none. */
  options: Uint8Array | null;
  /** ICMPv6 type filter, null = all. */
  icmpFilter: Uint32Array | null;
  /** Offset of the checksum in raw IPv6 payload, -1 = none. */
  cksumOff: number;
  /** Multicast of more than 1280 bytes too (IPV6_USE_MIN_MTU 0). */
  noMinMtu: boolean;
  /** What all packets are sent with (sticky options), null = nothing. */
  pktopts: IpPktopts | null;
  /** Data hung here by add-ons. */
  priv: unknown;

  constructor() {
    this.moptions = null;
    this.options = null;
    this.icmpFilter = null;
    this.cksumOff = -1;
    this.noMinMtu = false;
    this.pktopts = null;
    this.priv = null;
  }
}

/**
 * One end of a conversation: addresses, ports and what goes into its headers, for TCP, UDP and raw IP alike and for both families.
 *
 * Ports are in host order. Addresses are immutable and shared with whoever gave them. Only functions of this package change the fields that
 * tables are keyed by (`laddr`, `lport`, `faddr`, `fport`).
 * Source: FreeBSD in_pcb.h, struct inpcb.
 * @public
 */
export class Inpcb {
  /** The protocol's set that it belongs to. */
  readonly pcbinfo: InpcbInfo;
  /** Its socket; null once detached, and in compressed states. */
  socket: InpSocket | null;
  /** The protocol's own control block. */
  ppcb: unknown;
  /** Who opened it. */
  cred: Ucred;
  /** INP_IPV4, INP_IPV6, INP_IPV6PROTO. Does not change while lookups can find the pcb: connecting, which narrows it to one family, takes the pcb off the tables first. */
  vflag: number;
  /** INP_* of inp_flags. */
  flags: number;
  /** INP_* of inp_flags2. */
  flags2: number;
  /** Local address; the unspecified one until bound or connected. */
  laddr: InAddr;
  /** Foreign address; the unspecified one until connected. */
  faddr: InAddr;
  /** Local port, 0 = none. */
  lport: number;
  /** Foreign port, 0 = none. */
  fport: number;
  /** IPPROTO_* that it sends; for raw sockets also what it receives. */
  proto: number;
  /** TTL or hop limit of packets sent. */
  ttl: number;
  /** TOS or traffic class of packets sent. */
  tos: number;
  /** Packets with a smaller TTL are ignored (RFC 5082). */
  minTtl: number;
  /** Routing table. */
  fibnum: number;
  /** Cached next hop. */
  readonly route: Route;
  /** Network protocol it speaks now: chosen by attach, and by connect for IPv6 sockets with mapped addresses. */
  af: InetAf;
  /** Hash of its addresses and ports while it is connected; for the tables. */
  hash: number;
  /** IPv6 flow label of its packets while it is connected, 0 = not worked out yet; for the network protocol. */
  flow: number;
  /** The set's generation when it was made: with the object, a name that is never used again. */
  gencnt: number;
  /** Flow hash of its packets, int32. */
  flowid: number;
  /** M_HASHTYPE_* of flowid, 0 = none. */
  flowtype: number;
  /** References: 1 for being allocated, and one for each holder. */
  refs: number;
  /** Place in the set's list, -1 = not in it. */
  listIndex: number;
  /** Next in the ring of pcbs with the same local port; see `PcbTables`. */
  portNext: Inpcb | null;
  /** See `portNext`. */
  portPrev: Inpcb | null;
  /** Rare things, null = none of them. */
  opts: InpOpts | null;

  /** Made by {@link inPcbAlloc} only. */
  constructor(info: InpcbInfo, so: InpSocket | null, cred: Ucred, af: InetAf, gencnt: number) {
    this.pcbinfo = info;
    this.socket = so;
    this.ppcb = null;
    this.cred = cred;
    this.vflag = af.af === AF_INET6 ? INP_IPV6 | INP_IPV6PROTO : INP_IPV4;
    this.flags = 0;
    this.flags2 = 0;
    this.laddr = af.af === AF_INET6 ? IN6ADDR_ANY : INADDR_ANY;
    this.faddr = this.laddr;
    this.lport = 0;
    this.fport = 0;
    this.proto = 0;
    this.ttl = af.defTtl(info.vnet);
    this.tos = 0;
    this.minTtl = 0;
    this.fibnum = so === null ? RT_DEFAULT_FIB : so.fibnum;
    this.route = new Route();
    this.af = af;
    this.hash = 0;
    this.flow = 0;
    this.gencnt = gencnt;
    this.flowid = 0;
    this.flowtype = 0;
    this.refs = 1;
    this.listIndex = -1;
    this.portNext = null;
    this.portPrev = null;
    this.opts = null;
  }

  /** The vnet of its set. */
  get vnet(): Vnet {
    return this.pcbinfo.vnet;
  }
}

/** The rare part of `inp`, made if there is none. @public */
export function inpOpts(inp: Inpcb): InpOpts {
  return (inp.opts ??= new InpOpts());
}

/** Stamps a packet with the pcb's routing table and flow before it goes to the network layer. @public */
export function inPcbStamp(inp: Inpcb, m: Mbuf): void {
  m.fibnum = inp.fibnum;
  m.flowid = inp.flowid;
  m.rsstype = inp.flowtype;
}
