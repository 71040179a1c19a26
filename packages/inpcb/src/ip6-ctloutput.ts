import { EINVAL, ENOPROTOOPT, ENOTCONN, EPERM } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { sameVnet } from '@ns/kern';
import { AF_INET6, type InAddr, inAddrEqual, isAny } from '@ns/wire';
import { PathInfo } from './inet.ts';
import { getMsfilter, MSFILTER, setMsfilter } from './msfilter.ts';
import { asMreq, inPcbBlockSource, inPcbJoinGroup, inPcbLeaveGroup, inPcbMoptions } from './moptions.ts';
import {
  IN6P_DSTOPTS,
  IN6P_HOPOPTS,
  IN6P_MTU,
  IN6P_RTHDR,
  IN6P_RTHDRDSTOPTS,
  INP_BINDANY,
  INP_DONTFRAG,
  INP_HIGHPORT,
  INP_IPV4,
  INP_LOWPORT,
  INP_MINMTU,
  INP_NOFLOWLABEL,
  INP_ORIGDSTADDR,
  INP_RECVDSTADDR,
  INP_RECVFLOWID,
  INP_RECVTOS,
  INP_RECVTTL,
  INP_V6ONLY,
  type Inpcb,
  inpOpts,
  SOCK_STREAM,
} from './pcb.ts';
import { inPcbGetStickyOpt, inPcbStickyOpt, IPV6_DSTOPTS, IPV6_HOPOPTS, IPV6_NEXTHOP, IPV6_PKTINFO, IPV6_PREFER_TEMPADDR, IPV6_RTHDR, IPV6_RTHDRDSTOPTS } from './pktopts.ts';
import { SOPT_GET, type Sockopt, sooptInt } from './sockopt.ts';

// Options of level IPPROTO_IPV6. Source: FreeBSD netinet6/in6.h.

/** Option: hop limit of unicast. @public */
export const IPV6_UNICAST_HOPS = 4;
/** Option: outgoing interface of multicast, an Ifnet or null. @public */
export const IPV6_MULTICAST_IF = 9;
/** Option: hop limit of multicast. @public */
export const IPV6_MULTICAST_HOPS = 10;
/** Option: whether multicast loops back to this host. @public */
export const IPV6_MULTICAST_LOOP = 11;
/** Option: join a group, an {@link IpMreq}. @public */
export const IPV6_JOIN_GROUP = 12;
/** Option: leave a group. @public */
export const IPV6_LEAVE_GROUP = 13;
/** Option: range of ephemeral ports, IP_PORTRANGE_*. @public */
export const IPV6_PORTRANGE = 14;
/** Option: no IPv4 by mapped addresses; only before bind. @public */
export const IPV6_V6ONLY = 27;
/** Option: tell destination address and interface. @public */
export const IPV6_RECVPKTINFO = 36;
/** Option: tell the hop limit. @public */
export const IPV6_RECVHOPLIMIT = 37;
/** Option: tell the routing headers of a datagram, as ancillary data IPV6_RTHDR (RFC 3542 §7). @public */
export const IPV6_RECVRTHDR = 38;
/** Option: tell its hop-by-hop options header, as IPV6_HOPOPTS (RFC 3542 §8). The superuser's. @public */
export const IPV6_RECVHOPOPTS = 39;
/** Option: tell its destination options headers, as IPV6_DSTOPTS (RFC 3542 §9). The superuser's. @public */
export const IPV6_RECVDSTOPTS = 40;
/** Option: is remembered. Destination options come by IPV6_RECVDSTOPTS, wherever they stand. The superuser's. @public */
export const IPV6_RECVRTHDRDSTOPTS = 41;
/** Option: tell, as ancillary data IPV6_PATHMTU (an {@link Ip6Mtuinfo}) of an empty datagram, what a path takes when something was larger (RFC 3542 §11.3). Not for streams, where it does nothing. @public */
export const IPV6_RECVPATHMTU = 43;
/** Option: tell the traffic class. @public */
export const IPV6_RECVTCLASS = 57;
/** Option: no packet of more than 1280 bytes: 1; as large as the path takes: 0; so for multicast alone: -1, the default (RFC 3542 §11.1). @public */
export const IPV6_USE_MIN_MTU = 42;
/** Option (read only): what the path to the peer takes, bytes; ancillary data: an {@link Ip6Mtuinfo}. @public */
export const IPV6_PATHMTU = 44;
/** Option: packets have a flow label (RFC 6437). @public */
export const IPV6_AUTOFLOWLABEL = 59;
/** Option: traffic class. @public */
export const IPV6_TCLASS = 61;
/** Option: do not fragment. @public */
export const IPV6_DONTFRAG = 62;
/** Option: may bind to any address (privileged). @public */
export const IPV6_BINDANY = 64;
/** Option (read only) and ancillary data: flow hash. @public */
export const IPV6_FLOWID = 67;
/** Option (read only) and ancillary data: kind of flow hash. @public */
export const IPV6_FLOWTYPE = 68;
/** Option: tell the flow hash, as IPV6_FLOWID and IPV6_FLOWTYPE. @public */
export const IPV6_RECVFLOWID = 70;
/** Option: tell the original destination. @public */
export const IPV6_ORIGDSTADDR = 72;
/** Option: join a group, of any family that the level speaks (RFC 3678). @public */
export const MCAST_JOIN_GROUP = 80;
/** Option: leave a group. @public */
export const MCAST_LEAVE_GROUP = 81;
/** Option: join one source of a group. @public */
export const MCAST_JOIN_SOURCE_GROUP = 82;
/** Option: leave one source of a group. @public */
export const MCAST_LEAVE_SOURCE_GROUP = 83;
/** Option: block one source of a group. @public */
export const MCAST_BLOCK_SOURCE = 84;
/** Option: unblock one source of a group. @public */
export const MCAST_UNBLOCK_SOURCE = 85;

