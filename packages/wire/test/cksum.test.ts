import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cksumAdd, cksumAddView, cksumAdjust, cksumAdjust32, cksumFold, cksumSwap, inAddr6, parseInAddr, pseudoSum4, pseudoSum6,
} from '@ns/wire';
import { cksumAddOrder } from '../src/cksum.ts';
import { hex, naiveSum } from './bytes.ts';

/** Lays bytes at an offset of a larger buffer full of noise. */
function lay(bytes: Uint8Array, off: number): { buf: Uint8Array; words: Int32Array } {
  const ab = new ArrayBuffer(off + bytes.length + 5);
  const buf = new Uint8Array(ab).fill(0xa5);
  buf.set(bytes, off);
  return { buf, words: new Int32Array(ab, 0, ab.byteLength >> 2) };
}

/** 0 and 0xffff are the two zeros of ones' complement. */
const same = (sum: number): number => sum % 0xffff;

function sumAt(bytes: Uint8Array, off: number, sum = 0): number {
  const { buf, words } = lay(bytes, off);
  return cksumAdd(buf, words, off, bytes.length, sum);
}

describe('RFC 1071: computing the Internet checksum', () => {
  it('§3: the numerical example', () => {
    const data = hex('0001 f203 f4f5 f6f7');
    expect(sumAt(data, 0)).toBe(0xddf2);
    expect(cksumFold(sumAt(data, 0))).toBe(0x220d);
  });

  it('an IPv4 header with its checksum sums to 0', () => {
    const header = hex('4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7');
    for (let off = 0; off < 8; off++) expect(cksumFold(sumAt(header, off))).toBe(0);
    header.set([0, 0], 10);
    expect(cksumFold(sumAt(header, 0))).toBe(0xb861);
    expect(cksumFold(cksumAddView(new DataView(header.buffer), 0, 20, 0))).toBe(0xb861);
  });

  it('all ones and all zeros, at lengths where words carry', () => {
    for (const len of [0, 1, 2, 3, 4, 5, 7, 8, 40, 1460, 65535, 65536, 70001, 300000]) {
      const ones = new Uint8Array(len).fill(0xff);
      expect(sumAt(ones, 2), `ones ${len}`).toBe(naiveSum(ones));
      expect(sumAt(new Uint8Array(len), 1), `zeros ${len}`).toBe(0);
    }
  });

  it('any bytes at any alignment: equals the definition', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(9), fc.nat(0xffffffff), (bytes, off, sum) => {
      const start = (sum & 0xffff) + (sum >>> 16);
      expect(same(sumAt(bytes, off, sum))).toBe(same(naiveSum(bytes, start)));
      expect(sumAt(bytes, off, sum)).toBeLessThanOrEqual(0xffff);
    }), { numRuns: 1000 });
  });

  it('long runs at any alignment: equals the definition', () => {
    fc.assert(fc.property(fc.integer({ min: 60000, max: 140000 }), fc.nat(7), fc.nat(255), (len, off, seed) => {
      const bytes = Uint8Array.from({ length: len }, (_, i) => (i * 167 + (i >>> 7) * seed + seed) & 255);
      expect(same(sumAt(bytes, off))).toBe(same(naiveSum(bytes)));
    }), { numRuns: 20 });
  });

  it('§2(B): the same for words of the other byte order', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(7), (bytes, off) => {
      const { buf } = lay(bytes, off);
      const dv = new DataView(buf.buffer);
      for (const little of [false, true]) {
        const words = Int32Array.from({ length: buf.length >> 2 }, (_, i) => dv.getInt32(4 * i, little));
        expect(same(cksumAddOrder(buf, words, off, bytes.length, 0, little))).toBe(same(naiveSum(bytes)));
      }
    }));
  });

  it('§2(B): pieces of any length, odd ones too, add up', () => {
    const pieces = fc.array(fc.tuple(fc.uint8Array({ maxLength: 60 }), fc.nat(5)), { maxLength: 8 });
    fc.assert(fc.property(pieces, (chain) => {
      let sum = 0;
      let position = 0;
      for (const [bytes, off] of chain) {
        const part = sumAt(bytes, off);
        sum += (position & 1) === 1 ? cksumSwap(part) : part;
        position += bytes.length;
      }
      const whole = Uint8Array.from(chain.flatMap(([bytes]) => [...bytes]));
      expect(same(sum)).toBe(same(naiveSum(whole)));
      expect(same(cksumFold(sum))).toBe(same(0xffff - naiveSum(whole)));
    }), { numRuns: 500 });
  });

  it('by DataView: the same', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(7), fc.nat(0xffffffff), (bytes, off, sum) => {
      const { buf } = lay(bytes, off);
      expect(same(cksumAddView(new DataView(buf.buffer), off, bytes.length, sum))).toBe(same(sumAt(bytes, 0, sum)));
    }));
    const ones = new Uint8Array(100000).fill(0xff);
    expect(cksumAddView(new DataView(ones.buffer), 0, ones.length, 0xffffffff)).toBe(0xffff);
  });
});

