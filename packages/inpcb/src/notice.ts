import { ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EMSGSIZE, ENOPROTOOPT } from '@ns/errno';
import type { Vnet } from '@ns/kern';
import { AF_INET, type IcmpQuote, type InAddr, inAddr4, inAddr6In } from '@ns/wire';

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

const inetctlerrmap: readonly number[] = [
  0, 0, 0, 0, 0, EMSGSIZE, EHOSTDOWN, EHOSTUNREACH,
  EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, ECONNREFUSED, EMSGSIZE, EHOSTUNREACH, 0, 0,
  0, 0, EHOSTUNREACH, 0, ENOPROTOOPT, ECONNREFUSED,
];

/** The errno that a PRC_* code means to a socket; 0 = none. Source: FreeBSD ip_input.c, inetctlerrmap[]. @public */
export function inetCtlErrmap(cmd: number): number {
  return inetctlerrmap[cmd] ?? 0;
}

/** Whether a PRC_* code is a redirect. Source: FreeBSD PRC_IS_REDIRECT(). @public */
export function prcIsRedirect(cmd: number): boolean {
  return cmd >= PRC_REDIRECT_NET && cmd <= PRC_REDIRECT_TOSHOST;
}

/**
 * An ICMP error as transports see it: about a packet that this stack is said to have sent. Nothing in it is authenticated.
 * @public
 */
export interface IcmpNotice {
  /** The stack that it came to. */
  readonly vnet: Vnet;
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** IPPROTO_* of the quoted packet. */
  readonly proto: number;
  /** PRC_*. */
  readonly cmd: number;
  /** {@link inetCtlErrmap} of cmd. */
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

/**
 * The notice of an error that quotes `q`, of either family; `zone` is the link it came in on.
 * @public
 */
export class QuoteNotice implements IcmpNotice {
  /** {@inheritDoc IcmpNotice.vnet} */
  readonly vnet: Vnet;
  /** {@inheritDoc IcmpNotice.af} */
  readonly af: number;
  /** {@inheritDoc IcmpNotice.proto} */
  readonly proto: number;
  /** {@inheritDoc IcmpNotice.cmd} */
  readonly cmd: number;
  /** {@inheritDoc IcmpNotice.errno} */
  readonly errno: number;
  /** {@inheritDoc IcmpNotice.mtu} */
  readonly mtu: number;
  /** {@inheritDoc IcmpNotice.src} */
  readonly src: InAddr;
  /** {@inheritDoc IcmpNotice.dst} */
  readonly dst: InAddr;
  /** {@inheritDoc IcmpNotice.sport} */
  readonly sport: number;
  /** {@inheritDoc IcmpNotice.dport} */
  readonly dport: number;
  /** {@inheritDoc IcmpNotice.seq} */
  readonly seq: number;
  /** {@inheritDoc IcmpNotice.data0} */
  readonly data0: number;
  /** {@inheritDoc IcmpNotice.data1} */
  readonly data1: number;
  /** {@inheritDoc IcmpNotice.quoted} */
  readonly quoted: number;
  /** {@inheritDoc IcmpNotice.ipLen} */
  readonly ipLen: number;

  constructor(vnet: Vnet, cmd: number, mtu: number, q: IcmpQuote, zone: number) {
    this.vnet = vnet;
    this.af = q.af;
    this.proto = q.proto;
    this.cmd = cmd;
    this.errno = inetCtlErrmap(cmd);
    this.mtu = mtu;
    this.src = q.af === AF_INET ? inAddr4(q.src3) : inAddr6In(q.src0, q.src1, q.src2, q.src3, zone);
    this.dst = q.af === AF_INET ? inAddr4(q.dst3) : inAddr6In(q.dst0, q.dst1, q.dst2, q.dst3, zone);
    this.sport = q.sport;
    this.dport = q.dport;
    this.seq = q.seq;
    this.data0 = q.data0;
    this.data1 = q.data1;
    this.quoted = q.l4len;
    this.ipLen = q.iplen;
  }
}
