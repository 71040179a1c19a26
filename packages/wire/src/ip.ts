/*
 * @hot Internet Protocol, version 4 (RFC 791): header, option cursor, protocol numbers.
 *
 * Source: FreeBSD netinet/ip.h, netinet/in.h.
 */

/** Version number. @public */
export const IPVERSION = 4;
/** Length of the header without options. @public */
export const IP_HDR_LEN = 20;
/** Length of the longest header. @public */
export const IP_MAX_HDR_LEN = 60;
/** Length of the longest packet. @public */
export const IP_MAXPACKET = 65535;
/** Largest packet that every host can reassemble (RFC 1122 §3.3.2); also the MSS default plus headers. @public */
export const IP_MSS = 576;
/** Smallest MTU of a link (RFC 791 §3.2). @public */
export const IP_MINMTU = 68;
/** Time to live of packets that say nothing else. @public */
export const IPDEFTTL = 64;
/** Largest time to live. @public */
export const MAXTTL = 255;
/** What is taken off the time to live at each hop. @public */
export const IPTTLDEC = 1;

/** Reserved bit of the fragment word. @public */
export const IP_RF = 0x8000;
/** Do not fragment. @public */
export const IP_DF = 0x4000;
/** More fragments follow. @public */
export const IP_MF = 0x2000;
/** Fragment offset, in units of 8 bytes. @public */
export const IP_OFFMASK = 0x1fff;

/** Dummy for IP; hop-by-hop options of IPv6. @public */
export const IPPROTO_IP = 0;
/** IPv6 hop-by-hop options. @public */
export const IPPROTO_HOPOPTS = 0;
/** ICMP. @public */
export const IPPROTO_ICMP = 1;
/** IGMP. @public */
export const IPPROTO_IGMP = 2;
/** IPv4 in IP. @public */
export const IPPROTO_IPV4 = 4;
/** TCP. @public */
export const IPPROTO_TCP = 6;
/** UDP. @public */
export const IPPROTO_UDP = 17;
/** IPv6 in IP. @public */
export const IPPROTO_IPV6 = 41;
/** IPv6 routing header. @public */
export const IPPROTO_ROUTING = 43;
/** IPv6 fragment header. @public */
export const IPPROTO_FRAGMENT = 44;
/** GRE. @public */
export const IPPROTO_GRE = 47;
/** IPsec ESP. @public */
export const IPPROTO_ESP = 50;
/** IPsec AH. @public */
export const IPPROTO_AH = 51;
/** ICMPv6. @public */
export const IPPROTO_ICMPV6 = 58;
/** IPv6: no next header. @public */
export const IPPROTO_NONE = 59;
/** IPv6 destination options. @public */
export const IPPROTO_DSTOPTS = 60;
/** Ethernet in IP. @public */
export const IPPROTO_ETHERIP = 97;
/** PIM. @public */
export const IPPROTO_PIM = 103;
/** CARP. @public */
export const IPPROTO_CARP = 112;
/** SCTP. @public */
export const IPPROTO_SCTP = 132;
/** IPv6 mobility header. @public */
export const IPPROTO_MH = 135;
/** UDP-Lite. @public */
export const IPPROTO_UDPLITE = 136;
/** Raw IP. @public */
export const IPPROTO_RAW = 255;
/** One more than the largest protocol number. @public */
export const IPPROTO_MAX = 256;

/** ECN field of the type of service: mask. @public */
export const IPTOS_ECN_MASK = 0x03;
/** The sender does not do ECN. @public */
export const IPTOS_ECN_NOTECT = 0x00;
/** ECN-capable transport, codepoint 1. @public */
export const IPTOS_ECN_ECT1 = 0x01;
/** ECN-capable transport, codepoint 0. @public */
export const IPTOS_ECN_ECT0 = 0x02;
/** Congestion experienced. @public */
export const IPTOS_ECN_CE = 0x03;
/** Minimize delay (RFC 1349). @public */
export const IPTOS_LOWDELAY = 0x10;
/** Maximize throughput (RFC 1349). @public */
export const IPTOS_THROUGHPUT = 0x08;
/** Maximize reliability (RFC 1349). @public */
export const IPTOS_RELIABILITY = 0x04;
/** Network control precedence, which routing and group protocols use. @public */
export const IPTOS_PREC_INTERNETCONTROL = 0xc0;
/** DSCP field of the type of service: mask. @public */
export const IPTOS_DSCP_MASK = 0xfc;

