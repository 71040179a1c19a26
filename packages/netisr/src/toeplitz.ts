// @hot
/*
 * The Toeplitz hash of receive-side scaling. FreeBSD: net/toeplitz.c, netinet/in_rss.c, netinet6/in6_rss.c.
 *
 * The hash is linear over XOR: each input byte contributes a 32-bit word that depends on its position and value only. So one table of 256 words for each
 * position makes a byte cost one look-up, where the definition costs eight shifts.
 */

/** Bytes of a key. @public */
export const RSS_KEYSIZE = 40;
/** Longest input: IPv6 addresses and ports. */
const MAX_INPUT = 36;

/** The published test key, also what FreeBSD and several cards start with. @public */
export const RSS_DEFAULT_KEY: readonly number[] = Object.freeze([
  0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb,
  0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
]);

/**
 * Tables of one key. 36 KiB; made once for each kernel.
 * @public
 */
export class Toeplitz {
  /** The key, {@link RSS_KEYSIZE} bytes. */
  readonly key: readonly number[];
  private readonly tables: Int32Array;

  constructor(key: readonly number[] = RSS_DEFAULT_KEY) {
    if (key.length !== RSS_KEYSIZE) throw new RangeError(`an RSS key has ${RSS_KEYSIZE} bytes`);
    this.key = key;
    this.tables = new Int32Array(MAX_INPUT * 256);
    for (let pos = 0; pos < MAX_INPUT; pos++) {
      for (let bit = 0; bit < 8; bit++) {
        const word = keyWord(key, pos * 8 + bit);
        const mask = 0x80 >> bit;
        for (let value = 0; value < 256; value++) {
          if ((value & mask) !== 0) this.tables[pos * 256 + value] = (this.tables[pos * 256 + value] as number) ^ word;
        }
      }
    }
  }

  /** Contribution of the four bytes of an int32 that stands at byte `pos` of the input. */
  word(pos: number, w: number): number {
    const t = this.tables;
    const o = pos << 8;
    return (
      (t[o + (w >>> 24)] as number) ^
      (t[o + 256 + ((w >>> 16) & 0xff)] as number) ^
      (t[o + 512 + ((w >>> 8) & 0xff)] as number) ^
      (t[o + 768 + (w & 0xff)] as number)
    );
  }

  /** Hash of `len` bytes at `off`, at most 36; int32. */
  bytes(buf: Uint8Array, off: number, len: number): number {
    const t = this.tables;
    let h = 0;
    for (let i = 0; i < len; i++) h ^= t[(i << 8) + (buf[off + i] as number)] as number;
    return h;
  }

  /** Hash of two IPv4 addresses, int32. The sender's view: `src` is the foreign address of a packet that came in. */
  ip4Tuple2(src: number, dst: number): number {
    return this.word(0, src) ^ this.word(4, dst);
  }

  /** Hash of two IPv4 addresses and ports. */
  ip4Tuple4(src: number, sport: number, dst: number, dport: number): number {
    return this.word(0, src) ^ this.word(4, dst) ^ this.word(8, (sport << 16) | dport);
  }

  /** Hash of two IPv6 addresses, as four int32 each. */
  ip6Tuple2(s0: number, s1: number, s2: number, s3: number, d0: number, d1: number, d2: number, d3: number): number {
    return (
      this.word(0, s0) ^ this.word(4, s1) ^ this.word(8, s2) ^ this.word(12, s3) ^ this.word(16, d0) ^ this.word(20, d1) ^ this.word(24, d2) ^ this.word(28, d3)
    );
  }

  /** Contribution of the ports of an IPv6 4-tuple, to be combined by XOR with {@link Toeplitz.ip6Tuple2}. */
  ip6Ports(sport: number, dport: number): number {
    return this.word(32, (sport << 16) | dport);
  }
}

/** The 32 bits of the key from bit `at`. */
function keyWord(key: readonly number[], at: number): number {
  const byte = at >> 3;
  const shift = at & 7;
  let high = 0;
  for (let i = 0; i < 4; i++) high = (high << 8) | (key[byte + i] as number);
  if (shift === 0) return high;
  return (high << shift) | ((key[byte + 4] as number) >>> (8 - shift));
}
