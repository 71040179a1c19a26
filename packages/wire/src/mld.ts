/*
 * @hot Multicast Listener Discovery, versions 1 and 2 (RFC 2710, 9777).
 *
 * Source: FreeBSD netinet/icmp6.h, netinet6/mld6.h.
 */
import { MLDV2_LISTENER_REPORT } from './icmp6.ts';

/** Length of a version 1 message and of the first part of a version 2 query. @public */
export const MLD_MINLEN = 24;
/** Length of a version 2 query without sources. @public */
export const MLD_V2_QUERY_MINLEN = 28;
/** Length of the fixed part of a version 2 report. @public */
export const MLD_V2_REPORT_MINLEN = 8;
/** Length of a multicast address record without sources. @public */
export const MLD_GRPREC_HDRLEN = 20;

/** Version 1 message and first part of a version 2 query, host order. @public */
export class MldHdr {
  /** MLD_LISTENER_*. */
  type = 0;
  /** Code, 0. */
  code = 0;
  /** Checksum over pseudo-header and message. */
  cksum = 0;
  /** Maximum response code: see {@link mldMaxRespMs}. */
  maxdelay = 0;
  /** Multicast address, bytes 0 to 3 as int32; all zero in a general query. */
  addr0 = 0;
  /** Multicast address, bytes 4 to 7. */
  addr1 = 0;
  /** Multicast address, bytes 8 to 11. */
  addr2 = 0;
  /** Multicast address, bytes 12 to 15. */
  addr3 = 0;
}

/**
 * Fills `mh` from the `len` bytes at `o`; false if they are fewer than 24.
 *
 * @public
 */
export function decodeMldHdr(dv: DataView, o: number, len: number, mh: MldHdr): boolean {
  if (len < MLD_MINLEN) return false;
  mh.type = dv.getUint8(o);
  mh.code = dv.getUint8(o + 1);
  mh.cksum = dv.getUint16(o + 2);
  mh.maxdelay = dv.getUint16(o + 4);
  mh.addr0 = dv.getInt32(o + 8);
  mh.addr1 = dv.getInt32(o + 12);
  mh.addr2 = dv.getInt32(o + 16);
  mh.addr3 = dv.getInt32(o + 20);
  return true;
}

/**
 * Writes `mh` at `o`, where the caller owns MLD_MINLEN bytes; reserved fields are 0. Does not compute `cksum`.
 *
 * @public
 */
export function encodeMldHdr(dv: DataView, o: number, mh: MldHdr): void {
  dv.setUint8(o, mh.type);
  dv.setUint8(o + 1, mh.code);
  dv.setUint16(o + 2, mh.cksum);
  dv.setUint16(o + 4, mh.maxdelay);
  dv.setUint16(o + 6, 0);
  dv.setInt32(o + 8, mh.addr0);
  dv.setInt32(o + 12, mh.addr1);
  dv.setInt32(o + 16, mh.addr2);
  dv.setInt32(o + 20, mh.addr3);
}

/** What a version 2 query has behind the common part (RFC 9777 §5.1). Source addresses follow at `o + 28`, sixteen bytes each. @public */
export class Mldv2Query {
  /** S flag: routers do not update their timers. */
  suppress = false;
  /** Querier's robustness variable, 0 to 7. */
  qrv = 0;
  /** Querier's query interval code: as igmpFloat, in seconds. */
  qqic = 0;
  /** Number of sources. */
  numsrc = 0;
}

/**
 * Fills `q` from the query of `len` bytes at `o`, common part included; false if they are fewer than 28 or than the sources need.
 *
 * @public
 */
export function decodeMldv2Query(dv: DataView, o: number, len: number, q: Mldv2Query): boolean {
  if (len < MLD_V2_QUERY_MINLEN) return false;
  const misc = dv.getUint8(o + 24);
  q.suppress = (misc & 8) !== 0;
  q.qrv = misc & 7;
  q.qqic = dv.getUint8(o + 25);
  q.numsrc = dv.getUint16(o + 26);
  return MLD_V2_QUERY_MINLEN + 16 * q.numsrc <= len;
}

