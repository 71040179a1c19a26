/*
 * @hot The datagram that an ICMP or ICMPv6 error quotes: which of our packets it is about.
 *
 * Source: FreeBSD netinet/ip_icmp.c, icmp_input() `deliver:`; netinet6/icmp6.c, icmp6_notify_error().
 */
import { AF_INET, AF_INET6, AF_UNSPEC } from './addr.ts';
import { IPVERSION, IP_HDR_LEN, IP_OFFMASK } from './ip.ts';
import { IP6_HDR_LEN, IPV6_VERSION } from './ip6.ts';
import { Ip6Walk, walkIp6Ext } from './ip6-ext.ts';

/** Bytes of transport header that every error quotes (RFC 792). @public */
export const ICMP_QUOTE_L4_LEN = 8;

/** A quoted datagram in host order. The record belongs to the caller; header records of the error itself stay untouched. @public */
export class IcmpQuote {
  /** AF_INET or AF_INET6. */
  af: number = AF_UNSPEC;
  /** Source of the quoted packet, that is us: bytes 0 to 3 as int32, 0 for IPv4. */
  src0 = 0;
  /** Source, bytes 4 to 7, 0 for IPv4. */
  src1 = 0;
  /** Source, bytes 8 to 11, 0 for IPv4. */
  src2 = 0;
  /** Source, bytes 12 to 15, or the IPv4 address. */
  src3 = 0;
  /** Destination of the quoted packet: bytes 0 to 3 as int32, 0 for IPv4. */
  dst0 = 0;
  /** Destination, bytes 4 to 7, 0 for IPv4. */
  dst1 = 0;
  /** Destination, bytes 8 to 11, 0 for IPv4. */
  dst2 = 0;
  /** Destination, bytes 12 to 15, or the IPv4 address. */
  dst3 = 0;
  /** Transport protocol. */
  proto = 0;
  /** Length that the quoted packet had, IP header included. */
  iplen = 0;
  /** Type of service or traffic class. */
  tos = 0;
  /** Time to live or hop limit. */
  ttl = 0;
  /** Flow label, 0 for IPv4. */
  flow = 0;
  /** True if the quoted packet was a fragment other than the first: the fields from `sport` on say nothing. */
  laterFragment = false;
  /** Position of the quoted network header. */
  off = 0;
  /** Position of the quoted transport header. */
  l4off = 0;
  /** Bytes quoted from `l4off` on, at least 8. */
  l4len = 0;
  /** First 16 bits of the transport header: the source port of TCP, UDP, SCTP. */
  sport = 0;
  /** Next 16 bits: the destination port. */
  dport = 0;
  /** Next 32 bits, int32: the sequence number of TCP. */
  seq = 0;
  /** Bytes 8 to 11 of the transport header, int32: the first that UDP carries. 0 unless `l4len` is at least 16. */
  data0 = 0;
  /** Bytes 12 to 15, likewise. */
  data1 = 0;
  /** For the walk over IPv6 extension headers. */
  readonly walk: Ip6Walk = new Ip6Walk();
}

/**
 * Fills `q` from the IPv4 datagram quoted in the `len` bytes at `o` (behind the 8 bytes of ICMP header); false if its header or the first 8 bytes
 * behind are not all there.
 *
 * @public
 */
export function decodeIcmpQuote(dv: DataView, o: number, len: number, q: IcmpQuote): boolean {
  if (len < IP_HDR_LEN + ICMP_QUOTE_L4_LEN) return false;
  const vhl = dv.getUint8(o);
  const hlen = (vhl & 15) << 2;
  if (vhl >>> 4 !== IPVERSION || hlen < IP_HDR_LEN || len < hlen + ICMP_QUOTE_L4_LEN) return false;
  q.af = AF_INET;
  q.src0 = q.src1 = q.src2 = 0;
  q.dst0 = q.dst1 = q.dst2 = 0;
  q.src3 = dv.getInt32(o + 12);
  q.dst3 = dv.getInt32(o + 16);
  q.proto = dv.getUint8(o + 9);
  q.iplen = dv.getUint16(o + 2);
  q.tos = dv.getUint8(o + 1);
  q.ttl = dv.getUint8(o + 8);
  q.flow = 0;
  q.laterFragment = (dv.getUint16(o + 6) & IP_OFFMASK) !== 0;
  q.off = o;
  quoteL4(dv, o + hlen, len - hlen, q);
  return true;
}

/**
 * Fills `q` from the IPv6 datagram quoted in the `len` bytes at `o` (behind the 8 bytes of ICMPv6 header); false if its headers up to the transport
 * header and the first 8 bytes of that are not all there.
 *
 * @public
 */
export function decodeIcmp6Quote(dv: DataView, o: number, len: number, q: IcmpQuote): boolean {
  if (len < IP6_HDR_LEN + ICMP_QUOTE_L4_LEN) return false;
  const word = dv.getInt32(o);
  if (word >>> 28 !== IPV6_VERSION || !walkIp6Ext(dv, o, len, q.walk)) return false;
  const l4len = o + len - q.walk.off;
  if (l4len < ICMP_QUOTE_L4_LEN) return false;
  q.af = AF_INET6;
  q.src0 = dv.getInt32(o + 8);
  q.src1 = dv.getInt32(o + 12);
  q.src2 = dv.getInt32(o + 16);
  q.src3 = dv.getInt32(o + 20);
  q.dst0 = dv.getInt32(o + 24);
  q.dst1 = dv.getInt32(o + 28);
  q.dst2 = dv.getInt32(o + 32);
  q.dst3 = dv.getInt32(o + 36);
  q.proto = q.walk.nxt;
  q.iplen = dv.getUint16(o + 4) + IP6_HDR_LEN;
  q.tos = (word >>> 20) & 0xff;
  q.ttl = dv.getUint8(o + 7);
  q.flow = word & 0xfffff;
  q.laterFragment = q.walk.laterFragment;
  q.off = o;
  quoteL4(dv, q.walk.off, l4len, q);
  return true;
}

function quoteL4(dv: DataView, l4off: number, l4len: number, q: IcmpQuote): void {
  q.l4off = l4off;
  q.l4len = l4len;
  q.sport = dv.getUint16(l4off);
  q.dport = dv.getUint16(l4off + 2);
  q.seq = dv.getInt32(l4off + 4);
  q.data0 = l4len < 16 ? 0 : dv.getInt32(l4off + 8);
  q.data1 = l4len < 16 ? 0 : dv.getInt32(l4off + 12);
}
