import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL } from '@ns/errno';
import { routeClear } from '@ns/route';
import { prisonCheckAddr, prisonRemoteAddr, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, IN6ADDR_ANY, INADDR_ANY, type InAddr, isAny, isBroadcast, isV4Mapped, type Sockaddr, v4OfMapped } from '@ns/wire';
import { INET, type InetAf } from './inet.ts';
import { inPcbLookupExact } from './lookup.ts';
import { INP_ANONPORT, INP_IPV4, INP_IPV6, INP_IPV6PROTO, INP_V6ONLY, type Inpcb } from './pcb.ts';
import type { IpPktopts } from './pktopts.ts';
import { inPcbLport } from './portrange.ts';
import { prisonSource } from './prison.ts';
import { inPcbInsHash, inPcbRemHash } from './rehash.ts';

/**
 * Gives the pcb a peer, and a local address and port where it has none. Errnos: EADDRNOTAVAIL (port 0; no address; no port free), EAFNOSUPPORT, EINVAL (mapped
 * address with IPV6_V6ONLY), EADDRINUSE (the 4-tuple exists), those of source selection (ENETUNREACH ...). On failure nothing has changed.
 *
 * The unspecified address means this host, 255.255.255.255 the first interface's network. An IPv6 socket given an IPv4-mapped address speaks IPv4 from here on.
 * Source: FreeBSD in_pcb.c, in_pcbconnect(), in_pcbconnect_setup(); in6_pcb.c, in6_pcbconnect().
 * @public
 */
export function inPcbConnect(inp: Inpcb, addr: Sockaddr, cred: Ucred): number {
  if (addr.port === 0) return EADDRNOTAVAIL;
  const vnet = inp.vnet;
  let faddr = addr.addr;
  const isV6Socket = (inp.vflag & INP_IPV6PROTO) !== 0;
  if (faddr.af !== (isV6Socket ? AF_INET6 : AF_INET)) return EAFNOSUPPORT;
  if (isV6Socket && isV4Mapped(faddr)) {
    if ((inp.flags & INP_V6ONLY) !== 0) return EINVAL;
    faddr = v4OfMapped(faddr);
  }
  const remote = prisonRemoteAddr(cred, faddr);
  if (remote === null) return prisonCheckAddr(cred, faddr);
  faddr = remote;
  if (!isAny(inp.laddr) && inp.laddr.af !== faddr.af) return EADDRNOTAVAIL;
  const af = INET.get(vnet).af(faddr.af);
  if (af === null) return EAFNOSUPPORT;
  faddr = inPcbDestination(inp, af, faddr);
  const laddr = inPcbSource(inp, af, faddr);
  if (typeof laddr === 'number') return laddr;
  const anon = inp.lport === 0;
  const lport = anon ? inPcbLport(inp, laddr, faddr, addr.port, cred, true) : inp.lport;
  if (lport < 0) return -lport;
  if (!anon && inPcbLookupExact(inp.pcbinfo, faddr, addr.port, laddr, lport) !== null) return EADDRINUSE;
  inPcbRemHash(inp);
  inp.af = af;
  inp.vflag = (inp.vflag & INP_IPV6PROTO) | (faddr.af === AF_INET ? INP_IPV4 : INP_IPV6);
  inp.laddr = laddr;
  inp.lport = lport;
  inp.faddr = faddr;
  inp.fport = addr.port;
  if (anon) inp.flags |= INP_ANONPORT;
  routeClear(inp.route);
  return inPcbInsHash(inp);
}

/**
 * The address that a destination stands for: the unspecified one for this host, 255.255.255.255 for the first interface's network.
 * @public
 */
export function inPcbDestination(inp: Inpcb, af: InetAf, faddr: InAddr): InAddr {
  if (isAny(faddr)) return af.primaryAddr(inp.vnet) ?? faddr;
  if (isBroadcast(faddr)) return af.primaryBroadcast(inp.vnet) ?? faddr;
  return faddr;
}

/**
 * Local address of `inp` towards `faddr`: its own if it is bound, else that which its network protocol selects, for a packet that is sent with `opts`; or an errno.
 * Source: FreeBSD in_pcb.c, in_pcbladdr().
 * @public
 */
export function inPcbSource(inp: Inpcb, af: InetAf, faddr: InAddr, opts?: IpPktopts | null): InAddr | number {
  if (!isAny(inp.laddr)) return inp.laddr;
  return prisonSource(inp.cred, af.af, af.selectSource(inp.vnet, inp.fibnum, faddr, inp, opts));
}

/**
 * Enters a pcb with a tuple that is known already: a connection that a listener accepted. EADDRINUSE if it exists.
 * Addresses are of one family, and of that which the pcb's socket can speak.
 * @public
 */
export function inPcbSetTuple(inp: Inpcb, laddr: InAddr, lport: number, faddr: InAddr, fport: number): number {
  if (inPcbLookupExact(inp.pcbinfo, faddr, fport, laddr, lport) !== null) return EADDRINUSE;
  const af = INET.get(inp.vnet).af(faddr.af);
  if (af === null) return EAFNOSUPPORT;
  inPcbRemHash(inp);
  inp.af = af;
  inp.vflag = (inp.vflag & INP_IPV6PROTO) | (faddr.af === AF_INET ? INP_IPV4 : INP_IPV6);
  inp.laddr = laddr;
  inp.lport = lport;
  inp.faddr = faddr;
  inp.fport = fport;
  return inPcbInsHash(inp);
}

/**
 * Takes the peer away; the local address and port stay. The caller that wants the address chosen anew clears it by {@link inPcbUnbindAddr}.
 * Source: FreeBSD in_pcb.c, in_pcbdisconnect().
 * @public
 */
export function inPcbDisconnect(inp: Inpcb): void {
  inPcbRemHash(inp);
  inp.faddr = anyOf(inp);
  inp.fport = 0;
  routeClear(inp.route);
  if (inp.lport !== 0) inPcbInsHash(inp);
}

/**
 * Makes a disconnected pcb's local address the unspecified one again, as UDP does.
 * @public
 */
export function inPcbUnbindAddr(inp: Inpcb): void {
  const any = anyOf(inp);
  inPcbRemHash(inp);
  inp.laddr = any;
  inp.faddr = any;
  if ((inp.vflag & INP_IPV6PROTO) !== 0) inp.vflag = INP_IPV6PROTO | INP_IPV6 | ((inp.flags & INP_V6ONLY) === 0 ? INP_IPV4 : 0);
  inp.af = INET.get(inp.vnet).af(any.af) ?? inp.af;
  if (inp.lport !== 0) inPcbInsHash(inp);
}

function anyOf(inp: Inpcb): InAddr {
  return (inp.vflag & INP_IPV6PROTO) !== 0 ? IN6ADDR_ANY : INADDR_ANY;
}
