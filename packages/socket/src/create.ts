import { EAFNOSUPPORT, EALREADY, EBADF, ECONNABORTED, EISCONN, ENETDOWN, ENOBUFS, ENOENT, ENOTCONN, EOPNOTSUPP, EPERM, EPROTONOSUPPORT, EPROTOTYPE } from '@ns/errno';
import { SO_ACCEPTCONN } from '@ns/inpcb';
import { type Kernel, sameVnet, type Vnet } from '@ns/kern';
import { curnetstack, type Netstack, netstackFind } from '@ns/netstack-kpi';
import { prisonCheckAf, type Ucred } from '@ns/vnet';
import { AF_INET6, IN6ADDR_ANY, INADDR_ANY, Sockaddr } from '@ns/wire';
import { PR_CONNREQUIRED, SS_FREED, SS_ISCONNECTED, SS_ISCONNECTING, SS_ISDISCONNECTING, SS_NOFDREF } from './constants.ts';
import { SOCKET } from './kernel.ts';
import { soalloc, sodealloc, sorele } from './life.ts';
import { solistenAbortQueues } from './listen.ts';
import type { Socket } from './socket.ts';

/**
 * The stack that a new socket is made by: the one asked for, else that of the caller's jail, else the kernel's current one. An errno when it is not loaded (ENOENT), or when
 * the caller is in a jail that may not choose (EPERM).
 */
function stackFor(kernel: Kernel, cred: Ucred, asked: string): Netstack | number {
  const { jail } = cred;
  const own = jail === null ? '' : jail.effectiveNetstack;
  if (asked !== '' && asked !== own && jail !== null && jail.allow['netstack'] !== true) return EPERM;
  const name = asked !== '' ? asked : own;
  return name === '' ? curnetstack(kernel) : (netstackFind(kernel, name) ?? ENOENT);
}

/**
 * Makes a socket in `vnet`. Errnos: ENETDOWN (the vnet is gone, or going), what access control says, EAFNOSUPPORT (no protocol of the family, or no stack), EPROTOTYPE (not with this type), EPROTONOSUPPORT, ENOBUFS
 * (too many), and what the protocol says (EPERM for raw sockets). Order: access control is asked, allocate, netstack, access control labels, protocol.
 *
 * @param netstack - name of the network stack that makes it; empty = that of the caller's jail, or the kernel's. ENOENT when it is not loaded; EPERM for a caller in a jail
 * without allow.netstack, unless it is the jail's own.
 * Source: FreeBSD uipc_syscalls.c, kern_socket(); uipc_socket.c, socreate().
 * @public
 */
export function socreate(vnet: Vnet, dom: number, type: number, proto: number, cred: Ucred, netstack: string = ''): Socket | number {
  sameVnet(cred.vnet, vnet, 'socreate: a credential');
  if (vnet.shutdown) return ENETDOWN;
  const sv = SOCKET.get(vnet);
  const mac = sv.sk.mac;
  const denied = mac === null ? 0 : mac.socketCheckCreate(cred, dom, type, proto);
  if (denied !== 0) return denied;
  const stack = stackFor(vnet.kernel, cred, netstack);
  if (typeof stack === 'number') return stack;
  const pr = sv.sk.pffindproto(stack.name, dom, type, proto);
  if (pr === null) {
    if (!sv.sk.pffinddomain(stack.name, dom)) return EAFNOSUPPORT;
    return proto === 0 && type !== 0 ? EPROTOTYPE : EPROTONOSUPPORT;
  }
  if (prisonCheckAf(cred, dom) !== 0) return EPROTONOSUPPORT;
  const so = soalloc(sv, pr, proto !== 0 ? proto : pr.protocol, cred);
  if (so === null) return ENOBUFS;
  stack.socreate(so, pr, cred);
  let errno = mac === null ? 0 : mac.socketCreate(cred, so);
  if (errno === 0) errno = pr.attach(so, proto, cred);
  if (errno !== 0) {
    sodealloc(so);
    return errno;
  }
  return so;
}

