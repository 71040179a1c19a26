// @hot
import { type Mbuf, mFreem } from '@ns/mbuf';
import { NETISR_MAXPROT } from './proto.ts';

/** Slots of a queue when its first packet comes. */
const FIRST_SLOTS = 64;

/**
 * The queue of one protocol in one workstream: a ring whose size is a power of two and grows, up to `limit`, only when it must.
 * Source: FreeBSD netisr_internal.h, struct netisr_work.
 */
export class NetisrWork {
  /** Packets waiting. */
  len: number;
  /** Most packets that may wait. */
  limit: number;
  /** Most packets that ever waited. */
  watermark: number;
  /** Handled without being queued. */
  dispatched: number;
  /** Handled without being queued, in hybrid mode. */
  hybridDispatched: number;
  /** Dropped because the queue was full. */
  qdrops: number;
  /** Ever queued. */
  queued: number;
  /** Ever handled. */
  handled: number;
  private ring: (Mbuf | null)[];
  private mask: number;
  private head: number;

  constructor(limit: number) {
    this.len = 0;
    this.limit = limit;
    this.watermark = 0;
    this.dispatched = 0;
    this.hybridDispatched = 0;
    this.qdrops = 0;
    this.queued = 0;
    this.handled = 0;
    this.ring = [];
    this.mask = -1;
    this.head = 0;
  }

  /** Appends m, or frees it when the queue is full. Consumes m either way. */
  enqueue(m: Mbuf): boolean {
    const len = this.len;
    if (len >= this.limit) {
      this.qdrops++;
      mFreem(m);
      return false;
    }
    if (len > this.mask) this.grow();
    this.ring[(this.head + len) & this.mask] = m;
    this.len = len + 1;
    if (len >= this.watermark) this.watermark = len + 1;
    this.queued++;
    return true;
  }

  /** Takes the oldest packet; there must be one. */
  dequeue(): Mbuf {
    const at = this.head;
    const m = this.ring[at] as Mbuf;
    this.ring[at] = null;
    this.head = (at + 1) & this.mask;
    this.len--;
    return m;
  }

  /** Frees the packets that `match` says, keeping the others in order; returns how many. Control path. */
  purge(match: (m: Mbuf) => boolean): number {
    const n = this.len;
    let freed = 0;
    for (let i = 0; i < n; i++) {
      const m = this.dequeue();
      if (match(m)) {
        mFreem(m);
        freed++;
      } else {
        this.ring[(this.head + this.len) & this.mask] = m;
        this.len++;
      }
    }
    return freed;
  }

  private grow(): void {
    const size = this.ring.length === 0 ? FIRST_SLOTS : this.ring.length * 2;
    const ring = new Array<Mbuf | null>(size).fill(null);
    for (let i = 0; i < this.len; i++) ring[i] = this.ring[(this.head + i) & this.mask] as Mbuf;
    this.ring = ring;
    this.mask = size - 1;
    this.head = 0;
  }
}

/** Workstream flag: its queues are being worked off. */
export const NWS_RUNNING = 0x1;
/** Workstream flag: a packet is handled in hybrid mode. */
export const NWS_DISPATCHING = 0x2;
/** Workstream flag: its software interrupt is scheduled. */
export const NWS_SCHEDULED = 0x4;

/**
 * A place where packets are handled, one after the other. Source: FreeBSD netisr_internal.h, struct netisr_workstream.
 */
export class Workstream {
  readonly cpu: number;
  /** NWS_*. */
  flags: number;
  /** Packets waiting in all queues. */
  pending: number;
  /** Bit for each protocol with packets waiting. */
  pendingBits: number;
  /** Software interrupt. */
  swi: number;
  /** By protocol. */
  readonly work: readonly NetisrWork[];

  constructor(cpu: number) {
    this.cpu = cpu;
    this.flags = 0;
    this.pending = 0;
    this.pendingBits = 0;
    this.swi = -1;
    const work: NetisrWork[] = [];
    for (let i = 0; i < NETISR_MAXPROT; i++) work.push(new NetisrWork(0));
    this.work = work;
  }
}
