import { findAddr, ifAddAddr, type Ifaddr, ifDelAddr } from '@ns/ifnet';
import { IN6_IFF_AUTOCONF, IN6_IFF_DEPRECATED, IN6_IFF_DETACHED, IN6_IFF_DUPLICATED, IN6_IFF_TEMPORARY, in6Deprecated, in6Invalid } from '@ns/ip6';
import { LOG_NOTICE, randomBelow } from '@ns/kern';
import { AF_INET6, inAddr6 } from '@ns/wire';
import { lifetimeEndUs, lifetimeLeft, ND6_INFINITE_LIFETIME } from './lifetime.ts';
import type { NdPrefix } from './lists.ts';
import { type Nd6If, nd6IfOf } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { nd6IfaOf } from './slaac.ts';
import { isReservedIfid } from './stable-id.ts';

/** Lifetime that a temporary address is preferred for, seconds. Source: FreeBSD nd6.h, DEF_TEMP_PREFERRED_LIFETIME. @public */
export const DEF_TEMP_PREFERRED_LIFETIME = 86400;
/** Lifetime of a temporary address, seconds. Source: FreeBSD nd6.h, DEF_TEMP_VALID_LIFETIME. @public */
export const DEF_TEMP_VALID_LIFETIME = 604800;
/** The next temporary address is made so many seconds before the present one is deprecated; one that would be preferred no longer is not made at all. Source: FreeBSD nd6.h, TEMPADDR_REGEN_ADVANCE. @public */
export const TEMPADDR_REGEN_ADVANCE = 5;
/** Temporary addresses give way up to so many seconds early, so that hosts do not change theirs together. Source: FreeBSD nd6.h, MAX_TEMP_DESYNC_FACTOR. @public */
export const MAX_TEMP_DESYNC_FACTOR = 600;
/** Most temporary addresses of one prefix: the oldest goes for a further one. FreeBSD bounds them by their lifetimes alone. */
const TEMP_MAX = 16;
/** Identifiers that are tried when one is taken (RFC 8981 §3.3.3). */
const TEMP_IDGEN_RETRIES = 3;

const SEC = 1000000;

/** The temporary addresses of a prefix, the oldest first. */
function temporaries(nd: Nd6Vnet, pr: NdPrefix): Ifaddr[] {
  return pr.ifp.addrs.filter((ifa) => (ifa.afflags & IN6_IFF_TEMPORARY) !== 0 && nd.ifas.get(ifa)?.prefix === pr).sort((a, b) => nd6IfaOf(nd, a).createdUs - nd6IfaOf(nd, b).createdUs);
}

/** The public address made from a prefix, or null. */
function publicOf(nd: Nd6Vnet, pr: NdPrefix): Ifaddr | null {
  const bad = IN6_IFF_TEMPORARY | IN6_IFF_DETACHED | IN6_IFF_DUPLICATED;
  return pr.ifp.addrs.find((ifa) => (ifa.afflags & (IN6_IFF_AUTOCONF | bad)) === IN6_IFF_AUTOCONF && nd.ifas.get(ifa)?.prefix === pr) ?? null;
}

/** When a temporary address is to have a successor: {@link TEMPADDR_REGEN_ADVANCE} before it is deprecated. 0: not by time. */
function regenUs(ifa: Ifaddr): number {
  return ifa.preferredUntilUs === 0 ? 0 : Math.max(1, ifa.preferredUntilUs - TEMPADDR_REGEN_ADVANCE * SEC);
}

/**
 * Makes a temporary address of a prefix that has a public one, unless one is there that will do for a while (RFC 8981 §3.4, §3.6).
 * Differs: FreeBSD makes the next one when the present one has been deprecated.
 * Source: FreeBSD nd6_rtr.c, in6_tmpifadd(); nd6.c, regen_tmpaddr().
 */
export function tempEnsure(ni: Nd6If, pr: NdPrefix): void {
  const { nd } = ni;
  if (!nd.useTempaddr || pr.tempFailed) return;
  const now = nd.nowUs();
  const pub = publicOf(nd, pr);
  if (pub === null || in6Deprecated(pub, now) || in6Invalid(pub, now)) return;
  const have = temporaries(nd, pr);
  if (have.some((ifa) => (ifa.afflags & (IN6_IFF_DEPRECATED | IN6_IFF_DUPLICATED)) === 0 && (regenUs(ifa) === 0 || regenUs(ifa) > now))) return;
  if (tempAdd(ni, pr, pub, now) && have.length >= TEMP_MAX) ifDelAddr(ni.ifp, (have[0] as Ifaddr).addr, AF_INET6);
}

