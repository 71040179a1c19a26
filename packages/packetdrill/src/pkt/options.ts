import type { TcpOptionSpec } from '../lang/ast.ts';

const EOL = 0;
const NOP = 1;
const MSS = 2;
const WSCALE = 3;
const SACK_OK = 4;
const SACK = 5;
const TS = 8;
export const MD5 = 19;
const FO = 34;
const EXP2 = 254;
/** Experiment identifier of Fast Open (RFC 7413). */
const EXID_FO = 0xf989;

/** Takes the options of a segment apart, octet by octet; null when a length goes wrong. */
export function decodeOptions(b: Uint8Array): TcpOptionSpec[] | null {
  const out: TcpOptionSpec[] = [];
  for (let i = 0; i < b.length; ) {
    const kind = b[i] as number;
    if (kind === EOL || kind === NOP) {
      out.push({ type: kind === EOL ? 'eol' : 'nop' });
      i++;
      continue;
    }
    const len = b[i + 1] ?? 0;
    if (len < 2 || i + len > b.length) return null;
    out.push(decodeOption(kind, b.subarray(i + 2, i + len)));
    i += len;
  }
  return out;
}

function decodeOption(kind: number, d: Uint8Array): TcpOptionSpec {
  const dv = new DataView(d.buffer, d.byteOffset, d.byteLength);
  if (kind === MSS && d.length === 2) return { type: 'mss', value: dv.getUint16(0) };
  if (kind === WSCALE && d.length === 1) return { type: 'wscale', value: dv.getUint8(0) };
  if (kind === SACK_OK && d.length === 0) return { type: 'sackOK' };
  if (kind === SACK && d.length > 0 && d.length % 8 === 0) {
    const blocks: [number, number][] = [];
    for (let i = 0; i < d.length; i += 8) blocks.push([dv.getUint32(i), dv.getUint32(i + 4)]);
    return { type: 'sack', blocks };
  }
  if (kind === TS && d.length === 8) return { type: 'ts', val: dv.getUint32(0), ecr: dv.getUint32(4), ecrAbsolute: false };
  if (kind === FO) return { type: 'fo', experimental: false, cookie: d.slice() };
  if (kind === EXP2 && d.length >= 2 && dv.getUint16(0) === EXID_FO) return { type: 'fo', experimental: true, cookie: d.slice(2) };
  if (kind === MD5 && d.length === 16) return { type: 'md5', digest: d.slice() };
  return { type: 'raw', kind, data: d.slice() };
}

/** Octets of an option; a digest that is to be computed and time stamps that do not matter are zero. */
export function encodeOption(o: TcpOptionSpec): number[] {
  switch (o.type) {
    case 'eol':
      return [EOL];
    case 'nop':
      return [NOP];
    case 'sackOK':
      return [SACK_OK, 2];
    case 'mss':
      return [MSS, 4, o.value >> 8, o.value & 255];
    case 'wscale':
      return [WSCALE, 3, o.value];
    case 'sack':
      return [SACK, 2 + 8 * o.blocks.length, ...o.blocks.flatMap(([l, r]) => [...be32(l), ...be32(r)])];
    case 'ts':
      return [TS, 10, ...be32(o.val ?? 0), ...be32(o.ecr ?? 0)];
    case 'fo':
      return o.experimental ? [EXP2, 4 + o.cookie.length, EXID_FO >> 8, EXID_FO & 255, ...o.cookie] : [FO, 2 + o.cookie.length, ...o.cookie];
    case 'md5':
      return [MD5, 18, ...(o.digest ?? new Uint8Array(16))];
    default:
      return [o.kind, 2 + o.data.length, ...o.data];
  }
}

const be32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

const hexOf = (b: Uint8Array): string => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');

/** An option as scripts write it. */
export function showOption(o: TcpOptionSpec): string {
  switch (o.type) {
    case 'mss':
    case 'wscale':
      return `${o.type} ${o.value}`;
    case 'sack':
      return `sack ${o.blocks.map(([l, r]) => `${l}:${r}`).join(' ')}`;
    case 'ts':
      return `TS val ${o.val ?? '...'} ecr ${o.ecr ?? '...'}${o.ecrAbsolute ? '!' : ''}`;
    case 'fo':
      return `${o.experimental ? 'EXP-FO' : 'FO'}${o.cookie.length > 0 ? ` ${hexOf(o.cookie)}` : ''}`;
    case 'md5':
      return `md5 ${o.digest === null ? 'valid' : hexOf(o.digest)}`;
    case 'raw':
      return `gen-${o.kind}${o.data.length > 0 ? ` ${hexOf(o.data)}` : ''}`;
    default:
      return o.type;
  }
}
