import type { Handle } from './handle.ts';

/** Callback of a write, as streams have it. */
export type WriteCallback = (error?: Error | null) => void;

/** Data on their way to the stack, and who is told when all of them are there. */
export class PendingWrite {
  /** Bytes not handed over yet. */
  left: number;
  readonly cb: WriteCallback;
  private readonly list: readonly Uint8Array[];
  private index: number;
  private off: number;

  constructor(list: readonly Uint8Array[], cb: WriteCallback) {
    this.left = 0;
    for (const piece of list) this.left += piece.length;
    this.cb = cb;
    this.list = list;
    this.index = 0;
    this.off = 0;
  }

  /** `n` bytes have been handed over. */
  advance(n: number): void {
    this.left -= n;
    this.off += n;
    while (this.index < this.list.length && this.off >= (this.list[this.index] as Uint8Array).length) {
      this.off -= (this.list[this.index] as Uint8Array).length;
      this.index++;
    }
  }

  /** Hands over what there is room for; an errno, or 0. */
  flush(h: Handle): number {
    while (this.left > 0) {
      const single = this.index === this.list.length - 1;
      const n = single ? h.write(this.list[this.index] as Uint8Array, this.off) : h.writev(this.list, this.index, this.off, this.left);
      if (n < 0) return -n;
      if (n === 0) return 0;
      this.advance(n);
    }
    return 0;
  }
}
