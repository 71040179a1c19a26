import type { Ifnet } from '@ns/ifnet';
import { IFT_ETHER, IfSlotKey } from '@ns/ifnet-kpi';
import { in6Ifinfo, type In6Ifinfo } from '@ns/ip6';
import { randomBelow } from '@ns/kern';
import { LLSTATE_INCOMPLETE, Lltable, type LltableOps } from '@ns/lltable';
import { AF_INET6, ETHER_ADDR_LEN, type InAddr } from '@ns/wire';
import type { Nd6Vnet } from './nd6-vnet.ts';

/** Milliseconds for which an answer is believed, before the random factor. Source: RFC 4861 §10, REACHABLE_TIME. */
const REACHABLE_TIME = 30000;
/** Milliseconds between solicitations. Source: RFC 4861 §10, RETRANS_TIMER. */
const RETRANS_TIMER = 1000;
/** Time after which the random factor is drawn again. Source: FreeBSD nd6.c, ND6_RECALC_REACHTM_INTERVAL; RFC 4861 §6.3.4. */
const RECALC_REACHTM_US = 7200 * 1000000;

/** Something that is stopped when the interface goes. */
export interface Stoppable {
  stop(): void;
}

/** Neighbour discovery on one interface. Source: FreeBSD nd6.h, struct nd_ifinfo. */
export class Nd6If {
  readonly nd: Nd6Vnet;
  readonly ifp: Ifnet;
  /** Flags and what routers say of the link. */
  readonly ii: In6Ifinfo;
  /** Neighbours. */
  readonly table: Lltable;
  /** BaseReachableTime, ms. */
  baseReachableMs: number;
  /** RetransTimer, ms. */
  retransMs: number;
  /** DAD_Counter of the link-local address (RFC 7217 §5). */
  dadCounter: number;
  /** Router solicitation under way, or null. */
  rtsol: Stoppable | null;
  /** Answers that wait (RFC 4861 §7.2.7). */
  readonly delayed: Set<Stoppable>;
  private reachableMs: number;
  private recalcUs: number;

  constructor(nd: Nd6Vnet, ifp: Ifnet, ii: In6Ifinfo, ops: LltableOps) {
    this.nd = nd;
    this.ifp = ifp;
    this.ii = ii;
    this.table = new Lltable(ifp, AF_INET6, ops, nd.maxentries);
    this.baseReachableMs = REACHABLE_TIME;
    this.retransMs = RETRANS_TIMER;
    this.dadCounter = 0;
    this.rtsol = null;
    this.delayed = new Set();
    this.reachableMs = 0;
    this.recalcUs = 0;
  }

  /** ReachableTime, ms: BaseReachableTime by a random factor between 0.5 and 1.5, drawn again every two hours and when the base changes (RFC 4861 §6.3.2). */
  reachable(): number {
    const now = this.nd.nowUs();
    if (this.reachableMs === 0 || now >= this.recalcUs) {
      this.reachableMs = Math.floor(this.baseReachableMs / 2) + randomBelow(this.nd.vnet.kernel.random, this.baseReachableMs + 1);
      this.recalcUs = now + RECALC_REACHTM_US;
    }
    return this.reachableMs;
  }

  /** Takes another BaseReachableTime, ms. */
  setBaseReachable(ms: number): void {
    if (ms === this.baseReachableMs) return;
    this.baseReachableMs = ms;
    this.reachableMs = 0;
  }

  /** Our link-layer address, or null on a link that has none. */
  mac(): Uint8Array | null {
    const a = this.ifp.lladdr;
    return this.ifp.type === IFT_ETHER && a !== null && a.length === ETHER_ADDR_LEN ? a : null;
  }

  /** Whether the neighbour is known and not known to be gone. Source: FreeBSD nd6.h, ND6_IS_LLINFO_PROBREACH(). */
  probablyReachable(addr: InAddr): boolean {
    const lle = this.table.lookup(addr);
    return lle !== null && lle.state > LLSTATE_INCOMPLETE;
  }
}

/** Where an interface keeps its neighbour discovery. */
export const ND6_SLOT: IfSlotKey<Nd6If> = new IfSlotKey<Nd6If>('nd6');

/** Neighbour discovery of an interface, or null if it has none. */
export function nd6IfOf(ifp: Ifnet): Nd6If | null {
  return ifp.slots === null ? null : ((ifp.slots.get(ND6_SLOT) as Nd6If | undefined) ?? null);
}

/** ND6_IFF_* of an interface; 0 where there is no IPv6. */
export function nd6Flags(ifp: Ifnet): number {
  return in6Ifinfo(ifp)?.flags ?? 0;
}
