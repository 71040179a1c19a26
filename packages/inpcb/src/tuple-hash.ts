/*
 * Keyed hash of 4-tuples: HalfSipHash-1-3 (Aumasson and Bernstein, 2016), a pseudo-random function of 32-bit words. A peer chooses addresses and ports, so an unkeyed
 * hash would let it put all its connections into one place of a table.
 */

/** Hash of an IPv4 4-tuple, 1 to 2^31 - 1. `ports` = foreign port << 16 | local port. @public */
export function tupleHash4(k0: number, k1: number, f: number, l: number, ports: number): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  for (let i = 0; i < 7; i++) {
    const m = i === 0 ? f : i === 1 ? l : i === 2 ? ports : i === 3 ? 0x0c000000 : 0;
    if (i === 4) v2 ^= 0xff;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  const h = (v1 ^ v3) & 0x7fffffff;
  return h === 0 ? 1 : h;
}

/** Hash of an IPv6 4-tuple, int32 with the top bit set. @public */
export function tupleHash6(k0: number, k1: number, f0: number, f1: number, f2: number, f3: number, l0: number, l1: number, l2: number, l3: number, ports: number): number {
  const a = tupleHash4(k0, k1, f0, f1, f2);
  const b = tupleHash4(k0 ^ a, k1, f3, l0, l1);
  return tupleHash4(k0 ^ b, k1 ^ a, l2, l3, ports) | 0x80000000;
}
