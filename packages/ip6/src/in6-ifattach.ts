import { ifAddAddr, type Ifaddr, IFNET, type Ifnet } from '@ns/ifnet';
import { IFF_LOOPBACK, IFF_MULTICAST, IFT_ETHER } from '@ns/ifnet-kpi';
import {
  AF_INET6,
  ETHER_ADDR_LEN,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IN6ADDR_LOOPBACK,
  type InAddr,
  inAddr6,
  isLinkLocal,
  isLoopback,
  solicitedNodeOf,
} from '@ns/wire';
import { ND6_IFF_AUTO_LINKLOCAL, ND6_IFF_IFDISABLED } from './in6-var.ts';
import { in6Ifinfo, type Ip6Vnet } from './ip6-vnet.ts';
import { in6Joingroup, in6Leavegroup } from './multicast.ts';

/** ff01::1: all nodes of the interface (RFC 4291 §2.8). */
const INTFACELOCAL_ALLNODES: InAddr = inAddr6(0xff010000, 0, 0, 1);

/**
 * The interface identifier of `ifp`: modified EUI-64 of its link address, else of that of another interface, else 1 (RFC 4291 §2.5.1, App. A). Two int32 words in `out`.
 * Source: FreeBSD in6_ifattach.c, in6_get_ifid().
 * @public
 */
export function in6Ifid(ifp: Ifnet, out: Int32Array): void {
  if (eui64(ifp, out)) return;
  if ((ifp.stackFlags & IFF_LOOPBACK) === 0) {
    for (const other of IFNET.get(ifp.vnet).list) {
      // A link address that is somebody else's is unique here, and on a point-to-point link that is enough.
      if (other.type === IFT_ETHER && eui64(other, out)) return;
    }
  }
  out[0] = 0;
  out[1] = (ifp.stackFlags & IFF_LOOPBACK) !== 0 ? 1 : ifp.index;
}

/** Modified EUI-64 of a 48-bit link address; false if the interface has none. */
function eui64(ifp: Ifnet, out: Int32Array): boolean {
  const a = ifp.lladdr;
  if (a === null || a.length !== ETHER_ADDR_LEN) return false;
  const b = (i: number): number => a[i] as number;
  out[0] = ((b(0) ^ 2) << 24) | (b(1) << 16) | (b(2) << 8) | 0xff;
  out[1] = (0xfe << 24) | (b(3) << 16) | (b(4) << 8) | b(5);
  return true;
}

/**
 * Gives an interface what IPv6 cannot do without: a link-local address (loopback: also ::1), where ND6_IFF_AUTO_LINKLOCAL is set and there is none. Runs when it comes up.
 * Source: FreeBSD in6_ifattach.c, in6_ifattach().
 * @public
 */
export function in6Ifattach(ifp: Ifnet): void {
  const ii = in6Ifinfo(ifp);
  if (ii === null || (ii.flags & ND6_IFF_IFDISABLED) !== 0) return;
  const loop = (ifp.stackFlags & IFF_LOOPBACK) !== 0;
  if (!loop && (ifp.stackFlags & IFF_MULTICAST) === 0) return;
  // Only one loopback interface has ::1.
  if (loop && ii.ip6v.addrs.find(IN6ADDR_LOOPBACK) === null) ifAddAddr(ifp, { addr: IN6ADDR_LOOPBACK, prefixlen: 128 });
  if ((ii.flags & ND6_IFF_AUTO_LINKLOCAL) === 0) return;
  if (ifp.addrs.some((a) => a.af === AF_INET6 && isLinkLocal(a.addr))) return;
  const id = new Int32Array(2);
  if (ii.ip6v.nd?.linklocalIfid?.(ifp, id) !== true) in6Ifid(ifp, id);
  ifAddAddr(ifp, { addr: inAddr6(0xfe800000, 0, id[0] as number, id[1] as number, ifp.index), prefixlen: 64 });
}

/** An address has come: it is entered, its groups are joined, and neighbour discovery has its say before and after. Source: FreeBSD in6.c, in6_joingroups(). */
export function in6IfaddArrived(ip6v: Ip6Vnet, ifa: Ifaddr): void {
  ip6v.addrs.add(ifa);
  ip6v.nd?.ifaArrived(ifa);
  const { ifp } = ifa;
  if ((ifp.stackFlags & IFF_MULTICAST) !== 0) {
    if (!isLoopback(ifa.addr)) in6Joingroup(ip6v, solicitedNodeOf(ifa.addr), ifp);
    in6Joingroup(ip6v, IN6ADDR_LINKLOCAL_ALLNODES, ifp);
    in6Joingroup(ip6v, INTFACELOCAL_ALLNODES, ifp);
  }
  ip6v.nd?.ifaReady(ifa);
}

/** An address has gone. */
export function in6IfaddGone(ip6v: Ip6Vnet, ifa: Ifaddr): void {
  const { ifp } = ifa;
  if ((ifp.stackFlags & IFF_MULTICAST) !== 0) {
    if (!isLoopback(ifa.addr)) in6Leavegroup(solicitedNodeOf(ifa.addr), ifp);
    in6Leavegroup(IN6ADDR_LINKLOCAL_ALLNODES, ifp);
    in6Leavegroup(INTFACELOCAL_ALLNODES, ifp);
  }
  ip6v.addrs.remove(ifa);
  ip6v.nd?.ifaGone(ifa);
}
