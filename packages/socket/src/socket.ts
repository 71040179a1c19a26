import { INP_LOWPORT, Inpcb } from '@ns/inpcb';
import type { Vnet } from '@ns/kern';
import type { MacLabel } from '@ns/mac-kpi';
import type { Ucred } from '@ns/vnet';
import type { SocketVnet } from './kernel.ts';
import type { SockProto } from './proto.ts';
import { Sockbuf } from './sockbuf.ts';

/** Socket.qstate: in no listen queue. @public */
export const SQ_NONE = 0;
/** Socket.qstate: in the queue of incomplete connections. @public */
export const SQ_INCOMP = 0x800;
/** Socket.qstate: in the queue of connections that wait for accept. @public */
export const SQ_COMP = 0x1000;

/**
 * Who wants to know what happens to a socket.
 * @public
 */
export interface SoUpcall {
  /**
   * Something has happened since the last call: `events` are SO_RCV_READY, SO_SND_READY, SO_CONNECTED, SO_DISCONNECTED, SO_ACCEPT, SO_ERROR_EVENT. Runs from the
   * kernel's software interrupt, never from inside a protocol; may call any socket function. Must not throw.
   */
  soupcall(so: Socket, events: number): void;
}

/** Queue of sockets by `qnext` and `qprev`, oldest first. @public */
export class SockQueue {
  /** The oldest. */
  head: Socket | null;
  /** The youngest. */
  tail: Socket | null;
  /** Sockets in the queue. */
  len: number;

  constructor() {
    this.head = null;
    this.tail = null;
    this.len = 0;
  }

  /** Appends a socket that is in no queue. */
  push(so: Socket): void {
    so.qprev = this.tail;
    so.qnext = null;
    if (this.tail === null) this.head = so;
    else this.tail.qnext = so;
    this.tail = so;
    this.len++;
  }

  /** Takes a socket out, wherever it stands. */
  remove(so: Socket): void {
    if (so.qprev === null) this.head = so.qnext;
    else so.qprev.qnext = so.qnext;
    if (so.qnext === null) this.tail = so.qprev;
    else so.qnext.qprev = so.qprev;
    so.qnext = null;
    so.qprev = null;
    this.len--;
  }
}

/**
 * What only a listening socket has.
 * Source: FreeBSD sys/socketvar.h, the listening part of struct socket.
 * @public
 */
export class ListenState {
  /** Connections that are not complete. */
  readonly incomp: SockQueue;
  /** Connections that wait for accept. */
  readonly comp: SockQueue;
  /** Limit of the queue: the backlog, within kern.ipc.soacceptqueue. */
  qlimit: number;
  /** Connections refused because the queue was too long, since the last line in the log. */
  overcount: number;
  /** When that line was written, µs; -1 = never. */
  lastoverUs: number;

  constructor(qlimit: number) {
    this.incomp = new SockQueue();
    this.comp = new SockQueue();
    this.qlimit = qlimit;
    this.overcount = 0;
    this.lastoverUs = -1;
  }

  /** Connections that wait for accept. */
  get qlen(): number {
    return this.comp.len;
  }

  /** Connections that are not complete. */
  get incqlen(): number {
    return this.incomp.len;
  }
}

/**
 * A socket: what programs hold of a conversation, and the place where data wait on their way in and out.
 *
 * Made by `socreate` and, for connections that a listener gets, by `sonewconn`. It lives until its last reference is given back (`sorele`); the descriptor is one.
 * Source: FreeBSD sys/socketvar.h, struct socket.
 * @public
 */
export class Socket {
  /** SOCK_*. */
  readonly type: number;
  /** SO_* bits. */
  options: number;
  /** Seconds of SO_LINGER. */
  linger: number;
  /** SS_*. */
  state: number;
  /** Its vnet's account of sockets. */
  readonly sv: SocketVnet;
  /** Who made it. */
  readonly cred: Ucred;
  /** Its protocol. */
  readonly proto: SockProto;
  /** Protocol number asked for; for raw sockets what they receive. */
  readonly protocol: number;
  /** The protocol's control block: an Inpcb. */
  pcb: unknown;
  /** Pending error, told once. */
  error: number;
  /** Routing table. */
  fibnum: number;
  /** Received and not read. */
  readonly rcv: Sockbuf;
  /** Written and not sent, or not acknowledged. */
  readonly snd: Sockbuf;
  /** Bytes in front of the urgent mark in `rcv`; 0 = none. */
  oobmark: number;
  /** The listener in whose queue it is. */
  head: Socket | null;
  /** SQ_*. */
  qstate: number;
  /** Next in a listen queue. */
  qnext: Socket | null;
  /** Previous in a listen queue. */
  qprev: Socket | null;
  /** Null unless it listens. */
  listen: ListenState | null;
  /** Who is told what happens. */
  upcall: SoUpcall | null;
  /** Events that wait to be told. */
  upcallEvents: number;
  /** Next in the queue of upcalls, itself at the end; null = not queued. */
  upcallNext: Socket | null;
  /** References. */
  count: number;
  /** Why the last receiving call gave null: 0 = end of data. */
  rcvErrno: number;
  /** SO_USER_COOKIE. */
  userCookie: number;
  /** SO_MAX_PACING_RATE. */
  maxPacingRate: number;
  /** What policies of access control have noted of it; null = nothing. */
  label: MacLabel | null;

  /** Made by {@link socreate} and {@link sonewconn} only. */
  constructor(sv: SocketVnet, proto: SockProto, protocol: number, cred: Ucred) {
    this.type = proto.type;
    this.options = 0;
    this.linger = 0;
    this.state = 0;
    this.sv = sv;
    this.cred = cred;
    this.proto = proto;
    this.protocol = protocol;
    this.pcb = null;
    this.error = 0;
    this.fibnum = 0;
    this.rcv = new Sockbuf();
    this.snd = new Sockbuf();
    this.oobmark = 0;
    this.head = null;
    this.qstate = SQ_NONE;
    this.qnext = null;
    this.qprev = null;
    this.listen = null;
    this.upcall = null;
    this.upcallEvents = 0;
    this.upcallNext = null;
    this.count = 1;
    this.rcvErrno = 0;
    this.userCookie = 0;
    this.maxPacingRate = 0;
    this.label = null;
  }

  /** The vnet that it was made in. */
  get vnet(): Vnet {
    return this.sv.vnet;
  }

  /** AF_INET or AF_INET6. */
  get domain(): number {
    return this.proto.domain;
  }

  /** Whether a port that the stack chooses for it is a reserved one (IP_PORTRANGE_LOW). */
  get lowport(): boolean {
    return this.pcb instanceof Inpcb && (this.pcb.flags & INP_LOWPORT) !== 0;
  }
}
