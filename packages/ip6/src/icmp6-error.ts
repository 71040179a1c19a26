import { ifnetOf } from '@ns/ifnet';
import { ppsratecheck } from '@ns/kern';
import { M_BCAST, M_MCAST, M_PKTHDR, MAX_LINKHDR, type Mbuf, mCopydata, mFreem, mPullup } from '@ns/mbuf';
import {
  getInAddr6,
  ICMP6_DST_UNREACH,
  ICMP6_DST_UNREACH_ADDR,
  ICMP6_DST_UNREACH_ADMIN,
  ICMP6_DST_UNREACH_BEYONDSCOPE,
  ICMP6_DST_UNREACH_NOPORT,
  ICMP6_DST_UNREACH_NOROUTE,
  ICMP6_HDR_LEN,
  ICMP6_INFOMSG_MASK,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAM_PROB,
  ICMP6_PARAMPROB_HEADER,
  ICMP6_PARAMPROB_NEXTHEADER,
  ICMP6_PARAMPROB_OPTION,
  ICMP6_TIME_EXCEED_REASSEMBLY,
  ICMP6_TIME_EXCEED_TRANSIT,
  ICMP6_TIME_EXCEEDED,
  ICMPV6_PLD_MAXLEN,
  type InAddr,
  inAddr6In,
  IP6_HDR_LEN,
  IPPROTO_ICMPV6,
  isAny,
  isMulticast,
  ND_REDIRECT,
  walkIp6Ext,
} from '@ns/wire';
import { icmp6Output } from './icmp6-send.ts';
import { in6Ready } from './in6-var.ts';
import { in6Selectsrc } from './in6-src.ts';
import type { Ip6Vnet } from './ip6-vnet.ts';
import type { Icmp6Stat } from './stats.ts';

/** Bytes of headers that are made contiguous to find out what a packet is. */
const HDRS = 256;

/**
 * Sends an ICMPv6 error about the packet `n`, which begins with its IPv6 header as received; `param` is the pointer of a parameter problem or the MTU of packet too big. Consumes n.
 *
 * None is sent about: an ICMPv6 error or redirect; a packet to a group, or in a link-level group frame, unless it is too big or has an option that asks for it; a sender that is no
 * single host; and no more than net.inet6.icmp6.errppslimit a second (RFC 4443 §2.4).
 * Source: FreeBSD icmp6.c, icmp6_error().
 * @public
 */
export function icmp6Error(ip6v: Ip6Vnet, n0: Mbuf, type: number, code: number, param: number): void {
  const stat = ip6v.icmp6stat;
  stat.error++;
  const n = mPullup(n0, Math.min(n0.pktlen, HDRS));
  if (n === null) return;
  const rcvif = n.rcvif === null ? null : ifnetOf(n.rcvif);
  const zone = rcvif === null ? 0 : rcvif.index;
  const to = getInAddr6(n.dv, n.off + 8);
  if (!mayAnswer(ip6v, n, to, type, code)) {
    stat.canterror++;
    mFreem(n);
    return;
  }
  if (!ppsratecheck(ip6v.errLimit, ip6v.vnet.kernel.callouts.nowUs(), ip6v.errppslimit)) {
    stat.toofreq++;
    mFreem(n);
    return;
  }
  const dst = inAddr6In(to.w0, to.w1, to.w2, to.w3, zone);
  const src = answerSource(ip6v, n, dst, zone);
  const m = src === null ? null : build(n, type, code, param);
  if (m !== null && src !== null) {
    countOut(stat, type, code);
    m.fibnum = n.fibnum;
    icmp6Output(ip6v, m, src, dst, null, ip6v.defhlim);
  }
  mFreem(n);
}

