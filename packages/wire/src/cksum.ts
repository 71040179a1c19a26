/*
 * @hot The Internet checksum (RFC 1071, RFC 1624).
 *
 * A partial sum is a ones' complement sum of 16-bit words in network order (the byte at an even position of the checksummed data is the high
 * one), folded to 16 bits and not complemented. So partial sums of consecutive pieces are simply added: `cksumAdd(..., sum)` does, and any caller may,
 * as long as the total stays below 2^32. Parity: a piece that begins at an odd position of the data has its bytes in the other halves of the words;
 * its sum is byte-swapped ({@link cksumSwap}) before it is added (RFC 1071 §2(B)). The memory address at which a piece lies does not matter to the caller.
 *
 * Source: FreeBSD netinet/in_cksum.c, sys/amd64/include/in_cksum.h.
 */

/** Host byte order: the sum over 32-bit words is the same in either, but for one swap at the end (RFC 1071 §2(B)). */
const LITTLE_ENDIAN: boolean = /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint16Array([1]).buffer)[0] === 1;

/** Words that one run of the inner loop adds at most: the high halves must stay below 2^31. */
const MAX_RUN = 0x4000;

/**
 * Adds `len` bytes to a partial sum.
 *
 * This is the checksum for packet data: words of the host's order, swapped once at the end. Any alignment and any length do.
 *
 * @param buf - all bytes of one ArrayBuffer
 * @param words - all whole 32-bit words of the same ArrayBuffer, from its start
 * @param off - position of the first byte in that ArrayBuffer
 * @param sum - partial sum of the data before, 0 to 2^32 - 1; the data before must have an even length, else see {@link cksumSwap}
 * @returns partial sum, 0 to 0xffff, network order; not complemented, see {@link cksumFold}
 *
 * @public
 */
export function cksumAdd(buf: Uint8Array, words: Int32Array, off: number, len: number, sum: number): number {
  return cksumAddOrder(buf, words, off, len, sum, LITTLE_ENDIAN);
}

/** {@link cksumAdd} for a stated byte order of `words`, so that both orders can be tested on one machine. */
export function cksumAddOrder(buf: Uint8Array, words: Int32Array, off: number, len: number, sum: number, little: boolean): number {
  const end = off + len;
  let p = off;
  let edges = 0;
  for (; (p & 3) !== 0 && p < end; p++) edges += (p & 1) === 0 ? (buf[p] as number) << 8 : (buf[p] as number);
  let total = 0;
  if (end - p >= 4) {
    const last = end >>> 2;
    let i = p >>> 2;
    while (last - i > MAX_RUN) {
      total += sumWords(words, i, i + MAX_RUN);
      i += MAX_RUN;
    }
    total = fold16(total + sumWords(words, i, last));
    if (little) total = cksumSwap(total);
    p = last << 2;
  }
  for (; p < end; p++) edges += (p & 1) === 0 ? (buf[p] as number) << 8 : (buf[p] as number);
  total = fold16(total + edges);
  if ((off & 1) !== 0) total = cksumSwap(total);
  return fold16(total + (sum & 0xffff) + (sum >>> 16));
}

/**
 * Ones' complement sum of words [i, last), at most MAX_RUN of them, folded to 16 bits in the order of `words`.
 *
 * `all` is the sum modulo 2^32 and `high` the sum of the high halves, so `all - high * 2^16` is that of the low halves; this takes one operation a
 * word less than adding the halves. Four words a turn, read from the last on: the numbers are in bench/cksum.bench.ts.
 */
function sumWords(words: Int32Array, i: number, last: number): number {
  let all = 0;
  let high = 0;
  for (const quad = last - 3; i < quad; i += 4) {
    const d = words[i + 3] as number;
    const c = words[i + 2] as number;
    const b = words[i + 1] as number;
    const a = words[i] as number;
    all = (all + a + b + c + d) | 0;
    high = (high + (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)) | 0;
  }
  for (; i < last; i++) {
    const a = words[i] as number;
    all = (all + a) | 0;
    high = (high + (a >>> 16)) | 0;
  }
  const low = (all - (high << 16)) | 0;
  return fold16((low & 0xffff) + (low >>> 16) + (high & 0xffff) + (high >>> 16));
}

