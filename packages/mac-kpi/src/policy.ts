import type { InAddr, Sockaddr } from '@ns/wire';
import type { MacObject, MacSlot } from './label.ts';

/** Version of {@link MacPolicy}. Source: FreeBSD security/mac/mac_policy.h, MAC_VERSION, which counts its own. @public */
export const MAC_VERSION = 1;

/** Load-time flag: the policy must know all sockets from the first, so it is refused (EBUSY) when there are sockets already. @public */
export const MPC_LOADTIME_FLAG_NOTLATE = 0x1;
/** Load-time flag: the policy may be unloaded. Without it, it stays until the kernel goes. @public */
export const MPC_LOADTIME_FLAG_UNLOADOK = 0x2;

/**
 * What a policy sees of a jail.
 * @public
 */
export interface MacJail {
  /** Number. */
  readonly jid: number;
  /** Full name. It can change. */
  readonly name: string;
  /** Permissions (`allow.*`), by name. */
  readonly allow: Readonly<Record<string, boolean>>;
}

/**
 * What a policy sees of a credential: on whose behalf something is done. Immutable and shared by identity.
 * @public
 */
export interface MacCred {
  /** User; 0 is the superuser. */
  readonly uid: number;
  /** Routing table of the process. */
  readonly fibnum: number;
  /** The jail that the user is in; null for the host. */
  readonly jail: MacJail | null;
}

/**
 * What a policy sees of a socket. Not to be changed, except for its own label by a {@link MacSlot}.
 * @public
 */
export interface MacSocket extends MacObject {
  /** AF_INET or AF_INET6. */
  readonly domain: number;
  /** SOCK_*: 1 stream, 2 datagram, 3 raw. */
  readonly type: number;
  /** IPPROTO_*. */
  readonly protocol: number;
  /** Routing table. */
  readonly fibnum: number;
  /** Who made it. */
  readonly cred: MacCred;
  /** Whether a port that the stack chooses for it is a reserved one (IP_PORTRANGE_LOW). */
  readonly lowport: boolean;
}

/**
 * What a policy sees of a protocol control block: one end of a conversation, which may have outlived its socket. Ports in host order.
 * @public
 */
export interface MacInpcb {
  /** Who opened it. */
  readonly cred: MacCred;
  /** Local address. */
  readonly laddr: InAddr;
  /** Local port; 0 = none. */
  readonly lport: number;
  /** Foreign address. */
  readonly faddr: InAddr;
  /** Foreign port; 0 = none. */
  readonly fport: number;
}

/**
 * What a policy may be asked. Each method is a question before something is done: 0 allows, an errno refuses. All policies are asked, and `macErrorSelect` decides
 * between their errnos. They run inside the call that they are about, the data path's too: they must not call the socket layer, and must not throw. An answer that is none
 * (a throw, no number, EWOULDBLOCK or EINPROGRESS, which tell a caller to come back) refuses with EACCES and is counted in the sysctl `security.mac.faults`.
 *
 * `cred` is who asks. For listen, accept, send and receive that is who made the socket.
 * Source: FreeBSD security/mac/mac_policy.h, struct mac_policy_ops.
 * @public
 */
export interface MacHooks {
  /** May `cred` see what belongs to `other` (half-open connections in netstat)? ESRCH hides. */
  credCheckVisible(cred: MacCred, other: MacCred): number;
  /** May `cred` see this pcb in netstat and sockstat? ENOENT hides. */
  inpcbCheckVisible(cred: MacCred, inp: MacInpcb): number;
  /** May `cred` take a connection from listener `so`? Asked before one is taken: it stays in the queue. */
  socketCheckAccept(cred: MacCred, so: MacSocket): number;
  /** May `cred` bind `so` to `addr`? Port 0, and the unspecified address, leave the choice to the stack. Not asked for a port that connecting chooses. */
  socketCheckBind(cred: MacCred, so: MacSocket, addr: Sockaddr): number;
  /** May `cred` connect `so` to `addr`, or send a datagram there? */
  socketCheckConnect(cred: MacCred, so: MacSocket, addr: Sockaddr): number;
  /** May `cred` make a socket? Asked before there is one; `protocol` 0 = the default of the type. */
  socketCheckCreate(cred: MacCred, domain: number, type: number, protocol: number): number;
  /** May `cred` let `so` listen, or give it another backlog? */
  socketCheckListen(cred: MacCred, so: MacSocket): number;
  /** May `cred` read from `so`? Asked for each call, whether there is anything to read or not. */
  socketCheckReceive(cred: MacCred, so: MacSocket): number;
  /** May `cred` write to `so`? Asked for each call; one that names an address has asked {@link MacHooks.socketCheckConnect} first. */
  socketCheckSend(cred: MacCred, so: MacSocket): number;
  /** May `cred` see this socket in netstat and sockstat? ENOENT hides. */
  socketCheckVisible(cred: MacCred, so: MacSocket): number;
  /**
   * A socket was made: time to label it. Runs when the network stack has set it up (its routing table is there) and before the protocol attaches; an errno still refuses it.
   * Differs: FreeBSD's mac_socket_create() cannot refuse.
   */
  socketCreate(cred: MacCred, so: MacSocket): number;
  /** A connection has come in at listener `head` and has `so` for its socket: time to label it. An errno refuses the connection. */
  socketNewconn(head: MacSocket, so: MacSocket): number;
  /** A socket with a label goes, or never came to life: give back what the label holds. */
  socketDestroyLabel(so: MacSocket): void;
}

/** Names of the {@link MacHooks}. @public */
export const MAC_HOOKS: readonly (keyof MacHooks)[] = Object.freeze([
  'credCheckVisible',
  'inpcbCheckVisible',
  'socketCheckAccept',
  'socketCheckBind',
  'socketCheckConnect',
  'socketCheckCreate',
  'socketCheckListen',
  'socketCheckReceive',
  'socketCheckSend',
  'socketCheckVisible',
  'socketCreate',
  'socketNewconn',
  'socketDestroyLabel',
]);

/**
 * A policy: who it is, and those of the {@link MacHooks} that it wants to be asked. Object literal or class instance, one for each kernel.
 * Source: FreeBSD security/mac/mac_policy.h, struct mac_policy_conf.
 * @public
 */
export interface MacPolicy extends Partial<MacHooks> {
  /** Name of its module: `mac_portacl`. Unique in a kernel. */
  readonly name: string;
  /** For people. */
  readonly fullname: string;
  /** {@link MAC_VERSION} that it was written for. */
  readonly version: typeof MAC_VERSION;
  /** MPC_LOADTIME_FLAG_*; default 0. */
  readonly loadtimeFlags?: number;
  /** Where it keeps its part of the labels of sockets, if it has any. */
  readonly slot?: MacSlot<unknown>;
  /** The policy is asked nothing any more. Labels of sockets that live are lost without {@link MacHooks.socketDestroyLabel}. */
  destroy?(): void;
}
