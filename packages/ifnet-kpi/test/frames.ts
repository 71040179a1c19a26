/* Frames for the tests, made by the codecs of `wire`, so that the parser under test is judged by other code than its own. */
import { type Mbuf, type MbufPool, mToBytes } from '@ns/mbuf';
import { cksumAddView, cksumFold, pseudoSum4, pseudoSum6 } from '@ns/wire';

export interface TcpFrame {
  /** 4 or 6. */
  readonly v: 4 | 6;
  readonly payload: Uint8Array;
  /** TCP flags. */
  readonly flags?: number;
  readonly seq?: number;
  /** Bytes of IPv4 options, a multiple of 4. */
  readonly ipopts?: number;
  /** Bytes of TCP options, a multiple of 4. */
  readonly tcpopts?: number;
  /** IPv6 extension headers in front of TCP: pairs of type and whole length (a multiple of 8). */
  readonly ext?: readonly (readonly [type: number, len: number])[];
  /** VLAN tags, outermost first. */
  readonly vlans?: readonly number[];
  /** 14 (default) or 0. */
  readonly link?: number;
  readonly id?: number;
  /** Store only the pseudo-header sum in th_sum. */
  readonly pseudo?: boolean;
}

export const SRC4 = 0x0a000001;
export const DST4 = 0x0a000002;
export const SRC6 = [0x20010db8, 0, 0, 1] as const;
export const DST6 = [0x20010db8, 0, 0, 2] as const;

/** The bytes of a TCP packet with right checksums (unless `pseudo`). */
export function tcpFrame(f: TcpFrame): Uint8Array {
  const link = f.link ?? 14;
  const vlans = f.vlans ?? [];
  const ipopts = f.ipopts ?? 0;
  const tcpopts = f.tcpopts ?? 0;
  const ext = f.ext ?? [];
  const l2 = link === 0 ? 0 : 14 + 4 * vlans.length;
  const l3 = f.v === 4 ? 20 + ipopts : 40 + ext.reduce((n, e) => n + e[1], 0);
  const tcplen = 20 + tcpopts + f.payload.length;
  const b = new Uint8Array(l2 + l3 + tcplen);
  const dv = new DataView(b.buffer);
  if (link !== 0) {
    b.set([2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a]);
    let at = 12;
    for (const tag of vlans) {
      dv.setUint16(at, 0x8100);
      dv.setUint16(at + 2, tag);
      at += 4;
    }
    dv.setUint16(at, f.v === 4 ? 0x0800 : 0x86dd);
  }
  if (f.v === 4) {
    dv.setUint8(l2, 0x40 | ((20 + ipopts) / 4));
    dv.setUint16(l2 + 2, l3 + tcplen);
    dv.setUint16(l2 + 4, f.id ?? 0x1000);
    dv.setUint16(l2 + 6, 0x4000);
    dv.setUint8(l2 + 8, 64);
    dv.setUint8(l2 + 9, 6);
    dv.setInt32(l2 + 12, SRC4);
    dv.setInt32(l2 + 16, DST4);
    b.fill(1, l2 + 20, l2 + 20 + ipopts);
    if (!f.pseudo) dv.setUint16(l2 + 10, cksumFold(cksumAddView(dv, l2, 20 + ipopts, 0)));
  } else {
    dv.setUint8(l2, 0x60);
    dv.setUint16(l2 + 4, l3 - 40 + tcplen);
    dv.setUint8(l2 + 7, 64);
    SRC6.forEach((w, i) => dv.setInt32(l2 + 8 + 4 * i, w));
    DST6.forEach((w, i) => dv.setInt32(l2 + 24 + 4 * i, w));
    let at = l2 + 40;
    let nxtAt = l2 + 6;
    for (const [type, len] of ext) {
      dv.setUint8(nxtAt, type);
      dv.setUint8(at + 1, type === 44 ? 0 : len / 8 - 1);
      nxtAt = at;
      at += len;
    }
    dv.setUint8(nxtAt, 6);
  }
  const l4 = l2 + l3;
  dv.setUint16(l4, 1234);
  dv.setUint16(l4 + 2, 80);
  dv.setInt32(l4 + 4, f.seq ?? 1000);
  dv.setInt32(l4 + 8, 77);
  dv.setUint8(l4 + 12, ((20 + tcpopts) / 4) << 4);
  dv.setUint8(l4 + 13, f.flags ?? 0x18);
  dv.setUint16(l4 + 14, 65535);
  b.fill(1, l4 + 20, l4 + 20 + tcpopts);
  b.set(f.payload, l4 + 20 + tcpopts);
  const pseudo = pseudoOf(f.v, tcplen);
  dv.setUint16(l4 + 16, f.pseudo ? pseudo : cksumFold(cksumAddView(dv, l4, tcplen, pseudo)));
  return b;
}

export function pseudoOf(v: 4 | 6, len: number): number {
  return v === 4 ? pseudoSum4(SRC4, DST4, 6, len) : pseudoSum6(...SRC6, ...DST6, 6, len);
}

/** Whether the TCP checksum (and the IPv4 header's) of the frame is right; offsets are those of the frame that {@link tcpFrame} was asked for. */
export function sumsRight(b: Uint8Array, v: 4 | 6, l2: number, l3len: number): boolean {
  const dv = new DataView(b.buffer, b.byteOffset, b.length);
  const tcplen = b.length - l2 - l3len;
  if (v === 4 && cksumFold(cksumAddView(dv, l2, l3len, 0)) !== 0) return false;
  return cksumFold(cksumAddView(dv, l2 + l3len, tcplen, pseudoOf(v, tcplen))) === 0;
}

/** A packet of the bytes, cut into pieces of the given sizes (the last takes the rest). */
export function packetOf(pool: MbufPool, bytes: Uint8Array, cuts: readonly number[] = []): Mbuf {
  const head = pool.getHdr() as Mbuf;
  let tail = head;
  let at = 0;
  for (const size of [...cuts, bytes.length]) {
    const n = Math.min(size, bytes.length - at);
    if (n <= 0) continue;
    const piece = (pool.fromBytes(bytes.subarray(at, at + n), 0) as Mbuf);
    piece.flags &= ~2;
    tail.next = piece;
    let last = piece;
    while (last.next !== null) last = last.next;
    tail = last;
    at += n;
  }
  head.pktlen = bytes.length;
  return head;
}

/** Bytes of each packet of a list linked by `nextpkt`. */
export function listBytes(first: Mbuf | null): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let m = first; m !== null; m = m.nextpkt) out.push(mToBytes(m));
  return out;
}
