/*
 * Text in columns: what printf(3) did for the tools, for strings that may come from anybody.
 */

/**
 * Makes a text that somebody else chose harmless in a terminal and in a table: control characters (line breaks, tabs, escapes, C1), line and
 * paragraph separators, and characters that change the direction of the text around them become octal escapes of their UTF-16 code, backslashes are doubled.
 * Source: FreeBSD vis(3) with VIS_OCTAL.
 * @public
 */
export function vis(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c) out += '\\\\';
    else out += isUnsafe(c) ? `\\${c.toString(8).padStart(3, '0')}` : text.charAt(i);
  }
  return out;
}

function isUnsafe(c: number): boolean {
  if (c < 0x7f) return c < 0x20;
  if (c < 0xa0) return true;
  if (c === 0x61c || c === 0xfeff || (c >= 0xfff9 && c <= 0xfffb)) return true;
  return c >= 0x200b && c <= 0x2069 && (c <= 0x200f || (c >= 0x2028 && c <= 0x202e) || c >= 0x2060);
}

/** Columns that one code point takes on a terminal: 0, 1 or 2. Covers combining marks and the wide blocks, not every emoji sequence. */
function columns(cp: number): number {
  if (cp < 0x300) return 1;
  if ((cp >= 0x300 && cp <= 0x36f) || (cp >= 0x20d0 && cp <= 0x20ff) || (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xfe20 && cp <= 0xfe2f)) return 0;
  const wide =
    (cp >= 0x1100 && cp <= 0x115f) ||
    (cp >= 0x2e80 && cp <= 0xa4cf && cp !== 0x303f) ||
    (cp >= 0xac00 && cp <= 0xd7a3) ||
    (cp >= 0xf900 && cp <= 0xfaff) ||
    (cp >= 0xfe30 && cp <= 0xfe6f) ||
    (cp >= 0xff00 && cp <= 0xff60) ||
    (cp >= 0x1f300 && cp <= 0x1faff) ||
    (cp >= 0x20000 && cp <= 0x3fffd);
  return wide ? 2 : 1;
}

/** Columns of a text on a terminal. @public */
export function displayWidth(text: string): number {
  let n = 0;
  for (const ch of text) n += columns(ch.codePointAt(0) as number);
  return n;
}

/** The longest beginning of `text` that takes at most `max` columns. */
function clip(text: string, max: number): string {
  let n = 0;
  let out = '';
  for (const ch of text) {
    n += columns(ch.codePointAt(0) as number);
    if (n > max) return out;
    out += ch;
  }
  return out;
}

/** `%-*.*s`: left-justified in `width` columns, cut at `max` (no limit by default). @public */
export function left(text: string, width: number, max: number = Infinity): string {
  const s = max === Infinity ? text : clip(text, max);
  return s + ' '.repeat(Math.max(0, width - displayWidth(s)));
}

/** `%*s`: right-justified in `width` columns, cut at `max` (no limit by default). @public */
export function right(text: string | number, width: number, max: number = Infinity): string {
  const s = max === Infinity ? String(text) : clip(String(text), max);
  return ' '.repeat(Math.max(0, width - displayWidth(s))) + s;
}

/** `s` unless there is exactly one. Source: FreeBSD netstat, plural(). @public */
export const plural = (n: number): string => (n === 1 ? '' : 's');
/** `es` unless there is exactly one. @public */
export const plurales = (n: number): string => (n === 1 ? '' : 'es');
/** `ies`, or `y` for exactly one. @public */
export const pluralies = (n: number): string => (n === 1 ? 'y' : 'ies');

/** An int32 or uint32 as hexadecimal without prefix. @public */
export const hex = (n: number): string => (n >>> 0).toString(16);

/**
 * A word of flags: `8843<UP,BROADCAST>`; bits without a name show in the number only.
 * Source: FreeBSD ifconfig, printb().
 * @public
 */
export function printb(value: number, names: readonly (readonly [bit: number, name: string])[]): string {
  const set = names.filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
  return `${hex(value)}<${set.join(',')}>`;
}

/** Seconds with hundredths, as `%4d.%02d` of the timers in `netstat -x`. Negative values (a timer that is due) show as 0. @public */
export function centiseconds(us: number): string {
  const cs = Math.max(0, Math.floor(us / 10000));
  return `${right(Math.floor(cs / 100), 4)}.${String(cs % 100).padStart(2, '0')}`;
}

/** Joins lines, each ended by a newline; the empty list gives the empty text. @public */
export const lines = (rows: readonly string[]): string => (rows.length === 0 ? '' : `${rows.join('\n')}\n`);
