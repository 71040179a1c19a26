import {
  decodeIcmpHdr,
  decodeTcpHdr,
  formatInet4,
  getIpDst,
  getIpHlen,
  getIpP,
  getUdpDport,
  getUdpSport,
  getUdpUlen,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_MINLEN,
  ICMP_PARAMPROB,
  ICMP_REDIRECT,
  ICMP_SOURCEQUENCH,
  ICMP_TIMXCEED,
  ICMP_TSTAMP,
  ICMP_TSTAMPREPLY,
  ICMP_UNREACH,
  icmpId,
  IcmpHdr,
  icmpSeq,
  IP_HDR_LEN,
  IPPROTO_TCP,
  IPPROTO_UDP,
  TCP_HDR_LEN,
  TCPOPT_EOL,
  TCPOPT_FAST_OPEN,
  TCPOPT_MAXSEG,
  TCPOPT_NOP,
  TCPOPT_SACK,
  TCPOPT_SACK_PERMITTED,
  TCPOPT_SIGNATURE,
  TCPOPT_TIMESTAMP,
  TCPOPT_WINDOW,
  TcpHdr,
  TH_ACK,
  TH_AE,
  TH_CWR,
  TH_ECE,
  TH_FIN,
  TH_PUSH,
  TH_RST,
  TH_SYN,
  TH_URG,
  UDP_HDR_LEN,
} from '@ns/wire';
import { serviceName } from '../text/services.ts';

/** A stretch of captured bytes: [off, end) are there, of a payload that is `len` bytes long on the wire. */
export interface Bytes {
  readonly dv: DataView;
  readonly off: number;
  readonly end: number;
  readonly len: number;
}

/** How packets are shown. */
export interface L4Options {
  readonly numeric: boolean;
  readonly absolute: boolean;
}

/** First sequence numbers of the connections seen, by both ends; bounded, the oldest go first. */
export class TcpFlows {
  private readonly flows: Map<string, { readonly seq: number; readonly ack: number }>;
  private readonly max: number;

  constructor(max: number = 4096) {
    this.flows = new Map();
    this.max = max;
  }

  /** What to subtract from seq and ack of a segment; zeros for a SYN and for the first one of a connection. Source: tcpdump, print-tcp.c. */
  base(src: string, dst: string, th: TcpHdr): { readonly seq: number; readonly ack: number } {
    const reversed = src > dst;
    const key = reversed ? `${dst} ${src}` : `${src} ${dst}`;
    const known = this.flows.get(key);
    if (known !== undefined && (th.flags & TH_SYN) === 0) return reversed ? { seq: known.ack, ack: known.seq } : known;
    if (known === undefined && this.flows.size >= this.max) this.flows.delete(this.flows.keys().next().value as string);
    const peer = (th.ack - 1) | 0;
    this.flows.set(key, reversed ? { seq: peer, ack: th.seq } : { seq: th.seq, ack: peer });
    return ZERO;
  }
}

const ZERO = Object.freeze({ seq: 0, ack: 0 });

export const port = (n: number, numeric: boolean): string => (numeric ? null : serviceName(n)) ?? String(n);

const FLAGS: readonly (readonly [number, string])[] = [
  [TH_FIN, 'F'],
  [TH_SYN, 'S'],
  [TH_RST, 'R'],
  [TH_PUSH, 'P'],
  [TH_ACK, '.'],
  [TH_URG, 'U'],
  [TH_ECE, 'E'],
  [TH_CWR, 'W'],
  [TH_AE, 'e'],
];

const flagText = (flags: number): string => FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, l]) => l).join('') || 'none';

