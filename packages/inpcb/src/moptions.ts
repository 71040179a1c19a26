import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOSPC, EOPNOTSUPP, ETOOMANYREFS } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { sameVnet, type Vnet } from '@ns/kern';
import { AF_INET, type InAddr, inAddrEqual, isMulticast } from '@ns/wire';
import { INET, type InetAf } from './inet.ts';
import { hasSource, type McastLimits } from './mcast-filter.ts';
import { inpOpts, type IpMembership, IpMoptions, type Inpcb } from './pcb.ts';
import type { IpMreq } from './sockopt.ts';

/** Most groups of one socket. Source: FreeBSD IP_MAX_MEMBERSHIPS. @public */
export const IP_MAX_MEMBERSHIPS = 4095;

/** {@link inPcbMcastFilter}: the packet is for this socket. @public */
export const MCAST_PASS = 0;
/** {@link inPcbMcastFilter}: the socket is not a member of the group on that interface. @public */
export const MCAST_NOTGMEMBER = 1;
/** {@link inPcbMcastFilter}: the socket asked for other sources only. @public */
export const MCAST_NOTSMEMBER = 2;
/** {@link inPcbMcastFilter}: the socket has blocked the source. @public */
export const MCAST_MUTED = 3;

/** Multicast settings of a pcb, made if there are none. @public */
export function inPcbMoptions(inp: Inpcb): IpMoptions {
  const o = inpOpts(inp);
  return (o.moptions ??= new IpMoptions());
}

/** The membership of a pcb in a group on an interface (null: the first), or null. */
export function findMembership(inp: Inpcb, group: InAddr, ifp: Ifnet | null): IpMembership | null {
  const list = inp.opts?.moptions?.memberships ?? [];
  return list.find((m) => (ifp === null || m.ifp === ifp) && inAddrEqual(m.group, group)) ?? null;
}

/** Whether the filters of a group name more senders than they may. */
function tooMany(af: InetAf | null, inp: Inpcb, group: InAddr, ifp: Ifnet): boolean {
  return (af?.groupSources?.(inp.vnet, group, ifp) ?? 0) > mcastLimits(inp.vnet, group.af).maxgrpsrc;
}

/** Bounds on the source filters of a family. */
export function mcastLimits(vnet: Vnet, af: number): McastLimits {
  const inet = INET.get(vnet);
  return af === AF_INET ? inet.mcast4 : inet.mcast6;
}

/** Gives a membership another filter, or leaves it as it is: ENOSPC, senders too many for the group. */
export function setFilter(inp: Inpcb, af: InetAf | null, m: IpMembership, include: boolean, sources: readonly InAddr[]): number {
  const f = m.filter;
  const was = { include: f.include, sources: f.sources };
  f.include = include;
  f.sources = sources;
  if (sources.length > was.sources.length && tooMany(af, inp, m.group, m.ifp)) {
    f.include = was.include;
    f.sources = was.sources;
    return ENOSPC;
  }
  af?.filterChanged?.(inp.vnet, m.group, m.ifp);
  return 0;
}

/**
 * Joins a group: any source (EADDRINUSE when a member already), or with `req.source` that one too. EINVAL: no multicast address, or the group was joined the other way;
 * EOPNOTSUPP: the network protocol has no multicast; ETOOMANYREFS: too many groups, or senders of one socket; ENOSPC: too many senders of a group.
 * Source: FreeBSD in_mcast.c, inp_join_group().
 * @public
 */
export function inPcbJoinGroup(inp: Inpcb, req: IpMreq): number {
  if (!isMulticast(req.group)) return EINVAL;
  const af = INET.get(inp.vnet).af(req.group.af);
  if (af === null || af.joinGroup === undefined) return EOPNOTSUPP;
  const source = req.source ?? null;
  if (req.ifp != null) sameVnet(req.ifp.vnet, inp.vnet, `a group on ${req.ifp.name}`);
  const m = findMembership(inp, req.group, req.ifp ?? null);
  if (m !== null) {
    if (source === null) return EADDRINUSE;
    const f = m.filter;
    if (!f.include) return EINVAL;
    if (hasSource(f.sources, source)) return EADDRNOTAVAIL;
    if (f.sources.length >= mcastLimits(inp.vnet, req.group.af).maxsocksrc) return ETOOMANYREFS;
    return setFilter(inp, af, m, f.include, [...f.sources, source]);
  }
  const mo = inPcbMoptions(inp);
  if (mo.memberships.length >= IP_MAX_MEMBERSHIPS) return ETOOMANYREFS;
  const filter = { include: source !== null, sources: source === null ? [] : [source] };
  const ifp = af.joinGroup(inp.vnet, req.group, req.ifp ?? null, filter);
  if (typeof ifp === 'number') return ifp;
  if (tooMany(af, inp, req.group, ifp)) {
    af.leaveGroup?.(inp.vnet, req.group, ifp, filter);
    return ENOSPC;
  }
  mo.memberships.push({ group: req.group, ifp, filter });
  return 0;
}

