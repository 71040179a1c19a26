import { EADDRINUSE, EAFNOSUPPORT, ECONNABORTED, ECONNREFUSED, ECONNRESET, EINVAL, EISCONN, ENOBUFS, ENOTCONN, EOPNOTSUPP } from '@ns/errno';
import { INP_DROPPED, INP_SOCKREF, INP_TIMEWAIT, type Inpcb, inPcbAlloc, inPcbBind, inPcbConnect, inPcbDetach, inPcbFree } from '@ns/inpcb';
import { type Mbuf, mFreem } from '@ns/mbuf';
import {
  PR_CONNREQUIRED,
  PR_IMPLOPCL,
  PR_SORECEIVE_STREAM,
  PR_WANTRCVD,
  PRUS_EOF,
  PRUS_MORETOCOME,
  PRUS_OOB,
  SB_AUTOSIZE,
  SO_LINGER,
  type Socket,
  SOCK_STREAM,
  type SockProto,
  sbappendstream,
  sbflush,
  sbspace,
  socantsendmore,
  sockProto,
  soisdisconnected,
  soisdisconnecting,
  solistenProto,
  solistenProtoCheck,
  soref,
  soreserve,
  SS_ISDISCONNECTED,
} from '@ns/socket';
import type { Ucred } from '@ns/vnet';
import { IPPROTO_TCP, isBroadcast, isMulticast, isV4Mapped, Sockaddr, TCP_MAX_WINSHIFT, TCP_MAXWIN, v4MappedOf, v4OfMapped } from '@ns/wire';
import { tcpCtloutput } from './ctloutput.ts';
import { tcpFastopenConnect } from './fastopen.ts';
import { enterSynSent, setState } from './fsm.ts';
import { defaultMss, tcpAf, tcpSetMss } from './mss.ts';
import { tcpRcvoob } from './oob.ts';
import { tcpOutput } from './output.ts';
import { tcpChooseIss, tcpClose, tcpDiscardcb, tcpDrop, tcpNewtcpcb } from './subr.ts';
import { keepinitMs, TT_2MSL, TT_KEEP, tcpTimerActivate } from './timer.ts';
import { TCP } from './tcp-vnet.ts';
import {
  type Tcpcb,
  TCPS_CLOSE_WAIT,
  TCPS_CLOSED,
  TCPS_ESTABLISHED,
  TCPS_FIN_WAIT_1,
  TCPS_FIN_WAIT_2,
  TCPS_LAST_ACK,
  TCPS_LISTEN,
  TCPS_SYN_RECEIVED,
  TCPS_SYN_SENT,
  TCPS_TIME_WAIT,
  TF2_CLOSED,
  TF2_DISCARDED,
  TF_FASTOPEN,
  TF_FORCEDATA,
  TF_MORETOCOME,
  TF_NEEDFIN,
} from './tcpcb.ts';

const inpOf = (so: Socket): Inpcb => so.pcb as Inpcb;
const tpOf = (so: Socket): Tcpcb => (so.pcb as Inpcb).ppcb as Tcpcb;
/** The connection is over; the socket alone still holds its pcb. */
const isGone = (inp: Inpcb): boolean => (inp.flags & (INP_TIMEWAIT | INP_DROPPED)) !== 0;

/** Source: FreeBSD tcp_usrreq.c, tcp_usr_attach(). */
function attach(so: Socket): number {
  const v = TCP.get(so.vnet);
  if (so.snd.hiwat === 0 || so.rcv.hiwat === 0) {
    if (!soreserve(so, v.sendspace, v.recvspace)) return ENOBUFS;
    so.rcv.flags |= SB_AUTOSIZE;
    so.snd.flags |= SB_AUTOSIZE;
  }
  const inp = inPcbAlloc(so, v.pcbinfo);
  if (typeof inp === 'number') return inp;
  inp.proto = IPPROTO_TCP;
  so.pcb = inp;
  tcpNewtcpcb(v, inp, so);
  return 0;
}

