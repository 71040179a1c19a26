/* @hot Source: FreeBSD kern/uipc_socket.c, soreceive(). */
import { EBADF, EINVAL, ENOBUFS, ENOTCONN, EOPNOTSUPP, EWOULDBLOCK } from '@ns/errno';
import { type Mbuf, mCopydata, mCopym, mCopypacket, mFreem } from '@ns/mbuf';
import {
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  PR_ADDR,
  PR_CONNREQUIRED,
  PR_SORECEIVE_STREAM,
  PR_WANTRCVD,
  SBS_CANTRCVMORE,
  SBS_RCVATMARK,
  SS_FREED,
  SS_ISCONNECTED,
  SS_ISCONNECTING,
  SS_ISDISCONNECTED,
} from './constants.ts';
import type { DgramInfo } from './dgram.ts';
import { sbcut, sbdrop, sbtakebytes, sbtakerecord } from './sockbuf.ts';
import type { Socket } from './socket.ts';

/** Whether access control lets a socket be read: 0, or why not, which `so.rcvErrno` says too. Source: FreeBSD uipc_syscalls.c, kern_recvit(). */
function soreceiveAllowed(so: Socket): number {
  const mac = so.sv.sk.mac;
  so.rcvErrno = mac === null ? 0 : mac.socketCheckReceive(so.cred, so);
  return so.rcvErrno;
}

/**
 * How many of `want` bytes a stream gives now; 0 = none, and `so.rcvErrno` says why: 0 at the end of data. A pending error comes after the data, once.
 * Source: FreeBSD uipc_socket.c, soreceive_stream().
 */
function streamAvail(so: Socket, want: number, flags: number): number {
  if (soreceiveAllowed(so) !== 0) return 0;
  const sb = so.rcv;
  if (sb.cc > 0) {
    let n = sb.cc < want ? sb.cc : want;
    if (so.oobmark > 0 && n > so.oobmark && (so.proto.flags & PR_SORECEIVE_STREAM) === 0) n = so.oobmark;
    if ((flags & MSG_WAITALL) === 0 || n === want || n === sb.hiwat || so.error !== 0 || (sb.state & SBS_CANTRCVMORE) !== 0) return n;
    so.rcvErrno = EWOULDBLOCK;
    return 0;
  }
  if (so.error !== 0) {
    so.rcvErrno = so.error;
    if ((flags & MSG_PEEK) === 0) so.error = 0;
    return 0;
  }
  if ((sb.state & SBS_CANTRCVMORE) !== 0) return 0;
  so.rcvErrno = (so.state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTED)) === 0 && (so.proto.flags & PR_CONNREQUIRED) !== 0 ? ENOTCONN : EWOULDBLOCK;
  return 0;
}

/** `n` bytes have been read: the urgent mark moves, and the protocol may open its window. */
function streamConsumed(so: Socket, n: number, flags: number): void {
  if (so.oobmark > 0) {
    so.oobmark -= n;
    if (so.oobmark === 0) so.rcv.state |= SBS_RCVATMARK;
    else if (so.oobmark < 0) so.oobmark = 0;
  }
  if ((so.proto.flags & PR_WANTRCVD) !== 0) so.proto.rcvd(so, flags);
}

/**
 * Up to `max` bytes of a stream by reference: a plain chain, the caller's to free. Null when there are none; `so.rcvErrno` says why: 0 = end of data, EWOULDBLOCK, ENOTCONN,
 * what access control says, or the pending error, which is taken. MSG_PEEK leaves the bytes where they are; MSG_WAITALL gives all that was asked for or nothing.
 * @public
 */
export function soreceiveChain(so: Socket, max: number, flags: number): Mbuf | null {
  const n = max > 0 ? streamAvail(so, max, flags) : 0;
  if (max <= 0) so.rcvErrno = EINVAL;
  if (n === 0) return null;
  if ((flags & MSG_PEEK) !== 0) {
    const copy = mCopym(so.rcv.mb as Mbuf, 0, n);
    if (copy === null) so.rcvErrno = ENOBUFS;
    return copy;
  }
  so.rcv.state &= ~SBS_RCVATMARK;
  const before = so.rcv.cc;
  const m = sbcut(so.rcv, n);
  if (m === null) so.rcvErrno = ENOBUFS;
  else streamConsumed(so, before - so.rcv.cc, flags);
  return m;
}

