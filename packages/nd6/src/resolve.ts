import { EINVAL, ENOBUFS, EWOULDBLOCK } from '@ns/errno';
import { etherLoopCsum, type EtherResolver } from '@ns/ether';
import { type Ifnet, ifSimloop } from '@ns/ifnet';
import { LLE_IFADDR, LLE_VALID, type Llentry } from '@ns/lltable';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { AF_INET6, type InAddr } from '@ns/wire';
import { nd6IfOf, type Nd6If } from './nd-if.ts';
import { ND6_LLINFO_INCOMPLETE, nd6Alloc, nd6Ask } from './nud.ts';

/**
 * Finds the neighbour `dst`, or asks for it and keeps `m` until the answer comes. Asked again each RetransTimer, net.inet6.icmp6.nd6_mmaxtries times in all; those who wait then get an
 * ICMPv6 error. Source: FreeBSD nd6.c, nd6_resolve(), nd6_resolve_slow().
 */
function nd6Resolve(ifp: Ifnet, m: Mbuf, dst: InAddr, _isGw: boolean): Llentry | number {
  const ni = nd6IfOf(ifp);
  if (ni === null) {
    mFreem(m);
    return EINVAL;
  }
  const lle = ni.table.lookup(dst);
  if (lle !== null && (lle.flags & LLE_IFADDR) !== 0) return toOurselves(ifp, m);
  if (lle !== null && (lle.flags & LLE_VALID) !== 0) return lle;
  return hold(ni, lle, m, dst);
}

/** For an address of ours: the routing table that was asked does not know it as such. It goes the way that loopback would have sent it. */
function toOurselves(ifp: Ifnet, m: Mbuf): number {
  etherLoopCsum(m);
  ifSimloop(ifp, m, AF_INET6, 0);
  return EWOULDBLOCK;
}

function hold(ni: Nd6If, found: Llentry | null, m: Mbuf, dst: InAddr): number {
  const { nd } = ni;
  let lle = found;
  if (lle === null) {
    lle = nd6Alloc(ni, dst, 0);
    if (lle === null) {
      mFreem(m);
      nd.stat.dropped++;
      return ENOBUFS;
    }
    lle.state = ND6_LLINFO_INCOMPLETE;
  }
  nd.stat.dropped += lle.hold(m, nd.maxqueuelen);
  if (lle.asked === 0) nd6Ask(ni, lle);
  return EWOULDBLOCK;
}

/** The resolver of IPv6. */
export const nd6Resolver: EtherResolver = Object.freeze({ af: AF_INET6, resolve: nd6Resolve });

