/** A set of positions of a byte stream, as sorted runs [start, end) that do not touch. */
export class Intervals {
  private runs: [number, number][] = [];

  add(start: number, end: number): void {
    if (end <= start) return;
    let [s, e] = [start, end];
    const kept: [number, number][] = [];
    for (const r of this.runs) {
      if (r[1] < s || r[0] > e) kept.push(r);
      else [s, e] = [Math.min(s, r[0]), Math.max(e, r[1])];
    }
    kept.push([s, e]);
    this.runs = kept.sort((a, b) => a[0] - b[0]);
  }

  clear(): void {
    this.runs = [];
  }

  /** The first position from `at` on that is not in the set. */
  contiguous(at: number): number {
    for (const [s, e] of this.runs) if (s <= at && at < e) return e;
    return at;
  }

  /** The runs beyond `at`. */
  beyond(at: number): readonly (readonly [number, number])[] {
    return this.runs.filter((r) => r[0] > at);
  }
}
