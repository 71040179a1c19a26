import { cksumAdd, cksumSwap } from '@ns/wire';
import type { Mbuf, MbufExt } from './mbuf.ts';

/**
 * Ones' complement sum, in network order and folded to 16 bits, of `len` bytes at offset `off` of the chain, added to `sum`. Not complemented: `cksumFold` does that.
 * Pieces may have odd lengths. Bytes that are not there count as zero.
 * Source: FreeBSD in_cksum.c, in_cksum_skip().
 * @public
 */
export function mCksum(m: Mbuf, off: number, len: number, sum: number): number {
  let total = sum;
  let skip = off;
  let left = len;
  let odd = false;
  for (let p: Mbuf | null = m; p !== null && left > 0; p = p.next) {
    if (skip >= p.len) {
      skip -= p.len;
      continue;
    }
    const n = p.len - skip < left ? p.len - skip : left;
    const part = cksumAdd(p.buf, (p.ext as MbufExt).words, p.off + skip, n, 0);
    total += odd ? cksumSwap(part) : part;
    if ((n & 1) !== 0) odd = !odd;
    left -= n;
    skip = 0;
  }
  total = (total & 0xffff) + (total >>> 16);
  return (total & 0xffff) + (total >>> 16);
}
