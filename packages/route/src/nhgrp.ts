import { IFF_UP } from '@ns/ifnet-kpi';
import { RTF_BLACKHOLE, RTF_DYNAMIC, RTF_GATEWAY, RTF_MODIFIED, RTF_PINNED, RTF_REJECT } from './flags.ts';
import type { Nexthop } from './nexthop.ts';

/** Most next hops of a route, and slots that they are spread over. Source: FreeBSD net/route/nhop_var.h, RIB_MAX_MPATH_WIDTH. @public */
export const RIB_MAX_MPATH_WIDTH = 64;
/** Share of a next hop that was given none. Source: FreeBSD net/route.h. @public */
export const RT_DEFAULT_WEIGHT = 1;
/** Largest share. Source: FreeBSD net/route.h. @public */
export const RT_MAX_WEIGHT = 16777215;

/**
 * One of several next hops of a route, and its share of the flows in relation to the others.
 * @public
 */
export interface WeightedNexthop {
  /** The next hop. */
  readonly nh: Nexthop;
  /** 1 to RT_MAX_WEIGHT. */
  readonly weight: number;
}

/**
 * The next hops of a route that has several, in order of their numbers. Immutable: a change makes another one.
 * Source: FreeBSD net/route/nhgrp_var.h, struct nhgrp_object, struct nhgrp_priv.
 * @public
 */
export class NexthopGroup {
  /** Its next hops. */
  readonly hops: readonly WeightedNexthop[];
  private readonly slots: readonly Nexthop[];

  /** `hops`: two at least, RIB_MAX_MPATH_WIDTH at most, each once. */
  constructor(hops: readonly WeightedNexthop[]) {
    this.hops = [...hops].sort((a, b) => a.nh.index - b.nh.index);
    this.slots = fillSlots(this.hops);
  }

  /**
   * The next hop of a flow with this hash: always the same as long as the group is. One whose interface is down is passed over, unless they all are. Allocates nothing.
   * Source: FreeBSD nhop_select(). Differs: FreeBSD goes on sending to an interface that is down.
   */
  select(hash: number): Nexthop {
    const { slots } = this;
    const n = slots.length;
    const at = (hash >>> 0) % n;
    for (let i = 0; i < n; i++) {
      const nh = slots[at + i < n ? at + i : at + i - n] as Nexthop;
      if ((nh.ifp.stackFlags & IFF_UP) !== 0) return nh;
    }
    return slots[at] as Nexthop;
  }

  /** The next hop that routes to it count for who knows no flow: the first one. */
  get first(): Nexthop {
    return (this.hops[0] as WeightedNexthop).nh;
  }
}

/** As few slots as have the weights exactly, or all there can be. Source: FreeBSD nhgrp_ctl.c, calc_min_mpath_slots(), compile_nhgrp(). */
function fillSlots(hops: readonly WeightedNexthop[]): Nexthop[] {
  let unit = 0;
  let sum = 0;
  for (const { weight } of hops) {
    unit = gcd(weight, unit);
    sum += weight;
  }
  let left = Math.min(sum / unit, RIB_MAX_MPATH_WIDTH);
  const slots: Nexthop[] = [];
  for (const { nh, weight } of hops) {
    const share = Math.floor((weight * left) / sum);
    for (let i = 0; i < share; i++) slots.push(nh);
    left -= share;
    sum -= weight;
  }
  return slots;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/**
 * Whether a next hop may be one of several: it has a gateway, and neither a redirect nor an interface address made it. Source: FreeBSD nhop_ctl.c, nhop_can_multipath().
 */
export function nhCanMultipath(flags: number): boolean {
  return (flags & (RTF_GATEWAY | RTF_REJECT | RTF_BLACKHOLE | RTF_DYNAMIC | RTF_MODIFIED | RTF_PINNED)) === RTF_GATEWAY;
}
