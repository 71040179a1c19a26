/**
 * SipHash-2-4: a keyed hash that an outsider can neither predict nor steer. 64-bit words are pairs of int32 halves; nothing is allocated by use.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF"; FreeBSD sys/crypto/siphash.
 */
export class SipHash24 {
  /** Low half of the last result. */
  lo: number;
  /** High half of the last result. */
  hi: number;
  private readonly k0l: number;
  private readonly k0h: number;
  private readonly k1l: number;
  private readonly k1h: number;
  private v0l: number;
  private v0h: number;
  private v1l: number;
  private v1h: number;
  private v2l: number;
  private v2h: number;
  private v3l: number;
  private v3h: number;
  private words: number;

  /** `key` is 16 bytes. */
  constructor(key: Uint8Array) {
    const dv = new DataView(key.buffer, key.byteOffset, 16);
    this.k0l = dv.getInt32(0, true);
    this.k0h = dv.getInt32(4, true);
    this.k1l = dv.getInt32(8, true);
    this.k1h = dv.getInt32(12, true);
    this.lo = 0;
    this.hi = 0;
    this.v0l = 0;
    this.v0h = 0;
    this.v1l = 0;
    this.v1h = 0;
    this.v2l = 0;
    this.v2h = 0;
    this.v3l = 0;
    this.v3h = 0;
    this.words = 0;
  }

  /** Begins a message. */
  begin(): void {
    this.v0l = this.k0l ^ 0x70736575;
    this.v0h = this.k0h ^ 0x736f6d65;
    this.v1l = this.k1l ^ 0x6e646f6d;
    this.v1h = this.k1h ^ 0x646f7261;
    this.v2l = this.k0l ^ 0x6e657261;
    this.v2h = this.k0h ^ 0x6c796765;
    this.v3l = this.k1l ^ 0x79746573;
    this.v3h = this.k1h ^ 0x74656462;
    this.words = 0;
  }

  /** Takes in eight bytes: the little-endian word `hi:lo`. */
  add(lo: number, hi: number): void {
    this.v3l ^= lo;
    this.v3h ^= hi;
    this.round();
    this.round();
    this.v0l ^= lo;
    this.v0h ^= hi;
    this.words++;
  }

  /** Ends a message of whole words and up to seven more bytes (`tailLo`, `tailHi`, little endian); the result is in `lo` and `hi`. */
  end(tailLo = 0, tailHi = 0, tailLen = 0): void {
    const len = (this.words * 8 + tailLen) & 0xff;
    this.add(tailLo, tailHi | (len << 24));
    this.v2l ^= 0xff;
    this.round();
    this.round();
    this.round();
    this.round();
    this.lo = this.v0l ^ this.v1l ^ this.v2l ^ this.v3l;
    this.hi = this.v0h ^ this.v1h ^ this.v2h ^ this.v3h;
  }

  private round(): void {
    let al = this.v0l;
    let ah = this.v0h;
    let bl = this.v1l;
    let bh = this.v1h;
    let cl = this.v2l;
    let ch = this.v2h;
    let dl = this.v3l;
    let dh = this.v3h;
    let l = 0;
    let t = 0;
    // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
    l = (al + bl) | 0;
    ah = (ah + bh + (l >>> 0 < al >>> 0 ? 1 : 0)) | 0;
    al = l;
    t = (bh << 13) | (bl >>> 19);
    bl = ((bl << 13) | (bh >>> 19)) ^ al;
    bh = t ^ ah;
    t = al;
    al = ah;
    ah = t;
    // v2 += v3; v3 <<<= 16; v3 ^= v2
    l = (cl + dl) | 0;
    ch = (ch + dh + (l >>> 0 < cl >>> 0 ? 1 : 0)) | 0;
    cl = l;
    t = (dh << 16) | (dl >>> 16);
    dl = ((dl << 16) | (dh >>> 16)) ^ cl;
    dh = t ^ ch;
    // v0 += v3; v3 <<<= 21; v3 ^= v0
    l = (al + dl) | 0;
    ah = (ah + dh + (l >>> 0 < al >>> 0 ? 1 : 0)) | 0;
    al = l;
    t = (dh << 21) | (dl >>> 11);
    dl = ((dl << 21) | (dh >>> 11)) ^ al;
    dh = t ^ ah;
    // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
    l = (cl + bl) | 0;
    ch = (ch + bh + (l >>> 0 < cl >>> 0 ? 1 : 0)) | 0;
    cl = l;
    t = (bh << 17) | (bl >>> 15);
    bl = ((bl << 17) | (bh >>> 15)) ^ cl;
    bh = t ^ ch;
    t = cl;
    cl = ch;
    ch = t;
    this.v0l = al;
    this.v0h = ah;
    this.v1l = bl;
    this.v1h = bh;
    this.v2l = cl;
    this.v2h = ch;
    this.v3l = dl;
    this.v3h = dh;
  }
}
