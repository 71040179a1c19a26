import { EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENOPROTOOPT, ENXIO, EPERM } from '@ns/errno';
import { IFNET, type Ifnet } from '@ns/ifnet';
import { prisonCheckAddr } from '@ns/vnet';
import { AF_INET, AF_INET6, InAddr, inAddr6In, IPPROTO_IP, IPPROTO_IPV6, isAny, isLinkLocal, isMulticast, needsZone6 } from '@ns/wire';
import { IP_TOS, IP_TTL } from './ip-ctloutput.ts';
import { IPV6_DONTFRAG, IPV6_TCLASS, IPV6_USE_MIN_MTU } from './ip6-ctloutput.ts';
import { INET, INET_DF } from './inet.ts';
import type { Inpcb } from './pcb.ts';

/** Ancillary data: the source address of one datagram, an InAddr. @public */
export const IP_SENDSRCADDR = 7;
/** Option and ancillary data: source address and interface, an {@link In6Pktinfo} (RFC 3542 §6.2). @public */
export const IPV6_PKTINFO = 46;
/** Ancillary data: hop limit, -1 = the socket's (RFC 3542 §6.3). @public */
export const IPV6_HOPLIMIT = 47;
/** Option and ancillary data: a destination options header for what a routing header lists (RFC 3542 §9). The superuser's. Kept, and sent with no packet: there is none without a routing header. @public */
export const IPV6_RTHDRDSTOPTS = 35;
/** Option and ancillary data: the neighbour that unicast packets go to first, an InAddr; null takes it back (RFC 3542 §6.4). The superuser's. @public */
export const IPV6_NEXTHOP = 48;
/** Option and ancillary data: a hop-by-hop options header, as it stands in the packet, its first byte aside (RFC 3542 §8). The superuser's. @public */
export const IPV6_HOPOPTS = 49;
/** Option and ancillary data: a destination options header (RFC 3542 §9). The superuser's. @public */
export const IPV6_DSTOPTS = 50;
/** Option and ancillary data: a routing header (RFC 3542 §7). Those that can be sent are not taken by anybody (RFC 5095): EINVAL. @public */
export const IPV6_RTHDR = 51;

/** Option and ancillary data: whether a temporary source address is preferred (1) or not (0); -1, the default: as net.inet6.ip6.prefer_tempaddr says. Source: FreeBSD ip6_var.h, IP6PO_TEMPADDR_*. @public */
export const IPV6_PREFER_TEMPADDR = 63;

/** Source address and interface of a datagram. Source: RFC 3542 §6.1, struct in6_pktinfo. @public */
export interface In6Pktinfo {
  /** Null, or the unspecified address: not said. */
  readonly addr: InAddr | null;
  /** 0: not said. */
  readonly ifindex: number;
}

/** One piece of ancillary data. What `data` is depends on `type`: a number, an address, an {@link In6Pktinfo}, bytes. Source: struct cmsghdr. @public */
export interface Cmsg {
  /** IPPROTO_IP or IPPROTO_IPV6. */
  readonly level: number;
  /** IP_* or IPV6_*. */
  readonly type: number;
  /** The value. */
  readonly data: unknown;
}

/** What a packet is sent with besides what its socket says. Null and -1: as the socket says. Source: FreeBSD ip6_var.h, struct ip6_pktopts. @public */
export class IpPktopts {
  /** Source address. */
  src: InAddr | null = null;
  /** Where it goes out. */
  ifp: Ifnet | null = null;
  /** TTL or hop limit. */
  hlim = -1;
  /** TOS or traffic class. */
  tclass = -1;
  /** 1: not to be fragmented, 0: may be. */
  dontfrag = -1;
  /** As for IPV6_USE_MIN_MTU; -2: not said. */
  minmtu = -2;
  /** As for IPV6_PREFER_TEMPADDR. */
  preferTempaddr = -1;
  /** The neighbour that it goes to first. */
  nexthop: InAddr | null = null;
  /** Hop-by-hop options header. */
  hbh: Uint8Array | null = null;
  /** Destination options header for those that a routing header lists. */
  rthdrDst: Uint8Array | null = null;
  /** Destination options header. */
  dst: Uint8Array | null = null;
}

/** A copy that may be written, of what a socket has set for all of its packets. */
function copyOf(o: IpPktopts | null): IpPktopts {
  return Object.assign(new IpPktopts(), o);
}