/**
 * Writes `q` behind the common part of the query at `o`, where the caller owns MLD_V2_QUERY_MINLEN bytes; sources are the caller's.
 *
 * @public
 */
export function encodeMldv2Query(dv: DataView, o: number, q: Mldv2Query): void {
  dv.setUint8(o + 24, (q.suppress ? 8 : 0) | (q.qrv & 7));
  dv.setUint8(o + 25, q.qqic);
  dv.setUint16(o + 26, q.numsrc);
}

/** Number of records of the version 2 report at `o`. @public */
export const getMldv2NumGrps = (dv: DataView, o: number): number => dv.getUint16(o + 6);

/**
 * Writes the fixed part of a version 2 report at `o`, where the caller owns MLD_V2_REPORT_MINLEN bytes; the checksum is 0.
 *
 * @public
 */
export function encodeMldv2Report(dv: DataView, o: number, numGrps: number): void {
  dv.setInt32(o, MLDV2_LISTENER_REPORT << 24);
  dv.setUint16(o + 4, 0);
  dv.setUint16(o + 6, numGrps);
}

/** Multicast address record of a version 2 report, host order (RFC 9777 §5.2.4). Sources follow at `o + 20`. @public */
export class MldGrpRec {
  /** GRPREC_*, as in IGMP. */
  type = 0;
  /** Length of auxiliary data behind the sources, a multiple of 4; always 0 when sent. */
  auxlen = 0;
  /** Number of sources. */
  numsrc = 0;
  /** Multicast address, bytes 0 to 3 as int32. */
  addr0 = 0;
  /** Multicast address, bytes 4 to 7. */
  addr1 = 0;
  /** Multicast address, bytes 8 to 11. */
  addr2 = 0;
  /** Multicast address, bytes 12 to 15. */
  addr3 = 0;
}

/** Length of a record with its sources and auxiliary data. @public */
export const mldGrpRecLen = (gr: MldGrpRec): number => MLD_GRPREC_HDRLEN + 16 * gr.numsrc + gr.auxlen;

/**
 * Fills `gr` from the `len` bytes at `o`; false if the record runs past them.
 *
 * @public
 */
export function decodeMldGrpRec(dv: DataView, o: number, len: number, gr: MldGrpRec): boolean {
  if (len < MLD_GRPREC_HDRLEN) return false;
  gr.type = dv.getUint8(o);
  gr.auxlen = dv.getUint8(o + 1) << 2;
  gr.numsrc = dv.getUint16(o + 2);
  gr.addr0 = dv.getInt32(o + 4);
  gr.addr1 = dv.getInt32(o + 8);
  gr.addr2 = dv.getInt32(o + 12);
  gr.addr3 = dv.getInt32(o + 16);
  return mldGrpRecLen(gr) <= len;
}

/**
 * Writes `gr` at `o`, where the caller owns MLD_GRPREC_HDRLEN bytes; sources are the caller's.
 *
 * @public
 */
export function encodeMldGrpRec(dv: DataView, o: number, gr: MldGrpRec): void {
  dv.setUint8(o, gr.type);
  dv.setUint8(o + 1, gr.auxlen >>> 2);
  dv.setUint16(o + 2, gr.numsrc);
  dv.setInt32(o + 4, gr.addr0);
  dv.setInt32(o + 8, gr.addr1);
  dv.setInt32(o + 12, gr.addr2);
  dv.setInt32(o + 16, gr.addr3);
}

/**
 * Maximum response delay of a version 2 query in milliseconds, from its 16-bit code: a small floating-point number from 32768 on (RFC 9777 §5.1.3).
 *
 * @public
 */
export function mldMaxRespMs(code: number): number {
  return code < 0x8000 ? code : ((code & 0xfff) | 0x1000) << (((code >>> 12) & 7) + 3);
}
