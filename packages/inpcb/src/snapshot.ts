import type { Ucred } from '@ns/vnet';
import { type InAddr, Sockaddr, v4MappedOf } from '@ns/wire';
import type { InpcbInfo } from './info.ts';
import { INP_IPV6PROTO, type Inpcb } from './pcb.ts';
import { crCanseeinpcb } from './prot.ts';

/**
 * One pcb as netstat and sockstat are told of it.
 * Source: FreeBSD struct xinpcb.
 * @public
 */
export interface Xinpcb {
  /** Local address. */
  readonly laddr: InAddr;
  /** Local port. */
  readonly lport: number;
  /** Foreign address. */
  readonly faddr: InAddr;
  /** Foreign port. */
  readonly fport: number;
  /** INP_IPV4, INP_IPV6, INP_IPV6PROTO. */
  readonly vflag: number;
  /** INP_* of inp_flags. */
  readonly flags: number;
  /** IPPROTO_*. */
  readonly proto: number;
  /** Routing table. */
  readonly fibnum: number;
  /** Flow hash. */
  readonly flowid: number;
  /** Kind of the flow hash. */
  readonly flowtype: number;
  /** Who opened it. */
  readonly uid: number;
  /** Its generation. */
  readonly gencnt: number;
  /** The pcb: for the protocol that adds its own columns. Not to be kept. */
  readonly inp: Inpcb;
}

/**
 * The pcbs of a set at one moment, the newest first.
 * Source: FreeBSD struct xinpgen and in_pcblist().
 * @public
 */
export interface XinpcbList {
  /** Protocol. */
  readonly name: string;
  /** Pcbs in the list. */
  readonly count: number;
  /** Generation of the set: two snapshots with the same one show the same pcbs. */
  readonly gen: number;
  /** The pcbs. */
  readonly pcbs: readonly Xinpcb[];
}

/** The pcbs of a set that `cred` may see, for tools; null sees all. @public */
export function inPcbList(info: InpcbInfo, cred: Ucred | null = null): XinpcbList {
  const seen = cred === null ? info.list : info.list.filter((inp) => crCanseeinpcb(cred, inp) === 0);
  const pcbs = seen.map(xinpcbOf).sort((a, b) => (b.gencnt - a.gencnt) | 0);
  return { name: info.name, count: pcbs.length, gen: info.gencnt, pcbs };
}

function xinpcbOf(inp: Inpcb): Xinpcb {
  return {
    laddr: inp.laddr,
    lport: inp.lport,
    faddr: inp.faddr,
    fport: inp.fport,
    vflag: inp.vflag,
    flags: inp.flags,
    proto: inp.proto,
    fibnum: inp.fibnum,
    flowid: inp.flowid,
    flowtype: inp.flowtype,
    uid: inp.cred.uid,
    gencnt: inp.gencnt,
    inp,
  };
}

/** Local address of a pcb as its socket is told: mapped on an IPv6 socket. Source: FreeBSD in_getsockaddr(), in6_mapped_sockaddr(). @public */
export function inPcbSockaddr(inp: Inpcb): Sockaddr {
  return new Sockaddr((inp.vflag & INP_IPV6PROTO) !== 0 ? v4MappedOf(inp.laddr) : inp.laddr, inp.lport);
}

/** Peer of a pcb as its socket is told: mapped on an IPv6 socket. Source: FreeBSD in_getpeeraddr(), in6_mapped_peeraddr(). @public */
export function inPcbPeeraddr(inp: Inpcb): Sockaddr {
  return new Sockaddr((inp.vflag & INP_IPV6PROTO) !== 0 ? v4MappedOf(inp.faddr) : inp.faddr, inp.fport);
}
