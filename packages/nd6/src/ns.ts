import { Callout } from '@ns/callout';
import type { Ifaddr } from '@ns/ifnet';
import type { InPkt } from '@ns/inpcb';
import { IN6_IFF_ANYCAST, IN6_IFF_DUPLICATED, IN6_IFF_OPTIMISTIC, IN6_IFF_TENTATIVE, ND6_IFF_ACCEPT_RTADV } from '@ns/ip6';
import { LOG_INFO, randomBelow } from '@ns/kern';
import { LLE_PUB, LLE_VALID } from '@ns/lltable';
import type { Mbuf } from '@ns/mbuf';
import {
  decodeNdNeighborSolicit,
  decodeNdOpts,
  IN6ADDR_LINKLOCAL_ALLNODES,
  type InAddr,
  inAddr6In,
  inAddrEqual,
  isAny,
  isMulticast,
  ND_NA_FLAG_OVERRIDE,
  ND_NA_FLAG_ROUTER,
  ND_NA_FLAG_SOLICITED,
  ND_NEIGHBOR_SOLICIT,
  ND_NEIGHBOR_SOLICIT_LEN,
} from '@ns/wire';
import { countBadOption, nd6CacheLladdr, srcLladdr } from './cache.ts';
import { dadDuplicated, dadNsInput } from './dad.ts';
import type { Nd6If, Stoppable } from './nd-if.ts';
import { nd6IsAddrNeighbor } from './nud.ts';
import { nd6NaOutput } from './out.ts';

/** Longest wait of an answer that others may give too. Source: RFC 4861 §10, MAX_ANYCAST_DELAY_TIME. */
const MAX_ANYCAST_DELAY_US = 1000000;
/** Such answers that may wait on one interface. */
const MAX_DELAYED = 64;

/**
 * Takes a neighbour solicitation. Source: FreeBSD nd6_nbr.c, nd6_ns_input(); RFC 4861 §7.1.1, §7.2.3, RFC 4862 §5.4.3.
 */
export function nd6NsInput(ni: Nd6If, m: Mbuf, pkt: InPkt): void {
  const { nd } = ni;
  const { ns, opts } = nd;
  const o = m.off + pkt.off;
  if (!decodeNdNeighborSolicit(m.dv, o, pkt.len, ns)) {
    bad(ni, 'too short');
    return;
  }
  const target = inAddr6In(ns.tgt0, ns.tgt1, ns.tgt2, ns.tgt3, ni.ifp.index);
  const src = pkt.srcAddr();
  const dst = pkt.dstAddr();
  const anonymous = isAny(src);
  if (isMulticast(target)) {
    bad(ni, 'target is a group');
    return;
  }
  if (anonymous ? !isSolicitedNode(dst) : !nd.onlinkNsRfc4861 && !nd6IsAddrNeighbor(ni, src, true)) {
    bad(ni, anonymous ? 'DAD packet to a wrong destination' : 'from no neighbour');
    return;
  }
  if (!countBadOption(ni, decodeNdOpts(m.dv, o + ND_NEIGHBOR_SOLICIT_LEN, pkt.len - ND_NEIGHBOR_SOLICIT_LEN, opts))) return;
  const lladdr = srcLladdr(ni, m.dv, opts);
  if (lladdr === null || (anonymous && opts.srcLladdr >= 0)) {
    bad(ni, 'bad link-layer address option');
    return;
  }
  const own = nd.ip6v.addrs.find(target);
  if (own !== null && own.ifp === ni.ifp) {
    forUs(ni, m, own, src, dst, lladdr);
    return;
  }
  const proxied = ni.table.lookup(target);
  if (proxied === null || (proxied.flags & (LLE_PUB | LLE_VALID)) !== (LLE_PUB | LLE_VALID)) return;
  nd6CacheLladdr(ni, src, m.dv, lladdr, ND_NEIGHBOR_SOLICIT, false);
  new DelayedNa(ni, src, target, proxied.lladdr.slice()).start();
}

