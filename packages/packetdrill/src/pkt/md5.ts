/*
 * TCP MD5 signatures (RFC 2385) and the digest that they need (RFC 1321).
 *
 * The digest is computed here and not asked of the stack: a checker that used the code it checks would agree with its mistakes.
 */

const SHIFTS: readonly number[] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES: readonly number[] = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 0x100000000) | 0);

/** MD5 of `data`. */
export function md5(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array((((data.length + 8) >> 6) + 1) << 6);
  padded.set(data);
  padded[data.length] = 0x80;
  const dv = new DataView(padded.buffer);
  dv.setUint32(padded.length - 8, (data.length << 3) >>> 0, true);
  dv.setUint32(padded.length - 4, Math.floor(data.length / 0x20000000), true);
  let [a0, b0, c0, d0] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let o = 0; o < padded.length; o += 64) {
    let [a, b, c, d] = [a0, b0, c0, d0];
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const f = round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
      const g = round === 0 ? i : round === 1 ? (5 * i + 1) & 15 : round === 2 ? (3 * i + 5) & 15 : (7 * i) & 15;
      const sum = (a + f + (SINES[i] as number) + dv.getInt32(o + 4 * g, true)) | 0;
      const s = SHIFTS[round * 4 + (i & 3)] as number;
      [a, d, c, b] = [d, c, b, (b + ((sum << s) | (sum >>> (32 - s)))) | 0];
    }
    a0 = (a0 + a) | 0;
    b0 = (b0 + b) | 0;
    c0 = (c0 + c) | 0;
    d0 = (d0 + d) | 0;
  }
  const out = new DataView(new ArrayBuffer(16));
  [a0, b0, c0, d0].forEach((v, i) => out.setInt32(4 * i, v, true));
  return new Uint8Array(out.buffer);
}

/** Digest of the TCP segment at `off` of the IP packet `bytes`, that ends with it. Source: RFC 2385 §2.0. */
export function tcpDigest(bytes: Uint8Array, af: 4 | 6, off: number, secret: string): Uint8Array {
  const hlen = ((bytes[off + 12] as number) >> 4) << 2;
  const len = bytes.length - off;
  const key = Uint8Array.from(secret, (ch) => ch.charCodeAt(0) & 255);
  const pseudo = af === 4 ? [...bytes.subarray(12, 20), 0, 6, len >> 8, len & 255] : [...bytes.subarray(8, 40), 0, 0, len >> 8, len & 255, 0, 0, 0, 6];
  const header = bytes.slice(off, off + 20);
  header[16] = 0;
  header[17] = 0;
  return md5(Uint8Array.from([...pseudo, ...header, ...bytes.subarray(off + hlen), ...key]));
}
