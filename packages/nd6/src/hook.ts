import type { Ifaddr, Ifnet } from '@ns/ifnet';
import { ifnetOf } from '@ns/ifnet';
import { type InPkt, PKT_FRAGMENTED } from '@ns/inpcb';
import { ND6_IFF_IFDISABLED, type Nd6Hook } from '@ns/ip6';
import type { Llentry } from '@ns/lltable';
import { type Mbuf, mFreem } from '@ns/mbuf';
import type { Nexthop } from '@ns/route';
import { type InAddr, ND_HLIM, ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_SOLICIT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT } from '@ns/wire';
import { nd6IfaArrived, nd6IfaGone, nd6IfaReady, nd6Ifattach } from './attach.ts';
import { nd6NaInput } from './na.ts';
import { nd6IfOf } from './nd-if.ts';
import type { Nd6Vnet } from './nd6-vnet.ts';
import { nd6NsInput } from './ns.ts';
import { nd6NudHint } from './nud.ts';
import { prefixAdvertisedBy } from './prefix.ts';
import { nd6RaInput, nd6RsInput } from './ra.ts';
import { nd6RedirectInput, nd6RedirectOutput } from './redirect.ts';
import { in6LinklocalIfid } from './slaac.ts';

/** Neighbour discovery of one vnet, as IPv6 calls it. */
export class Nd6 implements Nd6Hook {
  private readonly nd: Nd6Vnet;

  constructor(nd: Nd6Vnet) {
    this.nd = nd;
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.input} */
  input(m: Mbuf, pkt: InPkt, type: number): void {
    const { nd } = this;
    const ni = m.rcvif === null ? null : nd6IfOf(ifnetOf(m.rcvif));
    if (ni === null || (ni.ii.flags & ND6_IFF_IFDISABLED) !== 0) return;
    if ((pkt.flags & PKT_FRAGMENTED) !== 0) {
      nd.stat.fragments++; // RFC 6980 §5
      return;
    }
    const stat = nd.ip6v.icmp6stat;
    if (pkt.ttl !== ND_HLIM) {
      stat.invlhlim++; // it has been forwarded
      this.countBad(type);
      return;
    }
    if (m.dv.getUint8(m.off + pkt.off + 1) !== 0) {
      stat.badcode++;
      return;
    }
    switch (type) {
      case ND_NEIGHBOR_SOLICIT:
        nd6NsInput(ni, m, pkt);
        return;
      case ND_NEIGHBOR_ADVERT:
        nd6NaInput(ni, m, pkt);
        return;
      case ND_ROUTER_SOLICIT:
        nd6RsInput(ni, m, pkt);
        return;
      case ND_ROUTER_ADVERT:
        nd6RaInput(ni, m, pkt);
        return;
      default:
        nd6RedirectInput(ni, m, pkt);
    }
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.linklocalIfid} */
  linklocalIfid(ifp: Ifnet, out: Int32Array): boolean {
    const ni = nd6Ifattach(this.nd, ifp);
    return ni !== null && in6LinklocalIfid(ni, out);
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.ifaArrived} */
  ifaArrived(ifa: Ifaddr): void {
    nd6IfaArrived(this.nd, ifa);
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.ifaReady} */
  ifaReady(ifa: Ifaddr): void {
    nd6IfaReady(this.nd, ifa);
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.ifaGone} */
  ifaGone(ifa: Ifaddr): void {
    nd6IfaGone(this.nd, ifa);
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.confirm} */
  confirm(lle: Llentry): void {
    nd6NudHint(lle);
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.redirect} */
  redirect(m: Mbuf, ifp: Ifnet, nh: Nexthop): void {
    const ni = nd6IfOf(ifp);
    if (ni === null) mFreem(m);
    else nd6RedirectOutput(this.nd, ni, m, nh);
  }

  /** {@inheritDoc @ns/ip6#Nd6Hook.advertised} */
  advertised(ifa: Ifaddr, hop: InAddr): boolean {
    return prefixAdvertisedBy(this.nd, ifa, hop);
  }

  private countBad(type: number): void {
    const stat = this.nd.ip6v.icmp6stat;
    switch (type) {
      case ND_NEIGHBOR_SOLICIT:
        stat.badns++;
        return;
      case ND_NEIGHBOR_ADVERT:
        stat.badna++;
        return;
      case ND_ROUTER_SOLICIT:
        stat.badrs++;
        return;
      case ND_ROUTER_ADVERT:
        stat.badra++;
        return;
      default:
        stat.badredirect++;
    }
  }
}
