/**
 * Source of random numbers of a kernel. A real host backs it by its cryptographic generator; {@link SeededRandom} serves tests and simulation.
 * @public
 */
export interface Random {
  /** A uniformly distributed int32. */
  u32(): number;
  /** Fills `buf` with random bytes. */
  fill(buf: Uint8Array): void;
}

/**
 * A number in [0, `bound`), without the bias of a modulus. `bound` is an integer in [1, 2^32].
 * Source: FreeBSD arc4random_uniform().
 * @public
 */
export function randomBelow(random: Random, bound: number): number {
  const min = (4294967296 - bound) % bound; // 2^32 mod bound: numbers below it would be drawn once too often
  for (;;) {
    const r = random.u32() >>> 0;
    if (r >= min) return r % bound;
  }
}

/**
 * Deterministic generator (xoshiro128**, seeded by splitmix32): the same seed gives the same numbers everywhere. Not for secrets.
 * @public
 */
export class SeededRandom implements Random {
  private s0: number;
  private s1: number;
  private s2: number;
  private s3: number;

  /** Only the low 32 bits of `seed` count. */
  constructor(seed: number) {
    const base = seed | 0;
    this.s0 = splitmix32((base + 0x9e3779b9) | 0);
    this.s1 = splitmix32((base + 0x3c6ef372) | 0);
    this.s2 = splitmix32((base + 0xdaa66d2b) | 0);
    this.s3 = splitmix32((base + 0x78dde6e4) | 0);
    if ((this.s0 | this.s1 | this.s2 | this.s3) === 0) this.s0 = 1; // the one state that xoshiro never leaves
  }

  /** See {@link Random.u32}. */
  u32(): number {
    const s1 = this.s1;
    const x = Math.imul(s1, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9);
    const t = s1 << 9;
    this.s2 ^= this.s0;
    this.s3 ^= s1;
    this.s1 = s1 ^ this.s2;
    this.s0 ^= this.s3;
    this.s2 ^= t;
    this.s3 = (this.s3 << 11) | (this.s3 >>> 21);
    return result;
  }

  /** See {@link Random.fill}. */
  fill(buf: Uint8Array): void {
    const n = buf.length;
    for (let i = 0; i < n; ) {
      let r = this.u32();
      for (let j = 0; j < 4 && i < n; j++, i++) {
        buf[i] = r;
        r >>>= 8;
      }
    }
  }
}

function splitmix32(z: number): number {
  let x = z ^ (z >>> 16);
  x = Math.imul(x, 0x21f0aaad);
  x ^= x >>> 15;
  x = Math.imul(x, 0x735a2d97);
  return x ^ (x >>> 15);
}
