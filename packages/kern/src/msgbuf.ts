import { formatLogEntry, type LogEntry } from './log-entry.ts';

/** Characters that are kept by default. Source: FreeBSD sys/param.h, MSGBUF_SIZE. */
const MSGBUF_SIZE = 98304;
/** The least that makes sense. */
const MSGBUF_MIN = 1024;
/** Dropped lines at the head of the array after which it is made shorter. */
const COMPACT = 1024;

/** Seconds since boot in front of a line. Source: FreeBSD subr_msgbuf.c, kern.msgbuf_show_timestamp. */
function stamp(timeUs: number, how: number): string {
  if (how === 0) return '';
  const s = Math.floor(timeUs / 1_000_000);
  return how === 1 ? `[${s}] ` : `[${s}.${String(Math.floor(timeUs % 1_000_000)).padStart(6, '0')}] `;
}

/**
 * The last lines of the kernel's log, as many as fit: the oldest give way. Source: FreeBSD subr_msgbuf.c.
 * @public
 */
export class MsgBuf {
  /** Most characters, line ends included: `kern.msgbufsize`. */
  readonly size: number;
  /** Whether lines that come begin with the time: 0 no, 1 seconds, 2 microseconds. */
  showTimestamp: number;
  /** Lines that have given way. */
  dropped: number;
  private lines: { readonly entry: LogEntry; readonly text: string }[];
  private head: number;
  private used: number;

  constructor(size: number = MSGBUF_SIZE) {
    this.size = Math.max(MSGBUF_MIN, size);
    this.showTimestamp = 0;
    this.dropped = 0;
    this.lines = [];
    this.head = 0;
    this.used = 0;
  }

  /** Keeps a line, cut to what fits at all. */
  add(entry: LogEntry): void {
    const text = `${(stamp(entry.timeUs, this.showTimestamp) + formatLogEntry(entry)).slice(0, this.size - 1)}\n`;
    this.lines.push({ entry, text });
    this.used += text.length;
    while (this.used > this.size) {
      this.used -= (this.lines[this.head] as { text: string }).text.length;
      this.head++;
      this.dropped++;
    }
    if (this.head < COMPACT) return;
    this.lines = this.lines.slice(this.head);
    this.head = 0;
  }

  /** The lines that `wanted` takes, oldest first, each with its newline. */
  text(wanted: (entry: LogEntry) => boolean = () => true): string {
    let out = '';
    for (let i = this.head; i < this.lines.length; i++) {
      const line = this.lines[i] as { entry: LogEntry; text: string };
      if (wanted(line.entry)) out += line.text;
    }
    return out;
  }

  /** Forgets the lines. Source: kern.msgbuf_clear. */
  clear(): void {
    this.lines = [];
    this.head = 0;
    this.used = 0;
  }
}
