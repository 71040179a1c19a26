// @hot
/** Digest of 16 bytes. */
export const MD5_LEN = 16;
const BLOCK = 64;

/** Left rotations, four for each round. Source: RFC 1321 §3.4. */
const SHIFTS: readonly number[] = Object.freeze([7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]);

/** The integer parts of 2^32 times |sin(i)|, i from 1 to 64. Source: RFC 1321 §3.4, table T. */
const T: readonly number[] = Object.freeze([
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122,
  0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6,
  0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60,
  0xbebfbc70, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039,
  0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
].map((n) => n | 0));

/**
 * MD5 (RFC 1321), by parts: `begin`, `update` as often as there is something, `end`. One object serves one digest after the other and allocates nothing. MD5 is broken as a
 * hash; it is here because RFC 2385 asks for it.
 * @public
 */
export class Md5 {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  /** Bytes taken in. */
  private n: number;
  private readonly block: Uint8Array;
  private readonly words: DataView;

  constructor() {
    this.a = 0;
    this.b = 0;
    this.c = 0;
    this.d = 0;
    this.n = 0;
    this.block = new Uint8Array(BLOCK);
    this.words = new DataView(this.block.buffer);
    this.begin();
  }

  /** A new digest. */
  begin(): void {
    this.a = 0x67452301;
    this.b = 0xefcdab89 | 0;
    this.c = 0x98badcfe | 0;
    this.d = 0x10325476;
    this.n = 0;
  }

  /** Takes in `len` bytes of `buf` at `off`. */
  update(buf: Uint8Array, off: number, len: number): void {
    let at = this.n & (BLOCK - 1);
    this.n += len;
    const block = this.block;
    for (let i = off; i < off + len; i++) {
      block[at++] = buf[i] as number;
      if (at === BLOCK) {
        this.transform(this.words, 0);
        at = 0;
      }
    }
  }

  /** Writes the digest of all that was taken in to `out` at `off`. */
  end(out: Uint8Array, off: number): void {
    const n = this.n;
    const block = this.block;
    let at = n & (BLOCK - 1);
    block[at++] = 0x80;
    if (at > BLOCK - 8) {
      block.fill(0, at);
      this.transform(this.words, 0);
      at = 0;
    }
    block.fill(0, at);
    this.words.setUint32(56, n << 3, true);
    this.words.setUint32(60, Math.floor(n / 0x20000000), true);
    this.transform(this.words, 0);
    put(out, off, this.a);
    put(out, off + 4, this.b);
    put(out, off + 8, this.c);
    put(out, off + 12, this.d);
  }

  /** Source: RFC 1321 §3.4. */
  private transform(x: DataView, o: number): void {
    let a = this.a;
    let b = this.b;
    let c = this.c;
    let d = this.d;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      let f: number;
      let k: number;
      if (round === 0) {
        f = (b & c) | (~b & d);
        k = i;
      } else if (round === 1) {
        f = (b & d) | (c & ~d);
        k = (5 * i + 1) & 15;
      } else if (round === 2) {
        f = b ^ c ^ d;
        k = (3 * i + 5) & 15;
      } else {
        f = c ^ (b | ~d);
        k = (7 * i) & 15;
      }
      const sum = (a + f + (T[i] as number) + x.getInt32(o + 4 * k, true)) | 0;
      const s = SHIFTS[(round << 2) | (i & 3)] as number;
      a = d;
      d = c;
      c = b;
      b = (b + ((sum << s) | (sum >>> (32 - s)))) | 0;
    }
    this.a = (this.a + a) | 0;
    this.b = (this.b + b) | 0;
    this.c = (this.c + c) | 0;
    this.d = (this.d + d) | 0;
  }
}

/** Little-endian. */
function put(out: Uint8Array, off: number, w: number): void {
  out[off] = w & 255;
  out[off + 1] = (w >>> 8) & 255;
  out[off + 2] = (w >>> 16) & 255;
  out[off + 3] = w >>> 24;
}
