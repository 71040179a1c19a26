import { EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL } from '@ns/errno';
import { prisonAllow, prisonCheckAddr, prisonLocalAddr, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, INADDR_ANY, type InAddr, isAny, isMulticast, isV4Mapped, type Sockaddr, v4OfMapped } from '@ns/wire';
import { inPcbSoOptions } from './alloc.ts';
import { INET } from './inet.ts';
import { inPcbLookupLocal } from './lookup.ts';
import {
  INP_ANONPORT,
  INP_BINDANY,
  INP_CONNECTED,
  INP_IPV4,
  INP_IPV6,
  INP_IPV6PROTO,
  INP_TIMEWAIT,
  INP_V6ONLY,
  type Inpcb,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_REUSEPORT_LB,
  SOCK_STREAM,
} from './pcb.ts';
import { inPcbLport, PORTRANGE } from './portrange.ts';
import { inPcbInsHash } from './rehash.ts';

/** Reuse options of a socket. */
const REUSE = SO_REUSEADDR | SO_REUSEPORT | SO_REUSEPORT_LB;

/**
 * Gives the pcb a local address and port; a null address, or port 0, leaves the choice to the stack. Errnos: EINVAL (bound already), EAFNOSUPPORT, EADDRNOTAVAIL (not an
 * address of this stack; no port free), EACCES (reserved port), EADDRINUSE.
 *
 * On an IPv6 socket an IPv4-mapped address binds the IPv4 side alone (EINVAL when IPV6_V6ONLY is set), `::` without IPV6_V6ONLY both.
 * Source: FreeBSD in_pcb.c, in_pcbbind(); in6_pcb.c, in6_pcbbind().
 * @public
 */
export function inPcbBind(inp: Inpcb, addr: Sockaddr | null, cred: Ucred): number {
  if (inp.lport !== 0 || !isAny(inp.laddr)) return EINVAL;
  const anonport = addr === null || addr.port === 0;
  let laddr = inp.laddr;
  let vflag = inp.vflag;
  if (addr !== null) {
    laddr = addr.addr;
    const isV6Socket = (inp.vflag & INP_IPV6PROTO) !== 0;
    if (laddr.af !== (isV6Socket ? AF_INET6 : AF_INET)) return EAFNOSUPPORT;
    if (isV6Socket) {
      if (isV4Mapped(laddr)) {
        if ((inp.flags & INP_V6ONLY) !== 0) return EINVAL;
        laddr = v4OfMapped(laddr);
        vflag = INP_IPV4 | INP_IPV6PROTO;
      } else {
        vflag = INP_IPV6 | INP_IPV6PROTO | (isAny(laddr) && (inp.flags & INP_V6ONLY) === 0 ? INP_IPV4 : 0);
      }
    }
  } else if ((inp.vflag & INP_IPV6PROTO) !== 0 && (inp.flags & INP_V6ONLY) === 0) vflag |= INP_IPV4;
  if (!isMulticast(laddr)) {
    const local = prisonLocalAddr(cred, laddr, (inp.flags & INP_V6ONLY) !== 0);
    if (local === null) return prisonCheckAddr(cred, laddr);
    laddr = local;
  }
  const port = inPcbBindSetup(inp, laddr, addr === null ? 0 : addr.port, vflag, cred);
  if (port < 0) return -port;
  const af = INET.get(inp.vnet).af(laddr.af);
  if (af === null) return EAFNOSUPPORT;
  const before = inp.laddr;
  const beforeVflag = inp.vflag;
  inp.laddr = laddr;
  inp.lport = port;
  inp.vflag = vflag;
  inp.af = af;
  const errno = inPcbInsHash(inp);
  if (errno !== 0) {
    inp.laddr = before;
    inp.lport = 0;
    inp.vflag = beforeVflag;
    inp.af = INET.get(inp.vnet).af(before.af) ?? inp.af;
    return errno;
  }
  if (anonport) inp.flags |= INP_ANONPORT;
  return 0;
}

/**
 * The port that binding `inp` to this address would get, or a negative errno; nothing is changed.
 * Source: FreeBSD in_pcb.c, in_pcbbind_setup().
 * @public
 */
