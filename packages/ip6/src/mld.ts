import type { Ifnet } from '@ns/ifnet';
import type { InPkt, McastIo, McastRecord } from '@ns/inpcb';
import { M_PKTHDR, MAX_LINKHDR, type Mbuf, mCksum } from '@ns/mbuf';
import {
  cksumFold,
  decodeMldHdr,
  decodeMldv2Query,
  encodeMldGrpRec,
  encodeMldHdr,
  encodeMldv2Report,
  getInAddr6,
  igmpFloat,
  IN6ADDR_ANY,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  IN6ADDR_LINKLOCAL_ALLV2ROUTERS,
  type InAddr,
  inAddr6In,
  IP6_HDR_LEN,
  IP6OPT_PADN,
  IP6OPT_ROUTER_ALERT,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMPV6,
  IPV6_MMTU,
  isAny,
  isMulticast,
  MLD_GRPREC_HDRLEN,
  MLD_LISTENER_DONE,
  MLD_LISTENER_QUERY,
  MLD_LISTENER_REPORT,
  MLD_MINLEN,
  MLD_V2_QUERY_MINLEN,
  MLD_V2_REPORT_MINLEN,
  MldGrpRec,
  MldHdr,
  mldMaxRespMs,
  Mldv2Query,
  pseudoSum6,
  setInAddr,
} from '@ns/wire';
import { in6Ifinfo, in6Linklocal, in6Linkmtu, type Ip6Vnet } from './ip6-vnet.ts';
import { ip6Output, IPV6_UNSPECSRC, M_RTALERT_MLD } from './output.ts';
import { in6Zoned } from './scope.ts';

/** Bytes of the hop-by-hop header with a router alert that every message has (RFC 3810 §5). */
const HBH_LEN = 8;
/** Most sources of a query that are looked at. */
const MAX_SOURCES = 65;
const HDRS = IP6_HDR_LEN + HBH_LEN;

/**
 * MLD on one interface: makes the packets that {@link McastReporter} wants sent. Source: FreeBSD mld6.c; RFC 3810 §5, RFC 2710 §3.
 */
export class MldIo implements McastIo {
  /** {@inheritDoc @ns/inpcb#McastIo.addrLen} */
  readonly addrLen: number;
  private readonly ip6v: Ip6Vnet;
  private readonly ifp: Ifnet;
  private readonly rec: MldGrpRec;
  private readonly hdr: MldHdr;

  constructor(ip6v: Ip6Vnet, ifp: Ifnet) {
    this.addrLen = 16;
    this.ip6v = ip6v;
    this.ifp = ifp;
    this.rec = new MldGrpRec();
    this.hdr = new MldHdr();
  }

  /** {@inheritDoc @ns/inpcb#McastIo.silent} RFC 3810 §6: all nodes, and groups of scope 0 and 1. */
  silent(group: InAddr): boolean {
    return ((group.w0 >>> 16) & 0xf) <= 1 || isAllNodes(group);
  }

  /** {@inheritDoc @ns/inpcb#McastIo.room} */
  room(): number {
    return Math.min(in6Linkmtu(this.ifp), IPV6_MMTU) - HDRS - MLD_V2_REPORT_MINLEN;
  }

  /** {@inheritDoc @ns/inpcb#McastIo.oldReport} */
  oldReport(group: InAddr, leave: boolean): void {
    const m = this.alloc(MLD_MINLEN);
    if (m === null) return;
    const h = this.hdr;
    h.type = leave ? MLD_LISTENER_DONE : MLD_LISTENER_REPORT;
    h.addr0 = group.w0;
    h.addr1 = group.w1;
    h.addr2 = group.w2;
    h.addr3 = group.w3;
    encodeMldHdr(m.dv, m.off + HDRS, h);
    this.send(m, leave ? IN6ADDR_LINKLOCAL_ALLROUTERS : group);
  }

  /** {@inheritDoc @ns/inpcb#McastIo.report} */
  report(records: readonly McastRecord[], bytes: number): void {
    const m = this.alloc(MLD_V2_REPORT_MINLEN + bytes);
    if (m === null) return;
    let o = m.off + HDRS;
    encodeMldv2Report(m.dv, o, records.length);
    o += MLD_V2_REPORT_MINLEN;
    for (const r of records) o = this.putRecord(m, o, r);
    this.send(m, IN6ADDR_LINKLOCAL_ALLV2ROUTERS);
  }

  private putRecord(m: Mbuf, at: number, r: McastRecord): number {
    const rec = this.rec;
    rec.type = r.type;
    rec.numsrc = r.sources.length;
    rec.addr0 = r.group.w0;
    rec.addr1 = r.group.w1;
    rec.addr2 = r.group.w2;
    rec.addr3 = r.group.w3;
    encodeMldGrpRec(m.dv, at, rec);
    let o = at + MLD_GRPREC_HDRLEN;
    for (const s of r.sources) {
      setInAddr(m.dv, o, s);
      o += 16;
    }
    return o;
  }

