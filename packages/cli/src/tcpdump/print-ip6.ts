import {
  formatInAddr,
  getInAddr6,
  ICMP6_DST_UNREACH,
  ICMP6_ECHO_REPLY,
  ICMP6_ECHO_REQUEST,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAM_PROB,
  ICMP6_TIME_EXCEEDED,
  IP6_HDR_LEN,
  IP6_FRAG_LEN,
  IP6F_MORE_FRAG,
  IP6F_OFF_MASK,
  ip6ExtLen,
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  isIp6Ext,
  MLD_LISTENER_DONE,
  MLD_LISTENER_QUERY,
  MLD_LISTENER_REPORT,
  MLDV2_LISTENER_REPORT,
  ND_NEIGHBOR_ADVERT,
  ND_NEIGHBOR_SOLICIT,
  ND_REDIRECT,
  ND_ROUTER_ADVERT,
  ND_ROUTER_SOLICIT,
} from '@ns/wire';
import type { Bytes } from './print-l4.ts';

/** What stands in front of an upper-layer header. */
export interface Ip6Chain {
  /** The headers as text, each with a blank behind it. */
  readonly text: string;
  /** What is behind them. */
  readonly rest: Bytes;
  /** Its protocol; -1 if there is nothing to be shown: a later fragment, or cut off. */
  readonly nxt: number;
}

/** Goes over the extension headers at the front of `b`, the first of which is `nxt`. */
export function ip6Chain(b: Bytes, nxt0: number): Ip6Chain {
  let text = '';
  let nxt = nxt0;
  let { off } = b;
  const at = (o: number): Bytes => ({ dv: b.dv, off: o, end: b.end, len: b.len - (o - b.off) });
  while (isIp6Ext(nxt)) {
    if (b.end - off < IP6_FRAG_LEN) return { text: `${text}[|${extName(nxt)}]`, rest: at(off), nxt: -1 };
    const len = ip6ExtLen(b.dv, off, nxt);
    if (nxt === IPPROTO_FRAGMENT) {
      const word = b.dv.getUint16(off + 2);
      text += `frag (${word & IP6F_OFF_MASK}|${Math.max(0, b.len - (off - b.off) - IP6_FRAG_LEN)}) `;
      if ((word & IP6F_OFF_MASK) !== 0) return { text: text.trimEnd(), rest: at(off), nxt: -1 };
      if ((word & IP6F_MORE_FRAG) === 0) text = text.replace(/frag \(/, 'atomic frag (');
    } else if (nxt === IPPROTO_ROUTING) text += `RT6 (len=${b.dv.getUint8(off + 1)}, type=${b.dv.getUint8(off + 2)}, segleft=${b.dv.getUint8(off + 3)}) `;
    else text += `${extName(nxt)} `;
    nxt = b.dv.getUint8(off);
    off += len;
    if (off > b.end) return { text: text.trimEnd(), rest: at(b.end), nxt: -1 };
  }
  return { text, rest: at(off), nxt };
}

function extName(nxt: number): string {
  switch (nxt) {
    case IPPROTO_HOPOPTS:
      return 'HBH';
    case IPPROTO_DSTOPTS:
      return 'DSTOPT';
    case IPPROTO_ROUTING:
      return 'rt6';
    case IPPROTO_AH:
      return 'AH';
    default:
      return 'frag';
  }
}

const UNREACH: readonly string[] = ['unreachable route', 'unreachable prohibited', 'beyond scope', 'unreachable address', 'unreachable port', 'source address failed policy', 'reject route'];

/** The text of an ICMPv6 message, its length left out. Source: tcpdump print-icmp6.c. */
export function icmp6Text(b: Bytes): string {
  const { dv, off } = b;
  if (b.end - off < 8) return '[|icmp6]';
  const type = dv.getUint8(off);
  const code = dv.getUint8(off + 1);
  switch (type) {
    case ICMP6_DST_UNREACH:
      return `destination unreachable, ${UNREACH[code] ?? `unknown code (${code})`}${quoted(b)}`;
    case ICMP6_PACKET_TOO_BIG:
      return `packet too big, mtu ${dv.getUint32(off + 4)}`;
    case ICMP6_TIME_EXCEEDED:
      return `time exceeded ${code === 0 ? 'in-transit' : code === 1 ? 'in-reassembly' : `unknown code (${code})`}${code === 0 ? quoted(b) : ''}`;
    case ICMP6_PARAM_PROB: {
      const what = ['errorneous', 'next header', 'option', 'first fragment'][code] ?? `code-#${code}`;
      return `parameter problem, ${what} - octet ${dv.getUint32(off + 4)}`;
    }
    case ICMP6_ECHO_REQUEST:
    case ICMP6_ECHO_REPLY:
      return `echo ${type === ICMP6_ECHO_REQUEST ? 'request' : 'reply'}, id ${dv.getUint16(off + 4)}, seq ${dv.getUint16(off + 6)}`;
    case MLD_LISTENER_QUERY:
      if (b.len >= 28) return `multicast listener query v2 [gaddr ${addr(b, 8)}]`;
      return `multicast listener query max resp delay: ${dv.getUint16(off + 4)} addr: ${addr(b, 8)}`;
    case MLD_LISTENER_REPORT:
      return `multicast listener report max resp delay: ${dv.getUint16(off + 4)} addr: ${addr(b, 8)}`;
    case MLD_LISTENER_DONE:
      return `multicast listener done max resp delay: ${dv.getUint16(off + 4)} addr: ${addr(b, 8)}`;
    case MLDV2_LISTENER_REPORT:
      return `multicast listener report v2, ${dv.getUint16(off + 6)} group record(s)`;
    case ND_ROUTER_SOLICIT:
      return 'router solicitation';
    case ND_ROUTER_ADVERT:
      return 'router advertisement';
    case ND_NEIGHBOR_SOLICIT:
      return `neighbor solicitation, who has ${addr(b, 8)}`;
    case ND_NEIGHBOR_ADVERT:
      return `neighbor advertisement, tgt is ${addr(b, 8)}`;
    case ND_REDIRECT:
      return `redirect, ${addr(b, 24)} to ${addr(b, 8)}`;
    default:
      return `unknown icmp6 type (${type})`;
  }
}

/** The address `at` bytes into the message. */
function addr(b: Bytes, at: number): string {
  return b.end - b.off < at + 16 ? '[|icmp6]' : formatInAddr(getInAddr6(b.dv, b.off + at));
}

/** The packet that an error is about: its destination, and port if it has one. */
function quoted(b: Bytes): string {
  const o = b.off + 8;
  if (b.end - o < IP6_HDR_LEN) return '';
  const dst = formatInAddr(getInAddr6(b.dv, o + 24));
  const nxt = b.dv.getUint8(o + 6);
  const name = nxt === 6 ? 'tcp' : nxt === 17 ? 'udp' : null;
  if (name === null || b.dv.getUint8(b.off + 1) !== 4 || b.dv.getUint8(b.off) !== ICMP6_DST_UNREACH) return ` ${dst}`;
  return b.end - o < IP6_HDR_LEN + 4 ? ` ${dst}` : `, ${dst} ${name} port ${b.dv.getUint16(o + IP6_HDR_LEN + 2)}`;
}
