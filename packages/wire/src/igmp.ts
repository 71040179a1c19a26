/*
 * @hot Internet Group Management Protocol, versions 1 to 3 (RFC 1112, 2236, 9776).
 *
 * Source: FreeBSD netinet/igmp.h.
 */

/** Length of the header of versions 1 and 2. @public */
export const IGMP_MINLEN = 8;
/** Length of a version 3 query without sources. @public */
export const IGMP_V3_QUERY_MINLEN = 12;
/** Length of the fixed part of a version 3 report. @public */
export const IGMP_V3_REPORT_MINLEN = 8;
/** Length of a group record without sources. @public */
export const IGMP_GRPREC_HDRLEN = 8;

/** Membership query, all versions. @public */
export const IGMP_HOST_MEMBERSHIP_QUERY = 0x11;
/** Version 1 report. @public */
export const IGMP_V1_HOST_MEMBERSHIP_REPORT = 0x12;
/** DVMRP. @public */
export const IGMP_DVMRP = 0x13;
/** PIM version 1. @public */
export const IGMP_PIM = 0x14;
/** Version 2 report. @public */
export const IGMP_V2_HOST_MEMBERSHIP_REPORT = 0x16;
/** Version 2 leave. @public */
export const IGMP_HOST_LEAVE_MESSAGE = 0x17;
/** Version 3 report. @public */
export const IGMP_V3_HOST_MEMBERSHIP_REPORT = 0x22;

/** Group record of a report, MLD too: the sources listed are received. @public */
export const GRPREC_MODE_IS_INCLUDE = 1;
/** Group record: all sources but those listed are received. @public */
export const GRPREC_MODE_IS_EXCLUDE = 2;
/** Group record: the mode has changed to include. @public */
export const GRPREC_CHANGE_TO_INCLUDE_MODE = 3;
/** Group record: the mode has changed to exclude. @public */
export const GRPREC_CHANGE_TO_EXCLUDE_MODE = 4;
/** Group record: further sources are received. @public */
export const GRPREC_ALLOW_NEW_SOURCES = 5;
/** Group record: fewer sources are received. @public */
export const GRPREC_BLOCK_OLD_SOURCES = 6;

/** Header of versions 1 and 2 and first part of a version 3 query, host order. @public */
export class IgmpHdr {
  /** Type, IGMP_*. */
  type = 0;
  /** Maximum response code: see {@link igmpMaxRespDs}. */
  code = 0;
  /** Checksum over the whole message; no pseudo-header. */
  cksum = 0;
  /** Group address, int32; 0 in a general query. */
  group = 0;
}

/**
 * Fills `ih` from the `len` bytes at `o`; false if they are fewer than 8.
 *
 * @public
 */
export function decodeIgmpHdr(dv: DataView, o: number, len: number, ih: IgmpHdr): boolean {
  if (len < IGMP_MINLEN) return false;
  ih.type = dv.getUint8(o);
  ih.code = dv.getUint8(o + 1);
  ih.cksum = dv.getUint16(o + 2);
  ih.group = dv.getInt32(o + 4);
  return true;
}

/**
 * Writes `ih` at `o`, where the caller owns IGMP_MINLEN bytes. Does not compute `cksum`.
 *
 * @public
 */
export function encodeIgmpHdr(dv: DataView, o: number, ih: IgmpHdr): void {
  dv.setUint8(o, ih.type);
  dv.setUint8(o + 1, ih.code);
  dv.setUint16(o + 2, ih.cksum);
  dv.setInt32(o + 4, ih.group);
}

/** What a version 3 query has behind the common header (RFC 9776 §4.1). Source addresses follow at `o + 12`, four bytes each. @public */
export class Igmpv3Query {
  /** S flag: routers do not update their timers. */
  suppress = false;
  /** Querier's robustness variable, 0 to 7. */
  qrv = 0;
  /** Querier's query interval code: as {@link igmpFloat}, in seconds. */
  qqic = 0;
  /** Number of sources. */
  numsrc = 0;
}

