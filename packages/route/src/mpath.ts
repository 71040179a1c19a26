// @hot
import { M_HASHTYPE_NONE } from '@ns/ifnet-kpi';
import type { Mbuf } from '@ns/mbuf';
import { IP_MF, IP_OFFMASK, IP6_HDR_LEN, IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';
import type { NexthopGroup } from './nhgrp.ts';
import type { Nexthop, Route } from './nexthop.ts';

/*
 * Which of several ways a packet takes: that of its flow. The hash that it carries decides, or one over addresses and ports under a secret of the vnet.
 *
 * Source: FreeBSD net/route/mpath_ctl.c, fib4_calc_software_hash(), fib6_calc_software_hash(). Differs: those are Toeplitz hashes; nobody compares this one with a card's.
 */

/** The next hop of `m`, which begins with its IPv4 header, in a group; `key` is `RouteVnet.mpathKey`. @alpha */
export function mpathSelect4(group: NexthopGroup, m: Mbuf, key: number): Nexthop {
  if (m.rsstype !== M_HASHTYPE_NONE) return group.select(m.flowid);
  const dv = m.dv;
  const o = m.off;
  const whole = (dv.getUint16(o + 6) & (IP_MF | IP_OFFMASK)) === 0;
  let h = mix(key, dv.getInt32(o + 12));
  h = mix(h, dv.getInt32(o + 16));
  return group.select(last(h, m, whole ? dv.getUint8(o + 9) : 0, dv.getUint8(o + 9), (dv.getUint8(o) & 15) << 2));
}

/** The same for IPv6. Behind extension headers nobody looks for ports. @alpha */
export function mpathSelect6(group: NexthopGroup, m: Mbuf, key: number): Nexthop {
  if (m.rsstype !== M_HASHTYPE_NONE) return group.select(m.flowid);
  const dv = m.dv;
  const o = m.off;
  let h = key;
  for (let i = 8; i < IP6_HDR_LEN; i += 4) h = mix(h, dv.getInt32(o + i));
  const nxt = dv.getUint8(o + 6);
  return group.select(last(h, m, nxt, nxt, IP6_HDR_LEN));
}

/**
 * Settles on a way in the cache of a route that has several: what is kept of the neighbour belongs to another. With `stay` the cache is of one flow, which need not be asked again.
 * @alpha
 */
export function mpathKeep(ro: Route, nh: Nexthop, stay: boolean): void {
  if (stay) ro.group = null;
  if (ro.nh === nh) return;
  ro.nh = nh;
  ro.lle = null;
}

function last(h0: number, m: Mbuf, proto: number, mixed: number, off: number): number {
  let h = mix(h0, mixed);
  if (proto === IPPROTO_TCP || proto === IPPROTO_UDP) h = mix(h, ports(m, off));
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** Both ports, wherever in the chain they are; 0 where they lie in two pieces. */
function ports(m: Mbuf, off: number): number {
  let p: Mbuf | null = m;
  let o = off;
  while (p !== null && o >= p.len) {
    o -= p.len;
    p = p.next;
  }
  return p !== null && p.len - o >= 4 ? p.dv.getInt32(p.off + o) : 0;
}

function mix(h: number, w: number): number {
  const x = Math.imul(h ^ w, 0x9e3779b1);
  return x ^ (x >>> 15);
}
