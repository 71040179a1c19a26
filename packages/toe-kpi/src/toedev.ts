import { EINVAL, ENOTSUP } from '@ns/errno';
import type { if_t } from '@ns/ifnet-kpi';
import { type Mbuf, mFreem } from '@ns/mbuf';
import type { Sockaddr } from '@ns/wire';

/** Brands of the handles below: exist for the type checker only. */
declare const TCPCB_BRAND: unique symbol;
declare const SOCKET_BRAND: unique symbol;
declare const NHOP_BRAND: unique symbol;

/** A connection or listener of TCP, as an offload module holds it: a key to hand back to {@link ToeKpi}. @alpha */
export interface toe_tcpcb {
  /** Does not exist at run time. */
  readonly [TCPCB_BRAND]: true;
}

/** A socket, as an offload module holds it. @alpha */
export interface toe_socket {
  /** Does not exist at run time. */
  readonly [SOCKET_BRAND]: true;
}

/** A next hop, as an offload module holds it. @alpha */
export interface toe_nhop {
  /** Does not exist at run time. */
  readonly [NHOP_BRAND]: true;
}

/** The part of TCP_INFO that a device knows better than the host. @alpha */
export interface ToeTcpInfo {
  /** Smoothed round-trip time. */
  rttUs: number;
  /** Its variance. */
  rttvarUs: number;
  /** Slow start threshold, bytes. */
  sndSsthresh: number;
  /** Congestion window, bytes. */
  sndCwnd: number;
  /** Window of the peer, bytes. */
  sndWnd: number;
  /** Next sequence number expected, int32. */
  rcvNxt: number;
  /** Next sequence number to send, int32. */
  sndNxt: number;
  /** Segments sent again. */
  sndRexmitpack: number;
  /** The device's number of the connection. */
  toeTid: number;
}

/** Direction of a socket option. @alpha */
export const SOPT_GET = 0;
/** Direction of a socket option: written. @alpha */
export const SOPT_SET = 1;

/**
 * The methods of a TCP offload device. TCP never tests whether one is there: {@link initToedev} fills in a safe default for each.
 * None may wait or throw; errors are errno numbers. Source: FreeBSD toecore.h, struct toedev.
 * @alpha
 */