/** Folds a sum below 2^32 to 16 bits. */
function fold16(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/**
 * Partial sum of a piece that begins at an odd position of the checksummed data: what to add in place of the piece's own sum.
 *
 * @param sum - partial sum of the piece alone, 0 to 0xffff
 *
 * @public
 */
export function cksumSwap(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/**
 * The checksum itself: folds a partial sum, 0 to 2^32 - 1, and complements it. Data that contains its own right checksum gives 0.
 *
 * @returns 0 to 0xffff, for `setUint16`; UDP sends 0xffff in place of 0 (RFC 768)
 *
 * @public
 */
export function cksumFold(sum: number): number {
  return ~fold16(sum) & 0xffff;
}

/**
 * Adds `len` bytes at `o` to a partial sum, by way of a DataView: for a header of a few words, where no Int32Array is at hand.
 *
 * @param sum - as for {@link cksumAdd}
 * @returns partial sum, 0 to 0xffff, network order
 *
 * @public
 */
export function cksumAddView(dv: DataView, o: number, len: number, sum: number): number {
  const end = o + len;
  let total = (sum & 0xffff) + (sum >>> 16);
  for (; o + 4 <= end; o += 4) {
    const w = dv.getInt32(o);
    total += (w & 0xffff) + (w >>> 16);
    if (total >= 0x40000000) total = fold16(total);
  }
  if (o + 2 <= end) {
    total += dv.getUint16(o);
    o += 2;
  }
  if (o < end) total += dv.getUint8(o) << 8;
  return fold16(total);
}

/**
 * New value of a checksum field after one 16-bit word under it changed from `was` to `now` (RFC 1624 §3, equation 3).
 *
 * @param cksum - the field, 0 to 0xffff
 *
 * @public
 */
export function cksumAdjust(cksum: number, was: number, now: number): number {
  return ~fold16((~cksum & 0xffff) + (~was & 0xffff) + (now & 0xffff)) & 0xffff;
}

/**
 * {@link cksumAdjust} for an aligned 32-bit quantity: an IPv4 address, a sequence number; int32 or uint32.
 *
 * @public
 */
export function cksumAdjust32(cksum: number, was: number, now: number): number {
  return ~fold16((~cksum & 0xffff) + (~was & 0xffff) + (~was >>> 16) + (now & 0xffff) + (now >>> 16)) & 0xffff;
}

/**
 * Partial sum of the IPv4 pseudo-header (RFC 9293 §3.1, RFC 768).
 *
 * @param src - source address, int32
 * @param dst - destination address, int32
 * @param len - length of transport header and data
 * @returns partial sum, 0 to 0xffff, network order
 *
 * @public
 */
export function pseudoSum4(src: number, dst: number, proto: number, len: number): number {
  return fold16((src & 0xffff) + (src >>> 16) + (dst & 0xffff) + (dst >>> 16) + proto + (len & 0xffff) + (len >>> 16));
}

/**
 * Partial sum of the IPv6 pseudo-header (RFC 8200 §8.1). Addresses are given as in {@link InAddr}, most significant word first.
 *
 * @param nxt - the transport protocol, whatever the next header field of the IPv6 header is
 * @param len - length of transport header and data, up to 2^32 - 1
 * @returns partial sum, 0 to 0xffff, network order
 *
 * @public
 */
export function pseudoSum6(
  s0: number, s1: number, s2: number, s3: number,
  d0: number, d1: number, d2: number, d3: number,
  nxt: number, len: number,
): number {
  const low = (s0 & 0xffff) + (s1 & 0xffff) + (s2 & 0xffff) + (s3 & 0xffff) + (d0 & 0xffff) + (d1 & 0xffff) + (d2 & 0xffff) + (d3 & 0xffff);
  const high = (s0 >>> 16) + (s1 >>> 16) + (s2 >>> 16) + (s3 >>> 16) + (d0 >>> 16) + (d1 >>> 16) + (d2 >>> 16) + (d3 >>> 16);
  return fold16(low + high + nxt + (len & 0xffff) + (len >>> 16));
}
