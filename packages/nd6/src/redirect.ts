import type { Ifnet } from '@ns/ifnet';
import { ifnetOf } from '@ns/ifnet';
import type { InPkt } from '@ns/inpcb';
import { icmp6Output, in6Linklocal } from '@ns/ip6';
import { LOG_INFO, ppsratecheck } from '@ns/kern';
import { LLE_REDIRECT, LLE_VALID } from '@ns/lltable';
import { type Mbuf, mCopydata, mFreem } from '@ns/mbuf';
import { type Nexthop, ribAdd, ribAddRedirect, type Rib, RTF_DYNAMIC, RTF_HOST, rtHasGateway } from '@ns/route';
import {
  AF_INET6,
  decodeNdOpts,
  decodeNdRedirect,
  encodeNdLladdr,
  encodeNdRedirect,
  encodeNdRedirectedHdr,
  etherHi,
  etherLo,
  getInAddr6,
  ICMPV6_PLD_MAXLEN,
  type InAddr,
  inAddr6In,
  inAddrEqual,
  isAny,
  isLinkLocal,
  isMulticast,
  ND_HLIM,
  ND_OPT_REDIRECTED_HEADER_MINLEN,
  ND_OPT_TARGET_LINKADDR,
  ND_REDIRECT,
  ND_REDIRECT_LEN,
} from '@ns/wire';
import { countBadOption, nd6CacheLladdr, tgtLladdr } from './cache.ts';
import type { Nd6If } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { nd6IsAddrNeighbor } from './nud.ts';

const SEC = 1000000;

/** What a redirect says, once it has been read. */
interface Redirect {
  /** Who sent it: the router that we use. */
  readonly from: InAddr;
  /** The better first hop. */
  readonly target: InAddr;
  /** For whom. */
  readonly dst: InAddr;
  /** Position of the target link-layer address option, -1 without. */
  readonly lladdr: number;
}

/** Takes a redirect. Source: FreeBSD icmp6.c, icmp6_redirect_input(); RFC 4861 §8.1, §8.3. */
export function nd6RedirectInput(ni: Nd6If, m: Mbuf, pkt: InPkt): void {
  const { nd } = ni;
  // A router knows the way; what others say is for hosts.
  if (nd.ip6v.forwarding || !nd.rediraccept) return;
  const rd = read(ni, m, pkt);
  if (rd === null) return;
  const { route } = nd.ip6v;
  const present = route.inet6(ni.ifp.fib).match(rd.dst);
  if (present === null || !rtHasGateway(present, rd.from, ni.ifp)) {
    bad(ni, 'not from the gateway in use');
    return;
  }
  const onlink = inAddrEqual(rd.target, rd.dst);
  const lle = nd6CacheLladdr(ni, rd.target, m.dv, rd.lladdr, ND_REDIRECT, !onlink);
  if (dynamicRoutes(nd, ni.ifp) >= nd.maxdynroutes) {
    nd.stat.redirect_limit++;
    return;
  }
  if (onlink && lle !== null) lle.flags |= LLE_REDIRECT;
  route.forEachFibOf(ni.ifp, AF_INET6, (rib) => follow(nd, ni.ifp, rib, rd, onlink));
}

/** Reads and checks it; null: it is bad, and counted. Source: RFC 4861 §8.1. */
function read(ni: Nd6If, m: Mbuf, pkt: InPkt): Redirect | null {
  const { nd } = ni;
  const o = m.off + pkt.off;
  const h = nd.rd;
  const from = pkt.srcAddr();
  if (!isLinkLocal(from)) return bad(ni, `source ${from} is not link-local`);
  if (!decodeNdRedirect(m.dv, o, pkt.len, h)) return bad(ni, 'too short');
  const target = inAddr6In(h.tgt0, h.tgt1, h.tgt2, h.tgt3, ni.ifp.index);
  const dst = inAddr6In(h.dst0, h.dst1, h.dst2, h.dst3, ni.ifp.index);
  if (isMulticast(dst) || isAny(dst)) return bad(ni, 'destination is no single host');
  if (isMulticast(target) || (!isLinkLocal(target) && !inAddrEqual(target, dst))) return bad(ni, 'target is neither a router nor the destination');
  if (!countBadOption(ni, decodeNdOpts(m.dv, o + ND_REDIRECT_LEN, pkt.len - ND_REDIRECT_LEN, nd.opts))) return null;
  const lladdr = tgtLladdr(ni, m.dv, nd.opts);
  if (lladdr === null) return bad(ni, 'bad link-layer address option');
  if (nd.ip6v.addrs.find(target) !== null) return bad(ni, 'target is ourselves');
  return { from, target, dst, lladdr };
}

function bad(ni: Nd6If, why: string): null {
  ni.nd.ip6v.icmp6stat.badredirect++;
  ni.nd.debuglog(LOG_INFO, ni.ifp, `icmp6_redirect_input: ${why}`);
  return null;
}

