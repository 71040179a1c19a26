import { decodeTcpHdr, ETHER_HDR_LEN, ETHERTYPE_IP, ETHERTYPE_IPV6, IP6_HDR_LEN, IP_HDR_LEN, IPPROTO_TCP, TcpHdr } from '@ns/wire';

/**
 * The fields of a TCP segment in an Ethernet frame, host order; sequence numbers int32.
 * @public
 */
export interface TcpFrame {
  /** Source port. */
  readonly sport: number;
  /** Destination port. */
  readonly dport: number;
  /** Sequence number. */
  readonly seq: number;
  /** Acknowledgement number, whether ACK is set or not. */
  readonly ack: number;
  /** TH_*. */
  readonly flags: number;
  /** Window as in the header, not scaled. */
  readonly win: number;
  /** Bytes of payload. */
  readonly len: number;
  /** The options, raw. */
  readonly options: Uint8Array;
}

/**
 * The TCP segment in an Ethernet frame, over IPv4 or directly over IPv6; null if it holds none (or a fragment other than the first). Checksums are not looked at.
 * @public
 */
export function tcpFrame(bytes: Uint8Array): TcpFrame | null {
  const ip = ETHER_HDR_LEN;
  if (bytes.length < ip + IP_HDR_LEN) return null;
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = dv.getUint16(12);
  if (type === ETHERTYPE_IP) {
    const hlen = (dv.getUint8(ip) & 15) << 2;
    if (hlen < IP_HDR_LEN || dv.getUint8(ip + 9) !== IPPROTO_TCP || (dv.getUint16(ip + 6) & 0x1fff) !== 0) return null;
    return segment(bytes, dv, ip + hlen, dv.getUint16(ip + 2) - hlen);
  }
  if (type !== ETHERTYPE_IPV6 || bytes.length < ip + IP6_HDR_LEN || dv.getUint8(ip + 6) !== IPPROTO_TCP) return null;
  return segment(bytes, dv, ip + IP6_HDR_LEN, dv.getUint16(ip + 4));
}

/** The segment of `tlen` bytes at `o`, if it is all there. */
function segment(bytes: Uint8Array, dv: DataView, o: number, tlen: number): TcpFrame | null {
  const th = new TcpHdr();
  if (o + tlen > bytes.length || !decodeTcpHdr(dv, o, tlen, th)) return null;
  return { sport: th.sport, dport: th.dport, seq: th.seq, ack: th.ack, flags: th.flags, win: th.win, len: tlen - th.off, options: bytes.subarray(o + 20, o + th.off) };
}
