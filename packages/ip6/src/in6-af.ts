import { EHOSTUNREACH, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS } from '@ns/errno';
import { type Ifaddr, IFNET, type Ifnet } from '@ns/ifnet';
import { IFCAP_TSO6, IFF_LOOPBACK, mHeaderWritable } from '@ns/ifnet-kpi';
import { INET_RAWHDR, INET_UNREACH_PORT, INP_CONNECTED, INP_MINMTU, INP_NOFLOWLABEL, type InetAf, type InPkt, type Inpcb, type IpPktopts, type McastFilter, type PathInfo } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { M_BCAST, M_MCAST, type Mbuf, mFreem, mPrepend } from '@ns/mbuf';
import { nhMtu, ribRoute6, type Route, RTF_BLACKHOLE, RTF_REJECT } from '@ns/route';
import {
  AF_INET6,
  ICMP6_DST_UNREACH,
  ICMP6_DST_UNREACH_NOPORT,
  ICMP6_PARAM_PROB,
  ICMP6_PARAMPROB_NEXTHEADER,
  type InAddr,
  IP6_HDR_LEN,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_MAXPACKET,
  isLinkLocal,
  isLoopback,
  pseudoSum6,
} from '@ns/wire';
import { icmp6Error } from './icmp6-error.ts';
import { in6Ready } from './in6-var.ts';
import { in6Selectsrc } from './in6-src.ts';
import { in6Ifinfo, in6Linkmtu, type Ip6Vnet } from './ip6-vnet.ts';
import { in6FilterChanged, in6Joingroup, in6Leavegroup } from './multicast.ts';
import { ip6OutputOpts, ip6Special } from './pktopts.ts';
import { ip6Output, IPV6_MINMTU, IPV6_NOMINMTU } from './output.ts';

/**
 * IPv6 as transports see it: the AF_INET6 entry of a vnet's InetDomain.
 * @public
 */
export class In6Af implements InetAf {
  /** {@inheritDoc @ns/inpcb#InetAf.af} */
  readonly af: number;
  /** {@inheritDoc @ns/inpcb#InetAf.hdrLen} */
  readonly hdrLen: number;
  private readonly ip6v: Ip6Vnet;

  constructor(ip6v: Ip6Vnet) {
    this.af = AF_INET6;
    this.hdrLen = IP6_HDR_LEN;
    this.ip6v = ip6v;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.v6only} */
  get v6only(): boolean {
    return this.ip6v.v6only;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.defTtl} */
  defTtl(_vnet: Vnet): number {
    return this.ip6v.defhlim;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.output} */
  output(_vnet: Vnet, m0: Mbuf, src: InAddr, dst: InAddr, proto: number, ttl: number, tos: number, flags: number, ro: Route | null, inp: Inpcb | null, opts?: IpPktopts | null): number {
    if ((flags & INET_RAWHDR) !== 0) return this.outputRaw(m0, dst, flags, ro, inp);
    const flow = this.flowOf(m0, src, dst, proto, inp);
    if (opts !== undefined && opts !== null && ip6Special(opts, dst)) return ip6OutputOpts(this.ip6v, m0, src, dst, proto, ttl, (tos << 20) | flow, flags, ro, inp, opts);
    const m = mPrepend(m0, IP6_HDR_LEN);
    if (m === null) {
      this.ip6v.stat.odropped++;
      return ENOBUFS;
    }
    if (m.pktlen - IP6_HDR_LEN > IPV6_MAXPACKET) {
      mFreem(m);
      return EMSGSIZE;
    }
    const dv = m.dv;
    const o = m.off;
    dv.setInt32(o, 0x60000000 | ((tos & 0xff) << 20) | flow);
    // The payload length is ip6Output's to fill in.
    dv.setInt32(o + 4, ((proto & 0xff) << 8) | (ttl & 0xff));
    dv.setInt32(o + 8, src.w0);
    dv.setInt32(o + 12, src.w1);
    dv.setInt32(o + 16, src.w2);
    dv.setInt32(o + 20, src.w3);
    dv.setInt32(o + 24, dst.w0);
    dv.setInt32(o + 28, dst.w1);
    dv.setInt32(o + 32, dst.w2);
    dv.setInt32(o + 36, dst.w3);
    if (inp === null) return ip6Output(this.ip6v, m, dst, flags, ro, null, null);
    const size = (inp.flags & INP_MINMTU) !== 0 ? IPV6_MINMTU : inp.opts !== null && inp.opts.noMinMtu ? IPV6_NOMINMTU : 0;
    return ip6Output(this.ip6v, m, dst, flags | size, ro, inp.opts === null ? null : inp.opts.moptions, null);
  }

