import { type Ifnet, ifnetOf } from '@ns/ifnet';
import { mHeaderWritable } from '@ns/ifnet-kpi';
import { type InPkt, type Protosw, quoteNotice } from '@ns/inpcb';
import { LOG_INFO } from '@ns/kern';
import { M_BCAST, M_MCAST, type Mbuf, mCksum, mFreem, mPullup } from '@ns/mbuf';
import { ribAddRedirect } from '@ns/route';
import {
  AF_INET,
  cksumFold,
  decodeIcmpQuote,
  formatInet4,
  ICMP_ADVLENMIN,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_MASKLEN,
  ICMP_MASKREPLY,
  ICMP_MASKREQ,
  ICMP_MAXTYPE,
  ICMP_MINLEN,
  ICMP_PARAMPROB,
  ICMP_REDIRECT,
  ICMP_TIMXCEED,
  ICMP_TSLEN,
  ICMP_TSTAMP,
  ICMP_TSTAMPREPLY,
  ICMP_UNREACH,
  ICMP_UNREACH_FILTER_PROHIB,
  ICMP_UNREACH_HOST,
  ICMP_UNREACH_HOST_PRECEDENCE,
  ICMP_UNREACH_HOST_PROHIB,
  ICMP_UNREACH_HOST_UNKNOWN,
  ICMP_UNREACH_ISOLATED,
  ICMP_UNREACH_NEEDFRAG,
  ICMP_UNREACH_NET,
  ICMP_UNREACH_NET_PROHIB,
  ICMP_UNREACH_NET_UNKNOWN,
  ICMP_UNREACH_PORT,
  ICMP_UNREACH_PRECEDENCE_CUTOFF,
  ICMP_UNREACH_PROTOCOL,
  ICMP_UNREACH_SRCFAIL,
  ICMP_UNREACH_TOSHOST,
  ICMP_UNREACH_TOSNET,
  inAddr4,
  IPPROTO_ICMP,
  PRC_MSGSIZE,
  PRC_PARAMPROB,
  PRC_TIMXCEED_INTRANS,
  PRC_UNREACH_ADMIN_PROHIB,
  PRC_UNREACH_HOST,
  PRC_UNREACH_NET,
  PRC_UNREACH_PORT,
  PRC_UNREACH_PROTOCOL,
  PRC_UNREACH_SRCFAIL,
  prefixMask4,
} from '@ns/wire';
import { badportBandlim } from './icmp-error.ts';
import { icmpReflectSource, icmpSend } from './icmp-send.ts';
import { BANDLIM_ICMP_ECHO, BANDLIM_ICMP_TSTAMP, ifpToIa, type IpVnet } from './ip-vnet.ts';
import { iptime, reverseOptions } from './options.ts';

/** Most of a quotation that is looked at: an IP header with options and the ports behind it. */
const QUOTE_MAX = 60 + 8;

/** What is to become of a message after the stack has looked at it. */
const TO_RAW = 0;
const GONE = 1;

/**
 * ICMP as a protocol of the vnet. Everything but what is answered or malformed goes on to raw sockets.
 * Source: FreeBSD ip_icmp.c, icmp_input(); RFC 792, RFC 1122 §3.2.2.
 */
export class IcmpProto implements Protosw {
  readonly proto: number;
  readonly name: string;
  readonly af: number;
  private readonly ipv: IpVnet;

  constructor(ipv: IpVnet) {
    this.proto = IPPROTO_ICMP;
    this.name = 'icmp';
    this.af = AF_INET;
    this.ipv = ipv;
  }

  /** {@inheritDoc @ns/inpcb#Protosw.input} */
  input(m0: Mbuf, pkt: InPkt): void {
    const ipv = this.ipv;
    const stat = ipv.icmpstat;
    const hlen = pkt.off;
    const icmplen = pkt.len;
    if (icmplen < ICMP_MINLEN) {
      stat.tooshort++;
      mFreem(m0);
      return;
    }
    const m = mPullup(m0, hlen + Math.min(icmplen, ICMP_MINLEN + QUOTE_MAX));
    if (m === null) {
      stat.tooshort++;
      return;
    }
    if (cksumFold(mCksum(m, hlen, icmplen, 0)) !== 0) {
      stat.checksum++;
      mFreem(m);
      return;
    }
    const type = m.dv.getUint8(m.off + hlen);
    if (type <= ICMP_MAXTYPE) stat.inhist[type]!++;
    if (icmpType(ipv, m, pkt, type) === GONE) return;
    if (ipv.inet.raw !== null) ipv.inet.raw.input(m, pkt);
    else mFreem(m);
  }
}