/** What a path takes. Source: RFC 3542 §11.3, struct ip6_mtuinfo. @public */
export interface Ip6Mtuinfo {
  /** Where the path leads. */
  readonly addr: InAddr;
  /** Largest packet, bytes, network header included. */
  readonly mtu: number;
}

/** Whether a socket asked to be told what the path to `dst` takes: a connected one of its peer's alone. Source: FreeBSD ip6_input.c, ip6_notify_pmtu(). @public */
export function inPcbWantsPathMtu(inp: Inpcb, dst: InAddr): boolean {
  return (inp.flags & IN6P_MTU) !== 0 && inp.socket !== null && (isAny(inp.faddr) || inAddrEqual(inp.faddr, dst));
}

/** Options that are a bit of `flags2`. */
function flag2Of(name: number): number {
  return name === IPV6_ORIGDSTADDR ? INP_ORIGDSTADDR : name === IPV6_RECVFLOWID ? INP_RECVFLOWID : 0;
}

/** Options that only the superuser sets. */
const isPrivileged = (name: number): boolean => name === IPV6_BINDANY || name === IPV6_RECVHOPOPTS || name === IPV6_RECVDSTOPTS || name === IPV6_RECVRTHDRDSTOPTS;

/** Options that ancillary data may have too: RFC 3542's sticky options. */
const isSticky = (name: number): boolean =>
  name === IPV6_PKTINFO || name === IPV6_HOPOPTS || name === IPV6_DSTOPTS || name === IPV6_RTHDRDSTOPTS || name === IPV6_RTHDR || name === IPV6_NEXTHOP || name === IPV6_PREFER_TEMPADDR;

/** Options that are a bit of `flags`. */
function flagOf(name: number): number {
  switch (name) {
    case IPV6_V6ONLY:
      return INP_V6ONLY;
    case IPV6_RECVPKTINFO:
      return INP_RECVDSTADDR;
    case IPV6_RECVHOPLIMIT:
      return INP_RECVTTL;
    case IPV6_RECVTCLASS:
      return INP_RECVTOS;
    case IPV6_RECVHOPOPTS:
      return IN6P_HOPOPTS;
    case IPV6_RECVDSTOPTS:
      return IN6P_DSTOPTS;
    case IPV6_RECVRTHDR:
      return IN6P_RTHDR;
    case IPV6_RECVRTHDRDSTOPTS:
      return IN6P_RTHDRDSTOPTS;
    case IPV6_RECVPATHMTU:
      return IN6P_MTU;
    case IPV6_DONTFRAG:
      return INP_DONTFRAG;
    case IPV6_BINDANY:
      return INP_BINDANY;
    default:
      return 0;
  }
}

