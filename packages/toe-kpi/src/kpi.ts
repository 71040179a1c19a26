import type { if_t } from '@ns/ifnet-kpi';
import { ServiceKey, type Vnet } from '@ns/kern';
import type { Mbuf } from '@ns/mbuf';
import type { InAddr, Sockaddr, TcpHdr } from '@ns/wire';
import type { toe_socket, toe_tcpcb, ToeDev } from './toedev.ts';

/** End points of a connection. Source: FreeBSD struct in_conninfo. @alpha */
export interface ToeConninfo {
  /** Local address. */
  readonly laddr: InAddr;
  /** Foreign address. */
  readonly faddr: InAddr;
  /** Local port. */
  readonly lport: number;
  /** Foreign port. */
  readonly fport: number;
  /** Routing table. */
  readonly fibnum: number;
}

/** Options of a SYN. Source: FreeBSD struct tcpopt. @alpha */
export interface ToeSynOpts {
  /** 0: none. */
  readonly mss: number;
  /** Window shift, -1: none. */
  readonly wscale: number;
  /** SACK may be used. */
  readonly sackPermitted: boolean;
  /** TSval and TSecr, int32; absent: none. */
  readonly tsval?: number;
  /** TSecr of the timestamp option. */
  readonly tsecr?: number;
}

/** What a device needs to know of a connection to take it over. @alpha */
export interface ToeConnParams {
  /** End points. */
  readonly inc: ToeConninfo;
  /** Its vnet. */
  readonly vnet: Vnet;
  /** Largest segment that route and interface allow. */
  readonly mss: number;
  /** Receive window to offer, bytes; and its shift. */
  readonly rcvWnd: number;
  /** Shift of the window that we offer. */
  readonly rcvScale: number;
  /** Timestamps (RFC 7323). */
  readonly timestamps: boolean;
  /** SACK (RFC 2018). */
  readonly sack: boolean;
  /** ECN (RFC 3168). */
  readonly ecn: boolean;
  /** TCP_NODELAY. */
  readonly nodelay: boolean;
  /** SO_KEEPALIVE. */
  readonly keepalive: boolean;
  /** Type of service or traffic class. */
  readonly tos: number;
  /** Time to live or hop limit. */
  readonly ttl: number;
  /** Name of the congestion control algorithm. */
  readonly cc: string;
}

/** What a device has agreed on with the peer. Sequence numbers are int32. @alpha */
export interface ToeEstablished {
  /** Our initial sequence number. */
  readonly iss: number;
  /** The initial sequence number of the peer. */
  readonly irs: number;
  /** Largest segment. */
  readonly mss: number;
  /** Shift of the window of the peer. */
  readonly sndScale: number;
  /** Shift of the window that we offer. */
  readonly rcvScale: number;
  /** Timestamps (RFC 7323). */
  readonly timestamps: boolean;
  /** SACK (RFC 2018). */
  readonly sack: boolean;
  /** First window of the peer, bytes. */
  readonly sndWnd: number;
}

/** Where {@link ToeKpi.toeL2Resolve} puts its answer. @alpha */
export interface ToeL2 {
  /** Six bytes that are filled in. */
  readonly lladdr: Uint8Array;
  /** VLAN id | priority << 13; 0xfff: no tag. */
  vtag: number;
}

/** Result of {@link ToeKpi.toeSyncacheExpand}. @alpha */
export type ToeExpandResult =
  | { readonly verdict: 1; readonly so: toe_socket; readonly tp: toe_tcpcb }
  /** 0: refused, reset the peer; -1: refused, do not. */
  | { readonly verdict: 0 | -1 };

/**
 * What the stack does for offload modules. Belongs to one kernel: `kernel.service(TOE_KPI)`.
 *
 * An offload module owns the wire and the timers of a connection; the host keeps socket, socket buffers and state. Bytes go from the send buffer to the device by
 * reference (`toeSndTake`), stay in the buffer until the device reports them acknowledged (`toeSndAcked`), and come up in mbufs (`toeRcvData`).
 * Source: FreeBSD toecore.h, tcp_offload.h, and what t4_tom does to struct tcpcb and struct socket directly.
 * @alpha
 */