/**
 * Closes the descriptor. A connection is shut down in order (or with SO_LINGER and 0 seconds, reset) by the protocol, which may keep the socket until its data are out; a
 * listener's queued connections are aborted. No upcall comes after this. ENOTCONN for one that was closed before and still lives; 0 for one that is gone. Never blocks: a face that wants to linger waits for `SS_ISCONNECTED` to go before it calls.
 * Source: FreeBSD uipc_socket.c, soclose().
 * @public
 */
export function soclose(so: Socket): number {
  so.upcall = null;
  if ((so.state & SS_FREED) !== 0) return 0;
  if ((so.state & SS_NOFDREF) !== 0) return ENOTCONN;
  let errno = 0;
  if ((so.state & SS_ISCONNECTED) !== 0 && (so.state & SS_ISDISCONNECTING) === 0) {
    errno = sodisconnect(so);
    if (errno === ENOTCONN) errno = 0;
  }
  so.proto.close(so);
  if (so.listen !== null) solistenAbortQueues(so);
  so.state |= SS_NOFDREF;
  sorele(so);
  return errno;
}

/** Binds a socket to a local address; null or port 0 leaves the choice to the stack. Source: FreeBSD uipc_syscalls.c, kern_bindat(); sobind(). @public */
export function sobind(so: Socket, addr: Sockaddr | null, cred: Ucred): number {
  if ((so.state & SS_FREED) !== 0) return EBADF;
  const mac = so.sv.sk.mac;
  const denied = mac === null ? 0 : mac.socketCheckBind(cred, so, addr ?? new Sockaddr(so.domain === AF_INET6 ? IN6ADDR_ANY : INADDR_ANY, 0));
  return denied !== 0 ? denied : so.proto.bind(so, addr, cred);
}

/**
 * Connects. For a stream 0 means that the handshake is under way; SO_CONNECTED or SO_ERROR_EVENT tell the outcome. EALREADY (connecting), what access control says,
 * EOPNOTSUPP (listening), EISCONN, and what the protocol says. A datagram socket is disconnected from its old peer first.
 * Source: FreeBSD uipc_socket.c, soconnectat(); uipc_syscalls.c, kern_connectat().
 * @public
 */
export function soconnect(so: Socket, addr: Sockaddr, cred: Ucred): number {
  if ((so.state & SS_FREED) !== 0) return EBADF;
  if ((so.state & SS_ISCONNECTING) !== 0) return EALREADY;
  const mac = so.sv.sk.mac;
  const denied = mac === null ? 0 : mac.socketCheckConnect(cred, so, addr);
  if (denied !== 0) return denied;
  if ((so.options & SO_ACCEPTCONN) !== 0) return EOPNOTSUPP;
  if ((so.state & SS_ISCONNECTED) !== 0 && ((so.proto.flags & PR_CONNREQUIRED) !== 0 || sodisconnect(so) !== 0)) return EISCONN;
  so.error = 0;
  const errno = so.proto.connect(so, addr, cred);
  if (errno !== 0) so.state &= ~SS_ISCONNECTING;
  return errno;
}

/** Ends the connection: ENOTCONN, EALREADY, or what the protocol says. Source: FreeBSD sodisconnect(). @public */
export function sodisconnect(so: Socket): number {
  if ((so.state & SS_ISCONNECTED) === 0) return ENOTCONN;
  if ((so.state & SS_ISDISCONNECTING) !== 0) return EALREADY;
  return so.proto.disconnect(so);
}

/** The peer of a connection taken from a listen queue, or an errno (ECONNABORTED when it is gone). Source: FreeBSD soaccept(). @public */
export function soaccept(so: Socket): Sockaddr | number {
  if ((so.state & SS_FREED) !== 0) return ECONNABORTED;
  return so.proto.accept(so);
}

/** Local address of a socket (getsockname), or an errno. @public */
export function sosockaddr(so: Socket): Sockaddr | number {
  return (so.state & SS_FREED) !== 0 ? EBADF : so.proto.sockaddr(so);
}

/** Peer of a socket (getpeername), or an errno: ENOTCONN. @public */
export function sopeeraddr(so: Socket): Sockaddr | number {
  if ((so.state & (SS_ISCONNECTED | SS_ISDISCONNECTING)) === 0) return ENOTCONN;
  return so.proto.peeraddr(so);
}
