import type { Ifnet } from '@ns/ifnet';
import { AF_INET6, type InAddr, inAddr6, needsZone6 } from '@ns/wire';

/** Scope: interface-local. Source: RFC 4291 §2.7. @public */
export const IPV6_ADDR_SCOPE_INTFACELOCAL = 0x1;
/** Scope: link-local. @public */
export const IPV6_ADDR_SCOPE_LINKLOCAL = 0x2;
/** Scope: site-local (deprecated, RFC 3879). @public */
export const IPV6_ADDR_SCOPE_SITELOCAL = 0x5;
/** Scope: organization-local. @public */
export const IPV6_ADDR_SCOPE_ORGLOCAL = 0x8;
/** Scope: global. @public */
export const IPV6_ADDR_SCOPE_GLOBAL = 0xe;

/**
 * Scope of an IPv6 address given by its words. Loopback is of link-local scope (RFC 6724 §3.1), and so are mapped IPv4 addresses that are loopback or autoconfigured.
 * Source: FreeBSD scope6.c, in6_addrscope().
 * @public
 */
export function in6Scope(w0: number, w1: number, w2: number, w3: number): number {
  if (w0 >>> 24 === 0xff) return (w0 >>> 16) & 0xf;
  if (w0 >>> 22 === 0x3fa) return IPV6_ADDR_SCOPE_LINKLOCAL;
  if (w0 >>> 22 === 0x3fb) return IPV6_ADDR_SCOPE_SITELOCAL;
  if ((w0 | w1) === 0) {
    if (w2 === 0 && w3 === 1) return IPV6_ADDR_SCOPE_LINKLOCAL;
    if (w2 === 0xffff && (w3 >>> 24 === 127 || w3 >>> 16 === 0xa9fe)) return IPV6_ADDR_SCOPE_LINKLOCAL;
  }
  return IPV6_ADDR_SCOPE_GLOBAL;
}

/** {@link in6Scope} of an address object. @public */
export function in6ScopeOf(a: InAddr): number {
  return in6Scope(a.w0, a.w1, a.w2, a.w3);
}

/**
 * The address as it is on the link of `ifp`: with its zone if it needs one. Source: FreeBSD scope6.c, in6_setscope().
 * @public
 */
export function in6Zoned(ifp: Ifnet, a: InAddr): InAddr {
  if (a.af !== AF_INET6 || !needsZone6(a.w0) || a.zone === ifp.index) return a;
  return inAddr6(a.w0, a.w1, a.w2, a.w3, ifp.index);
}

