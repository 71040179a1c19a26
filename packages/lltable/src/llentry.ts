import { type Mbuf, mFreem } from '@ns/mbuf';
import type { InAddr } from '@ns/wire';
import type { Lltable } from './lltable.ts';

/** Llentry flag: taken out of its table; whoever still holds the entry must let go of it. @public */
export const LLE_DELETED = 0x0001;
/** Llentry flag: entered by an administrator, never expires. @public */
export const LLE_STATIC = 0x0002;
/** Llentry flag: stands for an address of this system. @public */
export const LLE_IFADDR = 0x0004;
/** Llentry flag: the link-layer header is ready for use. @public */
export const LLE_VALID = 0x0008;
/** Llentry flag: learnt from a redirect. @public */
export const LLE_REDIRECT = 0x0010;
/** Llentry flag: published: answered for on behalf of somebody else (proxy ARP). @public */
export const LLE_PUB = 0x0020;
/** Llentry flag: in its table. @public */
export const LLE_LINKED = 0x0040;

/** Entry state: asked for, no answer yet. The neighbour protocol that owns the table may have further states. @public */
export const LLSTATE_INCOMPLETE = 0;
/** Entry state: the address is known and believed. @public */
export const LLSTATE_REACHABLE = 1;

/** Bytes of a link-layer address. @public */
export const LLE_ADDR_LEN = 6;
/** Bytes of a ready-made Ethernet header. @public */
export const LLE_HDR_LEN = 14;

/**
 * One neighbour: its network address, its link-layer address once that is known, the ready-made link header, and the packets that wait for it.
 *
 * While {@link LLE_VALID} is set the header may be used by anybody who holds the entry; when the address changes or the entry goes, the flag is cleared or
 * the header rewritten in place, so a cached reference never sends to a stale address.
 * Source: FreeBSD if_llatbl.h, struct llentry.
 * @public
 */
export class Llentry {
  /** Network address of the neighbour. */
  readonly addr: InAddr;
  /** The table that it belongs to, or belonged to. */
  readonly tbl: Lltable;
  /** LLE_*. */
  flags: number;
  /** LLSTATE_*, or a further state of the neighbour protocol. */
  state: number;
  /** Link-layer address; meaningful with LLE_VALID. */
  readonly lladdr: Uint8Array;
  /** Destination, source and type, ready to be put in front of a packet; meaningful with LLE_VALID. */
  readonly l2hdr: Uint8Array;
  /** Bytes 0 to 3 of `l2hdr` as int32. */
  h0: number;
  /** Bytes 4 to 7 of `l2hdr` as int32. */
  h1: number;
  /** Bytes 8 to 11 of `l2hdr` as int32. */
  h2: number;
  /** Bytes 12 and 13 of `l2hdr`. */
  h3: number;
  /** Kernel time (µs) at which the entry stops being believed; 0 for never. */
  expireUs: number;
  /** Requests sent since the last answer. */
  asked: number;
  /** Unicast requests left before an entry in use expires. */
  preempt: number;
  /** 1 asks the output path to note the next use in `hitUs` ({@link llentryProvideFeedback}). */
  skipReq: number;
  /** Kernel time (µs) of the last use that was asked for. */
  hitUs: number;
  /** The neighbour is a router (neighbour discovery). */
  isRouter: boolean;
  /** Changes with every change of link-layer address or validity: for those who program it into hardware. */
  gen: number;
  /** Packets waiting for an answer. */
  numHeld: number;
  private holdHead: Mbuf | null;
  private holdTail: Mbuf | null;
  /** What the neighbour protocol keeps for this entry (its timer). */
  timer: unknown;
  /** Next in the hash chain; for the table. */
  hashNext: Llentry | null;
  /** Next younger entry; for the table. */
  ageNext: Llentry | null;
  /** Next older entry; for the table. */
  agePrev: Llentry | null;
  /** Next younger unresolved entry; for the table. */
  waitNext: Llentry | null;
  /** Next older unresolved entry; for the table. */
  waitPrev: Llentry | null;

  constructor(tbl: Lltable, addr: InAddr) {
    this.addr = addr;
    this.tbl = tbl;
    this.flags = 0;
    this.state = LLSTATE_INCOMPLETE;
    this.lladdr = new Uint8Array(LLE_ADDR_LEN);
    this.l2hdr = new Uint8Array(LLE_HDR_LEN);
    this.h0 = 0;
    this.h1 = 0;
    this.h2 = 0;
    this.h3 = 0;
    this.expireUs = 0;
    this.asked = 0;
    this.preempt = 0;
    this.skipReq = 0;
    this.hitUs = 0;
    this.isRouter = false;
    this.gen = 0;
    this.numHeld = 0;
    this.holdHead = null;
    this.holdTail = null;
    this.timer = null;
    this.hashNext = null;
    this.ageNext = null;
    this.agePrev = null;
    this.waitNext = null;
    this.waitPrev = null;
  }

