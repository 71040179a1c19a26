import { inAddr4, type InAddr, parseInAddr, Sockaddr } from '@ns/wire';
import type { Expr, StructField } from '../lang/ast.ts';
import { CannotRun, ScriptFailure } from '../run/failure.ts';
import { symbol } from './symbols.ts';

/** Whether an argument is left to us. */
export const isAny = (e: Expr | undefined): boolean => e === undefined || e.type === 'ellipsis';

/** An argument as a number. Fails the script if it is none, and refuses it if a name is unknown. */
export function numberOf(e: Expr | undefined, what: string, line: number): number {
  switch (e?.type) {
    case 'int':
      return e.value;
    case 'word': {
      const v = symbol(e.name);
      if (v === null) throw new CannotRun(line, `unknown constant ${e.name}`);
      return v;
    }
    case 'or':
      return e.terms.reduce((sum, t) => sum | numberOf(t, what, line), 0);
    case 'apply':
      return e.name === 'inet_addr' ? addrOf(e, line).w3 : numberOf(e.arg, what, line);
    case 'array':
      if (e.items.length === 1) return numberOf(e.items[0], what, line);
      break;
    default:
  }
  throw new ScriptFailure(line, `${what}: a number expected`);
}

/** The same, with a value for `...`. */
export const numberOr = (e: Expr | undefined, fallback: number, what: string, line: number): number => (isAny(e) ? fallback : numberOf(e, what, line));

/** The name of a lone constant that nobody knows; null if the argument is something else. */
export function unknownName(e: Expr | undefined): string | null {
  return e?.type === 'word' && symbol(e.name) === null ? e.name : null;
}

/** `inet_addr("192.0.2.1")`, or a number in network order. */
function addrOf(e: Expr, line: number): InAddr {
  if (e.type === 'apply' && e.arg.type === 'string') {
    const a = parseInAddr(e.arg.value);
    if (a !== null) return a;
    throw new ScriptFailure(line, `'${e.arg.value}' is no address`);
  }
  return inAddr4(numberOf(e, 'address', line) | 0);
}

/** Field of a struct, or undefined. */
export function field(e: Expr | undefined, name: string): StructField | undefined {
  return e?.type === 'struct' ? e.fields.find((f) => f.name === name) : undefined;
}

/** A socket address in braces; null for `...`. */
export function sockaddrOf(e: Expr | undefined, line: number): Sockaddr | null {
  if (isAny(e)) return null;
  const [addr, port] = [field(e, 'sin_addr') ?? field(e, 'sin6_addr'), field(e, 'sin_port') ?? field(e, 'sin6_port')];
  if (addr === undefined || port === undefined) throw new ScriptFailure(line, 'an address in braces, or ..., expected');
  return new Sockaddr(addrOf(addr.value, line), numberOf(port.value, 'port', line));
}

/** Octets to send: a string, or `len` zeros for `...`. */
export function bytesOf(e: Expr | undefined, len: number): Uint8Array {
  const out = new Uint8Array(len);
  if (e?.type === 'string') for (let i = 0; i < len && i < e.value.length; i++) out[i] = e.value.charCodeAt(i) & 255;
  return out;
}

/** What is wrong with octets that were read; '' if they are as the script says. */
export function checkBytes(e: Expr | undefined, got: Uint8Array): string {
  if (e?.type !== 'string') return '';
  const want = bytesOf(e, e.value.length);
  const n = Math.min(want.length, got.length);
  for (let i = 0; i < n; i++) if (want[i] !== got[i]) return `octet ${i} is ${got[i]}, not ${want[i]}`;
  return !e.more && got.length !== want.length ? `${got.length} octets, not ${want.length}` : '';
}

/** Octets of an iovec: `{..., 100}`. */
export interface Iovec {
  readonly base: Expr | undefined;
  readonly len: number;
}

/** An array of iovecs. */
export function iovecsOf(e: Expr | undefined, line: number): Iovec[] {
  if (e?.type !== 'array') throw new ScriptFailure(line, 'an array of {buffer, length} expected');
  return e.items.map((v) => {
    if (v.type !== 'struct') throw new ScriptFailure(line, '{buffer, length} expected');
    const [a, b] = v.fields;
    const base = field(v, 'iov_base') ?? a;
    const len = field(v, 'iov_len') ?? b;
    return { base: base?.value, len: numberOf(len?.value, 'length', line) };
  });
}

/** An argument as text, for messages. */
export function showExpr(e: Expr | undefined): string {
  if (e === undefined) return '';
  switch (e.type) {
    case 'ellipsis':
      return '...';
    case 'int':
      return e.hex ? `0x${e.value.toString(16)}` : String(e.value);
    case 'word':
      return e.name;
    case 'string':
      return JSON.stringify(e.value) + (e.more ? '...' : '');
    case 'or':
      return e.terms.map(showExpr).join(' | ');
    case 'array':
      return `[${e.items.map(showExpr).join(', ')}]`;
    case 'apply':
      return `${e.name}(${showExpr(e.arg)})`;
    default:
      return `{${e.fields.map((f) => (f.name === '' ? showExpr(f.value) : `${f.name}=${showExpr(f.value)}`)).join(', ')}}`;
  }
}