/** End of the option list. @public */
export const IPOPT_EOL = 0;
/** No operation. @public */
export const IPOPT_NOP = 1;
/** Record route. @public */
export const IPOPT_RR = 7;
/** Time stamp. @public */
export const IPOPT_TS = 68;
/** Security (RFC 1108). @public */
export const IPOPT_SECURITY = 130;
/** Loose source route. @public */
export const IPOPT_LSRR = 131;
/** Extended security. @public */
export const IPOPT_ESO = 133;
/** Commercial security. @public */
export const IPOPT_CIPSO = 134;
/** Stream identifier. @public */
export const IPOPT_SATID = 136;
/** Strict source route. @public */
export const IPOPT_SSRR = 137;
/** Router alert (RFC 2113). @public */
export const IPOPT_RA = 148;
/** The option is to be copied into each fragment. @public */
export const IPOPT_COPIED = (type: number): boolean => (type & 0x80) !== 0;
/** Position of the length octet in an option. @public */
export const IPOPT_OLEN = 1;
/** Position of the pointer octet in a route or time stamp option. @public */
export const IPOPT_OFFSET = 2;
/** Smallest pointer of a route option. @public */
export const IPOPT_MINOFF = 4;
/** Time stamps only. @public */
export const IPOPT_TS_TSONLY = 0;
/** Time stamps with addresses. @public */
export const IPOPT_TS_TSANDADDR = 1;
/** Time stamps of the addresses that the sender listed. @public */
export const IPOPT_TS_PRESPEC = 3;

/** IPv4 header in host order (RFC 791 §3.1). @public */
export class IpHdr {
  /** Version, 4. */
  v: number = IPVERSION;
  /** Length of the header with options: 20 to 60. */
  hlen: number = IP_HDR_LEN;
  /** Type of service: DSCP and ECN. */
  tos = 0;
  /** Length of the packet. */
  len = 0;
  /** Identification, uint16. */
  id = 0;
  /** Fragment word: IP_DF, IP_MF and the offset in units of 8 bytes. */
  off = 0;
  /** Time to live. */
  ttl = 0;
  /** Protocol, IPPROTO_*. */
  p = 0;
  /** Header checksum. */
  sum = 0;
  /** Source address, int32. */
  src = 0;
  /** Destination address, int32. */
  dst = 0;
}

/** Version of the packet at `o`: 4 or 6 for a packet of IP. @public */
export const getIpV = (dv: DataView, o: number): number => dv.getUint8(o) >>> 4;
/** Length of the header. @public */
export const getIpHlen = (dv: DataView, o: number): number => (dv.getUint8(o) & 15) << 2;
/** Type of service. @public */
export const getIpTos = (dv: DataView, o: number): number => dv.getUint8(o + 1);
/** Sets the type of service; the checksum is the caller's. @public */
export const setIpTos = (dv: DataView, o: number, tos: number): void => dv.setUint8(o + 1, tos);
/** Length of the packet. @public */
export const getIpLen = (dv: DataView, o: number): number => dv.getUint16(o + 2);
/** Sets the length of the packet; the checksum is the caller's. @public */
export const setIpLen = (dv: DataView, o: number, len: number): void => dv.setUint16(o + 2, len);
/** Identification. @public */
export const getIpId = (dv: DataView, o: number): number => dv.getUint16(o + 4);
/** Sets the identification; the checksum is the caller's. @public */
export const setIpId = (dv: DataView, o: number, id: number): void => dv.setUint16(o + 4, id);
/** Fragment word. @public */
export const getIpOff = (dv: DataView, o: number): number => dv.getUint16(o + 6);
/** Sets the fragment word; the checksum is the caller's. @public */
export const setIpOff = (dv: DataView, o: number, off: number): void => dv.setUint16(o + 6, off);
/** Time to live. @public */
export const getIpTtl = (dv: DataView, o: number): number => dv.getUint8(o + 8);
/** Sets the time to live; the checksum is the caller's. @public */
export const setIpTtl = (dv: DataView, o: number, ttl: number): void => dv.setUint8(o + 8, ttl);
/** Protocol. @public */
export const getIpP = (dv: DataView, o: number): number => dv.getUint8(o + 9);
/** Header checksum. @public */
export const getIpSum = (dv: DataView, o: number): number => dv.getUint16(o + 10);
/** Sets the header checksum. @public */
export const setIpSum = (dv: DataView, o: number, sum: number): void => dv.setUint16(o + 10, sum);
/** Source address, int32. @public */
export const getIpSrc = (dv: DataView, o: number): number => dv.getInt32(o + 12);
/** Sets the source address; the checksums are the caller's. @public */
export const setIpSrc = (dv: DataView, o: number, src: number): void => dv.setInt32(o + 12, src);
/** Destination address, int32. @public */
export const getIpDst = (dv: DataView, o: number): number => dv.getInt32(o + 16);
/** Sets the destination address; the checksums are the caller's. @public */
export const setIpDst = (dv: DataView, o: number, dst: number): void => dv.setInt32(o + 16, dst);