/** RFC 4443 §2.4 (e). */
function mayAnswer(ip6v: Ip6Vnet, n: Mbuf, src: InAddr, type: number, code: number): boolean {
  if (isAny(src) || isMulticast(src)) return false;
  const forced = type === ICMP6_PACKET_TOO_BIG || (type === ICMP6_PARAM_PROB && code === ICMP6_PARAMPROB_OPTION);
  if (!forced && ((n.flags & (M_BCAST | M_MCAST)) !== 0 || n.dv.getUint8(n.off + 24) === 0xff)) return false;
  const w = ip6v.walk;
  if (!walkIp6Ext(n.dv, n.off, n.len, w) || w.nxt !== IPPROTO_ICMPV6 || w.laterFragment) return true;
  // A message too short to tell may be an error.
  if (w.off >= n.off + n.len) return false;
  const inner = n.dv.getUint8(w.off);
  return (inner & ICMP6_INFOMSG_MASK) !== 0 && inner !== ND_REDIRECT;
}

/** The address that was spoken to, if it is ours, else one that can speak to the sender; null if there is none. Source: FreeBSD icmp6.c, icmp6_reflect(). */
export function answerSource(ip6v: Ip6Vnet, n: Mbuf, to: InAddr, zone: number): InAddr | null {
  const dv = n.dv;
  const o = n.off;
  const own = ip6v.addrs.lookup(dv.getInt32(o + 24), dv.getInt32(o + 28), dv.getInt32(o + 32), dv.getInt32(o + 36), zone);
  if (own !== null && in6Ready(own)) return own.addr;
  const src = in6Selectsrc(ip6v, n.fibnum, to, null, null);
  return typeof src === 'number' ? null : src;
}

/** The error, with as much of the packet as fits into 1280 bytes; null when there is no mbuf. */
function build(n: Mbuf, type: number, code: number, param: number): Mbuf | null {
  const quote = Math.min(n.pktlen, ICMPV6_PLD_MAXLEN);
  const m = n.pool.getCl(IP6_HDR_LEN + ICMP6_HDR_LEN + quote, MAX_LINKHDR);
  if (m === null) return null;
  m.flags |= M_PKTHDR;
  m.off += IP6_HDR_LEN; // room for the header
  m.len = ICMP6_HDR_LEN + quote;
  m.pktlen = m.len;
  m.dv.setInt32(m.off, (type << 24) | (code << 16));
  m.dv.setInt32(m.off + 4, param);
  mCopydata(n, 0, quote, m.buf, m.off + ICMP6_HDR_LEN);
  return m;
}

/** Source: FreeBSD icmp6.c, icmp6_errcount(). */
function countOut(stat: Icmp6Stat, type: number, code: number): void {
  switch (type) {
    case ICMP6_DST_UNREACH:
      if (code === ICMP6_DST_UNREACH_NOROUTE) stat.odst_unreach_noroute++;
      else if (code === ICMP6_DST_UNREACH_ADMIN) stat.odst_unreach_admin++;
      else if (code === ICMP6_DST_UNREACH_BEYONDSCOPE) stat.odst_unreach_beyondscope++;
      else if (code === ICMP6_DST_UNREACH_ADDR) stat.odst_unreach_addr++;
      else if (code === ICMP6_DST_UNREACH_NOPORT) stat.odst_unreach_noport++;
      else stat.ounknown++;
      return;
    case ICMP6_PACKET_TOO_BIG:
      stat.opacket_too_big++;
      return;
    case ICMP6_TIME_EXCEEDED:
      if (code === ICMP6_TIME_EXCEED_TRANSIT) stat.otime_exceed_transit++;
      else if (code === ICMP6_TIME_EXCEED_REASSEMBLY) stat.otime_exceed_reassembly++;
      else stat.ounknown++;
      return;
    case ICMP6_PARAM_PROB:
      if (code === ICMP6_PARAMPROB_HEADER) stat.oparamprob_header++;
      else if (code === ICMP6_PARAMPROB_NEXTHEADER) stat.oparamprob_nextheader++;
      else if (code === ICMP6_PARAMPROB_OPTION) stat.oparamprob_option++;
      else stat.ounknown++;
      return;
    default:
      stat.ounknown++;
  }
}
