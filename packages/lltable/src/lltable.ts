import type { Ifnet } from '@ns/ifnet';
import { type InAddr, prefixMatches } from '@ns/wire';
import { LLE_DELETED, LLE_IFADDR, LLE_LINKED, LLE_STATIC, LLE_VALID, Llentry, llentrySetSource } from './llentry.ts';

/** Chains of a table. Source: FreeBSD if_llatbl.c, LLTBL_HASHTBL_SIZE. */
const LLTBL_HASHTBL_SIZE = 32;
/** Chains that a table grows to. */
const LLTBL_HASHTBL_MAX = 4096;

/** Entries of one table when nothing else is said: a bound on what a scanned prefix or a flood of requests can cost. @public */
export const LLTABLE_DEFAULT_LIMIT = 16384;

/** Entries looked at when the table is full of resolved ones and one must give way. */
const EVICT_SCAN = 64;
/** One entry in so many, as a shift, may be unresolved: who makes us look for neighbours that do not exist gets no more of the memory than that (RFC 6583 §6.2, §7.1). */
const UNRESOLVED_SHIFT = 4;
/** But so many at least, in a small table. */
const UNRESOLVED_MIN = 64;

/**
 * What a neighbour protocol (ARP, neighbour discovery) does for its tables. All are called with the entry in a consistent state and may not touch the table.
 * Source: FreeBSD if_llatbl.h, the llt_* methods.
 * @public
 */
export interface LltableOps {
  /** Runs when an entry has left the table: stops its timer. Packets that waited are already freed. */
  removed(lle: Llentry): void;
  /** Runs in the output path, once after each {@link llentryRequestFeedback}: the entry was used. */
  used?(lle: Llentry): void;
}

/**
 * The neighbours of one address family on one interface.
 * Source: FreeBSD if_llatbl.h, struct lltable.
 * @public
 */
export class Lltable {
  /** The interface; entries never outlive its attachment. */
  readonly ifp: Ifnet;
  /** AF_INET or AF_INET6. */
  readonly af: number;
  /** Methods of the neighbour protocol. */
  readonly ops: LltableOps;
  /** Most entries. */
  limit: number;
  /** Entries. */
  count: number;
  /** Entries that gave way to newer ones because the table was full. */
  evicted: number;
  /** Entries refused because the table was full of entries that must stay. */
  refused: number;
  private buckets: (Llentry | null)[];
  private mask: number;
  private oldest: Llentry | null;
  private youngest: Llentry | null;
  /** Entries that have no link-layer address, in the order in which they lost it or never had it. */
  unresolved: number;
  private waitOldest: Llentry | null;
  private waitYoungest: Llentry | null;

  constructor(ifp: Ifnet, af: number, ops: LltableOps, limit: number = LLTABLE_DEFAULT_LIMIT) {
    this.ifp = ifp;
    this.af = af;
    this.ops = ops;
    this.limit = limit;
    this.count = 0;
    this.evicted = 0;
    this.refused = 0;
    this.buckets = new Array<Llentry | null>(LLTBL_HASHTBL_SIZE).fill(null);
    this.mask = LLTBL_HASHTBL_SIZE - 1;
    this.oldest = null;
    this.youngest = null;
    this.unresolved = 0;
    this.waitOldest = null;
    this.waitYoungest = null;
  }

  /** The entry of the IPv4 address `a` (int32), or null. Allocates nothing. */
  lookup4(a: number): Llentry | null {
    let lle = this.buckets[hash(0, 0, 0, a) & this.mask] as Llentry | null;
    while (lle !== null && lle.addr.w3 !== a) lle = lle.hashNext;
    return lle;
  }

  /** The entry of an address, or null. Source: FreeBSD lla_lookup(). */
  lookup(a: InAddr): Llentry | null {
    let lle = this.buckets[hash(a.w0, a.w1, a.w2, a.w3) & this.mask] as Llentry | null;
    while (lle !== null) {
      const b = lle.addr;
      if (b.w3 === a.w3 && b.w2 === a.w2 && b.w1 === a.w1 && b.w0 === a.w0) return lle;
      lle = lle.hashNext;
    }
    return null;
  }

  /**
   * A new entry for `addr`, in the table; the caller has looked that there is none. When a sixteenth of the limit is unresolved (64 in a small table), the oldest of those gives way; when the table is full
   * the oldest entry that is neither static nor our own, unresolved ones first. Null when none can. Source: FreeBSD lltable_alloc_entry(), lltable_link_entry().
   */
  create(addr: InAddr, flags: number): Llentry | null {
    if (this.unresolved >= this.unresolvedLimit && (flags & (LLE_STATIC | LLE_IFADDR)) === 0) this.evict(this.oldestUnresolved());
    if (this.count >= this.limit && !this.makeRoom()) {
      this.refused++;
      return null;
    }
    if (this.count > this.mask && this.mask < LLTBL_HASHTBL_MAX - 1) this.grow();
    const lle = new Llentry(this, addr);
    lle.flags = flags | LLE_LINKED;
    const i = hash(addr.w0, addr.w1, addr.w2, addr.w3) & this.mask;
    lle.hashNext = this.buckets[i] as Llentry | null;
    this.buckets[i] = lle;
    lle.agePrev = this.youngest;
    if (this.youngest === null) this.oldest = lle;
    else this.youngest.ageNext = lle;
    this.youngest = lle;
    this.count++;
    this.awaits(lle);
    return lle;
  }

  /** For llentry.ts: the entry has no address now. */
  awaits(lle: Llentry): void {
    lle.waitPrev = this.waitYoungest;
    lle.waitNext = null;
    if (this.waitYoungest === null) this.waitOldest = lle;
    else this.waitYoungest.waitNext = lle;
    this.waitYoungest = lle;
    this.unresolved++;
  }

