/* @hot Source: FreeBSD kern/uipc_socket.c, sosend(). */
import { EDESTADDRREQ, EINVAL, EMSGSIZE, ENOBUFS, ENOTCONN, EPIPE, EWOULDBLOCK } from '@ns/errno';
import type { Cmsg } from '@ns/inpcb';
import type { MacHooks } from '@ns/mac-kpi';
import { M_PKTHDR, type Mbuf, mFixhdr, mFreem, mLength, MAX_LINKHDR, MAX_PROTOHDR, mSplit } from '@ns/mbuf';
import type { Sockaddr } from '@ns/wire';
import {
  MSG_DONTROUTE,
  MSG_EOF,
  MSG_OOB,
  PR_ADDR,
  PR_ATOMIC,
  PR_CONNREQUIRED,
  PR_IMPLOPCL,
  PRUS_EOF,
  PRUS_OOB,
  SBS_CANTSENDMORE,
  SO_DONTROUTE,
  SOCK_STREAM,
  SS_ISCONFIRMING,
  SS_ISCONNECTED,
} from './constants.ts';
import { sbspace } from './sockbuf.ts';
import type { Socket } from './socket.ts';

/** Whether access control lets a socket send to `addr` (null = its peer). Source: FreeBSD uipc_syscalls.c, kern_sendit(). */
function sosendAllowed(mac: MacHooks, so: Socket, addr: Sockaddr | null): number {
  const denied = addr === null ? 0 : mac.socketCheckConnect(so.cred, so, addr);
  return denied !== 0 ? denied : mac.socketCheckSend(so.cred, so);
}

/** Whether `resid` bytes may be sent to `addr` now, in part at least: 0, or why not. A pending error is taken. Source: FreeBSD uipc_socket.c, sosend_generic(). */
function sosendCheck(so: Socket, addr: Sockaddr | null, resid: number, flags: number): number {
  const mac = so.sv.sk.mac;
  if (mac !== null) {
    const denied = sosendAllowed(mac, so, addr);
    if (denied !== 0) return denied;
  }
  const sb = so.snd;
  if ((sb.state & SBS_CANTSENDMORE) !== 0) return EPIPE;
  if (so.error !== 0) {
    const errno = so.error;
    so.error = 0;
    return errno;
  }
  const pf = so.proto.flags;
  if ((so.state & SS_ISCONNECTED) === 0) {
    // With an address a protocol may connect by itself (PR_IMPLOPCL).
    if ((pf & PR_CONNREQUIRED) !== 0) {
      if ((so.state & SS_ISCONFIRMING) === 0 && (addr === null || (pf & PR_IMPLOPCL) === 0)) return ENOTCONN;
    } else if (addr === null) return EDESTADDRREQ;
  }
  const atomic = (pf & PR_ATOMIC) !== 0;
  if (atomic && resid > sb.hiwat) return EMSGSIZE;
  const space = sbspace(sb) + ((flags & MSG_OOB) !== 0 ? 1024 : 0);
  if (space < resid && (atomic || space <= 0 || space < sb.lowat)) return EWOULDBLOCK;
  return 0;
}

function prusFlags(flags: number): number {
  return ((flags & MSG_OOB) !== 0 ? PRUS_OOB : 0) | ((flags & MSG_EOF) !== 0 ? PRUS_EOF : 0);
}

/**
 * Hands a chain to the protocol, with SO_DONTROUTE for this one if asked. What was cut off because the buffer is full does not follow at once, so it is no reason to hold anything back:
 * PRUS_MORETOCOME is not set, as in sosend_generic() when space has run out.
 */
function handDown(so: Socket, flags: number, m: Mbuf, addr: Sockaddr | null): number {
  if ((flags & MSG_DONTROUTE) === 0 || (so.options & SO_DONTROUTE) !== 0) return so.proto.send(so, prusFlags(flags), m, addr);
  so.options |= SO_DONTROUTE;
  const errno = so.proto.send(so, prusFlags(flags), m, addr);
  so.options &= ~SO_DONTROUTE;
  return errno;
}

/**
 * Sends all of `m` (a packet or a plain chain) by reference, or nothing: a datagram to `addr` (null = the peer), or stream bytes. EWOULDBLOCK when there is no room for all
 * of it now: m stays the caller's, who tries again after SO_SND_READY. In every other case m is consumed, whatever the result: EPIPE (shut down), ENOTCONN, EDESTADDRREQ,
 * EMSGSIZE (longer than the buffer), the pending error, or what access control or the protocol say.
 * Source: FreeBSD uipc_socket.c, sosend_generic(), with MSG_NBIO.
 * @public
 */