/**
 * What a datagram is sent with: its ancillary data over what the socket has set (null if there is neither), or an errno. Data of other levels than that of the socket's family are ignored.
 * EINVAL a bad value, EADDRNOTAVAIL a source that is not ours, ENXIO no such interface, EPERM extension headers or a next hop of somebody who is not the superuser, EAFNOSUPPORT a next hop of
 * another family, ENOPROTOOPT what is not known.
 * Source: FreeBSD ip6_output.c, ip6_setpktopts(); udp_usrreq.c, udp_output().
 * @public
 */
export function inPcbPktopts(inp: Inpcb, control: readonly Cmsg[] | null): IpPktopts | null | number {
  const sticky = inp.opts?.pktopts ?? null;
  if (control === null || control.length === 0) return sticky;
  const opts = copyOf(sticky);
  for (const c of control) {
    const errno = c.level === IPPROTO_IPV6 && inp.laddr.af === AF_INET6 ? setOpt6(inp, opts, c.type, c.data) : c.level === IPPROTO_IP && inp.laddr.af === AF_INET ? setOpt4(inp, opts, c.type, c.data) : 0;
    if (errno !== 0) return errno;
  }
  return opts;
}

/** Sets an option for all packets of a socket; null takes it back. Source: FreeBSD ip6_output.c, ip6_pcbopt(). */
export function inPcbStickyOpt(inp: Inpcb, o: { pktopts: IpPktopts | null }, name: number, val: unknown): number {
  const opts = copyOf(o.pktopts);
  const errno = setOpt6(inp, opts, name, val);
  if (errno === 0) o.pktopts = opts;
  return errno;
}

/** The value of a sticky option. Source: FreeBSD ip6_output.c, ip6_getpcbopt(). */
export function inPcbGetStickyOpt(inp: Inpcb, name: number): unknown {
  const o = inp.opts?.pktopts ?? null;
  switch (name) {
    case IPV6_PKTINFO:
      return { addr: o === null ? null : o.src, ifindex: o === null || o.ifp === null ? 0 : o.ifp.index } satisfies In6Pktinfo;
    case IPV6_HOPOPTS:
      return o === null || o.hbh === null ? null : o.hbh.slice();
    case IPV6_NEXTHOP:
      return o === null ? null : o.nexthop;
    case IPV6_PREFER_TEMPADDR:
      return o === null ? -1 : o.preferTempaddr;
    case IPV6_RTHDRDSTOPTS:
      return o === null || o.rthdrDst === null ? null : o.rthdrDst.slice();
    default:
      return o === null || o.dst === null ? null : o.dst.slice();
  }
}

/** INET_* flags of a packet: those of its socket, but for what `opts` says of fragments. @public */
export function inPcbPktoptsFlags(opts: IpPktopts, flags: number): number {
  return opts.dontfrag === 1 ? flags | INET_DF : opts.dontfrag === 0 ? flags & ~INET_DF : flags;
}

/** A destination as `opts` mean it: one of a link, of which nothing is said, is on the link of their interface. Allocates then. @public */
export function inPcbPktoptsDst(opts: IpPktopts | null, dst: InAddr): InAddr {
  if (opts === null || opts.ifp === null || dst.zone !== 0 || dst.af !== AF_INET6 || !needsZone6(dst.w0)) return dst;
  return inAddr6In(dst.w0, dst.w1, dst.w2, dst.w3, opts.ifp.index);
}

const octet = (v: unknown, min: number): v is number => typeof v === 'number' && Number.isInteger(v) && v >= min && v <= 255;

function setOpt4(inp: Inpcb, opts: IpPktopts, type: number, data: unknown): number {
  switch (type) {
    case IP_SENDSRCADDR:
      if (!(data instanceof InAddr) || data.af !== AF_INET) return EINVAL;
      // For sockets that are bound to a port and to no address. Source: udp_output().
      if (inp.lport === 0 || !isAny(inp.laddr)) return EINVAL;
      return source(inp, opts, data);
    case IP_TOS:
      if (!octet(data, 0)) return EINVAL;
      opts.tclass = data;
      return 0;
    case IP_TTL:
      if (!octet(data, 1)) return EINVAL;
      opts.hlim = data;
      return 0;
    default:
      return ENOPROTOOPT;
  }
}