describe('RFC 1624: incremental update', () => {
  it('§4: the example where RFC 1141 goes wrong', () => {
    expect(cksumAdjust(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  it('equals a new computation', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.nat(4), fc.integer(), (bytes, word, now) => {
      const dv = new DataView(bytes.buffer, bytes.byteOffset);
      bytes[0] = 0x45; // never all zero: an IP header is not
      const o = word === 0 ? 4 : 4 * word;
      const before = cksumFold(naiveSum(bytes));
      const was = dv.getInt32(o);
      dv.setInt32(o, now);
      const after = cksumFold(naiveSum(bytes));
      expect(cksumAdjust32(before, was, now)).toBe(after);
      const first = cksumAdjust(before, was >>> 16, now >>> 16);
      expect(cksumAdjust(first, was & 0xffff, now & 0xffff)).toBe(after);
    }), { numRuns: 500 });
  });
});

describe('pseudo-headers', () => {
  it('RFC 768: equals the sum of its bytes', () => {
    fc.assert(fc.property(fc.integer(), fc.integer(), fc.nat(255), fc.nat(0xffff), (src, dst, proto, len) => {
      const bytes = new Uint8Array(12);
      const dv = new DataView(bytes.buffer);
      dv.setInt32(0, src);
      dv.setInt32(4, dst);
      dv.setUint8(9, proto);
      dv.setUint16(10, len);
      expect(same(pseudoSum4(src, dst, proto, len))).toBe(same(naiveSum(bytes)));
    }));
  });

  it('RFC 8200 §8.1: equals the sum of its bytes', () => {
    const word = fc.integer();
    fc.assert(fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word, word, word), fc.nat(255), fc.nat(0xffffffff), (s, d, nxt, len) => {
      const bytes = new Uint8Array(40);
      const dv = new DataView(bytes.buffer);
      [...s, ...d].forEach((w, i) => dv.setInt32(4 * i, w));
      dv.setUint32(32, len);
      dv.setUint8(39, nxt);
      expect(same(pseudoSum6(...s, ...d, nxt, len))).toBe(same(naiveSum(bytes)));
    }));
  });

  it('a UDP datagram with its checksum sums to 0', () => {
    // 10.0.0.1:1024 > 10.0.0.2:53, "hi!"
    const udp = hex('0400 0035 000b 0000 6869 21');
    const src = 0x0a000001;
    const dst = 0x0a000002;
    const sum = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 17 + 11 + 0x0400 + 0x0035 + 0x000b + 0x6869 + 0x2100;
    expect(cksumFold(sumAt(udp, 3, pseudoSum4(src, dst, 17, 11)))).toBe(~sum & 0xffff);
    new DataView(udp.buffer).setUint16(6, ~sum & 0xffff);
    expect(cksumFold(sumAt(udp, 1, pseudoSum4(src, dst, 17, 11)))).toBe(0);
  });

  it('an ICMPv6 echo request with its checksum sums to 0', () => {
    // fe80::1 > fe80::2, id 0x1234, sequence 1, no data
    const src = parseInAddr('fe80::1') ?? inAddr6(0, 0, 0, 0);
    const dst = parseInAddr('fe80::2') ?? inAddr6(0, 0, 0, 0);
    const pseudo = pseudoSum6(src.w0, src.w1, src.w2, src.w3, dst.w0, dst.w1, dst.w2, dst.w3, 58, 8);
    const byHand = 0xfe80 + 1 + 0xfe80 + 2 + 8 + 58 + 0x8000 + 0x1234 + 1;
    const cksum = ~((byHand & 0xffff) + (byHand >>> 16)) & 0xffff;
    const echo = hex('8000 0000 1234 0001');
    new DataView(echo.buffer).setUint16(2, cksum);
    expect(cksumFold(sumAt(echo, 2, pseudo))).toBe(0);
  });
});
