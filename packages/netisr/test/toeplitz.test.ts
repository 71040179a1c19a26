import { MbufPool } from '@ns/mbuf';
import { parseInAddr, type InAddr } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rss, RSS_DEFAULT_KEY, Toeplitz } from '@ns/netisr';
import { M_HASHTYPE_NONE, M_HASHTYPE_RSS_IPV4, M_HASHTYPE_RSS_TCP_IPV4, M_HASHTYPE_RSS_TCP_IPV6 } from '@ns/ifnet-kpi';

const t = new Toeplitz();
const a = (text: string): InAddr => parseInAddr(text) as InAddr;
const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');

/** The published verification suite: source, destination, 2-tuple hash, 4-tuple hash. */
const v4 = [
  ['66.9.149.187', 2794, '161.142.100.80', 1766, '323e8fc2', '51ccc178'],
  ['199.92.111.2', 14230, '65.69.140.83', 4739, 'd718262a', 'c626b0ea'],
  ['24.19.198.95', 12898, '12.22.207.184', 38024, 'd2d0a5de', '5c2b394a'],
  ['38.27.205.30', 48228, '209.142.163.6', 2217, '82989176', 'afc7327f'],
  ['153.39.163.191', 44251, '202.188.127.2', 1303, '5d1809c5', '10e828a2'],
] as const;

const v6 = [
  ['3ffe:2501:200:1fff::7', 2794, '3ffe:2501:200:3::1', 1766, '2cc18cd5', '40207d3d'],
  ['3ffe:501:8::260:97ff:fe40:efab', 14230, 'ff02::1', 4739, '0f0c461c', 'dde51bbf'],
  ['3ffe:1900:4545:3:200:f8ff:fe21:67cf', 44251, 'fe80::200:f8ff:fe21:67cf', 38024, '4b61e985', '02d1feef'],
] as const;

describe('Toeplitz', () => {
  it.each(v4)('hashes %s:%i -> %s:%i', (src, sport, dst, dport, two, four) => {
    expect(hex(t.ip4Tuple2(a(src).w3, a(dst).w3))).toBe(two);
    expect(hex(t.ip4Tuple4(a(src).w3, sport, a(dst).w3, dport))).toBe(four);
  });

  it.each(v6)('hashes %s:%i -> %s:%i', (src, sport, dst, dport, two, four) => {
    const s = a(src);
    const d = a(dst);
    const h = t.ip6Tuple2(s.w0, s.w1, s.w2, s.w3, d.w0, d.w1, d.w2, d.w3);
    expect(hex(h)).toBe(two);
    expect(hex(h ^ t.ip6Ports(sport, dport))).toBe(four);
  });

  it('is what the definition says: for each set bit the key from there on', () => {
    const bit = (key: readonly number[], i: number): number => ((key[i >> 3] as number) >> (7 - (i & 7))) & 1;
    const slow = (key: readonly number[], data: Uint8Array): number => {
      let h = 0;
      for (let i = 0; i < data.length * 8; i++) {
        if (((data[i >> 3] as number) & (0x80 >> (i & 7))) === 0) continue;
        let w = 0;
        for (let j = 0; j < 32; j++) w = (w << 1) | bit(key, i + j);
        h ^= w;
      }
      return h;
    };
    const key = fc.array(fc.nat(255), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 36 }), (k, data) => {
        expect(new Toeplitz(k).bytes(data, 0, data.length)).toBe(slow(k, data));
      }),
      { numRuns: 25 },
    );
  });
});

describe('Rss', () => {
  it.each([
    [1, 0, 1],
    [2, 2, 4],
    [3, 3, 8],
    [4, 3, 8],
    [8, 4, 16],
    [64, 7, 128],
  ])('%i workstreams: %i bits, %i buckets', (ncpus, bits, buckets) => {
    const rss = new Rss(ncpus);
    expect([rss.bits, rss.numbuckets, rss.mask]).toEqual([bits, buckets, buckets - 1]);
    expect(rss.toeplitz.key).toEqual(RSS_DEFAULT_KEY);
  });

  it('spreads buckets round robin and prints the map', () => {
    const rss = new Rss(2);
    expect(rss.bucketMapping()).toBe('0:0 1:1 2:0 3:1');
    expect(rss.hash2cpuid(7)).toBe(1);
    expect(rss.hash2bucket(-1)).toBe(3);
  });

  it('hashes a packet in software as a card would', () => {
    const pool = new MbufPool();
    const rss = new Rss(4);
    const [src, sport, dst, dport, two, four] = v4[0];
    const b = new Uint8Array(40);
    const dv = new DataView(b.buffer);
    dv.setUint8(0, 0x45);
    dv.setUint16(2, 40);
    dv.setUint8(9, 6);
    dv.setInt32(12, a(src).w3);
    dv.setInt32(16, a(dst).w3);
    dv.setUint16(20, sport);
    dv.setUint16(22, dport);
    dv.setUint8(32, 0x50);
    const m = pool.fromBytes(b);
    if (m === null) throw new Error('pool');
    rss.softwareHash(m);
    expect([hex(m.flowid), m.rsstype]).toEqual([four, M_HASHTYPE_RSS_TCP_IPV4]);
    expect(hex(rss.protoHash4(a(src).w3, a(dst).w3, sport, dport, 6))).toBe(four);

    dv.setUint16(6, 0x2000); // a first fragment hashes like the later ones
    const f = pool.fromBytes(b);
    if (f === null) throw new Error('pool');
    rss.softwareHash(f);
    expect([hex(f.flowid), f.rsstype]).toEqual([two, M_HASHTYPE_RSS_IPV4]);

    const junk = pool.fromBytes(new Uint8Array(9));
    if (junk === null) throw new Error('pool');
    rss.softwareHash(junk);
    expect(junk.rsstype).toBe(M_HASHTYPE_NONE);
    expect(rss.softM2cpuid(junk)).toBe(-1);
  });

  it('hashes TCP over IPv6 with ports', () => {
    const pool = new MbufPool();
    const rss = new Rss(4);
    const [src, sport, dst, dport, , four] = v6[0];
    const b = new Uint8Array(60);
    const dv = new DataView(b.buffer);
    dv.setUint8(0, 0x60);
    dv.setUint16(4, 20);
    dv.setUint8(6, 6);
    [a(src), a(dst)].forEach((x, i) => [x.w0, x.w1, x.w2, x.w3].forEach((w, j) => dv.setInt32(8 + 16 * i + 4 * j, w)));
    dv.setUint16(40, sport);
    dv.setUint16(42, dport);
    dv.setUint8(52, 0x50);
    const m = pool.fromBytes(b);
    if (m === null) throw new Error('pool');
    expect(rss.softM2cpuid(m)).toBe(rss.hash2cpuid(Number.parseInt(four, 16) | 0));
    expect([hex(m.flowid), m.rsstype]).toEqual([four, M_HASHTYPE_RSS_TCP_IPV6]);
  });
});
