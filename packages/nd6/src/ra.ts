import type { Ifnet } from '@ns/ifnet';
import type { InPkt } from '@ns/inpcb';
import { ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { EventKey, LOG_INFO, LOG_NOTICE } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import {
  decodeNdOpts,
  decodeNdPrefixInfo,
  decodeNdRouterAdvert,
  getNdMtu,
  type InAddr,
  IPV6_MMTU,
  isAny,
  isLinkLocal,
  ND_OPT_DNSSL,
  ND_OPT_PREFIX_INFORMATION,
  ND_OPT_RDNSS,
  ND_ROUTER_ADVERT,
  ND_ROUTER_ADVERT_LEN,
  ND_ROUTER_SOLICIT,
  ND_ROUTER_SOLICIT_LEN,
  ndOptBegin,
  NdOptCursor,
  ndOptNext,
  type NdRouterAdvert,
} from '@ns/wire';
import { countBadOption, nd6CacheLladdr, srcLladdr } from './cache.ts';
import { defrouterSelect, defrtrlistUpdate } from './defrouter.ts';
import { dnsslInput, rdnssInput } from './dns.ts';
import type { Nd6If } from './nd-if.ts';
import { pfxlistOnlinkCheck, prelistUpdate } from './prefix.ts';
import { rtsolStop } from './rtsol.ts';

/** Longest BaseReachableTime that is taken, ms. Source: RFC 4861 §6.2.1, FreeBSD nd6.h, MAX_REACHABLE_TIME. */
const MAX_REACHABLE_TIME = 3600000;
/** Bounds of the retransmission timer that are taken, ms: without them one message could stop resolution, or make it a flood. Not in FreeBSD. */
const MIN_RETRANS_TIMER = 100;
const MAX_RETRANS_TIMER = 60000;

/** A valid router solicitation has come: for whoever advertises (package rtadvd). `src` may be `::`. @public */
export const ND6_RS_EVENT: EventKey<[ifp: Ifnet, src: InAddr]> = new EventKey('nd6_rs_event');
/** What routers say about DNS has changed. @public */
export const ND6_DNS_EVENT: EventKey<[ifp: Ifnet]> = new EventKey('nd6_dns_event');

/** Takes a router solicitation, of which only routers make something. Source: FreeBSD nd6_rtr.c, nd6_rs_input(); RFC 4861 §6.1.1, §6.2.6. */
export function nd6RsInput(ni: Nd6If, m: Mbuf, pkt: InPkt): void {
  const { nd } = ni;
  if (!nd.ip6v.forwarding || (ni.ii.flags & ND6_IFF_ACCEPT_RTADV) !== 0) return;
  const o = m.off + pkt.off;
  if (pkt.len < ND_ROUTER_SOLICIT_LEN) {
    badRs(ni, 'too short');
    return;
  }
  if (!countBadOption(ni, decodeNdOpts(m.dv, o + ND_ROUTER_SOLICIT_LEN, pkt.len - ND_ROUTER_SOLICIT_LEN, nd.opts))) return;
  const src = pkt.srcAddr();
  const lladdr = srcLladdr(ni, m.dv, nd.opts);
  if (lladdr === null || (isAny(src) && nd.opts.srcLladdr >= 0)) {
    badRs(ni, 'bad link-layer address option');
    return;
  }
  if (!isAny(src)) nd6CacheLladdr(ni, src, m.dv, lladdr, ND_ROUTER_SOLICIT, false);
  nd.vnet.kernel.events.invoke(ND6_RS_EVENT, nd.vnet, ni.ifp, src);
}

function badRs(ni: Nd6If, why: string): void {
  ni.nd.ip6v.icmp6stat.badrs++;
  ni.nd.debuglog(LOG_INFO, ni.ifp, `nd6_rs_input: ${why}`);
}

/** Takes a router advertisement. Source: FreeBSD nd6_rtr.c, nd6_ra_input(); RFC 4861 §6.1.2, §6.3.4. */
export function nd6RaInput(ni: Nd6If, m: Mbuf, pkt: InPkt): void {
  const { nd } = ni;
  if ((ni.ii.flags & ND6_IFF_ACCEPT_RTADV) === 0) return;
  const { ra, opts } = nd;
  const o = m.off + pkt.off;
  const from = pkt.srcAddr();
  if (!isLinkLocal(from)) {
    badRa(ni, `source ${from} is not link-local`);
    return;
  }
  if (!decodeNdRouterAdvert(m.dv, o, pkt.len, ra)) {
    badRa(ni, 'too short');
    return;
  }
  if (nd.ip6v.addrs.find(from) !== null) return; // ourselves
  if (!countBadOption(ni, decodeNdOpts(m.dv, o + ND_ROUTER_ADVERT_LEN, pkt.len - ND_ROUTER_ADVERT_LEN, opts))) return;
  const lladdr = srcLladdr(ni, m.dv, opts);
  if (lladdr === null) {
    badRa(ni, 'bad link-layer address option');
    return;
  }
  nd.stat.ra_accepted++;
  const { flags, lifetimeSec } = ra; // what is sent below may bring another message in
  linkParameters(ni, ra);
  if (opts.mtu >= 0) linkMtu(ni, getNdMtu(m.dv, opts.mtu));
  // First the neighbour, so that what depends on its being reachable finds it so.
  nd6CacheLladdr(ni, from, m.dv, lladdr, ND_ROUTER_ADVERT, true);
  defrtrlistUpdate(ni, from, flags, lifetimeSec);
  if (lifetimeSec > 0) rtsolStop(ni); // RFC 7559 §2.1
  options(ni, m.dv, o + ND_ROUTER_ADVERT_LEN, pkt.len - ND_ROUTER_ADVERT_LEN, from);
  pfxlistOnlinkCheck(nd, ni.ifp);
  defrouterSelect(nd);
}

/** Timers and hop limit. Zero means that the router says nothing of it. */
function linkParameters(ni: Nd6If, ra: NdRouterAdvert): void {
  const { nd, ii } = ni;
  if (ra.reachableMs !== 0) {
    if (ra.reachableMs <= MAX_REACHABLE_TIME) ni.setBaseReachable(ra.reachableMs);
    else nd.stat.ra_ignored++;
  }
  if (ra.retransmitMs !== 0) {
    if (ra.retransmitMs >= MIN_RETRANS_TIMER && ra.retransmitMs <= MAX_RETRANS_TIMER) ni.retransMs = ra.retransmitMs;
    else nd.stat.ra_ignored++;
  }
  if (ra.curhoplimit === 0) return;
  const present = ii.curhlim === 0 ? nd.ip6v.defhlim : ii.curhlim;
  if (ra.curhoplimit >= present) {
    ii.curhlim = ra.curhoplimit;
    return;
  }
  // One that is lowered cuts us off from whatever is farther away.
  nd.stat.ra_ignored++;
  nd.log(LOG_NOTICE, ni.ifp, `RA with a lower CurHopLimit (current = ${present}, received = ${ra.curhoplimit}) ignored`);
}

/** RFC 4861 §6.3.4: between 1280 and what the interface takes. */
function linkMtu(ni: Nd6If, mtu: number): void {
  if (mtu < IPV6_MMTU || mtu > ni.ifp.mtu) {
    ni.nd.stat.ra_ignored++;
    ni.nd.debuglog(LOG_INFO, ni.ifp, `nd6_ra_input: bogus mtu ${mtu}`);
    return;
  }
  ni.ii.linkmtu = mtu;
}

/** Prefixes and DNS, of which there may be several: the first net.inet6.icmp6.nd6_maxndopt options. */
function options(ni: Nd6If, dv: DataView, o: number, len: number, from: InAddr): void {
  const { nd } = ni;
  const now = nd.nowUs();
  const cur = new NdOptCursor();
  let refused = 0;
  let dns = false;
  ndOptBegin(cur, o, len);
  for (let n = 0; ndOptNext(dv, cur); n++) {
    if (n >= nd.maxndopt) {
      nd.ip6v.icmp6stat.nd_toomanyopt++;
      break;
    }
    switch (cur.type) {
      case ND_OPT_PREFIX_INFORMATION:
        if (decodeNdPrefixInfo(dv, cur.off, cur.len, nd.pi)) prelistUpdate(ni, nd.pi, from);
        else nd.stat.ra_ignored++;
        break;
      case ND_OPT_RDNSS:
        refused += rdnssInput(nd.dns, ni.ifp, from, dv, cur.off, cur.len, now);
        dns = true;
        break;
      case ND_OPT_DNSSL:
        refused += dnsslInput(nd.dns, ni.ifp, from, dv, cur.off, cur.len, now);
        dns = true;
        break;
      default:
    }
  }
  nd.stat.dns_limit += refused;
  if (!dns) return;
  for (const e of nd.dns.entries) nd.schedule(e.expireUs);
  nd.vnet.kernel.events.invoke(ND6_DNS_EVENT, nd.vnet, ni.ifp);
}

function badRa(ni: Nd6If, why: string): void {
  ni.nd.ip6v.icmp6stat.badra++;
  ni.nd.debuglog(LOG_INFO, ni.ifp, `nd6_ra_input: ${why}`);
}
