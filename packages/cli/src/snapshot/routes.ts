import type { Vnet } from '@ns/kern';
import { ROUTE, routeDump, routeGet, type RouteRow, RTF_GATEWAY, RTF_HOST } from '@ns/route';
import { jailedWithoutVnet, prisonCheckAddr, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, type InAddr, isAny } from '@ns/wire';
import { addrText } from './interfaces.ts';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** A route. @public */
export interface RouteSnapshot {
  /** Family of the table. */
  readonly family: 'inet' | 'inet6';
  /** `default`, `10.0.0.0/24`, or an address. */
  readonly destination: string;
  /** Destination without its prefix length. */
  readonly address: string;
  /** Bits of the prefix. */
  readonly prefixlen: number;
  /** Address of the gateway, or null: on the link. */
  readonly gateway: string | null;
  /** Index of the interface that the route belongs to: `link#1`. */
  readonly linkIndex: number;
  /** RTF_*. */
  readonly flags: number;
  /** Interface that packets leave by. */
  readonly netif: string;
  /** Source address, or null. */
  readonly source: string | null;
  /** Number of the next hop. */
  readonly nhop: number;
  /** Share of the flows, where the prefix has several next hops. */
  readonly weight: number;
  /** Largest packet. */
  readonly mtu: number;
  /** Packets sent by the next hop. */
  readonly use: number;
  /** Seconds until it goes, or null. */
  readonly expire: number | null;
}

/** Routing tables of one FIB. @public */
export interface RoutesSnapshot extends Snapshot {
  /** Number of the FIB. */
  readonly fib: number;
  /** In the order of prefixes. */
  readonly routes: readonly RouteSnapshot[];
}

function destinationOf(vnet: Vnet, dst: InAddr, prefixlen: number, flags: number): string {
  if (prefixlen === 0 && isAny(dst)) return 'default';
  const text = addrText(vnet, dst);
  return (flags & RTF_HOST) !== 0 ? text : `${text}/${prefixlen}`;
}

function routeOf(vnet: Vnet, r: RouteRow): RouteSnapshot {
  return {
    family: r.dst.af === AF_INET6 ? 'inet6' : 'inet',
    destination: destinationOf(vnet, r.dst, r.prefixlen, r.flags),
    address: addrText(vnet, r.dst),
    prefixlen: r.prefixlen,
    gateway: r.gw === null || (r.flags & RTF_GATEWAY) === 0 ? null : addrText(vnet, r.gw),
    linkIndex: r.linkIndex,
    flags: r.flags,
    netif: r.netif,
    source: r.ifa === null ? null : addrText(vnet, r.ifa),
    nhop: r.nhop,
    weight: r.weight,
    mtu: r.mtu,
    use: r.use,
    expire: r.expiresInUs === null ? null : Math.max(0, Math.floor(r.expiresInUs / 1e6)),
  };
}

/** A jail that shares its stack sees the routes to its own addresses. Source: FreeBSD rtsock.c, can_export_rte(). */
function mayExport(cred: Ucred | null, r: RouteRow): boolean {
  if (cred === null || !jailedWithoutVnet(cred)) return true;
  return (r.flags & RTF_HOST) !== 0 && prisonCheckAddr(cred, r.dst) === 0;
}

/** Routing tables of a vnet, of what `cred` may see (null sees all): one FIB, both families or one. Null if there is no such FIB. @public */
export function routesSnapshot(vnet: Vnet, fib: number = 0, family: 'inet' | 'inet6' | null = null, cred: Ucred | null = null): RoutesSnapshot | null {
  if (!ROUTE.get(vnet).validFib(fib)) return null;
  const routes: RouteSnapshot[] = [];
  for (const af of [AF_INET, AF_INET6]) {
    if (family !== null && (family === 'inet') !== (af === AF_INET)) continue;
    for (const r of routeDump(vnet, fib, af)) if (mayExport(cred, r)) routes.push(routeOf(vnet, r));
  }
  return { version: SNAPSHOT_VERSION, fib, routes };
}

/** The answer of `route get`. @public */
export interface RouteGetSnapshot extends Snapshot {
  /** What was asked for. */
  readonly to: string;
  /** Number of the FIB. */
  readonly fib: number;
  /** The route. */
  readonly route: RouteSnapshot;
}

/** The route that a packet to `dst` takes; an errno if there is none. @public */
export function routeGetSnapshot(vnet: Vnet, fib: number, dst: InAddr): RouteGetSnapshot | number {
  const r = routeGet(vnet, fib, dst);
  return typeof r === 'number' ? r : { version: SNAPSHOT_VERSION, to: addrText(vnet, dst), fib, route: routeOf(vnet, r) };
}
