/*
 * @hot TCP options (RFC 9293 §3.2, 7323, 2018, 2385, 7413): one record, parsed and built as FreeBSD does.
 *
 * Source: FreeBSD netinet/tcp.h; tcp_input.c, tcp_dooptions(); tcp_output.c, tcp_addoptions(); tcp_var.h, struct tcpopt.
 */
import { TCP_MAXOLEN, TCP_MAX_WINSHIFT } from './tcp.ts';

/** End of the option list, and padding. @public */
export const TCPOPT_EOL = 0;
/** Padding between options. @public */
export const TCPOPT_NOP = 1;
/** Maximum segment size. @public */
export const TCPOPT_MAXSEG = 2;
/** Its length. @public */
export const TCPOLEN_MAXSEG = 4;
/** Window scale. @public */
export const TCPOPT_WINDOW = 3;
/** Its length. @public */
export const TCPOLEN_WINDOW = 3;
/** SACK permitted. @public */
export const TCPOPT_SACK_PERMITTED = 4;
/** Its length. @public */
export const TCPOLEN_SACK_PERMITTED = 2;
/** SACK blocks. @public */
export const TCPOPT_SACK = 5;
/** Length of its kind and length octets. @public */
export const TCPOLEN_SACKHDR = 2;
/** Length of one block. @public */
export const TCPOLEN_SACK = 8;
/** Blocks that fit into an option list without anything else. @public */
export const TCP_MAX_SACK = 4;
/** Timestamps. @public */
export const TCPOPT_TIMESTAMP = 8;
/** Its length. @public */
export const TCPOLEN_TIMESTAMP = 10;
/** Length with the two NOPs of RFC 7323 appendix A. @public */
export const TCPOLEN_TSTAMP_APPA = 12;
/** NOP, NOP, kind and length of the timestamps option of RFC 7323 appendix A, int32. @public */
export const TCPOPT_TSTAMP_HDR = 0x0101080a;
/** MD5 signature (RFC 2385). @public */
export const TCPOPT_SIGNATURE = 19;
/** Its length. @public */
export const TCPOLEN_SIGNATURE = 18;
/** Fast Open cookie (RFC 7413). @public */
export const TCPOPT_FAST_OPEN = 34;
/** Its length without a cookie. @public */
export const TCPOLEN_FAST_OPEN_EMPTY = 2;
/** Shortest cookie. @public */
export const TCP_FASTOPEN_MIN_COOKIE_LEN = 4;
/** Longest cookie. @public */
export const TCP_FASTOPEN_MAX_COOKIE_LEN = 16;
/** Accurate ECN counters, order 0 (RFC 9768). @public */
export const TCPOPT_ACCECN_ORDER0 = 172;
/** Accurate ECN counters, order 1 (RFC 9768). @public */
export const TCPOPT_ACCECN_ORDER1 = 174;

/** The MSS option is present. @public */
export const TOF_MSS = 0x0001;
/** The window scale option is present. @public */
export const TOF_SCALE = 0x0002;
/** The SACK-permitted option is present. @public */
export const TOF_SACKPERM = 0x0004;
/** The timestamps option is present. @public */
export const TOF_TS = 0x0010;
/** The MD5 signature option is present. @public */
export const TOF_SIGNATURE = 0x0040;
/** SACK blocks are present. @public */
export const TOF_SACK = 0x0080;
/** The Fast Open option is present. @public */
export const TOF_FASTOPEN = 0x0100;
/** One more than the sum of all TOF_* bits can be. @public */
export const TOF_MAXOPT = 0x0200;

/** TCP options in host order: what a segment carried, or shall carry. @public */
export class TcpOpt {
  /** Which options there are: TOF_*. All other fields count only if their bit is set. */
  flags = 0;
  /** TOF_MSS: maximum segment size. */
  mss = 0;
  /** TOF_SCALE: window shift, 0 to 14. */
  wscale = 0;
  /** TOF_TS: the sender's clock, int32. */
  tsval = 0;
  /** TOF_TS: the echoed clock, int32. */
  tsecr = 0;
  /** TOF_SACK: number of blocks, 1 to 4. */
  nsacks = 0;
  /** TOF_SACK: left and right edges in turn, int32: block i is `[sacks[2i], sacks[2i+1])`. */
  readonly sacks: Int32Array = new Int32Array(2 * TCP_MAX_SACK);
  /** TOF_SIGNATURE: position of the 16 digest bytes in the buffer that was decoded or encoded. */
  sigOff = 0;
  /** TOF_FASTOPEN: position of the cookie in the buffer that was decoded or encoded. */
  tfoOff = 0;
  /** TOF_FASTOPEN: length of the cookie, 0 for a request. */
  tfoLen = 0;
  /** TOF_FASTOPEN: the first `tfoLen` bytes are the cookie to encode; decoding fills it. */
  readonly tfoCookie: Uint8Array = new Uint8Array(TCP_MAXOLEN - TCPOLEN_FAST_OPEN_EMPTY);
}

