import type { TcpOptionSpec } from './ast.ts';
import type { Cursor } from './cursor.ts';

const U32 = 0xffffffff;
/** TCP's option space, bytes. */
const OPTION_SPACE = 40;
const KIND_ACCECN0 = 172;
const KIND_ACCECN1 = 174;
const KIND_EXP1 = 253;
const KIND_EXP2 = 254;
/** Experiment identifier of AccECN with the older kinds. */
const EXID_ACCECN = 0xacce;

/** The options of a segment, their `<` read already; null for `<...>`. */
export function parseTcpOptions(c: Cursor): TcpOptionSpec[] | null {
  if (c.is('ellipsis')) {
    c.next();
    c.expect('>', 'after <...');
    return null;
  }
  const list: TcpOptionSpec[] = [];
  if (c.take('>')) return list;
  do list.push(parseOption(c));
  while (c.take(','));
  c.expect('>', 'after the TCP options');
  return list;
}

function parseOption(c: Cursor): TcpOptionSpec {
  const t = c.peek();
  if (t.kind === 'int' || t.kind === 'hex') return rawOption(c);
  const name = c.expectKind('word', 'TCP option').text;
  switch (name) {
    case 'nop':
    case 'eol':
    case 'sackOK':
      return { type: name };
    case 'mss':
      return { type: 'mss', value: c.number('MSS', 0, 65535) };
    case 'wscale':
      return { type: 'wscale', value: c.number('window shift', 0, 255) };
    case 'sack':
      return { type: 'sack', blocks: sackBlocks(c) };
    case 'TS':
      return timestamps(c);
    case 'FO':
      return { type: 'fo', experimental: false, cookie: cookie(c) };
    case 'FOEXP':
      return { type: 'fo', experimental: true, cookie: cookie(c) };
    case 'md5':
      return { type: 'md5', digest: c.take('valid') ? null : hex(c) };
    case 'ECN':
      return { type: 'raw', kind: KIND_EXP2, data: Uint8Array.of(EXID_ACCECN >> 8, EXID_ACCECN & 255, ...counters(c)) };
    case 'AccECN0':
      return { type: 'raw', kind: KIND_ACCECN0, data: counters(c) };
    case 'AccECN1':
      return { type: 'raw', kind: KIND_ACCECN1, data: counters(c) };
    case 'EXP':
    case 'exp':
      return experimental(c);
    case 'gen':
      return generic(c);
    default:
      // A raw option in hexadecimal digits that begins with a letter.
      if (/^[0-9a-fA-F]+$/.test(name) && name.length % 2 === 0) return rawOf(c, bytesOf(name));
      return c.fail(`unknown TCP option '${name}'`, t);
  }
}

function sackBlocks(c: Cursor): (readonly [number, number])[] {
  const blocks: (readonly [number, number])[] = [];
  while (c.is('int')) {
    const left = c.number('edge of a SACK block', 0, U32);
    c.expect(':', 'between the edges of a SACK block');
    blocks.push([left, c.number('edge of a SACK block', 0, U32)]);
  }
  if (blocks.length > 4) c.fail('more than four SACK blocks');
  return blocks;
}

function timestamps(c: Cursor): TcpOptionSpec {
  c.expect('val', 'after TS');
  const val = wild(c) ? null : c.number('time stamp', 0, U32);
  c.expect('ecr', 'after the value of TS');
  const ecr = wild(c) ? null : c.number('time stamp', 0, U32);
  return { type: 'ts', val, ecr, ecrAbsolute: c.take('!') };
}

function wild(c: Cursor): boolean {
  if (!c.is('ellipsis')) return false;
  c.next();
  return true;
}

/** AccECN counters `e0b N ceb N e1b N`, 24 bits each, or plain numbers, as many as there are. */
function counters(c: Cursor): Uint8Array {
  const out: number[] = [];
  for (;;) {
    if (c.at('e0b') || c.at('e1b') || c.at('ceb')) c.next();
    if (!c.is('int') && !c.is('hex')) return Uint8Array.from(out);
    const n = c.number('AccECN counter', 0, 0xffffff);
    out.push(n >> 16, (n >> 8) & 255, n & 255);
    if (out.length > OPTION_SPACE) c.fail('too many AccECN counters');
  }
}

const isHex = (c: Cursor): boolean => (c.is('word') || c.is('int')) && /^[0-9a-fA-F]+$/.test(c.peek().text);

function bytesOf(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (d) => parseInt(d, 16));
}

function hex(c: Cursor): Uint8Array {
  const t = c.peek();
  const digits = t.kind === 'hex' ? t.text.slice(2) : isHex(c) ? t.text : c.fail('hexadecimal digits expected');
  if (digits.length % 2 !== 0) c.fail('an even number of hexadecimal digits expected');
  if (digits.length > 2 * OPTION_SPACE) c.fail('longer than the TCP options can be');
  c.next();
  return bytesOf(digits);
}

/** A cookie may be absent, and in Google's scripts a name that only a run defines. */
function cookie(c: Cursor): Uint8Array {
  if (c.is('word') && !isHex(c)) {
    c.next();
    return new Uint8Array(8);
  }
  return isHex(c) || c.is('hex') ? hex(c) : new Uint8Array(0);
}

/** `EXP-FO cookie`, `exp-0x1234 hex`, `exp-tarr`, `exp-AccECN0 ...`. */
function experimental(c: Cursor): TcpOptionSpec {
  c.take('-');
  const t = c.next();
  if (t.text === 'FO') return { type: 'fo', experimental: true, cookie: cookie(c) };
  if (t.text === 'tarr') return { type: 'raw', kind: KIND_EXP1, data: Uint8Array.of(0x00, 0xac, ...(c.is('int') ? [c.number('TARR', 0, 255)] : [])) };
  if (t.text === 'AccECN0' || t.text === 'AccECN1') {
    const exid = t.text === 'AccECN0' ? EXID_ACCECN : EXID_ACCECN + 1;
    return { type: 'raw', kind: KIND_EXP2, data: Uint8Array.of(exid >> 8, exid & 255, ...counters(c)) };
  }
  const exid = Number(t.kind === 'hex' ? t.text : `0x${t.text.replace('-', '')}`);
  if (!(exid >= 0 && exid <= 0xffff)) c.fail('experiment identifier expected', t);
  const data = isHex(c) ? hex(c) : new Uint8Array(0);
  return { type: 'raw', kind: KIND_EXP2, data: Uint8Array.of(exid >> 8, exid & 255, ...data) };
}

/** `gen-KIND hex`. */
function generic(c: Cursor): TcpOptionSpec {
  c.take('-');
  const t = c.expectKind('int', 'kind of option');
  const kind = Math.abs(Number(t.text));
  if (kind < 2 || kind > 255) c.fail('kind of option from 2 to 255 expected', t);
  return { type: 'raw', kind, data: isHex(c) ? hex(c) : new Uint8Array(0) };
}

function rawOption(c: Cursor): TcpOptionSpec {
  return rawOf(c, hex(c));
}

/** An option as bytes, kind and length among them. */
function rawOf(c: Cursor, bytes: Uint8Array): TcpOptionSpec {
  const kind = bytes[0] ?? 0;
  if (kind < 2 || bytes[1] !== bytes.length) c.fail('a raw option begins with its kind and its length');
  return { type: 'raw', kind, data: bytes.slice(2) };
}