  /** Flow label of a packet: a connection works it out once. */
  private flowOf(m: Mbuf, src: InAddr, dst: InAddr, proto: number, inp: Inpcb | null): number {
    if (!this.ip6v.autoFlowlabel) return 0;
    if (inp === null) return this.flowLabel(m, dst, src, proto);
    const { flags2 } = inp;
    if ((flags2 & INP_NOFLOWLABEL) !== 0) return 0;
    if ((flags2 & INP_CONNECTED) === 0) return this.flowLabel(m, dst, src, proto);
    if (inp.flow === 0) inp.flow = this.flowLabel(m, dst, src, proto);
    return inp.flow;
  }

  /** Flow label by the addresses and ports: the same for all of its 5-tuple, and nothing that tells flows in order (RFC 6437 §3). `m` begins at the transport header. */
  private flowLabel(m: Mbuf, dst: InAddr, src: InAddr, proto: number): number {
    const ports = (proto === IPPROTO_TCP || proto === IPPROTO_UDP) && m.len >= 4 ? m.dv.getInt32(m.off) : 0;
    let h = Math.imul(ports ^ this.ip6v.flowSeed, 0x9e3779b1) ^ Math.imul(dst.w3 ^ proto, 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ Math.imul(dst.w1 ^ (dst.w0 << 5), 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 13), 0x297a2d39) ^ Math.imul(src.w3 ^ dst.w2, 0x165667b1);
    const label = (Math.imul(h ^ (h >>> 16), 0x9e3779b1) >>> 12) & 0xfffff;
    return label === 0 ? 1 : label;
  }

  /** A packet with the header that its application made. Source: FreeBSD raw_ip6.c, rip6_output(), INP_HDRINCL. */
  private outputRaw(m0: Mbuf, dst: InAddr, flags: number, ro: Route | null, inp: Inpcb | null): number {
    if (m0.pktlen < IP6_HDR_LEN || m0.pktlen - IP6_HDR_LEN > IPV6_MAXPACKET) {
      const errno = m0.pktlen < IP6_HDR_LEN ? EINVAL : EMSGSIZE;
      mFreem(m0);
      return errno;
    }
    const m = mHeaderWritable(m0, IP6_HDR_LEN);
    if (m === null) return ENOBUFS;
    m.dv.setInt32(m.off, 0x60000000 | (m.dv.getInt32(m.off) & 0x0fffffff));
    this.ip6v.stat.rawout++;
    return ip6Output(this.ip6v, m, dst, flags, ro, inp === null || inp.opts === null ? null : inp.opts.moptions, null);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.pseudoSum} */
  pseudoSum(src: InAddr, dst: InAddr, proto: number, len: number): number {
    return pseudoSum6(src.w0, src.w1, src.w2, src.w3, dst.w0, dst.w1, dst.w2, dst.w3, proto, len);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.selectSource} */
  selectSource(_vnet: Vnet, fib: number, dst: InAddr, inp: Inpcb | null, opts?: IpPktopts | null): InAddr | number {
    return in6Selectsrc(this.ip6v, fib, dst, inp, opts ?? (inp === null || inp.opts === null ? null : inp.opts.pktopts));
  }