/**
 * Fills `to` from the `len` option bytes at `o`, those between the fixed header and the data. Never reads outside `[o, o + len)`.
 *
 * Lenient as FreeBSD is: an option of a length that does not suit it is passed over; MSS, window scale, SACK-permitted and Fast Open count on a SYN
 * only, SACK blocks only without; a later option of a kind replaces an earlier one; a shift above 14 reads as 14; a list that goes wrong (a length below 2, or past
 * the end) ends there, and what came before counts.
 *
 * @returns false if the list went wrong; the caller may ignore it, as FreeBSD does
 *
 * @public
 */
export function decodeTcpOpts(dv: DataView, o: number, len: number, to: TcpOpt, isSyn: boolean): boolean {
  if (len === TCPOLEN_TSTAMP_APPA && dv.getInt32(o) === TCPOPT_TSTAMP_HDR) {
    to.flags = TOF_TS;
    to.nsacks = 0;
    to.tsval = dv.getInt32(o + 4);
    to.tsecr = dv.getInt32(o + 8);
    return true;
  }
  to.flags = 0;
  to.nsacks = 0;
  const end = o + len;
  while (o < end) {
    const kind = dv.getUint8(o);
    if (kind === TCPOPT_EOL) return true;
    if (kind === TCPOPT_NOP) {
      o++;
      continue;
    }
    const optlen = o + 1 < end ? dv.getUint8(o + 1) : 0;
    if (optlen < 2 || optlen > end - o) return false;
    decodeTcpOpt(dv, o, kind, optlen, to, isSyn);
    o += optlen;
  }
  return true;
}

/** One option of `optlen` bytes at `o`, all of which are there. */
function decodeTcpOpt(dv: DataView, o: number, kind: number, optlen: number, to: TcpOpt, isSyn: boolean): void {
  switch (kind) {
    case TCPOPT_MAXSEG:
      if (optlen !== TCPOLEN_MAXSEG || !isSyn) return;
      to.flags |= TOF_MSS;
      to.mss = dv.getUint16(o + 2);
      return;
    case TCPOPT_WINDOW:
      if (optlen !== TCPOLEN_WINDOW || !isSyn) return;
      to.flags |= TOF_SCALE;
      to.wscale = Math.min(dv.getUint8(o + 2), TCP_MAX_WINSHIFT);
      return;
    case TCPOPT_SACK_PERMITTED:
      if (optlen !== TCPOLEN_SACK_PERMITTED || !isSyn) return;
      to.flags |= TOF_SACKPERM;
      return;
    case TCPOPT_SACK:
      if (optlen <= TCPOLEN_SACKHDR || (optlen - TCPOLEN_SACKHDR) % TCPOLEN_SACK !== 0 || isSyn) return;
      to.nsacks = Math.min((optlen - TCPOLEN_SACKHDR) / TCPOLEN_SACK, TCP_MAX_SACK);
      to.flags |= TOF_SACK;
      for (let i = 0; i < 2 * to.nsacks; i++) to.sacks[i] = dv.getInt32(o + TCPOLEN_SACKHDR + 4 * i);
      return;
    case TCPOPT_TIMESTAMP:
      if (optlen !== TCPOLEN_TIMESTAMP) return;
      to.flags |= TOF_TS;
      to.tsval = dv.getInt32(o + 2);
      to.tsecr = dv.getInt32(o + 6);
      return;
    case TCPOPT_SIGNATURE:
      if (optlen !== TCPOLEN_SIGNATURE) return;
      to.flags |= TOF_SIGNATURE;
      to.sigOff = o + 2;
      return;
    case TCPOPT_FAST_OPEN:
      if (!isSyn || optlen - TCPOLEN_FAST_OPEN_EMPTY > to.tfoCookie.length) return;
      to.flags |= TOF_FASTOPEN;
      to.tfoOff = o + TCPOLEN_FAST_OPEN_EMPTY;
      to.tfoLen = optlen - TCPOLEN_FAST_OPEN_EMPTY;
      for (let i = 0; i < to.tfoLen; i++) to.tfoCookie[i] = dv.getUint8(to.tfoOff + i);
      return;
    default:
  }
}

/**
 * Writes the options of `to` at `o`, where the caller owns TCP_MAXOLEN bytes, in FreeBSD's order and alignment: MSS, window scale behind one NOP,
 * SACK-permitted, timestamps, signature, SACK blocks (as many as fit), Fast Open; then zeros to a multiple of 4.
 *
 * All but the last two always fit. A Fast Open option that does not is left out and loses its bit in `to.flags`, for the caller to see. The signature
 * is 16 zero bytes at `to.sigOff`, which the caller replaces by the digest.
 *
 * @returns bytes written: 0 to 40, a multiple of 4
 *
 * @public
 */
