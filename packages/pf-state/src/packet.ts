// @hot
import {
  AF_INET,
  AF_INET6,
  getIpHlen,
  getIpOff,
  getIpP,
  ICMP6_ECHO_REPLY,
  ICMP6_ECHO_REQUEST,
  ICMP6_PARAM_PROB,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_PARAMPROB,
  ICMP_TIMXCEED,
  ICMP_TSTAMP,
  ICMP_TSTAMPREPLY,
  ICMP_UNREACH,
  IP6_HDR_LEN,
  Ip6Walk,
  IP_HDR_LEN,
  IP_MF,
  IP_OFFMASK,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  MLD_LISTENER_QUERY,
  MLDV2_LISTENER_REPORT,
  ND_REDIRECT,
  walkIp6Ext,
} from '@ns/wire';

/** {@link PfPacket.kind}: belongs to a flow of its own. */
export const PK_FLOW = 0;
/** A fragment other than the first: its ports are elsewhere. */
export const PK_FRAGMENT = 1;
/** An ICMP error about the packet in `inner`. */
export const PK_ERROR = 2;
/** What a link cannot do without: neighbour discovery, MLD, IGMP. */
export const PK_LINK = 3;
/** ICMP that is neither question, answer nor error. */
export const PK_OTHER = 4;

/** Bytes at the front of a packet that are looked at: two headers with options, of which the second is quoted in an ICMP error. */
export const PF_LOOK = 256;

/** What a filter has to know of a packet. The record is used again for each. Addresses are int32 words in the order of InAddr, IPv4 in the last. */
export class PfPacket {
  af = 0;
  proto = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** Port; the identifier of ICMP questions and answers, on both sides. */
  sport = 0;
  dport = 0;
  kind: number = PK_FLOW;
  /** TH_* */
  flags = 0;
  /** An answer of ICMP: it can only come from who was asked. */
  answer = false;
  /** First fragment of several: the others have the same `fragId`. */
  first = false;
  fragId = 0;
  /** What an ICMP error is about. */
  readonly inner: PfPacket | null;
  private readonly walk: Ip6Walk = new Ip6Walk();

  constructor(inner: PfPacket | null) {
    this.inner = inner;
  }

  /** Reads the packet of family `af` at `o`, of which there are bytes up to `end`. False if what is needed is not there. */
  parse(dv: DataView, o: number, end: number, af: number): boolean {
    this.kind = PK_FLOW;
    this.sport = 0;
    this.dport = 0;
    this.flags = 0;
    this.answer = false;
    this.first = false;
    this.fragId = 0;
    this.af = af;
    return af === AF_INET ? this.parse4(dv, o, end) : this.parse6(dv, o, end);
  }

  private parse4(dv: DataView, o: number, end: number): boolean {
    if (end - o < IP_HDR_LEN || dv.getUint8(o) >>> 4 !== 4) return false;
    const hlen = getIpHlen(dv, o);
    if (hlen < IP_HDR_LEN || hlen > end - o) return false;
    this.src0 = 0;
    this.src1 = 0;
    this.src2 = 0;
    this.src3 = dv.getInt32(o + 12);
    this.dst0 = 0;
    this.dst1 = 0;
    this.dst2 = 0;
    this.dst3 = dv.getInt32(o + 16);
    this.proto = getIpP(dv, o);
    const off = getIpOff(dv, o);
    if ((off & (IP_MF | IP_OFFMASK)) !== 0) {
      this.fragId = dv.getUint16(o + 4);
      if ((off & IP_OFFMASK) !== 0) {
        this.kind = PK_FRAGMENT;
        return true;
      }
      this.first = true;
    }
    return this.transport(dv, o + hlen, end);
  }

  private parse6(dv: DataView, o: number, end: number): boolean {
    if (end - o < IP6_HDR_LEN || dv.getUint8(o) >>> 4 !== 6) return false;
    this.src0 = dv.getInt32(o + 8);
    this.src1 = dv.getInt32(o + 12);
    this.src2 = dv.getInt32(o + 16);
    this.src3 = dv.getInt32(o + 20);
    this.dst0 = dv.getInt32(o + 24);
    this.dst1 = dv.getInt32(o + 28);
    this.dst2 = dv.getInt32(o + 32);
    this.dst3 = dv.getInt32(o + 36);
    const w = this.walk;
    if (!walkIp6Ext(dv, o, end - o, w)) return false;
    this.proto = w.nxt;
    if (w.fragmented) {
      this.fragId = dv.getInt32(w.fragOff + 4);
      if (w.laterFragment) {
        this.kind = PK_FRAGMENT;
        return true;
      }
      this.first = true;
    }
    return this.transport(dv, w.off, end);
  }

  private transport(dv: DataView, o: number, end: number): boolean {
    switch (this.proto) {
      case IPPROTO_TCP:
        // A quoted header may be cut off behind the ports.
        if (end - o < (this.inner === null ? 4 : 20)) return false;
        if (this.inner !== null) this.flags = dv.getUint8(o + 13);
        return this.ports(dv, o);
      case IPPROTO_UDP:
        return end - o >= (this.inner === null ? 4 : 8) && this.ports(dv, o);
      case IPPROTO_ICMP:
        return this.af === AF_INET && end - o >= 8 && this.icmp(dv, o, end);
      case IPPROTO_ICMPV6:
        return this.af === AF_INET6 && end - o >= 8 && this.icmp6(dv, o, end);
      case IPPROTO_IGMP:
        if (this.af === AF_INET) this.kind = PK_LINK;
        return true;
      default:
        return true;
    }
  }

  private ports(dv: DataView, o: number): boolean {
    this.sport = dv.getUint16(o);
    this.dport = dv.getUint16(o + 2);
    return true;
  }

  private icmp(dv: DataView, o: number, end: number): boolean {
    switch (dv.getUint8(o)) {
      case ICMP_ECHO:
      case ICMP_TSTAMP:
        return this.query(dv, o, false);
      case ICMP_ECHOREPLY:
      case ICMP_TSTAMPREPLY:
        return this.query(dv, o, true);
      case ICMP_UNREACH:
      case ICMP_TIMXCEED:
      case ICMP_PARAMPROB:
        return this.error(dv, o + 8, end, AF_INET);
      default:
        this.kind = PK_OTHER;
        return true;
    }
  }

  private icmp6(dv: DataView, o: number, end: number): boolean {
    const type = dv.getUint8(o);
    if (type === ICMP6_ECHO_REQUEST || type === ICMP6_ECHO_REPLY) return this.query(dv, o, type === ICMP6_ECHO_REPLY);
    if (type >= 1 && type <= ICMP6_PARAM_PROB) return this.error(dv, o + 8, end, AF_INET6);
    this.kind = (type >= MLD_LISTENER_QUERY && type <= ND_REDIRECT) || type === MLDV2_LISTENER_REPORT ? PK_LINK : PK_OTHER;
    return true;
  }

  private query(dv: DataView, o: number, answer: boolean): boolean {
    this.answer = answer;
    this.sport = this.dport = dv.getUint16(o + 4);
    return true;
  }

  /** An error quoted in an error is about nothing; one whose quotation cannot be read is none that anybody could believe. */
  private error(dv: DataView, o: number, end: number, af: number): boolean {
    this.kind = PK_ERROR;
    return this.inner !== null && this.inner.parse(dv, o, end, af) && (this.inner.kind === PK_FLOW || this.inner.kind === PK_LINK);
  }
}
