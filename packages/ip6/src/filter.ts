// @hot
import { EACCES, ENETUNREACH } from '@ns/errno';
import { etherLoopCsum } from '@ns/ether';
import { type Ifnet, loifOf } from '@ns/ifnet';
import { M_BCAST, M_MCAST, type Mbuf, mFreem, mTagDeleteFlow } from '@ns/mbuf';
import { NETISR_IPV6 } from '@ns/netisr';
import { pfilRun } from '@ns/pfil';
import { PFIL_DROPPED, PFIL_FWD, PFIL_IN, PFIL_OUT } from '@ns/pfil-kpi';
import type { Route } from '@ns/route';
import { type InAddr, inAddr6In } from '@ns/wire';
import type { Ip6Vnet } from './ip6-vnet.ts';
import { ip6Finish, ip6Output, IPV6_FILTERED, IPV6_FORWARDING, M_LOOP } from './output.ts';

/** Shows a packet that came in by `ifp` to the packet filters. Consumes m; returns what to go on with, or null. */
export function ip6FilterIn(ip6v: Ip6Vnet, m: Mbuf, ifp: Ifnet): Mbuf | null {
  return pfilRun(ip6v.pfil, m, ifp.handle, PFIL_IN);
}

/**
 * Shows a packet that is about to go out by `ifp` to the packet filters, and sends it. Where one has changed the destination, the way is looked up again, or the packet is given to our own input.
 * Consumes m; returns an errno: EACCES for a packet that a filter has dropped. Source: FreeBSD ip6_output.c, `PFIL_HOOKED_OUT(V_inet6_pfil_head)`.
 */
export function ip6FilterOut(ip6v: Ip6Vnet, m0: Mbuf, ifp: Ifnet, origifp: Ifnet, hop: InAddr, mtu: number, flags: number, ro: Route | null): number {
  const d0 = m0.dv.getInt32(m0.off + 24);
  const d1 = m0.dv.getInt32(m0.off + 28);
  const d2 = m0.dv.getInt32(m0.off + 32);
  const d3 = m0.dv.getInt32(m0.off + 36);
  const m = pfilRun(ip6v.pfil, m0, ifp.handle, (flags & IPV6_FORWARDING) !== 0 ? PFIL_OUT | PFIL_FWD : PFIL_OUT);
  if (m === null) return ip6v.pfil.verdict === PFIL_DROPPED ? EACCES : 0;
  const dv = m.dv;
  const o = m.off;
  if (dv.getInt32(o + 36) === d3 && dv.getInt32(o + 32) === d2 && dv.getInt32(o + 28) === d1 && dv.getInt32(o + 24) === d0) {
    return ip6Finish(ip6v, m, ifp, origifp, hop, mtu, flags | IPV6_FILTERED, ro);
  }
  const now = inAddr6In(dv.getInt32(o + 24), dv.getInt32(o + 28), dv.getInt32(o + 32), dv.getInt32(o + 36), ifp.index);
  mTagDeleteFlow(m);
  if (ip6v.addrs.find(now) !== null) return toOurselves(ip6v, m);
  m.flags &= ~(M_BCAST | M_MCAST); // of the old destination
  return ip6Output(ip6v, m, now, flags | IPV6_FILTERED, null, null, null);
}

/** The packet was going out, and now it is for us. It came from nowhere, so it comes in by the loopback interface. */
function toOurselves(ip6v: Ip6Vnet, m: Mbuf): number {
  const lo = loifOf(ip6v.vnet);
  if (m.rcvif === null && lo === null) {
    mFreem(m);
    return ENETUNREACH;
  }
  if (lo !== null && m.rcvif === null) m.rcvif = lo.handle;
  m.flags |= M_LOOP;
  etherLoopCsum(m);
  return ip6v.netisr.queue(NETISR_IPV6, m);
}
