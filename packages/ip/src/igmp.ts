import type { Ifnet } from '@ns/ifnet';
import { type InPkt, IpMoptions, type McastIo, type McastRecord, type Protosw } from '@ns/inpcb';
import { M_PKTHDR, MAX_LINKHDR, type Mbuf, mCksum, mFreem, mPullup } from '@ns/mbuf';
import {
  AF_INET,
  cksumFold,
  decodeIgmpHdr,
  decodeIgmpv3Query,
  encodeIgmpGrpRec,
  encodeIgmpHdr,
  encodeIgmpv3Report,
  getInAddr4,
  IGMP_GRPREC_HDRLEN,
  IGMP_HOST_LEAVE_MESSAGE,
  IGMP_HOST_MEMBERSHIP_QUERY,
  IGMP_MINLEN,
  IGMP_V1_HOST_MEMBERSHIP_REPORT,
  IGMP_V2_HOST_MEMBERSHIP_REPORT,
  IGMP_V3_QUERY_MINLEN,
  IGMP_V3_REPORT_MINLEN,
  igmpFloat,
  IgmpGrpRec,
  IgmpHdr,
  igmpMaxRespDs,
  Igmpv3Query,
  type InAddr,
  inAddr4,
  INADDR_ALLHOSTS_GROUP,
  INADDR_ALLRPTS_GROUP,
  INADDR_ALLRTRS_GROUP,
  IP_HDR_LEN,
  IPOPT_RA,
  IPPROTO_IGMP,
  IPTOS_PREC_INTERNETCONTROL,
  isMulticast,
} from '@ns/wire';
import { ifpToIa, inIfinfo, type IpVnet } from './ip-vnet.ts';
import { ipOutput } from './output.ts';

/** Bytes of the router alert option (RFC 2113). */
const RA_LEN = 4;
const HLEN = IP_HDR_LEN + RA_LEN;
/** Largest report: what every link carries. */
const MAX_REPORT = 576;
/** Most sources of a query that are looked at. */
const MAX_SOURCES = 65;
/** Longest query: its header and all sources that fit into a cluster. */
const MAX_MESSAGE = 1500;
/** Time for the answer to a query of version 1, tenths of a second (RFC 2236 §4). */
const V1_MAXRESP_DS = 100;
/** Life of the belief that a querier of version 1 is there, µs (RFC 3376 §8.12). */
const V1_PRESENT_US = 400e6;

/** IGMP on one interface: makes the packets that the reporter wants sent. Source: FreeBSD igmp.c; RFC 3376 §4, RFC 2236 §2. */
export class IgmpIo implements McastIo {
  /** {@inheritDoc @ns/inpcb#McastIo.addrLen} */
  readonly addrLen: number;
  /** Until when a querier of version 1 is taken to be there, µs of the kernel's clock. */
  v1UntilUs: number;
  private readonly ipv: IpVnet;
  private readonly mo: IpMoptions;
  private readonly rec: IgmpGrpRec;
  private readonly hdr: IgmpHdr;

  constructor(ipv: IpVnet, ifp: Ifnet) {
    this.addrLen = 4;
    this.v1UntilUs = 0;
    this.ipv = ipv;
    this.mo = new IpMoptions();
    this.mo.ifp = ifp;
    this.mo.loop = false;
    this.rec = new IgmpGrpRec();
    this.hdr = new IgmpHdr();
  }

  /** {@inheritDoc @ns/inpcb#McastIo.silent} RFC 3376 §6: all hosts. */
  silent(group: InAddr): boolean {
    return group.w3 === INADDR_ALLHOSTS_GROUP.w3;
  }

  /** {@inheritDoc @ns/inpcb#McastIo.room} */
  room(): number {
    return MAX_REPORT - HLEN - IGMP_V3_REPORT_MINLEN;
  }

