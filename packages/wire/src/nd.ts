/*
 * @hot Neighbor Discovery for IPv6: the five messages (RFC 4861 §4.1 to §4.5). Options are in nd-opt.ts.
 *
 * Positions are those of the ICMPv6 message; decoding looks at what follows its first four bytes, encoding writes all with code and checksum 0.
 *
 * Source: FreeBSD netinet/icmp6.h.
 */
import { ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_SOLICIT, ND_REDIRECT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT } from './icmp6.ts';

/** Length of a router solicitation without options. @public */
export const ND_ROUTER_SOLICIT_LEN = 8;
/** Length of a router advertisement without options. @public */
export const ND_ROUTER_ADVERT_LEN = 16;
/** Length of a neighbour solicitation without options. @public */
export const ND_NEIGHBOR_SOLICIT_LEN = 24;
/** Length of a neighbour advertisement without options. @public */
export const ND_NEIGHBOR_ADVERT_LEN = 24;
/** Length of a redirect without options. @public */
export const ND_REDIRECT_LEN = 40;
/** Hop limit of every ND message; another one means it was forwarded. @public */
export const ND_HLIM = 255;

/** Router advertisement: addresses come from DHCPv6. @public */
export const ND_RA_FLAG_MANAGED = 0x80;
/** Router advertisement: other configuration comes from DHCPv6. @public */
export const ND_RA_FLAG_OTHER = 0x40;
/** Router advertisement: home agent. @public */
export const ND_RA_FLAG_HA = 0x20;
/** Router advertisement: preference (RFC 4191), mask. @public */
export const ND_RA_FLAG_RTPREF_MASK = 0x18;
/** Preference: high. @public */
export const ND_RA_FLAG_RTPREF_HIGH = 0x08;
/** Preference: medium. @public */
export const ND_RA_FLAG_RTPREF_MEDIUM = 0x00;
/** Preference: low. @public */
export const ND_RA_FLAG_RTPREF_LOW = 0x18;
/** Preference: reserved, to be read as medium. @public */
export const ND_RA_FLAG_RTPREF_RSV = 0x10;
/** Neighbour advertisement: the sender is a router. @public */
export const ND_NA_FLAG_ROUTER = 0x80;
/** Neighbour advertisement: in answer to a solicitation. @public */
export const ND_NA_FLAG_SOLICITED = 0x40;
/** Neighbour advertisement: override a cached address. @public */
export const ND_NA_FLAG_OVERRIDE = 0x20;

/** Router advertisement (RFC 4861 §4.2), host order. @public */
export class NdRouterAdvert {
  /** Hop limit for outgoing packets, 0 for unspecified. */
  curhoplimit = 0;
  /** ND_RA_FLAG_*. */
  flags = 0;
  /** Lifetime as a default router in seconds, 0 for none. */
  lifetimeSec = 0;
  /** Reachable time in milliseconds, uint32; 0 for unspecified. */
  reachableMs = 0;
  /** Retransmission timer in milliseconds, uint32; 0 for unspecified. */
  retransmitMs = 0;
}

/** Neighbour solicitation (RFC 4861 §4.3), host order. @public */
export class NdNeighborSolicit {
  /** Target, bytes 0 to 3 as int32. */
  tgt0 = 0;
  /** Target, bytes 4 to 7. */
  tgt1 = 0;
  /** Target, bytes 8 to 11. */
  tgt2 = 0;
  /** Target, bytes 12 to 15. */
  tgt3 = 0;
}

/** Neighbour advertisement (RFC 4861 §4.4), host order. @public */
export class NdNeighborAdvert {
  /** ND_NA_FLAG_*. */
  flags = 0;
  /** Target, bytes 0 to 3 as int32. */
  tgt0 = 0;
  /** Target, bytes 4 to 7. */
  tgt1 = 0;
  /** Target, bytes 8 to 11. */
  tgt2 = 0;
  /** Target, bytes 12 to 15. */
  tgt3 = 0;
}

/** Redirect (RFC 4861 §4.5), host order. @public */
export class NdRedirect {
  /** Better first hop, bytes 0 to 3 as int32. */
  tgt0 = 0;
  /** Better first hop, bytes 4 to 7. */
  tgt1 = 0;
  /** Better first hop, bytes 8 to 11. */
  tgt2 = 0;
  /** Better first hop, bytes 12 to 15. */
  tgt3 = 0;
  /** Destination that is redirected, bytes 0 to 3 as int32. */
  dst0 = 0;
  /** Destination, bytes 4 to 7. */
  dst1 = 0;
  /** Destination, bytes 8 to 11. */
  dst2 = 0;
  /** Destination, bytes 12 to 15. */
  dst3 = 0;
}

/** Fills `ra` from the `len` bytes at `o`; false if they are fewer than 16. @public */
export function decodeNdRouterAdvert(dv: DataView, o: number, len: number, ra: NdRouterAdvert): boolean {
  if (len < ND_ROUTER_ADVERT_LEN) return false;
  ra.curhoplimit = dv.getUint8(o + 4);
  ra.flags = dv.getUint8(o + 5);
  ra.lifetimeSec = dv.getUint16(o + 6);
  ra.reachableMs = dv.getUint32(o + 8);
  ra.retransmitMs = dv.getUint32(o + 12);
  return true;
}