/** The last reference to the socket goes. A connection in TIME_WAIT stays without it. Source: tcp_usr_detach(). */
function detach(so: Socket): void {
  const inp = inpOf(so);
  const tp = inp.ppcb as Tcpcb;
  if ((inp.flags & INP_TIMEWAIT) !== 0 && (tp.flags2 & TF2_DISCARDED) === 0) {
    inPcbDetach(inp);
    return;
  }
  if (tp.state === TCPS_LISTEN) tp.tcp.syncache.purgeListener(so);
  tcpDiscardcb(tp);
  inPcbDetach(inp);
  inPcbFree(inp);
}

/** Source: tcp_usr_bind(), tcp6_usr_bind(). */
function bind(so: Socket, addr: Sockaddr | null, cred: Ucred): number {
  const inp = inpOf(so);
  if (isGone(inp)) return EINVAL;
  if (addr !== null) {
    if (addr.af !== so.domain) return EAFNOSUPPORT;
    if (isMulticast(addr.addr) || isMulticast(v4OfMapped(addr.addr))) return EAFNOSUPPORT;
  }
  return inPcbBind(inp, addr, cred);
}

/** Source: tcp_usr_listen(). */
function listen(so: Socket, backlog: number, cred: Ucred): number {
  const inp = inpOf(so);
  if (isGone(inp)) return EINVAL;
  const error = solistenProtoCheck(so);
  if (error !== 0) return error;
  const tp = tpOf(so);
  if (tp.state !== TCPS_CLOSED && tp.state !== TCPS_LISTEN) return EINVAL;
  if (inp.lport === 0) {
    const bound = inPcbBind(inp, null, cred);
    if (bound !== 0) return bound;
  }
  setState(tp, TCPS_LISTEN);
  solistenProto(so, backlog);
  return 0;
}

/** Whether the address can be a peer's. Source: tcp_usr_connect(), tcp6_usr_connect(). */
function checkPeer(so: Socket, addr: Sockaddr): number {
  if (addr.af !== so.domain) return EAFNOSUPPORT;
  const a = isV4Mapped(addr.addr) ? v4OfMapped(addr.addr) : addr.addr;
  return isMulticast(a) || isBroadcast(a) ? EAFNOSUPPORT : 0;
}

/** Source: tcp_usr_connect(). */
function connect(so: Socket, addr: Sockaddr, cred: Ucred): number {
  const inp = inpOf(so);
  if ((inp.flags & INP_TIMEWAIT) !== 0) return EADDRINUSE;
  if ((inp.flags & INP_DROPPED) !== 0) return ECONNREFUSED;
  const error = checkPeer(so, addr);
  if (error !== 0) return error;
  const tp = tpOf(so);
  if (tp.state === TCPS_LISTEN) return EOPNOTSUPP;
  const connected = tcpConnect(tp, addr, cred, false);
  if (connected !== 0) return connected;
  const sent = tcpOutput(tp);
  if (sent === 0) return 0;
  // No way to the peer at all: known now, not after a timeout.
  return (tp.flags2 & TF2_DISCARDED) !== 0 ? so.error || sent : sent;
}

/**
 * Takes the tuple, chooses the sequence number, and enters SYN-SENT; output sends the SYN. `hasData`: something to send comes with the call.
 * Source: RFC 9293 §3.10.1; FreeBSD tcp_connect().
 */
function tcpConnect(tp: Tcpcb, addr: Sockaddr, cred: Ucred, hasData: boolean): number {
  const v = tp.tcp;
  const inp = tp.inp;
  if (tp.state !== TCPS_CLOSED) return EISCONN;
  // Bound first, the port is one that nobody has, not one whose 4-tuple nobody has.
  const bound = v.requireUniquePort && inp.lport === 0 ? inPcbBind(inp, null, cred) : 0;
  if (bound !== 0) return bound;
  const error = inPcbConnect(inp, addr, cred);
  if (error !== 0) return error;
  tcpSetMss(tp, defaultMss(v, tcpAf(tp)));
  if ((tp.flags & TF_FASTOPEN) !== 0) tcpFastopenConnect(tp, hasData);
  const max = v.sbMax();
  tp.requestRScale = 0;
  while (tp.requestRScale < TCP_MAX_WINSHIFT && TCP_MAXWIN << tp.requestRScale < max) tp.requestRScale++;
  tcpChooseIss(tp);
  enterSynSent(tp);
  tcpTimerActivate(tp, TT_KEEP, keepinitMs(tp) * 1000);
  return 0;
}

