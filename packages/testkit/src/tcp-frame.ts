import { decodeTcpHdr, ETHER_HDR_LEN, ETHERTYPE_IP, IPPROTO_TCP, TcpHdr } from '@ns/wire';

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
 * The TCP segment over IPv4 in an Ethernet frame, or null if it holds none (or a fragment other than the first). Checksums are not looked at.
 * @public
 */
export function tcpFrame(bytes: Uint8Array): TcpFrame | null {
  const ip = ETHER_HDR_LEN;
  if (bytes.length < ip + 40) return null;
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dv.getUint16(12) !== ETHERTYPE_IP || dv.getUint8(ip + 9) !== IPPROTO_TCP || (dv.getUint16(ip + 6) & 0x1fff) !== 0) return null;
  const hlen = (dv.getUint8(ip) & 15) << 2;
  const tlen = dv.getUint16(ip + 2) - hlen;
  const o = ip + hlen;
  const th = new TcpHdr();
  if (hlen < 20 || o + tlen > bytes.length || !decodeTcpHdr(dv, o, tlen, th)) return null;
  return { sport: th.sport, dport: th.dport, seq: th.seq, ack: th.ack, flags: th.flags, win: th.win, len: tlen - th.off, options: bytes.subarray(o + 20, o + th.off) };
}
