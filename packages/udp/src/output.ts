/* @hot Datagrams that go out. Source: FreeBSD netinet/udp_usrreq.c. */
import { EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOTCONN } from '@ns/errno';
import {
  type Cmsg,
  IN6P_MTU,
  INET_ALLOWBROADCAST,
  INET_DF,
  INET_ROUTETOIF,
  INET_SENDONES,
  type InetAf,
  INP_ANONPORT,
  INP_CONNECTED,
  INP_DONTFRAG,
  INP_IPV6PROTO,
  INP_ONESBCAST,
  INP_V6ONLY,
  type Inpcb,
  inPcbDestination,
  inPcbInsHash,
  inPcbLport,
  inPcbPktopts,
  inPcbPktoptsDst,
  inPcbPktoptsFlags,
  inPcbSource,
  inPcbStamp,
  type IpPktopts,
  PathInfo,
} from '@ns/inpcb';
import { CSUM_UDP, CSUM_UDP_IPV6, M_PKTHDR, type Mbuf, mFreem, mLength, mPrepend } from '@ns/mbuf';
import { SO_BROADCAST, SO_DONTROUTE, sopathmtu } from '@ns/socket';
import { prisonRemoteAddr } from '@ns/vnet';
import { AF_INET, AF_INET6, type InAddr, IP_MAXPACKET, IPPROTO_UDP, isV4Mapped, type Sockaddr, UDP_HDR_LEN, v4OfMapped } from '@ns/wire';
import type { UdpVnet } from './vnet.ts';

/** Offset of the checksum field. */
const UH_SUM = 6;

/**
 * Sends a datagram to `addr`, or to the peer when it is null. Chooses source address and port where the socket has none; the port then stays. `control`: for this
 * datagram alone. Consumes m.
 * Source: FreeBSD udp_output(), udp_send().
 */
export function udpOutput(u: UdpVnet, inp: Inpcb, data: Mbuf, addr: Sockaddr | null, control: readonly Cmsg[] | null = null): number {
  const m = (data.flags & M_PKTHDR) !== 0 ? data : asPacket(data);
  if (m === null) return ENOBUFS;
  const opts = control === null && inp.opts === null ? null : inPcbPktopts(inp, control);
  if (typeof opts === 'number') {
    mFreem(m);
    return opts;
  }
  if (addr === null) {
    if ((inp.flags2 & INP_CONNECTED) === 0) {
      mFreem(m);
      return ENOTCONN;
    }
    return udpSend(u, inp, inp.af, m, sourceOf(opts, inp.af.af) ?? inp.laddr, inp.faddr, inp.fport, opts);
  }
  return udpSendTo(u, inp, m, addr, opts);
}

/** The source that ancillary data or a sticky option says, if it is of the family that is spoken. */
function sourceOf(opts: IpPktopts | null, af: number): InAddr | null {
  return opts !== null && opts.src !== null && opts.src.af === af ? opts.src : null;
}

/** A plain chain with a packet header in front; null, with the chain freed, when there is no mbuf. */
function asPacket(data: Mbuf): Mbuf | null {
  const m = data.pool.getHdr();
  if (m === null) {
    mFreem(data);
    return null;
  }
  m.next = data;
  m.pktlen = mLength(data);
  return m;
}

