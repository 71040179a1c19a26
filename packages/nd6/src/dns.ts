import type { Ifnet } from '@ns/ifnet';
import { getInAddr6, getNdDnsLifetimeSec, getNdRdnssCount, type InAddr, inAddr6In, inAddrEqual, isAny, isLoopback, isMulticast } from '@ns/wire';
import { lifetimeEndUs } from './lifetime.ts';

/** DNS servers that are kept for one interface (RFC 8106 §5.3.1 asks for at least three). */
const MAX_SERVERS = 8;
/** Search domains that are kept for one interface. */
const MAX_DOMAINS = 8;
/** Longest domain name, in presentation form. */
const MAX_NAME = 253;

/**
 * A recursive DNS server or a search domain that a router announced (RFC 8106).
 * @public
 */
export interface NdDnsEntry {
  /** The interface it was heard on. */
  readonly ifp: Ifnet;
  /** Address of the server; null for a search domain. */
  readonly server: InAddr | null;
  /** The domain, without a dot at its end; null for a server. */
  readonly domain: string | null;
  /** The router. */
  readonly from: InAddr;
  /** Kernel time (µs) until which it is good; 0 = for ever. */
  readonly expireUs: number;
}

/** What routers say about DNS in one vnet. @alpha */
export class NdDns {
  /** All of it, in the order in which it was heard; a new array on each change. */
  entries: readonly NdDnsEntry[];

  constructor() {
    this.entries = [];
  }

  /** Takes in one announcement, in the place of an earlier one of the same. False if there is no more room. */
  update(e: NdDnsEntry, lifetimeSec: number): boolean {
    const rest = this.entries.filter((x) => !same(x, e));
    if (lifetimeSec === 0) {
      this.entries = rest;
      return true;
    }
    const room = e.server !== null ? MAX_SERVERS : MAX_DOMAINS;
    if (rest.length === this.entries.length && rest.filter((x) => x.ifp === e.ifp && (x.server === null) === (e.server === null)).length >= room) return false;
    this.entries = [...rest, e];
    return true;
  }

  /** Drops what is over at `nowUs`; true if there was any. */
  expire(nowUs: number): boolean {
    const left = this.entries.filter((e) => e.expireUs === 0 || e.expireUs > nowUs);
    const some = left.length !== this.entries.length;
    this.entries = left;
    return some;
  }

  /** Drops what was heard on an interface; true if there was any. */
  purge(ifp: Ifnet): boolean {
    const left = this.entries.filter((e) => e.ifp !== ifp);
    const some = left.length !== this.entries.length;
    this.entries = left;
    return some;
  }
}

function same(a: NdDnsEntry, b: NdDnsEntry): boolean {
  if (a.ifp !== b.ifp) return false;
  if (a.server !== null) return b.server !== null && inAddrEqual(a.server, b.server);
  return a.domain === b.domain;
}

/**
 * Takes in the RDNSS option of `len` bytes at `o`; returns how many servers were refused for want of room. Source: RFC 8106 §5.1.
 */
export function rdnssInput(dns: NdDns, ifp: Ifnet, from: InAddr, dv: DataView, o: number, len: number, nowUs: number): number {
  if (len < 24 || (len & 15) !== 8) return 0; // not a whole number of addresses
  const sec = getNdDnsLifetimeSec(dv, o);
  let refused = 0;
  for (let i = 0; i < getNdRdnssCount(dv, o); i++) {
    const a = getInAddr6(dv, o + 8 + 16 * i);
    if (isAny(a) || isMulticast(a) || isLoopback(a)) continue;
    const server = inAddr6In(a.w0, a.w1, a.w2, a.w3, ifp.index);
    if (!dns.update({ ifp, server, domain: null, from, expireUs: lifetimeEndUs(nowUs, sec) }, sec)) refused++;
  }
  return refused;
}

/**
 * Takes in the DNSSL option of `len` bytes at `o`; returns how many domains were refused for want of room. A malformed name ends the list. Source: RFC 8106 §5.2.
 */
export function dnsslInput(dns: NdDns, ifp: Ifnet, from: InAddr, dv: DataView, o: number, len: number, nowUs: number): number {
  if (len < 16) return 0;
  const sec = getNdDnsLifetimeSec(dv, o);
  let refused = 0;
  for (const domain of dnsslNames(dv, o + 8, o + len)) {
    if (!dns.update({ ifp, server: null, domain, from, expireUs: lifetimeEndUs(nowUs, sec) }, sec)) refused++;
  }
  return refused;
}

/** The names in [`o`, `end`): uncompressed labels (RFC 1035 §3.1), each name ended by an empty label, zeros at the end for padding. */
export function dnsslNames(dv: DataView, o: number, end: number): string[] {
  const names: string[] = [];
  let labels: string[] = [];
  for (let p = o; p < end; ) {
    const n = dv.getUint8(p++);
    if (n === 0) {
      if (labels.length > 0) {
        const name = labels.join('.');
        if (name.length <= MAX_NAME) names.push(name);
      }
      labels = [];
      continue;
    }
    if (n > 63 || p + n > end) break;
    let label = '';
    for (let i = 0; i < n; i++) label += String.fromCharCode(dv.getUint8(p + i));
    // What is printed, and perhaps written into a file of a resolver, is no place for spaces, dots or control characters.
    if (!/^[A-Za-z0-9_-]+$/.test(label)) break;
    labels.push(label.toLowerCase());
    p += n;
  }
  return names;
}
