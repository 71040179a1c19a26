import { EADDRNOTAVAIL, EMSGSIZE, ENETUNREACH, ENOBUFS, EINVAL } from '@ns/errno';
import { type Ifaddr, IFNET, type Ifnet } from '@ns/ifnet';
import { IFCAP_TSO4, IFF_BROADCAST, IFF_LOOPBACK, IFF_UP, mHeaderWritable } from '@ns/ifnet-kpi';
import { INET_DF, INET_RAWHDR, type InetAf, type InPkt, type Inpcb, type McastFilter, type PathInfo } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import { M_BCAST, M_MCAST, type Mbuf, mFreem, mPrepend } from '@ns/mbuf';
import { nhMtu, type Route, RTF_BLACKHOLE, RTF_REJECT } from '@ns/route';
import { prisonCheckAddr, prisonFlag } from '@ns/vnet';
import { AF_INET, ICMP_UNREACH, type InAddr, IP_DF, IP_HDR_LEN, IP_MAXPACKET, pseudoSum4 } from '@ns/wire';
import { icmpError } from './icmp-error.ts';
import { ifpToIa, inBroadcast, inIfinfo, type IpVnet } from './ip-vnet.ts';
import { inFilterChanged, inJoingroup, inLeavegroup } from './multicast.ts';
import { ipInsertoptions } from './options.ts';
import { ipOutput } from './output.ts';

/**
 * The source that an interface's address suggests: in a jail that does not have it, another address of that interface that the jail has.
 * Where there is none the caller falls back to the jail's primary address. Source: FreeBSD in_pcb.c, in_pcbladdr(), steps 1 to 3.
 */
function jailAddr(ifa: Ifaddr, inp: Inpcb | null): InAddr {
  if (inp === null || !prisonFlag(inp.cred, AF_INET) || prisonCheckAddr(inp.cred, ifa.addr) === 0) return ifa.addr;
  const other = ifa.ifp.addrs.find((x) => x.af === AF_INET && prisonCheckAddr(inp.cred, x.addr) === 0);
  return other === undefined ? ifa.addr : other.addr;
}

/**
 * IPv4 as transports see it: the AF_INET entry of a vnet's InetDomain.
 * @public
 */
export class InAf implements InetAf {
  /** {@inheritDoc @ns/inpcb#InetAf.af} */
  readonly af: number;
  /** {@inheritDoc @ns/inpcb#InetAf.hdrLen} */
  readonly hdrLen: number;
  private readonly ipv: IpVnet;

  constructor(ipv: IpVnet) {
    this.af = AF_INET;
    this.hdrLen = IP_HDR_LEN;
    this.ipv = ipv;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.defTtl} */
  defTtl(_vnet: Vnet): number {
    return this.ipv.defttl;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.output} */
  output(
    _vnet: Vnet,
    m0: Mbuf,
    src: InAddr,
    dst: InAddr,
    proto: number,
    ttl: number,
    tos: number,
    flags: number,
    ro: Route | null,
    inp: Inpcb | null,
  ): number {
    if ((flags & INET_RAWHDR) !== 0) return this.outputRaw(m0, dst, flags, ro, inp);
    const m = mPrepend(m0, IP_HDR_LEN);
    if (m === null) {
      this.ipv.stat.odropped++;
      return ENOBUFS;
    }
    const len = m.pktlen;
    if (len > IP_MAXPACKET) {
      mFreem(m);
      return EMSGSIZE;
    }
    const dv = m.dv;
    const o = m.off;
    dv.setInt32(o, 0x45000000 | ((tos & 0xff) << 16) | len);
    dv.setInt32(o + 4, (flags & INET_DF) !== 0 ? IP_DF : 0);
    dv.setInt32(o + 8, ((ttl & 0xff) << 24) | ((proto & 0xff) << 16));
    dv.setInt32(o + 12, src.w3);
    dv.setInt32(o + 16, dst.w3);
    if (inp === null || inp.opts === null) return ipOutput(this.ipv, m, dst, flags, ro, null);
    return this.outputOpts(m, dst, flags, ro, inp);
  }

  /** The same for a socket that has IP options or multicast settings. */
  private outputOpts(m0: Mbuf, dst: InAddr, flags: number, ro: Route | null, inp: Inpcb): number {
    let m: Mbuf | null = m0;
    const opts = inp.opts;
    if (opts !== null && opts.options !== null) {
      m = ipInsertoptions(m, opts.options);
      if (m === null) {
        this.ipv.stat.odropped++;
        return ENOBUFS;
      }
    }
    return ipOutput(this.ipv, m, dst, flags, ro, opts === null ? null : opts.moptions);
  }