  /** {@inheritDoc @ns/inpcb#InetAf.isLocal} */
  isLocal(_vnet: Vnet, addr: InAddr): boolean {
    const ifa = this.ip6v.addrs.find(addr);
    return ifa !== null && in6Ready(ifa);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.isBroadcast} */
  isBroadcast(_vnet: Vnet, _addr: InAddr): boolean {
    return false;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.pathInfo} */
  pathInfo(_vnet: Vnet, fib: number, dst: InAddr, out: PathInfo): number {
    const nh = ribRoute6(this.ip6v.route.inet6(fib), this.ip6v.askedRo, dst.w0, dst.w1, dst.w2, dst.w3, dst.zone);
    if (nh === null) return ENETUNREACH;
    if ((nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return EHOSTUNREACH;
    const ifp = nh.ifp;
    const linkmtu = in6Linkmtu(ifp);
    const pmtu = this.ip6v.pmtu.lookup(dst);
    let mtu = Math.min(nhMtu(nh), linkmtu);
    if (pmtu !== 0 && pmtu < mtu) mtu = pmtu;
    out.mtu = mtu;
    out.ifmtu = linkmtu;
    out.hwassist = ifp.hwassist;
    out.tsoMax = ifp.tso.maxBytes;
    out.tsoEnabled = (ifp.capenable & IFCAP_TSO6) !== 0;
    out.loop = (ifp.stackFlags & IFF_LOOPBACK) !== 0;
    out.onlink = nh.gw === null;
    return 0;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.primaryAddr} Where a connect to `::` goes: loopback, as in FreeBSD in6_pcbladdr(); where there is none, the first address there is. */
  primaryAddr(vnet: Vnet): InAddr | null {
    let other: InAddr | null = null;
    for (const ifp of IFNET.get(vnet).list) {
      for (const ifa of ifp.addrs) {
        if (ifa.af !== AF_INET6 || !in6Ready(ifa)) continue;
        if (isLoopback(ifa.addr)) return ifa.addr;
        if (other === null || isLinkLocal(other)) other = ifa.addr;
      }
    }
    return other;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.primaryBroadcast} */
  primaryBroadcast(_vnet: Vnet): InAddr | null {
    return null;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.ifAddr} */
  ifAddr(ifp: Ifnet): InAddr | null {
    let local: Ifaddr | null = null;
    for (const ifa of ifp.addrs) {
      if (ifa.af !== AF_INET6 || !in6Ready(ifa)) continue;
      if (!isLinkLocal(ifa.addr)) return ifa.addr;
      local ??= ifa;
    }
    return local === null ? null : local.addr;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.unreach} */
  unreach(m: Mbuf, pkt: InPkt, code: number): void {
    if (pkt.flags !== 0 || (m.flags & (M_BCAST | M_MCAST)) !== 0) {
      mFreem(m);
      return;
    }
    if (code === INET_UNREACH_PORT) icmp6Error(this.ip6v, m, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0);
    else {
      const ii = in6Ifinfo(pkt.ifp);
      if (ii !== null) ii.stat.in_protounknown++;
      icmp6Error(this.ip6v, m, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, pkt.nxtOff);
    }
  }

  /** {@inheritDoc @ns/inpcb#InetAf.confirm} */
  confirm(ro: Route): void {
    const { nd } = this.ip6v;
    if (nd !== null && ro.lle !== null) nd.confirm(ro.lle);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.joinGroup} */
  joinGroup(_vnet: Vnet, group: InAddr, ifp: Ifnet | null, filter?: McastFilter): Ifnet | number {
    return in6Joingroup(this.ip6v, group, ifp, filter);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.leaveGroup} */
  leaveGroup(_vnet: Vnet, group: InAddr, ifp: Ifnet, filter?: McastFilter): void {
    in6Leavegroup(group, ifp, filter);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.groupSources} */
  groupSources(_vnet: Vnet, group: InAddr, ifp: Ifnet): number {
    return in6Ifinfo(ifp)?.mld?.find(group)?.sourceCount ?? 0;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.filterChanged} */
  filterChanged(_vnet: Vnet, group: InAddr, ifp: Ifnet): void {
    in6FilterChanged(group, ifp);
  }
}