/**
 * Fills `q` from the query of `len` bytes at `o`, common header included; false if they are fewer than 12 or than the sources need.
 *
 * @public
 */
export function decodeIgmpv3Query(dv: DataView, o: number, len: number, q: Igmpv3Query): boolean {
  if (len < IGMP_V3_QUERY_MINLEN) return false;
  const misc = dv.getUint8(o + 8);
  q.suppress = (misc & 8) !== 0;
  q.qrv = misc & 7;
  q.qqic = dv.getUint8(o + 9);
  q.numsrc = dv.getUint16(o + 10);
  return IGMP_V3_QUERY_MINLEN + 4 * q.numsrc <= len;
}

/**
 * Writes `q` behind the common header of the query at `o`, where the caller owns IGMP_V3_QUERY_MINLEN bytes; sources are the caller's.
 *
 * @public
 */
export function encodeIgmpv3Query(dv: DataView, o: number, q: Igmpv3Query): void {
  dv.setUint8(o + 8, (q.suppress ? 8 : 0) | (q.qrv & 7));
  dv.setUint8(o + 9, q.qqic);
  dv.setUint16(o + 10, q.numsrc);
}

/** Number of group records of the version 3 report at `o`. @public */
export const getIgmpv3NumGrps = (dv: DataView, o: number): number => dv.getUint16(o + 6);

/**
 * Writes the fixed part of a version 3 report at `o`, where the caller owns IGMP_V3_REPORT_MINLEN bytes; the checksum is 0.
 *
 * @public
 */
export function encodeIgmpv3Report(dv: DataView, o: number, numGrps: number): void {
  dv.setInt32(o, IGMP_V3_HOST_MEMBERSHIP_REPORT << 24);
  dv.setUint16(o + 4, 0);
  dv.setUint16(o + 6, numGrps);
}

/** Group record of a version 3 report, host order (RFC 9776 §4.2.5). Sources follow at `o + 8`. @public */
export class IgmpGrpRec {
  /** GRPREC_*. */
  type = 0;
  /** Length of auxiliary data behind the sources, a multiple of 4; always 0 when sent. */
  auxlen = 0;
  /** Number of sources. */
  numsrc = 0;
  /** Group address, int32. */
  group = 0;
}

/** Length of a group record with its sources and auxiliary data. @public */
export const igmpGrpRecLen = (gr: IgmpGrpRec): number => IGMP_GRPREC_HDRLEN + 4 * gr.numsrc + gr.auxlen;

/**
 * Fills `gr` from the `len` bytes at `o`; false if the record runs past them.
 *
 * @public
 */
export function decodeIgmpGrpRec(dv: DataView, o: number, len: number, gr: IgmpGrpRec): boolean {
  if (len < IGMP_GRPREC_HDRLEN) return false;
  gr.type = dv.getUint8(o);
  gr.auxlen = dv.getUint8(o + 1) << 2;
  gr.numsrc = dv.getUint16(o + 2);
  gr.group = dv.getInt32(o + 4);
  return igmpGrpRecLen(gr) <= len;
}

/**
 * Writes `gr` at `o`, where the caller owns IGMP_GRPREC_HDRLEN bytes; sources are the caller's.
 *
 * @public
 */
export function encodeIgmpGrpRec(dv: DataView, o: number, gr: IgmpGrpRec): void {
  dv.setUint8(o, gr.type);
  dv.setUint8(o + 1, gr.auxlen >>> 2);
  dv.setUint16(o + 2, gr.numsrc);
  dv.setInt32(o + 4, gr.group);
}

/** Value of an 8-bit code that is a small floating-point number from 128 on (RFC 9776 §4.1.1). @public */
export function igmpFloat(code: number): number {
  return code < 128 ? code : ((code & 15) | 16) << (((code >>> 4) & 7) + 3);
}

/** Maximum response time of a version 3 query in tenths of a second. @public */
export const igmpMaxRespDs = (ih: IgmpHdr): number => igmpFloat(ih.code);
