import { ppsratecheck, type RateLimit } from '@ns/kern';
import { M_BCAST, M_MCAST, M_PKTHDR, MAX_LINKHDR, type Mbuf, mCksum, mCopydata, mFreem, mPullup } from '@ns/mbuf';
import {
  cksumFold,
  getIpHlen,
  ICMP_MINLEN,
  ICMP_PARAMPROB,
  ICMP_REDIRECT,
  ICMP_UNREACH,
  ICMP_UNREACH_NEEDFRAG,
  icmpInfoType,
  IP_DF,
  IP_HDR_LEN,
  IP_MF,
  IPPROTO_ICMP,
  IPPROTO_TCP,
} from '@ns/wire';
import { icmpReflectSource, icmpSend } from './icmp-send.ts';
import { BANDLIM_ICMP_REDIRECT, BANDLIM_ICMP_UNREACH, type IpVnet } from './ip-vnet.ts';

/** Names of the limits in the log, by BANDLIM_*. */
const LIMIT_NAMES: readonly string[] = ['unreach', 'ping', 'tstamp', 'redirect'];

/** Bytes that an error quotes behind the IP header at least (RFC 792). */
const QUOTE_MIN = 8;
/** Most bytes of an error of ours: what every host can reassemble less room for options (RFC 1812 §4.3.2.3). */
const ICMP_MAX = 1500;

/**
 * Whether one more ICMP message of a kind (BANDLIM_*) may be sent now; logs how many were not when a second ends.
 * Source: FreeBSD ip_icmp.c, badport_bandlim(); RFC 1812 §4.3.2.8.
 */
export function badportBandlim(ipv: IpVnet, which: number): boolean {
  if (ipv.icmplim <= 0) return true;
  const limit = ipv.limits[which] as RateLimit;
  const missed = limit.suppressed;
  if (!ppsratecheck(limit, ipv.vnet.kernel.callouts.nowUs(), ipv.icmplim)) {
    ipv.icmpstat.ratelimited++;
    return false;
  }
  if (missed > 0 && ipv.icmplimOutput) {
    const what = LIMIT_NAMES[which] as string;
    ipv.vnet.log.notice('icmp', `Limiting icmp ${what} response from ${missed + ipv.icmplim} to ${ipv.icmplim} packets/sec`);
  }
  return true;
}

/**
 * Sends an ICMP error about the packet `n`, which begins with its IP header as received. `dest` is the gateway of a redirect (int32), `mtu` that of the next hop
 * for ICMP_UNREACH_NEEDFRAG; `code` of a parameter problem is the pointer. Consumes n.
 *
 * None is sent about: a fragment other than the first, a broadcast or multicast packet, an ICMP error, a sender that is no single host (RFC 1122 §3.2.2).
 * Source: FreeBSD ip_icmp.c, icmp_error().
 * @public
 */
export function icmpError(ipv: IpVnet, n0: Mbuf, type: number, code: number, dest: number, mtu: number): void {
  const stat = ipv.icmpstat;
  if (type !== ICMP_REDIRECT) stat.error++;
  const n = quotable(ipv, n0, type);
  if (n === null) return;
  if (!badportBandlim(ipv, type === ICMP_REDIRECT ? BANDLIM_ICMP_REDIRECT : BANDLIM_ICMP_UNREACH)) {
    mFreem(n);
    return;
  }
  const src = icmpReflectSource(ipv, n, n.dv.getInt32(n.off + 12), n.dv.getInt32(n.off + 16));
  const m = src === null ? null : build(ipv, n, type, code, dest, mtu, src.w3);
  if (m !== null) {
    m.fibnum = n.fibnum;
    stat.outhist[type]!++;
    mFreem(n);
    icmpSend(ipv, m);
    return;
  }
  mFreem(n);
}

/** The packet, if an error may be sent about it, with its headers contiguous; else it is freed. */
function quotable(ipv: IpVnet, n: Mbuf, type: number): Mbuf | null {
  const stat = ipv.icmpstat;
  const dv = n.dv;
  const o = n.off;
  const hlen = getIpHlen(dv, o);
  if ((dv.getUint16(o + 6) & ~(IP_MF | IP_DF) & 0xffff) !== 0 || (n.flags & (M_BCAST | M_MCAST)) !== 0) {
    mFreem(n);
    return null;
  }
  const m = mPullup(n, n.pktlen < hlen + QUOTE_MIN ? hlen : hlen + QUOTE_MIN);
  if (m === null) return null;
  if (m.pktlen < hlen + QUOTE_MIN) {
    stat.oldshort++;
    mFreem(m);
    return null;
  }
  if (m.dv.getUint8(m.off + 9) === IPPROTO_ICMP && type !== ICMP_REDIRECT && !icmpInfoType(m.dv.getUint8(m.off + hlen))) {
    stat.oldicmp++;
    mFreem(m);
    return null;
  }
  return m;
}

/** Bytes to quote: the header, and of what follows the whole TCP header or net.inet.icmp.quotelen, as far as it is there. */
function quoteLen(ipv: IpVnet, n: Mbuf): number {
  const hlen = getIpHlen(n.dv, n.off);
  let want = Math.max(QUOTE_MIN, ipv.quotelen);
  if (n.dv.getUint8(n.off + 9) === IPPROTO_TCP && n.len >= hlen + 13) want = Math.max(want, (n.dv.getUint8(n.off + hlen + 12) >>> 4) << 2);
  const iplen = n.dv.getUint16(n.off + 2);
  return Math.min(hlen + want, iplen, n.pktlen, ICMP_MAX - IP_HDR_LEN - ICMP_MINLEN);
}

/** The error as a packet with an IP header, checksum of ICMP included; null when there is no mbuf. */
function build(ipv: IpVnet, n: Mbuf, type: number, code: number, dest: number, mtu: number, src: number): Mbuf | null {
  const quote = quoteLen(ipv, n);
  const total = IP_HDR_LEN + ICMP_MINLEN + quote;
  const m = n.pool.getCl(total, MAX_LINKHDR);
  if (m === null) {
    ipv.stat.odropped++;
    return null;
  }
  m.flags |= M_PKTHDR;
  m.len = total;
  m.pktlen = total;
  const dv = m.dv;
  const o = m.off;
  const icmp = o + IP_HDR_LEN;
  let word = 0;
  let icmpCode = code;
  if (type === ICMP_REDIRECT) word = dest;
  else if (type === ICMP_PARAMPROB) {
    word = code << 24;
    icmpCode = 0;
  } else if (type === ICMP_UNREACH && code === ICMP_UNREACH_NEEDFRAG) word = mtu & 0xffff;
  dv.setInt32(icmp, (type << 24) | (icmpCode << 16));
  dv.setInt32(icmp + 4, word);
  mCopydata(n, 0, quote, m.buf, icmp + ICMP_MINLEN);
  dv.setUint16(icmp + 2, cksumFold(mCksum(m, IP_HDR_LEN, total - IP_HDR_LEN, 0)));
  dv.setInt32(o, 0x45000000 | total);
  dv.setInt32(o + 4, 0);
  dv.setInt32(o + 8, (ipv.defttl << 24) | (IPPROTO_ICMP << 16));
  dv.setInt32(o + 12, src);
  dv.setInt32(o + 16, n.dv.getInt32(n.off + 12));
  return m;
}