export interface ToeKpi {
  /** Makes a device known; its `todListenStart` is called for each listener there is. EEXIST. */
  registerToedev(tod: ToeDev): number;
  /** ENODEV if it is not known; EBUSY while a connection or listener is on it. */
  unregisterToedev(tod: ToeDev): number;
  /** The device of an interface, or null. Source: TOEDEV(). */
  toedevOf(ifp: if_t): ToeDev | null;
  /** Source: SETTOEDEV(). */
  setToedev(ifp: if_t, tod: ToeDev | null): void;

  /** Link address and VLAN tag of a next hop. EWOULDBLOCK: `todL2Update` comes later; other errors are final. */
  toeL2Resolve(tod: ToeDev, ifp: if_t, dst: Sockaddr, out: ToeL2): number;
  /** 0 if the 4-tuple is free; EADDRINUSE. With `th` a TIME_WAIT connection may make room by the usual rule. */
  toe4tupleCheck(vnet: Vnet, inc: ToeConninfo, th: TcpHdr | null, ifp: if_t): number;
  /** Enters a SYN that the device has received into the syncache of the listener; `ctx` comes back in the tod methods. Returns an errno. */
  toeSyncacheAdd(lso: toe_tcpcb, inc: ToeConninfo, opts: ToeSynOpts, th: TcpHdr, tod: ToeDev, ctx: unknown, tos: number): number;
  /** The handshake is complete: makes the socket. */
  toeSyncacheExpand(lso: toe_tcpcb, inc: ToeConninfo, opts: ToeSynOpts, th: TcpHdr): ToeExpandResult;
  /** An active open has failed. EAGAIN: the host takes the connection back and goes on in software; else it is dropped with the error. */
  toeConnectFailed(tod: ToeDev, tp: toe_tcpcb, errno: number): void;

  /** The connection is now the device's: TF_TOE, timers stopped, `toepcb` kept with it. */
  toeOffload(tp: toe_tcpcb, tod: ToeDev, toepcb: unknown): void;
  /** It is no longer. */
  toeRestore(tp: toe_tcpcb): void;
  /** The `toepcb` of {@link ToeKpi.toeOffload}; null if the connection is not offloaded. */
  toepcbOf(tp: toe_tcpcb): unknown;
  /** The tcpcb of a socket. */
  toeTcpcbOf(so: toe_socket): toe_tcpcb;
  /** What the connection wants. Allocates. */
  toeConnParams(tp: toe_tcpcb): ToeConnParams;
  /** Sequence space and options are what the device agreed on; the connection is ESTABLISHED and the socket connected. */
  toeMakeEstablished(tp: toe_tcpcb, est: ToeEstablished): void;

  /** Bytes in the send buffer that the device has not taken yet. */
  toeSndPending(tp: toe_tcpcb): number;
  /** The next bytes to send, at most `max`, by reference; null if there are none. The caller owns the chain; the bytes stay in the send buffer. */
  toeSndTake(tp: toe_tcpcb, max: number): Mbuf | null;
  /** The peer has acknowledged everything before `sndUna` (int32): drops it from the send buffer and wakes the writer. */
  toeSndAcked(tp: toe_tcpcb, sndUna: number, sndWnd: number): void;
  /** Data has come, in order. Consumes m. ECONNRESET if the socket takes no more. */
  toeRcvData(tp: toe_tcpcb, m: Mbuf): number;
  /** Bytes that the user has taken since the last call: what may be offered again. */
  toeRcvTaken(tp: toe_tcpcb): number;
  /** Room in the receive buffer. */
  toeRcvSpace(tp: toe_tcpcb): number;
  /** The peer has sent FIN; `rcvNxt` is behind it. */
  toePeerClosed(tp: toe_tcpcb, rcvNxt: number): void;
  /** Our FIN is acknowledged. */
  toeFinAcked(tp: toe_tcpcb, sndUna: number): void;
  /** The connection is over by a reset of the peer or an error of the device. */
  toeAborted(tp: toe_tcpcb, errno: number): void;
}

/** Provided by package toe. @alpha */
export const TOE_KPI: ServiceKey<ToeKpi> = new ServiceKey<ToeKpi>('toe-kpi');
