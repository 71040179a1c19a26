/*
 * @hot Internet Protocol, version 6 (RFC 8200): the fixed header, extension headers and their options.
 *
 * Source: FreeBSD netinet/ip6.h.
 */
import { IPPROTO_NONE } from './ip.ts';

/** Version number. @public */
export const IPV6_VERSION = 6;
/** Length of the fixed header. @public */
export const IP6_HDR_LEN = 40;
/** Length of the fragment header. @public */
export const IP6_FRAG_LEN = 8;
/** Every link carries packets of this size (RFC 8200 §5). @public */
export const IPV6_MMTU = 1280;
/** Largest payload without a jumbo option. @public */
export const IPV6_MAXPACKET = 65535;
/** Hop limit of packets that say nothing else. @public */
export const IPV6_DEFHLIM = 64;
/** Largest hop limit. @public */
export const IPV6_MAXHLIM = 255;
/** Flow label in the first word, host order. @public */
export const IPV6_FLOWLABEL_MASK = 0x000fffff;
/** Traffic class and flow label in the first word, host order. @public */
export const IPV6_FLOWINFO_MASK = 0x0fffffff;

/** Fragment word: offset in bytes once masked, since its low three bits are others. @public */
export const IP6F_OFF_MASK = 0xfff8;
/** Fragment word: reserved bits. @public */
export const IP6F_RESERVED_MASK = 0x0006;
/** Fragment word: more fragments follow. @public */
export const IP6F_MORE_FRAG = 0x0001;

/** Option of one zero byte. @public */
export const IP6OPT_PAD1 = 0x00;
/** Option of any number of zero bytes from two on. @public */
export const IP6OPT_PADN = 0x01;
/** Jumbo payload (RFC 2675). @public */
export const IP6OPT_JUMBO = 0xc2;
/** Router alert (RFC 2711). @public */
export const IP6OPT_ROUTER_ALERT = 0x05;
/** Length of a router alert option with type and length. @public */
export const IP6OPT_RTALERT_LEN = 4;
/** Router alert: MLD. @public */
export const IP6OPT_RTALERT_MLD = 0;
/** What to do with an unknown option: mask of its type. @public */
export const IP6OPT_TYPE_MASK = 0xc0;
/** Unknown: skip it. @public */
export const IP6OPT_TYPE_SKIP = 0x00;
/** Unknown: discard the packet. @public */
export const IP6OPT_TYPE_DISCARD = 0x40;
/** Unknown: discard, report even for a multicast destination. @public */
export const IP6OPT_TYPE_FORCEICMP = 0x80;
/** Unknown: discard, report unless the destination is multicast. @public */
export const IP6OPT_TYPE_ICMP = 0xc0;
/** The option may change on the way. @public */
export const IP6OPT_MUTABLE = 0x20;

/** Routing header type 0, deprecated: with segments left it is refused (RFC 5095). @public */
export const IPV6_RTHDR_TYPE_0 = 0;
/** Extension headers that are followed at most in one packet: FreeBSD's net.inet6.ip6.hdrnestlimit. @public */
export const IP6_HDRNESTLIMIT = 15;

/** IPv6 header in host order (RFC 8200 §3). @public */
export class Ip6Hdr {
  /** Version, 6. */
  v: number = IPV6_VERSION;
  /** Traffic class: DSCP and ECN. */
  tclass = 0;
  /** Flow label, 20 bits. */
  flow = 0;
  /** Payload length: what follows the 40 bytes. */
  plen = 0;
  /** Next header, IPPROTO_*. */
  nxt: number = IPPROTO_NONE;
  /** Hop limit. */
  hlim = 0;
  /** Source address, bytes 0 to 3, int32. */
  src0 = 0;
  /** Source address, bytes 4 to 7, int32. */
  src1 = 0;
  /** Source address, bytes 8 to 11, int32. */
  src2 = 0;
  /** Source address, bytes 12 to 15, int32. */
  src3 = 0;
  /** Destination address, bytes 0 to 3, int32. */
  dst0 = 0;
  /** Destination address, bytes 4 to 7, int32. */
  dst1 = 0;
  /** Destination address, bytes 8 to 11, int32. */
  dst2 = 0;
  /** Destination address, bytes 12 to 15, int32. */
  dst3 = 0;
}

/** Position of the source address in the header. @public */
export const IP6_SRC_OFF = 8;
/** Position of the destination address in the header. @public */
export const IP6_DST_OFF = 24;

/** Traffic class. @public */
export const getIp6Tclass = (dv: DataView, o: number): number => (dv.getUint16(o) >>> 4) & 0xff;
/** Sets the traffic class. @public */
export const setIp6Tclass = (dv: DataView, o: number, tclass: number): void =>
  dv.setUint16(o, (dv.getUint16(o) & 0xf00f) | ((tclass & 0xff) << 4));
/** Flow label, 20 bits. @public */
export const getIp6Flow = (dv: DataView, o: number): number => dv.getInt32(o) & IPV6_FLOWLABEL_MASK;
/** Payload length. @public */
export const getIp6Plen = (dv: DataView, o: number): number => dv.getUint16(o + 4);
/** Sets the payload length. @public */
export const setIp6Plen = (dv: DataView, o: number, plen: number): void => dv.setUint16(o + 4, plen);
/** Next header. @public */
export const getIp6Nxt = (dv: DataView, o: number): number => dv.getUint8(o + 6);
/** Sets the next header. @public */
export const setIp6Nxt = (dv: DataView, o: number, nxt: number): void => dv.setUint8(o + 6, nxt);
/** Hop limit. @public */
export const getIp6Hlim = (dv: DataView, o: number): number => dv.getUint8(o + 7);
/** Sets the hop limit. @public */
export const setIp6Hlim = (dv: DataView, o: number, hlim: number): void => dv.setUint8(o + 7, hlim);

