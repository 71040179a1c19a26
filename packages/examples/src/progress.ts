const WIDTH = 32;
/** Milliseconds between two drawings. */
const REDRAW_MS = 100;

/** A progress bar on a terminal's error stream; nothing elsewhere. */
export class ProgressBar {
  private readonly total: number;
  private readonly started: number;
  private drawn: number;

  constructor(total: number) {
    this.total = total;
    this.started = performance.now();
    this.drawn = 0;
  }

  update(done: number): void {
    if (!process.stderr.isTTY) return;
    const now = performance.now();
    if (now - this.drawn < REDRAW_MS && done < this.total) return;
    this.drawn = now;
    const filled = Math.round((done / this.total) * WIDTH);
    const rate = done / 1e6 / Math.max((now - this.started) / 1000, 0.001);
    const percent = Math.floor((done / this.total) * 100);
    process.stderr.write(`\r  [${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${String(percent).padStart(3)}%  ${rate.toFixed(0)} MB/s `);
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}
