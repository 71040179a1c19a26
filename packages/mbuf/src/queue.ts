import type { Mbuf } from './mbuf.ts';
import { mFreem } from './ops.ts';

/**
 * A bounded queue of packets, linked by `nextpkt`. Source: FreeBSD mbufq(9).
 * @public
 */
export class Mbufq {
  /** Packets in the queue. */
  len: number;
  /** Most packets it takes. */
  maxlen: number;
  private head: Mbuf | null;
  private tail: Mbuf | null;

  constructor(maxlen: number) {
    this.len = 0;
    this.maxlen = maxlen;
    this.head = null;
    this.tail = null;
  }

  /** Appends packet `m`. False when the queue is full: m stays the caller's. */
  enqueue(m: Mbuf): boolean {
    if (this.len >= this.maxlen) return false;
    m.nextpkt = null;
    if (this.tail === null) this.head = m;
    else this.tail.nextpkt = m;
    this.tail = m;
    this.len++;
    return true;
  }

  /** Takes the oldest packet. */
  dequeue(): Mbuf | null {
    const m = this.head;
    if (m === null) return null;
    this.head = m.nextpkt;
    if (this.head === null) this.tail = null;
    m.nextpkt = null;
    this.len--;
    return m;
  }

  /** The oldest packet, left where it is. */
  first(): Mbuf | null {
    return this.head;
  }

  /** Frees all packets; returns how many there were. */
  drain(): number {
    const n = this.len;
    for (let m = this.dequeue(); m !== null; m = this.dequeue()) mFreem(m);
    return n;
  }
}
