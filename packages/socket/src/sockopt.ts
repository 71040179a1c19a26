import { EBADF, EDOM, EINVAL, ENOBUFS, ENOPROTOOPT, ENOTCONN } from '@ns/errno';
import { SO_ACCEPTCONN, SO_REUSEADDR, SO_REUSEPORT, SO_REUSEPORT_LB, SOL_SOCKET, Sockopt, sooptInt, SOPT_GET, SOPT_SET } from '@ns/inpcb';
import { netstackFind, nullNetstack } from '@ns/netstack-kpi';
import {
  SB_AUTOSIZE,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_BROADCAST,
  SO_DEBUG,
  SO_DOMAIN,
  SO_DONTROUTE,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_LISTENINCQLEN,
  SO_LISTENQLEN,
  SO_LISTENQLIMIT,
  SO_MAX_PACING_RATE,
  SO_NO_DDP,
  SO_NO_OFFLOAD,
  SO_NOSIGPIPE,
  SO_OOBINLINE,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_RERROR,
  SO_SETFIB,
  SO_SNDBUF,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_TIMESTAMP,
  SO_TYPE,
  SO_USELOOPBACK,
  SO_USER_COOKIE,
  SS_FREED,
  SS_ISCONNECTED,
  SS_ISCONNECTING,
  SS_ISDISCONNECTING,
} from './constants.ts';
import { sbflush, sbreserve } from './sockbuf.ts';
import type { Socket } from './socket.ts';
import { socantrcvmore } from './state.ts';

/** Value of SO_LINGER. @public */
export interface Linger {
  /** 0 = off. */
  readonly onoff: number;
  /** Seconds. With 0, close resets the connection. */
  readonly linger: number;
}

/** Options that are a bit of `so.options` and nothing else. */
const FLAG_OPTIONS =
  SO_DEBUG |
  SO_KEEPALIVE |
  SO_DONTROUTE |
  SO_USELOOPBACK |
  SO_BROADCAST |
  SO_REUSEADDR |
  SO_REUSEPORT |
  SO_REUSEPORT_LB |
  SO_OOBINLINE |
  SO_TIMESTAMP |
  SO_NOSIGPIPE |
  SO_NO_DDP |
  SO_NO_OFFLOAD |
  SO_RERROR;

/** Longest linger time, seconds: what a C short held in ticks. */
const LINGER_MAX = 32767;
/** Longest timeout, ms. */
const TIMEO_MAX = 0x7fffffff;

function isFlagOption(name: number): boolean {
  return (name & (name - 1)) === 0 && (name & FLAG_OPTIONS) !== 0;
}

/**
 * Sets an option. SOL_SOCKET is done here (and told to the protocol afterwards), other levels go to the protocol. ENOPROTOOPT: unknown; EINVAL, EDOM: bad value; ENOBUFS:
 * buffer too large.
 * Source: FreeBSD uipc_socket.c, sosetopt().
 * @public
 */
export function sosetopt(so: Socket, level: number, name: number, val: unknown): number {
  if ((so.state & SS_FREED) !== 0) return EBADF;
  const sopt = new Sockopt(SOPT_SET, level, name, val);
  if (level !== SOL_SOCKET) return so.proto.ctloutput(so, sopt);
  const errno = isFlagOption(name) ? setFlag(so, sopt) : setValue(so, sopt);
  if (errno !== 0) return errno;
  so.proto.ctloutput(so, sopt);
  return 0;
}

function setFlag(so: Socket, sopt: Sockopt): number {
  const v = sooptInt(sopt);
  if (v < 0) return -v;
  so.options = v !== 0 ? so.options | sopt.name : so.options & ~sopt.name;
  return 0;
}

function setValue(so: Socket, sopt: Sockopt): number {
  if (sopt.name === SO_LINGER) return setLinger(so, sopt.val);
  if (!isNumberOption(sopt.name)) return ENOPROTOOPT;
  const v = sooptInt(sopt);
  if (v < 0) return -v;
  switch (sopt.name) {
    case SO_SNDBUF:
    case SO_RCVBUF:
    case SO_SNDLOWAT:
    case SO_RCVLOWAT:
      return setBuffer(so, sopt.name, v);
    case SO_SNDTIMEO:
    case SO_RCVTIMEO:
      if (v > TIMEO_MAX) return EDOM;
      (sopt.name === SO_SNDTIMEO ? so.snd : so.rcv).timeoMs = v;
      return 0;
    case SO_SETFIB:
      return setFib(so, v);
    case SO_USER_COOKIE:
      so.userCookie = v;
      return 0;
    default:
      so.maxPacingRate = v;
      return 0;
  }
}

