import { EBADF, EINVAL, EWOULDBLOCK } from '@ns/errno';
import { SO_ACCEPTCONN } from '@ns/inpcb';
import { LOG_DEBUG } from '@ns/kern';
import { SB_AUTOSIZE, SO_ACCEPT, SS_FREED, SS_ISCONNECTED, SS_ISCONNECTING, SS_ISDISCONNECTING, SS_NOFDREF } from './constants.ts';
import { soabort, soalloc, sodealloc } from './life.ts';
import { enqueueComplete, solistenUnqueue } from './queue.ts';
import { ListenState, type Socket, SQ_INCOMP } from './socket.ts';
import { soreserve } from './state.ts';

/**
 * Lets a socket listen: calls the protocol, which does the rest by {@link solistenProto}. EINVAL when it is connected or on the way to it.
 * A negative backlog, or one above kern.ipc.soacceptqueue, means that limit.
 * Source: FreeBSD uipc_socket.c, solisten().
 * @public
 */
export function solisten(so: Socket, backlog: number): number {
  if ((so.state & SS_FREED) !== 0) return EBADF;
  const mac = so.sv.sk.mac;
  const denied = mac === null ? 0 : mac.socketCheckListen(so.cred, so);
  return denied !== 0 ? denied : so.proto.listen(so, backlog, so.cred);
}

/** For protocols: whether a socket may listen; 0 or EINVAL. Source: FreeBSD solisten_proto_check(). @public */
export function solistenProtoCheck(so: Socket): number {
  return (so.state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) !== 0 ? EINVAL : 0;
}

/** For protocols: makes a socket a listener, or gives a listener another backlog. Source: FreeBSD solisten_proto(). @public */
export function solistenProto(so: Socket, backlog: number): void {
  const limit = so.sv.sk.soacceptqueue;
  const qlimit = backlog < 0 || backlog > limit ? limit : backlog;
  if (so.listen === null) so.listen = new ListenState(qlimit);
  else so.listen.qlimit = qlimit;
  so.options |= SO_ACCEPTCONN;
}

/**
 * For protocols: a socket for a connection that arrived at listener `head`, attached and in its queue: complete if `connstatus` is SS_ISCONNECTED, incomplete if 0 (then
 * `soisconnected` completes it). Null when the queue has overflowed by half, when there are too many sockets, when access control refuses, or when the protocol could not attach.
 * The queue holds the reference until `solistenDequeue` or `soabort`.
 * Source: FreeBSD uipc_socket.c, sonewconn().
 * @public
 */
export function sonewconn(head: Socket, connstatus: number): Socket | null {
  const sol = head.listen;
  if (sol === null) return null;
  if (sol.qlen > (3 * sol.qlimit) / 2) {
    overflow(head, sol);
    return null;
  }
  const so = soalloc(head.sv, head.proto, head.protocol, head.cred);
  if (so === null) {
    head.vnet.log.log(LOG_DEBUG, 'socket', 'sonewconn: New socket allocation failure: limit reached');
    return null;
  }
  so.head = head;
  so.options = head.options & ~SO_ACCEPTCONN;
  so.linger = head.linger;
  so.state = head.state | SS_NOFDREF;
  so.fibnum = head.fibnum;
  so.userCookie = head.userCookie;
  so.maxPacingRate = head.maxPacingRate;
  const mac = head.sv.sk.mac;
  const denied = mac === null ? 0 : mac.socketNewconn(head, so);
  if (denied !== 0 || !soreserve(so, head.snd.hiwat, head.rcv.hiwat) || so.proto.attach(so, so.protocol, so.cred) !== 0) {
    so.head = null;
    sodealloc(so);
    return null;
  }
  inherit(head, so);
  so.state |= connstatus;
  if (connstatus !== 0) enqueueComplete(head, sol, so);
  else {
    while (sol.incqlen > sol.qlimit) soabort(sol.incomp.head as Socket);
    so.qstate = SQ_INCOMP;
    sol.incomp.push(so);
  }
  return so;
}

/** Buffer settings that a connection has from its listener. */
function inherit(head: Socket, so: Socket): void {
  so.rcv.lowat = head.rcv.lowat;
  so.snd.lowat = head.snd.lowat;
  so.rcv.timeoMs = head.rcv.timeoMs;
  so.snd.timeoMs = head.snd.timeoMs;
  so.rcv.flags |= head.rcv.flags & SB_AUTOSIZE;
  so.snd.flags |= head.snd.flags & SB_AUTOSIZE;
}

function overflow(head: Socket, sol: ListenState): void {
  sol.overcount++;
  const now = head.vnet.kernel.callouts.nowUs();
  const interval = head.sv.sk.sooverinterval * 1_000_000;
  if (sol.lastoverUs >= 0 && now - sol.lastoverUs < interval) return;
  sol.lastoverUs = now;
  const n = sol.overcount;
  sol.overcount = 0;
  const local = head.proto.sockaddr(head);
  const where = typeof local === 'number' ? head.proto.name : `${local.toString()} proto ${head.proto.protocol}`;
  head.vnet.log.log(
    LOG_DEBUG,
    'socket',
    `sonewconn: (${where}): Listen queue overflow: ${sol.qlen} already in queue awaiting acceptance (${n} occurrences)`,
  );
}

/**
 * Takes the oldest connection from a listener's queue; the caller has its reference and a descriptor's duty to close it. EWOULDBLOCK when there is none, EINVAL when `head`
 * does not listen, what access control says (the connection stays in the queue), or the listener's pending error.
 * Source: FreeBSD uipc_syscalls.c, kern_accept4(); uipc_socket.c, solisten_dequeue().
 * @public
 */
export function solistenDequeue(head: Socket): Socket | number {
  const sol = head.listen;
  if (sol === null) return EINVAL;
  const mac = head.sv.sk.mac;
  const denied = mac === null ? 0 : mac.socketCheckAccept(head.cred, head);
  if (denied !== 0) return denied;
  if (head.error !== 0) {
    const errno = head.error;
    head.error = 0;
    return errno;
  }
  const so = sol.comp.head;
  if (so === null) return EWOULDBLOCK;
  solistenUnqueue(so);
  so.state &= ~SS_NOFDREF;
  if (sol.comp.head !== null) head.sv.sk.upcalls.post(head, SO_ACCEPT);
  return so;
}

/** The listener goes: resets what waits in its queues. */
export function solistenAbortQueues(head: Socket): void {
  const sol = head.listen as ListenState;
  for (let so = sol.incomp.head; so !== null; so = sol.incomp.head) soabort(so);
  for (let so = sol.comp.head; so !== null; so = sol.comp.head) soabort(so);
}
