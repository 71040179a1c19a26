import { IFNET, type Ifnet } from '@ns/ifnet';
import { in6Linkmtu, IP6 } from '@ns/ip6';
import type { Vnet } from '@ns/kern';
import type { InAddr } from '@ns/wire';
import { advPrefixes } from './advert.ts';
import { dnsLifetimeSec } from './config.ts';
import { type RtadvIf, rtadvIfOf } from './rtadv-if.ts';

/**
 * A prefix of the next advertisement, for displays.
 * @public
 */
export interface RtadvPrefixRow {
  /** The prefix. */
  readonly prefix: InAddr;
  /** Its length. */
  readonly prefixlen: number;
  /** Valid lifetime, seconds; 0xffffffff = for ever. */
  readonly validSec: number;
  /** Preferred lifetime, seconds. */
  readonly preferredSec: number;
  /** It is gone, and is said to be over for so many more microseconds; null: it is there. */
  readonly withdrawnUs: number | null;
}

/**
 * Advertisement on one interface, for displays.
 * @public
 */
export interface RtadvRow {
  /** Interface. */
  readonly ifname: string;
  /** Advertisements sent. */
  readonly sent: number;
  /** Solicitations heard. */
  readonly solicited: number;
  /** Microseconds until the next one. */
  readonly nextInUs: number;
  /** Microseconds since the last one; null: there was none. */
  readonly lastAgoUs: number | null;
  /** Lifetime as a default router, seconds, if the vnet forwards. */
  readonly rltimeSec: number;
  /** The vnet forwards; else the lifetime that is said is 0. */
  readonly forwarding: boolean;
  /** Shortest time between unsolicited advertisements, µs. */
  readonly minUs: number;
  /** Longest, µs. */
  readonly maxUs: number;
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
  /** Prefixes. */
  readonly prefixes: readonly RtadvPrefixRow[];
  /** DNS servers. */
  readonly rdnss: readonly InAddr[];
  /** Search domains. */
  readonly dnssl: readonly string[];
  /** Lifetime of both, seconds. */
  readonly dnsLifetimeSec: number;
}

/** The interfaces of a vnet that are advertised on. Source: FreeBSD rtadvctl(8), show. @public */
export function rtadvSnapshot(vnet: Vnet): RtadvRow[] {
  const rows: RtadvRow[] = [];
  for (const ifp of IFNET.get(vnet).list) {
    const r = rtadvIfOf(ifp);
    if (r !== null) rows.push(row(ifp, r, vnet.kernel.callouts.nowUs(), IP6.get(vnet).forwarding));
  }
  return rows;
}

function row(ifp: Ifnet, r: RtadvIf, now: number, forwarding: boolean): RtadvRow {
  const p = r.params;
  return {
    ifname: ifp.name,
    sent: r.sent,
    solicited: r.solicited,
    nextInUs: r.nextUs - now,
    lastAgoUs: r.sent === 0 ? null : now - r.lastUs,
    rltimeSec: p.rltimeSec,
    forwarding,
    minUs: p.minUs,
    maxUs: p.maxUs,
    linkmtu: p.mtu === -1 ? in6Linkmtu(ifp) : p.mtu,
    raflags: p.raflags,
    rtimeMs: p.rtimeMs,
    retransMs: p.retransMs,
    chlim: p.chlim,
    prefixes: [
      ...advPrefixes(ifp, p, now).map((x) => ({ ...x, withdrawnUs: null })),
      ...r.told.gone(ifp, now).map(({ prefix, prefixlen, leftUs }) => ({ prefix, prefixlen, validSec: 0, preferredSec: 0, withdrawnUs: leftUs })),
    ],
    rdnss: p.rdnss,
    dnssl: p.dnssl,
    dnsLifetimeSec: forwarding && p.rltimeSec > 0 ? dnsLifetimeSec(p) : 0,
  };
}
