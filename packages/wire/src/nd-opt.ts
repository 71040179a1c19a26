/*
 * @hot Options of Neighbor Discovery (RFC 4861 §4.6, 4191, 3971, 8106).
 *
 * Source: FreeBSD netinet/icmp6.h; netinet6/nd6.c, nd6_option(), nd6_options().
 */

/** Source link-layer address. @public */
export const ND_OPT_SOURCE_LINKADDR = 1;
/** Target link-layer address. @public */
export const ND_OPT_TARGET_LINKADDR = 2;
/** Prefix information. @public */
export const ND_OPT_PREFIX_INFORMATION = 3;
/** Redirected header. @public */
export const ND_OPT_REDIRECTED_HEADER = 4;
/** MTU. @public */
export const ND_OPT_MTU = 5;
/** Nonce (RFC 3971), by which looped-back duplicate address detection is told (RFC 7527). @public */
export const ND_OPT_NONCE = 14;
/** Route information (RFC 4191). @public */
export const ND_OPT_ROUTE_INFO = 24;
/** Recursive DNS servers (RFC 8106). @public */
export const ND_OPT_RDNSS = 25;
/** DNS search list (RFC 8106). @public */
export const ND_OPT_DNSSL = 31;

/** Length of a link-layer address option for Ethernet. @public */
export const ND_OPT_LINKADDR_LEN = 8;
/** Length of a prefix information option. @public */
export const ND_OPT_PREFIX_INFORMATION_LEN = 32;
/** Length of a redirected header option before the packet in it. @public */
export const ND_OPT_REDIRECTED_HEADER_MINLEN = 8;
/** Length of an MTU option. @public */
export const ND_OPT_MTU_LEN = 8;
/** Length of a nonce option with the six bytes of RFC 3971. @public */
export const ND_OPT_NONCE_LEN = 8;

/** Prefix information: the prefix is on the link. @public */
export const ND_OPT_PI_FLAG_ONLINK = 0x80;
/** Prefix information: addresses may be formed from the prefix. @public */
export const ND_OPT_PI_FLAG_AUTO = 0x40;

/** Where a walk over ND options stands. The record belongs to the caller. @public */
export class NdOptCursor {
  /** Position of the present option. */
  off = 0;
  /** Its type, ND_OPT_*. */
  type = 0;
  /** Its whole length in bytes, a multiple of 8. */
  len = 0;
  /** One past the last byte of the message. */
  end = 0;
  /** After the walk: true if it ended at an option of length 0 or one that runs past the message, which is then invalid (RFC 4861 §4.6). */
  bad = false;
}

/** Sets `cur` before the first option of the `len` option bytes at `o`. @public */
export function ndOptBegin(cur: NdOptCursor, o: number, len: number): void {
  cur.off = o;
  cur.type = 0;
  cur.len = 0;
  cur.end = o + len;
  cur.bad = false;
}

/** Moves `cur` to the next option. False at the end, or at a bad option, which sets `cur.bad`. Never reads at or behind `cur.end`. @public */
export function ndOptNext(dv: DataView, cur: NdOptCursor): boolean {
  cur.off += cur.len;
  cur.len = 0;
  const room = cur.end - cur.off;
  if (room <= 0) return false;
  const len = room < 2 ? 0 : dv.getUint8(cur.off + 1) << 3;
  if (len === 0 || len > room) {
    cur.bad = true;
    return false;
  }
  cur.type = dv.getUint8(cur.off);
  cur.len = len;
  return true;
}

/** Where the options of one message are. Positions are of the option itself (type octet); -1 means that there is none. @public */
export class NdOpts {
  /** Source link-layer address: the first one; the address is 2 bytes further. */
  srcLladdr = -1;
  /** Target link-layer address: the first one; the address is 2 bytes further. */
  tgtLladdr = -1;
  /** Prefix information: the first; further ones are found by a cursor from here. */
  prefixInfo = -1;
  /** Redirected header. */
  redirected = -1;
  /** Length of the redirected header option. */
  redirectedLen = 0;
  /** MTU option. */
  mtu = -1;
  /** Nonce option. */
  nonce = -1;
  /** Length of the nonce option. */
  nonceLen = 0;
  /** Route information: the first. */
  routeInfo = -1;
  /** Recursive DNS servers: the first. */
  rdnss = -1;
  /** DNS search list: the first. */
  dnssl = -1;
  /** The walk. */
  readonly cursor: NdOptCursor = new NdOptCursor();
}

/**
 * Fills `ndo` from the `len` option bytes at `o`; false if an option is malformed, upon which the whole message is to be dropped (RFC 4861 §6.1, §7.1).
 *
 * Of options that may come once the first counts. An option that is too short for its type counts as absent; an unknown one is passed over.
 *
 * @public
 */