/**
 * Leaves a group, or with `req.source` that source of it (the last one leaves the group). EADDRNOTAVAIL when it was not joined.
 * Source: FreeBSD in_mcast.c, inp_leave_group().
 * @public
 */
export function inPcbLeaveGroup(inp: Inpcb, req: IpMreq): number {
  if (!isMulticast(req.group)) return EINVAL;
  const m = findMembership(inp, req.group, req.ifp ?? null);
  if (m === null) return EADDRNOTAVAIL;
  const source = req.source ?? null;
  if (source !== null) {
    const f = m.filter;
    if (!f.include) return EINVAL;
    if (!hasSource(f.sources, source)) return EADDRNOTAVAIL;
    if (f.sources.length > 1) {
      f.sources = f.sources.filter((s) => !inAddrEqual(s, source));
      INET.get(inp.vnet).af(m.group.af)?.filterChanged?.(inp.vnet, m.group, m.ifp);
      return 0;
    }
  }
  const mo = inPcbMoptions(inp);
  mo.memberships.splice(mo.memberships.indexOf(m), 1);
  INET.get(inp.vnet).af(m.group.af)?.leaveGroup?.(inp.vnet, m.group, m.ifp, m.filter);
  return 0;
}

/**
 * Blocks or unblocks one source of a group joined for any source.
 * Source: FreeBSD in_mcast.c, inp_block_unblock_source().
 * @public
 */
export function inPcbBlockSource(inp: Inpcb, req: IpMreq, block: boolean): number {
  const source = req.source;
  if (!isMulticast(req.group) || source === undefined) return EINVAL;
  const m = findMembership(inp, req.group, req.ifp ?? null);
  if (m === null) return EADDRNOTAVAIL;
  const f = m.filter;
  if (f.include) return EINVAL;
  if (hasSource(f.sources, source) === block) return EADDRNOTAVAIL;
  if (block && f.sources.length >= mcastLimits(inp.vnet, req.group.af).maxsocksrc) return ETOOMANYREFS;
  return setFilter(inp, INET.get(inp.vnet).af(m.group.af), m, false, block ? [...f.sources, source] : f.sources.filter((s) => !inAddrEqual(s, source)));
}

/** Leaves all groups: the pcb is going away. */
export function inPcbFreeMoptions(inp: Inpcb): void {
  const mo = inp.opts?.moptions ?? null;
  if (mo === null) return;
  for (const m of mo.memberships) INET.get(inp.vnet).af(m.group.af)?.leaveGroup?.(inp.vnet, m.group, m.ifp, m.filter);
  mo.memberships.length = 0;
}

/**
 * Whether a multicast packet is for this socket: MCAST_*. Words as in InAddr; allocates nothing.
 * Source: FreeBSD in_mcast.c, imo_multi_filter().
 * @public
 */
export function inPcbMcastFilter(inp: Inpcb, ifp: Ifnet, af: number, g0: number, g1: number, g2: number, g3: number, s0: number, s1: number, s2: number, s3: number): number {
  const mo = inp.opts === null ? null : inp.opts.moptions;
  if (mo === null) return MCAST_NOTGMEMBER;
  for (let i = 0; i < mo.memberships.length; i++) {
    const m = mo.memberships[i] as IpMembership;
    const g = m.group;
    if (m.ifp !== ifp || g.af !== af || g.w3 !== g3 || g.w2 !== g2 || g.w1 !== g1 || g.w0 !== g0) continue;
    const f = m.filter;
    for (let j = 0; j < f.sources.length; j++) {
      const s = f.sources[j] as InAddr;
      if (s.w3 === s3 && s.w2 === s2 && s.w1 === s1 && s.w0 === s0) return f.include ? MCAST_PASS : MCAST_MUTED;
    }
    return f.include ? MCAST_NOTSMEMBER : MCAST_PASS;
  }
  return MCAST_NOTGMEMBER;
}

/** Whether a value is a membership request of the family. */
export function asMreq(val: unknown, af: number): IpMreq | null {
  if (typeof val !== 'object' || val === null) return null;
  const req = val as Partial<IpMreq>;
  if (req.group === undefined || req.group.af !== af) return null;
  if (req.source !== undefined && req.source.af !== af) return null;
  return req as IpMreq;
}