  /** A packet with the header that its application made. Source: FreeBSD raw_ip.c, rip_output(), INP_HDRINCL. */
  private outputRaw(m0: Mbuf, dst: InAddr, flags: number, ro: Route | null, inp: Inpcb | null): number {
    const head = m0.pktlen < IP_HDR_LEN ? 0 : (m0.buf[m0.off] as number) & 15;
    if (head < 5) {
      mFreem(m0);
      return EINVAL;
    }
    const m = mHeaderWritable(m0, head << 2);
    if (m === null) return EINVAL;
    if (m.pktlen > IP_MAXPACKET || m.dv.getUint16(m.off + 2) > m.pktlen) {
      mFreem(m);
      return EINVAL;
    }
    m.dv.setUint8(m.off, 0x40 | head);
    m.dv.setUint16(m.off + 2, m.pktlen);
    this.ipv.stat.rawout++;
    return ipOutput(this.ipv, m, dst, flags, ro, inp === null || inp.opts === null ? null : inp.opts.moptions);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.pseudoSum} */
  pseudoSum(src: InAddr, dst: InAddr, proto: number, len: number): number {
    return pseudoSum4(src.w3, dst.w3, proto, len);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.selectSource} Source: FreeBSD in_pcb.c, in_pcbladdr(). */
  selectSource(vnet: Vnet, fib: number, dst: InAddr, inp: Inpcb | null): InAddr | number {
    const ipv = this.ipv;
    if (dst.w3 >>> 28 === 14) {
      const ifp = inp?.opts?.moptions?.ifp ?? null;
      if (ifp !== null) return ifpToIa(ifp)?.addr ?? EADDRNOTAVAIL;
    }
    const own = ipv.addrs.lookup(dst.w3);
    if (own !== null) return jailAddr(own, inp);
    const nh = ipv.route.inet(fib).lookup4(dst.w3);
    if (nh !== null && (nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) === 0 && nh.ifa !== null) return jailAddr(nh.ifa, inp);
    if (dst.w3 === -1) return this.primaryAddr(vnet) ?? ENETUNREACH;
    return ENETUNREACH;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.isLocal} */
  isLocal(vnet: Vnet, addr: InAddr): boolean {
    return this.ipv.addrs.lookup(addr.w3) !== null || (addr.w3 !== -1 && this.isBroadcast(vnet, addr));
  }

  /** {@inheritDoc @ns/inpcb#InetAf.isBroadcast} */
  isBroadcast(vnet: Vnet, addr: InAddr): boolean {
    if (addr.w3 === -1) return true;
    for (const ifp of IFNET.get(vnet).list) {
      if ((ifp.stackFlags & IFF_BROADCAST) !== 0 && inBroadcast(addr.w3, ifp)) return true;
    }
    return false;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.pathInfo} */
  pathInfo(_vnet: Vnet, fib: number, dst: InAddr, out: PathInfo): number {
    const nh = this.ipv.route.inet(fib).lookup4(dst.w3);
    if (nh === null || (nh.flags & (RTF_REJECT | RTF_BLACKHOLE)) !== 0) return ENETUNREACH;
    const ifp = nh.ifp;
    out.mtu = nhMtu(nh);
    out.ifmtu = ifp.mtu;
    out.hwassist = ifp.hwassist;
    out.tsoMax = ifp.tso.maxBytes;
    out.tsoEnabled = (ifp.capenable & IFCAP_TSO4) !== 0;
    out.loop = (ifp.stackFlags & IFF_LOOPBACK) !== 0;
    out.onlink = nh.gw === null;
    return 0;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.primaryAddr} */
  primaryAddr(vnet: Vnet): InAddr | null {
    let loop: InAddr | null = null;
    for (const ifp of IFNET.get(vnet).list) {
      const ia = ifpToIa(ifp);
      if (ia === null) continue;
      if ((ifp.stackFlags & IFF_LOOPBACK) === 0) return ia.addr;
      loop ??= ia.addr;
    }
    return loop;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.primaryBroadcast} */
  primaryBroadcast(vnet: Vnet): InAddr | null {
    for (const ifp of IFNET.get(vnet).list) {
      if ((ifp.stackFlags & (IFF_BROADCAST | IFF_UP)) !== (IFF_BROADCAST | IFF_UP)) continue;
      const ia: Ifaddr | null = ifpToIa(ifp);
      if (ia !== null && ia.broadcast !== null) return ia.broadcast;
    }
    return null;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.ifAddr} */
  ifAddr(ifp: Ifnet): InAddr | null {
    return ifpToIa(ifp)?.addr ?? null;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.unreach} */
  unreach(m: Mbuf, pkt: InPkt, code: number): void {
    if (pkt.flags !== 0 || (m.flags & (M_BCAST | M_MCAST)) !== 0) {
      mFreem(m);
      return;
    }
    icmpError(this.ipv, m, ICMP_UNREACH, code, 0, 0);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.joinGroup} */
  joinGroup(_vnet: Vnet, group: InAddr, ifp: Ifnet | null, filter?: McastFilter): Ifnet | number {
    return inJoingroup(this.ipv, group, ifp, filter);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.leaveGroup} */
  leaveGroup(_vnet: Vnet, group: InAddr, ifp: Ifnet, filter?: McastFilter): void {
    inLeavegroup(group, ifp, filter);
  }

  /** {@inheritDoc @ns/inpcb#InetAf.groupSources} */
  groupSources(_vnet: Vnet, group: InAddr, ifp: Ifnet): number {
    return inIfinfo(ifp)?.igmp?.find(group)?.sourceCount ?? 0;
  }

  /** {@inheritDoc @ns/inpcb#InetAf.filterChanged} */
  filterChanged(_vnet: Vnet, group: InAddr, ifp: Ifnet): void {
    inFilterChanged(group, ifp);
  }
}