function optionText(dv: DataView, o: number, kind: number, len: number, ackBase: number): string {
  const u32 = (at: number): number => dv.getUint32(at);
  if (kind === TCPOPT_MAXSEG && len === 4) return `mss ${dv.getUint16(o + 2)}`;
  if (kind === TCPOPT_WINDOW && len === 3) return `wscale ${dv.getUint8(o + 2)}`;
  if (kind === TCPOPT_SACK_PERMITTED) return 'sackOK';
  if (kind === TCPOPT_TIMESTAMP && len === 10) return `TS val ${u32(o + 2)} ecr ${u32(o + 6)}`;
  if (kind === TCPOPT_SIGNATURE) return `md5 shared secret not supplied with -M, can't check - ${hexBytes(dv, o + 2, len - 2)}`;
  if (kind === TCPOPT_FAST_OPEN) return len === 2 ? 'tfo  cookiereq' : `tfo  cookie ${hexBytes(dv, o + 2, len - 2)}`;
  if (kind === TCPOPT_SACK) {
    const n = (len - 2) >> 3;
    const blocks = Array.from({ length: n }, (_, i) => `{${(u32(o + 2 + 8 * i) - ackBase) >>> 0}:${(u32(o + 6 + 8 * i) - ackBase) >>> 0}}`);
    return `sack ${n} ${blocks.join('')}`;
  }
  if ((kind === 253 || kind === 254) && len >= 4) return `exp-${hexBytes(dv, o + 2, 2)}${len > 4 ? ` 0x${hexBytes(dv, o + 4, len - 4)}` : ''}`;
  return `unknown-${kind}${len > 2 ? ` 0x${hexBytes(dv, o + 2, len - 2)}` : ''}`;
}

function hexBytes(dv: DataView, o: number, n: number): string {
  let s = '';
  for (let i = 0; i < n; i++) s += dv.getUint8(o + i).toString(16).padStart(2, '0');
  return s;
}

const BAD_OPT = '[bad opt]';

/** The options as tcpdump writes them; ends with {@link BAD_OPT} where the list goes wrong. */
function options(dv: DataView, from: number, end: number, ackBase: number): string {
  const out: string[] = [];
  for (let o = from; o < end; ) {
    const kind = dv.getUint8(o);
    if (kind === TCPOPT_EOL || kind === TCPOPT_NOP) {
      out.push(kind === TCPOPT_EOL ? 'eol' : 'nop');
      if (kind === TCPOPT_EOL) break;
      o++;
      continue;
    }
    const len = o + 1 < end ? dv.getUint8(o + 1) : 0;
    if (len < 2 || o + len > end) return `${out.map((t) => `${t},`).join('')}${BAD_OPT}`;
    out.push(optionText(dv, o, kind, len, ackBase));
    o += len;
  }
  return out.join(',');
}

/** A TCP segment: addresses with ports, then what it says. Source: tcpdump, print-tcp.c, for its format. */
export function printTcp(b: Bytes, src: string, dst: string, flows: TcpFlows, o: L4Options): string {
  const th = new TcpHdr();
  if (b.end - b.off < TCP_HDR_LEN) return `${src} > ${dst}:  [|tcp]`;
  const ok = decodeTcpHdr(b.dv, b.off, b.end - b.off, th);
  const [s, d] = [`${src}.${port(th.sport, o.numeric)}`, `${dst}.${port(th.dport, o.numeric)}`];
  if (!ok && th.off < TCP_HDR_LEN) return `${s} > ${d}: tcp ${b.len} [bad hdr length ${th.off}, too short, < ${TCP_HDR_LEN}]`;
  const data = b.len - th.off;
  if (data < 0) return `${s} > ${d}: tcp ${b.len} [bad hdr length ${th.off}, too long]`;
  const base = o.absolute ? { seq: 0, ack: 0 } : flows.base(s, d, th);
  let line = `${s} > ${d}: Flags [${flagText(th.flags)}]`;
  const seq = (th.seq - base.seq) >>> 0;
  if (data > 0 || (th.flags & (TH_SYN | TH_FIN | TH_RST)) !== 0) line += `, seq ${seq}${data > 0 ? `:${(seq + data) >>> 0}` : ''}`;
  if ((th.flags & TH_ACK) !== 0) line += `, ack ${(th.ack - base.ack) >>> 0}`;
  line += `, win ${th.win}`;
  if ((th.flags & TH_URG) !== 0) line += `, urg ${th.urp}`;
  const optEnd = Math.min(b.off + th.off, b.end);
  if (th.off > TCP_HDR_LEN) {
    const text = optEnd < b.off + th.off ? '|tcp' : options(b.dv, b.off + TCP_HDR_LEN, optEnd, base.ack);
    line += `, options [${text}]`;
    if (text.endsWith(BAD_OPT)) return line;
  }
  return `${line}, length ${data}`;
}

