import type { Ucred } from '@ns/vnet';
import { SS_FREED } from './constants.ts';
import type { SocketVnet } from './kernel.ts';
import type { SockProto } from './proto.ts';
import { solistenUnqueue } from './queue.ts';
import { sbflush } from './sockbuf.ts';
import { Socket, SQ_NONE } from './socket.ts';

/** A socket without protocol state, counted; null when there are too many. */
export function soalloc(sv: SocketVnet, pr: SockProto, protocol: number, cred: Ucred): Socket | null {
  const sk = sv.sk;
  if (sk.numopensockets >= sk.maxsockets) return null;
  sk.numopensockets++;
  sv.take(pr);
  return new Socket(sv, pr, protocol, cred);
}

/** Uncounts a socket, whose protocol has let go of it. */
export function sodealloc(so: Socket): void {
  so.state |= SS_FREED;
  if (so.label !== null) so.sv.sk.mac?.socketDestroyLabel(so);
  so.label = null;
  so.upcall = null;
  so.pcb = null;
  so.sv.sk.numopensockets--;
  so.sv.release(so.proto);
}

/** Takes a reference: the socket is to outlive its descriptor. Source: FreeBSD soref(). @public */
export function soref(so: Socket): void {
  so.count++;
}

/** Gives a reference back; with the last one the socket goes. Source: FreeBSD sorele(), sofree(). @public */
export function sorele(so: Socket): void {
  if (--so.count > 0) return;
  if (so.count < 0) throw new Error('socket: reference given back twice');
  if (so.qstate !== SQ_NONE) solistenUnqueue(so);
  so.proto.detach(so);
  sbflush(so.rcv);
  sbflush(so.snd);
  sodealloc(so);
}

/**
 * Ends a connection that no descriptor refers to: one in a listen queue, or one whose set-up failed after `sonewconn`. Gives back the queue's reference.
 * Source: FreeBSD uipc_socket.c, soabort().
 * @public
 */
export function soabort(so: Socket): void {
  if (so.qstate !== SQ_NONE) solistenUnqueue(so);
  so.upcall = null;
  so.proto.abort(so);
  sorele(so);
}
