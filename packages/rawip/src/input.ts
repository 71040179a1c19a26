/* @hot Packets for raw sockets. Source: FreeBSD netinet/raw_ip.c. */
import {
  IN6P_EXTHDRS,
  INET_UNREACH_PROTOCOL,
  INP_IPV4,
  INP_IPV6,
  INP_RECVDSTADDR,
  INP_RECVFLOWID,
  INP_RECVIF,
  INP_RECVTOS,
  INP_RECVTTL,
  type Inpcb,
  type InpOpts,
  inPcbMcastFilter,
  inPcbSaveControl,
  type InPkt,
  MCAST_PASS,
  PKT_BROADCAST,
  PKT_MULTICAST,
} from '@ns/inpcb';
import { M_BCAST, M_MCAST, type Mbuf, mAdj, mCksum, mCopypacket, mFreem } from '@ns/mbuf';
import { SO_TIMESTAMP, sbappendaddr, type Socket, sorwakeup } from '@ns/socket';
import { jailedWithoutVnet, prisonHasWords } from '@ns/vnet';
import { AF_INET, cksumFold, embedZone6, IPPROTO_ICMPV6, isAny, pseudoSum6, zonedWord0 } from '@ns/wire';
import type { RipVnet } from './vnet.ts';

/**
 * Hands a packet to every raw socket that takes it: an IPv4 one with its header, an IPv6 one without. If none does and no protocol has seen it, its sender is told.
 * Consumes m, which begins at the network header.
 * Source: FreeBSD rip_input(), rip6_input().
 */
export function ripInput(r: RipVnet, m: Mbuf, pkt: InPkt): void {
  let last = deliver(r, r.byProto[pkt.proto] as readonly Inpcb[], m, pkt, null);
  if (pkt.proto !== 0) last = deliver(r, r.byProto[0] as readonly Inpcb[], m, pkt, last);
  if (last !== null) {
    ripAppend(r, last, m, pkt);
    return;
  }
  r.stat.nomatch++;
  const af = r.inet.af(pkt.af);
  const known = r.inet.protoOf(pkt.af, pkt.proto) !== null;
  if (known || af === null || (pkt.flags & (PKT_BROADCAST | PKT_MULTICAST)) !== 0 || (m.flags & (M_BCAST | M_MCAST)) !== 0) mFreem(m);
  else af.unreach(m, pkt, INET_UNREACH_PROTOCOL);
}

/** Gives a copy to all matching sockets but the last, which is returned. */
function deliver(r: RipVnet, list: readonly Inpcb[], m: Mbuf, pkt: InPkt, before: Inpcb | null): Inpcb | null {
  let last = before;
  for (let i = 0; i < list.length; i++) {
    const inp = list[i] as Inpcb;
    if ((inp.fibnum !== m.fibnum && !r.info.bindAllFibs) || !ripMatch(inp, pkt) || (inp.opts !== null && !ripAccept(inp.opts, inp.proto, m, pkt))) continue;
    if (last !== null) {
      const copy = mCopypacket(m);
      if (copy === null) r.stat.fullsock++;
      else ripAppend(r, last, copy, pkt);
    }
    last = inp;
  }
  return last;
}

function ripMatch(inp: Inpcb, pkt: InPkt): boolean {
  if ((inp.vflag & (pkt.af === AF_INET ? INP_IPV4 : INP_IPV6)) === 0 || inp.minTtl > pkt.ttl) return false;
  const l = inp.laddr;
  // The zone is that of the link it came in on; IPv4 words have none.
  const d0 = embedZone6(pkt.dst0, pkt.zone);
  if (!isAny(l) && (l.w3 !== pkt.dst3 || l.w2 !== pkt.dst2 || l.w1 !== pkt.dst1 || zonedWord0(l) !== d0)) return false;
  const f = inp.faddr;
  if (!isAny(f) && (f.w3 !== pkt.src3 || f.w2 !== pkt.src2 || f.w1 !== pkt.src1 || zonedWord0(f) !== embedZone6(pkt.src0, pkt.zone))) return false;
  const group = pkt.af === AF_INET ? pkt.dst3 >>> 28 === 14 : pkt.dst0 >>> 24 === 0xff;
  // Groups belong to no jail; all else must be for an address of the socket's.
  if (!group) return !jailedWithoutVnet(inp.cred) || prisonHasWords(inp.cred, pkt.af, d0, pkt.dst1, pkt.dst2, pkt.dst3);
  if (inp.opts === null || inp.opts.moptions === null) return true;
  return inPcbMcastFilter(inp, pkt.ifp, pkt.af, pkt.dst0, pkt.dst1, pkt.dst2, pkt.dst3, pkt.src0, pkt.src1, pkt.src2, pkt.src3) === MCAST_PASS;
}

/** Whether an IPv6 packet passes the type filter of an ICMPv6 socket, and has the checksum that the socket wants checked. Source: FreeBSD rip6_input(); RFC 3542 §3. */
function ripAccept(opts: InpOpts, proto: number, m: Mbuf, pkt: InPkt): boolean {
  if (pkt.af === AF_INET) return true;
  if (opts.icmpFilter !== null && proto === IPPROTO_ICMPV6) {
    const type = m.len > pkt.off ? m.dv.getUint8(m.off + pkt.off) : 0;
    if (((opts.icmpFilter[type >>> 5] as number) & (1 << (type & 31))) === 0) return false;
  }
  if (opts.cksumOff < 0) return true;
  const pseudo = pseudoSum6(pkt.src0, pkt.src1, pkt.src2, pkt.src3, pkt.dst0, pkt.dst1, pkt.dst2, pkt.dst3, pkt.proto, pkt.len);
  return pkt.len >= opts.cksumOff + 2 && cksumFold(mCksum(m, pkt.off, pkt.len, pseudo)) === 0;
}

/** Puts a packet into a socket's buffer. Consumes m. Source: FreeBSD rip_append(). */
function ripAppend(r: RipVnet, inp: Inpcb, m: Mbuf, pkt: InPkt): void {
  const so = inp.socket as Socket | null;
  if (so === null) {
    mFreem(m);
    return;
  }
  const d = r.dgram;
  d.control = (inp.flags & IN6P_EXTHDRS) === 0 && (inp.flags2 & INP_RECVFLOWID) === 0 ? null : inPcbSaveControl(inp, m, pkt);
  if (pkt.af !== AF_INET) mAdj(m, pkt.off);
  d.af = pkt.af;
  d.port = 0;
  d.zone = pkt.zone;
  d.src0 = pkt.src0;
  d.src1 = pkt.src1;
  d.src2 = pkt.src2;
  d.src3 = pkt.src3;
  d.dst0 = pkt.dst0;
  d.dst1 = pkt.dst1;
  d.dst2 = pkt.dst2;
  d.dst3 = pkt.dst3;
  d.ifindex = (inp.flags & (INP_RECVIF | INP_RECVDSTADDR)) !== 0 ? pkt.ifp.index : 0;
  d.ttl = (inp.flags & INP_RECVTTL) !== 0 ? pkt.ttl : 0;
  d.tos = (inp.flags & INP_RECVTOS) !== 0 ? pkt.tos : 0;
  d.tstampUs = (so.options & SO_TIMESTAMP) !== 0 ? r.vnet.kernel.callouts.nowUs() : -1;
  const fits = sbappendaddr(so.rcv, m, d);
  d.control = null;
  if (fits) {
    r.stat.delivered++;
    sorwakeup(so);
    return;
  }
  r.stat.fullsock++;
  mFreem(m);
}
