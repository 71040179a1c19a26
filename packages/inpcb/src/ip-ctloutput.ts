import { EINVAL, ENOPROTOOPT, EPERM } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { sameVnet } from '@ns/kern';
import { AF_INET } from '@ns/wire';
import { getMsfilter, MSFILTER, setMsfilter } from './msfilter.ts';
import { asMreq, inPcbBlockSource, inPcbJoinGroup, inPcbLeaveGroup, inPcbMoptions } from './moptions.ts';
import {
  INP_BINDANY,
  INP_DONTFRAG,
  INP_HDRINCL,
  INP_HIGHPORT,
  INP_LOWPORT,
  INP_ONESBCAST,
  INP_ORIGDSTADDR,
  INP_RECVDSTADDR,
  INP_RECVFLOWID,
  INP_RECVIF,
  INP_RECVOPTS,
  INP_RECVRETOPTS,
  INP_RECVTOS,
  INP_RECVTTL,
  type Inpcb,
  inpOpts,
  SOCK_RAW,
} from './pcb.ts';
import { SOPT_GET, type Sockopt, sooptInt } from './sockopt.ts';

// Options of level IPPROTO_IP. Source: FreeBSD netinet/in.h.

/** Option: IP options to send, a Uint8Array of a multiple of four bytes up to 40. @public */
export const IP_OPTIONS = 1;
/** Option: the application supplies the IP header (raw sockets). @public */
export const IP_HDRINCL = 2;
/** Option: TOS. @public */
export const IP_TOS = 3;
/** Option: TTL. @public */
export const IP_TTL = 4;
/** Option: tell received IP options. @public */
export const IP_RECVOPTS = 5;
/** Option: tell received IP options, prepared for a reply. @public */
export const IP_RECVRETOPTS = 6;
/** Option: tell the destination address. @public */
export const IP_RECVDSTADDR = 7;
/** Option: outgoing interface of multicast, an Ifnet or null. @public */
export const IP_MULTICAST_IF = 9;
/** Option: TTL of multicast. @public */
export const IP_MULTICAST_TTL = 10;
/** Option: whether multicast loops back to this host. @public */
export const IP_MULTICAST_LOOP = 11;
/** Option: join a group, an {@link IpMreq}. @public */
export const IP_ADD_MEMBERSHIP = 12;
/** Option: leave a group. @public */
export const IP_DROP_MEMBERSHIP = 13;
/** Option: range of ephemeral ports, IP_PORTRANGE_*. @public */
export const IP_PORTRANGE = 19;
/** Option: tell the receiving interface. @public */
export const IP_RECVIF = 20;
/** Option: broadcasts go to 255.255.255.255. @public */
export const IP_ONESBCAST = 23;
/** Option: may bind to any address (privileged). @public */
export const IP_BINDANY = 24;
/** Option: tell the original destination. @public */
export const IP_ORIGDSTADDR = 27;
/** Option: tell the TTL. @public */
export const IP_RECVTTL = 65;
/** Option: ignore packets with a smaller TTL. @public */
export const IP_MINTTL = 66;
/** Option: set DF. @public */
export const IP_DONTFRAG = 67;
/** Option: tell the TOS. @public */
export const IP_RECVTOS = 68;
/** Option: join one source of a group. @public */
export const IP_ADD_SOURCE_MEMBERSHIP = 70;
/** Option: leave one source of a group. @public */
export const IP_DROP_SOURCE_MEMBERSHIP = 71;
/** Option: block one source of a group. @public */
export const IP_BLOCK_SOURCE = 72;
/** Option: unblock one source of a group. @public */
export const IP_UNBLOCK_SOURCE = 73;
/** Option (read only) and ancillary data: flow hash. @public */
export const IP_FLOWID = 90;
/** Option (read only) and ancillary data: kind of flow hash. @public */
export const IP_FLOWTYPE = 91;
/** Option: tell the flow hash, as IP_FLOWID and IP_FLOWTYPE. @public */
export const IP_RECVFLOWID = 93;

/** IP_PORTRANGE: the default range. @public */
export const IP_PORTRANGE_DEFAULT = 0;
/** IP_PORTRANGE: the high range. @public */
export const IP_PORTRANGE_HIGH = 1;
/** IP_PORTRANGE: the low, privileged range. @public */
export const IP_PORTRANGE_LOW = 2;

/** Options that are a bit of `flags`. */
function flagOf(name: number): number {
  switch (name) {
    case IP_HDRINCL:
      return INP_HDRINCL;
    case IP_RECVOPTS:
      return INP_RECVOPTS;
    case IP_RECVRETOPTS:
      return INP_RECVRETOPTS;
    case IP_RECVDSTADDR:
      return INP_RECVDSTADDR;
    case IP_RECVIF:
      return INP_RECVIF;
    case IP_ONESBCAST:
      return INP_ONESBCAST;
    case IP_BINDANY:
      return INP_BINDANY;
    case IP_RECVTTL:
      return INP_RECVTTL;
    case IP_DONTFRAG:
      return INP_DONTFRAG;
    case IP_RECVTOS:
      return INP_RECVTOS;
    default:
      return 0;
  }
}

/** Options that are a bit of `flags2`. */
function flag2Of(name: number): number {
  return name === IP_ORIGDSTADDR ? INP_ORIGDSTADDR : name === IP_RECVFLOWID ? INP_RECVFLOWID : 0;
}

/**
 * Reads or sets an option of level IPPROTO_IP of a pcb. ENOPROTOOPT for an unknown one, EINVAL for a bad value, EPERM without privilege.
 * Source: FreeBSD ip_output.c, ip_ctloutput(); in_mcast.c.
 * @public
 */
