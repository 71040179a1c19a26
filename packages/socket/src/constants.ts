// Values of FreeBSD's sys/socket.h, sys/socketvar.h, sys/sockbuf.h, sys/sockstate.h and sys/protosw.h.

export { SO_ACCEPTCONN, SO_REUSEADDR, SO_REUSEPORT, SO_REUSEPORT_LB, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, SOL_SOCKET } from '@ns/inpcb';

/** Option: record debugging information; kept, without effect. @public */
export const SO_DEBUG = 0x1;
/** Option: keep connections alive. @public */
export const SO_KEEPALIVE = 0x8;
/** Option: bypass routing. @public */
export const SO_DONTROUTE = 0x10;
/** Option: may send to broadcast addresses. @public */
export const SO_BROADCAST = 0x20;
/** Option: use the loopback interface where possible; kept, without effect. @public */
export const SO_USELOOPBACK = 0x40;
/** Option: linger on close, a {@link Linger}. @public */
export const SO_LINGER = 0x80;
/** Option: urgent data stays in the stream. @public */
export const SO_OOBINLINE = 0x100;
/** Option: time stamps of datagrams. @public */
export const SO_TIMESTAMP = 0x400;
/** Option: no SIGPIPE; kept, since there are no signals. @public */
export const SO_NOSIGPIPE = 0x800;
/** Option: connections of this socket are not handed to an offload engine. @public */
export const SO_NO_OFFLOAD = 0x4000;
/** Option: no direct data placement. @public */
export const SO_NO_DDP = 0x8000;
/** Option: errors of reception are told. @public */
export const SO_RERROR = 0x20000;
/** Option: bytes of the send buffer. @public */
export const SO_SNDBUF = 0x1001;
/** Option: bytes of the receive buffer. @public */
export const SO_RCVBUF = 0x1002;
/** Option: free bytes at which the socket is writable. @public */
export const SO_SNDLOWAT = 0x1003;
/** Option: bytes at which the socket is readable. @public */
export const SO_RCVLOWAT = 0x1004;
/** Option: send timeout, ms; 0 = none. For faces that block. @public */
export const SO_SNDTIMEO = 0x1005;
/** Option: receive timeout, ms; 0 = none. For faces that block. @public */
export const SO_RCVTIMEO = 0x1006;
/** Option (read only): the pending error, which is cleared. @public */
export const SO_ERROR = 0x1007;
/** Option (read only): SOCK_*. @public */
export const SO_TYPE = 0x1008;
/** Option (read only): limit of the listen queue. @public */
export const SO_LISTENQLIMIT = 0x1011;
/** Option (read only): connections that wait for accept. @public */
export const SO_LISTENQLEN = 0x1012;
/** Option (read only): connections that are not complete. @public */
export const SO_LISTENINCQLEN = 0x1013;
/** Option: routing table. @public */
export const SO_SETFIB = 0x1014;
/** Option: a number for packet filters. @public */
export const SO_USER_COOKIE = 0x1015;
/** Option (read only): protocol number. @public */
export const SO_PROTOCOL = 0x1016;
/** Option: clock of time stamps. @public */
export const SO_TS_CLOCK = 0x1017;
/** Option: bytes a second; kept for pacing senders. @public */
export const SO_MAX_PACING_RATE = 0x1018;
/** Option (read only): address family. @public */
export const SO_DOMAIN = 0x1019;

/** State: no descriptor refers to the socket. @public */
export const SS_NOFDREF = 0x1;
/** State: connected. @public */
export const SS_ISCONNECTED = 0x2;
/** State: connecting. @public */
export const SS_ISCONNECTING = 0x4;
/** State: disconnecting. @public */
export const SS_ISDISCONNECTING = 0x8;
/** State: never blocks; all sockets here. @public */
export const SS_NBIO = 0x100;
/** State: deciding to accept the connection. @public */
export const SS_ISCONFIRMING = 0x400;
/** State: was connected and is not any more. @public */
export const SS_ISDISCONNECTED = 0x2000;
/** State: the socket is gone; only references keep the object. Differs: a bit of this stack. @public */
export const SS_FREED = 0x10000;

/** Buffer state: no more data may be sent. @public */
export const SBS_CANTSENDMORE = 0x10;
/** Buffer state: no more data will come. @public */
export const SBS_CANTRCVMORE = 0x20;
/** Buffer state: the reader stands at the urgent mark. @public */
export const SBS_RCVATMARK = 0x40;

/** Buffer flag: no coalescing of small pieces. @public */
export const SB_NOCOALESCE = 0x200;
/** Buffer flag: an offload engine fills it. @public */
export const SB_IN_TOE = 0x400;
/** Buffer flag: the protocol may change its size. @public */
export const SB_AUTOSIZE = 0x800;

/** Message flag: urgent data. @public */
export const MSG_OOB = 0x1;
/** Message flag: leave the data where they are. @public */
export const MSG_PEEK = 0x2;
/** Message flag: bypass routing for this one. @public */
export const MSG_DONTROUTE = 0x4;
/** Message flag: end of record. @public */
export const MSG_EOR = 0x8;
/** Message flag: the datagram was longer than the buffer; asked for: tell its whole length. @public */
export const MSG_TRUNC = 0x10;
/** Message flag: all that was asked for, or nothing yet. @public */
export const MSG_WAITALL = 0x40;
/** Message flag: do not block; always so. @public */
export const MSG_DONTWAIT = 0x80;
/** Message flag: send, then shut down sending. @public */
export const MSG_EOF = 0x100;
/** Message flag: no SIGPIPE; always so. @public */
export const MSG_NOSIGNAL = 0x20000;

/** Flag of {@link SockProto.send}: urgent data. @public */
export const PRUS_OOB = 0x1;
/** Flag of {@link SockProto.send}: shut down sending afterwards. @public */
export const PRUS_EOF = 0x2;
/** Flag of {@link SockProto.send}: more data follow at once. @public */
export const PRUS_MORETOCOME = 0x4;

/** Protocol flag: messages are sent whole. @public */
export const PR_ATOMIC = 0x1;
/** Protocol flag: messages carry addresses. @public */
export const PR_ADDR = 0x2;
/** Protocol flag: needs a connection. @public */
export const PR_CONNREQUIRED = 0x4;
/** Protocol flag: wants to know when the application has read. @public */
export const PR_WANTRCVD = 0x8;
/** Protocol flag: implied open and close. @public */
export const PR_IMPLOPCL = 0x20;
/**
 * Protocol flag: reads are for streams that have no urgent data to speak of. They run across the urgent mark, and copy everything before anything is freed. FreeBSD has
 * another pr_soreceive for it.
 * @public
 */
export const PR_SORECEIVE_STREAM = 0x10000;

/** {@link soshutdown}: no more reading. @public */
export const SHUT_RD = 0;
/** {@link soshutdown}: no more writing. @public */
export const SHUT_WR = 1;
/** {@link soshutdown}: neither. @public */
export const SHUT_RDWR = 2;

/** Event of an upcall: there is something to read, or the end of it. @public */
export const SO_RCV_READY = 1;
/** Event of an upcall: there is room to write, or no use in waiting for it. @public */
export const SO_SND_READY = 2;
/** Event of an upcall: connected. @public */
export const SO_CONNECTED = 4;
/** Event of an upcall: disconnected, by either side or by an error. @public */
export const SO_DISCONNECTED = 8;
/** Event of an upcall: a connection waits for accept. @public */
export const SO_ACCEPT = 16;
/** Event of an upcall: an error is pending (SO_ERROR). @public */
export const SO_ERROR_EVENT = 32;
