/*
 * @hot ICMP for IPv6 (RFC 4443): types and the common header. Neighbour discovery is in nd.ts, MLD in mld.ts.
 *
 * Source: FreeBSD netinet/icmp6.h.
 */

/** Length of the header that all messages have. @public */
export const ICMP6_HDR_LEN = 8;
/** Longest quote that keeps an error within 1280 bytes. @public */
export const ICMPV6_PLD_MAXLEN = 1232;

/** Destination unreachable. @public */
export const ICMP6_DST_UNREACH = 1;
/** Packet too big. @public */
export const ICMP6_PACKET_TOO_BIG = 2;
/** Time exceeded. @public */
export const ICMP6_TIME_EXCEEDED = 3;
/** Parameter problem. @public */
export const ICMP6_PARAM_PROB = 4;
/** Echo request. @public */
export const ICMP6_ECHO_REQUEST = 128;
/** Echo reply. @public */
export const ICMP6_ECHO_REPLY = 129;
/** Multicast listener query. @public */
export const MLD_LISTENER_QUERY = 130;
/** Multicast listener report, version 1. @public */
export const MLD_LISTENER_REPORT = 131;
/** Multicast listener done. @public */
export const MLD_LISTENER_DONE = 132;
/** Router solicitation. @public */
export const ND_ROUTER_SOLICIT = 133;
/** Router advertisement. @public */
export const ND_ROUTER_ADVERT = 134;
/** Neighbour solicitation. @public */
export const ND_NEIGHBOR_SOLICIT = 135;
/** Neighbour advertisement. @public */
export const ND_NEIGHBOR_ADVERT = 136;
/** Redirect. @public */
export const ND_REDIRECT = 137;
/** Node information request. @public */
export const ICMP6_NI_QUERY = 139;
/** Node information reply. @public */
export const ICMP6_NI_REPLY = 140;
/** Multicast listener report, version 2. @public */
export const MLDV2_LISTENER_REPORT = 143;
/** Largest type that is counted apart. @public */
export const ICMP6_MAXTYPE = 203;

/** Unreachable: no route. @public */
export const ICMP6_DST_UNREACH_NOROUTE = 0;
/** Unreachable: administratively prohibited. @public */
export const ICMP6_DST_UNREACH_ADMIN = 1;
/** Unreachable: beyond the scope of the source address. @public */
export const ICMP6_DST_UNREACH_BEYONDSCOPE = 2;
/** Unreachable: address. @public */
export const ICMP6_DST_UNREACH_ADDR = 3;
/** Unreachable: port. @public */
export const ICMP6_DST_UNREACH_NOPORT = 4;
/** Unreachable: source address failed ingress or egress policy. @public */
export const ICMP6_DST_UNREACH_POLICY = 5;
/** Unreachable: reject route. @public */
export const ICMP6_DST_UNREACH_REJECT = 6;
/** Time exceeded: hop limit in transit. @public */
export const ICMP6_TIME_EXCEED_TRANSIT = 0;
/** Time exceeded: reassembly. @public */
export const ICMP6_TIME_EXCEED_REASSEMBLY = 1;
/** Parameter problem: erroneous header field. @public */
export const ICMP6_PARAMPROB_HEADER = 0;
/** Parameter problem: unrecognized next header. @public */
export const ICMP6_PARAMPROB_NEXTHEADER = 1;
/** Parameter problem: unrecognized option. @public */
export const ICMP6_PARAMPROB_OPTION = 2;
/** Parameter problem: first fragment without the whole header chain (RFC 7112). @public */
export const ICMP6_PARAMPROB_FIRSTFRAG = 3;
/** Set in the types of informational messages, clear in those of errors. @public */
export const ICMP6_INFOMSG_MASK = 0x80;

/** The header that all messages have, host order (RFC 4443 §2.1). @public */
export class Icmp6Hdr {
  /** Type. */
  type = 0;
  /** Code within the type. */
  code = 0;
  /** Checksum over pseudo-header and message. */
  cksum = 0;
  /** The second 32-bit word, int32, whose meaning depends on the type: see {@link icmp6Id} and the like. */
  word = 0;
}

/** Identifier of an echo. @public */
export const icmp6Id = (ih: Icmp6Hdr): number => ih.word >>> 16;
/** Sequence number of an echo. @public */
export const icmp6Seq = (ih: Icmp6Hdr): number => ih.word & 0xffff;
/** MTU of a packet-too-big message, uint32. @public */
export const icmp6Mtu = (ih: Icmp6Hdr): number => ih.word >>> 0;
/** Pointer of a parameter problem, uint32. @public */
export const icmp6Pptr = (ih: Icmp6Hdr): number => ih.word >>> 0;

/** Type of the message at `o`. @public */
export const getIcmp6Type = (dv: DataView, o: number): number => dv.getUint8(o);
/** Code of the message at `o`. @public */
export const getIcmp6Code = (dv: DataView, o: number): number => dv.getUint8(o + 1);
/** Checksum. @public */
export const getIcmp6Cksum = (dv: DataView, o: number): number => dv.getUint16(o + 2);
/** Sets the checksum. @public */
export const setIcmp6Cksum = (dv: DataView, o: number, cksum: number): void => dv.setUint16(o + 2, cksum);

/**
 * Fills `ih` from the `len` bytes at `o`; false if they are fewer than 8.
 *
 * @public
 */
export function decodeIcmp6Hdr(dv: DataView, o: number, len: number, ih: Icmp6Hdr): boolean {
  if (len < ICMP6_HDR_LEN) return false;
  ih.type = dv.getUint8(o);
  ih.code = dv.getUint8(o + 1);
  ih.cksum = dv.getUint16(o + 2);
  ih.word = dv.getInt32(o + 4);
  return true;
}

/**
 * Writes `ih` at `o`, where the caller owns ICMP6_HDR_LEN bytes. Does not compute `cksum`.
 *
 * @public
 */
export function encodeIcmp6Hdr(dv: DataView, o: number, ih: Icmp6Hdr): void {
  dv.setUint8(o, ih.type);
  dv.setUint8(o + 1, ih.code);
  dv.setUint16(o + 2, ih.cksum);
  dv.setInt32(o + 4, ih.word);
}