/** Writes `ra` at `o`, where the caller owns ND_ROUTER_ADVERT_LEN bytes. @public */
export function encodeNdRouterAdvert(dv: DataView, o: number, ra: NdRouterAdvert): void {
  dv.setInt32(o, ND_ROUTER_ADVERT << 24);
  dv.setUint8(o + 4, ra.curhoplimit);
  dv.setUint8(o + 5, ra.flags);
  dv.setUint16(o + 6, ra.lifetimeSec);
  dv.setUint32(o + 8, ra.reachableMs);
  dv.setUint32(o + 12, ra.retransmitMs);
}

/** Writes a router solicitation at `o`, where the caller owns ND_ROUTER_SOLICIT_LEN bytes. @public */
export function encodeNdRouterSolicit(dv: DataView, o: number): void {
  dv.setInt32(o, ND_ROUTER_SOLICIT << 24);
  dv.setInt32(o + 4, 0);
}

/** Fills `ns` from the `len` bytes at `o`; false if they are fewer than 24. @public */
export function decodeNdNeighborSolicit(dv: DataView, o: number, len: number, ns: NdNeighborSolicit): boolean {
  if (len < ND_NEIGHBOR_SOLICIT_LEN) return false;
  ns.tgt0 = dv.getInt32(o + 8);
  ns.tgt1 = dv.getInt32(o + 12);
  ns.tgt2 = dv.getInt32(o + 16);
  ns.tgt3 = dv.getInt32(o + 20);
  return true;
}

/** Writes `ns` at `o`, where the caller owns ND_NEIGHBOR_SOLICIT_LEN bytes. @public */
export function encodeNdNeighborSolicit(dv: DataView, o: number, ns: NdNeighborSolicit): void {
  dv.setInt32(o, ND_NEIGHBOR_SOLICIT << 24);
  dv.setInt32(o + 4, 0);
  dv.setInt32(o + 8, ns.tgt0);
  dv.setInt32(o + 12, ns.tgt1);
  dv.setInt32(o + 16, ns.tgt2);
  dv.setInt32(o + 20, ns.tgt3);
}

/** Fills `na` from the `len` bytes at `o`; false if they are fewer than 24. @public */
export function decodeNdNeighborAdvert(dv: DataView, o: number, len: number, na: NdNeighborAdvert): boolean {
  if (len < ND_NEIGHBOR_ADVERT_LEN) return false;
  na.flags = dv.getUint8(o + 4);
  na.tgt0 = dv.getInt32(o + 8);
  na.tgt1 = dv.getInt32(o + 12);
  na.tgt2 = dv.getInt32(o + 16);
  na.tgt3 = dv.getInt32(o + 20);
  return true;
}

/** Writes `na` at `o`, where the caller owns ND_NEIGHBOR_ADVERT_LEN bytes. @public */
export function encodeNdNeighborAdvert(dv: DataView, o: number, na: NdNeighborAdvert): void {
  dv.setInt32(o, ND_NEIGHBOR_ADVERT << 24);
  dv.setInt32(o + 4, na.flags << 24);
  dv.setInt32(o + 8, na.tgt0);
  dv.setInt32(o + 12, na.tgt1);
  dv.setInt32(o + 16, na.tgt2);
  dv.setInt32(o + 20, na.tgt3);
}

/** Fills `rd` from the `len` bytes at `o`; false if they are fewer than 40. @public */
export function decodeNdRedirect(dv: DataView, o: number, len: number, rd: NdRedirect): boolean {
  if (len < ND_REDIRECT_LEN) return false;
  rd.tgt0 = dv.getInt32(o + 8);
  rd.tgt1 = dv.getInt32(o + 12);
  rd.tgt2 = dv.getInt32(o + 16);
  rd.tgt3 = dv.getInt32(o + 20);
  rd.dst0 = dv.getInt32(o + 24);
  rd.dst1 = dv.getInt32(o + 28);
  rd.dst2 = dv.getInt32(o + 32);
  rd.dst3 = dv.getInt32(o + 36);
  return true;
}

/** Writes `rd` at `o`, where the caller owns ND_REDIRECT_LEN bytes. @public */
export function encodeNdRedirect(dv: DataView, o: number, rd: NdRedirect): void {
  dv.setInt32(o, ND_REDIRECT << 24);
  dv.setInt32(o + 4, 0);
  dv.setInt32(o + 8, rd.tgt0);
  dv.setInt32(o + 12, rd.tgt1);
  dv.setInt32(o + 16, rd.tgt2);
  dv.setInt32(o + 20, rd.tgt3);
  dv.setInt32(o + 24, rd.dst0);
  dv.setInt32(o + 28, rd.dst1);
  dv.setInt32(o + 32, rd.dst2);
  dv.setInt32(o + 36, rd.dst3);
}