/**
 * Fills `ip6` from the `len` bytes at `o`; false if they cannot be an IPv6 packet: fewer than 40, not version 6, a payload longer than what is there.
 * Bytes behind the packet (link padding) are allowed.
 *
 * The fields are filled whenever there are 40 bytes, so that a caller can count what was wrong. `len` counts the packet as it arrived, of which only
 * those 40 need be contiguous at `o`. A jumbogram (payload length 0) passes.
 *
 * @public
 */
export function decodeIp6Hdr(dv: DataView, o: number, len: number, ip6: Ip6Hdr): boolean {
  if (len < IP6_HDR_LEN) return false;
  const word = dv.getInt32(o);
  ip6.v = word >>> 28;
  ip6.tclass = (word >>> 20) & 0xff;
  ip6.flow = word & IPV6_FLOWLABEL_MASK;
  ip6.plen = dv.getUint16(o + 4);
  ip6.nxt = dv.getUint8(o + 6);
  ip6.hlim = dv.getUint8(o + 7);
  ip6.src0 = dv.getInt32(o + 8);
  ip6.src1 = dv.getInt32(o + 12);
  ip6.src2 = dv.getInt32(o + 16);
  ip6.src3 = dv.getInt32(o + 20);
  ip6.dst0 = dv.getInt32(o + 24);
  ip6.dst1 = dv.getInt32(o + 28);
  ip6.dst2 = dv.getInt32(o + 32);
  ip6.dst3 = dv.getInt32(o + 36);
  return ip6.v === IPV6_VERSION && ip6.plen <= len - IP6_HDR_LEN;
}

/**
 * Writes `ip6` at `o`, where the caller owns IP6_HDR_LEN bytes.
 *
 * @public
 */
export function encodeIp6Hdr(dv: DataView, o: number, ip6: Ip6Hdr): void {
  dv.setInt32(o, (ip6.v << 28) | ((ip6.tclass & 0xff) << 20) | (ip6.flow & IPV6_FLOWLABEL_MASK));
  dv.setUint16(o + 4, ip6.plen);
  dv.setUint8(o + 6, ip6.nxt);
  dv.setUint8(o + 7, ip6.hlim);
  dv.setInt32(o + 8, ip6.src0);
  dv.setInt32(o + 12, ip6.src1);
  dv.setInt32(o + 16, ip6.src2);
  dv.setInt32(o + 20, ip6.src3);
  dv.setInt32(o + 24, ip6.dst0);
  dv.setInt32(o + 28, ip6.dst1);
  dv.setInt32(o + 32, ip6.dst2);
  dv.setInt32(o + 36, ip6.dst3);
}

/** Fragment header in host order (RFC 8200 §4.5). @public */
export class Ip6Frag {
  /** Next header of the unfragmented packet. */
  nxt: number = IPPROTO_NONE;
  /** Offset in bytes (a multiple of 8) with IP6F_MORE_FRAG: mask it. */
  offlg = 0;
  /** Identification, int32. */
  ident = 0;
}

/**
 * Fills `fh` from the `len` bytes at `o`; false if they are fewer than 8. Reserved fields are ignored (RFC 8200 §4.5).
 *
 * @public
 */
export function decodeIp6Frag(dv: DataView, o: number, len: number, fh: Ip6Frag): boolean {
  if (len < IP6_FRAG_LEN) return false;
  fh.nxt = dv.getUint8(o);
  fh.offlg = dv.getUint16(o + 2) & (IP6F_OFF_MASK | IP6F_MORE_FRAG);
  fh.ident = dv.getInt32(o + 4);
  return true;
}

/**
 * Writes `fh` at `o`, where the caller owns IP6_FRAG_LEN bytes; reserved fields are 0.
 *
 * @public
 */
export function encodeIp6Frag(dv: DataView, o: number, fh: Ip6Frag): void {
  dv.setUint8(o, fh.nxt);
  dv.setUint8(o + 1, 0);
  dv.setUint16(o + 2, fh.offlg & (IP6F_OFF_MASK | IP6F_MORE_FRAG));
  dv.setInt32(o + 4, fh.ident);
}

/** Routing header in host order (RFC 8200 §4.4). @public */
export class Ip6Rthdr {
  /** Next header. */
  nxt: number = IPPROTO_NONE;
  /** Length of the header in bytes, a multiple of 8. */
  len = 8;
  /** Routing type. */
  type = 0;
  /** Segments left. */
  segleft = 0;
}

/**
 * Fills `rh` from the `len` bytes at `o`; false if they are fewer than its length says. The type-specific data begins at `o + 4`.
 *
 * @public
 */
export function decodeIp6Rthdr(dv: DataView, o: number, len: number, rh: Ip6Rthdr): boolean {
  if (len < 8) return false;
  rh.nxt = dv.getUint8(o);
  rh.len = (dv.getUint8(o + 1) + 1) << 3;
  rh.type = dv.getUint8(o + 2);
  rh.segleft = dv.getUint8(o + 3);
  return rh.len <= len;
}

/**
 * Writes the first four bytes of `rh` at `o`; the type-specific data up to `rh.len` is the caller's.
 *
 * @public
 */
export function encodeIp6Rthdr(dv: DataView, o: number, rh: Ip6Rthdr): void {
  dv.setUint8(o, rh.nxt);
  dv.setUint8(o + 1, (rh.len >>> 3) - 1);
  dv.setUint8(o + 2, rh.type);
  dv.setUint8(o + 3, rh.segleft);
}