function udpSendTo(u: UdpVnet, inp: Inpcb, m: Mbuf, addr: Sockaddr, opts: IpPktopts | null): number {
  const to = addr.addr;
  const v6socket = (inp.vflag & INP_IPV6PROTO) !== 0;
  const mapped = v6socket && isV4Mapped(to);
  const af = u.inet.af(mapped ? AF_INET : to.af);
  let errno = 0;
  if ((inp.flags2 & INP_CONNECTED) !== 0) errno = EISCONN;
  else if (addr.port === 0) errno = EADDRNOTAVAIL;
  else if (to.af !== (v6socket ? AF_INET6 : AF_INET) || af === null) errno = EAFNOSUPPORT;
  else if (mapped && (inp.flags & INP_V6ONLY) !== 0) errno = EINVAL;
  if (errno !== 0 || af === null) {
    mFreem(m);
    return errno;
  }
  const remote = prisonRemoteAddr(inp.cred, mapped ? v4OfMapped(to) : to);
  if (remote === null) {
    mFreem(m);
    return EAFNOSUPPORT;
  }
  const dst = inPcbPktoptsDst(opts, inPcbDestination(inp, af, remote));
  const src = sourceOf(opts, af.af) ?? inPcbSource(inp, af, dst, opts);
  errno = typeof src === 'number' ? src : src.af !== dst.af ? EADDRNOTAVAIL : inp.lport === 0 ? takePort(inp) : 0;
  if (errno !== 0) {
    mFreem(m);
    return errno;
  }
  return udpSend(u, inp, af, m, src as InAddr, dst, addr.port, opts);
}

/** Gives an unbound socket a port, for good. Its address stays unspecified. */
function takePort(inp: Inpcb): number {
  const port = inPcbLport(inp, inp.laddr, null, 0, inp.cred, true);
  if (port < 0) return -port;
  inp.lport = port;
  inp.flags |= INP_ANONPORT;
  const errno = inPcbInsHash(inp);
  if (errno !== 0) inp.lport = 0;
  return errno;
}

function udpSend(u: UdpVnet, inp: Inpcb, af: InetAf, data: Mbuf, src: InAddr, dst: InAddr, dport: number, opts: IpPktopts | null): number {
  const ulen = data.pktlen + UDP_HDR_LEN;
  if (ulen + (af.af === AF_INET ? af.hdrLen : 0) > IP_MAXPACKET) {
    mFreem(data);
    return EMSGSIZE;
  }
  const m = mPrepend(data, UDP_HDR_LEN);
  if (m === null) return ENOBUFS;
  fillUdpHdr(m, af, src, inp.lport, dst, dport, u.checksum !== 0 || af.af !== AF_INET);
  inPcbStamp(inp, m);
  u.stat.opackets++;
  const route = (inp.flags2 & INP_CONNECTED) !== 0 ? inp.route : null;
  const errno =
    opts === null
      ? af.output(u.vnet, m, src, dst, IPPROTO_UDP, inp.ttl, inp.tos, outputFlags(inp), route, inp)
      : af.output(u.vnet, m, src, dst, IPPROTO_UDP, opts.hlim < 0 ? inp.ttl : opts.hlim, opts.tclass < 0 ? inp.tos : opts.tclass, inPcbPktoptsFlags(opts, outputFlags(inp)), route, inp, opts);
  if (errno === EMSGSIZE && (inp.flags & IN6P_MTU) !== 0) tellPathMtu(u, inp, af, dst);
  return errno;
}

/** A datagram was too large and not to be fragmented: says for what it would not be (RFC 3542 §11.2). */
function tellPathMtu(u: UdpVnet, inp: Inpcb, af: InetAf, dst: InAddr): void {
  const info = new PathInfo();
  if (dst.af === AF_INET6 && af.pathInfo(u.vnet, inp.fibnum, dst, info) === 0 && !sopathmtu(inp, dst, info.mtu)) u.stat.fullsock++;
}

/** Writes the header that `m` begins with; `summed`: and asks for its checksum. */
export function fillUdpHdr(m: Mbuf, af: InetAf, src: InAddr, sport: number, dst: InAddr, dport: number, summed: boolean): void {
  const dv = m.dv;
  const o = m.off;
  const ulen = m.pktlen;
  dv.setUint16(o, sport);
  dv.setUint16(o + 2, dport);
  dv.setUint16(o + 4, ulen);
  if (!summed) {
    dv.setUint16(o + UH_SUM, 0);
    return;
  }
  dv.setUint16(o + UH_SUM, af.pseudoSum(src, dst, IPPROTO_UDP, ulen));
  m.csumFlags = af.af === AF_INET ? CSUM_UDP : CSUM_UDP_IPV6;
  m.csumData = UH_SUM;
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
