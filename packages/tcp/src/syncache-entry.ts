import { Callout } from '@ns/callout';
import type { InetAf, Inpcb } from '@ns/inpcb';
import type { Socket } from '@ns/socket';
import type { InAddr } from '@ns/wire';
import type { Syncache } from './syncache.ts';

/** Entry flag: no options. Source: FreeBSD SCF_NOOPT. */
export const SCF_NOOPT = 0x01;
/** Entry flag: window scaling was negotiated. */
export const SCF_WINSCALE = 0x02;
/** Entry flag: time stamps were negotiated. */
export const SCF_TIMESTAMP = 0x04;
/** Entry flag: an unreachable message came in. */
export const SCF_UNREACH = 0x10;
/** Entry flag: segments are signed (RFC 2385). */
export const SCF_SIGNATURE = 0x20;
/** Entry flag: SACK was negotiated. */
export const SCF_SACK = 0x80;
/** Entry flag: an ECN-setup SYN was accepted (RFC 3168 §6.1.1). */
export const SCF_ECN = 0x100;

/** A connection that is half open: what must be known to answer, and to build the connection when the ACK comes. Source: FreeBSD struct syncache. */
export class SyncacheEntry {
  next: SyncacheEntry | null;
  readonly af: InetAf;
  readonly laddr: InAddr;
  readonly faddr: InAddr;
  readonly lport: number;
  readonly fport: number;
  /** The peer's port of TCP over UDP, 0: plain TCP. */
  readonly udpPort: number;
  readonly lso: Socket;
  readonly fibnum: number;
  readonly ttl: number;
  readonly tos: number;
  /** Our initial sequence number. */
  iss: number;
  /** The peer's. */
  irs: number;
  /** MSS that the peer offers, 0 = none. */
  peerMss: number;
  /** Window that we advertise, not scaled. */
  wnd: number;
  requestedSScale: number;
  requestedRScale: number;
  /** SCF_*. */
  flags: number;
  /** Time stamp to echo. */
  tsreflect: number;
  tsoff: number;
  /** Challenge ACKs sent, and until when they count. */
  challengeCnt: number;
  challengeEndMs: number;
  /** SYN|ACKs sent again. */
  rxmits: number;
  /** A Fast Open cookie to give with the first SYN|ACK, or null. */
  tfoCookie: Uint8Array | null;
  readonly bucket: number;
  readonly callout: Callout<SyncacheEntry>;
  readonly cache: Syncache;

  constructor(cache: Syncache, af: InetAf, lso: Socket, linp: Inpcb, laddr: InAddr, lport: number, faddr: InAddr, fport: number, udpPort: number, bucket: number) {
    this.next = null;
    this.cache = cache;
    this.af = af;
    this.lso = lso;
    this.laddr = laddr;
    this.lport = lport;
    this.faddr = faddr;
    this.fport = fport;
    this.udpPort = udpPort;
    this.fibnum = linp.fibnum;
    this.ttl = linp.ttl;
    this.tos = linp.tos;
    this.iss = 0;
    this.irs = 0;
    this.peerMss = 0;
    this.wnd = 0;
    this.requestedSScale = 0;
    this.requestedRScale = 0;
    this.flags = 0;
    this.tsreflect = 0;
    this.tsoff = 0;
    this.challengeCnt = 0;
    this.challengeEndMs = 0;
    this.rxmits = 0;
    this.tfoCookie = null;
    this.bucket = bucket;
    this.callout = new Callout<SyncacheEntry>(syncacheTimer, this);
  }
}

function syncacheTimer(sc: SyncacheEntry): void {
  sc.cache.timer(sc);
}
