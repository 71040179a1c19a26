import type { InPkt } from '@ns/inpcb';
import { IN6_IFF_TENTATIVE } from '@ns/ip6';
import { LOG_ERR, LOG_INFO } from '@ns/kern';
import { LLE_STATIC, type Llentry } from '@ns/lltable';
import type { Mbuf } from '@ns/mbuf';
import {
  decodeNdNeighborAdvert,
  decodeNdOpts,
  inAddr6In,
  isMulticast,
  ND_NA_FLAG_OVERRIDE,
  ND_NA_FLAG_ROUTER,
  ND_NA_FLAG_SOLICITED,
  ND_NEIGHBOR_ADVERT_LEN,
} from '@ns/wire';
import { countBadOption, macAt, macDiffers, tgtLladdr } from './cache.ts';
import { defrouterDel, defrouterSelect, rt6Flush } from './defrouter.ts';
import { defrouterLookup } from './lists.ts';
import type { Nd6If } from './nd-if.ts';
import { naForTentative } from './ns.ts';
import { ND6_LLINFO_INCOMPLETE, ND6_LLINFO_REACHABLE, ND6_LLINFO_STALE, nd6FlushHeld, nd6LlinfoSetstate, nd6SetLladdr } from './nud.ts';
import { pfxlistOnlinkCheck } from './prefix.ts';

/** Takes a neighbour advertisement. Source: FreeBSD nd6_nbr.c, nd6_na_input(); RFC 4861 §7.1.2, §7.2.5. */
export function nd6NaInput(ni: Nd6If, m: Mbuf, pkt: InPkt): void {
  const { nd } = ni;
  const { na, opts } = nd;
  const o = m.off + pkt.off;
  if (!decodeNdNeighborAdvert(m.dv, o, pkt.len, na)) {
    bad(ni, 'too short');
    return;
  }
  const target = inAddr6In(na.tgt0, na.tgt1, na.tgt2, na.tgt3, ni.ifp.index);
  const { flags } = na;
  if (isMulticast(target) || ((flags & ND_NA_FLAG_SOLICITED) !== 0 && pkt.dst0 >>> 24 === 0xff)) {
    bad(ni, isMulticast(target) ? 'target is a group' : 'solicited, but sent to a group');
    return;
  }
  if (!countBadOption(ni, decodeNdOpts(m.dv, o + ND_NEIGHBOR_ADVERT_LEN, pkt.len - ND_NEIGHBOR_ADVERT_LEN, opts))) return;
  const own = nd.ip6v.addrs.find(target);
  if (own !== null && own.ifp === ni.ifp) {
    if ((own.afflags & IN6_IFF_TENTATIVE) !== 0) {
      naForTentative(ni, own);
      return;
    }
    nd.stat.dupips++;
    nd.log(LOG_ERR, ni.ifp, `duplicate IP6 address ${target}`);
    return;
  }
  const lladdr = tgtLladdr(ni, m.dv, opts);
  if (lladdr === null) {
    bad(ni, 'bad link-layer address option');
    return;
  }
  const lle = ni.table.lookup(target);
  if (lle === null || (lle.flags & LLE_STATIC) !== 0) return;
  if (lle.state === ND6_LLINFO_INCOMPLETE) resolved(ni, lle, m.dv, lladdr, flags);
  else confirmed(ni, lle, m.dv, lladdr, flags);
}

/** The answer that was waited for. */
function resolved(ni: Nd6If, lle: Llentry, dv: DataView, lladdr: number, flags: number): void {
  if (lladdr < 0) return; // of no use on a link with addresses
  nd6SetLladdr(ni, lle, macAt(dv, lladdr + 2), 0);
  lle.isRouter = (flags & ND_NA_FLAG_ROUTER) !== 0;
  nd6LlinfoSetstate(ni, lle, (flags & ND_NA_FLAG_SOLICITED) !== 0 ? ND6_LLINFO_REACHABLE : ND6_LLINFO_STALE);
  lle.asked = 0;
  nd6FlushHeld(ni, lle);
  if (!lle.isRouter) return;
  // One that counted as unreachable answers: its prefixes are here, and it may be the better way.
  pfxlistOnlinkCheck(ni.nd, ni.ifp);
  defrouterSelect(ni.nd);
}

/** News of a neighbour that is known. Source: RFC 4861 §7.2.5, the second list; App. C. */
function confirmed(ni: Nd6If, lle: Llentry, dv: DataView, lladdr: number, flags: number): void {
  const solicited = (flags & ND_NA_FLAG_SOLICITED) !== 0;
  const differs = lladdr >= 0 && macDiffers(lle, dv, lladdr + 2);
  if (differs && (flags & ND_NA_FLAG_OVERRIDE) === 0) {
    // Somebody else answers for it: not believed, but what was known is to be confirmed.
    if (lle.state === ND6_LLINFO_REACHABLE) nd6LlinfoSetstate(ni, lle, ND6_LLINFO_STALE);
    return;
  }
  if (differs) nd6SetLladdr(ni, lle, macAt(dv, lladdr + 2), 0);
  if (solicited) nd6LlinfoSetstate(ni, lle, ND6_LLINFO_REACHABLE);
  else if (differs) nd6LlinfoSetstate(ni, lle, ND6_LLINFO_STALE);
  const isRouter = (flags & ND_NA_FLAG_ROUTER) !== 0;
  if (lle.isRouter && !isRouter) dropRouter(ni, lle);
  lle.isRouter = isRouter;
  lle.asked = 0;
  nd6FlushHeld(ni, lle);
}

/** A router has become a host: it leaves the list (RFC 4861 §7.2.5). */
function dropRouter(ni: Nd6If, lle: Llentry): void {
  const { nd } = ni;
  const dr = defrouterLookup(nd.defrouters, lle.addr, ni.ifp);
  if (dr !== null) defrouterDel(nd, dr);
  else if (!nd.ip6v.forwarding) rt6Flush(nd, lle.addr, ni.ifp);
}

function bad(ni: Nd6If, why: string): void {
  ni.nd.ip6v.icmp6stat.badna++;
  ni.nd.debuglog(LOG_INFO, ni.ifp, `nd6_na_input: ${why}`);
}
