/* @hot Source: FreeBSD kern/uipc_socket.c, soisconnected() and the like. */
import { MCLBYTES } from '@ns/mbuf';
import {
  PR_CONNREQUIRED,
  SBS_CANTRCVMORE,
  SBS_CANTSENDMORE,
  SO_CONNECTED,
  SO_DISCONNECTED,
  SO_ERROR_EVENT,
  SO_RCV_READY,
  SO_SND_READY,
  SS_ISCONFIRMING,
  SS_ISCONNECTED,
  SS_ISCONNECTING,
  SS_ISDISCONNECTED,
  SS_ISDISCONNECTING,
} from './constants.ts';
import { enqueueComplete } from './queue.ts';
import { sbflush, sbreserve, sbspace } from './sockbuf.ts';
import { type ListenState, type Socket, SQ_INCOMP } from './socket.ts';

/**
 * For protocols: reserves the buffers of a socket. False (ENOBUFS) when either is more than kern.ipc.maxsockbuf allows.
 * Source: FreeBSD uipc_socket.c, soreserve().
 * @public
 */
export function soreserve(so: Socket, sndcc: number, rcvcc: number): boolean {
  const max = so.sv.sk.maxsockbuf;
  if (!sbreserve(so.snd, sndcc, max) || !sbreserve(so.rcv, rcvcc, max)) return false;
  if (so.rcv.lowat === 0) so.rcv.lowat = 1;
  if (so.snd.lowat === 0) so.snd.lowat = MCLBYTES;
  if (so.snd.lowat > so.snd.hiwat) so.snd.lowat = so.snd.hiwat;
  return true;
}

/** For protocols: gives one buffer another size; false when it is too much. Source: FreeBSD sbreserve(). @public */
export function soSbreserve(so: Socket, which: 'snd' | 'rcv', cc: number): boolean {
  return sbreserve(so[which], cc, so.sv.sk.maxsockbuf);
}

/** Whether a read would not block. Source: FreeBSD soreadable(). @public */
export function soreadable(so: Socket): boolean {
  const sb = so.rcv;
  return sb.cc >= sb.lowat || (sb.lastrecord !== null && sb.ring !== null) || (sb.state & SBS_CANTRCVMORE) !== 0 || so.error !== 0;
}

/** Whether a write would not block: room to the low-water mark on a connected socket, or an end of it. Source: FreeBSD sowriteable(). @public */
export function sowriteable(so: Socket): boolean {
  if ((so.snd.state & SBS_CANTSENDMORE) !== 0 || so.error !== 0) return true;
  return sbspace(so.snd) >= so.snd.lowat && ((so.state & SS_ISCONNECTED) !== 0 || (so.proto.flags & PR_CONNREQUIRED) === 0);
}

/** For protocols: there may be something to read. Source: FreeBSD sorwakeup(). @public */
export function sorwakeup(so: Socket): void {
  if (so.upcall !== null && soreadable(so)) so.sv.sk.upcalls.post(so, so.error !== 0 ? SO_RCV_READY | SO_ERROR_EVENT : SO_RCV_READY);
}

/** For protocols: there may be room to write. Source: FreeBSD sowwakeup(). @public */
export function sowwakeup(so: Socket): void {
  if (so.upcall !== null && sowriteable(so)) so.sv.sk.upcalls.post(so, so.error !== 0 ? SO_SND_READY | SO_ERROR_EVENT : SO_SND_READY);
}

/** For protocols: posts an error and wakes everybody. Source: the pattern `so->so_error = errno; sorwakeup(so); sowwakeup(so)`. @public */
export function soposterror(so: Socket, errno: number): void {
  so.error = errno;
  so.sv.sk.upcalls.post(so, SO_ERROR_EVENT | SO_RCV_READY | SO_SND_READY);
}

/** For protocols: a handshake begins. Source: FreeBSD soisconnecting(). @public */
export function soisconnecting(so: Socket): void {
  so.state &= ~(SS_ISCONNECTED | SS_ISDISCONNECTING);
  so.state |= SS_ISCONNECTING;
}

/** For protocols: the connection stands; one in the queue of incomplete ones goes to those that wait for accept. Source: FreeBSD soisconnected(). @public */
export function soisconnected(so: Socket): void {
  so.state &= ~(SS_ISCONNECTING | SS_ISDISCONNECTING | SS_ISCONFIRMING);
  so.state |= SS_ISCONNECTED;
  if (so.qstate === SQ_INCOMP) {
    const head = so.head as Socket;
    const sol = head.listen as ListenState;
    sol.incomp.remove(so);
    enqueueComplete(head, sol, so);
    return;
  }
  so.sv.sk.upcalls.post(so, SO_CONNECTED);
  sorwakeup(so);
  sowwakeup(so);
}

/** For protocols: the connection is being taken down; nothing goes either way any more. Source: FreeBSD soisdisconnecting(). @public */
export function soisdisconnecting(so: Socket): void {
  so.state &= ~SS_ISCONNECTING;
  so.state |= SS_ISDISCONNECTING;
  so.rcv.state |= SBS_CANTRCVMORE;
  so.snd.state |= SBS_CANTSENDMORE;
  sorwakeup(so);
  sowwakeup(so);
}

/** For protocols: the connection is over; unsent data are dropped. Source: FreeBSD soisdisconnected(). @public */
export function soisdisconnected(so: Socket): void {
  so.state &= ~(SS_ISCONNECTING | SS_ISCONNECTED | SS_ISDISCONNECTING);
  so.state |= SS_ISDISCONNECTED;
  so.rcv.state |= SBS_CANTRCVMORE;
  so.snd.state |= SBS_CANTSENDMORE;
  sbflush(so.snd);
  so.sv.sk.upcalls.post(so, SO_DISCONNECTED);
  sorwakeup(so);
  sowwakeup(so);
}

/** For protocols: nothing may be sent any more. Source: FreeBSD socantsendmore(). @public */
export function socantsendmore(so: Socket): void {
  so.snd.state |= SBS_CANTSENDMORE;
  sowwakeup(so);
}

/** For protocols: nothing more will come. Source: FreeBSD socantrcvmore(). @public */
export function socantrcvmore(so: Socket): void {
  so.rcv.state |= SBS_CANTRCVMORE;
  sorwakeup(so);
}
