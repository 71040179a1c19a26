// @hot
import { TagKey } from '@ns/mbuf';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, TH_ACK, TH_FIN, TH_RST, TH_SYN } from '@ns/wire';
import type { PfPacket } from './packet.ts';

/** How far one end of a connection is, as the filter sees it. Values are those of TCPS_*. */
export const END_CLOSED = 0;
/** It has sent a SYN, or anything at all for what is not TCP. */
export const END_SENT = 2;
/** Its SYN was acknowledged; or it has answered. */
export const END_ESTABLISHED = 4;
/** It has sent a FIN. */
export const END_CLOSING = 6;
/** Its FIN was acknowledged. */
export const END_FIN_WAIT_2 = 9;
/** Reset. */
export const END_TIME_WAIT = 10;

/** Timeouts, seconds. Names and defaults are those of pf.conf(5). */
export class PfTimeouts {
  tcpFirst = 120;
  tcpOpening = 30;
  tcpEstablished = 86400;
  tcpClosing = 900;
  tcpFinwait = 45;
  tcpClosed = 90;
  udpFirst = 60;
  udpSingle = 30;
  udpMultiple = 60;
  icmpFirst = 20;
  otherFirst = 60;
  otherSingle = 30;
  otherMultiple = 60;
  frag = 60;
}

/**
 * One flow, from who began it (`src`) to who was spoken to. Times are whole seconds of the kernel's clock.
 * @public
 */
export class PfState {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** IPPROTO_*. */
  readonly proto: number;
  /** Who began it, word 0. */
  readonly src0: number;
  /** Word 1. */
  readonly src1: number;
  /** Word 2. */
  readonly src2: number;
  /** Word 3: the whole of an IPv4 address. */
  readonly src3: number;
  /** Who was spoken to, word 0. */
  readonly dst0: number;
  /** Word 1. */
  readonly dst1: number;
  /** Word 2. */
  readonly dst2: number;
  /** Word 3. */
  readonly dst3: number;
  /** Port of who began it, or ICMP identifier. */
  readonly sport: number;
  /** Port of who was spoken to, or ICMP identifier. */
  readonly dport: number;
  /** Began with a packet that came in. */
  readonly incoming: boolean;
  /** How far who began it is: TCPS_* as a filter sees them. */
  srcEnd: number;
  /** How far the other is. */
  dstEnd: number;
  /** When it was made. */
  readonly made: number;
  /** When it ends if no packet comes. */
  expire: number;
  /** Packets. */
  packets: number;
  /** Bytes, of IP packets. */
  bytes: number;
  /** Its bucket in the table; -1 once it is out. */
  bucket: number;
  /** The next in its bucket. */
  next: PfState | null;

  constructor(p: PfPacket, incoming: boolean, now: number) {
    this.af = p.af;
    this.proto = p.proto;
    this.src0 = p.src0;
    this.src1 = p.src1;
    this.src2 = p.src2;
    this.src3 = p.src3;
    this.dst0 = p.dst0;
    this.dst1 = p.dst1;
    this.dst2 = p.dst2;
    this.dst3 = p.dst3;
    this.sport = p.sport;
    this.dport = p.dport;
    this.incoming = incoming;
    this.srcEnd = END_CLOSED;
    this.dstEnd = END_CLOSED;
    this.made = now;
    this.expire = now;
    this.packets = 0;
    this.bytes = 0;
    this.bucket = -1;
    this.next = null;
  }
}

/** The state that a packet was found to belong to, kept on the packet: it goes when the packet becomes one of another flow. Source: FreeBSD pf_mtag.h, struct pf_mtag, `statekey`. */
export const PF_STATE_LINK: TagKey<PfState> = new TagKey<PfState>('pf_state', false, true);

/** The packet goes from who began it to the other. */
export const DIR_FORWARD = 1;
/** It goes back. */
export const DIR_BACK = 2;