/** A solicitation for an address of ours. */
function forUs(ni: Nd6If, m: Mbuf, own: Ifaddr, src: InAddr, dst: InAddr, lladdr: number): void {
  const { nd } = ni;
  const f = own.afflags;
  if ((f & IN6_IFF_DUPLICATED) !== 0) return;
  const anonymous = isAny(src);
  if (inAddrEqual(src, own.addr)) {
    nd.stat.dupips++;
    nd.log(LOG_INFO, ni.ifp, `duplicate IP6 address ${src}`);
    return;
  }
  if ((f & IN6_IFF_TENTATIVE) !== 0) {
    if (anonymous) nonceInput(ni, m, own);
    // Somebody resolves an address that is being tested: it hears nothing, unless it may be used already (RFC 4429 §3.3).
    if (anonymous || (f & IN6_IFF_OPTIMISTIC) === 0) return;
  }
  const multicast = isMulticast(dst);
  const anycast = (f & IN6_IFF_ANYCAST) !== 0;
  let flags = routerFlag(ni);
  if (multicast && !anycast && (f & IN6_IFF_OPTIMISTIC) === 0) flags |= ND_NA_FLAG_OVERRIDE;
  const mac = multicast ? ni.mac() : null;
  if (anonymous) {
    // It tests whether the address is free: everybody is told that it is not, and that answers nobody in particular.
    nd6NaOutput(ni, IN6ADDR_LINKLOCAL_ALLNODES, own.addr, flags, mac);
    return;
  }
  nd6CacheLladdr(ni, src, m.dv, lladdr, ND_NEIGHBOR_SOLICIT, false);
  if (anycast) new DelayedNa(ni, src, own.addr, mac).start();
  else nd6NaOutput(ni, src, own.addr, flags | ND_NA_FLAG_SOLICITED, mac);
}

/** Gives the nonce of a solicitation to the test under way. */
function nonceInput(ni: Nd6If, m: Mbuf, own: Ifaddr): void {
  const { opts } = ni.nd;
  const at = opts.nonce;
  const whole = at >= 0 && opts.nonceLen === 8;
  dadNsInput(ni, own, whole ? 8 : 0, whole ? m.dv.getUint16(at + 2) : 0, whole ? m.dv.getInt32(at + 4) : 0);
}

/** ND_NA_FLAG_ROUTER if we are one on that interface. Source: FreeBSD nd6_nbr.c, nd6_ns_input(), "rflag". */
export function routerFlag(ni: Nd6If): number {
  if (!ni.nd.ip6v.forwarding) return 0;
  return (ni.ii.flags & ND6_IFF_ACCEPT_RTADV) !== 0 && ni.nd.norbitRaif ? 0 : ND_NA_FLAG_ROUTER;
}

/** ff02::1:ff00:0/104. */
function isSolicitedNode(a: InAddr): boolean {
  return a.w0 >>> 0 === 0xff020000 && a.w1 === 0 && a.w2 === 1 && a.w3 >>> 24 === 0xff;
}

function bad(ni: Nd6If, why: string): void {
  ni.nd.ip6v.icmp6stat.badns++;
  ni.nd.debuglog(LOG_INFO, ni.ifp, `nd6_ns_input: ${why}`);
}

/** An answer for an address that others answer for too: it waits a random time, and does not override theirs (RFC 4861 §7.2.7, §7.2.8). FreeBSD has no such wait. */
class DelayedNa implements Stoppable {
  private readonly ni: Nd6If;
  private readonly dst: InAddr;
  private readonly target: InAddr;
  private readonly mac: Uint8Array | null;
  private readonly timer: Callout<DelayedNa>;

  constructor(ni: Nd6If, src: InAddr, target: InAddr, mac: Uint8Array | null) {
    this.ni = ni;
    this.dst = src;
    this.target = target;
    this.mac = mac;
    this.timer = new Callout<DelayedNa>(fire, this);
  }

  start(): void {
    const { ni } = this;
    if (ni.delayed.size >= MAX_DELAYED) {
      ni.nd.stat.delayed_dropped++;
      return;
    }
    ni.delayed.add(this);
    const { kernel } = ni.nd.vnet;
    kernel.callouts.reset(this.timer, randomBelow(kernel.random, MAX_ANYCAST_DELAY_US));
  }

  stop(): void {
    this.ni.delayed.delete(this);
    this.ni.nd.vnet.kernel.callouts.stop(this.timer);
  }

  send(): void {
    const { ni } = this;
    ni.delayed.delete(this);
    const anonymous = isAny(this.dst);
    nd6NaOutput(ni, anonymous ? IN6ADDR_LINKLOCAL_ALLNODES : this.dst, this.target, routerFlag(ni) | (anonymous ? 0 : ND_NA_FLAG_SOLICITED), this.mac);
  }
}

function fire(d: DelayedNa): void {
  d.send();
}

/** A neighbour advertisement for a tentative address of ours has come. */
export function naForTentative(ni: Nd6If, own: Ifaddr): void {
  dadDuplicated(ni, own, 'a neighbour advertises it');
}
