import { Callout } from '@ns/callout';
import { ENOTCAPABLE } from '@ns/errno';
import { type Ifnet, ifSetNumfibs } from '@ns/ifnet';
import { defineVnetVar, type Vnet, type VnetVar } from '@ns/kern';
import { AF_INET, AF_INET6 } from '@ns/wire';
import { ribWalkDelete } from './control.ts';
import { RT_DEFAULT_FIB, RT_MAXFIBS } from './flags.ts';
import { Rib, type RibOwner } from './rib.ts';

/**
 * Counters of routing, with FreeBSD's names. Source: FreeBSD net/route.h, struct rtstat.
 * @public
 */
export class RtStat {
  /** Redirects that made no sense. */
  badredirect = 0;
  /** Routes created by redirects. */
  dynamic = 0;
  /** Routes changed by redirects. */
  newgateway = 0;
  /** Look-ups that failed, and redirects to where we cannot go. */
  unreach = 0;
  /** Look-ups that only the default route answered. */
  wildcard = 0;
}

/**
 * The routing tables of one vnet.
 * @public
 */
export class RouteVnet implements RibOwner {
  /** {@inheritDoc RibOwner.vnet} */
  readonly vnet: Vnet;
  /** Tables: net.fibs. Grows, never shrinks: {@link RouteVnet.grow}. */
  fibs: number;
  /** Counters. */
  readonly stat: RtStat;
  /** net.add_addr_allfibs: routes of interface addresses go into all tables, not just that of the interface. */
  addAddrAllfibs: boolean;
  /** The loopback interface, to which routes to own addresses lead; null as long as there is none. */
  loif: Ifnet | null;
  /** {@inheritDoc RibOwner.multipath} */
  multipath: boolean;
  /** net.route.hash_outbound: packets that are made here are asked for their flow, since some route has several next hops, or had. */
  hashOutbound: boolean;
  /**
   * The secret that flows are spread by; 0 while no route has several next hops.
   * @alpha
   */
  mpathKey: number;
  private readonly tables4: Rib[];
  private readonly tables6: Rib[];
  private lastGen: number;
  private readonly expiry: Callout<RouteVnet>;

  constructor(vnet: Vnet, fibs: number) {
    this.vnet = vnet;
    this.fibs = 0;
    this.stat = new RtStat();
    this.addAddrAllfibs = false;
    this.loif = null;
    this.multipath = true;
    this.hashOutbound = false;
    this.mpathKey = 0;
    this.lastGen = 0;
    this.tables4 = [];
    this.tables6 = [];
    this.expiry = new Callout<RouteVnet>(expireRoutes, this);
    this.grow(fibs);
  }

  /**
   * Makes it `fibs` tables, at least 1 and at most RT_MAXFIBS. The new ones begin empty, even with net.add_addr_allfibs: what comes later goes into them.
   * ENOTCAPABLE for fewer than there are, since sockets and interfaces use them.
   * Source: FreeBSD route_tables.c, sysctl_fibs(), grow_rtables().
   */
  grow(fibs: number): number {
    const n = normalizeFibs(fibs);
    if (n < this.fibs) return ENOTCAPABLE;
    for (let fib = this.fibs; fib < n; fib++) {
      this.tables4.push(new Rib(this, fib, AF_INET));
      this.tables6.push(new Rib(this, fib, AF_INET6));
    }
    this.fibs = n;
    ifSetNumfibs(this.vnet, n);
    return 0;
  }

  /** {@inheritDoc RibOwner.nextGen} */
  nextGen(): number {
    this.lastGen = (this.lastGen + 1) | 0;
    if (this.lastGen === 0) this.lastGen = 1; // 0 is what an empty Route has
    return this.lastGen;
  }

  /** {@inheritDoc RibOwner.multipathUsed} */
  multipathUsed(): void {
    if (this.hashOutbound) return;
    this.hashOutbound = true;
    this.mpathKey = this.vnet.kernel.random.u32() | 0;
  }

