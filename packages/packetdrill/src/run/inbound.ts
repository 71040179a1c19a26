import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';
import type { IcmpQuoteSpec, IcmpSpec, IpSpec, PacketNode, TcpOptionSpec, TcpSpec } from '../lang/ast.ts';
import { icmpPacket, ipHdrLen, type IpFields, ipPacket, tcpPacket, udpPacket } from '../pkt/encode.ts';
import { icmpNumbers, icmpTakesMtu } from '../pkt/icmp.ts';
import { encodeOption } from '../pkt/options.ts';
import { TH_ACK, TH_SYN } from '../pkt/packet.ts';
import type { Config } from './config.ts';
import { CannotRun, ScriptFailure } from './failure.ts';
import type { ScriptSocket } from './script-socket.ts';

const DEFAULT_TTL = 255;
/** Octets of the transport header that an ICMP error quotes. */
const QUOTE_LEN = 8;
const OPTION_SPACE = 40;

function ipFields(ip: IpSpec, config: Config, fromUs: boolean): IpFields {
  const tos = ip.tos ?? (ip.dscp ?? 0) << 2;
  const ecn = ip.ecn === null ? tos & 3 : ip.ecn === -1 ? 2 : ip.ecn;
  return {
    src: fromUs ? config.localIp : config.remoteIp,
    dst: fromUs ? config.remoteIp : config.localIp,
    ttl: ip.ttl ?? DEFAULT_TTL,
    tos: (tos & ~3) | ecn,
    flow: ip.flow ?? 0,
  };
}

/** The packet of a script as it goes over the wire. Source: packetdrill run_packet.c, map_inbound_packet(). */
export function buildInbound(node: PacketNode, s: ScriptSocket, config: Config): Uint8Array {
  if (node.encaps.length > 0) throw new CannotRun(node.line, 'packets in tunnels are not supported');
  const ip = ipFields(node.ip, config, false);
  if (node.body.type === 'tcp') return buildTcp(node, node.body, ip, s, config);
  if (node.body.type === 'icmp') return buildIcmp(node, node.body, ip, s, config);
  return udpPacket(ip, node.ports?.src ?? s.remotePort, node.ports?.dst ?? s.localPort, new Uint8Array(node.body.len));
}

function buildTcp(node: PacketNode, t: TcpSpec, ip: IpFields, s: ScriptSocket, config: Config): Uint8Array {
  if (t.diag !== null) throw new CannotRun(node.line, 'reset diagnostics are not supported');
  const syn = (t.flags & TH_SYN) !== 0;
  const ours = s.localOffset(syn);
  const hasAck = (t.flags & TH_ACK) !== 0;
  const options = (t.options ?? []).map((o) => mapOption(o, s, ours, hasAck, config, node.line));
  const size = options.reduce((n, o) => n + encodeOption(o).length, 0);
  if (size % 4 !== 0) throw new ScriptFailure(node.line, `the TCP options are ${size} octets long, not a multiple of 4: pad them with nop or eol`);
  if (size > OPTION_SPACE) throw new ScriptFailure(node.line, `the TCP options are ${size} octets long, more than ${OPTION_SPACE}`);
  return tcpPacket(ip, {
    sport: node.ports?.src ?? s.remotePort,
    dport: node.ports?.dst ?? s.localPort,
    seq: (t.seq ?? 0) + (t.seqAbsolute ? 0 : s.remoteOffset(syn)),
    ack: t.ack + (hasAck ? ours : 0),
    flags: t.flags,
    win: t.win ?? 0,
    urg: t.urg,
    options,
    payload: new Uint8Array(t.len),
    udp: node.udp,
    secret: config.md5Secret,
  });
}

/** SACK edges and echoed time stamps are our numbers. */
function mapOption(o: TcpOptionSpec, s: ScriptSocket, ours: number, hasAck: boolean, config: Config, line: number): TcpOptionSpec {
  if (o.type === 'sack') return { type: 'sack', blocks: o.blocks.map(([l, r]) => [(l + ours) >>> 0, (r + ours) >>> 0] as const) };
  if (o.type !== 'ts' || o.ecr === null || o.ecrAbsolute || !hasAck) return o;
  const live = s.tsval.get(o.ecr);
  if (live === undefined && config.tsEcrScaled && s.tsBase !== null) return { ...o, ecr: (o.ecr - s.tsBase.script + s.tsBase.live) >>> 0 };
  if (live === undefined) throw new ScriptFailure(line, `no packet with TS val ${o.ecr} has come out that could be echoed`);
  return { ...o, ecr: live };
}

function buildIcmp(node: PacketNode, m: IcmpSpec, ip: IpFields, s: ScriptSocket, config: Config): Uint8Array {
  const n = icmpNumbers(config.wireAf, m.icmpType, m.icmpCode);
  if (typeof n === 'string') throw new ScriptFailure(node.line, n);
  if (m.mtu !== null && !icmpTakesMtu(config.wireAf, n.type, n.code)) throw new ScriptFailure(node.line, `ICMP type ${m.icmpType} takes no MTU`);
  const proto = config.wireAf === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  const word = m.id !== null ? m.id << 16 : config.wireAf === 4 ? (m.mtu ?? 0) & 0xffff : (m.mtu ?? 0);
  return icmpPacket(ip, proto, n.type, n.code, word, quoteOf(m, s, config));
}

/** What an error without a quote is about: the first segment of the connection. Source: packetdrill parser.y, opt_icmp_echoed. */
const FIRST_SEGMENT: IcmpQuoteSpec = Object.freeze({ type: 'tcp', seq: 0, len: 0, udp: null });

/** Our packet as far as the error quotes it; an echo quotes none. */
function quoteOf(m: IcmpSpec, s: ScriptSocket, config: Config): Uint8Array {
  if (m.quote === null && /^echo_/.test(m.icmpType)) return new Uint8Array(0);
  const q = m.quote ?? FIRST_SEGMENT;
  const ip = ipFields({ ttl: 64, tos: null, dscp: null, ecn: null, flow: null }, config, true);
  const ports = (b: DataView, o: number, src: number, dst: number): void => {
    b.setUint16(o, src);
    b.setUint16(o + 2, dst);
  };
  const udpLen = q.type === 'udp' || (q.type === 'tcp' && q.udp !== null) ? 8 : 0;
  const body = new Uint8Array(q.type === 'tcp' ? udpLen + QUOTE_LEN : q.type === 'udp' ? 8 : QUOTE_LEN);
  const dv = new DataView(body.buffer);
  if (q.type !== 'tcp') {
    ports(dv, 0, s.localPort, s.remotePort);
    dv.setUint16(4, 8 + q.len);
    return ipPacket(ip, q.type === 'udp' ? IPPROTO_UDP : 255, body, 8 + q.len);
  }
  if (q.udp !== null) {
    ports(dv, 0, q.udp.src, q.udp.dst);
    dv.setUint16(4, 8 + 20 + q.len);
  }
  ports(dv, udpLen, s.localPort, s.remotePort);
  // The script's number counts from our ISN, also for a SYN.
  dv.setUint32(udpLen + 4, (q.seq + s.liveLocalIsn) >>> 0);
  return ipPacket(ip, udpLen > 0 ? IPPROTO_UDP : IPPROTO_TCP, body, udpLen + 20 + q.len);
}

/** Length of the IP header in front of a packet of this configuration. */
export const headerLen = (config: Config): number => ipHdrLen(ipFields({ ttl: null, tos: null, dscp: null, ecn: null, flow: null }, config, false));