/** Source: tcp_usr_accept(). */
function accept(so: Socket): Sockaddr | number {
  if ((so.state & SS_ISDISCONNECTED) !== 0 || isGone(inpOf(so))) {
    if ((inpOf(so).flags & INP_TIMEWAIT) === 0) return ECONNABORTED;
  }
  return peeraddr(so);
}

/** Source: tcp_usr_disconnect(). */
function disconnect(so: Socket): number {
  const inp = inpOf(so);
  if ((inp.flags & INP_TIMEWAIT) !== 0) return 0;
  if ((inp.flags & INP_DROPPED) !== 0) return ECONNRESET;
  tcpDisconnect(tpOf(so));
  return 0;
}

/** Close in order, or with SO_LINGER 0 by a reset. Source: FreeBSD tcp_disconnect(). */
function tcpDisconnect(tp: Tcpcb): void {
  const so = tp.so;
  // Data of a Fast Open may be there already, or on their way: such a connection is closed in order.
  if (tp.state < TCPS_ESTABLISHED && (tp.state <= TCPS_LISTEN || (tp.flags & TF_FASTOPEN) === 0)) {
    tcpClose(tp);
    return;
  }
  if ((so.options & SO_LINGER) !== 0 && so.linger === 0) {
    tcpDrop(tp, 0);
    return;
  }
  soisdisconnecting(so);
  sbflush(so.rcv);
  tcpUsrclosed(tp);
  if ((tp.inp.flags & INP_DROPPED) === 0) tcpOutput(tp);
}

/**
 * The user sends no more: the next state of the closing side.
 * Source: RFC 9293 §3.10.4; FreeBSD tcp_usrclosed().
 */
function tcpUsrclosed(tp: Tcpcb): void {
  switch (tp.state) {
    case TCPS_LISTEN:
    case TCPS_CLOSED:
      tcpClose(tp);
      return;
    case TCPS_SYN_SENT:
    case TCPS_SYN_RECEIVED:
      tp.flags |= TF_NEEDFIN;
      return;
    case TCPS_ESTABLISHED:
      setState(tp, TCPS_FIN_WAIT_1);
      return;
    case TCPS_CLOSE_WAIT:
      setState(tp, TCPS_LAST_ACK);
      return;
    case TCPS_FIN_WAIT_2:
      soisdisconnected(tp.so);
      tcpTimerActivate(tp, TT_2MSL, tp.tcp.finwait2TimeoutMs * 1000);
      return;
    default:
  }
}

/** Source: tcp_usr_shutdown(). */
function shutdown(so: Socket): number {
  const inp = inpOf(so);
  if ((inp.flags & INP_TIMEWAIT) !== 0) return 0;
  if ((inp.flags & INP_DROPPED) !== 0) return ECONNRESET;
  const tp = tpOf(so);
  if (tp.state === TCPS_CLOSED || tp.state === TCPS_LISTEN) return ENOTCONN;
  socantsendmore(so);
  tcpUsrclosed(tp);
  return (inp.flags & INP_DROPPED) === 0 ? tcpOutput(tp) : 0;
}

/** Source: tcp_usr_rcvd(). */
function rcvd(so: Socket): void {
  const inp = inpOf(so);
  if (isGone(inp)) return;
  const tp = inp.ppcb as Tcpcb;
  if (tp.state >= TCPS_ESTABLISHED) tcpOutput(tp);
}

/**
 * Appends to the send buffer and sends what may go now. Consumes m.
 * Source: RFC 9293 §3.10.2; FreeBSD tcp_usr_send().
 */