/** Whether, and which way, a packet belongs to a state: DIR_*, or 0. */
export function pfStateDir(s: PfState, p: PfPacket): number {
  if (s.proto !== p.proto || s.af !== p.af) return 0;
  if (s.sport === p.sport && s.dport === p.dport && s.src3 === p.src3 && s.dst3 === p.dst3 && s.src2 === p.src2 && s.dst2 === p.dst2 && s.src1 === p.src1 && s.dst1 === p.dst1 && s.src0 === p.src0 && s.dst0 === p.dst0) {
    return DIR_FORWARD;
  }
  if (s.sport === p.dport && s.dport === p.sport && s.src3 === p.dst3 && s.dst3 === p.src3 && s.src2 === p.dst2 && s.dst2 === p.src2 && s.src1 === p.dst1 && s.dst1 === p.src1 && s.src0 === p.dst0 && s.dst0 === p.src0) {
    return DIR_BACK;
  }
  return 0;
}

/** Whether both ends of a connection have gone, so that a SYN begins another one. */
export function pfStateOver(s: PfState): boolean {
  return s.srcEnd >= END_FIN_WAIT_2 && s.dstEnd >= END_FIN_WAIT_2;
}

/** What a packet does to its state: how far the ends are, and when it expires. Source: FreeBSD pf.c, pf_tcp_track_sloppy(), pf_test_state(). */
export function pfTrack(s: PfState, p: PfPacket, dir: number, now: number, t: PfTimeouts): void {
  if (s.proto === IPPROTO_TCP) trackTcp(s, p.flags, dir);
  else if (dir === DIR_FORWARD) s.srcEnd = s.dstEnd === END_CLOSED ? END_SENT : END_ESTABLISHED;
  else s.dstEnd = END_ESTABLISHED;
  s.expire = now + timeoutOf(s, t);
}

function trackTcp(s: PfState, flags: number, dir: number): void {
  let mine = dir === DIR_FORWARD ? s.srcEnd : s.dstEnd;
  let peer = dir === DIR_FORWARD ? s.dstEnd : s.srcEnd;
  if ((flags & TH_SYN) !== 0 && mine < END_SENT) mine = END_SENT;
  if ((flags & TH_FIN) !== 0 && mine < END_CLOSING) mine = END_CLOSING;
  if ((flags & TH_ACK) !== 0) {
    if (peer === END_SENT) peer = END_ESTABLISHED;
    else if (peer === END_CLOSING) peer = END_FIN_WAIT_2;
    else if (peer < END_SENT && (flags & TH_SYN) === 0) {
      peer = END_ESTABLISHED; // a connection that is older than the filter
      if (mine < END_ESTABLISHED) mine = END_ESTABLISHED;
    }
  }
  if ((flags & TH_RST) !== 0) {
    mine = END_TIME_WAIT;
    peer = END_TIME_WAIT;
  }
  s.srcEnd = dir === DIR_FORWARD ? mine : peer;
  s.dstEnd = dir === DIR_FORWARD ? peer : mine;
}

function timeoutOf(s: PfState, t: PfTimeouts): number {
  const srcEnd = s.srcEnd;
  const dstEnd = s.dstEnd;
  switch (s.proto) {
    case IPPROTO_TCP:
      if (srcEnd >= END_FIN_WAIT_2 && dstEnd >= END_FIN_WAIT_2) return t.tcpClosed;
      if (srcEnd >= END_CLOSING && dstEnd >= END_CLOSING) return t.tcpFinwait;
      if (dstEnd === END_CLOSED) return t.tcpFirst;
      if (srcEnd < END_ESTABLISHED || dstEnd < END_ESTABLISHED) return t.tcpOpening;
      return srcEnd >= END_CLOSING || dstEnd >= END_CLOSING ? t.tcpClosing : t.tcpEstablished;
    case IPPROTO_UDP:
      return dstEnd === END_CLOSED ? t.udpFirst : srcEnd < END_ESTABLISHED ? t.udpSingle : t.udpMultiple;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return t.icmpFirst;
    default:
      return dstEnd === END_CLOSED ? t.otherFirst : srcEnd < END_ESTABLISHED ? t.otherSingle : t.otherMultiple;
  }
}