/**
 * Reads or sets an option of level IPPROTO_IPV6 of a pcb. ENOPROTOOPT for an unknown one, EINVAL for a bad value or one that comes too late.
 * Source: FreeBSD ip6_output.c, ip6_ctloutput().
 * @public
 */
export function inPcbCtloutput6(inp: Inpcb, sopt: Sockopt): number {
  const bit = flagOf(sopt.name);
  const bit2 = bit === 0 ? flag2Of(sopt.name) : 0;
  if (sopt.dir === SOPT_GET) {
    if (bit === 0 && bit2 === 0) return getOption6(inp, sopt);
    sopt.val = (bit !== 0 ? inp.flags & bit : inp.flags2 & bit2) !== 0 ? 1 : 0;
    return 0;
  }
  if (bit === 0 && bit2 === 0) return setOption6(inp, sopt);
  const v = sooptInt(sopt);
  if (v < 0) return -v;
  if (isPrivileged(sopt.name) && inp.cred.uid !== 0) return EPERM;
  if (sopt.name === IPV6_RECVPATHMTU && inp.socket?.type === SOCK_STREAM) return 0;
  if (bit2 !== 0) {
    inp.flags2 = v !== 0 ? inp.flags2 | bit2 : inp.flags2 & ~bit2;
    return 0;
  }
  if (sopt.name === IPV6_V6ONLY) {
    if (inp.lport !== 0 || !isAny(inp.laddr)) return EINVAL;
    inp.vflag = v !== 0 ? inp.vflag & ~INP_IPV4 : inp.vflag | INP_IPV4;
  }
  inp.flags = v !== 0 ? inp.flags | bit : inp.flags & ~bit;
  return 0;
}

function getOption6(inp: Inpcb, sopt: Sockopt): number {
  const mo = inp.opts?.moptions ?? null;
  switch (sopt.name) {
    case IPV6_UNICAST_HOPS:
      sopt.val = inp.ttl;
      return 0;
    case IPV6_TCLASS:
      sopt.val = inp.tos;
      return 0;
    case IPV6_PORTRANGE:
      sopt.val = (inp.flags & INP_HIGHPORT) !== 0 ? 1 : (inp.flags & INP_LOWPORT) !== 0 ? 2 : 0;
      return 0;
    case IPV6_MULTICAST_IF:
      sopt.val = mo === null ? null : mo.ifp;
      return 0;
    case IPV6_MULTICAST_HOPS:
      sopt.val = mo === null ? 1 : mo.ttl;
      return 0;
    case IPV6_MULTICAST_LOOP:
      sopt.val = mo === null || mo.loop ? 1 : 0;
      return 0;
    case IPV6_USE_MIN_MTU:
      sopt.val = (inp.flags & INP_MINMTU) !== 0 ? 1 : (inp.opts?.noMinMtu ?? false) ? 0 : -1;
      return 0;
    case IPV6_AUTOFLOWLABEL:
      sopt.val = (inp.flags2 & INP_NOFLOWLABEL) === 0 ? 1 : 0;
      return 0;
    case IPV6_PATHMTU:
      return pathMtu(inp, sopt);
    case IPV6_FLOWID:
      sopt.val = inp.flowid;
      return 0;
    case IPV6_FLOWTYPE:
      sopt.val = inp.flowtype;
      return 0;
    case MSFILTER:
      return getMsfilter(inp, sopt, AF_INET6);
    default:
      if (!isSticky(sopt.name) || sopt.name === IPV6_RTHDR) return ENOPROTOOPT;
      sopt.val = inPcbGetStickyOpt(inp, sopt.name);
      return 0;
  }
}

/** IPV6_PATHMTU: ENOTCONN without a peer. Source: FreeBSD ip6_output.c, ip6_getpmtu_ctl(). */
function pathMtu(inp: Inpcb, sopt: Sockopt): number {
  if (isAny(inp.faddr)) return ENOTCONN;
  const info = new PathInfo();
  const errno = inp.af.pathInfo(inp.vnet, inp.fibnum, inp.faddr, info);
  if (errno === 0) sopt.val = info.mtu;
  return errno;
}