function send(so: Socket, flags: number, m: Mbuf | null, addr: Sockaddr | null): number {
  const inp = so.pcb as Inpcb;
  if ((inp.flags & (INP_TIMEWAIT | INP_DROPPED)) !== 0) {
    mFreem(m);
    return ECONNRESET;
  }
  const tp = inp.ppcb as Tcpcb;
  if (addr !== null && tp.state < TCPS_SYN_SENT) {
    const error = checkPeer(so, addr) || (tp.state === TCPS_LISTEN ? EISCONN : tcpConnect(tp, addr, so.cred, m !== null));
    if (error !== 0) {
      mFreem(m);
      return error;
    }
  } else if (tp.state < TCPS_SYN_SENT) {
    mFreem(m);
    return ENOTCONN;
  }
  if ((flags & PRUS_OOB) !== 0) return sendUrgent(tp, m);
  if (m !== null) sbappendstream(so.snd, m);
  if ((flags & PRUS_EOF) !== 0) {
    socantsendmore(so);
    tcpUsrclosed(tp);
    if ((inp.flags & INP_DROPPED) !== 0) return 0;
  }
  if ((flags & PRUS_MORETOCOME) === 0) return tcpOutput(tp);
  tp.flags |= TF_MORETOCOME;
  const error = tcpOutput(tp);
  tp.flags &= ~TF_MORETOCOME;
  return error;
}

/** The urgent pointer points behind the last byte written, as BSD always had it. */
function sendUrgent(tp: Tcpcb, m: Mbuf | null): number {
  const so = tp.so;
  if (sbspace(so.snd) < -512) {
    mFreem(m);
    return ENOBUFS;
  }
  if (m !== null) sbappendstream(so.snd, m);
  // Our SYN, as long as it is not acknowledged, has a number in front of the data.
  tp.sndUp = (tp.sndUna + so.snd.cc + (tp.state < TCPS_ESTABLISHED ? 1 : 0)) | 0;
  tp.flags |= TF_FORCEDATA;
  const error = tcpOutput(tp);
  tp.flags &= ~TF_FORCEDATA;
  return error;
}

/** Source: tcp_usr_abort(). */
function abort(so: Socket): void {
  const inp = inpOf(so);
  if (!isGone(inp)) tcpDrop(tpOf(so), ECONNABORTED);
}

/** The descriptor is closed. A connection that has work left keeps the socket. Source: tcp_usr_close(). */
function close(so: Socket): void {
  const inp = inpOf(so);
  if (isGone(inp)) return;
  const tp = tpOf(so);
  tp.flags2 |= TF2_CLOSED;
  // A user who has shut down already has closed; the rest is the protocol's.
  if (tp.state !== TCPS_TIME_WAIT && (tp.state <= TCPS_ESTABLISHED || tp.state === TCPS_CLOSE_WAIT)) tcpDisconnect(tp);
  else if (tp.state === TCPS_FIN_WAIT_2) tcpUsrclosed(tp);
  if ((inp.flags & (INP_DROPPED | INP_TIMEWAIT)) !== 0) return;
  inp.flags |= INP_SOCKREF;
  soref(so);
}

/** As the socket's family writes it: an IPv6 socket that speaks IPv4 shows mapped addresses. */
function shown(so: Socket, addr: Sockaddr): Sockaddr {
  return so.domain === addr.af ? addr : new Sockaddr(v4MappedOf(addr.addr), addr.port);
}

function sockaddr(so: Socket): Sockaddr {
  const inp = inpOf(so);
  return shown(so, new Sockaddr(inp.laddr, inp.lport));
}

function peeraddr(so: Socket): Sockaddr | number {
  const inp = inpOf(so);
  return inp.fport === 0 ? ENOTCONN : shown(so, new Sockaddr(inp.faddr, inp.fport));
}

function rcvoob(so: Socket, flags: number): number {
  const inp = inpOf(so);
  if (isGone(inp)) return -ECONNRESET;
  return tcpRcvoob(tpOf(so), flags);
}

/** TCP sockets of one address family; `stream`: with net.inet.tcp.soreceive_stream. Source: FreeBSD tcp_usrreq.c, tcp_usrreqs and tcp6_usrreqs. */
export function tcpSockProto(domain: number, stream: boolean): SockProto {
  return sockProto({
    module: 'tcp',
    name: 'tcp',
    domain,
    type: SOCK_STREAM,
    protocol: IPPROTO_TCP,
    flags: PR_CONNREQUIRED | PR_IMPLOPCL | PR_WANTRCVD | (stream ? PR_SORECEIVE_STREAM : 0),
    attach,
    detach,
    bind,
    listen,
    connect,
    accept,
    disconnect,
    shutdown,
    rcvd,
    rcvoob,
    send,
    abort,
    close,
    sockaddr,
    peeraddr,
    ctloutput: tcpCtloutput,
  });
}
