import { EEXIST, ENOBUFS, ENOENT, strerror } from '@ns/errno';
import { formatInAddr, type InAddr, parseInAddr } from '@ns/wire';
import type { TcpKeys } from './keys.ts';

/** What a script of setkey(8) has come to. @public */
export interface SetkeyResult {
  /** What `get` and `dump` say. */
  readonly output: string;
  /** Why a statement was not carried out, null if all were. Those before it were; those after it were not looked at. */
  readonly error: string | null;
}

/** Statements of a script of one kilobyte are enough for a rule; a script of this many characters for all of them. */
const SCRIPT_MAX = 1 << 20;

/**
 * Carries out statements of setkey(8), each ended by `;`, as far as TCP MD5 keys go:
 * `add SRC DST tcp SPI -A tcp-md5 KEY`, `delete SRC DST tcp SPI`, `deleteall SRC DST tcp`, `get SRC DST tcp SPI`, `flush [tcp]`, `dump [tcp]`. KEY is `"text"` or `0x` and hexadecimal
 * digits. `#` begins a comment. Source: FreeBSD setkey(8), setkey/parse.y.
 * @public
 */
export function setkey(keys: TcpKeys, script: string): SetkeyResult {
  if (script.length > SCRIPT_MAX) return { output: '', error: 'setkey: script too long' };
  let output = '';
  const words = tokens(script);
  if (words === null) return { output, error: 'setkey: a quotation mark is missing' };
  for (let i = 0; i < words.length; ) {
    let end = words.indexOf(';', i);
    if (end < 0) end = words.length;
    const statement = words.slice(i, end);
    i = end + 1;
    if (statement.length === 0) continue;
    const r = run(keys, statement);
    if (typeof r !== 'string') return { output, error: r.error };
    output += r;
  }
  return { output, error: null };
}

interface Refused {
  readonly error: string;
}

function run(keys: TcpKeys, w: readonly string[]): string | Refused {
  const [verb = '', ...args] = w;
  switch (verb) {
    case 'flush':
      if (args.length > 1 || (args[0] !== undefined && args[0] !== 'tcp')) return bad(w);
      keys.flush();
      return '';
    case 'dump':
      if (args.length > 1 || (args[0] !== undefined && args[0] !== 'tcp')) return bad(w);
      return formatKeys(keys);
    case 'add':
      return add(keys, w);
    case 'delete':
    case 'deleteall':
    case 'get':
      return named(keys, w);
    default:
      return bad(w);
  }
}

/** `add SRC DST tcp SPI -A tcp-md5 KEY` */
function add(keys: TcpKeys, w: readonly string[]): string | Refused {
  const [, src, dst, proto, spi, flag, algo, secret] = w;
  const [a, b, n] = [address(src), address(dst), number(spi)];
  const key = secretOf(secret);
  if (w.length !== 8 || proto !== 'tcp' || flag !== '-A' || algo !== 'tcp-md5' || a === null || b === null || n === null || key === null) return bad(w);
  const error = keys.add({ src: a, dst: b, spi: n, key });
  if (error === 0) return '';
  return { error: `setkey: add: ${error === EEXIST ? 'there is a key for these two' : error === ENOBUFS ? 'too many keys' : strerror(error)}` };
}

/** What names one key: `delete`, `deleteall`, `get`. */
function named(keys: TcpKeys, w: readonly string[]): string | Refused {
  const [verb, src, dst, proto, spi] = w;
  const [a, b] = [address(src), address(dst)];
  const n = verb === 'deleteall' ? null : number(spi);
  if (a === null || b === null || proto !== 'tcp' || w.length !== (verb === 'deleteall' ? 4 : 5) || (verb !== 'deleteall' && n === null)) return bad(w);
  if (verb !== 'get') return keys.delete(a, b, n) === ENOENT ? { error: `setkey: ${String(verb)}: no such key` } : '';
  const k = keys.find(a, b);
  return k === null || k.spi !== n ? { error: 'setkey: get: no such key' } : format(k.src, k.dst, k.spi, k.key);
}

/** The keys as `setkey -D` shows them. @public */
export function formatKeys(keys: TcpKeys): string {
  return keys
    .list()
    .map((k) => format(k.src, k.dst, k.spi, k.key))
    .join('');
}

function format(src: InAddr, dst: InAddr, spi: number, key: Uint8Array): string {
  const hex = Array.from(key, (b) => b.toString(16).padStart(2, '0')).join('');
  const groups = hex.match(/.{1,8}/g) ?? [];
  const id = `spi=${spi}(0x${spi.toString(16).padStart(8, '0')})`;
  return `${formatInAddr(src)} ${formatInAddr(dst)}\n\ttcp mode=any ${id} reqid=0(0x00000000)\n\tA: tcp-md5 ${groups.join(' ')}\n`;
}

function address(text: string | undefined): InAddr | null {
  return text === undefined ? null : parseInAddr(text);
}

function number(text: string | undefined): number | null {
  if (text === undefined || !/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) return null;
  const n = Number(text);
  return n > 0 && n <= 0xffffffff ? n : null;
}

function secretOf(text: string | undefined): Uint8Array | null {
  if (text === undefined) return null;
  if (text.startsWith('"')) return /^[\x20-\x7e]*$/.test(text) ? Uint8Array.from(text.slice(1), (c) => c.charCodeAt(0)) : null;
  const hex = /^0x((?:[0-9a-f]{2})+)$/i.exec(text)?.[1];
  return hex === undefined ? null : Uint8Array.from(hex.match(/../g) ?? [], (b) => parseInt(b, 16));
}

function bad(w: readonly string[]): Refused {
  return { error: `setkey: cannot make sense of: ${w.filter((x) => !x.startsWith('"')).join(' ')}` };
}

/** Words; a quoted one keeps the mark it begins with. Null when a mark is missing. */
function tokens(script: string): string[] | null {
  const out: string[] = [];
  const word = /\s+|#[^\n]*|"([^"]*)"|(")|;|[^\s;"#]+/g;
  for (const m of script.matchAll(word)) {
    if (m[2] !== undefined) return null;
    if (m[1] !== undefined) out.push(`"${m[1]}`);
    else if (!/^[\s#]/.test(m[0])) out.push(m[0]);
  }
  return out;
}

