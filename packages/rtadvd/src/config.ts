import type { InAddr } from '@ns/wire';

/**
 * What a router says of itself on a link; what is left out has the value of rtadvd.conf(5). Source: RFC 4861 §6.2.1.
 * @public
 */
export interface RtadvConfig {
  /** Longest time between unsolicited advertisements, seconds, 4 to 1800. Default 600. */
  readonly maxintervalSec?: number;
  /** Shortest, seconds, 3 to three quarters of the longest. Default a third of the longest. */
  readonly minintervalSec?: number;
  /** Lifetime as a default router, seconds, 0 or the longest interval to 9000. Default three times the longest interval. */
  readonly rltimeSec?: number;
  /** Hop limit for hosts; 0 = nothing is said. Default 64. */
  readonly chlim?: number;
  /** Addresses come from DHCPv6. */
  readonly managed?: boolean;
  /** Other configuration comes from DHCPv6. */
  readonly other?: boolean;
  /** Preference among routers (RFC 4191). Default medium. */
  readonly preference?: 'high' | 'medium' | 'low';
  /** Reachable time, ms, at most 3600000; 0 = nothing is said. Default 0. */
  readonly rtimeMs?: number;
  /** Retransmission timer, ms; 0 = nothing is said. Default 0. */
  readonly retransMs?: number;
  /** MTU of the link, 1280 or more; 0 = nothing is said. Default: that of the interface. */
  readonly mtu?: number;
  /** Valid lifetime of prefixes, seconds. Default 30 days. */
  readonly vltimeSec?: number;
  /** Preferred lifetime of prefixes, seconds, at most the valid one. Default 7 days. */
  readonly pltimeSec?: number;
  /** DNS servers (RFC 8106), at most 8. */
  readonly rdnss?: readonly InAddr[];
  /** Search domains (RFC 8106), at most 8. */
  readonly dnssl?: readonly string[];
}

/** The same with all values filled in. */
export interface RtadvParams {
  readonly maxUs: number;
  readonly minUs: number;
  readonly rltimeSec: number;
  readonly chlim: number;
  readonly raflags: number;
  readonly rtimeMs: number;
  readonly retransMs: number;
  /** -1: that of the interface. */
  readonly mtu: number;
  readonly vltimeSec: number;
  readonly pltimeSec: number;
  readonly rdnss: readonly InAddr[];
  readonly dnssl: readonly string[];
}

const SEC = 1000000;
const MAX_DNS = 8;

/** Fills in what is left out; null if a value cannot be. Source: FreeBSD rtadvd/config.c, getconfig(). */
export function rtadvParams(c: RtadvConfig): RtadvParams | null {
  const max = c.maxintervalSec ?? 600;
  const min = c.minintervalSec ?? (max >= 9 ? max / 3 : max * 0.75);
  const rltimeSec = c.rltimeSec ?? Math.min(9000, Math.ceil(3 * max));
  const vltimeSec = c.vltimeSec ?? 2592000;
  const p: RtadvParams = {
    maxUs: Math.round(max * SEC),
    minUs: Math.round(min * SEC),
    rltimeSec,
    chlim: c.chlim ?? 64,
    raflags: (c.managed === true ? 0x80 : 0) | (c.other === true ? 0x40 : 0) | prefBits(c.preference),
    rtimeMs: c.rtimeMs ?? 0,
    retransMs: c.retransMs ?? 0,
    mtu: c.mtu ?? -1,
    vltimeSec,
    pltimeSec: c.pltimeSec ?? Math.min(604800, vltimeSec),
    rdnss: c.rdnss ?? [],
    dnssl: (c.dnssl ?? []).map((d) => d.replace(/\.$/, '').toLowerCase()),
  };
  const good =
    max >= 4 &&
    max <= 1800 &&
    min >= 3 &&
    min <= 0.75 * max &&
    whole(rltimeSec, 0, 9000) &&
    (rltimeSec === 0 || rltimeSec >= max) &&
    whole(p.chlim, 0, 255) &&
    whole(p.rtimeMs, 0, 3600000) &&
    whole(p.retransMs, 0, 0xffffffff) &&
    (p.mtu === -1 || p.mtu === 0 || whole(p.mtu, 1280, 0xffffffff)) &&
    whole(p.vltimeSec, 0, 0xffffffff) &&
    whole(p.pltimeSec, 0, p.vltimeSec) &&
    p.rdnss.length <= MAX_DNS &&
    p.dnssl.length <= MAX_DNS &&
    p.dnssl.every(isDomain);
  return good ? p : null;
}

/** Lifetime of DNS servers and search domains, seconds. Source: RFC 8106 §5.1. */
export function dnsLifetimeSec(p: RtadvParams): number {
  return Math.min(0xffffffff, Math.ceil((3 * p.maxUs) / SEC));
}

function prefBits(preference: RtadvConfig['preference']): number {
  return preference === 'high' ? 0x08 : preference === 'low' ? 0x18 : 0;
}

function whole(v: number, min: number, max: number): boolean {
  return Number.isInteger(v) && v >= min && v <= max;
}

function isDomain(name: string): boolean {
  return name.length <= 253 && name.split('.').every((l) => l.length > 0 && l.length <= 63 && /^[a-z0-9_-]+$/.test(l));
}