/** A UDP datagram. */
export function printUdp(b: Bytes, src: string, dst: string, o: L4Options): string {
  if (b.end - b.off < UDP_HDR_LEN) return `${src} > ${dst}:  [|udp]`;
  const [s, d] = [`${src}.${port(getUdpSport(b.dv, b.off), o.numeric)}`, `${dst}.${port(getUdpDport(b.dv, b.off), o.numeric)}`];
  const ulen = getUdpUlen(b.dv, b.off);
  if (ulen < UDP_HDR_LEN) return `${s} > ${d}: truncated-udplength ${ulen}`;
  const bad = ulen > b.len ? ` [bad udp length ${ulen} > ${b.len}]` : '';
  return `${s} > ${d}:${bad} UDP, length ${ulen - UDP_HDR_LEN}`;
}

const UNREACH: readonly string[] = ['net', 'host', 'protocol', 'port', 'need to frag', 'source route failed', 'net', 'host', 'host', 'net', 'host', 'net', 'host', 'host'];
const UNREACH_TAIL: Readonly<Record<number, string>> = {
  0: 'unreachable',
  1: 'unreachable',
  6: 'unreachable - unknown',
  7: 'unreachable - unknown',
  8: 'unreachable - source isolated',
  9: 'unreachable - admin prohibited',
  10: 'unreachable - admin prohibited',
  11: 'unreachable - tos prohibited',
  12: 'unreachable - tos prohibited',
  13: 'unreachable - admin prohibited filter',
};

function unreach(b: Bytes, ih: IcmpHdr): string {
  const at = b.off + ICMP_MINLEN;
  if (b.end - at < IP_HDR_LEN) return '[|icmp]';
  const dst = formatInet4(getIpDst(b.dv, at));
  const proto = getIpP(b.dv, at);
  if (ih.code === 2) return `${dst} protocol ${proto} unreachable`;
  if (ih.code === 3) {
    const l4 = at + getIpHlen(b.dv, at);
    if (b.end - l4 < 4) return `${dst} unreachable`;
    const name = proto === IPPROTO_TCP ? 'tcp' : proto === IPPROTO_UDP ? 'udp' : `protocol ${proto}`;
    return `${dst} ${name} port ${b.dv.getUint16(l4 + 2)} unreachable`;
  }
  if (ih.code === 4) return `${dst} unreachable - need to frag${(ih.word & 0xffff) !== 0 ? ` (mtu ${ih.word & 0xffff})` : ''}`;
  if (ih.code === 5) return `${dst} unreachable - source route failed`;
  const what = UNREACH[ih.code];
  return what === undefined ? `${dst} unreachable - #${ih.code}` : `${what} ${dst} ${UNREACH_TAIL[ih.code] ?? 'unreachable'}`;
}

/** What an ICMP message says, without its length. */
function icmpText(b: Bytes, ih: IcmpHdr): string {
  switch (ih.type) {
    case ICMP_ECHO:
    case ICMP_ECHOREPLY:
      return `echo ${ih.type === ICMP_ECHO ? 'request' : 'reply'}, id ${icmpId(ih)}, seq ${icmpSeq(ih)}`;
    case ICMP_UNREACH:
      return unreach(b, ih);
    case ICMP_SOURCEQUENCH:
      return 'source quench';
    case ICMP_REDIRECT:
      return b.end - b.off < ICMP_MINLEN + IP_HDR_LEN ? '[|icmp]' : `redirect ${formatInet4(getIpDst(b.dv, b.off + ICMP_MINLEN))} to ${['net', 'host', 'tos net', 'tos host'][ih.code] ?? `#${ih.code}`} ${formatInet4(ih.word)}`;
    case ICMP_TIMXCEED:
      return ih.code === 0 ? 'time exceeded in-transit' : ih.code === 1 ? 'ip reassembly time exceeded' : `time exceeded-#${ih.code}`;
    case ICMP_PARAMPROB:
      return ih.code !== 0 ? `parameter problem - code ${ih.code}` : `parameter problem - octet ${ih.word >>> 24}`;
    case ICMP_TSTAMP:
      return `time stamp query id ${icmpId(ih)} seq ${icmpSeq(ih)}`;
    case ICMP_TSTAMPREPLY:
      return `time stamp reply id ${icmpId(ih)} seq ${icmpSeq(ih)}`;
    default:
      return `type-#${ih.type}`;
  }
}

/** An ICMP message. */
export function printIcmp(b: Bytes, src: string, dst: string): string {
  const ih = new IcmpHdr();
  if (!decodeIcmpHdr(b.dv, b.off, b.end - b.off, ih)) return `${src} > ${dst}:  [|icmp]`;
  return `${src} > ${dst}: ICMP ${icmpText(b, ih)}, length ${b.len}`;
}
