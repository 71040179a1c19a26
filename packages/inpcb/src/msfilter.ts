import { EADDRNOTAVAIL, EINVAL, ENOBUFS } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { InAddr, inAddrEqual, isMulticast } from '@ns/wire';
import { INET } from './inet.ts';
import { hasSource } from './mcast-filter.ts';
import { findMembership, mcastLimits, setFilter } from './moptions.ts';
import type { Inpcb } from './pcb.ts';
import type { Sockopt } from './sockopt.ts';

/** Option of levels IPPROTO_IP and IPPROTO_IPV6: the whole source filter of a group that was joined, an {@link IpMsfilter} (RFC 3678 §5.2, §6.2). Source: FreeBSD IP_MSFILTER, IPV6_MSFILTER. @public */
export const MSFILTER = 74;

/** Value of {@link MSFILTER}. To read it, `group` and `ifp` alone are given and the answer has all. Source: FreeBSD struct __msfilterreq. @public */
export interface IpMsfilter {
  /** The group. */
  readonly group: InAddr;
  /** Null: the interface that it was joined on first. */
  readonly ifp?: Ifnet | null;
  /** Whether `sources` are those that are welcome, or those that are not. */
  readonly include: boolean;
  /** Senders, each once; at most net.inet.ip.mcast.maxsocksrc, net.inet6.ip6.mcast.maxsocksrc. */
  readonly sources: readonly InAddr[];
}

/** Whether a value names a group of the family. */
function asRequest(val: unknown, af: number): Partial<IpMsfilter> & { readonly group: InAddr } | null {
  if (typeof val !== 'object' || val === null) return null;
  const req = val as Partial<IpMsfilter>;
  return req.group instanceof InAddr && req.group.af === af && isMulticast(req.group) ? { ...req, group: req.group } : null;
}

/** EINVAL no group of the family, EADDRNOTAVAIL not joined. Source: FreeBSD in_mcast.c, inp_get_source_filters(). */
export function getMsfilter(inp: Inpcb, sopt: Sockopt, af: number): number {
  const req = asRequest(sopt.val, af);
  if (req === null) return EINVAL;
  const m = findMembership(inp, req.group, req.ifp ?? null);
  if (m === null) return EADDRNOTAVAIL;
  sopt.val = { group: m.group, ifp: m.ifp, include: m.filter.include, sources: m.filter.sources.slice() } satisfies IpMsfilter;
  return 0;
}

/** EINVAL a bad value, EADDRNOTAVAIL not joined, ENOBUFS too many sources, ENOSPC too many of the group. Nothing has changed then. Source: FreeBSD in_mcast.c, inp_set_source_filters(). */
export function setMsfilter(inp: Inpcb, sopt: Sockopt, af: number): number {
  const req = asRequest(sopt.val, af);
  if (req === null || typeof req.include !== 'boolean' || !Array.isArray(req.sources)) return EINVAL;
  const given = req.sources as readonly unknown[];
  if (given.length > mcastLimits(inp.vnet, af).maxsocksrc) return ENOBUFS;
  const sources: InAddr[] = [];
  for (const s of given) {
    if (!(s instanceof InAddr) || s.af !== af || isMulticast(s)) return EINVAL;
    if (!hasSource(sources, s)) sources.push(s);
  }
  const m = findMembership(inp, req.group, req.ifp ?? null);
  if (m === null) return EADDRNOTAVAIL;
  const f = m.filter;
  if (f.include === req.include && f.sources.length === sources.length && f.sources.every((s, i) => inAddrEqual(s, sources[i] as InAddr))) return 0;
  return setFilter(inp, INET.get(inp.vnet).af(af), m, req.include, sources);
}