export function inPcbCtloutput(inp: Inpcb, sopt: Sockopt): number {
  const bit = flagOf(sopt.name);
  const bit2 = bit === 0 ? flag2Of(sopt.name) : 0;
  if (sopt.dir === SOPT_GET) {
    if (bit === 0 && bit2 === 0) return getOption(inp, sopt);
    sopt.val = ((bit !== 0 ? inp.flags & bit : inp.flags2 & bit2) !== 0) ? 1 : 0;
    return 0;
  }
  if (bit === 0 && bit2 === 0) return setOption(inp, sopt);
  const v = sooptInt(sopt);
  if (v < 0) return -v;
  if (sopt.name === IP_BINDANY && inp.cred.uid !== 0) return EPERM;
  if (sopt.name === IP_HDRINCL && inp.socket?.type !== SOCK_RAW) return ENOPROTOOPT;
  if (bit !== 0) inp.flags = v !== 0 ? inp.flags | bit : inp.flags & ~bit;
  else inp.flags2 = v !== 0 ? inp.flags2 | bit2 : inp.flags2 & ~bit2;
  return 0;
}

function getOption(inp: Inpcb, sopt: Sockopt): number {
  const mo = inp.opts?.moptions ?? null;
  switch (sopt.name) {
    case IP_OPTIONS:
      sopt.val = inp.opts?.options ?? new Uint8Array(0);
      return 0;
    case IP_TOS:
      sopt.val = inp.tos;
      return 0;
    case IP_TTL:
      sopt.val = inp.ttl;
      return 0;
    case IP_MINTTL:
      sopt.val = inp.minTtl;
      return 0;
    case IP_PORTRANGE:
      sopt.val = (inp.flags & INP_HIGHPORT) !== 0 ? IP_PORTRANGE_HIGH : (inp.flags & INP_LOWPORT) !== 0 ? IP_PORTRANGE_LOW : IP_PORTRANGE_DEFAULT;
      return 0;
    case IP_MULTICAST_IF:
      sopt.val = mo === null ? null : mo.ifp;
      return 0;
    case IP_MULTICAST_TTL:
      sopt.val = mo === null ? 1 : mo.ttl;
      return 0;
    case IP_MULTICAST_LOOP:
      sopt.val = mo === null || mo.loop ? 1 : 0;
      return 0;
    case IP_FLOWID:
      sopt.val = inp.flowid;
      return 0;
    case IP_FLOWTYPE:
      sopt.val = inp.flowtype;
      return 0;
    case MSFILTER:
      return getMsfilter(inp, sopt, AF_INET);
    default:
      return ENOPROTOOPT;
  }
}

function setOption(inp: Inpcb, sopt: Sockopt): number {
  switch (sopt.name) {
    case IP_OPTIONS:
      return setIpOptions(inp, sopt.val);
    case IP_TOS:
    case IP_TTL:
    case IP_MINTTL:
    case IP_PORTRANGE:
    case IP_MULTICAST_TTL:
    case IP_MULTICAST_LOOP:
      return setNumber(inp, sopt.name, sooptInt(sopt));
    case MSFILTER:
      return setMsfilter(inp, sopt, AF_INET);
    case IP_MULTICAST_IF:
      return setMulticastIf(inp, sopt.val);
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
      return setMembership(inp, sopt);
    default:
      return ENOPROTOOPT;
  }
}

function setNumber(inp: Inpcb, name: number, v: number): number {
  if (v < 0 || v > 255) return EINVAL;
  switch (name) {
    case IP_TOS:
      inp.tos = v;
      return 0;
    case IP_TTL:
      if (v === 0) return EINVAL;
      inp.ttl = v;
      return 0;
    case IP_MINTTL:
      inp.minTtl = v;
      return 0;
    case IP_MULTICAST_TTL:
      inPcbMoptions(inp).ttl = v;
      return 0;
    case IP_MULTICAST_LOOP:
      inPcbMoptions(inp).loop = v !== 0;
      return 0;
    default:
      return setPortRange(inp, v);
  }
}

function setPortRange(inp: Inpcb, v: number): number {
  if (v > IP_PORTRANGE_LOW) return EINVAL;
  inp.flags &= ~(INP_HIGHPORT | INP_LOWPORT);
  if (v === IP_PORTRANGE_HIGH) inp.flags |= INP_HIGHPORT;
  if (v === IP_PORTRANGE_LOW) inp.flags |= INP_LOWPORT;
  return 0;
}

function setIpOptions(inp: Inpcb, val: unknown): number {
  if (!(val instanceof Uint8Array) || val.length > 40 || val.length % 4 !== 0) return EINVAL;
  inpOpts(inp).options = val.length === 0 ? null : val.slice();
  return 0;
}

function setMulticastIf(inp: Inpcb, val: unknown): number {
  if (val !== null && typeof val !== 'object') return EINVAL;
  const ifp = val as Ifnet | null;
  if (ifp !== null) sameVnet(ifp.vnet, inp.vnet, `multicast by ${ifp.name}`);
  inPcbMoptions(inp).ifp = ifp;
  return 0;
}

function setMembership(inp: Inpcb, sopt: Sockopt): number {
  const req = asMreq(sopt.val, AF_INET);
  if (req === null) return EINVAL;
  const withSource = sopt.name !== IP_ADD_MEMBERSHIP && sopt.name !== IP_DROP_MEMBERSHIP;
  if (withSource !== (req.source !== undefined)) return EINVAL;
  switch (sopt.name) {
    case IP_ADD_MEMBERSHIP:
    case IP_ADD_SOURCE_MEMBERSHIP:
      return inPcbJoinGroup(inp, req);
    case IP_DROP_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
      return inPcbLeaveGroup(inp, req);
    default:
      return inPcbBlockSource(inp, req, sopt.name === IP_BLOCK_SOURCE);
  }
}
