// @hot
import { EACCES, ENETUNREACH } from '@ns/errno';
import { etherLoopCsum } from '@ns/ether';
import { type Ifnet, loifOf } from '@ns/ifnet';
import { INET_SENDONES } from '@ns/inpcb';
import { CSUM_IP, M_BCAST, M_MCAST, type Mbuf, mFreem, mTagDeleteFlow } from '@ns/mbuf';
import { NETISR_IP } from '@ns/netisr';
import { pfilRun } from '@ns/pfil';
import { PFIL_DROPPED, PFIL_FWD, PFIL_IN, PFIL_OUT } from '@ns/pfil-kpi';
import type { Route } from '@ns/route';
import { getIpDst, type InAddr, inAddr4 } from '@ns/wire';
import type { IpVnet } from './ip-vnet.ts';
import { IP_FILTERED, IP_FORWARDING, ipFinish, ipOutput } from './output.ts';

/** Shows a packet that came in by `ifp` to the packet filters. Consumes m; returns what to go on with, or null. */
export function ipFilterIn(ipv: IpVnet, m: Mbuf, ifp: Ifnet): Mbuf | null {
  return pfilRun(ipv.pfil, m, ifp.handle, PFIL_IN);
}

/**
 * Shows a packet that is about to go out by `ifp` to the packet filters, and sends it. Where one has changed the destination, the way is looked up again, or the packet is given to our own input.
 * Consumes m; returns an errno: EACCES for a packet that a filter has dropped. Source: FreeBSD ip_output.c, ip_output_pfil().
 */
export function ipFilterOut(ipv: IpVnet, m0: Mbuf, ifp: Ifnet, hop: InAddr, mtu: number, flags: number, ro: Route | null): number {
  const dst = getIpDst(m0.dv, m0.off);
  const through = (flags & IP_FORWARDING) !== 0;
  const m = pfilRun(ipv.pfil, m0, ifp.handle, through ? PFIL_OUT | PFIL_FWD : PFIL_OUT);
  if (m === null) return ipv.pfil.verdict === PFIL_DROPPED ? EACCES : 0;
  const now = getIpDst(m.dv, m.off);
  if (now === dst) return ipFinish(ipv, m, ifp, hop, mtu, flags | IP_FILTERED, ro);
  mTagDeleteFlow(m);
  if (ipv.addrs.lookup(now) !== null) return toOurselves(ipv, m, through);
  m.flags &= ~(M_BCAST | M_MCAST); // of the old destination
  return ipOutput(ipv, m, inAddr4(now), (flags & ~INET_SENDONES) | IP_FILTERED, null, null);
}

/** The packet was going out, and now it is for us. It came from nowhere, so it comes in by the loopback interface. */
function toOurselves(ipv: IpVnet, m: Mbuf, through: boolean): number {
  const lo = loifOf(ipv.vnet);
  if (m.rcvif === null && lo === null) {
    mFreem(m);
    return ENETUNREACH;
  }
  if (lo !== null && m.rcvif === null) m.rcvif = lo.handle;
  if (!through) m.csumFlags |= CSUM_IP; // not computed yet, and known to be right
  etherLoopCsum(m);
  return ipv.netisr.queue(NETISR_IP, m);
}
