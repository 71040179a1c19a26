import { mHeaderWritable } from '@ns/ifnet-kpi';
import { type InPkt, type Protosw, quoteNotice } from '@ns/inpcb';
import { type Mbuf, mAdj, mCksum, mCopypacket, mFreem, mPullup } from '@ns/mbuf';
import {
  AF_INET6,
  cksumFold,
  decodeIcmp6Quote,
  ICMP6_DST_UNREACH,
  ICMP6_DST_UNREACH_ADDR,
  ICMP6_DST_UNREACH_ADMIN,
  ICMP6_DST_UNREACH_BEYONDSCOPE,
  ICMP6_DST_UNREACH_NOPORT,
  ICMP6_DST_UNREACH_NOROUTE,
  ICMP6_DST_UNREACH_POLICY,
  ICMP6_DST_UNREACH_REJECT,
  ICMP6_ECHO_REPLY,
  ICMP6_ECHO_REQUEST,
  ICMP6_HDR_LEN,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAM_PROB,
  ICMP6_PARAMPROB_FIRSTFRAG,
  ICMP6_PARAMPROB_NEXTHEADER,
  ICMP6_TIME_EXCEED_REASSEMBLY,
  ICMP6_TIME_EXCEEDED,
  inAddr6In,
  IPPROTO_ICMPV6,
  IPV6_MMTU,
  MLD_LISTENER_DONE,
  MLD_LISTENER_QUERY,
  MLD_LISTENER_REPORT,
  ND_REDIRECT,
  ND_ROUTER_SOLICIT,
  PRC_MSGSIZE,
  PRC_PARAMPROB,
  PRC_TIMXCEED_INTRANS,
  PRC_UNREACH_ADMIN_PROHIB,
  PRC_UNREACH_NET,
  PRC_UNREACH_PORT,
  PRC_UNREACH_PROTOCOL,
  pseudoSum6,
} from '@ns/wire';
import { answerSource } from './icmp6-error.ts';
import { icmp6Output } from './icmp6-send.ts';
import type { Ip6Vnet } from './ip6-vnet.ts';
import { mldInput } from './mld.ts';

/** Most of a message that is looked at in one piece: headers and ports of a quotation. */
const QUOTE_MAX = 40 + 256;
/** Most of a message of neighbour discovery or MLD: what fits into one cluster. */
const MESSAGE_MAX = 1800;

/** What is to become of a message after the stack has looked at it. */
const TO_RAW = 0;
const GONE = 1;

/**
 * ICMPv6 as a protocol of the vnet. Everything but what is malformed goes on to raw sockets.
 * Source: FreeBSD icmp6.c, icmp6_input(); RFC 4443.
 */
export class Icmp6Proto implements Protosw {
  readonly proto: number;
  readonly name: string;
  readonly af: number;
  private readonly ip6v: Ip6Vnet;

  constructor(ip6v: Ip6Vnet) {
    this.proto = IPPROTO_ICMPV6;
    this.name = 'icmp6';
    this.af = AF_INET6;
    this.ip6v = ip6v;
  }

  /** {@inheritDoc @ns/inpcb#Protosw.input} */
  input(m0: Mbuf, pkt: InPkt): void {
    const ip6v = this.ip6v;
    const stat = ip6v.icmp6stat;
    if (pkt.len < ICMP6_HDR_LEN) {
      stat.tooshort++;
      mFreem(m0);
      return;
    }
    const first = mPullup(m0, pkt.off + ICMP6_HDR_LEN);
    if (first === null) {
      stat.tooshort++;
      return;
    }
    const type = first.dv.getUint8(first.off + pkt.off);
    const want = wholeNeeded(type) ? MESSAGE_MAX : QUOTE_MAX;
    const m = mPullup(first, pkt.off + Math.min(pkt.len, want));
    if (m === null) {
      stat.tooshort++;
      return;
    }
    if (cksumFold(mCksum(m, pkt.off, pkt.len, pseudoOf(pkt))) !== 0) {
      stat.checksum++;
      mFreem(m);
      return;
    }
    stat.inhist[type]!++;
    if (this.dispatch(m, pkt, type) === GONE) return;
    if (ip6v.inet.raw !== null) ip6v.inet.raw.input(m, pkt);
    else mFreem(m);
  }

  /** Does what a message asks for; GONE when nothing of it is left. */
  private dispatch(m: Mbuf, pkt: InPkt, type: number): number {
    const ip6v = this.ip6v;
    switch (type) {
      case ICMP6_DST_UNREACH:
      case ICMP6_PACKET_TOO_BIG:
      case ICMP6_TIME_EXCEEDED:
      case ICMP6_PARAM_PROB:
        errorIn(ip6v, m, pkt, type);
        return TO_RAW;
      case ICMP6_ECHO_REQUEST:
        return echo(ip6v, m, pkt);
      case MLD_LISTENER_QUERY:
      case MLD_LISTENER_REPORT:
        if (pkt.len > MESSAGE_MAX) ip6v.icmp6stat.badlen++;
        else mldInput(ip6v, m, pkt, type);
        return TO_RAW;
      default:
        if (type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT) {
          if (pkt.len > MESSAGE_MAX) ip6v.icmp6stat.badlen++;
          else ip6v.nd?.input(m, pkt, type);
        }
        return TO_RAW; // replies, reports of MLDv2, and node information, which is not given (RFC 4620)
    }
  }
}

