import { EAFNOSUPPORT, EINVAL, EISCONN, ENOBUFS, ENOPROTOOPT, ENOTCONN } from '@ns/errno';
import {
  type Cmsg,
  INP_CONNECTED,
  inPcbAlloc,
  inPcbBind,
  inPcbConnect,
  inPcbCtloutput,
  inPcbCtloutput6,
  inPcbDetach,
  inPcbDisconnect,
  inPcbFree,
  Inpcb,
  inPcbPeeraddr,
  inPcbSockaddr,
  inPcbUnbindAddr,
  type Sockopt,
} from '@ns/inpcb';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { routeClear } from '@ns/route';
import {
  PR_ADDR,
  PR_ATOMIC,
  type SockProto,
  sockProto,
  SO_SETFIB,
  SOCK_DGRAM,
  socantsendmore,
  type Socket,
  soisconnected,
  soisdisconnected,
  SOL_SOCKET,
  soreserve,
  SS_ISCONNECTED,
} from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_UDP, type Sockaddr } from '@ns/wire';
import { udpOutput } from './output.ts';
import { UDP } from './vnet.ts';

/** The pcb of a UDP socket. */
function sotoinpcb(so: Socket): Inpcb {
  return so.pcb as Inpcb;
}

function udpAttach(so: Socket, _proto: number, _cred: Ucred): number {
  const u = UDP.get(so.vnet);
  if (so.snd.hiwat === 0 && !soreserve(so, u.maxdgram, u.recvspace)) return ENOBUFS;
  const inp = inPcbAlloc(so, u.info);
  if (typeof inp === 'number') return inp;
  inp.proto = IPPROTO_UDP;
  inp.ppcb = u;
  so.pcb = inp;
  return 0;
}

function udpDetach(so: Socket): void {
  const inp = so.pcb;
  if (!(inp instanceof Inpcb)) return;
  so.pcb = null;
  inPcbDetach(inp);
  inPcbFree(inp);
}

function udpConnect(so: Socket, addr: Sockaddr, cred: Ucred): number {
  const inp = sotoinpcb(so);
  if ((inp.flags2 & INP_CONNECTED) !== 0) return EISCONN;
  const errno = inPcbConnect(inp, addr, cred);
  if (errno === 0) soisconnected(so);
  return errno;
}

function udpDisconnect(so: Socket): number {
  const inp = sotoinpcb(so);
  if ((inp.flags2 & INP_CONNECTED) === 0) return ENOTCONN;
  inPcbDisconnect(inp);
  inPcbUnbindAddr(inp);
  so.state &= ~SS_ISCONNECTED;
  return 0;
}

/** Source: FreeBSD udp_close(), udp_abort(). */
function udpClose(so: Socket): void {
  const inp = sotoinpcb(so);
  if ((inp.flags2 & INP_CONNECTED) === 0) return;
  inPcbDisconnect(inp);
  inPcbUnbindAddr(inp);
  soisdisconnected(so);
}

function udpSendReq(so: Socket, _flags: number, m: Mbuf | null, addr: Sockaddr | null, control?: readonly Cmsg[] | null): number {
  if (m === null) return EINVAL;
  const inp = so.pcb as Inpcb | null;
  if (inp === null) {
    mFreem(m);
    return EINVAL;
  }
  return udpOutput(UDP.get(so.vnet), inp, m, addr, control ?? null);
}

function udpShutdown(so: Socket): number {
  socantsendmore(so);
  return 0;
}

/** Source: FreeBSD udp_ctloutput(). */
function udpCtloutput(so: Socket, sopt: Sockopt): number {
  const inp = sotoinpcb(so);
  if (sopt.level === IPPROTO_IP) return inPcbCtloutput(inp, sopt);
  if (sopt.level === IPPROTO_IPV6) return so.domain === AF_INET6 ? inPcbCtloutput6(inp, sopt) : EAFNOSUPPORT;
  if (sopt.level === SOL_SOCKET && sopt.name === SO_SETFIB) {
    inp.fibnum = so.fibnum;
    routeClear(inp.route);
    return 0;
  }
  return ENOPROTOOPT;
}

/** UDP as sockets of one family see it. */
function udpSockProto(domain: number): SockProto {
  return sockProto({
    module: 'udp',
    name: 'udp',
    domain,
    type: SOCK_DGRAM,
    protocol: IPPROTO_UDP,
    flags: PR_ATOMIC | PR_ADDR,
    attach: udpAttach,
    detach: udpDetach,
    bind: (so, addr, cred) => inPcbBind(sotoinpcb(so), addr, cred),
    connect: udpConnect,
    disconnect: udpDisconnect,
    shutdown: udpShutdown,
    send: udpSendReq,
    abort: udpClose,
    close: udpClose,
    sockaddr: (so) => inPcbSockaddr(sotoinpcb(so)),
    peeraddr: (so) => inPcbPeeraddr(sotoinpcb(so)),
    ctloutput: udpCtloutput,
  });
}

/** UDP over IPv4. @public */
export const UDP_INET: SockProto = udpSockProto(AF_INET);
/** UDP over IPv6. @public */
export const UDP_INET6: SockProto = udpSockProto(AF_INET6);
