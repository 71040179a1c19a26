import { SO_ACCEPT } from './constants.ts';
import { type ListenState, type Socket, SQ_COMP, SQ_NONE } from './socket.ts';

/** Puts a complete connection in the queue and tells the listener. */
export function enqueueComplete(head: Socket, sol: ListenState, so: Socket): void {
  so.qstate = SQ_COMP;
  sol.comp.push(so);
  head.sv.sk.upcalls.post(head, SO_ACCEPT);
}

/** Takes a connection out of its listener's queue; whose reference it was, goes on to the caller. */
export function solistenUnqueue(so: Socket): void {
  const sol = (so.head as Socket).listen as ListenState;
  if (so.qstate === SQ_COMP) sol.comp.remove(so);
  else sol.incomp.remove(so);
  so.qstate = SQ_NONE;
  so.head = null;
}
