import { DLT_EN10MB, DLT_NULL } from '@ns/ifnet-kpi';
import {
  ARP_ETHER_LEN,
  ArpHdr,
  ARPOP_REPLY,
  ARPOP_REQUEST,
  decodeArpHdr,
  ETHER_HDR_LEN,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  ETHERTYPE_IPV6,
  ETHERTYPE_VLAN,
  formatEtherAddr,
  formatInAddr,
  formatInet4,
  getEtherType,
  getInAddr6,
  getIp6Hlim,
  getIp6Nxt,
  getIp6Plen,
  getIpDst,
  getIpHlen,
  getIpId,
  getIpLen,
  getIpOff,
  getIpP,
  getIpSrc,
  getIpTos,
  getIpTtl,
  IP6_DST_OFF,
  IP6_HDR_LEN,
  IP6_SRC_OFF,
  IP_DF,
  IP_HDR_LEN,
  IP_MF,
  IP_OFFMASK,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '@ns/wire';
import { icmp6Text, ip6Chain } from './print-ip6.ts';
import { type Bytes, printIcmp, printTcp, printUdp, TcpFlows } from './print-l4.ts';

/** How packets are shown. @public */
export interface PacketPrintOptions {
  /** Ports as numbers (-n). */
  readonly numeric?: boolean;
  /** Sequence numbers as they are (-S). */
  readonly absolute?: boolean;
  /** The link header too (-e). */
  readonly link?: boolean;
  /** More of the IP header (-v). */
  readonly verbose?: boolean;
}

const PROTO_NAMES: Readonly<Record<number, string>> = { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 50: 'ESP', 51: 'AH', 58: 'ICMPv6', 132: 'SCTP' };
const ETHER_NAMES: Readonly<Record<number, string>> = { [ETHERTYPE_IP]: 'IPv4', [ETHERTYPE_ARP]: 'ARP', [ETHERTYPE_IPV6]: 'IPv6', [ETHERTYPE_VLAN]: '802.1Q' };

/**
 * Shows packets one line each, as tcpdump(1) does. Remembers the connections that it has seen (a bounded number), so that sequence numbers can be relative.
 * @public
 */
export class PacketPrinter {
  private readonly o: Required<PacketPrintOptions>;
  private readonly flows: TcpFlows;

  constructor(options: PacketPrintOptions = {}) {
    this.o = { numeric: false, absolute: false, link: false, verbose: false, ...options };
    this.flows = new TcpFlows();
  }

  /**
   * The packet of link type `dlt` (DLT_*) at [off, off + caplen) of `buf`, `len` bytes long on the wire. No time stamp, no newline. Never throws; what is cut off or
   * malformed shows as such.
   */
  packet(dlt: number, buf: Uint8Array, off: number, caplen: number, len: number): string {
    const dv = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
    const b: Bytes = { dv, off, end: off + caplen, len };
    if (dlt === DLT_EN10MB) return this.ether(b, buf);
    if (dlt === DLT_NULL) return caplen < 4 ? '[|null]' : this.network(skip(b, 4));
    return this.network(b);
  }

  private ether(b: Bytes, buf: Uint8Array): string {
    if (b.end - b.off < ETHER_HDR_LEN) return '[|ether]';
    let at = ETHER_HDR_LEN;
    const outer = getEtherType(b.dv, b.off);
    let type = outer;
    let tci = -1;
    if (type === ETHERTYPE_VLAN && b.end - b.off >= at + 4) {
      tci = b.dv.getUint16(b.off + at);
      type = b.dv.getUint16(b.off + at + 2);
      at += 4;
    }
    const tag = tci < 0 ? '' : `vlan ${tci & 0xfff}, p ${tci >>> 13}, ${typeText(type)}, `;
    const link = `${formatEtherAddr(buf, b.off + 6)} > ${formatEtherAddr(buf, b.off)}, ${typeText(outer)}, length ${b.len}: ${tag}`;
    const payload = this.byType(type, skip(b, at));
    if (payload === null) return link.trimEnd();
    return this.o.link ? link + payload : payload;
  }

  private byType(type: number, b: Bytes): string | null {
    if (type === ETHERTYPE_IP) return `IP ${this.ip(b)}`;
    if (type === ETHERTYPE_IPV6) return `IP6 ${this.ip6(b)}`;
    return type === ETHERTYPE_ARP ? arp(b) : null;
  }

  /** A packet without a link header: its first nibble tells. */
  private network(b: Bytes): string {
    const version = b.end > b.off ? b.dv.getUint8(b.off) >>> 4 : 0;
    return version === 4 ? `IP ${this.ip(b)}` : version === 6 ? `IP6 ${this.ip6(b)}` : `unknown ip ${version}`;
  }

  private ip(b: Bytes): string {
    const { dv, off } = b;
    if (b.end - off < IP_HDR_LEN) return '[|ip]';
    const hlen = getIpHlen(dv, off);
    const total = getIpLen(dv, off);
    if (hlen < IP_HDR_LEN) return `bad-hlen ${hlen}`;
    if (total < hlen) return `bad-len ${total}`;
    const [src, dst, proto, fo] = [formatInet4(getIpSrc(dv, off)), formatInet4(getIpDst(dv, off)), getIpP(dv, off), getIpOff(dv, off)];
    const head = this.o.verbose ? `(${ipDetails(dv, off)})\n    ` : '';
    const fragment = (fo & IP_OFFMASK) !== 0;
    if (fragment) return `${head}${src} > ${dst}: ip-proto-${proto}`;
    const payload: Bytes = { dv, off: Math.min(off + hlen, b.end), end: Math.min(b.end, off + total), len: Math.min(total, b.len) - hlen };
    return head + this.transport(payload, src, dst, proto);
  }

  private ip6(b: Bytes): string {
    const { dv, off } = b;
    if (b.end - off < IP6_HDR_LEN) return '[|ip6]';
    const plen = getIp6Plen(dv, off);
    const [src, dst] = [formatInAddr(getInAddr6(dv, off + IP6_SRC_OFF)), formatInAddr(getInAddr6(dv, off + IP6_DST_OFF))];
    const nxt = getIp6Nxt(dv, off);
    const head = this.o.verbose ? `(hlim ${getIp6Hlim(dv, off)}, next-header ${PROTO_NAMES[nxt] ?? 'unknown'} (${nxt}) payload length: ${plen}) ` : '';
    const at = off + IP6_HDR_LEN;
    const c = ip6Chain({ dv, off: at, end: Math.min(b.end, at + plen), len: Math.min(plen, b.len - IP6_HDR_LEN) }, nxt);
    if (c.nxt < 0) return `${head}${src} > ${dst}: ${c.text}`;
    const text = this.transport(c.rest, src, dst, c.nxt);
    // The headers stand between the addresses (TCP and UDP: with their ports) and what they carry.
    return head + (c.text === '' ? text : text.replace(/^(.* > .*?: )/, `$1${c.text}`));
  }

  private transport(b: Bytes, src: string, dst: string, proto: number): string {
    switch (proto) {
      case IPPROTO_TCP:
        return printTcp(b, src, dst, this.flows, this.o);
      case IPPROTO_UDP:
        return printUdp(b, src, dst, this.o);
      case IPPROTO_ICMP:
        return printIcmp(b, src, dst);
      case IPPROTO_ICMPV6:
        return `${src} > ${dst}: ICMP6, ${icmp6Text(b)}, length ${b.len}`;
      case IPPROTO_IGMP:
        return `${src} > ${dst}: ${igmp(b)}`;
      default:
        return `${src} > ${dst}: ${PROTO_NAMES[proto]?.toLowerCase() ?? `ip-proto-${proto}`} ${b.len}`;
    }
  }
}

const typeText = (type: number): string => `ethertype ${ETHER_NAMES[type] ?? 'Unknown'} (0x${type.toString(16).padStart(4, '0')})`;

const skip = (b: Bytes, n: number): Bytes => ({ dv: b.dv, off: b.off + n, end: b.end, len: b.len - n });

function ipDetails(dv: DataView, off: number): string {
  const fo = getIpOff(dv, off);
  const flags = [(fo & IP_MF) !== 0 ? '+' : '', (fo & IP_DF) !== 0 ? 'DF' : ''].filter((f) => f !== '').join(', ') || 'none';
  const p = getIpP(dv, off);
  return `tos 0x${getIpTos(dv, off).toString(16)}, ttl ${getIpTtl(dv, off)}, id ${getIpId(dv, off)}, offset ${(fo & IP_OFFMASK) << 3}, flags [${flags}], proto ${PROTO_NAMES[p] ?? 'unknown'} (${p}), length ${getIpLen(dv, off)}`;
}

function arp(b: Bytes): string {
  const ah = new ArpHdr();
  if (b.end - b.off < ARP_ETHER_LEN || !decodeArpHdr(b.dv, b.off, b.end - b.off, ah)) return '[|ARP]';
  const [spa, tpa] = [formatInet4(b.dv.getInt32(b.off + 14)), formatInet4(b.dv.getInt32(b.off + 24))];
  const bytes = new Uint8Array(b.dv.buffer, b.dv.byteOffset, b.dv.byteLength);
  const op = b.dv.getUint16(b.off + 6);
  if (op === ARPOP_REQUEST) {
    const tha = formatEtherAddr(bytes, b.off + 18);
    return `ARP, Request who-has ${tpa}${/^(00:){5}00$|^(ff:){5}ff$/.test(tha) ? '' : ` (${tha})`} tell ${spa}, length ${b.len}`;
  }
  if (op === ARPOP_REPLY) return `ARP, Reply ${spa} is-at ${formatEtherAddr(bytes, b.off + 8)}, length ${b.len}`;
  return `ARP, Unknown (${op}), length ${b.len}`;
}

function igmp(b: Bytes): string {
  if (b.end - b.off < 8) return '[|igmp]';
  const type = b.dv.getUint8(b.off);
  const group = formatInet4(b.dv.getInt32(b.off + 4));
  if (type === 0x11) return `igmp query v${b.len >= 12 ? 3 : b.dv.getUint8(b.off + 1) === 0 ? 1 : 2}`;
  if (type === 0x22) return `igmp v3 report, ${b.dv.getUint16(b.off + 6)} group record(s)`;
  if (type === 0x12 || type === 0x16) return `igmp v${type === 0x12 ? 1 : 2} report ${group}`;
  return type === 0x17 ? `igmp leave ${group}` : `igmp-${type}`;
}

/** A time of day, `12:34:56.789012`, of µs since 1970; UTC. @public */
export function packetTime(tsUs: number): string {
  const day = ((tsUs % 86400e6) + 86400e6) % 86400e6;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  return `${two(day / 3600e6)}:${two((day / 60e6) % 60)}:${two((day / 1e6) % 60)}.${String(Math.floor(day % 1e6)).padStart(6, '0')}`;
}
