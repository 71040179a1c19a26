import { EHOSTUNREACH, EMSGSIZE, ENOBUFS } from '@ns/errno';
import { INP_MINMTU, type Inpcb, IpMoptions, type IpPktopts } from '@ns/inpcb';
import { CSUM_DELAY_DATA_IPV6, type Mbuf, mFreem, mPrepend } from '@ns/mbuf';
import type { Route } from '@ns/route';
import { type InAddr, IP6_HDR_LEN, IPPROTO_DSTOPTS, IPPROTO_HOPOPTS, IPV6_MAXPACKET, setInAddr } from '@ns/wire';
import { ip6DelayedCksum } from './cksum.ts';
import { in6NexthopIfp } from './in6-src.ts';
import type { Ip6Vnet } from './ip6-vnet.ts';
import { ip6Finish, ip6Output, IPV6_MINMTU, IPV6_NOMINMTU, pathMtu } from './output.ts';
import { in6Zoned } from './scope.ts';

/** Whether options say what {@link ip6OutputOpts} is for. */
export function ip6Special(opts: IpPktopts, dst: InAddr): boolean {
  return opts.hbh !== null || opts.dst !== null || opts.ifp !== null || opts.nexthop !== null || opts.minmtu !== -2 || (opts.hlim >= 0 && dst.w0 >>> 24 === 0xff);
}

/**
 * Sends a packet with what ancillary data or sticky options say: extension headers in front of the transport header that `m` begins with, an interface, a next hop, how large it may be. Consumes m; returns
 * an errno: EHOSTUNREACH when the way to `dst` is not by that interface, or the next hop is no neighbour. `ttl` and `tosFlow`, traffic class and flow label as they stand in the header, are the caller's
 * choice already; the hop limit of the options holds for groups too. Groups have no next hop.
 * Source: FreeBSD ip6_output.c, ip6_output() with opt; in6_src.c, in6_selectif(); RFC 3542 §6, §8, §9.
 */
export function ip6OutputOpts(ip6v: Ip6Vnet, m0: Mbuf, src: InAddr, dst0: InAddr, proto: number, ttl: number, tosFlow: number, flags: number, ro: Route | null, inp: Inpcb | null, opts: IpPktopts): number {
  const dst = opts.ifp === null ? dst0 : in6Zoned(opts.ifp, dst0);
  const multicast = dst.w0 >>> 24 === 0xff;
  const hop = multicast ? null : opts.nexthop;
  const hopIfp = hop === null ? null : in6NexthopIfp(ip6v, m0.fibnum, opts, hop);
  if (hop !== null && hopIfp === null) {
    mFreem(m0);
    return EHOSTUNREACH;
  }
  if (opts.ifp !== null && hop === null && !multicast && !leadsBy(ip6v, m0, dst, opts.ifp.index)) {
    mFreem(m0);
    return EHOSTUNREACH;
  }
  const behind = prependHeader(m0, opts.dst, proto);
  const ext = behind === null ? null : prependHeader(behind, opts.hbh, opts.dst === null ? proto : IPPROTO_DSTOPTS);
  const m = ext === null ? null : mPrepend(ext, IP6_HDR_LEN);
  if (m === null) {
    ip6v.stat.odropped++;
    return ENOBUFS;
  }
  if (m.pktlen - IP6_HDR_LEN > IPV6_MAXPACKET) {
    mFreem(m);
    return EMSGSIZE;
  }
  const dv = m.dv;
  const o = m.off;
  const first = opts.hbh !== null ? IPPROTO_HOPOPTS : opts.dst !== null ? IPPROTO_DSTOPTS : proto;
  dv.setInt32(o, 0x60000000 | (tosFlow & 0x0fffffff));
  dv.setInt32(o + 4, ((first & 0xff) << 8) | (ttl & 0xff));
  setInAddr(dv, o + 8, src);
  setInAddr(dv, o + 24, dst);
  // Interfaces find the transport header only where nothing is in front of it.
  const l4 = IP6_HDR_LEN + (opts.hbh?.length ?? 0) + (opts.dst?.length ?? 0);
  const sealed = l4 !== IP6_HDR_LEN && (m.csumFlags & CSUM_DELAY_DATA_IPV6) !== 0 ? ip6DelayedCksum(m, l4) : m;
  if (sealed === null) {
    ip6v.stat.odropped++;
    return ENOBUFS;
  }
  const how = flags | sizeFlags(inp, opts);
  if (hop !== null && hopIfp !== null) return ip6Finish(ip6v, sealed, hopIfp, hopIfp, in6Zoned(hopIfp, hop), pathMtu(ip6v, sealed, dst, hopIfp.mtu, how), how, null);
  return ip6Output(ip6v, sealed, dst, how, opts.ifp === null ? ro : null, multicast ? groupOptions(inp, opts) : null, null);
}

/** The packet with an extension header in front; the same without one. Consumes m; null when there is no mbuf. */
function prependHeader(m: Mbuf, bytes: Uint8Array | null, next: number): Mbuf | null {
  if (bytes === null) return m;
  const n = mPrepend(m, bytes.length);
  if (n === null) return null;
  n.buf.set(bytes, n.off);
  n.buf[n.off] = next;
  return n;
}

/** Whether the way to `dst` begins on an interface, or ends there: an address of its own. */
function leadsBy(ip6v: Ip6Vnet, m: Mbuf, dst: InAddr, ifindex: number): boolean {
  const nh = ip6v.route.inet6(m.fibnum).lookup6(dst.w0, dst.w1, dst.w2, dst.w3, dst.zone);
  return nh !== null && (nh.ifp.index === ifindex || nh.aifp.index === ifindex);
}

/** Source: RFC 3542 §11.1. */
function sizeFlags(inp: Inpcb | null, opts: IpPktopts): number {
  const own = inp === null ? -1 : (inp.flags & INP_MINMTU) !== 0 ? 1 : inp.opts !== null && inp.opts.noMinMtu ? 0 : -1;
  const minmtu = opts.minmtu === -2 ? own : opts.minmtu;
  return minmtu === 1 ? IPV6_MINMTU : minmtu === 0 ? IPV6_NOMINMTU : 0;
}

/** The multicast settings of a socket, with the interface and the hop limit of this packet. */
function groupOptions(inp: Inpcb | null, opts: IpPktopts): IpMoptions {
  const mo = inp === null || inp.opts === null ? null : inp.opts.moptions;
  const own = new IpMoptions();
  own.ifp = opts.ifp ?? (mo === null ? null : mo.ifp);
  own.ttl = opts.hlim >= 0 ? opts.hlim : mo === null ? own.ttl : mo.ttl;
  own.loop = mo === null || mo.loop;
  return own;
}
