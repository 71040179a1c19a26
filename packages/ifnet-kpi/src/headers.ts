// @hot
import type { Mbuf } from '@ns/mbuf';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  ETHER_HDR_LEN,
  ETHER_VLAN_ENCAP_LEN,
  ETHERTYPE_IP,
  ETHERTYPE_IPV6,
  ETHERTYPE_QINQ,
  ETHERTYPE_VLAN,
  Ip6Walk,
  IP6_HDR_LEN,
  IP_HDR_LEN,
  IP_MF,
  IP_OFFMASK,
  IPPROTO_ESP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  TCP_HDR_LEN,
  UDP_HDR_LEN,
  walkIp6Ext,
} from '@ns/wire';

/** Bytes of headers that are looked at when they are spread over a chain: link, IPv6 with a good many extension headers, TCP. */
const SCRATCH = 512;
/** VLAN tags that are looked through: a service tag and a customer tag. */
const MAX_TAGS = 2;

/**
 * Where the headers of a packet are and what is in them. Offsets count from the first byte of the packet. The record belongs to the caller, one for
 * each place that parses.
 * @public
 */
export class HeaderInfo {
  /** Bytes of the link header with its VLAN tags. */
  l2len = 0;
  /** Ethernet type behind the tags; 0 without an Ethernet header. */
  etherType = 0;
  /** Innermost VLAN tag found in the bytes (not `m.etherVtag`), or -1. */
  vlanTag = -1;
  /** AF_INET, AF_INET6, or AF_UNSPEC for anything else. */
  af: number = AF_UNSPEC;
  /** Offset of the network header. */
  l3off = 0;
  /** Bytes of the network header with options or extension headers. */
  l3len = 0;
  /** Bytes of the network packet by its own length field. */
  totlen = 0;
  /** Transport protocol, IPPROTO_*; -1 if it cannot be known. */
  proto = -1;
  /** Is a fragment: first or later. */
  fragment = false;
  /** Is a fragment other than the first: there is no transport header. */
  laterFragment = false;
  /** Offset of the transport header. */
  l4off = 0;
  /** Bytes of the transport header; 0 if it is neither TCP nor UDP, or not there. */
  l4len = 0;
  /** Source address as InAddr has it: IPv4 in src3. */
  src0 = 0;
  /** Source address, word 1. */
  src1 = 0;
  /** Source address, word 2. */
  src2 = 0;
  /** Source address, word 3: the IPv4 address. */
  src3 = 0;
  /** Destination address. */
  dst0 = 0;
  /** Destination address, word 1. */
  dst1 = 0;
  /** Destination address, word 2. */
  dst2 = 0;
  /** Destination address, word 3: the IPv4 address. */
  dst3 = 0;
  /** TCP and UDP: ports. */
  sport = 0;
  /** TCP and UDP: destination port. */
  dport = 0;
  /** TCP: the low eight flags, TH_*. */
  tcpFlags = 0;
  /** Where headers end: offset of the payload. */
  payloadOff = 0;
  /** Bytes behind `payloadOff` within `totlen`. */
  payloadLen = 0;
  /** Room to parse headers that are spread over a chain. */
  readonly scratch: Uint8Array = new Uint8Array(SCRATCH);
  /** View of `scratch`. */
  readonly scratchDv: DataView = new DataView(this.scratch.buffer);
  /** State of the walk over extension headers. */
  readonly walk: Ip6Walk = new Ip6Walk();
}

/**
 * Finds the link, network and transport headers of a packet: the one parser that drivers share for checksum and segmentation offload, hashing and
 * filters. Both families, IPv4 options, IPv6 extension headers, VLAN tags in the bytes. Never reads behind the packet, allocates nothing.
 *
 * @param m - the packet; stays the caller's, is not changed
 * @param info - receives the result
 * @param linkhdr - bytes of the link header: 14 for Ethernet, 0 for a packet that begins with its network header (other values are skipped)
 * @returns true if the packet is IPv4 or IPv6 with well-formed network headers; `l4len` says whether a TCP or UDP header is complete too. Lengths are checked against the
 * packet: `totlen` never says more than is there.
 * @public
 */
export function parseHeaders(m: Mbuf, info: HeaderInfo, linkhdr: number = ETHER_HDR_LEN): boolean {
  clearInfo(info);
  const ok = parseAt(m.dv, m.off, m.len, m.pktlen, info, linkhdr);
  if (m.next === null || m.len >= SCRATCH || (ok && (info.l4len !== 0 || !wantsL4(info)))) return ok;
  const n = gather(m, info.scratch);
  clearInfo(info);
  return parseAt(info.scratchDv, 0, n, m.pktlen, info, linkhdr);
}

function wantsL4(info: HeaderInfo): boolean {
  return (info.proto === IPPROTO_TCP || info.proto === IPPROTO_UDP) && !info.laterFragment;
}

function clearInfo(info: HeaderInfo): void {
  info.l2len = 0;
  info.etherType = 0;
  info.vlanTag = -1;
  info.af = AF_UNSPEC;
  info.l3off = 0;
  info.l3len = 0;
  info.totlen = 0;
  info.proto = -1;
  info.fragment = false;
  info.laterFragment = false;
  info.l4off = 0;
  info.l4len = 0;
  info.tcpFlags = 0;
  info.sport = 0;
  info.dport = 0;
  info.payloadOff = 0;
  info.payloadLen = 0;
}

