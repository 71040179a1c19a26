/*
 * @hot Sequence number arithmetic modulo 2^32 (RFC 9293 §3.4). Numbers are int32; a difference is int32 too, so that its sign is the order.
 * Two numbers exactly 2^31 apart are each before the other, as in FreeBSD.
 *
 * Source: FreeBSD netinet/tcp_seq.h.
 */

/** a is before b. @public */
export const seqLt = (a: number, b: number): boolean => ((a - b) | 0) < 0;
/** a is before b or the same. @public */
export const seqLeq = (a: number, b: number): boolean => ((a - b) | 0) <= 0;
/** a is after b. @public */
export const seqGt = (a: number, b: number): boolean => ((a - b) | 0) > 0;
/** a is after b or the same. @public */
export const seqGeq = (a: number, b: number): boolean => ((a - b) | 0) >= 0;
/** The later of the two. @public */
export const seqMax = (a: number, b: number): number => (((a - b) | 0) > 0 ? a : b);
/** The earlier of the two. @public */
export const seqMin = (a: number, b: number): number => (((a - b) | 0) < 0 ? a : b);
/** How far a is ahead of b, int32: negative if it is behind. @public */
export const seqDiff = (a: number, b: number): number => (a - b) | 0;
/** a moved on by n, int32. @public */
export const seqAdd = (a: number, n: number): number => (a + n) | 0;
/** lo <= a < hi in sequence space. @public */
export const seqIn = (a: number, lo: number, hi: number): boolean => ((a - lo) | 0) >= 0 && ((a - hi) | 0) < 0;
