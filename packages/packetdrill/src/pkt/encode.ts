import { AF_INET, cksumAddView, cksumFold, type InAddr, IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';
import type { TcpOptionSpec } from '../lang/ast.ts';
import { pseudoSum } from './decode.ts';
import { tcpDigest } from './md5.ts';
import { encodeOption, MD5 } from './options.ts';

/** Fields of an IP header to build. */
export interface IpFields {
  readonly src: InAddr;
  readonly dst: InAddr;
  readonly ttl: number;
  readonly tos: number;
  readonly flow: number;
}

/** A TCP segment to build, numbers as on the wire. */
export interface TcpBuild {
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly win: number;
  readonly urg: number;
  readonly options: readonly TcpOptionSpec[];
  readonly payload: Uint8Array;
  readonly udp: { readonly src: number; readonly dst: number } | null;
  /** For `md5 valid`. */
  readonly secret: string;
}

/** Bytes of the header that {@link ipPacket} makes. */
export const ipHdrLen = (ip: IpFields): number => (ip.src.af === AF_INET ? 20 : 40);

/** An IP packet around `body`, whose length in the header may be given for one that is cut short. */
export function ipPacket(ip: IpFields, proto: number, body: Uint8Array, bodyLen: number = body.length): Uint8Array {
  const hlen = ipHdrLen(ip);
  const p = new Uint8Array(hlen + body.length);
  const dv = new DataView(p.buffer);
  p.set(body, hlen);
  if (hlen === 20) {
    dv.setUint8(0, 0x45);
    dv.setUint8(1, ip.tos);
    dv.setUint16(2, (hlen + bodyLen) & 0xffff);
    dv.setUint8(8, ip.ttl);
    dv.setUint8(9, proto);
    dv.setInt32(12, ip.src.w3);
    dv.setInt32(16, ip.dst.w3);
    dv.setUint16(10, cksumFold(cksumAddView(dv, 0, hlen, 0)));
    return p;
  }
  dv.setUint32(0, ((6 << 28) | (ip.tos << 20) | ip.flow) >>> 0);
  dv.setUint16(4, bodyLen & 0xffff);
  dv.setUint8(6, proto);
  dv.setUint8(7, ip.ttl);
  for (const [o, a] of [[8, ip.src], [24, ip.dst]] as const) [a.w0, a.w1, a.w2, a.w3].forEach((w, i) => dv.setInt32(o + 4 * i, w));
  return p;
}

/** Completes the checksum field at `at` of the transport header at `off`. */
function putChecksum(p: Uint8Array, off: number, at: number, proto: number): void {
  const dv = new DataView(p.buffer);
  const len = p.length - off;
  const sum = cksumFold(cksumAddView(dv, off, len, pseudoSum(dv, off === 20 ? 4 : 6, proto, len)));
  dv.setUint16(at, sum === 0 && proto === IPPROTO_UDP ? 0xffff : sum);
}

/** A TCP segment in an IP packet, inside UDP if asked. */
export function tcpPacket(ip: IpFields, t: TcpBuild): Uint8Array {
  const opts = t.options.flatMap(encodeOption);
  const udpLen = t.udp === null ? 0 : 8;
  const hlen = 20 + opts.length;
  const body = new Uint8Array(udpLen + hlen + t.payload.length);
  const dv = new DataView(body.buffer);
  const o = udpLen;
  dv.setUint16(o, t.sport);
  dv.setUint16(o + 2, t.dport);
  dv.setUint32(o + 4, t.seq >>> 0);
  dv.setUint32(o + 8, t.ack >>> 0);
  dv.setUint16(o + 12, ((hlen >> 2) << 12) | t.flags);
  dv.setUint16(o + 14, t.win);
  dv.setUint16(o + 18, t.urg);
  body.set(opts, o + 20);
  body.set(t.payload, o + hlen);
  const p = ipPacket(ip, t.udp === null ? IPPROTO_TCP : IPPROTO_UDP, body);
  const off = ipHdrLen(ip) + udpLen;
  if (t.options.some((x) => x.type === 'md5' && x.digest === null)) putDigest(p, ip, off, t.secret);
  if (t.udp === null) putChecksum(p, off, off + 16, IPPROTO_TCP);
  else {
    // Inside UDP the TCP checksum is zero: the UDP checksum covers all.
    const u = new DataView(p.buffer, off - 8);
    u.setUint16(0, t.udp.src);
    u.setUint16(2, t.udp.dst);
    u.setUint16(4, body.length);
    putChecksum(p, off - 8, off - 2, IPPROTO_UDP);
  }
  return p;
}

function putDigest(p: Uint8Array, ip: IpFields, off: number, secret: string): void {
  const end = off + ((((p[off + 12] as number) >> 4) << 2));
  for (let i = off + 20; i < end; ) {
    const kind = p[i] as number;
    if (kind === MD5) {
      p.set(tcpDigest(p, ip.src.af === AF_INET ? 4 : 6, off, secret), i + 2);
      return;
    }
    i += kind < 2 ? 1 : (p[i + 1] as number);
  }
}

/** A UDP datagram in an IP packet. */
export function udpPacket(ip: IpFields, sport: number, dport: number, payload: Uint8Array): Uint8Array {
  const body = new Uint8Array(8 + payload.length);
  const dv = new DataView(body.buffer);
  dv.setUint16(0, sport);
  dv.setUint16(2, dport);
  dv.setUint16(4, body.length);
  body.set(payload, 8);
  const p = ipPacket(ip, IPPROTO_UDP, body);
  putChecksum(p, ipHdrLen(ip), ipHdrLen(ip) + 6, IPPROTO_UDP);
  return p;
}

/** An ICMP message in an IP packet: its second word and what follows. */
export function icmpPacket(ip: IpFields, proto: number, type: number, code: number, word: number, rest: Uint8Array): Uint8Array {
  const body = new Uint8Array(8 + rest.length);
  const dv = new DataView(body.buffer);
  dv.setUint8(0, type);
  dv.setUint8(1, code);
  dv.setUint32(4, word >>> 0);
  body.set(rest, 8);
  const p = ipPacket(ip, proto, body);
  const off = ipHdrLen(ip);
  const pv = new DataView(p.buffer);
  const seed = off === 20 ? 0 : pseudoSum(pv, 6, proto, body.length);
  pv.setUint16(off + 2, cksumFold(cksumAddView(pv, off, body.length, seed)));
  return p;
}