/**
 * Fills `ip` from the `len` bytes at `o`; false if they cannot be an IPv4 packet: fewer than 20, not version 4, a header length below 20 or above
 * the packet length, a packet length above `len`. Bytes behind the packet (link padding) are allowed.
 *
 * The fields are filled whenever there are 20 bytes, so that a caller can count what was wrong. `len` counts the packet as it arrived, of which only
 * those 20 need be contiguous at `o`. The checksum is not looked at.
 *
 * @public
 */
export function decodeIpHdr(dv: DataView, o: number, len: number, ip: IpHdr): boolean {
  if (len < IP_HDR_LEN) return false;
  const vhl = dv.getUint8(o);
  ip.v = vhl >>> 4;
  ip.hlen = (vhl & 15) << 2;
  ip.tos = dv.getUint8(o + 1);
  ip.len = dv.getUint16(o + 2);
  ip.id = dv.getUint16(o + 4);
  ip.off = dv.getUint16(o + 6);
  ip.ttl = dv.getUint8(o + 8);
  ip.p = dv.getUint8(o + 9);
  ip.sum = dv.getUint16(o + 10);
  ip.src = dv.getInt32(o + 12);
  ip.dst = dv.getInt32(o + 16);
  return ip.v === IPVERSION && ip.hlen >= IP_HDR_LEN && ip.hlen <= ip.len && ip.len <= len;
}

/**
 * Writes the 20 fixed bytes of `ip` at `o`; options up to `ip.hlen` are the caller's. Does not compute `sum`.
 *
 * @public
 */
export function encodeIpHdr(dv: DataView, o: number, ip: IpHdr): void {
  dv.setUint8(o, (ip.v << 4) | (ip.hlen >>> 2));
  dv.setUint8(o + 1, ip.tos);
  dv.setUint16(o + 2, ip.len);
  dv.setUint16(o + 4, ip.id);
  dv.setUint16(o + 6, ip.off);
  dv.setUint8(o + 8, ip.ttl);
  dv.setUint8(o + 9, ip.p);
  dv.setUint16(o + 10, ip.sum);
  dv.setInt32(o + 12, ip.src);
  dv.setInt32(o + 16, ip.dst);
}

/** Where a walk over IPv4 options stands. The record belongs to the caller. @public */
export class IpOptCursor {
  /** Position of the present option. */
  off = 0;
  /** Its type, IPOPT_*. */
  type = 0;
  /** Its length with type and length octets; 1 for NOP. */
  len = 0;
  /** One past the last byte of the header. */
  end = 0;
  /** After the walk: true if it ended at an option with a bad length, which starts at `off`. */
  bad = false;
}

/**
 * Sets `cur` before the first option of the header of `hlen` bytes at `o`.
 *
 * @public
 */
export function ipOptBegin(cur: IpOptCursor, o: number, hlen: number): void {
  cur.off = o + IP_HDR_LEN;
  cur.type = IPOPT_NOP;
  cur.len = 0;
  cur.end = o + hlen;
  cur.bad = false;
}

/**
 * Moves `cur` to the next option, NOPs included. False at the end of the list, at EOL, or at a length that is below 2 or runs past the header; the
 * last sets `cur.bad`. Never reads at or behind `cur.end`.
 *
 * @public
 */
export function ipOptNext(dv: DataView, cur: IpOptCursor): boolean {
  cur.off += cur.len;
  cur.len = 0;
  if (cur.off >= cur.end) return false;
  cur.type = dv.getUint8(cur.off);
  if (cur.type === IPOPT_EOL) return false;
  if (cur.type === IPOPT_NOP) {
    cur.len = 1;
    return true;
  }
  const len = cur.off + 1 < cur.end ? dv.getUint8(cur.off + 1) : 0;
  if (len < 2 || len > cur.end - cur.off) {
    cur.bad = true;
    return false;
  }
  cur.len = len;
  return true;
}