export function sosend(so: Socket, addr: Sockaddr | null, m: Mbuf, flags: number): number {
  const resid = (m.flags & M_PKTHDR) !== 0 ? m.pktlen : mLength(m);
  let errno = sosendCheck(so, addr, resid, flags);
  if (errno === 0 && sbspace(so.snd) < resid && (flags & MSG_OOB) === 0) errno = resid > so.snd.hiwat ? EMSGSIZE : EWOULDBLOCK;
  if (errno !== 0) {
    if (errno !== EWOULDBLOCK) mFreem(m);
    return errno;
  }
  return handDown(so, flags, m, addr);
}

/**
 * Sends a copy of one datagram to `addr` (null = the peer) with ancillary data, as sendmsg(2) does: for one datagram they say what a socket option says for all. Returns `len`, or a negative errno: those of
 * {@link sosendCopy} and of `inPcbPktopts`, EINVAL on a stream.
 * Source: FreeBSD uipc_socket.c, sosend_dgram(); RFC 3542.
 * @public
 */
export function sosendmsg(so: Socket, addr: Sockaddr | null, buf: Uint8Array, off: number, len: number, control: readonly Cmsg[], flags: number): number {
  if ((so.proto.flags & PR_ADDR) === 0) return -EINVAL;
  const errno = sosendCheck(so, addr, len, flags);
  if (errno !== 0) return -errno;
  const m = so.vnet.kernel.mbufs.getm(len, MAX_LINKHDR + MAX_PROTOHDR);
  if (m === null) return -ENOBUFS;
  let at = off;
  for (let p: Mbuf | null = m; p !== null; p = p.next) {
    p.buf.set(buf.subarray(at, at + p.len), p.off);
    at += p.len;
  }
  mFixhdr(m);
  const sent = so.proto.send(so, prusFlags(flags), m, addr, control);
  return sent === 0 ? len : -sent;
}

/**
 * Sends as many bytes of the stream chain `m` by reference as there is room for. Returns the rest of the chain, null when all of it was taken, or an errno when nothing was:
 * EWOULDBLOCK leaves m with the caller, any other consumes it.
 * @public
 */
export function sosendPartial(so: Socket, m: Mbuf, flags: number): Mbuf | null | number {
  const resid = (m.flags & M_PKTHDR) !== 0 ? m.pktlen : mLength(m);
  const errno = so.type !== SOCK_STREAM ? EINVAL : sosendCheck(so, null, resid, flags);
  if (errno !== 0) {
    if (errno !== EWOULDBLOCK) mFreem(m);
    return errno;
  }
  const space = sbspace(so.snd);
  const rest = space < resid ? mSplit(m, space) : null;
  const sent = handDown(so, flags, m, null);
  if (sent === 0) return rest;
  mFreem(rest);
  return sent;
}

/**
 * Sends up to `len` bytes at `off` of `buf` on a stream by reference: they must not change until `free(arg)` is called, once. Returns the bytes taken, or a negative errno
 * (-EWOULDBLOCK ...), in which case `free` is not called.
 * @public
 */
export function sosendBytes(so: Socket, buf: Uint8Array, off: number, len: number, free: ((arg: unknown) => void) | null, arg: unknown, flags: number): number {
  const errno = sosendCheck(so, null, len, flags);
  if (errno !== 0) return -errno;
  const space = sbspace(so.snd);
  const n = space < len ? space : len;
  const bytes = off === 0 && n === buf.length ? buf : buf.subarray(off, off + n);
  const m = so.vnet.kernel.mbufs.extAdd(bytes, free, arg);
  if (m === null) return -ENOBUFS;
  const sent = handDown(so, flags, m, null);
  return sent === 0 ? n : -sent;
}

/**
 * Sends a copy of up to `len` bytes at `off` of `buf`: stream bytes, as many as there is room for, or one datagram to `addr` (null = the peer). Returns the bytes taken, or a
 * negative errno.
 * @public
 */
export function sosendCopy(so: Socket, addr: Sockaddr | null, buf: Uint8Array, off: number, len: number, flags: number): number {
  const errno = sosendCheck(so, addr, len, flags);
  if (errno !== 0) return -errno;
  const atomic = (so.proto.flags & PR_ATOMIC) !== 0;
  const space = sbspace(so.snd);
  const n = atomic || space >= len ? len : space;
  const m = so.vnet.kernel.mbufs.getm(n, atomic ? MAX_LINKHDR + MAX_PROTOHDR : 0);
  if (m === null) return -ENOBUFS;
  let at = off;
  for (let p: Mbuf | null = m; p !== null; p = p.next) {
    p.buf.set(buf.subarray(at, at + p.len), p.off);
    at += p.len;
  }
  mFixhdr(m);
  const sent = handDown(so, flags, m, addr);
  return sent === 0 ? n : -sent;
}