export function decodeNdOpts(dv: DataView, o: number, len: number, ndo: NdOpts): boolean {
  ndo.srcLladdr = ndo.tgtLladdr = ndo.prefixInfo = ndo.redirected = ndo.mtu = -1;
  ndo.nonce = ndo.routeInfo = ndo.rdnss = ndo.dnssl = -1;
  ndo.redirectedLen = ndo.nonceLen = 0;
  const cur = ndo.cursor;
  ndOptBegin(cur, o, len);
  while (ndOptNext(dv, cur)) noteNdOpt(ndo, cur);
  return !cur.bad;
}

function noteNdOpt(ndo: NdOpts, cur: NdOptCursor): void {
  switch (cur.type) {
    case ND_OPT_SOURCE_LINKADDR:
      if (ndo.srcLladdr < 0) ndo.srcLladdr = cur.off;
      return;
    case ND_OPT_TARGET_LINKADDR:
      if (ndo.tgtLladdr < 0) ndo.tgtLladdr = cur.off;
      return;
    case ND_OPT_PREFIX_INFORMATION:
      if (ndo.prefixInfo < 0 && cur.len === ND_OPT_PREFIX_INFORMATION_LEN) ndo.prefixInfo = cur.off;
      return;
    case ND_OPT_REDIRECTED_HEADER:
      if (ndo.redirected >= 0) return;
      ndo.redirected = cur.off;
      ndo.redirectedLen = cur.len;
      return;
    case ND_OPT_MTU:
      if (ndo.mtu < 0 && cur.len === ND_OPT_MTU_LEN) ndo.mtu = cur.off;
      return;
    case ND_OPT_NONCE:
      if (ndo.nonce >= 0) return;
      ndo.nonce = cur.off;
      ndo.nonceLen = cur.len;
      return;
    case ND_OPT_ROUTE_INFO:
      if (ndo.routeInfo < 0) ndo.routeInfo = cur.off;
      return;
    case ND_OPT_RDNSS:
      if (ndo.rdnss < 0 && cur.len >= 24) ndo.rdnss = cur.off;
      return;
    case ND_OPT_DNSSL:
      if (ndo.dnssl < 0 && cur.len >= 16) ndo.dnssl = cur.off;
      return;
    default:
  }
}

/** Prefix information option (RFC 4861 §4.6.2), host order. @public */
export class NdPrefixInfo {
  /** Length of the prefix, 0 to 128 in a valid option. */
  prefixlen = 0;
  /** ND_OPT_PI_FLAG_*. */
  flags = 0;
  /** Valid lifetime in seconds, uint32; 0xffffffff for ever. */
  validSec = 0;
  /** Preferred lifetime in seconds, uint32; 0xffffffff for ever. */
  preferredSec = 0;
  /** Prefix, bytes 0 to 3 as int32. */
  prefix0 = 0;
  /** Prefix, bytes 4 to 7. */
  prefix1 = 0;
  /** Prefix, bytes 8 to 11. */
  prefix2 = 0;
  /** Prefix, bytes 12 to 15. */
  prefix3 = 0;
}

/** Fills `pi` from the option of `len` bytes at `o`; false if they are not 32 or the prefix is longer than 128 bits. @public */
export function decodeNdPrefixInfo(dv: DataView, o: number, len: number, pi: NdPrefixInfo): boolean {
  if (len < ND_OPT_PREFIX_INFORMATION_LEN || dv.getUint8(o + 1) !== ND_OPT_PREFIX_INFORMATION_LEN >>> 3) return false;
  pi.prefixlen = dv.getUint8(o + 2);
  pi.flags = dv.getUint8(o + 3);
  pi.validSec = dv.getUint32(o + 4);
  pi.preferredSec = dv.getUint32(o + 8);
  pi.prefix0 = dv.getInt32(o + 16);
  pi.prefix1 = dv.getInt32(o + 20);
  pi.prefix2 = dv.getInt32(o + 24);
  pi.prefix3 = dv.getInt32(o + 28);
  return pi.prefixlen <= 128;
}

/** Writes `pi` as an option at `o`, where the caller owns ND_OPT_PREFIX_INFORMATION_LEN bytes. @public */
export function encodeNdPrefixInfo(dv: DataView, o: number, pi: NdPrefixInfo): void {
  dv.setUint8(o, ND_OPT_PREFIX_INFORMATION);
  dv.setUint8(o + 1, ND_OPT_PREFIX_INFORMATION_LEN >>> 3);
  dv.setUint8(o + 2, pi.prefixlen);
  dv.setUint8(o + 3, pi.flags);
  dv.setUint32(o + 4, pi.validSec);
  dv.setUint32(o + 8, pi.preferredSec);
  dv.setInt32(o + 12, 0);
  dv.setInt32(o + 16, pi.prefix0);
  dv.setInt32(o + 20, pi.prefix1);
  dv.setInt32(o + 24, pi.prefix2);
  dv.setInt32(o + 28, pi.prefix3);
}