  /** {@inheritDoc @ns/inpcb#McastIo.oldReport} Version 1 has no leave message. */
  oldReport(group: InAddr, leave: boolean): void {
    const v1 = this.v1UntilUs > this.ipv.vnet.kernel.callouts.nowUs();
    const m = v1 && leave ? null : this.alloc(IGMP_MINLEN);
    if (m === null) return;
    const h = this.hdr;
    h.type = leave ? IGMP_HOST_LEAVE_MESSAGE : v1 ? IGMP_V1_HOST_MEMBERSHIP_REPORT : IGMP_V2_HOST_MEMBERSHIP_REPORT;
    h.code = 0;
    h.cksum = 0;
    h.group = group.w3;
    encodeIgmpHdr(m.dv, m.off + HLEN, h);
    this.send(m, leave ? INADDR_ALLRTRS_GROUP : group);
  }

  /** {@inheritDoc @ns/inpcb#McastIo.report} */
  report(records: readonly McastRecord[], bytes: number): void {
    const m = this.alloc(IGMP_V3_REPORT_MINLEN + bytes);
    if (m === null) return;
    let o = m.off + HLEN;
    encodeIgmpv3Report(m.dv, o, records.length);
    o += IGMP_V3_REPORT_MINLEN;
    for (const r of records) {
      this.rec.type = r.type;
      this.rec.numsrc = r.sources.length;
      this.rec.group = r.group.w3;
      encodeIgmpGrpRec(m.dv, o, this.rec);
      o += IGMP_GRPREC_HDRLEN;
      for (const s of r.sources) {
        m.dv.setInt32(o, s.w3);
        o += 4;
      }
    }
    this.send(m, INADDR_ALLRPTS_GROUP);
  }

  private alloc(len: number): Mbuf | null {
    const m = this.ipv.vnet.kernel.mbufs.getCl(HLEN + len, MAX_LINKHDR);
    if (m === null) {
      this.ipv.stat.odropped++;
      return null;
    }
    m.flags |= M_PKTHDR;
    m.len = HLEN + len;
    m.pktlen = m.len;
    return m;
  }

  /** Writes the headers and sends: TTL 1, router alert, internetwork control. */
  private send(m: Mbuf, dst: InAddr): void {
    const dv = m.dv;
    const o = m.off;
    const ia = this.mo.ifp === null ? null : ifpToIa(this.mo.ifp);
    dv.setInt32(o, 0x46000000 | (IPTOS_PREC_INTERNETCONTROL << 16) | m.pktlen);
    dv.setInt32(o + 4, 0);
    dv.setInt32(o + 8, (1 << 24) | (IPPROTO_IGMP << 16));
    dv.setInt32(o + 12, ia === null ? 0 : ia.addr.w3);
    dv.setInt32(o + 16, dst.w3);
    dv.setInt32(o + 20, (IPOPT_RA << 24) | (RA_LEN << 16));
    dv.setUint16(o + HLEN + 2, 0);
    dv.setUint16(o + HLEN + 2, cksumFold(mCksum(m, HLEN, m.pktlen - HLEN, 0)));
    this.ipv.igmpstat.sndReports++;
    ipOutput(this.ipv, m, dst, 0, null, this.mo);
  }
}

/** IGMP as a protocol of the vnet. Everything that is well formed goes on to raw sockets, where multicast routers listen. Source: FreeBSD igmp.c, igmp_input(). */
export class IgmpProto implements Protosw {
  readonly proto: number;
  readonly name: string;
  readonly af: number;
  private readonly ipv: IpVnet;
  private readonly hdr: IgmpHdr;
  private readonly v3: Igmpv3Query;

  constructor(ipv: IpVnet) {
    this.proto = IPPROTO_IGMP;
    this.name = 'igmp';
    this.af = AF_INET;
    this.ipv = ipv;
    this.hdr = new IgmpHdr();
    this.v3 = new Igmpv3Query();
  }

  /** {@inheritDoc @ns/inpcb#Protosw.input} */
  input(m0: Mbuf, pkt: InPkt): void {
    const stat = this.ipv.igmpstat;
    stat.rcvTotal++;
    const m = pkt.len < IGMP_MINLEN || pkt.len > MAX_MESSAGE ? null : mPullup(m0, pkt.off + pkt.len);
    if (m === null) {
      stat.rcvTooshort++;
      if (pkt.len < IGMP_MINLEN || pkt.len > MAX_MESSAGE) mFreem(m0);
      return;
    }
    if (cksumFold(mCksum(m, pkt.off, pkt.len, 0)) !== 0) {
      stat.rcvBadsum++;
      mFreem(m);
      return;
    }
    if (pkt.ttl !== 1) {
      stat.rcvBadttl++;
      mFreem(m);
      return;
    }
    this.message(m, pkt);
    if (this.ipv.inet.raw !== null) this.ipv.inet.raw.input(m, pkt);
    else mFreem(m);
  }

