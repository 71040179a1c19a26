import { EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, EISCONN, ENOBUFS, ENOPROTOOPT, ENOTCONN, EPERM, EPROTONOSUPPORT } from '@ns/errno';
import { type Cmsg, INET, INP_BINDANY, inPcbAlloc, inPcbCtloutput, inPcbDetach, inPcbDestination, inPcbFree, Inpcb, inPcbPeeraddr, inPcbSockaddr, type Sockopt } from '@ns/inpcb';
import { type Mbuf, mFreem } from '@ns/mbuf';
import {
  PR_ADDR,
  PR_ATOMIC,
  type SockProto,
  sockProto,
  SO_SETFIB,
  SOCK_RAW,
  socantsendmore,
  type Socket,
  soisconnected,
  soisdisconnected,
  SOL_SOCKET,
  soreserve,
  SS_ISCONNECTED,
} from '@ns/socket';
import { prisonAllow, prisonCheckAddr, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, IN6ADDR_ANY, INADDR_ANY, IPPROTO_ICMPV6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_MAX, isAny, isMulticast, type Sockaddr } from '@ns/wire';
import { icmp6Ctloutput, rip6Ctloutput } from './ctloutput6.ts';
import { ripOutput } from './output.ts';
import { RIP } from './vnet.ts';

function sotoinpcb(so: Socket): Inpcb {
  return so.pcb as Inpcb;
}

/** Only the superuser makes raw sockets. Source: FreeBSD rip_attach(). */
function ripAttach(so: Socket, proto: number, cred: Ucred): number {
  if (cred.uid !== 0 || !prisonAllow(cred, 'raw_sockets')) return EPERM;
  if (proto < 0 || proto >= IPPROTO_MAX) return EPROTONOSUPPORT;
  const r = RIP.get(so.vnet);
  if (!soreserve(so, r.maxdgram, r.recvspace)) return ENOBUFS;
  const inp = inPcbAlloc(so, r.info);
  if (typeof inp === 'number') return inp;
  inp.proto = proto;
  so.pcb = inp;
  r.insert(inp);
  return 0;
}

function ripDetach(so: Socket): void {
  const inp = so.pcb;
  if (!(inp instanceof Inpcb)) return;
  RIP.get(so.vnet).remove(inp);
  so.pcb = null;
  inPcbDetach(inp);
  inPcbFree(inp);
}

/** Source: FreeBSD rip_bind(). */
function ripBind(so: Socket, addr: Sockaddr | null): number {
  const inp = sotoinpcb(so);
  if (addr === null) return EINVAL;
  if (addr.af !== so.domain) return EAFNOSUPPORT;
  const a = addr.addr;
  const af = INET.get(so.vnet).af(a.af);
  if (af === null) return EAFNOSUPPORT;
  if (!isAny(a) && !isMulticast(a) && (inp.flags & INP_BINDANY) === 0 && !af.isLocal(so.vnet, a)) return EADDRNOTAVAIL;
  const errno = isMulticast(a) ? 0 : prisonCheckAddr(inp.cred, a);
  if (errno !== 0) return errno;
  inp.laddr = a;
  return 0;
}

/** Source: FreeBSD rip_connect(). */
function ripConnect(so: Socket, addr: Sockaddr): number {
  const inp = sotoinpcb(so);
  if (addr.af !== so.domain) return EAFNOSUPPORT;
  inp.faddr = inPcbDestination(inp, inp.af, addr.addr);
  soisconnected(so);
  return 0;
}

/** Source: FreeBSD rip_disconnect(), rip_dodisconnect(). */
function ripDisconnect(so: Socket): number {
  if ((so.state & SS_ISCONNECTED) === 0) return ENOTCONN;
  sotoinpcb(so).faddr = so.domain === AF_INET ? INADDR_ANY : IN6ADDR_ANY;
  so.state &= ~SS_ISCONNECTED;
  return 0;
}

function ripClose(so: Socket): void {
  if ((so.state & SS_ISCONNECTED) === 0) return;
  ripDisconnect(so);
  soisdisconnected(so);
}

/** Source: FreeBSD rip_send(). */
function ripSend(so: Socket, _flags: number, m: Mbuf | null, addr: Sockaddr | null, control?: readonly Cmsg[] | null): number {
  if (m === null) return EINVAL;
  const inp = sotoinpcb(so);
  const connected = (so.state & SS_ISCONNECTED) !== 0;
  if (connected !== (addr === null)) {
    mFreem(m);
    return connected ? EISCONN : ENOTCONN;
  }
  return ripOutput(RIP.get(so.vnet), inp, m, addr === null ? inp.faddr : addr.addr, control ?? null);
}

function ripShutdown(so: Socket): number {
  socantsendmore(so);
  return 0;
}

/** Source: FreeBSD rip_ctloutput(). */
function ripCtloutput(so: Socket, sopt: Sockopt): number {
  const inp = sotoinpcb(so);
  if (sopt.level === IPPROTO_IP) return so.domain === AF_INET ? inPcbCtloutput(inp, sopt) : EINVAL;
  if (sopt.level === IPPROTO_IPV6) return so.domain === AF_INET6 ? rip6Ctloutput(inp, sopt) : EINVAL;
  if (sopt.level === IPPROTO_ICMPV6) return so.domain === AF_INET6 ? icmp6Ctloutput(inp, sopt) : EINVAL;
  if (sopt.level === SOL_SOCKET && sopt.name === SO_SETFIB) {
    inp.fibnum = so.fibnum;
    return 0;
  }
  return ENOPROTOOPT;
}

/** Raw sockets of one family: any protocol. */
function ripSockProto(domain: number): SockProto {
  return sockProto({
    module: 'rawip',
    name: 'raw',
    domain,
    type: SOCK_RAW,
    protocol: 0,
    flags: PR_ATOMIC | PR_ADDR,
    attach: ripAttach,
    detach: ripDetach,
    bind: ripBind,
    connect: ripConnect,
    disconnect: ripDisconnect,
    shutdown: ripShutdown,
    send: ripSend,
    abort: ripClose,
    close: ripClose,
    sockaddr: (so) => inPcbSockaddr(sotoinpcb(so)),
    peeraddr: (so) => inPcbPeeraddr(sotoinpcb(so)),
    ctloutput: ripCtloutput,
  });
}

/** Raw sockets over IPv4. @public */
export const RIP_INET: SockProto = ripSockProto(AF_INET);
/** Raw sockets over IPv6. @public */
export const RIP_INET6: SockProto = ripSockProto(AF_INET6);