export function inPcbBindSetup(inp: Inpcb, laddr: InAddr, lport: number, vflag: number, cred: Ucred): number {
  const af = INET.get(inp.vnet).af(laddr.af);
  if (af === null) return -EAFNOSUPPORT;
  if ((inp.flags & INP_BINDANY) === 0) {
    if (af.primaryAddr(inp.vnet) === null) return -EADDRNOTAVAIL;
    if (!isMulticast(laddr) && !isAny(laddr) && !af.isLocal(inp.vnet, laddr)) return -EADDRNOTAVAIL;
  }
  if (lport === 0) return inPcbLport(inp, laddr, null, 0, cred, (inPcbSoOptions(inp) & REUSE) === 0);
  const pr = PORTRANGE.get(inp.vnet);
  if (lport <= pr.reservedhigh && lport >= pr.reservedlow && (cred.uid !== 0 || !prisonAllow(cred, 'reserved_ports'))) return -EACCES;
  const errno = bindConflict(inp, laddr, lport, vflag, cred);
  return errno !== 0 ? -errno : lport;
}

/** EADDRINUSE if somebody is in the way of a binding to a port, else 0. */
function bindConflict(inp: Inpcb, laddr: InAddr, lport: number, vflag: number, cred: Ucred): number {
  const info = inp.pcbinfo;
  const options = inPcbSoOptions(inp);
  const wildOkay = (options & REUSE) === 0;
  const mcast = isMulticast(laddr);
  // For a multicast address SO_REUSEADDR counts as SO_REUSEPORT.
  let reuse = options & (SO_REUSEPORT | SO_REUSEPORT_LB);
  if (mcast && (options & (SO_REUSEADDR | SO_REUSEPORT)) !== 0) reuse |= SO_REUSEADDR | SO_REUSEPORT;
  if (mcast && (options & (SO_REUSEADDR | SO_REUSEPORT_LB)) !== 0) reuse |= SO_REUSEADDR | SO_REUSEPORT_LB;
  const both = laddr.af === AF_INET6 && (vflag & INP_IPV4) !== 0;
  if (!mcast && inp.cred.uid !== 0) {
    if (otherUser(inp, laddr, inPcbLookupLocal(info, laddr, lport, true, cred, inp.fibnum))) return EADDRINUSE;
    if (both && otherUser(inp, INADDR_ANY, inPcbLookupLocal(info, INADDR_ANY, lport, true, cred, inp.fibnum))) return EADDRINUSE;
  }
  const t = inPcbLookupLocal(info, laddr, lport, wildOkay, cred, inp.fibnum);
  if (t !== null && (reuse & inPcbSoOptions(t)) === 0 && !(laddr.af === AF_INET && v6Pair(inp, laddr, t))) return EADDRINUSE;
  if (!both) return 0;
  const t4 = inPcbLookupLocal(info, INADDR_ANY, lport, wildOkay, cred, inp.fibnum);
  if (t4 === null || (reuse & inPcbSoOptions(t4)) !== 0) return 0;
  return !isAny(t4.laddr) || (t4.vflag & INP_IPV6PROTO) !== 0 ? EADDRINUSE : 0;
}

/** Two IPv6 sockets on the IPv4 wildcard: their IPv6 side has decided that already. */
function v6Pair(inp: Inpcb, laddr: InAddr, t: Inpcb): boolean {
  return isAny(laddr) && isAny(t.laddr) && (inp.vflag & INP_IPV6PROTO) !== 0 && (t.vflag & INP_IPV6PROTO) !== 0;
}

/** Whether `t` is another user's and keeps the port from `inp`, whatever the options. */
function otherUser(inp: Inpcb, laddr: InAddr, t: Inpcb | null): boolean {
  if (t === null || (t.flags & INP_TIMEWAIT) !== 0 || inp.cred.uid === t.cred.uid) return false;
  const stream = inp.socket !== null && inp.socket.type === SOCK_STREAM;
  if (stream && (t.flags2 & INP_CONNECTED) !== 0) return false;
  return !isAny(laddr) || !isAny(t.laddr) || (inPcbSoOptions(t) & (SO_REUSEPORT | SO_REUSEPORT_LB)) === 0;
}
