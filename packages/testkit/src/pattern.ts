import { SeededRandom } from '@ns/kern';

/** Bytes after which the pattern repeats: a prime, so that no offset of a protocol's sizes falls on the same bytes. */
const PERIOD = 1048573;

/**
 * Endless pseudo-random bytes from a seed, to be sent at one end and checked at the other: a byte that is lost, doubled, moved or damaged shows.
 * @public
 */
export class Pattern {
  private readonly block: Uint8Array;

  constructor(seed: number) {
    this.block = new Uint8Array(PERIOD);
    new SeededRandom(seed).fill(this.block);
  }

  /** The array that bytes from position `at` on are in; with {@link Pattern.offset} and {@link Pattern.run}. Not to be written. */
  get bytes(): Uint8Array {
    return this.block;
  }

  /** Offset of position `at` in {@link Pattern.bytes}. */
  offset(at: number): number {
    return at % PERIOD;
  }

  /** Bytes from position `at` that lie in one piece. */
  run(at: number): number {
    return PERIOD - (at % PERIOD);
  }

  /** Compares `len` bytes at `off` of `buf` with the pattern from position `at`; returns how many agree before the first that does not. */
  match(at: number, buf: Uint8Array, off: number, len: number): number {
    const { block } = this;
    let p = at % PERIOD;
    for (let i = 0; i < len; i++) {
      if (block[p] !== buf[off + i]) return i;
      if (++p === PERIOD) p = 0;
    }
    return len;
  }
}
