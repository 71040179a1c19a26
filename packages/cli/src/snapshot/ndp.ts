import { IFNET, type Ifnet } from '@ns/ifnet';
import type { Vnet } from '@ns/kern';
import { nd6Defrouters, nd6Ifinfo, nd6Prefixes, ndpSnapshot } from '@ns/nd6';
import { prisonCheckAddr, type Ucred } from '@ns/vnet';
import { formatEtherAddr, inAddrEqual, type InAddr } from '@ns/wire';
import { addrText } from './interfaces.ts';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** An IPv6 neighbour. @public */
export interface NdpNeighbourSnapshot {
  /** Network address, with the name of its link if it is link-local. */
  readonly address: string;
  /** Link address, or null: incomplete. */
  readonly ether: string | null;
  /** Interface. */
  readonly netif: string;
  /** Seconds until its state changes; null: permanent; 0: now. */
  readonly expire: number | null;
  /** I, R, S, D, P: incomplete, reachable, stale, delay, probe. */
  readonly state: string;
  /** It is a router. */
  readonly router: boolean;
  /** Answered for on behalf of somebody else. */
  readonly proxy: boolean;
  /** Solicitations without an answer. */
  readonly probes: number;
}

/** A default router. @public */
export interface NdpRouterSnapshot {
  /** Its link-local address. */
  readonly address: string;
  /** Interface. */
  readonly netif: string;
  /** ND_RA_FLAG_*. */
  readonly flags: number;
  /** Seconds that are left. */
  readonly expire: number;
}

/** A prefix that routers announce. @public */
export interface NdpPrefixSnapshot {
  /** `2001:db8::/64`. */
  readonly prefix: string;
  /** Interface. */
  readonly netif: string;
  /** L: on-link flag seen; A: autonomous flag seen; O: on the link; D: detached. */
  readonly flags: string;
  /** Valid lifetime as announced, seconds. */
  readonly vltime: number;
  /** Preferred lifetime as announced, seconds. */
  readonly pltime: number;
  /** Seconds that are left; null: for ever. */
  readonly expire: number | null;
  /** Addresses made from it. */
  readonly refs: number;
  /** Who announces it, and whether they are thought reachable (null: nothing is known of them). */
  readonly advertisers: readonly { readonly address: string; readonly reachable: boolean | null }[];
}

/** What neighbour discovery knows in one vnet. @public */
export interface NdpSnapshot extends Snapshot {
  /** By interface. */
  readonly neighbours: readonly NdpNeighbourSnapshot[];
  /** Most preferred first. */
  readonly routers: readonly NdpRouterSnapshot[];
  /** In the order in which they came. */
  readonly prefixes: readonly NdpPrefixSnapshot[];
}

/** Neighbour discovery on one interface. @public */
export interface NdpIfSnapshot extends Snapshot {
  /** Largest packet of the link. */
  readonly linkmtu: number;
  /** Largest packet of the interface. */
  readonly maxmtu: number;
  /** Hop limit. */
  readonly curhlim: number;
  /** BaseReachableTime, ms. */
  readonly basereachableMs: number;
  /** ReachableTime, ms. */
  readonly reachableMs: number;
  /** RetransTimer, ms. */
  readonly retransMs: number;
  /** ND6_IFF_*. */
  readonly flags: number;
}

const STATES = 'IRSDP';

/** What neighbour discovery knows in a vnet; neighbours that `cred` may see (null sees all). @public */
export function ndpTables(vnet: Vnet, cred: Ucred | null = null): NdpSnapshot {
  const now = vnet.kernel.callouts.nowUs();
  const left = (endUs: number): number => Math.max(0, Math.floor((endUs - now) / 1e6));
  const rows = ndpSnapshot(vnet);
  const reachable = (a: InAddr, netif: string): boolean | null => {
    const row = rows.find((r) => r.ifname === netif && inAddrEqual(r.addr, a));
    return row === undefined ? null : row.state > 0;
  };
  return {
    version: SNAPSHOT_VERSION,
    neighbours: rows
      .filter((r) => cred === null || prisonCheckAddr(cred, r.addr) === 0)
      .map((r) => ({
        address: addrText(vnet, r.addr),
        ether: r.lladdr === null ? null : formatEtherAddr(r.lladdr),
        netif: r.ifname,
        expire: r.expiresInUs === null ? null : Math.max(0, Math.floor(r.expiresInUs / 1e6)),
        state: STATES.charAt(r.state),
        router: r.isRouter,
        proxy: r.proxied,
        probes: r.asked,
      })),
    routers: nd6Defrouters(vnet).map((d) => ({ address: addrText(vnet, d.addr), netif: d.ifp.name, flags: d.raflags, expire: left(d.expireUs) })),
    prefixes: nd6Prefixes(vnet).map((p) => ({
      prefix: `${addrText(vnet, p.prefix)}/${p.prefixlen}`,
      netif: p.ifp.name,
      flags: `${p.onlink ? 'L' : ''}${p.auto ? 'A' : ''}${(p.state & 1) !== 0 ? 'O' : ''}${(p.state & 2) !== 0 ? 'D' : ''}`,
      vltime: p.validSec,
      pltime: p.preferredSec,
      expire: p.expireUs === 0 ? null : left(p.expireUs),
      refs: p.addrcnt,
      advertisers: p.advrtrs.map((a) => ({ address: addrText(vnet, a), reachable: reachable(a, p.ifp.name) })),
    })),
  };
}

/** Neighbour discovery on an interface, or null where there is none. @public */
export function ndpIf(ifp: Ifnet): NdpIfSnapshot | null {
  const info = nd6Ifinfo(ifp);
  return info === null ? null : { version: SNAPSHOT_VERSION, ...info };
}

/** Interface of a vnet by its index, for zones of addresses; 0: there is none. */
export function zoneIndex(vnet: Vnet, name: string): number {
  return IFNET.get(vnet).list.find((i) => i.name === name)?.index ?? 0;
}
