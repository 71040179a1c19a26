import { EventKey, type Vnet } from '@ns/kern';
import type { Nexthop } from './nexthop.ts';
import type { RtEntry } from './rib.ts';

/**
 * A change of a routing table.
 * Source: FreeBSD route_ctl.h, struct rib_cmd_info; rtsock.c for the message types.
 * @public
 */
export class RouteEvent {
  /** Whose table. */
  readonly vnet: Vnet;
  /** Table. */
  readonly fib: number;
  /** RTM_ADD, RTM_DELETE or RTM_CHANGE. */
  readonly cmd: number;
  /** The route. */
  readonly rt: RtEntry;
  /** The next hop that it is about: that of the route now, or the one that has gone. A route of several next hops has an event for each. */
  readonly nh: Nexthop;
  /** Its next hop before; null for RTM_ADD. */
  readonly oldNh: Nexthop | null;

  constructor(vnet: Vnet, fib: number, cmd: number, rt: RtEntry, nh: Nexthop, oldNh: Nexthop | null) {
    this.vnet = vnet;
    this.fib = fib;
    this.cmd = cmd;
    this.rt = rt;
    this.nh = nh;
    this.oldNh = oldNh;
  }
}

/**
 * Invoked after each change of a table, with the change done. Handlers must not change tables.
 * @public
 */
export const ROUTE_EVENT: EventKey<[event: RouteEvent]> = new EventKey<[event: RouteEvent]>('route_event');