/** Does what a message asks for; GONE when it was answered in place. */
function icmpType(ipv: IpVnet, m: Mbuf, pkt: InPkt, type: number): number {
  switch (type) {
    case ICMP_UNREACH:
    case ICMP_TIMXCEED:
    case ICMP_PARAMPROB:
      icmpErrorIn(ipv, m, pkt, type);
      return TO_RAW;
    case ICMP_ECHO:
      return icmpEcho(ipv, m, pkt);
    case ICMP_TSTAMP:
      return icmpTstamp(ipv, m, pkt);
    case ICMP_MASKREQ:
      return icmpMask(ipv, m, pkt);
    case ICMP_REDIRECT:
      icmpRedirectIn(ipv, m, pkt);
      return TO_RAW;
    default: // replies, router discovery, source quench (RFC 6633: ignored)
      return TO_RAW;
  }
}

/** The PRC_* code of an error, or -1 for a code that does not exist. */
function prcOf(type: number, code: number): number {
  if (type === ICMP_TIMXCEED) return code <= 1 ? PRC_TIMXCEED_INTRANS + code : -1;
  if (type === ICMP_PARAMPROB) return code <= 1 ? PRC_PARAMPROB : -1;
  switch (code) {
    case ICMP_UNREACH_NET:
    case ICMP_UNREACH_NET_UNKNOWN:
    case ICMP_UNREACH_ISOLATED:
    case ICMP_UNREACH_TOSNET:
      return PRC_UNREACH_NET;
    case ICMP_UNREACH_HOST:
    case ICMP_UNREACH_HOST_UNKNOWN:
    case ICMP_UNREACH_TOSHOST:
    case ICMP_UNREACH_HOST_PRECEDENCE:
    case ICMP_UNREACH_PRECEDENCE_CUTOFF:
      return PRC_UNREACH_HOST;
    case ICMP_UNREACH_SRCFAIL:
      return PRC_UNREACH_SRCFAIL;
    case ICMP_UNREACH_NEEDFRAG:
      return PRC_MSGSIZE;
    case ICMP_UNREACH_PROTOCOL:
      return PRC_UNREACH_PROTOCOL;
    case ICMP_UNREACH_PORT:
      return PRC_UNREACH_PORT;
    case ICMP_UNREACH_NET_PROHIB:
    case ICMP_UNREACH_HOST_PROHIB:
    case ICMP_UNREACH_FILTER_PROHIB:
      return PRC_UNREACH_ADMIN_PROHIB;
    default:
      return -1;
  }
}

/** Tells the transport whose packet an error quotes. Nothing in it is authenticated: that is for the transport to judge (RFC 5927). */
function icmpErrorIn(ipv: IpVnet, m: Mbuf, pkt: InPkt, type: number): void {
  const stat = ipv.icmpstat;
  const o = m.off + pkt.off;
  const code = m.dv.getUint8(o + 1);
  const cmd = prcOf(type, code);
  if (cmd < 0) {
    stat.badcode++;
    return;
  }
  const q = ipv.quote;
  const avail = Math.min(pkt.len, m.len - pkt.off) - ICMP_MINLEN;
  if (pkt.len < ICMP_ADVLENMIN || !decodeIcmpQuote(m.dv, o + ICMP_MINLEN, avail, q)) {
    stat.badlen++;
    return;
  }
  if (q.dst3 >>> 28 === 14) {
    stat.badcode++; // errors about multicast are no errors of ours
    return;
  }
  const proto = ipv.inet.protosw[q.proto];
  if (proto == null || proto.ctlinput === undefined || q.laterFragment) return;
  const mtu = cmd === PRC_MSGSIZE ? needfragMtu(m.dv.getUint16(o + 6), q.iplen) : 0;
  proto.ctlinput(quoteNotice(cmd, mtu, q, 0));
}

/** MTU values of links that there are, for routers that do not say. Source: FreeBSD ip_icmp.c, ip_next_mtu(); RFC 1191 §7. */
const MTU_PLATEAUS: readonly number[] = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1280, 1006, 508, 296, 68];

/** The MTU of a needfrag message: what it says, or (0, from an old router) the next plateau below the length of the packet. */
function needfragMtu(said: number, iplen: number): number {
  if (said !== 0) return said;
  for (const p of MTU_PLATEAUS) if (p < iplen) return p;
  return 0;
}

/** Whether the message came to many hosts at once. */
function toMany(m: Mbuf, pkt: InPkt): boolean {
  return (m.flags & (M_BCAST | M_MCAST)) !== 0 || pkt.flags !== 0;
}

function icmpEcho(ipv: IpVnet, m: Mbuf, pkt: InPkt): number {
  if (!ipv.bmcastecho && toMany(m, pkt)) {
    ipv.icmpstat.bmcastecho++;
    return TO_RAW;
  }
  if (!badportBandlim(ipv, BANDLIM_ICMP_ECHO)) {
    mFreem(m);
    return GONE;
  }
  return reflect(ipv, m, pkt, ICMP_ECHOREPLY, pkt.off + 1);
}

