/*
 * Checksum and segmentation words of the packet header (csumFlags). Values are FreeBSD's mbuf.h: on output they ask the driver for work, on input they
 * say what it has found.
 */

/** Output: compute the IPv4 header checksum. @public */
export const CSUM_IP = 0x1;
/** Output: compute the UDP checksum (IPv4). @public */
export const CSUM_IP_UDP = 0x2;
/** Output: compute the TCP checksum (IPv4). @public */
export const CSUM_IP_TCP = 0x4;
/** Output: compute the SCTP checksum (IPv4); reserved. @public */
export const CSUM_IP_SCTP = 0x8;
/** Output: segment a large TCP packet (IPv4). @public */
export const CSUM_IP_TSO = 0x10;
/** Output: compute the UDP checksum (IPv6). @public */
export const CSUM_IP6_UDP = 0x200;
/** Output: compute the TCP checksum (IPv6). @public */
export const CSUM_IP6_TCP = 0x400;
/** Output: compute the SCTP checksum (IPv6); reserved. @public */
export const CSUM_IP6_SCTP = 0x800;
/** Output: segment a large TCP packet (IPv6). @public */
export const CSUM_IP6_TSO = 0x1000;
/** Input: the network-layer checksum was looked at. @public */
export const CSUM_L3_CALC = 0x1000000;
/** Input: the network-layer checksum is right. @public */
export const CSUM_L3_VALID = 0x2000000;
/** Input: the transport checksum was computed, pseudo header included; `csumData` is the sum. @public */
export const CSUM_L4_CALC = 0x4000000;
/** Input: `csumData` holds a transport sum. @public */
export const CSUM_L4_VALID = 0x8000000;
/** Input: several wire packets were merged (LRO). @public */
export const CSUM_COALESCED = 0x40000000;

/** Older name of CSUM_L3_CALC. @public */
export const CSUM_IP_CHECKED: number = CSUM_L3_CALC;
/** Older name of CSUM_L3_VALID. @public */
export const CSUM_IP_VALID: number = CSUM_L3_VALID;
/** Older name of CSUM_L4_VALID. @public */
export const CSUM_DATA_VALID: number = CSUM_L4_VALID;
/** The same bit for IPv6. @public */
export const CSUM_DATA_VALID_IPV6: number = CSUM_L4_VALID;
/** Older name of CSUM_L4_CALC. @public */
export const CSUM_PSEUDO_HDR: number = CSUM_L4_CALC;
/** Older name of CSUM_IP_TCP. @public */
export const CSUM_TCP: number = CSUM_IP_TCP;
/** Older name of CSUM_IP_UDP. @public */
export const CSUM_UDP: number = CSUM_IP_UDP;
/** Older name of CSUM_IP6_TCP. @public */
export const CSUM_TCP_IPV6: number = CSUM_IP6_TCP;
/** Older name of CSUM_IP6_UDP. @public */
export const CSUM_UDP_IPV6: number = CSUM_IP6_UDP;
/** Transport checksums of IPv4 that a driver may take over. @public */
export const CSUM_DELAY_DATA: number = CSUM_IP_TCP | CSUM_IP_UDP;
/** Transport checksums of IPv6 that a driver may take over. @public */
export const CSUM_DELAY_DATA_IPV6: number = CSUM_IP6_TCP | CSUM_IP6_UDP;
/** The IPv4 header checksum. @public */
export const CSUM_DELAY_IP: number = CSUM_IP;
/** Segmentation of either family. @public */
export const CSUM_TSO: number = CSUM_IP_TSO | CSUM_IP6_TSO;