  /** The IPv4 table of a FIB; one that does not exist is taken as RT_DEFAULT_FIB, which setfib(2) and SO_SETFIB refuse before it comes to this. */
  inet(fib: number): Rib {
    return (this.tables4[fib] ?? this.tables4[RT_DEFAULT_FIB]) as Rib;
  }

  /** The IPv6 table of a FIB. */
  inet6(fib: number): Rib {
    return (this.tables6[fib] ?? this.tables6[RT_DEFAULT_FIB]) as Rib;
  }

  /** The table of a FIB and family, or null if there is none. */
  rib(fib: number, af: number): Rib | null {
    const tables = af === AF_INET ? this.tables4 : af === AF_INET6 ? this.tables6 : null;
    return tables?.[fib] ?? null;
  }

  /** Whether there is such a table: what setfib(2) and SO_SETFIB check. */
  validFib(fib: number): boolean {
    return Number.isInteger(fib) && fib >= 0 && fib < this.fibs;
  }

  /** Calls `fn` for each table of both families. */
  forEachRib(fn: (rib: Rib) => void): void {
    for (const rib of this.tables4) fn(rib);
    for (const rib of this.tables6) fn(rib);
  }

  /**
   * Calls `fn` for each table that what an interface brings goes into (prefixes, redirects): with net.add_addr_allfibs all of the family, else that of the interface.
   * Differs: FreeBSD enters redirects in all tables, whatever net.add_addr_allfibs says.
   */
  forEachFibOf(ifp: Ifnet, af: number, fn: (rib: Rib) => void): void {
    if (!this.addAddrAllfibs) fn(af === AF_INET ? this.inet(ifp.fib) : this.inet6(ifp.fib));
    else for (const rib of af === AF_INET ? this.tables4 : this.tables6) fn(rib);
  }

  /** Sees to it that routes are looked at for expiry no later than `atUs` of the kernel's clock; 0 = never. */
  scheduleExpiry(atUs: number): void {
    if (atUs === 0) return;
    const { callouts } = this.vnet.kernel;
    if (this.expiry.pending && this.expiry.deadlineUs <= atUs) return;
    callouts.reset(this.expiry, atUs - callouts.nowUs());
  }

  /** Empties all tables and stops the timer: the vnet goes. */
  destroy(): void {
    this.vnet.kernel.callouts.stop(this.expiry);
    this.forEachRib((rib) => ribWalkDelete(rib, () => true));
    this.loif = null;
  }
}

/** Deletes the routes whose time has come. Source: FreeBSD route_temporal.c, expire_callout(). */
function expireRoutes(rv: RouteVnet): void {
  const now = rv.vnet.kernel.callouts.nowUs();
  let next = 0;
  rv.forEachRib((rib) => {
    ribWalkDelete(rib, (rt) => rt.expireUs !== 0 && rt.expireUs <= now);
    rib.forEach((rt) => {
      if (rt.expireUs !== 0 && (next === 0 || rt.expireUs < next)) next = rt.expireUs;
    });
  });
  rv.scheduleExpiry(next);
}

/** Source: FreeBSD route_tables.c, normalize_num_rtables(). */
function normalizeFibs(n: number): number {
  return n >= 1 ? Math.min(n, RT_MAXFIBS) : 1;
}

/** Tables that a vnet begins with: the first one what the boot environment says in net.fibs, those of jails one. Source: FreeBSD route_tables.c, vnet_rtables_init(). */
function firstFibs(vnet: Vnet): number {
  return vnet === vnet.kernel.vnets.vnet0 ? vnet.kernel.sysctl.tunables.int('net.fibs', 1) : 1;
}

/** Routing of a vnet. @public */
export const ROUTE: VnetVar<RouteVnet> = defineVnetVar({
  module: 'route',
  name: 'route',
  init: (vnet) => new RouteVnet(vnet, firstFibs(vnet)),
  destroy: (rv) => {
    rv.destroy();
  },
});