  /**
   * Appends packet `m` to those that wait, dropping the oldest when there are already `maxHold`. Consumes m.
   * Returns the number of packets dropped. Source: FreeBSD lltable_append_entry_queue().
   */
  hold(m: Mbuf, maxHold: number): number {
    let dropped = 0;
    if (maxHold <= 0) {
      mFreem(m);
      return 1;
    }
    while (this.numHeld >= maxHold) {
      mFreem(this.takeHeld());
      dropped++;
    }
    m.nextpkt = null;
    if (this.holdTail === null) this.holdHead = m;
    else this.holdTail.nextpkt = m;
    this.holdTail = m;
    this.numHeld++;
    return dropped;
  }

  /** Takes the oldest packet that waits; the caller owns it. */
  takeHeld(): Mbuf | null {
    const m = this.holdHead;
    if (m === null) return null;
    this.holdHead = m.nextpkt;
    if (this.holdHead === null) this.holdTail = null;
    m.nextpkt = null;
    this.numHeld--;
    return m;
  }

  /** The oldest packet that waits; it stays where it is. */
  peekHeld(): Mbuf | null {
    return this.holdHead;
  }

  /** Takes the packets that wait out of the entry as a list by `nextpkt`; the caller owns them all. */
  takeAllHeld(): Mbuf | null {
    const m = this.holdHead;
    this.holdHead = null;
    this.holdTail = null;
    this.numHeld = 0;
    return m;
  }

  /** Frees the packets that wait; returns how many there were. */
  dropHeld(): number {
    const n = this.numHeld;
    for (let m = this.takeHeld(); m !== null; m = this.takeHeld()) mFreem(m);
    return n;
  }
}

/**
 * Writes the link-layer address of the neighbour (6 bytes at `o` of `mac`) and its ready-made header, and makes the entry valid.
 * `src` is the address of our interface, `etherType` the type of what will follow. Returns true if the address is a new one.
 * Source: FreeBSD lltable_set_entry_addr(), lltable_calc_llheader().
 * @public
 */
export function llentrySetAddr(lle: Llentry, mac: Uint8Array, o: number, src: Uint8Array, etherType: number): boolean {
  let changed = (lle.flags & LLE_VALID) === 0;
  if (changed && (lle.flags & LLE_LINKED) !== 0) lle.tbl.awaitsNoMore(lle);
  for (let i = 0; i < LLE_ADDR_LEN; i++) {
    const b = mac[o + i] as number;
    if (lle.lladdr[i] !== b) changed = true;
    lle.lladdr[i] = b;
    lle.l2hdr[i] = b;
    lle.l2hdr[LLE_ADDR_LEN + i] = src[i] as number;
  }
  lle.l2hdr[12] = etherType >>> 8;
  lle.l2hdr[13] = etherType & 0xff;
  lle.h0 = word(lle.l2hdr, 0);
  lle.h1 = word(lle.l2hdr, 4);
  lle.h2 = word(lle.l2hdr, 8);
  lle.h3 = etherType;
  lle.flags |= LLE_VALID;
  if (changed) lle.gen = (lle.gen + 1) | 0;
  return changed;
}

/** Rewrites the source address of a ready-made header, after the interface has been given another one. @public */
export function llentrySetSource(lle: Llentry, src: Uint8Array): void {
  if ((lle.flags & LLE_VALID) === 0) return;
  llentrySetAddr(lle, lle.lladdr, 0, src, lle.h3);
  lle.gen = (lle.gen + 1) | 0;
}

/** Makes the entry unusable until it is resolved again; packets that wait stay. @public */
export function llentryInvalidate(lle: Llentry): void {
  if ((lle.flags & LLE_VALID) === 0) return;
  lle.flags &= ~LLE_VALID;
  if ((lle.flags & LLE_LINKED) !== 0) lle.tbl.awaits(lle);
  lle.gen = (lle.gen + 1) | 0;
}

/**
 * Asks the output path to say when the entry is next used. Source: FreeBSD llentry_request_feedback().
 * @public
 */
export function llentryRequestFeedback(lle: Llentry): void {
  lle.skipReq = 1;
}

/**
 * Called by the output path when it uses an entry whose `skipReq` is set. Source: FreeBSD llentry_provide_feedback().
 * @public
 */
export function llentryProvideFeedback(lle: Llentry): void {
  lle.skipReq = 0;
  lle.tbl.ops.used?.(lle);
}

function word(b: Uint8Array, o: number): number {
  return ((b[o] as number) << 24) | ((b[o + 1] as number) << 16) | ((b[o + 2] as number) << 8) | (b[o + 3] as number);
}
