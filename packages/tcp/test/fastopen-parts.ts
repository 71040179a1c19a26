/* Pieces of packet scripts for TCP Fast Open (RFC 7413). */
import { type Family, mssOf } from './script-parts.ts';
import { AF_INET, parseInAddr } from './wire-names.ts';

/** Every length that the option has room for. */
export const LENGTHS: readonly number[] = Array.from({ length: 39 }, (_, n) => n);
/** Lengths that a cookie can have (RFC 7413 §4.1.1). */
export const GOOD_LENGTHS: readonly number[] = LENGTHS.filter((n) => n >= 4 && n <= 16 && n % 2 === 0);

/** A cookie of `n` bytes, in hexadecimal. */
export const hex = (n: number, first: number = 1): string => Array.from({ length: n }, (_, i) => ((first + i) & 255).toString(16).padStart(2, '0')).join('');

const pad = (len: number): string => ',eol'.repeat((4 - (len & 3)) & 3);

/** Options of a SYN of ours, with window scale, SACK, time stamps and the cookie; null: without Fast Open. */
export const synOptions = (f: Family, cookie: string | null): string =>
  `mss ${mssOf(f)},nop,wscale 6,sackOK,TS val 100 ecr 0${cookie === null ? '' : `,FO ${cookie}${pad(2 + cookie.length / 2)}`}`;

/** Options of the server's SYN|ACK: what there is room for beside the cookie. */
export function replyOptions(cookie: string | null, mss: number = 1460): string {
  if (cookie === null) return `mss ${mss},sackOK,eol,eol`;
  const n = 2 + cookie.length / 2;
  if (n + 6 <= 40) return `mss ${mss},sackOK,FO ${cookie}${pad(n + 6)}`;
  return n + 4 <= 40 ? `mss ${mss},FO ${cookie}${pad(n + 4)}` : `FO ${cookie}${pad(n)}`;
}

/** A socket 3 with the option, and `n` bytes for the server. */
export const sendto = (n: number = 100): string[] => [
  '+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3',
  '+0 setsockopt(3, IPPROTO_TCP, TCP_FASTOPEN, [1], 4) = 0',
  `+0 sendto(3, ..., ${n}, 0, ..., ...) = ${n}`,
];

/** Takes down a connection that has sent `n` bytes; the server begins, so that nothing stays here. */
export const takeDown = (n: number = 100): string[] => [
  `+0 < F. 1:1(0) ack ${n + 1} win 65535`,
  `+0 > . ${n + 1}:${n + 1}(0) ack 2`,
  '+0 close(3) = 0',
  `+0 > F. ${n + 1}:${n + 1}(0) ack 2`,
  `+.05 < . 2:2(0) ack ${n + 2} win 65535`,
];

/** A connection of 100 bytes that asks for a cookie, and what the server answers. */
export const request = (f: Family, cookie: string | null, mss: number = 1460): string[] => [
  ...sendto(),
  `+0 > S 0:0(0) win 65535 <${synOptions(f, '')}>`,
  `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(cookie, mss)}>`,
  '+0 > P. 1:101(100) ack 1',
  '+.05 < . 1:1(0) ack 101 win 65535',
  ...takeDown(),
];

/** One that has the cookie `with`, whose data the server takes; `cookie` is in its answer. */
export const accepted = (f: Family, withCookie: string, cookie: string | null): string[] => [
  ...sendto(),
  `+0 > S 0:100(100) win 65535 <${synOptions(f, withCookie)}>`,
  `+.05 < S. 0:0(0) ack 101 win 65535 <${replyOptions(cookie)}>`,
  '+0 > . 101:101(0) ack 1',
  ...takeDown(),
];

/** One whose cookie the server does not take. */
export const rejected = (f: Family, withCookie: string, cookie: string | null): string[] => [
  ...sendto(),
  `+0 > S 0:100(100) win 65535 <${synOptions(f, withCookie)}>`,
  `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(cookie)}>`,
  '+0 > P. 1:101(100) ack 1',
  '+.05 < . 1:1(0) ack 101 win 65535',
  ...takeDown(),
];

/** One that does without. */
export const plain = (f: Family): string[] => [
  ...sendto(),
  `+0 > S 0:0(0) win 65535 <${synOptions(f, null)}>`,
  `+.05 < S. 0:0(0) ack 1 win 65535 <${replyOptions(null)}>`,
  '+0 > P. 1:101(100) ack 1',
  '+.05 < . 1:1(0) ack 101 win 65535',
  ...takeDown(),
];

const M64 = (1n << 64n) - 1n;
const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & M64;
const le = (b: Uint8Array): bigint => b.reduceRight((n, x) => (n << 8n) | BigInt(x), 0n);

/** SipHash-2-4 by the paper, as its eight bytes: not the stack's own, so that cookies are judged by another hand. */
export function siphash(key: Uint8Array, msg: Uint8Array): Uint8Array {
  const [k0, k1] = [le(key.subarray(0, 8)), le(key.subarray(8, 16))];
  const v = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn, k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n] as [bigint, bigint, bigint, bigint];
  const round = (): void => {
    v[0] = (v[0] + v[1]) & M64;
    v[1] = rotl(v[1], 13n) ^ v[0];
    v[0] = rotl(v[0], 32n);
    v[2] = (v[2] + v[3]) & M64;
    v[3] = rotl(v[3], 16n) ^ v[2];
    v[0] = (v[0] + v[3]) & M64;
    v[3] = rotl(v[3], 21n) ^ v[0];
    v[2] = (v[2] + v[1]) & M64;
    v[1] = rotl(v[1], 17n) ^ v[2];
    v[2] = rotl(v[2], 32n);
  };
  const words: bigint[] = [];
  for (let i = 0; i + 8 <= msg.length; i += 8) words.push(le(msg.subarray(i, i + 8)));
  words.push(le(msg.subarray(msg.length & ~7)) | (BigInt(msg.length & 255) << 56n));
  for (const w of words) {
    v[3] ^= w;
    round();
    round();
    v[0] ^= w;
  }
  v[2] ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  const h = v[0] ^ v[1] ^ v[2] ^ v[3];
  return Uint8Array.from({ length: 8 }, (_, i) => Number((h >> BigInt(8 * i)) & 255n));
}

/** The bytes of an address in network order. */
export function addrBytes(text: string): Uint8Array {
  const a = parseInAddr(text)!;
  const words = a.af === AF_INET ? [a.w3] : [a.w0, a.w1, a.w2, a.w3];
  return Uint8Array.from(words.flatMap((w) => [w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255]));
}

/** The cookie of a client, in hexadecimal. */
export const cookieOf = (key: Uint8Array, client: string): string => Buffer.from(siphash(key, addrBytes(client))).toString('hex');
