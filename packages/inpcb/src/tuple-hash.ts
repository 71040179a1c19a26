/*
 * @hot Keyed hash of 4-tuples.
 *
 * A peer chooses addresses and ports, so an unkeyed hash would let it put all its connections into one place of a table. This is the permutation of HalfSipHash (Aumasson
 * and Bernstein) over key xor input, four rounds behind the last block as HalfSipHash-1-3 has; an IPv4 tuple is one block, so it costs no more than those. The result is
 * used for places in a table and nowhere where a peer could see it.
 */

/** Hash of an IPv4 4-tuple under a 128-bit key, 1 to 2^31 - 1. `ports` = foreign port << 16 | local port. @public */
export function tupleHash4(k0: number, k1: number, k2: number, k3: number, f: number, l: number, ports: number): number {
  let v0 = k0 ^ f;
  let v1 = k1 ^ l;
  let v2 = k2 ^ ports;
  let v3 = k3;

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

  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;

  const h = (v1 ^ v3 ^ k1 ^ k3) & 0x7fffffff;
  return h === 0 ? 1 : h;
}

/** Hash of an IPv6 4-tuple, int32 with the top bit set: three blocks, two rounds between them. @public */
export function tupleHash6(k0: number, k1: number, k2: number, k3: number, f0: number, f1: number, f2: number, f3: number, l0: number, l1: number, l2: number, l3: number, ports: number): number {
  let v0 = k0 ^ f0;
  let v1 = k1 ^ f1;
  let v2 = k2 ^ f2;
  let v3 = k3 ^ f3;
  for (let round = 0; round < 8; round++) {
    if (round === 2) {
      v0 ^= l0;
      v1 ^= l1;
      v2 ^= l2;
      v3 ^= l3;
    } else if (round === 4) v0 ^= ports;
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
  }
  return (v1 ^ v3 ^ k1 ^ k3) | 0x80000000;
}
