import { EAFNOSUPPORT, EINVAL, EMSGSIZE, ENOBUFS } from '@ns/errno';
import {
  type Cmsg,
  IN6P_MTU,
  INET_ALLOWBROADCAST,
  INET_DF,
  INET_RAWHDR,
  INET_ROUTETOIF,
  INET_SENDONES,
  type InetAf,
  INP_DONTFRAG,
  INP_HDRINCL,
  INP_ONESBCAST,
  type Inpcb,
  inPcbDestination,
  inPcbPktopts,
  inPcbPktoptsDst,
  inPcbPktoptsFlags,
  inPcbSource,
  inPcbStamp,
  PathInfo,
} from '@ns/inpcb';
import { M_PKTHDR, type Mbuf, mAdj, mCksum, mFreem, mLength, mPullup, mUnshare } from '@ns/mbuf';
import { SO_BROADCAST, SO_DONTROUTE, sopathmtu } from '@ns/socket';
import { prisonCheckAddr } from '@ns/vnet';
import { AF_INET, AF_INET6, cksumFold, getInAddr4, getIpHlen, getIpLen, getIpP, getIpTos, getIpTtl, type InAddr, IP_HDR_LEN, IP_MAXPACKET, IPPROTO_ICMPV6, isAny } from '@ns/wire';
import type { RipVnet } from './vnet.ts';

/** Offset of the checksum in ICMPv6 (RFC 3542 §3.1). */
const ICMP6_CKSUM_OFF = 2;

/**
 * Sends a packet of a raw socket to `to`: the network protocol makes the header, or with IP_HDRINCL completes the one that is there. `control`: for this packet alone, not with IP_HDRINCL. Consumes m.
 * Source: FreeBSD rip_output(), rip6_output().
 */
export function ripOutput(r: RipVnet, inp: Inpcb, data: Mbuf, to: InAddr, control: readonly Cmsg[] | null = null): number {
  const m = asPacket(data);
  if (m === null) return ENOBUFS;
  const af = r.inet.af(to.af);
  if (af === null || to.af !== inp.laddr.af) {
    mFreem(m);
    return EAFNOSUPPORT;
  }
  const dst0 = inPcbDestination(inp, af, to);
  inPcbStamp(inp, m);
  r.stat.opackets++;
  if ((inp.flags & INP_HDRINCL) !== 0) return outputWithHeader(r, inp, m, dst0);
  if (m.pktlen + (af.af === AF_INET ? af.hdrLen : 0) > IP_MAXPACKET) {
    mFreem(m);
    return EMSGSIZE;
  }
  const opts = control === null && inp.opts === null ? null : inPcbPktopts(inp, control);
  if (typeof opts === 'number') {
    mFreem(m);
    return opts;
  }
  const dst = inPcbPktoptsDst(opts, dst0);
  const src = opts !== null && opts.src !== null ? opts.src : inPcbSource(inp, af, dst, opts);
  if (typeof src === 'number') {
    mFreem(m);
    return src;
  }
  const sealed = af.af === AF_INET ? m : checksum6(inp, m, af.pseudoSum(src, dst, inp.proto, m.pktlen));
  if (sealed === null) return EINVAL;
  const errno =
    opts === null
      ? af.output(r.vnet, sealed, src, dst, inp.proto, inp.ttl, inp.tos, outputFlags(inp), null, inp)
      : af.output(r.vnet, sealed, src, dst, inp.proto, opts.hlim < 0 ? inp.ttl : opts.hlim, opts.tclass < 0 ? inp.tos : opts.tclass, inPcbPktoptsFlags(opts, outputFlags(inp)), null, inp, opts);
  if (errno === EMSGSIZE && (inp.flags & IN6P_MTU) !== 0) tellPathMtu(r, inp, af, dst);
  return errno;
}

/** A packet was too large and not to be fragmented: says for what it would not be (RFC 3542 §11.2). */
function tellPathMtu(r: RipVnet, inp: Inpcb, af: InetAf, dst: InAddr): void {
  const info = new PathInfo();
  if (dst.af === AF_INET6 && af.pathInfo(r.vnet, inp.fibnum, dst, info) === 0 && !sopathmtu(inp, dst, info.mtu)) r.stat.fullsock++;
}

/** The application's own IPv4 header: checked for what could mislead the stack. */
function outputWithHeader(r: RipVnet, inp: Inpcb, data: Mbuf, dst: InAddr): number {
  if (data.pktlen > IP_MAXPACKET || data.pktlen < IP_HDR_LEN) {
    const errno = data.pktlen > IP_MAXPACKET ? EMSGSIZE : EINVAL;
    mFreem(data);
    return errno;
  }
  const own = mUnshare(data);
  const m = own === null ? null : mPullup(own, IP_HDR_LEN);
  if (m === null) return ENOBUFS;
  const hlen = getIpHlen(m.dv, m.off);
  const len = getIpLen(m.dv, m.off);
  const af = r.inet.af(AF_INET);
  if (hlen < IP_HDR_LEN || len > m.pktlen || len < hlen || (hlen !== IP_HDR_LEN && inp.opts !== null && inp.opts.options !== null) || af === null) {
    mFreem(m);
    return EINVAL;
  }
  if (len < m.pktlen) mAdj(m, len - m.pktlen);
  let src: InAddr | number = getInAddr4(m.dv, m.off + 12);
  if (isAny(src)) src = inPcbSource(inp, af, dst);
  else {
    const errno = prisonCheckAddr(inp.cred, src);
    if (errno !== 0) src = errno;
  }
  if (typeof src === 'number') {
    mFreem(m);
    return src;
  }
  m.dv.setInt32(m.off + 12, src.w3);
  return af.output(r.vnet, m, src, dst, getIpP(m.dv, m.off), getIpTtl(m.dv, m.off), getIpTos(m.dv, m.off), outputFlags(inp) | INET_RAWHDR, null, inp);
}

/** Puts the checksum where IPV6_CHECKSUM says, and always into ICMPv6; null, with m freed, when the packet is too short for it. */
function checksum6(inp: Inpcb, data: Mbuf, pseudo: number): Mbuf | null {
  const off = inp.proto === IPPROTO_ICMPV6 ? ICMP6_CKSUM_OFF : inp.opts === null ? -1 : inp.opts.cksumOff;
  if (off < 0) return data;
  const own = mUnshare(data);
  const m = own === null ? null : mPullup(own, off + 2);
  if (m === null) return null;
  m.dv.setUint16(m.off + off, 0);
  m.dv.setUint16(m.off + off, cksumFold(mCksum(m, 0, m.pktlen, pseudo)));
  return m;
}

function asPacket(data: Mbuf): Mbuf | null {
  if ((data.flags & M_PKTHDR) !== 0) return data;
  const m = data.pool.getHdr();
  if (m === null) {
    mFreem(data);
    return null;
  }
  m.next = data;
  m.pktlen = mLength(data);
  return m;
}

function outputFlags(inp: Inpcb): number {
  const options = inp.socket === null ? 0 : inp.socket.options;
  let flags = 0;
  if ((options & SO_DONTROUTE) !== 0) flags |= INET_ROUTETOIF;
  if ((options & SO_BROADCAST) !== 0) flags |= INET_ALLOWBROADCAST;
  if ((inp.flags & INP_ONESBCAST) !== 0) flags |= INET_SENDONES;
  if ((inp.flags & INP_DONTFRAG) !== 0) flags |= INET_DF;
  return flags;
}
