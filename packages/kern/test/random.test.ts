import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { type Random, randomBelow, SeededRandom } from '../src/index.ts';

/** xoshiro128** as its authors write it, on unsigned big integers, with the seeding of SeededRandom. */
function* reference(seed: number): Generator<number> {
  const M = 0xffffffffn;
  const mix = (n: bigint): bigint => {
    let x = n & M;
    x ^= x >> 16n;
    x = (x * 0x21f0aaadn) & M;
    x ^= x >> 15n;
    x = (x * 0x735a2d97n) & M;
    return x ^ (x >> 15n);
  };
  const base = BigInt(seed >>> 0);
  const s = [1n, 2n, 3n, 4n].map((i) => mix(base + i * 0x9e3779b9n));
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (32n - k))) & M;
  for (;;) {
    const [s0, s1, s2, s3] = s as [bigint, bigint, bigint, bigint];
    yield Number((rotl((s1 * 5n) & M, 7n) * 9n) & M);
    const t = (s1 << 9n) & M;
    const c = s2 ^ s0;
    const d = s3 ^ s1;
    s[1] = s1 ^ c;
    s[0] = s0 ^ d;
    s[2] = c ^ t;
    s[3] = rotl(d, 11n);
  }
}

describe('SeededRandom', () => {
  it('is xoshiro128** seeded by splitmix32', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const r = new SeededRandom(seed);
        const ref = reference(seed);
        for (let i = 0; i < 50; i++) expect(r.u32() >>> 0).toBe(ref.next().value);
      }),
      { numRuns: 50 },
    );
  });

  it('gives int32 values, the same for the same seed and others for another', () => {
    const draw = (seed: number): number[] => {
      const r = new SeededRandom(seed);
      return Array.from({ length: 1000 }, () => r.u32());
    };
    const a = draw(7);
    expect(a).toEqual(draw(7));
    expect(a.every((v) => v === (v | 0))).toBe(true);
    expect(a.some((v) => v < 0) && a.some((v) => v > 0)).toBe(true);
    expect(a.filter((v, i) => v === draw(8)[i]).length).toBeLessThan(3);
  });

  it('fills buffers of any length with what u32 gives, low byte first', () => {
    for (const n of [0, 1, 3, 4, 5, 17]) {
      const buf = new Uint8Array(n);
      new SeededRandom(3).fill(buf);
      const r = new SeededRandom(3);
      const want = new Uint8Array(20);
      for (let i = 0; i < 20; i += 4) new DataView(want.buffer).setInt32(i, r.u32(), true);
      expect([...buf]).toEqual([...want.subarray(0, n)]);
    }
  });
});

describe('randomBelow', () => {
  it('stays below the bound, the largest included', () => {
    const r = new SeededRandom(1);
    for (const bound of [1, 2, 3, 1000, 0x80000001, 2 ** 32]) {
      for (let i = 0; i < 200; i++) {
        const v = randomBelow(r, bound);
        expect(v >= 0 && v < bound && Number.isInteger(v)).toBe(true);
      }
    }
  });

  it('draws again where the modulus would be biased', () => {
    const given = [0, 5, -1];
    const r: Random = { u32: () => given.shift() as number, fill: () => {} };
    // 2^32 mod 3 = 1: a 0 would be the one draw too many
    expect(randomBelow(r, 3)).toBe(5 % 3);
    expect(given).toEqual([-1]);
  });
});
