import type { Ifaddr } from '@ns/ifnet';

/*
 * Flags of IPv6 addresses (Ifaddr.afflags) and of IPv6 on interfaces (In6Ifinfo.flags).
 *
 * Source: FreeBSD netinet6/in6_var.h, nd6.h.
 */

/** Address flag: anycast: never a source. @public */
export const IN6_IFF_ANYCAST = 0x01;
/** Address flag: being tested for duplicates: neither source nor destination. @public */
export const IN6_IFF_TENTATIVE = 0x02;
/** Address flag: somebody else has it: never used. @public */
export const IN6_IFF_DUPLICATED = 0x04;
/** Address flag: the router that announced its prefix is gone. @public */
export const IN6_IFF_DETACHED = 0x08;
/** Address flag: preferred lifetime over: for old conversations only. @public */
export const IN6_IFF_DEPRECATED = 0x10;
/** Address flag: no test for duplicates. @public */
export const IN6_IFF_NODAD = 0x20;
/** Address flag: made from a prefix that a router announced. @public */
export const IN6_IFF_AUTOCONF = 0x40;
/** Address flag: temporary (RFC 8981). @public */
export const IN6_IFF_TEMPORARY = 0x80;
/** Address flag: preferred as a source. @public */
export const IN6_IFF_PREFER_SOURCE = 0x100;
/** Address flag: tentative but usable (RFC 4429), as if deprecated. Differs: FreeBSD has no such addresses. @public */
export const IN6_IFF_OPTIMISTIC = 0x200;
/** Address flags of an address that does not receive. @public */
export const IN6_IFF_NOTREADY: number = IN6_IFF_TENTATIVE | IN6_IFF_DUPLICATED;

/** Interface flag: neighbour unreachability detection. @public */
export const ND6_IFF_PERFORMNUD = 0x1;
/** Interface flag: router advertisements are accepted. @public */
export const ND6_IFF_ACCEPT_RTADV = 0x2;
/** Interface flag: its addresses are preferred as sources. @public */
export const ND6_IFF_PREFER_SOURCE = 0x4;
/** Interface flag: no IPv6 at all. @public */
export const ND6_IFF_IFDISABLED = 0x8;
/** Interface flag: no route to the prefix of a new address. @public */
export const ND6_IFF_DONT_SET_IFROUTE = 0x10;
/** Interface flag: it gets a link-local address when it comes up. @public */
export const ND6_IFF_AUTO_LINKLOCAL = 0x20;
/** Interface flag: routers that announce themselves on it are no default routers. @public */
export const ND6_IFF_NO_RADR = 0x40;
/** Interface flag: no preference for addresses of the outgoing interface. @public */
export const ND6_IFF_NO_PREFER_IFACE = 0x80;
/** Interface flag: no test for duplicates. @public */
export const ND6_IFF_NO_DAD = 0x100;

/** Interface flag: interface identifiers are stable and opaque (RFC 7217), not made of the link address. @public */
export const ND6_IFF_STABLEADDR = 0x800;

/** Whether packets for the address are taken: it is not being tested, nor somebody else's. @public */
export function in6Ready(ifa: Ifaddr): boolean {
  const f = ifa.afflags;
  return (f & IN6_IFF_NOTREADY) === 0 || ((f & IN6_IFF_OPTIMISTIC) !== 0 && (f & IN6_IFF_DUPLICATED) === 0);
}

/** Whether the address is deprecated: marked so, optimistic, or its preferred lifetime is over at `nowUs`. Source: FreeBSD IFA6_IS_DEPRECATED(); RFC 4429 §3.1. @public */
export function in6Deprecated(ifa: Ifaddr, nowUs: number): boolean {
  return (ifa.afflags & (IN6_IFF_DEPRECATED | IN6_IFF_OPTIMISTIC)) !== 0 || (ifa.preferredUntilUs !== 0 && ifa.preferredUntilUs <= nowUs);
}

/** Whether the lifetime of the address is over at `nowUs`. Source: FreeBSD IFA6_IS_INVALID(). @public */
export function in6Invalid(ifa: Ifaddr, nowUs: number): boolean {
  return ifa.validUntilUs !== 0 && ifa.validUntilUs <= nowUs;
}