/** The options that join, leave, and choose senders. */
function setMembership6(inp: Inpcb, sopt: Sockopt): number {
  const req = asMreq(sopt.val, AF_INET6);
  if (req === null || (sopt.name >= MCAST_JOIN_SOURCE_GROUP) !== (req.source !== undefined)) return EINVAL;
  switch (sopt.name) {
    case IPV6_JOIN_GROUP:
    case MCAST_JOIN_GROUP:
    case MCAST_JOIN_SOURCE_GROUP:
      return inPcbJoinGroup(inp, req);
    case IPV6_LEAVE_GROUP:
    case MCAST_LEAVE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
      return inPcbLeaveGroup(inp, req);
    default:
      return inPcbBlockSource(inp, req, sopt.name === MCAST_BLOCK_SOURCE);
  }
}

/** IPV6_USE_MIN_MTU: -1, 0 or 1. */
function setMinMtu(inp: Inpcb, v: unknown): number {
  if (v !== -1 && v !== 0 && v !== 1) return EINVAL;
  inp.flags = v === 1 ? inp.flags | INP_MINMTU : inp.flags & ~INP_MINMTU;
  if (v === 0 || inp.opts !== null) inpOpts(inp).noMinMtu = v === 0;
  return 0;
}

function setOption6(inp: Inpcb, sopt: Sockopt): number {
  if (sopt.name === IPV6_JOIN_GROUP || sopt.name === IPV6_LEAVE_GROUP || (sopt.name >= MCAST_JOIN_GROUP && sopt.name <= MCAST_UNBLOCK_SOURCE)) return setMembership6(inp, sopt);
  if (sopt.name === IPV6_USE_MIN_MTU) return setMinMtu(inp, sopt.val);
  if (sopt.name === MSFILTER) return setMsfilter(inp, sopt, AF_INET6);
  if (isSticky(sopt.name)) return inPcbStickyOpt(inp, inpOpts(inp), sopt.name, sopt.val);
  // RFC 3493 §5.1, §5.2: -1 means the default.
  if (sopt.name === IPV6_UNICAST_HOPS && sopt.val === -1) {
    inp.ttl = inp.af.defTtl(inp.vnet);
    return 0;
  }
  if (sopt.name === IPV6_MULTICAST_HOPS && sopt.val === -1) {
    inPcbMoptions(inp).ttl = 1;
    return 0;
  }
  if (sopt.name === IPV6_MULTICAST_IF) {
    if (sopt.val !== null && typeof sopt.val !== 'object') return EINVAL;
    const ifp = sopt.val as Ifnet | null;
    if (ifp !== null) sameVnet(ifp.vnet, inp.vnet, `multicast by ${ifp.name}`);
    inPcbMoptions(inp).ifp = ifp;
    return 0;
  }
  const v = sooptInt(sopt);
  switch (sopt.name) {
    case IPV6_UNICAST_HOPS:
      if (v < 0 || v > 255) return EINVAL;
      inp.ttl = v;
      return 0;
    case IPV6_AUTOFLOWLABEL:
      if (v < 0) return EINVAL;
      inp.flags2 = v !== 0 ? inp.flags2 & ~INP_NOFLOWLABEL : inp.flags2 | INP_NOFLOWLABEL;
      return 0;
    case IPV6_TCLASS:
      if (v < 0 || v > 255) return EINVAL;
      inp.tos = v;
      return 0;
    case IPV6_MULTICAST_HOPS:
      if (v < 0 || v > 255) return EINVAL;
      inPcbMoptions(inp).ttl = v;
      return 0;
    case IPV6_MULTICAST_LOOP:
      if (v < 0 || v > 1) return EINVAL;
      inPcbMoptions(inp).loop = v !== 0;
      return 0;
    case IPV6_PORTRANGE:
      if (v < 0 || v > 2) return EINVAL;
      inp.flags = (inp.flags & ~(INP_HIGHPORT | INP_LOWPORT)) | (v === 1 ? INP_HIGHPORT : v === 2 ? INP_LOWPORT : 0);
      return 0;
    default:
      return ENOPROTOOPT;
  }
}
