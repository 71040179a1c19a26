import type { if_t } from '@ns/ifnet-kpi';
import { ServiceKey, type Vnet } from '@ns/kern';

/**
 * What a connection is like at one moment: numbers, copied. The record is the caller's, to be filled again and again.
 * Source: FreeBSD netinet/siftr.c, struct pkt_node.
 * @public
 */
export class TcpConnStat {
  /** TCPS_* */
  state = 0;
  /** TF_* */
  flags = 0;
  /** SACK was agreed on. */
  sackPermitted = false;
  /** MSS. */
  mss = 0;
  /** Congestion window. */
  sndCwnd = 0;
  /** Slow start threshold. */
  sndSsthresh = 0;
  /** The window that the peer offers. */
  sndWnd = 0;
  /** Our window. */
  rcvWnd = 0;
  /** Shift of the windows that the peer offers. */
  sndScale = 0;
  /** Shift of ours. */
  rcvScale = 0;
  /** Smoothed round-trip time, microseconds x 32. */
  srtt = 0;
  /** Present retransmission timeout, microseconds. */
  rxtcurUs = 0;
  /** Bytes sent and not acknowledged. */
  inflight = 0;
  /** Runs of bytes in the reassembly queue. */
  segqlen = 0;
  /** Size of the send buffer. */
  sndHiwat = 0;
  /** Bytes in it. */
  sndCc = 0;
  /** Size of the receive buffer. */
  rcvHiwat = 0;
  /** Bytes in it. */
  rcvCc = 0;
  /** Flow hash. */
  flowid = 0;
  /** Kind of flow hash. */
  flowtype = 0;
}

/**
 * Finds the connection of a packet, for modules that see packets and want to know how their connections are.
 * @public
 */
export interface TcpConns {
  /**
   * Fills `stat` with how the connection with this 4-tuple is. Words are int32 in the order of InAddr (IPv4 in the last of each four), `f` the peer, ports in host order; `ifp`: where the packet came in or
   * goes out, for addresses of a link.
   *
   * @returns 0; ENOENT: there is none (a listener and a half-open connection are none); ESRCH: it is over, or in TIME_WAIT
   */
  stat(vnet: Vnet, af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number, ifp: if_t | null, stat: TcpConnStat): number;
}

/** Provided by module `tcp`. @public */
export const TCP_CONNS: ServiceKey<TcpConns> = new ServiceKey<TcpConns>('tcp_conns');
