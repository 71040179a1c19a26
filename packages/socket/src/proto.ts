import { ENOPROTOOPT, EOPNOTSUPP } from '@ns/errno';
import type { Cmsg, Sockopt } from '@ns/inpcb';
import { type Mbuf, mFreem } from '@ns/mbuf';
import { NETSTACK_BSD, type NetstackProto } from '@ns/netstack-kpi';
import type { Ucred } from '@ns/vnet';
import type { Sockaddr } from '@ns/wire';
import type { Socket } from './socket.ts';

/**
 * A protocol as sockets see it: one for each (domain, type, protocol) of a network stack, registered once in a kernel (`SocketKernel.prRegister`). Methods return an errno, 0 = OK, unless
 * said otherwise; they run to completion and never block. Make one with {@link sockProto}, which fills in the methods that a protocol does not have.
 * Source: FreeBSD sys/protosw.h, struct protosw and struct pr_usrreqs.
 * @public
 */
export interface SockProto extends NetstackProto {
  /** Name of the network stack that it is part of: sockets of that stack find it. */
  readonly netstack: string;
  /** The module that it belongs to, which cannot be unloaded while it has sockets. */
  readonly module: string;
  /** `tcp`, `udp`, `rawip`: for ledgers and displays. */
  readonly name: string;
  /** AF_INET or AF_INET6. */
  readonly domain: number;
  /** SOCK_*. */
  readonly type: number;
  /** IPPROTO_*, 0 = any (raw). */
  readonly protocol: number;
  /** PR_*. */
  readonly flags: number;
  /** A socket is made, or a listener gets a connection: reserves buffers and makes the pcb. `proto` is what the application asked for. */
  attach(so: Socket, proto: number, cred: Ucred): number;
  /** The socket goes away: frees the pcb. */
  detach(so: Socket): void;
  /** Gives it a local address; null or port 0 leaves the choice to the stack. */
  bind(so: Socket, addr: Sockaddr | null, cred: Ucred): number;
  /**
   * Calls `solistenProtoCheck` and, when nothing is in the way, `solistenProto`. EINPROGRESS from a stack that has to ask somebody else: SO_CONNECTED or SO_ERROR_EVENT
   * tell the outcome.
   */
  listen(so: Socket, backlog: number, cred: Ucred): number;
  /** Gives it a peer; a stream begins its handshake. */
  connect(so: Socket, addr: Sockaddr, cred: Ucred): number;
  /** The application takes a connection from the queue: the peer's address, or an errno (ECONNABORTED when it is over already). */
  accept(so: Socket): Sockaddr | number;
  /** Ends the connection in order; data that wait are sent first. */
  disconnect(so: Socket): number;
  /** No more sending: calls `socantsendmore`. */
  shutdown(so: Socket): number;
  /** The application has read (PR_WANTRCVD): a window update may be due. */
  rcvd(so: Socket, flags: number): void;
  /** One byte of urgent data, or a negative errno. With MSG_PEEK it stays. */
  rcvoob(so: Socket, flags: number): number;
  /** Sends. `m` may be null (PRUS_EOF alone). `control`: ancillary data, if there are any; for protocols with PR_ADDR. Consumes m, whatever the result. */
  send(so: Socket, flags: number, m: Mbuf | null, addr: Sockaddr | null, control?: readonly Cmsg[] | null): number;
  /** The connection is to go at once, with a reset if there is somebody to tell. */
  abort(so: Socket): void;
  /** The last descriptor was closed. Detach follows when no reference is left; who still has data to send takes one (`soref`). */
  close(so: Socket): void;
  /** Local address, or an errno. */
  sockaddr(so: Socket): Sockaddr | number;
  /** Peer's address, or an errno (ENOTCONN). */
  peeraddr(so: Socket): Sockaddr | number;
  /** An option of another level than SOL_SOCKET; or one of SOL_SOCKET that has just been set, for information: ENOPROTOOPT does no harm there. */
  ctloutput(so: Socket, sopt: Sockopt): number;
}

/** The methods and constants that a protocol must have; see {@link sockProto}. @public */
export type SockProtoSpec = Pick<SockProto, 'module' | 'name' | 'domain' | 'type' | 'protocol' | 'flags' | 'attach' | 'detach'> & Partial<SockProto>;

/** A complete {@link SockProto}, of the stack `bsd` unless said otherwise: methods that are left out say EOPNOTSUPP, or do nothing where nothing is right. Source: FreeBSD uipc_domain.c, pr_init(). @public */
export function sockProto(spec: SockProtoSpec): SockProto {
  return Object.freeze({
    netstack: NETSTACK_BSD,
    bind: () => EOPNOTSUPP,
    listen: () => EOPNOTSUPP,
    connect: () => EOPNOTSUPP,
    accept: () => EOPNOTSUPP,
    disconnect: () => EOPNOTSUPP,
    shutdown: () => EOPNOTSUPP,
    rcvd: () => {},
    rcvoob: () => -EOPNOTSUPP,
    send: (_so: Socket, _flags: number, m: Mbuf | null) => {
      mFreem(m);
      return EOPNOTSUPP;
    },
    abort: () => {},
    close: () => {},
    sockaddr: () => EOPNOTSUPP,
    peeraddr: () => EOPNOTSUPP,
    ctloutput: () => ENOPROTOOPT,
    ...spec,
  });
}
