/*
 * The checksum by size and alignment, and header codecs. Run alone, so that no other use of the routines has shaped them:
 * `npx vitest bench --run packages/wire/bench/cksum.bench.ts`.
 *
 * Loops that were tried for 1,460 aligned bytes, each in a process of its own (Node 20, EPYC, best of 9, ns): float64 sums 333, unrolled by four 244 (without what negative words still need);
 * halves 356, unrolled by four 252; sum and high halves 354, unrolled by four 228, read from the last word on 204 (the one that is used), by
 * eight 202, by sixteen 238; carries by comparison 401.
 */
import { bench, describe } from 'vitest';
import { TcpHdr, TcpOpt, cksumAdd, cksumAddView, decodeTcpHdr, decodeTcpOpts, encodeTcpHdr, encodeTcpOpts, TOF_TS } from '@ns/wire';

const ab = new ArrayBuffer(1 << 17);
const buf = new Uint8Array(ab).map((_, i) => (Math.imul(i, 0x9e3779b1) >>> 13) & 255);
const words = new Int32Array(buf.buffer);
const dv = new DataView(buf.buffer);

describe('cksumAdd', () => {
  for (const len of [20, 64, 1460, 8948, 65495]) {
    for (const shift of [0, 2, 1]) bench(`${len} bytes, offset ${shift} from a word`, () => { cksumAdd(buf, words, 64 + shift, len, 0); });
  }
});

describe('cksumAddView', () => {
  bench('20 bytes', () => { cksumAddView(dv, 66, 20, 0); });
});

describe('TCP header with the timestamps option', () => {
  const th = Object.assign(new TcpHdr(), { off: 32 });
  const to = Object.assign(new TcpOpt(), { flags: TOF_TS });
  const seg = new DataView(new ArrayBuffer(64));
  bench('encode', () => { encodeTcpHdr(seg, 2, th); encodeTcpOpts(seg, 22, to); });
  bench('decode', () => { decodeTcpHdr(seg, 2, 32, th); decodeTcpOpts(seg, 22, th.off - 20, to, false); });
});
