import { findAddr, ifAddAddr, type Ifaddr, ifDelAddr } from '@ns/ifnet';
import { IN6_IFF_AUTOCONF, in6Ifid, ND6_IFF_STABLEADDR } from '@ns/ip6';
import { AF_INET6, type InAddr, inAddr6, isLinkLocal } from '@ns/wire';
import { lifetimeEndUs } from './lifetime.ts';
import { Nd6Ifaddr, type NdPrefix } from './lists.ts';
import type { Nd6If } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { in6StableIfid } from './stable-id.ts';

/** Bits of an interface identifier. Source: FreeBSD in6_if2idlen(); RFC 2464 §4. */
const IFID_BITS = 64;

/** fe80::/64 as the prefix of a link-local address. */
const LINKLOCAL: InAddr = inAddr6(0xfe800000, 0, 0, 0);

/** What is kept for an address, made if there is nothing yet. */
export function nd6IfaOf(nd: Nd6Vnet, ifa: Ifaddr): Nd6Ifaddr {
  let st = nd.ifas.get(ifa);
  if (st === undefined) nd.ifas.set(ifa, (st = new Nd6Ifaddr()));
  return st;
}

/** The name of an interface as bytes: Net_Iface of RFC 7217. */
function netIface(ni: Nd6If): Uint8Array {
  const { name } = ni.ifp;
  return Uint8Array.from({ length: name.length }, (_, i) => name.charCodeAt(i));
}

/**
 * The interface identifier for a prefix, two words in `out`: stable and opaque with ND6_IFF_STABLEADDR, else by the link-layer address. `counter` is DAD_Counter.
 * Source: FreeBSD in6_ifattach.c, in6_get_ifid().
 */
function ifid(ni: Nd6If, prefix: InAddr, counter: number, out: Int32Array): void {
  if ((ni.ii.flags & ND6_IFF_STABLEADDR) !== 0) in6StableIfid(out, prefix, netIface(ni), counter, ni.nd.secret);
  else in6Ifid(ni.ifp, out);
}

/** Makes an address of `pr`. False if there is none to be had. Source: FreeBSD nd6_rtr.c, in6_ifadd(); RFC 4862 §5.5.3 (d). */
export function in6Ifadd(ni: Nd6If, pr: NdPrefix, validSec: number, preferredSec: number): boolean {
  if (pr.prefixlen + IFID_BITS !== 128) return false;
  const id = new Int32Array(2);
  ifid(ni, pr.prefix, pr.dadCounter, id);
  const addr = inAddr6(pr.prefix.w0, pr.prefix.w1, id[0] as number, id[1] as number);
  // One that was configured by hand stays as it is.
  if (findAddr(ni.ifp, addr) !== null) return false;
  if (ifAddAddr(ni.ifp, { addr, prefixlen: pr.prefixlen, flags: IN6_IFF_AUTOCONF, noPrefixRoute: true }) !== 0) return false;
  const ifa = findAddr(ni.ifp, addr);
  if (ifa === null) return false;
  const now = ni.nd.nowUs();
  ifa.validUntilUs = lifetimeEndUs(now, validSec);
  ifa.preferredUntilUs = lifetimeEndUs(now, preferredSec);
  nd6IfaOf(ni.nd, ifa).prefix = pr;
  pr.addrcnt++;
  ni.nd.stat.addr_autoconf++;
  ni.nd.schedule(ifa.validUntilUs);
  ni.nd.schedule(ifa.preferredUntilUs);
  return true;
}

/** The identifier of the link-local address of an interface with ND6_IFF_STABLEADDR: false where the link-layer address is to be used. */
export function in6LinklocalIfid(ni: Nd6If, out: Int32Array): boolean {
  if ((ni.ii.flags & ND6_IFF_STABLEADDR) === 0) return false;
  in6StableIfid(out, LINKLOCAL, netIface(ni), ni.dadCounter, ni.nd.secret);
  return true;
}

/** Whether the identifier of a link-local address comes from the link-layer address. */
export function isHwLinklocal(ni: Nd6If, a: InAddr): boolean {
  const id = new Int32Array(2);
  in6Ifid(ni.ifp, id);
  return isLinkLocal(a) && a.w2 === id[0] && a.w3 === id[1];
}

/** Whether the identifier of an address is one that RFC 7217 gave. */
function isStable(ni: Nd6If, a: InAddr, prefix: InAddr, counter: number): boolean {
  const id = new Int32Array(2);
  in6StableIfid(id, prefix, netIface(ni), counter, ni.nd.secret);
  return a.w2 === id[0] && a.w3 === id[1];
}

/**
 * A stable identifier turned out to be taken: the address goes, and the next identifier is tried (RFC 7217 §6). False if it was not of that kind, or there have been enough; the
 * address then stays, as a duplicate.
 */
export function slaacRetry(ni: Nd6If, ifa: Ifaddr): boolean {
  if ((ni.ii.flags & ND6_IFF_STABLEADDR) === 0) return false;
  const a = ifa.addr;
  const max = ni.nd.stableaddrMaxretries;
  if (isLinkLocal(a)) {
    if (!isStable(ni, a, LINKLOCAL, ni.dadCounter) || ni.dadCounter >= max) return false;
    ni.dadCounter++;
    ifDelAddr(ni.ifp, a, AF_INET6);
    const id = new Int32Array(2);
    in6LinklocalIfid(ni, id);
    return ifAddAddr(ni.ifp, { addr: inAddr6(LINKLOCAL.w0, 0, id[0] as number, id[1] as number, ni.ifp.index), prefixlen: IFID_BITS }) === 0;
  }
  const pr = ni.nd.ifas.get(ifa)?.prefix ?? null;
  if (pr === null || pr.dadCounter >= max) return false;
  pr.dadCounter++;
  // Held, so that the prefix outlives the moment in which it has no address.
  pr.addrcnt++;
  ifDelAddr(ni.ifp, a, AF_INET6);
  pr.addrcnt--;
  return in6Ifadd(ni, pr, pr.validSec, pr.preferredSec);
}