/** RFC 8981 §3.3.1: identifiers are random, and neither reserved nor in use. */
function tempAdd(ni: Nd6If, pr: NdPrefix, pub: Ifaddr, now: number): boolean {
  const { nd, ifp } = ni;
  const { random } = nd.vnet.kernel;
  const desync = randomBelow(random, Math.min(MAX_TEMP_DESYNC_FACTOR, Math.floor(nd.temppltime * 0.4)) + 1);
  const pltime = Math.min(lifetimeLeft(now, pub.preferredUntilUs), nd.temppltime - desync);
  const vltime = Math.min(lifetimeLeft(now, pub.validUntilUs), nd.tempvltime);
  if (pltime <= TEMPADDR_REGEN_ADVANCE) return false;
  for (let tries = 0; tries < TEMP_IDGEN_RETRIES; tries++) {
    const hi = random.u32() | 0;
    const lo = random.u32() | 0;
    const addr = inAddr6(pr.prefix.w0, pr.prefix.w1, hi, lo);
    if (isReservedIfid(hi, lo) || findAddr(ifp, addr) !== null) continue;
    if (ifAddAddr(ifp, { addr, prefixlen: pr.prefixlen, flags: IN6_IFF_AUTOCONF | IN6_IFF_TEMPORARY, noPrefixRoute: true }) !== 0) return false;
    const ifa = findAddr(ifp, addr);
    if (ifa === null) return false;
    const st = nd6IfaOf(nd, ifa);
    st.prefix = pr;
    st.createdUs = now;
    st.desyncSec = desync;
    pr.addrcnt++;
    nd.stat.addr_temporary++;
    tempLifetimes(nd, ifa, vltime, pltime, now);
    return true;
  }
  return false;
}

/** Gives a temporary address what is left of the lifetimes of its prefix, but no more than its own kind has from the day it was made (RFC 8981 §3.4, rule 1). */
export function tempLifetimes(nd: Nd6Vnet, ifa: Ifaddr, vltime: number, pltime: number, now: number): void {
  const st = nd6IfaOf(nd, ifa);
  const age = Math.floor((now - st.createdUs) / SEC);
  const valid = Math.min(vltime, Math.max(0, nd.tempvltime - age));
  const preferred = Math.min(pltime, Math.max(0, nd.temppltime - age - st.desyncSec));
  ifa.validUntilUs = lifetimeEndUs(now, valid);
  ifa.preferredUntilUs = lifetimeEndUs(now, preferred);
  if (preferred > 0 && preferred < ND6_INFINITE_LIFETIME) ifa.afflags &= ~IN6_IFF_DEPRECATED;
  nd.schedule(ifa.validUntilUs);
  nd.schedule(ifa.preferredUntilUs);
  if (nd.useTempaddr) nd.schedule(regenUs(ifa));
}

/** Temporary addresses that are about to be deprecated, or are over, have a successor. Called by the timer before it drops what is over. Source: FreeBSD nd6.c, nd6_timer(), "regen". */
export function tempTimer(nd: Nd6Vnet, now: number): void {
  if (!nd.useTempaddr) return;
  for (const pr of nd.prefixes) {
    const ni = nd6IfOf(pr.ifp);
    const last = temporaries(nd, pr).at(-1);
    if (ni === null || last === undefined || regenUs(last) === 0) continue;
    if (regenUs(last) <= now) tempEnsure(ni, pr);
    else nd.schedule(regenUs(last));
  }
}

/**
 * A temporary address turned out to be taken: it goes, and another identifier is tried, {@link TEMP_IDGEN_RETRIES} times in a row; then the prefix has none for good (RFC 8981 §3.4, rule 7). False if the
 * address is none of that kind.
 */
export function tempRetry(ni: Nd6If, ifa: Ifaddr): boolean {
  const { nd } = ni;
  const pr = nd.ifas.get(ifa)?.prefix ?? null;
  if ((ifa.afflags & IN6_IFF_TEMPORARY) === 0 || pr === null) return false;
  pr.tempTries++;
  if (pr.tempTries >= TEMP_IDGEN_RETRIES) {
    pr.tempFailed = true;
    nd.log(LOG_NOTICE, ni.ifp, `no temporary address for ${pr.prefix}/${pr.prefixlen}: all that were tried are taken`);
  }
  pr.addrcnt++; // held, so that the prefix outlives the moment in which it has no address
  ifDelAddr(ni.ifp, ifa.addr, AF_INET6);
  pr.addrcnt--;
  tempEnsure(ni, pr);
  return true;
}

/** A test for duplicates was passed: the next address of the prefix has all its tries. */
export function tempUnique(nd: Nd6Vnet, ifa: Ifaddr): void {
  const pr = (ifa.afflags & IN6_IFF_TEMPORARY) === 0 ? null : (nd.ifas.get(ifa)?.prefix ?? null);
  if (pr !== null) pr.tempTries = 0;
}