function isNumberOption(name: number): boolean {
  return (name >= SO_SNDBUF && name <= SO_RCVTIMEO) || name === SO_SETFIB || name === SO_USER_COOKIE || name === SO_MAX_PACING_RATE;
}

function setLinger(so: Socket, val: unknown): number {
  if (typeof val !== 'object' || val === null) return EINVAL;
  const l = val as Partial<Linger>;
  if (!Number.isInteger(l.linger) || !Number.isInteger(l.onoff)) return EINVAL;
  const seconds = l.linger as number;
  if (seconds < 0 || seconds > LINGER_MAX) return EDOM;
  so.linger = seconds;
  so.options = l.onoff !== 0 ? so.options | SO_LINGER : so.options & ~SO_LINGER;
  return 0;
}

/** Source: FreeBSD uipc_sockbuf.c, sbsetopt(). */
function setBuffer(so: Socket, name: number, v: number): number {
  if (v < 1) return EINVAL;
  const sb = name === SO_SNDBUF || name === SO_SNDLOWAT ? so.snd : so.rcv;
  if (name === SO_SNDBUF || name === SO_RCVBUF) {
    if (!sbreserve(sb, v, so.sv.sk.maxsockbuf)) return ENOBUFS;
    sb.flags &= ~SB_AUTOSIZE;
    return 0;
  }
  sb.lowat = v > sb.hiwat ? sb.hiwat : v;
  return 0;
}

function setFib(so: Socket, fib: number): number {
  const stack = netstackFind(so.vnet.kernel, so.proto.netstack) ?? nullNetstack;
  if (!stack.validFib(so, fib)) return EINVAL;
  so.fibnum = fib;
  return 0;
}

/**
 * Reads an option; `request` says of what, where the option needs it (MSFILTER). Returns its value, or a negative errno for options that do not exist (-ENOPROTOOPT); values of SOL_SOCKET are never negative numbers.
 * Source: FreeBSD uipc_socket.c, sogetopt().
 * @public
 */
export function sogetopt(so: Socket, level: number, name: number, request?: unknown): unknown {
  const sopt = new Sockopt(SOPT_GET, level, name, request);
  if (level !== SOL_SOCKET) {
    if ((so.state & SS_FREED) !== 0) return -EBADF;
    const errno = so.proto.ctloutput(so, sopt);
    return errno !== 0 ? -errno : sopt.val;
  }
  if (isFlagOption(name) || name === SO_ACCEPTCONN) return (so.options & name) !== 0 ? 1 : 0;
  return getValue(so, name);
}

function getValue(so: Socket, name: number): unknown {
  switch (name) {
    case SO_LINGER:
      return { onoff: so.options & SO_LINGER, linger: so.linger } satisfies Linger;
    case SO_SNDBUF:
      return so.snd.hiwat;
    case SO_RCVBUF:
      return so.rcv.hiwat;
    case SO_SNDLOWAT:
      return so.snd.lowat;
    case SO_RCVLOWAT:
      return so.rcv.lowat;
    case SO_SNDTIMEO:
      return so.snd.timeoMs;
    case SO_RCVTIMEO:
      return so.rcv.timeoMs;
    case SO_ERROR:
      return takeError(so);
    default:
      return getInfo(so, name);
  }
}

function takeError(so: Socket): number {
  const errno = so.error;
  so.error = 0;
  return errno;
}

function getInfo(so: Socket, name: number): unknown {
  const sol = so.listen;
  switch (name) {
    case SO_TYPE:
      return so.type;
    case SO_PROTOCOL:
      return so.protocol;
    case SO_DOMAIN:
      return so.domain;
    case SO_SETFIB:
      return so.fibnum;
    case SO_USER_COOKIE:
      return so.userCookie;
    case SO_MAX_PACING_RATE:
      return so.maxPacingRate;
    case SO_LISTENQLIMIT:
      return sol === null ? 0 : sol.qlimit;
    case SO_LISTENQLEN:
      return sol === null ? 0 : sol.qlen;
    case SO_LISTENINCQLEN:
      return sol === null ? 0 : sol.incqlen;
    default:
      return -ENOPROTOOPT;
  }
}

/**
 * Shuts down one direction or both. Reading: what waits is thrown away, and the reader sees the end. Writing: the protocol tells the peer once all is sent. EINVAL, ENOTCONN.
 * Source: FreeBSD uipc_socket.c, soshutdown().
 * @public
 */
export function soshutdown(so: Socket, how: number): number {
  if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return EINVAL;
  if ((so.state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) === 0) return ENOTCONN;
  if (how !== SHUT_WR) {
    socantrcvmore(so);
    sbflush(so.rcv);
  }
  return how !== SHUT_RD ? so.proto.shutdown(so) : 0;
}
