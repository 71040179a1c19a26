/*
 * What an ICMP or ICMPv6 error means to the protocol that sent the packet it is about.
 *
 * Source: FreeBSD sys/protosw.h, PRC_*; netinet/ip_icmp.c, icmp_input() `deliver:`.
 */
import type { InAddr } from './addr.ts';

/** An interface went down. @public */
export const PRC_IFDOWN = 0;
/** Select a new route if there is one. @public */
export const PRC_ROUTEDEAD = 1;
/** An interface came up. @public */
export const PRC_IFUP = 2;
/** Somebody said to slow down (obsolete, RFC 6633: ignored). @public */
export const PRC_QUENCH = 4;
/** The packet is larger than the path takes; `mtu` has what it does take, 0 = unknown. @public */
export const PRC_MSGSIZE = 5;
/** Host appears to be down. @public */
export const PRC_HOSTDEAD = 6;
/** Deprecated form of UNREACH_HOST. @public */
export const PRC_HOSTUNREACH = 7;
/** No route to the network. @public */
export const PRC_UNREACH_NET = 8;
/** No route to the host. @public */
export const PRC_UNREACH_HOST = 9;
/** The destination does not speak the protocol. @public */
export const PRC_UNREACH_PROTOCOL = 10;
/** Nobody listens on the port. @public */
export const PRC_UNREACH_PORT = 11;
/** Source route failed. @public */
export const PRC_UNREACH_SRCFAIL = 13;
/** Network redirect. @public */
export const PRC_REDIRECT_NET = 14;
/** Host redirect. @public */
export const PRC_REDIRECT_HOST = 15;
/** Redirect for TOS and network. @public */
export const PRC_REDIRECT_TOSNET = 16;
/** Redirect for TOS and host. @public */
export const PRC_REDIRECT_TOSHOST = 17;
/** Lifetime expired in transit. @public */
export const PRC_TIMXCEED_INTRANS = 18;
/** Lifetime expired in reassembly. @public */
export const PRC_TIMXCEED_REASS = 19;
/** Header incorrect. @public */
export const PRC_PARAMPROB = 20;
/** Administratively prohibited. @public */
export const PRC_UNREACH_ADMIN_PROHIB = 21;
/** Number of PRC_* codes. @public */
export const PRC_NCMDS = 22;

/** Whether a PRC_* code is a redirect. Source: FreeBSD PRC_IS_REDIRECT(). @public */
export function prcIsRedirect(cmd: number): boolean {
  return cmd >= PRC_REDIRECT_NET && cmd <= PRC_REDIRECT_TOSHOST;
}

/**
 * An ICMP error as transports see it: about a packet that we are said to have sent. Nothing in it is authenticated.
 * @public
 */
export interface IcmpNotice {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** IPPROTO_* of the quoted packet. */
  readonly proto: number;
  /** PRC_*. */
  readonly cmd: number;
  /** The errno that `cmd` means to a socket; 0 = none. */
  readonly errno: number;
  /** MTU of the hop that could not pass the packet, for PRC_MSGSIZE; 0 = not said. */
  readonly mtu: number;
  /** Source of the quoted packet: our address. */
  readonly src: InAddr;
  /** Destination of the quoted packet: the peer. */
  readonly dst: InAddr;
  /** Source port of the quoted transport header: ours; valid if `quoted` >= 4. */
  readonly sport: number;
  /** Destination port of the quoted transport header; valid if `quoted` >= 4. */
  readonly dport: number;
  /** Bytes 4 to 7 of the quoted transport header as int32 (a TCP sequence number); valid if `quoted` >= 8. */
  readonly seq: number;
  /** Bytes 8 to 11 of the quoted transport header as int32: the first that UDP carries; valid if `quoted` >= 16. */
  readonly data0: number;
  /** Bytes 12 to 15, likewise. */
  readonly data1: number;
  /** Bytes of the transport header that are quoted. */
  readonly quoted: number;
  /** Bytes of the whole quoted packet as its own header has it. */
  readonly ipLen: number;
}