function icmpTstamp(ipv: IpVnet, m: Mbuf, pkt: InPkt): number {
  if (!ipv.tstamprepl) return TO_RAW;
  if (!ipv.bmcastecho && toMany(m, pkt)) {
    ipv.icmpstat.bmcasttstamp++;
    return TO_RAW;
  }
  if (pkt.len < ICMP_TSLEN) {
    ipv.icmpstat.badlen++;
    return TO_RAW;
  }
  if (!badportBandlim(ipv, BANDLIM_ICMP_TSTAMP)) {
    mFreem(m);
    return GONE;
  }
  const n = mHeaderWritable(m, pkt.off + ICMP_TSLEN);
  if (n === null) return GONE;
  const now = iptime(ipv);
  n.dv.setInt32(n.off + pkt.off + 12, now);
  n.dv.setInt32(n.off + pkt.off + 16, now);
  return reflect(ipv, n, pkt, ICMP_TSTAMPREPLY, pkt.off + ICMP_TSLEN);
}

/** Address mask requests are answered only where net.inet.icmp.maskrepl says so (RFC 1122 §3.2.2.9). */
function icmpMask(ipv: IpVnet, m: Mbuf, pkt: InPkt): number {
  if (!ipv.maskrepl) return TO_RAW;
  if (pkt.len < ICMP_MASKLEN) {
    ipv.icmpstat.badlen++;
    return TO_RAW;
  }
  const ia = ifpToIa(pkt.ifp);
  if (ia === null || !badportBandlim(ipv, BANDLIM_ICMP_TSTAMP)) return TO_RAW;
  const n = mHeaderWritable(m, pkt.off + ICMP_MASKLEN);
  if (n === null) return GONE;
  n.dv.setInt32(n.off + pkt.off + 8, ipv.maskfake !== 0 ? ipv.maskfake : prefixMask4(ia.prefixlen));
  return reflect(ipv, n, pkt, ICMP_MASKREPLY, pkt.off + ICMP_MASKLEN);
}

/**
 * Turns a request into its reply where it lies and sends it back: type, addresses, options, checksums. `writable` bytes from the front are made so.
 * Source: FreeBSD ip_icmp.c, icmp_reflect().
 */
function reflect(ipv: IpVnet, m0: Mbuf, pkt: InPkt, type: number, writable: number): number {
  const stat = ipv.icmpstat;
  const dst = pkt.src3;
  const src = icmpReflectSource(ipv, m0, dst, pkt.dst3);
  if (src === null) {
    mFreem(m0);
    return GONE;
  }
  const hlen = pkt.off;
  const m = mHeaderWritable(m0, Math.max(writable, hlen + ICMP_MINLEN));
  if (m === null) {
    ipv.stat.odropped++;
    return GONE;
  }
  stat.reflect++;
  stat.outhist[type]!++;
  const dv = m.dv;
  const o = m.off;
  dv.setUint8(o + hlen, type);
  dv.setUint16(o + hlen + 2, 0);
  dv.setUint16(o + hlen + 2, cksumFold(mCksum(m, hlen, pkt.len, 0)));
  dv.setUint16(o + 4, 0);
  dv.setUint16(o + 6, 0);
  dv.setUint8(o + 8, ipv.defttl);
  dv.setInt32(o + 12, src.w3);
  dv.setInt32(o + 16, dst);
  if (hlen > 20) reverseOptions(m, hlen);
  icmpSend(ipv, m);
  return GONE;
}

/** A router says that there is a better one (RFC 1122 §3.2.2.2). Routers themselves do not listen (RFC 1812 §5.2.7.2). */
function icmpRedirectIn(ipv: IpVnet, m: Mbuf, pkt: InPkt): void {
  const stat = ipv.icmpstat;
  const dv = m.dv;
  const o = m.off + pkt.off;
  const code = dv.getUint8(o + 1);
  const q = ipv.quote;
  if (ipv.logRedirect) {
    ipv.vnet.log.log(LOG_INFO, 'icmp', `redirect from ${formatInet4(pkt.src3)}: gateway ${formatInet4(dv.getInt32(o + 4))}`);
  }
  if (ipv.dropRedirect || ipv.forwarding) return;
  if (code > 3) {
    stat.badcode++;
    return;
  }
  const avail = Math.min(pkt.len, m.len - pkt.off) - ICMP_MINLEN;
  if (pkt.len < ICMP_ADVLENMIN || !decodeIcmpQuote(dv, o + ICMP_MINLEN, avail, q)) {
    stat.badlen++;
    return;
  }
  if (ipv.addrs.lookup(q.src3) === null || m.rcvif === null) return; // about a packet that we did not send
  const dst = inAddr4(q.dst3);
  const gw = inAddr4(dv.getInt32(o + 4));
  const from = inAddr4(pkt.src3);
  const ifp: Ifnet = ifnetOf(m.rcvif);
  ipv.route.forEachFibOf(ifp, AF_INET, (rib) => void ribAddRedirect(ipv.route, rib, dst, gw, from, ifp, ipv.redirtimeout * 1000000));
}