  /** A packet with room for the headers and `len` bytes of message. */
  private alloc(len: number): Mbuf | null {
    const m = this.ip6v.vnet.kernel.mbufs.getCl(HDRS + len, MAX_LINKHDR);
    if (m === null) {
      this.ip6v.stat.odropped++;
      return null;
    }
    m.flags |= M_PKTHDR;
    m.len = HDRS + len;
    m.pktlen = m.len;
    return m;
  }

  /** Writes the headers and sends: hop limit 1, router alert, from the link-local address, or from none while there is none (RFC 3590). */
  private send(m: Mbuf, dst0: InAddr): void {
    const ip6v = this.ip6v;
    const src = in6Linklocal(this.ifp)?.addr ?? IN6ADDR_ANY;
    const dst = in6Zoned(this.ifp, dst0);
    const dv = m.dv;
    const o = m.off;
    const len = m.pktlen - HDRS;
    dv.setInt32(o, 0x60000000);
    dv.setUint16(o + 4, HBH_LEN + len);
    dv.setUint8(o + 6, IPPROTO_HOPOPTS);
    dv.setUint8(o + 7, 1);
    setInAddr(dv, o + 8, src);
    setInAddr(dv, o + 24, dst);
    dv.setInt32(o + 40, (IPPROTO_ICMPV6 << 24) | (IP6OPT_ROUTER_ALERT << 8) | 2);
    dv.setInt32(o + 44, IP6OPT_PADN << 8);
    const pseudo = pseudoSum6(src.w0, src.w1, src.w2, src.w3, dst.w0, dst.w1, dst.w2, dst.w3, IPPROTO_ICMPV6, len);
    dv.setUint16(o + HDRS + 2, 0);
    dv.setUint16(o + HDRS + 2, cksumFold(mCksum(m, HDRS, len, pseudo)));
    ip6v.icmp6stat.outhist[dv.getUint8(o + HDRS)]!++;
    ip6Output(ip6v, m, dst, isAny(src) ? IPV6_UNSPECSRC : 0, null, null, this.ifp);
  }
}

function isAllNodes(g: InAddr): boolean {
  const a = IN6ADDR_LINKLOCAL_ALLNODES;
  return g.w0 === a.w0 && g.w1 === a.w1 && g.w2 === a.w2 && g.w3 === a.w3;
}

/**
 * A message of MLD has come, in one piece: a query is answered, a report in the old version may spare us ours. Stays the caller's. Whoever is not on the link is not listened to: link-local
 * source, hop limit 1, router alert (RFC 3810 §6.2). Source: FreeBSD mld6.c, mld_input().
 */
export function mldInput(ip6v: Ip6Vnet, m: Mbuf, pkt: InPkt, type: number): void {
  const stat = ip6v.icmp6stat;
  const mld = in6Ifinfo(pkt.ifp)?.mld ?? null;
  if (mld === null) return;
  if (pkt.ttl !== 1 || (m.flags & M_RTALERT_MLD) === 0 || (pkt.src0 >>> 22 !== 0x3fa && type === MLD_LISTENER_QUERY)) {
    stat.dropped++;
    return;
  }
  const h = new MldHdr();
  const o = m.off + pkt.off;
  if (!decodeMldHdr(m.dv, o, pkt.len, h)) {
    stat.badlen++;
    return;
  }
  const addr = inAddr6In(h.addr0, h.addr1, h.addr2, h.addr3, pkt.zone);
  const general = (h.addr0 | h.addr1 | h.addr2 | h.addr3) === 0;
  if (!general && !isMulticast(addr)) {
    stat.dropped++;
    return;
  }
  if (type === MLD_LISTENER_REPORT) {
    mld.heard(addr);
    return;
  }
  if (type !== MLD_LISTENER_QUERY) return;
  if (pkt.len === MLD_MINLEN) {
    mld.query({ old: true, group: general ? null : addr, sources: [], maxRespMs: h.maxdelay, robustness: 0, intervalSec: 0 });
    return;
  }
  const q = new Mldv2Query();
  if (!decodeMldv2Query(m.dv, o, pkt.len, q)) {
    stat.badlen++;
    return;
  }
  const sources: InAddr[] = [];
  for (let i = 0; i < q.numsrc && i < MAX_SOURCES; i++) sources.push(getInAddr6(m.dv, o + MLD_V2_QUERY_MINLEN + 16 * i));
  if (general && sources.length > 0) return;
  mld.query({
    old: false,
    group: general ? null : addr,
    sources,
    maxRespMs: mldMaxRespMs(h.maxdelay),
    robustness: q.qrv,
    intervalSec: igmpFloat(q.qqic),
  });
}