/** Copies the first bytes of a chain to `to`; returns how many. Byte by byte: header mbufs are short, and no view is made. */
function gather(m: Mbuf, to: Uint8Array): number {
  let n = 0;
  for (let p: Mbuf | null = m; p !== null && n < SCRATCH; p = p.next) {
    const buf = p.buf;
    const k = p.len < SCRATCH - n ? p.len : SCRATCH - n;
    const o = p.off;
    for (let i = 0; i < k; i++) to[n + i] = buf[o + i] as number;
    n += k;
  }
  return n;
}

/** Parses `avail` bytes at `o`, the beginning of a packet of `pktlen` bytes. */
function parseAt(dv: DataView, o: number, avail: number, pktlen: number, info: HeaderInfo, linkhdr: number): boolean {
  let l2 = linkhdr;
  let type = 0;
  if (linkhdr === ETHER_HDR_LEN) {
    if (avail < ETHER_HDR_LEN) return false;
    type = dv.getUint16(o + 12);
    for (let i = 0; i < MAX_TAGS && (type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ); i++) {
      if (avail < l2 + ETHER_VLAN_ENCAP_LEN) return false;
      info.vlanTag = dv.getUint16(o + l2);
      type = dv.getUint16(o + l2 + 2);
      l2 += ETHER_VLAN_ENCAP_LEN;
    }
    info.etherType = type;
  } else {
    if (avail < l2 + 1) return false;
    const version = dv.getUint8(o + l2) >>> 4;
    type = version === 4 ? ETHERTYPE_IP : version === 6 ? ETHERTYPE_IPV6 : 0;
  }
  info.l2len = l2;
  info.l3off = l2;
  if (type === ETHERTYPE_IP) return parseIp(dv, o, avail, pktlen, info) && parseTransport(dv, o, avail, info);
  if (type === ETHERTYPE_IPV6) return parseIp6(dv, o, avail, pktlen, info) && parseTransport(dv, o, avail, info);
  return false;
}

function parseIp(dv: DataView, o: number, avail: number, pktlen: number, info: HeaderInfo): boolean {
  const l3 = info.l3off;
  if (avail < l3 + IP_HDR_LEN) return false;
  const p = o + l3;
  const vhl = dv.getUint8(p);
  const hlen = (vhl & 0xf) << 2;
  const totlen = dv.getUint16(p + 2);
  if (vhl >>> 4 !== 4 || hlen < IP_HDR_LEN || totlen < hlen || avail < l3 + hlen || totlen > pktlen - l3) return false;
  const off = dv.getUint16(p + 6);
  info.af = AF_INET;
  info.l3len = hlen;
  info.totlen = totlen;
  info.fragment = (off & (IP_MF | IP_OFFMASK)) !== 0;
  info.laterFragment = (off & IP_OFFMASK) !== 0;
  info.proto = dv.getUint8(p + 9);
  info.src0 = 0;
  info.src1 = 0;
  info.src2 = 0;
  info.src3 = dv.getInt32(p + 12);
  info.dst0 = 0;
  info.dst1 = 0;
  info.dst2 = 0;
  info.dst3 = dv.getInt32(p + 16);
  return true;
}

function parseIp6(dv: DataView, o: number, avail: number, pktlen: number, info: HeaderInfo): boolean {
  const l3 = info.l3off;
  if (avail < l3 + IP6_HDR_LEN) return false;
  const p = o + l3;
  const totlen = dv.getUint16(p + 4) + IP6_HDR_LEN;
  if (dv.getUint8(p) >>> 4 !== 6 || totlen > pktlen - l3) return false;
  const w = info.walk;
  const here = avail - l3 < totlen ? avail - l3 : totlen;
  if (!walkIp6Ext(dv, p, here, w)) return false;
  info.af = AF_INET6;
  info.l3len = w.off - p;
  info.totlen = totlen;
  info.fragment = w.fragmented;
  info.laterFragment = w.laterFragment;
  info.proto = w.nxt;
  info.src0 = dv.getInt32(p + 8);
  info.src1 = dv.getInt32(p + 12);
  info.src2 = dv.getInt32(p + 16);
  info.src3 = dv.getInt32(p + 20);
  info.dst0 = dv.getInt32(p + 24);
  info.dst1 = dv.getInt32(p + 28);
  info.dst2 = dv.getInt32(p + 32);
  info.dst3 = dv.getInt32(p + 36);
  return true;
}

/** The network header is good; the transport header may be absent or cut off. */
function parseTransport(dv: DataView, o: number, avail: number, info: HeaderInfo): boolean {
  const l4 = info.l3off + info.l3len;
  const len = info.totlen - info.l3len;
  info.l4off = l4;
  info.payloadOff = l4;
  info.payloadLen = len;
  if (info.laterFragment || info.proto === IPPROTO_ESP) return true;
  const p = o + l4;
  if (info.proto === IPPROTO_TCP) {
    if (len < TCP_HDR_LEN || avail < l4 + TCP_HDR_LEN) return true;
    const hlen = (dv.getUint8(p + 12) >>> 4) << 2;
    if (hlen < TCP_HDR_LEN || hlen > len || avail < l4 + hlen) return true;
    info.l4len = hlen;
    info.tcpFlags = dv.getUint8(p + 13);
  } else if (info.proto === IPPROTO_UDP) {
    if (len < UDP_HDR_LEN || avail < l4 + UDP_HDR_LEN) return true;
    info.l4len = UDP_HDR_LEN;
  } else {
    return true;
  }
  info.sport = dv.getUint16(p);
  info.dport = dv.getUint16(p + 2);
  info.payloadOff = l4 + info.l4len;
  info.payloadLen = len - info.l4len;
  return true;
}