  /** For llentry.ts: it has one now, or goes. */
  awaitsNoMore(lle: Llentry): void {
    if (lle.waitPrev === null) this.waitOldest = lle.waitNext;
    else lle.waitPrev.waitNext = lle.waitNext;
    if (lle.waitNext === null) this.waitYoungest = lle.waitPrev;
    else lle.waitNext.waitPrev = lle.waitPrev;
    lle.waitNext = null;
    lle.waitPrev = null;
    this.unresolved--;
  }

  /**
   * Takes an entry out: it is no longer valid, its timer is stopped and what waited for it is freed. Returns the number of packets freed. An entry that has
   * left before is left alone. Source: FreeBSD llentry_free().
   */
  remove(lle: Llentry): number {
    if ((lle.flags & LLE_LINKED) === 0) return 0;
    const i = hash(lle.addr.w0, lle.addr.w1, lle.addr.w2, lle.addr.w3) & this.mask;
    let p = this.buckets[i] as Llentry | null;
    if (p === lle) this.buckets[i] = lle.hashNext;
    else {
      while (p !== null && p.hashNext !== lle) p = p.hashNext;
      if (p !== null) p.hashNext = lle.hashNext;
    }
    if (lle.agePrev === null) this.oldest = lle.ageNext;
    else lle.agePrev.ageNext = lle.ageNext;
    if (lle.ageNext === null) this.youngest = lle.agePrev;
    else lle.ageNext.agePrev = lle.agePrev;
    lle.hashNext = null;
    lle.ageNext = null;
    lle.agePrev = null;
    if ((lle.flags & LLE_VALID) === 0) this.awaitsNoMore(lle);
    lle.flags = (lle.flags & ~(LLE_LINKED | LLE_VALID)) | LLE_DELETED;
    lle.gen = (lle.gen + 1) | 0;
    this.count--;
    const dropped = lle.dropHeld();
    this.ops.removed(lle);
    return dropped;
  }

  /** Calls `fn` for each entry, oldest first; `fn` may remove the entry that it is given. */
  forEach(fn: (lle: Llentry) => void): void {
    for (let lle = this.oldest; lle !== null; ) {
      const next: Llentry | null = lle.ageNext;
      fn(lle);
      lle = next;
    }
  }

  /**
   * Removes the entries inside a prefix: static ones stay unless `flags` has LLE_STATIC. For an address that goes.
   * Returns the number of packets freed. Source: FreeBSD lltable_prefix_free().
   */
  prefixFree(prefix: InAddr, prefixlen: number, flags: number): number {
    let dropped = 0;
    this.forEach((lle) => {
      if ((lle.flags & LLE_STATIC & ~flags) === 0 && prefixMatches(lle.addr, prefix, prefixlen)) dropped += this.remove(lle);
    });
    return dropped;
  }

  /** Removes all entries but static ones and our own: the link went down, or an administrator asked. Returns the number of packets freed. */
  flush(): number {
    let dropped = 0;
    this.forEach((lle) => {
      if ((lle.flags & (LLE_STATIC | LLE_IFADDR)) === 0) dropped += this.remove(lle);
    });
    return dropped;
  }

  /** Removes everything: the interface goes. Returns the number of packets freed. Source: FreeBSD lltable_free(). */
  destroy(): number {
    let dropped = 0;
    this.forEach((lle) => {
      dropped += this.remove(lle);
    });
    return dropped;
  }

  /** Rewrites all ready-made headers after the interface has been given another address. Source: FreeBSD lltable_update_ifaddr(). */
  updateSource(src: Uint8Array): void {
    this.forEach((lle) => {
      llentrySetSource(lle, src);
    });
  }

  private get unresolvedLimit(): number {
    const share = this.limit >> UNRESOLVED_SHIFT;
    return share > UNRESOLVED_MIN ? share : UNRESOLVED_MIN;
  }

  private makeRoom(): boolean {
    return this.evict(this.oldestUnresolved() ?? this.oldestResolved());
  }

  private evict(victim: Llentry | null): boolean {
    if (victim === null) return false;
    this.evicted++;
    this.remove(victim);
    return true;
  }

  private oldestUnresolved(): Llentry | null {
    let lle = this.waitOldest;
    while (lle !== null && mustStay(lle)) lle = lle.waitNext;
    return lle;
  }

  private oldestResolved(): Llentry | null {
    let lle = this.oldest;
    for (let n = 0; lle !== null && mustStay(lle); lle = lle.ageNext) if (++n === EVICT_SCAN) return null;
    return lle;
  }

  private grow(): void {
    const size = (this.mask + 1) * 2;
    this.buckets = new Array<Llentry | null>(size).fill(null);
    this.mask = size - 1;
    this.forEach((lle) => {
      const i = hash(lle.addr.w0, lle.addr.w1, lle.addr.w2, lle.addr.w3) & this.mask;
      lle.hashNext = this.buckets[i] as Llentry | null;
      this.buckets[i] = lle;
    });
  }
}

const mustStay = (lle: Llentry): boolean => (lle.flags & (LLE_STATIC | LLE_IFADDR)) !== 0;

/** Mixes all bits of an address into the low ones. */
function hash(w0: number, w1: number, w2: number, w3: number): number {
  let h = Math.imul(w3, 0x9e3779b1) ^ Math.imul(w2, 0x85ebca6b) ^ Math.imul(w1 ^ (w0 << 7), 0xc2b2ae35);
  h ^= h >>> 15;
  return h ^ (h >>> 7);
}