/**
 * Copies up to `len` bytes of a stream to `dst` at `off`. Returns how many; 0 at the end of data, else a negative errno. MSG_OOB takes the urgent byte.
 * Source: FreeBSD uipc_socket.c, soreceive_generic(); soreceive_stream() for protocols with PR_SORECEIVE_STREAM.
 * @public
 */
export function soreceiveBytes(so: Socket, dst: Uint8Array, off: number, len: number, flags: number): number {
  if ((flags & MSG_OOB) !== 0) return receiveOob(so, dst, off, len, flags);
  if ((so.proto.flags & PR_ADDR) !== 0) return soreceiveDgramBytes(so, dst, off, len, null, flags);
  if (len === 0) return 0;
  const n = streamAvail(so, len, flags);
  if (n === 0) return 0 - so.rcvErrno;
  const peek = (flags & MSG_PEEK) !== 0;
  const whole = (so.proto.flags & PR_SORECEIVE_STREAM) !== 0;
  if (peek || whole) mCopydata(so.rcv.mb as Mbuf, 0, n, dst, off);
  if (peek) return n;
  so.rcv.state &= ~SBS_RCVATMARK;
  if (whole) sbdrop(so.rcv, n);
  else sbtakebytes(so.rcv, n, dst, off);
  streamConsumed(so, n, flags);
  return n;
}

function receiveOob(so: Socket, dst: Uint8Array, off: number, len: number, flags: number): number {
  if (len < 1) return -EINVAL;
  if ((so.state & SS_FREED) !== 0) return -EBADF;
  if (soreceiveAllowed(so) !== 0) return -so.rcvErrno;
  const byte = so.proto.rcvoob(so, flags);
  if (byte < 0) return byte;
  dst[off] = byte;
  return 1;
}

/**
 * The oldest datagram by reference: a packet, the caller's to free, its sender and the rest in `info` if given. Null when there is none; `so.rcvErrno` says why: 0 after
 * shutdown, EWOULDBLOCK, or the pending error, which is taken; data come first. A datagram may be empty.
 * Source: FreeBSD uipc_socket.c, soreceive_dgram().
 * @public
 */
export function soreceiveDgram(so: Socket, info: DgramInfo | null, flags: number): Mbuf | null {
  const sb = so.rcv;
  if (soreceiveAllowed(so) !== 0) return null;
  if ((flags & MSG_OOB) !== 0 || (so.proto.flags & PR_ADDR) === 0) {
    so.rcvErrno = EOPNOTSUPP;
    return null;
  }
  const m = sb.mb;
  if (m === null) {
    so.rcvErrno = so.error !== 0 ? so.error : (sb.state & SBS_CANTRCVMORE) !== 0 ? 0 : EWOULDBLOCK;
    if ((flags & MSG_PEEK) === 0) so.error = 0;
    return null;
  }
  if (info !== null) sb.ring?.peek(info);
  if ((flags & MSG_PEEK) === 0) return sbtakerecord(sb);
  const copy = mCopypacket(m);
  if (copy === null) so.rcvErrno = ENOBUFS;
  return copy;
}

/**
 * Copies the oldest datagram to `dst` at `off`, at most `len` bytes; the rest of it is lost and `info.msgFlags` says MSG_TRUNC. Returns the bytes copied, with MSG_TRUNC in
 * `flags` the bytes it had; or a negative errno. 0 is an empty datagram, or with `so.rcvErrno` 0 and nothing in `info.len` the end after shutdown.
 * @public
 */
export function soreceiveDgramBytes(so: Socket, dst: Uint8Array, off: number, len: number, info: DgramInfo | null, flags: number): number {
  const m = soreceiveDgram(so, info, flags);
  if (m === null) return 0 - so.rcvErrno;
  const whole = m.pktlen;
  const n = whole < len ? whole : len;
  mCopydata(m, 0, n, dst, off);
  if (info !== null && n < whole) info.msgFlags |= MSG_TRUNC;
  mFreem(m);
  return (flags & MSG_TRUNC) !== 0 ? whole : n;
}