/** Enters the better way in one table. A table in which another gateway leads to the destination says no. */
function follow(nd: Nd6Vnet, ifp: Ifnet, rib: Rib, rd: Redirect, onlink: boolean): void {
  const { route } = nd.ip6v;
  const lifeUs = nd.redirtimeout * SEC;
  if (!onlink) {
    ribAddRedirect(route, rib, rd.dst, rd.target, rd.from, ifp, lifeUs);
    return;
  }
  const rt = rib.match(rd.dst);
  if (rt === null || !rtHasGateway(rt, rd.from, ifp)) {
    route.stat.badredirect++;
    return;
  }
  const expireUs = lifeUs === 0 ? 0 : nd.nowUs() + lifeUs;
  if (ribAdd(rib, { dst: rd.dst, flags: RTF_HOST | RTF_DYNAMIC, ifp, expireUs }) !== 0) return;
  route.stat.dynamic++;
  route.scheduleExpiry(expireUs);
}

/** Routes that redirects have made, in the table of the interface. */
function dynamicRoutes(nd: Nd6Vnet, ifp: Ifnet): number {
  let n = 0;
  nd.ip6v.route.inet6(ifp.fib).forEach((rt) => {
    if ((rt.nh.flags & RTF_DYNAMIC) !== 0) n++;
  });
  return n;
}

/**
 * Tells the sender of the packet `m`, which came in by `ifp` and leaves by it, that the next hop of `nh` would be the better first hop. Nothing is sent to those who are no neighbours of ours, about groups, or more
 * than net.inet6.icmp6.errppslimit times a second. Consumes m. Source: FreeBSD icmp6.c, icmp6_redirect_output(); RFC 4861 §8.2.
 */
export function nd6RedirectOutput(nd: Nd6Vnet, ni: Nd6If, m: Mbuf, nh: Nexthop): void {
  if (mayRedirect(nd, ni, m)) build(nd, ni, m, nh);
  mFreem(m);
}

function mayRedirect(nd: Nd6Vnet, ni: Nd6If, m: Mbuf): boolean {
  const { ip6v } = nd;
  if (!ip6v.forwarding || !ip6v.sendRedirects || m.rcvif === null || ifnetOf(m.rcvif) !== ni.ifp) return false;
  const src = getInAddr6(m.dv, m.off + 8);
  if (isAny(src) || isMulticast(src) || isMulticast(getInAddr6(m.dv, m.off + 24))) return false;
  if (!nd6IsAddrNeighbor(ni, inAddr6In(src.w0, src.w1, src.w2, src.w3, ni.ifp.index), false)) return false;
  return ppsratecheck(ip6v.errLimit, nd.nowUs(), ip6v.errppslimit);
}

function build(nd: Nd6Vnet, ni: Nd6If, m: Mbuf, nh: Nexthop): void {
  const { ifp } = ni;
  const d = getInAddr6(m.dv, m.off + 24);
  const dst = inAddr6In(d.w0, d.w1, d.w2, d.w3, ifp.index);
  const target = nh.gw ?? dst;
  const from = in6Linklocal(ifp);
  // A target that is a router must be told by its link-local address (RFC 4861 §8.2).
  if (from === null || (nh.gw !== null && !isLinkLocal(target))) return;
  const s = getInAddr6(m.dv, m.off + 8);
  const to = inAddr6In(s.w0, s.w1, s.w2, s.w3, ifp.index);
  const lle = ni.table.lookup(target);
  const mac = lle !== null && (lle.flags & LLE_VALID) !== 0 ? lle.lladdr : null;
  const head = ND_REDIRECT_LEN + (mac === null ? 0 : 8) + ND_OPT_REDIRECTED_HEADER_MINLEN;
  const quoted = Math.min(m.pktlen, ICMPV6_PLD_MAXLEN + 8 - head) & ~7;
  const bytes = new Uint8Array(head + quoted);
  const dv = new DataView(bytes.buffer);
  const { rd } = nd;
  rd.tgt0 = target.w0;
  rd.tgt1 = target.w1;
  rd.tgt2 = target.w2;
  rd.tgt3 = target.w3;
  rd.dst0 = d.w0;
  rd.dst1 = d.w1;
  rd.dst2 = d.w2;
  rd.dst3 = d.w3;
  encodeNdRedirect(dv, 0, rd);
  if (mac !== null) encodeNdLladdr(dv, ND_REDIRECT_LEN, ND_OPT_TARGET_LINKADDR, etherHi(mac), etherLo(mac));
  encodeNdRedirectedHdr(dv, head - ND_OPT_REDIRECTED_HEADER_MINLEN, quoted);
  mCopydata(m, 0, quoted, bytes, head);
  const n = nd.vnet.kernel.mbufs.fromBytes(bytes);
  if (n === null) return;
  nd.ip6v.icmp6stat.oredirect++;
  icmp6Output(nd.ip6v, n, from.addr, to, ifp, ND_HLIM);
}
