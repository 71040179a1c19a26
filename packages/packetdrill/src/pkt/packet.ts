import type { TcpOptionSpec } from '../lang/ast.ts';

/** A packet taken apart. Numbers are unsigned. */
export interface Packet {
  /** 4 or 6. */
  readonly af: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  readonly tos: number;
  /** 0 for IPv4. */
  readonly flow: number;
  /** Transport protocol, that inside UDP for TCP in UDP. */
  readonly proto: number;
  /** Ports of the UDP header around a TCP segment. */
  readonly udp: { readonly src: number; readonly dst: number } | null;
  readonly sport: number;
  readonly dport: number;
  readonly tcp: TcpFields | null;
  /** ICMP type and code. */
  readonly icmp: { readonly type: number; readonly code: number } | null;
  readonly payload: Uint8Array;
  /** What is wrong with the packet itself: a checksum, a length. '' = nothing. */
  readonly defect: string;
  /** The packet, from its IP header on. */
  readonly bytes: Uint8Array;
  /** Offset of the TCP header. */
  readonly tcpOff: number;
}

/** A TCP header taken apart. */
export interface TcpFields {
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly win: number;
  readonly urg: number;
  readonly options: readonly TcpOptionSpec[];
  /** Bits 9 to 11 of the flags word. */
  readonly reserved: number;
}

export const TH_FIN = 1;
export const TH_SYN = 2;
export const TH_RST = 4;
export const TH_PUSH = 8;
export const TH_ACK = 16;
