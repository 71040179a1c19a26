import { type Ifaddr, ifnetOf, ifunit } from '@ns/ifnet';
import { type Mbuf, M_BCAST, M_MCAST, mRehome, mTagDeleteNonpersistent } from '@ns/mbuf';
import { inAddr4, type InAddr } from '@ns/wire';
import { ifpToIa, type IpVnet } from './ip-vnet.ts';
import { ipOutput } from './output.ts';

/**
 * The address that an answer to a packet from `src` to `dst` comes from, or null when there is to be none: the sender is no single host, or there is no way back.
 *
 * The address that was spoken to, if it is ours; for a broadcast, the address of the receiving interface; for a packet on its way through, the
 * address nearest to the sender.
 * Source: FreeBSD ip_icmp.c, icmp_reflect().
 */
export function icmpReflectSource(ipv: IpVnet, m: Mbuf, src: number, dst: number): InAddr | null {
  const top = src >>> 28;
  if (top >= 14 || src >>> 24 === 0) {
    ipv.icmpstat.badaddr++;
    return null;
  }
  const ifp = m.rcvif === null ? null : ifnetOf(m.rcvif);
  const own = ipv.addrs.lookup(dst);
  if (own !== null) return own.addr;
  if (ifp !== null) {
    for (let i = 0; i < ifp.addrs.length; i++) {
      const ifa = ifp.addrs[i] as Ifaddr;
      if (ifa.broadcast !== null && ifa.broadcast.w3 === dst) return ifa.addr;
    }
  }
  if (ipv.replySrc !== '') {
    const named = ifunit(ipv.vnet, ipv.replySrc);
    const ia = named === null ? null : ifpToIa(named);
    if (ia !== null) return ia.addr;
  }
  if (ipv.replyFromInterface && ifp !== null) {
    const ia = ifpToIa(ifp);
    if (ia !== null) return ia.addr;
  }
  const nh = ipv.route.inet(m.fibnum).lookup4(src);
  if (nh === null || nh.ifa === null) {
    ipv.icmpstat.noroute++;
    return null;
  }
  return nh.ifa.addr;
}

/** Sends an ICMP packet that has its IP header (checksum aside) and its ICMP checksum. Consumes m. Source: FreeBSD ip_icmp.c, icmp_send(). */
export function icmpSend(ipv: IpVnet, m: Mbuf): void {
  const fib = m.fibnum;
  mTagDeleteNonpersistent(m);
  mRehome(m);
  m.rcvif = null;
  m.fibnum = fib;
  m.flags &= ~(M_BCAST | M_MCAST);
  ipOutput(ipv, m, inAddr4(m.dv.getInt32(m.off + 16)), 0, null, null);
}
