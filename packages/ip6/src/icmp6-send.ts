import { ENOBUFS } from '@ns/errno';
import type { Ifnet } from '@ns/ifnet';
import { mHeaderWritable } from '@ns/ifnet-kpi';
import { M_BCAST, M_MCAST, type Mbuf, mCksum, mPrepend, mRehome, mTagDeleteNonpersistent } from '@ns/mbuf';
import { cksumFold, type InAddr, IP6_HDR_LEN, IPPROTO_ICMPV6, isAny, pseudoSum6, setInAddr } from '@ns/wire';
import type { Ip6Vnet } from './ip6-vnet.ts';
import { ip6Output, IPV6_UNSPECSRC } from './output.ts';

/** Offset of the checksum in an ICMPv6 message. */
const CKSUM_OFF = 2;

/**
 * Sends the ICMPv6 message `m`, which begins with its type: header and checksum are made here. `src` as given (`::` stays `::`: neighbour discovery, MLD), `hlim` as given. With `ifp` it goes
 * out there with `dst` as next hop and no route is asked, and a multicast message is not heard here; without, it is routed. Consumes m; returns an errno.
 * Source: FreeBSD nd6_nbr.c, nd6_ns_output_fib(); icmp6.c, icmp6_reflect().
 * @public
 */
export function icmp6Output(ip6v: Ip6Vnet, m0: Mbuf, src: InAddr, dst: InAddr, ifp: Ifnet | null, hlim: number): number {
  const len = m0.pktlen;
  const p = mPrepend(m0, IP6_HDR_LEN);
  const m = p === null ? null : mHeaderWritable(p, IP6_HDR_LEN + CKSUM_OFF + 2);
  if (m === null) {
    ip6v.stat.odropped++;
    return ENOBUFS;
  }
  const dv = m.dv;
  const o = m.off;
  dv.setInt32(o, 0x60000000);
  dv.setUint16(o + 4, len);
  dv.setUint8(o + 6, IPPROTO_ICMPV6);
  dv.setUint8(o + 7, hlim);
  setInAddr(dv, o + 8, src);
  setInAddr(dv, o + 24, dst);
  return icmp6Seal(ip6v, m, dst, ifp, isAny(src) ? IPV6_UNSPECSRC : 0);
}

/** Computes the checksum of the ICMPv6 message behind the IPv6 header at the front of `m` and sends the packet. Consumes m; returns an errno. */
export function icmp6Seal(ip6v: Ip6Vnet, m: Mbuf, dst: InAddr, ifp: Ifnet | null, flags: number): number {
  const dv = m.dv;
  const o = m.off;
  const len = m.pktlen - IP6_HDR_LEN;
  const at = o + IP6_HDR_LEN + CKSUM_OFF;
  const pseudo = pseudoSum6(
    dv.getInt32(o + 8),
    dv.getInt32(o + 12),
    dv.getInt32(o + 16),
    dv.getInt32(o + 20),
    dv.getInt32(o + 24),
    dv.getInt32(o + 28),
    dv.getInt32(o + 32),
    dv.getInt32(o + 36),
    IPPROTO_ICMPV6,
    len,
  );
  dv.setUint16(at, 0);
  dv.setUint16(at, cksumFold(mCksum(m, IP6_HDR_LEN, len, pseudo)));
  ip6v.icmp6stat.outhist[dv.getUint8(o + IP6_HDR_LEN)]!++;
  const fib = m.fibnum;
  mTagDeleteNonpersistent(m);
  mRehome(m);
  m.rcvif = null;
  m.fibnum = fib;
  m.csumFlags = 0;
  m.flags &= ~(M_BCAST | M_MCAST);
  return ip6Output(ip6v, m, dst, flags, null, null, ifp);
}
