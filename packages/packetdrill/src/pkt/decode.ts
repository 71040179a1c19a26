import { cksumAddView, cksumFold, decodeIp6Hdr, decodeIpHdr, formatInAddr, getInAddr6, inAddr4, Ip6Hdr, IP6_HDR_LEN, IpHdr, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, pseudoSum4, pseudoSum6 } from '@ns/wire';
import { decodeOptions } from './options.ts';
import type { Packet, TcpFields } from './packet.ts';

const UDP_HDR_LEN = 8;
const TCP_HDR_LEN = 20;

/** Fields of the network header, and where the transport header is. */
interface NetHeader {
  readonly af: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  readonly tos: number;
  readonly flow: number;
  readonly proto: number;
  readonly off: number;
  /** End of the packet. */
  readonly end: number;
  readonly defect: string;
}

/** Sum of the pseudo-header for `len` bytes of protocol `proto`. */
export function pseudoSum(dv: DataView, af: 4 | 6, proto: number, len: number): number {
  const w = (o: number): number => dv.getInt32(o);
  if (af === 4) return pseudoSum4(w(12), w(16), proto, len);
  return pseudoSum6(w(8), w(12), w(16), w(20), w(24), w(28), w(32), w(36), proto, len);
}

function decodeNet(dv: DataView): NetHeader | null {
  const n = dv.byteLength;
  const version = n > 0 ? dv.getUint8(0) >> 4 : 0;
  if (version === 4) {
    const h = new IpHdr();
    if (!decodeIpHdr(dv, 0, n, h)) return null;
    const sum = cksumFold(cksumAddView(dv, 0, h.hlen, 0));
    const fragment = (dv.getUint16(6) & 0x3fff) !== 0;
    const defect = sum !== 0 ? 'bad IPv4 header checksum' : fragment ? 'fragment' : '';
    return { af: 4, src: formatInAddr(inAddr4(h.src)), dst: formatInAddr(inAddr4(h.dst)), ttl: h.ttl, tos: h.tos, flow: 0, proto: h.p, off: h.hlen, end: Math.min(n, h.len), defect };
  }
  if (version !== 6) return null;
  const h = new Ip6Hdr();
  if (!decodeIp6Hdr(dv, 0, n, h)) return null;
  const src = formatInAddr(getInAddr6(dv, 8));
  const dst = formatInAddr(getInAddr6(dv, 24));
  const word = dv.getUint32(0);
  return { af: 6, src, dst, ttl: dv.getUint8(7), tos: (word >>> 20) & 255, flow: word & 0xfffff, proto: dv.getUint8(6), off: IP6_HDR_LEN, end: Math.min(n, IP6_HDR_LEN + dv.getUint16(4)), defect: '' };
}

/** Takes a packet apart, from its IP header on; null if it has none. TCP inside UDP is recognised when `tcpInUdp`. */
export function decodePacket(bytes: Uint8Array, tcpInUdp: boolean): Packet | null {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const net = decodeNet(dv);
  if (net === null) return null;
  const base = { af: net.af, src: net.src, dst: net.dst, ttl: net.ttl, tos: net.tos, flow: net.flow, bytes, tcpOff: net.off, udp: null, sport: 0, dport: 0, tcp: null, icmp: null };
  const rest = (off: number): Uint8Array => bytes.subarray(Math.min(off, net.end), net.end);
  const len = net.end - net.off;
  if (net.proto === IPPROTO_TCP) return { ...base, proto: IPPROTO_TCP, ...tcpPart(dv, bytes, net.off, net.end, checked(dv, net, IPPROTO_TCP) || net.defect) };
  if (net.proto === IPPROTO_UDP && len >= UDP_HDR_LEN) {
    const [src, dst] = [dv.getUint16(net.off), dv.getUint16(net.off + 2)];
    const none = net.af === 4 && dv.getUint16(net.off + 6) === 0;
    const ulen = dv.getUint16(net.off + 4);
    const defect = (ulen !== len ? `UDP length ${ulen} instead of ${len}` : none ? '' : checked(dv, net, IPPROTO_UDP)) || net.defect;
    if (!tcpInUdp) return { ...base, proto: IPPROTO_UDP, sport: src, dport: dst, payload: rest(net.off + UDP_HDR_LEN), defect };
    return { ...base, proto: IPPROTO_TCP, tcpOff: net.off + UDP_HDR_LEN, ...tcpPart(dv, bytes, net.off + UDP_HDR_LEN, net.end, defect), udp: { src, dst } };
  }
  if ((net.proto === IPPROTO_ICMP || net.proto === IPPROTO_ICMPV6) && len >= 8) {
    return { ...base, proto: net.proto, icmp: { type: dv.getUint8(net.off), code: dv.getUint8(net.off + 1) }, payload: rest(net.off + 8), defect: net.defect };
  }
  return { ...base, proto: net.proto, payload: rest(net.off), defect: net.defect };
}

/** What is wrong with the checksum of the transport header. */
function checked(dv: DataView, net: NetHeader, proto: number): string {
  const len = net.end - net.off;
  if (len < UDP_HDR_LEN) return 'short packet';
  const sum = cksumFold(cksumAddView(dv, net.off, len, pseudoSum(dv, net.af, proto, len)));
  return sum === 0 ? '' : `bad ${proto === IPPROTO_TCP ? 'TCP' : 'UDP'} checksum`;
}

function tcpPart(dv: DataView, bytes: Uint8Array, off: number, end: number, defect: string): Pick<Packet, 'sport' | 'dport' | 'tcp' | 'payload' | 'defect'> {
  const none = { sport: 0, dport: 0, tcp: null, payload: bytes.subarray(off, end) };
  if (end - off < TCP_HDR_LEN) return { ...none, defect: 'short TCP header' };
  const hlen = (dv.getUint8(off + 12) >> 4) << 2;
  if (hlen < TCP_HDR_LEN || off + hlen > end) return { ...none, defect: `TCP data offset ${hlen}` };
  const options = decodeOptions(bytes.subarray(off + TCP_HDR_LEN, off + hlen));
  const word = dv.getUint16(off + 12);
  const tcp: TcpFields = {
    flags: word & 0x1ff,
    reserved: word & 0xe00,
    seq: dv.getUint32(off + 4),
    ack: dv.getUint32(off + 8),
    win: dv.getUint16(off + 14),
    urg: dv.getUint16(off + 18),
    options: options ?? [],
  };
  const wrong = defect !== '' ? defect : options === null ? 'malformed TCP options' : '';
  return { sport: dv.getUint16(off), dport: dv.getUint16(off + 2), tcp, payload: bytes.subarray(off + hlen, end), defect: wrong };
}
