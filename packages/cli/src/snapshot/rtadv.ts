import { IFNET, type Ifnet } from '@ns/ifnet';
import { IFF_UP } from '@ns/ifnet-kpi';
import { in6Ifinfo, ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import type { Vnet } from '@ns/kern';
import { type RtadvRow, rtadvSnapshot } from '@ns/rtadvd';
import { type Snapshot, SNAPSHOT_VERSION } from './version.ts';

/** A prefix that is advertised. @public */
export interface RtadvPrefixSnapshot {
  /** Prefix and length. */
  readonly prefix: string;
  /** Valid lifetime, seconds; 0xffffffff = for ever. */
  readonly vltime: number;
  /** Preferred lifetime, seconds. */
  readonly pltime: number;
  /** `L` on the link, `A` for autoconfiguration. */
  readonly flags: string;
  /** It is gone, and is said to be over for so many more seconds; null: it is there. */
  readonly expire: number | null;
}

/** What is advertised on an interface. @public */
export interface RtadvConfSnapshot {
  /** Lifetime as a default router that is said, seconds. */
  readonly rltime: number;
  /** Shortest time between advertisements, seconds. */
  readonly mininterval: number;
  /** Longest, seconds. */
  readonly maxinterval: number;
  /** MTU that is said; 0 = none. */
  readonly linkmtu: number;
  /** ND_RA_FLAG_*. */
  readonly raflags: number;
  /** Reachable time, ms; 0 = nothing is said. */
  readonly rtimeMs: number;
  /** Retransmission timer, ms; 0 = nothing is said. */
  readonly retransMs: number;
  /** Hop limit; 0 = nothing is said. */
  readonly chlim: number;
  /** Seconds until the next advertisement. */
  readonly next: number;
  /** Seconds since the last one; null: there was none. */
  readonly last: number | null;
  /** Advertisements sent. */
  readonly sent: number;
  /** Solicitations heard. */
  readonly solicited: number;
  /** Prefixes, those too that are said to be over. */
  readonly prefixes: readonly RtadvPrefixSnapshot[];
  /** DNS servers. */
  readonly rdnss: readonly string[];
  /** Search domains. */
  readonly dnssl: readonly string[];
  /** Lifetime of both, seconds. */
  readonly dnsltime: number;
}

/** Router advertisement on an interface. @public */
export interface RtadvIfSnapshot {
  /** Interface. */
  readonly name: string;
  /** IFF_UP. */
  readonly up: boolean;
  /** Its MTU, whatever is said. */
  readonly mtu: number;
  /** Whether advertisements make it a router, are listened to, or neither. */
  readonly status: 'RA_SEND' | 'RA_RECV' | 'INACTIVE';
  /** Null: nothing is advertised there. */
  readonly conf: RtadvConfSnapshot | null;
}

/** Router advertisement in a vnet. @public */
export interface RtadvSnapshot extends Snapshot {
  /** All interfaces of the vnet. */
  readonly interfaces: readonly RtadvIfSnapshot[];
}

const sec = (us: number): number => Math.max(0, Math.round(us / 1e6));

/** Router advertisement on all interfaces of a vnet, those too that nothing is advertised on. @public */
export function rtadvTable(vnet: Vnet): RtadvSnapshot {
  const rows = rtadvSnapshot(vnet);
  return { version: SNAPSHOT_VERSION, interfaces: IFNET.get(vnet).list.map((ifp) => one(ifp, rows.find((r) => r.ifname === ifp.name) ?? null)) };
}

function one(ifp: Ifnet, r: RtadvRow | null): RtadvIfSnapshot {
  const up = (ifp.stackFlags & IFF_UP) !== 0;
  const hears = ((in6Ifinfo(ifp)?.flags ?? 0) & ND6_IFF_ACCEPT_RTADV) !== 0;
  const status = !up || r === null ? 'INACTIVE' : hears ? 'RA_RECV' : r.forwarding ? 'RA_SEND' : 'INACTIVE';
  return { name: ifp.name, up, mtu: ifp.mtu, status, conf: r === null ? null : conf(r) };
}

function conf(r: RtadvRow): RtadvConfSnapshot {
  return {
    rltime: r.forwarding ? r.rltimeSec : 0,
    mininterval: sec(r.minUs),
    maxinterval: sec(r.maxUs),
    linkmtu: r.linkmtu,
    raflags: r.raflags,
    rtimeMs: r.rtimeMs,
    retransMs: r.retransMs,
    chlim: r.chlim,
    next: sec(r.nextInUs),
    last: r.lastAgoUs === null ? null : sec(r.lastAgoUs),
    sent: r.sent,
    solicited: r.solicited,
    prefixes: r.prefixes.map((p) => ({
      prefix: `${p.prefix}/${p.prefixlen}`,
      vltime: p.validSec,
      pltime: p.preferredSec,
      flags: p.prefixlen === 64 ? 'LA' : 'L',
      expire: p.withdrawnUs === null ? null : sec(p.withdrawnUs),
    })),
    rdnss: r.rdnss.map((a) => `${a}`),
    dnssl: r.dnssl,
    dnsltime: r.dnsLifetimeSec,
  };
}
