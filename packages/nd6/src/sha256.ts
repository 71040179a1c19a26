/*
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104) with it. Off the packet path: it runs once for each interface identifier.
 */

/** Bytes of a block. */
const BLOCK = 64;
/** Bytes of a digest. */
export const SHA256_LEN = 32;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const K: readonly number[] = Object.freeze([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
  0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

const rotr = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

/** The SHA-256 digest of `data`, 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  const h = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
  const padded = new Uint8Array(Math.ceil((data.length + 9) / BLOCK) * BLOCK);
  padded.set(data);
  padded[data.length] = 0x80;
  const dv = new DataView(padded.buffer);
  dv.setUint32(padded.length - 8, Math.floor(data.length / 0x20000000));
  dv.setUint32(padded.length - 4, (data.length << 3) >>> 0);
  const w = new Int32Array(64);
  for (let o = 0; o < padded.length; o += BLOCK) block(h, w, dv, o);
  const out = new Uint8Array(SHA256_LEN);
  const odv = new DataView(out.buffer);
  for (let i = 0; i < 8; i++) odv.setInt32(4 * i, h[i] as number);
  return out;
}

/** Source: FIPS 180-4 §6.2.2. */
function block(h: Int32Array, w: Int32Array, dv: DataView, o: number): void {
  const at = (i: number): number => w[i] as number;
  for (let i = 0; i < 16; i++) w[i] = dv.getInt32(o + 4 * i);
  for (let i = 16; i < 64; i++) {
    const s0 = rotr(at(i - 15), 7) ^ rotr(at(i - 15), 18) ^ (at(i - 15) >>> 3);
    const s1 = rotr(at(i - 2), 17) ^ rotr(at(i - 2), 19) ^ (at(i - 2) >>> 10);
    w[i] = at(i - 16) + s0 + at(i - 7) + s1;
  }
  const v = h.slice();
  for (let i = 0; i < 64; i++) {
    const a = v[0] as number;
    const e = v[4] as number;
    const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
    const ch = (e & (v[5] as number)) ^ (~e & (v[6] as number));
    const t1 = ((v[7] as number) + s1 + ch + (K[i] as number) + at(i)) | 0;
    const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const maj = (a & (v[1] as number)) ^ (a & (v[2] as number)) ^ ((v[1] as number) & (v[2] as number));
    v.copyWithin(1, 0, 7);
    v[4] = (v[4] as number) + t1;
    v[0] = t1 + s0 + maj;
  }
  for (let i = 0; i < 8; i++) h[i] = (h[i] as number) + (v[i] as number);
}

/** HMAC-SHA-256 of `data` under `key`, 32 bytes. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array {
  const k = new Uint8Array(BLOCK);
  k.set(key.length > BLOCK ? sha256(key) : key);
  const inner = new Uint8Array(BLOCK + data.length);
  const outer = new Uint8Array(BLOCK + SHA256_LEN);
  for (let i = 0; i < BLOCK; i++) {
    inner[i] = (k[i] as number) ^ 0x36;
    outer[i] = (k[i] as number) ^ 0x5c;
  }
  inner.set(data, BLOCK);
  outer.set(sha256(inner), BLOCK);
  return sha256(outer);
}