function setOpt6(inp: Inpcb, opts: IpPktopts, type: number, data: unknown): number {
  switch (type) {
    case IPV6_PKTINFO:
      return pktinfo(inp, opts, data);
    case IPV6_HOPLIMIT:
      if (!octet(data, -1)) return EINVAL;
      opts.hlim = data;
      return 0;
    case IPV6_TCLASS:
      if (!octet(data, -1)) return EINVAL;
      opts.tclass = data;
      return 0;
    case IPV6_DONTFRAG:
      if (data !== 0 && data !== 1) return EINVAL;
      opts.dontfrag = data;
      return 0;
    case IPV6_USE_MIN_MTU:
      if (data !== -1 && data !== 0 && data !== 1) return EINVAL;
      opts.minmtu = data;
      return 0;
    case IPV6_PREFER_TEMPADDR:
      if (data !== -1 && data !== 0 && data !== 1) return EINVAL;
      opts.preferTempaddr = data;
      return 0;
    case IPV6_NEXTHOP:
      return nexthop(inp, opts, data);
    case IPV6_HOPOPTS:
    case IPV6_DSTOPTS:
    case IPV6_RTHDRDSTOPTS:
      return header(inp, opts, type, data);
    case IPV6_RTHDR:
      return EINVAL;
    default:
      return ENOPROTOOPT;
  }
}

/** Null, and neither address nor interface, take back what was said before. */
function pktinfo(inp: Inpcb, opts: IpPktopts, data: unknown): number {
  if (data === null) {
    opts.src = null;
    opts.ifp = null;
    return 0;
  }
  if (typeof data !== 'object') return EINVAL;
  const { addr, ifindex } = data as Partial<In6Pktinfo>;
  if (typeof ifindex !== 'number' || (addr !== null && !(addr instanceof InAddr && addr.af === AF_INET6))) return EINVAL;
  const ifp = ifindex === 0 ? null : (IFNET.get(inp.vnet).list.find((i) => i.index === ifindex) ?? undefined);
  if (ifp === undefined) return ENXIO;
  if (addr === null || isAny(addr)) opts.src = null;
  else {
    const errno = source(inp, opts, isLinkLocal(addr) && ifp !== null ? inAddr6In(addr.w0, addr.w1, addr.w2, addr.w3, ifp.index) : addr);
    if (errno !== 0) return errno;
  }
  opts.ifp = ifp;
  return 0;
}

/** A source must be an address of ours that the socket's jail has. */
function source(inp: Inpcb, opts: IpPktopts, addr: InAddr): number {
  const af = INET.get(inp.vnet).af(addr.af);
  if (af === null) return EAFNOSUPPORT;
  if (isMulticast(addr) || isAny(addr) || !af.isLocal(inp.vnet, addr) || af.isBroadcast(inp.vnet, addr)) return EADDRNOTAVAIL;
  const errno = prisonCheckAddr(inp.cred, addr);
  if (errno === 0) opts.src = addr;
  return errno;
}

/** A next hop: any unicast address; whether it is a neighbour is asked when a packet is sent. Null takes it back. */
function nexthop(inp: Inpcb, opts: IpPktopts, data: unknown): number {
  if (inp.cred.uid !== 0) return EPERM;
  if (data !== null) {
    if (!(data instanceof InAddr)) return EINVAL;
    if (data.af !== AF_INET6) return EAFNOSUPPORT;
    if (isAny(data) || isMulticast(data)) return EINVAL;
  }
  opts.nexthop = data;
  return 0;
}

/** An extension header: its length must be what it says. Null or none takes it back. */
function header(inp: Inpcb, opts: IpPktopts, type: number, data: unknown): number {
  if (inp.cred.uid !== 0) return EPERM;
  const gone = data === null || (data instanceof Uint8Array && data.length === 0);
  if (!gone && (!(data instanceof Uint8Array) || data.length < 8 || data.length !== ((data[1] as number) + 1) * 8)) return EINVAL;
  const bytes = gone ? null : (data as Uint8Array).slice();
  if (type === IPV6_HOPOPTS) opts.hbh = bytes;
  else if (type === IPV6_RTHDRDSTOPTS) opts.rthdrDst = bytes;
  else opts.dst = bytes;
  return 0;
}