/** Messages that their reader wants in one piece. */
function wholeNeeded(type: number): boolean {
  return (type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT) || (type >= MLD_LISTENER_QUERY && type <= MLD_LISTENER_DONE);
}

function pseudoOf(pkt: InPkt): number {
  return pseudoSum6(pkt.src0, pkt.src1, pkt.src2, pkt.src3, pkt.dst0, pkt.dst1, pkt.dst2, pkt.dst3, IPPROTO_ICMPV6, pkt.len);
}

/** The PRC_* code of an error, or -1 for a code that does not exist. Source: FreeBSD icmp6.c, icmp6_input(). */
function prcOf(type: number, code: number): number {
  switch (type) {
    case ICMP6_DST_UNREACH:
      return unreachPrc(code);
    case ICMP6_PACKET_TOO_BIG:
      return PRC_MSGSIZE; // RFC 4443 §3.2: whatever the code
    case ICMP6_TIME_EXCEEDED:
      return code <= ICMP6_TIME_EXCEED_REASSEMBLY ? PRC_TIMXCEED_INTRANS + code : -1;
    default:
      if (code > ICMP6_PARAMPROB_FIRSTFRAG) return -1;
      return code === ICMP6_PARAMPROB_NEXTHEADER ? PRC_UNREACH_PROTOCOL : PRC_PARAMPROB;
  }
}

function unreachPrc(code: number): number {
  switch (code) {
    case ICMP6_DST_UNREACH_NOROUTE:
    case ICMP6_DST_UNREACH_ADDR:
      return PRC_UNREACH_NET;
    case ICMP6_DST_UNREACH_ADMIN:
    case ICMP6_DST_UNREACH_POLICY:
    case ICMP6_DST_UNREACH_REJECT:
      return PRC_UNREACH_ADMIN_PROHIB;
    case ICMP6_DST_UNREACH_BEYONDSCOPE:
      return PRC_PARAMPROB;
    case ICMP6_DST_UNREACH_NOPORT:
      return PRC_UNREACH_PORT;
    default:
      return -1;
  }
}

/** Tells the transport whose packet an error quotes. Nothing in it is authenticated: that is for the transport to judge (RFC 5927). */
function errorIn(ip6v: Ip6Vnet, m: Mbuf, pkt: InPkt, type: number): void {
  const stat = ip6v.icmp6stat;
  const o = m.off + pkt.off;
  const cmd = prcOf(type, m.dv.getUint8(o + 1));
  if (cmd < 0) {
    stat.badcode++;
    return;
  }
  const q = ip6v.quote;
  const avail = Math.min(pkt.len, m.len - pkt.off) - ICMP6_HDR_LEN;
  if (!decodeIcmp6Quote(m.dv, o + ICMP6_HDR_LEN, avail, q)) {
    stat.badlen++;
    return;
  }
  // About a packet that we cannot have sent.
  if (ip6v.addrs.lookup(q.src0, q.src1, q.src2, q.src3, pkt.zone) === null) {
    stat.dropped++;
    return;
  }
  let mtu = 0;
  if (cmd === PRC_MSGSIZE) {
    mtu = m.dv.getUint32(o + 4);
    if (mtu < IPV6_MMTU) {
      stat.dropped++; // RFC 8201 §4: no link is narrower
      return;
    }
    if (ip6v.pmtu.update(inAddr6In(q.dst0, q.dst1, q.dst2, q.dst3, pkt.zone), mtu, q.iplen)) stat.pmtuchg++;
  }
  if (q.laterFragment) return;
  const notice = quoteNotice(cmd, mtu, q, pkt.zone);
  ip6v.inet.protosw6[q.proto]?.ctlinput?.(notice);
  ip6v.inet.raw?.ctlinput?.(notice); // who speaks the protocol by a raw socket

}

/** Answers an echo request, multicast ones too (RFC 4443 §4.2); raw sockets see it as well. */
function echo(ip6v: Ip6Vnet, m0: Mbuf, pkt: InPkt): number {
  let n: Mbuf | null = m0;
  if (ip6v.inet.raw !== null) {
    n = mCopypacket(m0);
    if (n === null) {
      ip6v.stat.odropped++;
      return TO_RAW;
    }
  }
  reflect(ip6v, n, pkt);
  return n === m0 ? GONE : TO_RAW;
}

/** Turns a request into its reply and sends it back. Consumes n. Source: FreeBSD icmp6.c, icmp6_reflect(). */
function reflect(ip6v: Ip6Vnet, n: Mbuf, pkt: InPkt): void {
  const dst = pkt.srcAddr();
  const src = (pkt.src0 | pkt.src1 | pkt.src2 | pkt.src3) === 0 ? null : answerSource(ip6v, n, dst, pkt.zone);
  if (src === null) {
    mFreem(n);
    return;
  }
  mAdj(n, pkt.off);
  const m = mHeaderWritable(n, ICMP6_HDR_LEN);
  if (m === null) {
    ip6v.stat.odropped++;
    return;
  }
  ip6v.icmp6stat.reflect++;
  m.dv.setInt32(m.off, ICMP6_ECHO_REPLY << 24);
  icmp6Output(ip6v, m, src, dst, null, ip6v.defhlim);
}