export interface ToeDev {
  /** For people. */
  readonly name: string;
  /** The offload module's own. */
  readonly softc: unknown;
  /** A connection is to be opened: the pcb is connected and in SYN_SENT. 0: the device does it; any error: go on in software. Default ENOTSUP. */
  todConnect(tod: ToeDev, so: toe_socket, nh: toe_nhop, dst: Sockaddr): number;
  /** A listener has begun, or was there when the device registered. Default ENOTSUP. */
  todListenStart(tod: ToeDev, tp: toe_tcpcb): number;
  /** A listener ends. Default ENOTSUP. */
  todListenStop(tod: ToeDev, tp: toe_tcpcb): number;
  /** A segment for an offloaded connection has reached the host, which is unusual. Consumes m. Default: frees it. */
  todInput(tod: ToeDev, tp: toe_tcpcb, m: Mbuf): void;
  /** The user has taken data out of the receive buffer. Default: nothing. */
  todRcvd(tod: ToeDev, tp: toe_tcpcb): void;
  /** Something may be sent. Default ENOTSUP. */
  todOutput(tod: ToeDev, tp: toe_tcpcb): number;
  /** The connection is to be reset. Default ENOTSUP. */
  todSendRst(tod: ToeDev, tp: toe_tcpcb): number;
  /** No more data will come from the user: send the rest, then FIN. Default ENOTSUP. */
  todSendFin(tod: ToeDev, tp: toe_tcpcb): number;
  /** The host is done with the pcb: the last call with this tcpcb. Must give the mark of offload back. Default: nothing. */
  todPcbDetach(tod: ToeDev, tp: toe_tcpcb): void;
  /** A neighbour has changed; `lladdr` null: it is gone. `vtag` 0xfff: no VLAN tag. Default: nothing. */
  todL2Update(tod: ToeDev, ifp: if_t, dst: Sockaddr, lladdr: Uint8Array | null, vtag: number): void;
  /** A redirect has replaced a next hop. Default: nothing. */
  todRouteRedirect(tod: ToeDev, ifp: if_t, from: toe_nhop, to: toe_nhop): void;
  /** A syncache entry was made for what `toeSyncacheAdd` was given; it holds a reference to `ctx`. Default: nothing. */
  todSyncacheAdded(tod: ToeDev, ctx: unknown): void;
  /** The entry is gone; the reference is given back. Default: nothing. */
  todSyncacheRemoved(tod: ToeDev, ctx: unknown): void;
  /** The syncache wants to send `m`, a SYN-ACK, for the first time or again. Consumes m. Default: frees it, 0. */
  todSyncacheRespond(tod: ToeDev, ctx: unknown, m: Mbuf): number;
  /** `toeSyncacheExpand` has made the socket: mark it as offloaded. Default: nothing. */
  todOffloadSocket(tod: ToeDev, ctx: unknown, so: toe_socket): void;
  /** A TCP-level socket option was set or read (SOPT_*). Default: nothing. */
  todCtloutput(tod: ToeDev, tp: toe_tcpcb, dir: number, optname: number): void;
  /** TCP_INFO is asked for. Default: nothing. */
  todTcpInfo(tod: ToeDev, tp: toe_tcpcb, ti: ToeTcpInfo): void;
  /** TLS is to be done on the connection, for one direction (1 receive, 2 send). Default EINVAL. */
  todAllocTlsSession(tod: ToeDev, tp: toe_tcpcb, session: unknown, direction: number): number;
  /** An ICMP message says that segment `seq` (int32) was too big for a link of `mtu`. Default: nothing. */
  todPmtuUpdate(tod: ToeDev, tp: toe_tcpcb, seq: number, mtu: number): void;
}

/** What an offload module gives to make a device: a name, its data, and the methods that it has. @alpha */
export type ToeDevMethods = Pick<ToeDev, 'name' | 'softc'> & Partial<ToeDev>;

const nothing = (): void => {};
const notSupported = (): number => ENOTSUP;

/**
 * Makes a device with a safe default for each method that is not given. Source: FreeBSD init_toedev().
 * @alpha
 */
export function initToedev(m: ToeDevMethods): ToeDev {
  return {
    name: m.name,
    softc: m.softc,
    todConnect: m.todConnect ?? notSupported,
    todListenStart: m.todListenStart ?? notSupported,
    todListenStop: m.todListenStop ?? notSupported,
    todInput: m.todInput ?? ((_tod, _tp, pkt) => mFreem(pkt)),
    todRcvd: m.todRcvd ?? nothing,
    todOutput: m.todOutput ?? notSupported,
    todSendRst: m.todSendRst ?? notSupported,
    todSendFin: m.todSendFin ?? notSupported,
    todPcbDetach: m.todPcbDetach ?? nothing,
    todL2Update: m.todL2Update ?? nothing,
    todRouteRedirect: m.todRouteRedirect ?? nothing,
    todSyncacheAdded: m.todSyncacheAdded ?? nothing,
    todSyncacheRemoved: m.todSyncacheRemoved ?? nothing,
    todSyncacheRespond:
      m.todSyncacheRespond ??
      ((_tod, _ctx, pkt) => {
        mFreem(pkt);
        return 0;
      }),
    todOffloadSocket: m.todOffloadSocket ?? nothing,
    todCtloutput: m.todCtloutput ?? nothing,
    todTcpInfo: m.todTcpInfo ?? nothing,
    todAllocTlsSession: m.todAllocTlsSession ?? (() => EINVAL),
    todPmtuUpdate: m.todPmtuUpdate ?? nothing,
  };
}
