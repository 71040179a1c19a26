/*
 * What the flow hash of a packet (m.flowid) was made from: the values of m.rsstype. FreeBSD's sys/mbuf.h; the numbers below 0x80 are those of the RSS specification.
 */

/** Bit: the value has the properties of a hash (uniform over its range). @public */
export const M_HASHTYPE_HASHPROP = 0x80;
/** No flow hash. @public */
export const M_HASHTYPE_NONE = 0;
/** IPv4 addresses. @public */
export const M_HASHTYPE_RSS_IPV4 = 0x81;
/** IPv4 addresses and TCP ports. @public */
export const M_HASHTYPE_RSS_TCP_IPV4 = 0x82;
/** IPv6 addresses. @public */
export const M_HASHTYPE_RSS_IPV6 = 0x83;
/** IPv6 addresses and TCP ports. @public */
export const M_HASHTYPE_RSS_TCP_IPV6 = 0x84;
/** IPv6 addresses, extension headers taken into account. @public */
export const M_HASHTYPE_RSS_IPV6_EX = 0x85;
/** The same with TCP ports. @public */
export const M_HASHTYPE_RSS_TCP_IPV6_EX = 0x86;
/** IPv4 addresses and UDP ports. @public */
export const M_HASHTYPE_RSS_UDP_IPV4 = 0x87;
/** IPv6 addresses and UDP ports. @public */
export const M_HASHTYPE_RSS_UDP_IPV6 = 0x89;
/** The same, extension headers taken into account. @public */
export const M_HASHTYPE_RSS_UDP_IPV6_EX = 0x8a;
/** Orders packets, no hash. @public */
export const M_HASHTYPE_OPAQUE = 63;
/** Orders packets, a hash of unknown making. @public */
export const M_HASHTYPE_OPAQUE_HASH = 0xbf;