/** Route information option (RFC 4191 §2.3), host order. @public */
export class NdRouteInfo {
  /** Length of the prefix. */
  prefixlen = 0;
  /** Preference, as ND_RA_FLAG_RTPREF_*. */
  flags = 0;
  /** Lifetime in seconds, uint32; 0xffffffff for ever. */
  lifetimeSec = 0;
  /** Prefix, bytes 0 to 3 as int32; what the option leaves out is 0. */
  prefix0 = 0;
  /** Prefix, bytes 4 to 7. */
  prefix1 = 0;
  /** Prefix, bytes 8 to 11. */
  prefix2 = 0;
  /** Prefix, bytes 12 to 15. */
  prefix3 = 0;
}

/** Fills `ri` from the option of `len` bytes at `o` (8, 16 or 24); false if it is too short for its prefix length. @public */
export function decodeNdRouteInfo(dv: DataView, o: number, len: number, ri: NdRouteInfo): boolean {
  if (len < 8) return false;
  const optlen = dv.getUint8(o + 1) << 3;
  ri.prefixlen = dv.getUint8(o + 2);
  ri.flags = dv.getUint8(o + 3) & 0x18;
  ri.lifetimeSec = dv.getUint32(o + 4);
  if (optlen > len || optlen > 24 || optlen < (ri.prefixlen > 64 ? 24 : ri.prefixlen > 0 ? 16 : 8)) return false;
  ri.prefix0 = optlen >= 16 ? dv.getInt32(o + 8) : 0;
  ri.prefix1 = optlen >= 16 ? dv.getInt32(o + 12) : 0;
  ri.prefix2 = optlen >= 24 ? dv.getInt32(o + 16) : 0;
  ri.prefix3 = optlen >= 24 ? dv.getInt32(o + 20) : 0;
  return ri.prefixlen <= 128;
}

/** Writes `ri` as an option at `o` and returns its length: 8, 16 or 24, as the prefix length needs. @public */
export function encodeNdRouteInfo(dv: DataView, o: number, ri: NdRouteInfo): number {
  const optlen = ri.prefixlen > 64 ? 24 : ri.prefixlen > 0 ? 16 : 8;
  dv.setUint8(o, ND_OPT_ROUTE_INFO);
  dv.setUint8(o + 1, optlen >>> 3);
  dv.setUint8(o + 2, ri.prefixlen);
  dv.setUint8(o + 3, ri.flags & 0x18);
  dv.setUint32(o + 4, ri.lifetimeSec);
  if (optlen >= 16) {
    dv.setInt32(o + 8, ri.prefix0);
    dv.setInt32(o + 12, ri.prefix1);
  }
  if (optlen === 24) {
    dv.setInt32(o + 16, ri.prefix2);
    dv.setInt32(o + 20, ri.prefix3);
  }
  return optlen;
}

/** Writes a source or target link-layer address option for Ethernet at `o` and returns its length, 8. @public */
export function encodeNdLladdr(dv: DataView, o: number, type: number, hi: number, lo: number): number {
  dv.setUint8(o, type);
  dv.setUint8(o + 1, ND_OPT_LINKADDR_LEN >>> 3);
  dv.setUint16(o + 2, hi);
  dv.setInt32(o + 4, lo);
  return ND_OPT_LINKADDR_LEN;
}

/** MTU in the MTU option at `o`, uint32. @public */
export const getNdMtu = (dv: DataView, o: number): number => dv.getUint32(o + 4);

/** Writes an MTU option at `o` and returns its length, 8. @public */
export function encodeNdMtu(dv: DataView, o: number, mtu: number): number {
  dv.setInt32(o, (ND_OPT_MTU << 24) | ((ND_OPT_MTU_LEN >>> 3) << 16));
  dv.setUint32(o + 4, mtu);
  return ND_OPT_MTU_LEN;
}

/** Writes a nonce option of six bytes (`hi` 16 bits, `lo` 32 bits) at `o` and returns its length, 8. @public */
export function encodeNdNonce(dv: DataView, o: number, hi: number, lo: number): number {
  return encodeNdLladdr(dv, o, ND_OPT_NONCE, hi, lo);
}

/** Writes the first 8 bytes of a redirected header option at `o`, for a packet of `len` bytes behind, a multiple of 8. Returns the whole length. @public */
export function encodeNdRedirectedHdr(dv: DataView, o: number, len: number): number {
  dv.setUint8(o, ND_OPT_REDIRECTED_HEADER);
  dv.setUint8(o + 1, (ND_OPT_REDIRECTED_HEADER_MINLEN + len) >>> 3);
  dv.setUint16(o + 2, 0);
  dv.setInt32(o + 4, 0);
  return ND_OPT_REDIRECTED_HEADER_MINLEN + len;
}

/** Lifetime of the DNS servers or search list in the option at `o`, seconds, uint32. @public */
export const getNdDnsLifetimeSec = (dv: DataView, o: number): number => dv.getUint32(o + 4);
/** Number of addresses in the RDNSS option at `o`; address `i` is at `o + 8 + 16 * i`. @public */
export const getNdRdnssCount = (dv: DataView, o: number): number => (dv.getUint8(o + 1) - 1) >>> 1;