  private message(m: Mbuf, pkt: InPkt): void {
    const stat = this.ipv.igmpstat;
    const h = this.hdr;
    const igmp = inIfinfo(pkt.ifp)?.igmp ?? null;
    if (igmp === null || !decodeIgmpHdr(m.dv, m.off + pkt.off, pkt.len, h)) return;
    if (h.type === IGMP_V1_HOST_MEMBERSHIP_REPORT || h.type === IGMP_V2_HOST_MEMBERSHIP_REPORT) {
      stat.rcvReports++;
      if (h.group !== pkt.dst3 || h.group >>> 28 !== 14) stat.rcvBadreports++;
      else {
        if (igmp.find(inAddr4(h.group)) !== null) stat.rcvOurreports++;
        igmp.heard(inAddr4(h.group));
      }
      return;
    }
    if (h.type === IGMP_HOST_MEMBERSHIP_QUERY) this.query(m, pkt);
  }

  /** A general query is for all hosts, one about a group names one (RFC 3376 §4.1); version 3 has a router alert (§9.1). */
  private query(m: Mbuf, pkt: InPkt): void {
    const stat = this.ipv.igmpstat;
    const h = this.hdr;
    const ii = inIfinfo(pkt.ifp);
    if (ii === null || ii.igmp === null || ii.igmpIo === null) return;
    const group = h.group === 0 ? null : inAddr4(h.group);
    const v3 = pkt.len >= IGMP_V3_QUERY_MINLEN;
    const wrong = (group === null ? pkt.dst3 !== INADDR_ALLHOSTS_GROUP.w3 : !isMulticast(group)) || (!v3 && pkt.len !== IGMP_MINLEN);
    if (wrong || (v3 && !decodeIgmpv3Query(m.dv, m.off + pkt.off, pkt.len, this.v3))) {
      stat.rcvBadqueries++;
      return;
    }
    if (group === null) stat.rcvGenQueries++;
    if (!v3) {
      stat.rcvV1v2Queries++;
      if (h.code === 0) ii.igmpIo.v1UntilUs = this.ipv.vnet.kernel.callouts.nowUs() + V1_PRESENT_US;
      const ds = h.code === 0 ? V1_MAXRESP_DS : h.code;
      ii.igmp.query({ old: true, group, sources: [], maxRespMs: ds * 100, robustness: 0, intervalSec: 0 });
      return;
    }
    if (!hasRouterAlert(m, pkt.off)) {
      stat.rcvNora++;
      return;
    }
    stat.rcvV3Queries++;
    const q = this.v3;
    const sources: InAddr[] = [];
    for (let i = 0; i < q.numsrc && i < MAX_SOURCES; i++) sources.push(getInAddr4(m.dv, m.off + pkt.off + IGMP_V3_QUERY_MINLEN + 4 * i));
    if (group === null && sources.length > 0) {
      stat.rcvBadqueries++;
      return;
    }
    if (group !== null) {
      if (sources.length > 0) stat.rcvGsrQueries++;
      else stat.rcvGroupQueries++;
    }
    ii.igmp.query({ old: false, group, sources, maxRespMs: igmpMaxRespDs(h) * 100, robustness: q.qrv, intervalSec: igmpFloat(q.qqic) });
  }
}

/** Whether the IP header of `hlen` bytes at the front of `m` has a router alert. */
function hasRouterAlert(m: Mbuf, hlen: number): boolean {
  for (let o = IP_HDR_LEN; o + 1 < hlen; ) {
    const opt = m.buf[m.off + o] as number;
    if (opt === IPOPT_RA) return true;
    if (opt === 0) return false;
    const len = opt === 1 ? 1 : (m.buf[m.off + o + 1] as number);
    if (len < 1) return false;
    o += len;
  }
  return false;
}