export function encodeTcpOpts(dv: DataView, o: number, to: TcpOpt): number {
  if (to.flags === TOF_TS) {
    dv.setInt32(o, TCPOPT_TSTAMP_HDR);
    dv.setInt32(o + 4, to.tsval);
    dv.setInt32(o + 8, to.tsecr);
    return TCPOLEN_TSTAMP_APPA;
  }
  let n = 0;
  if ((to.flags & TOF_MSS) !== 0) n = addMss(dv, o, n, to);
  if ((to.flags & TOF_SCALE) !== 0) n = addScale(dv, o, n, to);
  if ((to.flags & TOF_SACKPERM) !== 0) n = addSackPermitted(dv, o, n);
  if ((to.flags & TOF_TS) !== 0) n = addTimestamps(dv, o, n, to);
  if ((to.flags & TOF_SIGNATURE) !== 0) n = addSignature(dv, o, n, to);
  if ((to.flags & TOF_SACK) !== 0) n = addSacks(dv, o, n, to);
  if ((to.flags & TOF_FASTOPEN) !== 0) n = addFastOpen(dv, o, n, to);
  for (; (n & 3) !== 0; n++) dv.setUint8(o + n, TCPOPT_EOL);
  return n;
}

/** NOPs until the length is `rest` modulo `align`. */
function alignOpt(dv: DataView, o: number, n: number, align: number, rest: number): number {
  for (; n % align !== rest; n++) dv.setUint8(o + n, TCPOPT_NOP);
  return n;
}

function addMss(dv: DataView, o: number, n: number, to: TcpOpt): number {
  dv.setUint16(o + n, (TCPOPT_MAXSEG << 8) | TCPOLEN_MAXSEG);
  dv.setUint16(o + n + 2, to.mss);
  return n + TCPOLEN_MAXSEG;
}

function addScale(dv: DataView, o: number, n: number, to: TcpOpt): number {
  n = alignOpt(dv, o, n, 2, 1);
  dv.setUint16(o + n, (TCPOPT_WINDOW << 8) | TCPOLEN_WINDOW);
  dv.setUint8(o + n + 2, to.wscale);
  return n + TCPOLEN_WINDOW;
}

function addSackPermitted(dv: DataView, o: number, n: number): number {
  n = alignOpt(dv, o, n, 2, 0);
  dv.setUint16(o + n, (TCPOPT_SACK_PERMITTED << 8) | TCPOLEN_SACK_PERMITTED);
  return n + TCPOLEN_SACK_PERMITTED;
}

function addTimestamps(dv: DataView, o: number, n: number, to: TcpOpt): number {
  n = alignOpt(dv, o, n, 4, 2);
  dv.setUint16(o + n, (TCPOPT_TIMESTAMP << 8) | TCPOLEN_TIMESTAMP);
  dv.setInt32(o + n + 2, to.tsval);
  dv.setInt32(o + n + 6, to.tsecr);
  return n + TCPOLEN_TIMESTAMP;
}

function addSignature(dv: DataView, o: number, n: number, to: TcpOpt): number {
  n = alignOpt(dv, o, n, 4, 2);
  dv.setUint16(o + n, (TCPOPT_SIGNATURE << 8) | TCPOLEN_SIGNATURE);
  to.sigOff = o + n + 2;
  for (let i = 0; i < 16; i += 4) dv.setInt32(to.sigOff + i, 0);
  return n + TCPOLEN_SIGNATURE;
}

function addSacks(dv: DataView, o: number, n: number, to: TcpOpt): number {
  if (to.nsacks === 0 || n === TCP_MAXOLEN) return n;
  n = alignOpt(dv, o, n, 4, 2);
  const blocks = Math.min(to.nsacks, TCP_MAX_SACK, ((TCP_MAXOLEN - TCPOLEN_SACKHDR - n) / TCPOLEN_SACK) | 0);
  if (blocks <= 0) return n;
  dv.setUint16(o + n, (TCPOPT_SACK << 8) | (TCPOLEN_SACKHDR + blocks * TCPOLEN_SACK));
  n += TCPOLEN_SACKHDR;
  for (let i = 0; i < 2 * blocks; i++, n += 4) dv.setInt32(o + n, to.sacks[i] as number);
  return n;
}

function addFastOpen(dv: DataView, o: number, n: number, to: TcpOpt): number {
  const optlen = TCPOLEN_FAST_OPEN_EMPTY + to.tfoLen;
  if (TCP_MAXOLEN - n < optlen) {
    to.flags &= ~TOF_FASTOPEN;
    return n;
  }
  dv.setUint16(o + n, (TCPOPT_FAST_OPEN << 8) | optlen);
  to.tfoOff = o + n + TCPOLEN_FAST_OPEN_EMPTY;
  for (let i = 0; i < to.tfoLen; i++) dv.setUint8(to.tfoOff + i, to.tfoCookie[i] as number);
  return n + optlen;
}
