/*
 * Options of level IPPROTO_TCP. Values are FreeBSD's netinet/tcp.h.
 */

/** Do not delay small segments (Nagle). @public */
export const TCP_NODELAY = 1;
/** The MSS: get the present one; set an upper bound. @public */
export const TCP_MAXSEG = 2;
/** Do not push the last, partial segment. @public */
export const TCP_NOPUSH = 4;
/** Send no options, and take none. @public */
export const TCP_NOOPT = 8;
/** Sign segments, and take signed ones only (RFC 2385): with a module that has keys, else ENOPROTOOPT. @public */
export const TCP_MD5SIG = 16;
/** {@link TcpInfo} of the connection (get only). @public */
export const TCP_INFO = 32;
/** Congestion control algorithm, by name. @public */
export const TCP_CONGESTION = 64;
/** An option of that algorithm, a `CcSockopt` of `@ns/cc-kpi`. @public */
export const TCP_CCALGOOPT = 65;
/** Longest time that sent data may stay unacknowledged, seconds; 0 = no limit. @public */
export const TCP_MAXUNACKTIME = 68;
/** The peer's port of TCP over UDP, 0 = plain TCP: set before the connection begins, and with `net.inet.tcp.udp_tunneling_port` set. @public */
export const TCP_REMOTE_UDP_ENCAPS_PORT = 71;
/** Limit for establishing, seconds. @public */
export const TCP_KEEPINIT = 128;
/** Silence before the first keepalive probe, seconds. @public */
export const TCP_KEEPIDLE = 256;
/** Time between probes, seconds. @public */
export const TCP_KEEPINTVL = 512;
/** Probes before the connection is dropped. @public */
export const TCP_KEEPCNT = 1024;
/**
 * TCP Fast Open (RFC 7413): a number or a {@link TcpFastopen}. Before the first `sendto` with an address: data go with the SYN once the server has given a cookie. Listeners take such
 * data. To get: whether it is on, and for a connection whether it was opened so.
 * @public
 */
export const TCP_FASTOPEN = 1025;
/** The TCP stack of the connection, a {@link TcpFunctionSet}. @public */
export const TCP_FUNCTION_BLK = 8192;

/** Value of TCP_FASTOPEN with a pre-shared key. Source: FreeBSD netinet/tcp.h, struct tcp_fastopen. @public */
export interface TcpFastopen {
  /** On, or off. */
  readonly enable: boolean | number;
  /** 16 bytes that the server has as well (sysctl `net.inet.tcp.fastopen.setpsk`); for connecting. Copied. */
  readonly psk?: Uint8Array;
}

/** Value of TCP_FUNCTION_BLK. @public */
export interface TcpFunctionSet {
  /** Name of the stack. */
  readonly functionSetName: string;
  /** Connections that use it. */
  readonly pcbcnt: number;
}

/** {@link TcpInfo.options} bit: time stamps. @public */
export const TCPI_OPT_TIMESTAMPS = 0x01;
/** {@link TcpInfo.options} bit: SACK. @public */
export const TCPI_OPT_SACK = 0x02;
/** {@link TcpInfo.options} bit: window scaling. @public */
export const TCPI_OPT_WSCALE = 0x04;
/** {@link TcpInfo.options} bit: ECN. @public */
export const TCPI_OPT_ECN = 0x08;
/** {@link TcpInfo.options} bit: offloaded. @public */
export const TCPI_OPT_TOE = 0x10;
/** {@link TcpInfo.options} bit: Fast Open. @public */
export const TCPI_OPT_TFO = 0x20;

/**
 * Facts about a connection (TCP_INFO): the fields of struct tcp_info that have a value, without their prefix. Times in microseconds, sizes in bytes, sequence numbers as
 * unsigned 32-bit numbers.
 * Source: FreeBSD netinet/tcp.h, struct tcp_info.
 * @public
 */
export interface TcpInfo {
  /** TCPS_* */
  readonly state: number;
  /** TCPI_OPT_* */
  readonly options: number;
  /** Window shift of the peer. */
  readonly sndWscale: number;
  /** Our own. */
  readonly rcvWscale: number;
  /** Retransmission timeout. */
  readonly rto: number;
  /** MSS for sending. */
  readonly sndMss: number;
  /** MSS for receiving. */
  readonly rcvMss: number;
  /** Time since data or anything else came in. */
  readonly lastDataRecv: number;
  /** Smoothed round-trip time. */
  readonly rtt: number;
  /** Its mean deviation. */
  readonly rttvar: number;
  /** Shortest round trip seen. */
  readonly rttmin: number;
  /** Slow start threshold. */
  readonly sndSsthresh: number;
  /** Congestion window. */
  readonly sndCwnd: number;
  /** Free space of the receive window. */
  readonly rcvSpace: number;
  /** Peer's window. */
  readonly sndWnd: number;
  /** Always 0: what it once said is not estimated any more. */
  readonly sndBwnd: 0;
  /** Next sequence number to send. */
  readonly sndNxt: number;
  /** Next sequence number expected. */
  readonly rcvNxt: number;
  /** Connection number in the offload engine, 0 = none. */
  readonly toeTid: number;
  /** Segments sent again. */
  readonly sndRexmitpack: number;
  /** Segments received out of order. */
  readonly rcvOoopack: number;
  /** Zero windows sent. */
  readonly sndZerowin: number;
  /** Segments received with a CE mark on a connection with ECN (r.cep of RFC 9768, counted from 0; accurate ECN is not negotiated). */
  readonly receivedCe: number;
  /** Payload bytes received in ECT(1), ECT(0) and CE marked segments (r.e1b, r.e0b, r.ceb). */
  readonly receivedE1Bytes: number;
  /** The same for ECT(0). */
  readonly receivedE0Bytes: number;
  /** The same for CE. */
  readonly receivedCeBytes: number;
  /** Tail loss probes sent. */
  readonly totalTlp: number;
  /** Bytes of them. */
  readonly totalTlpBytes: number;
  /** Oldest sequence number not acknowledged. */
  readonly sndUna: number;
  /** Highest sequence number sent. */
  readonly sndMax: number;
  /** SACK blocks to report. */
  readonly rcvNumsacks: number;
  /** Right edge of the window that was advertised. */
  readonly rcvAdv: number;
  /** Duplicate ACKs in a row. */
  readonly dupacks: number;
}
