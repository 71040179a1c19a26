// @hot
import type { PfPacket } from './packet.ts';
import { type PfState, pfStateDir } from './state.ts';

/** Buckets. Source: FreeBSD pf.c, PF_HASHSIZ, of which this is an eighth. */
const BUCKETS = 4096;
/** Fragmented packets that are under way at a time. */
const FRAGS = 256;

/** The states of a vnet, found by their flow, whichever way a packet of it goes. */
export class PfTable {
  private readonly buckets: (PfState | null)[];
  private readonly seed: number;
  /** States. */
  count: number;
  private sweepAt: number;

  /** `seed` is a secret: who knows it could fill one bucket. */
  constructor(seed: number) {
    this.buckets = new Array<PfState | null>(BUCKETS).fill(null);
    this.seed = seed | 0;
    this.count = 0;
    this.sweepAt = 0;
  }

  /** The state that a packet belongs to, or null. */
  find(p: PfPacket): PfState | null {
    for (let s = this.buckets[this.bucketOf(p)] as PfState | null; s !== null; s = s.next) if (pfStateDir(s, p) !== 0) return s;
    return null;
  }

  /** Enters a state that was made of `p`. */
  insert(s: PfState, p: PfPacket): void {
    const b = this.bucketOf(p);
    s.bucket = b;
    s.next = this.buckets[b] as PfState | null;
    this.buckets[b] = s;
    this.count++;
  }

  /** Takes a state out; one that is out already stays so. */
  remove(s: PfState): void {
    const b = s.bucket;
    if (b < 0) return;
    s.bucket = -1;
    this.count--;
    let p = this.buckets[b] as PfState | null;
    if (p === s) this.buckets[b] = s.next;
    else {
      while (p !== null && p.next !== s) p = p.next;
      if (p !== null) p.next = s.next;
    }
    s.next = null;
  }

  /** Takes out what has expired in the next `1 / parts` of the table; returns how many. */
  sweep(now: number, parts: number): number {
    let gone = 0;
    for (let n = Math.ceil(BUCKETS / parts); n > 0; n--) {
      let s = this.buckets[this.sweepAt] as PfState | null;
      while (s !== null) {
        const next: PfState | null = s.next;
        if (s.expire <= now) {
          this.remove(s);
          gone++;
        }
        s = next;
      }
      this.sweepAt = (this.sweepAt + 1) & (BUCKETS - 1);
    }
    return gone;
  }

  /** All states, for display. */
  all(): PfState[] {
    const list: PfState[] = [];
    for (let b = 0; b < BUCKETS; b++) for (let s = this.buckets[b] as PfState | null; s !== null; s = s.next) list.push(s);
    return list;
  }

  /** Takes all states out. */
  clear(): void {
    const list = this.all();
    for (let i = 0; i < list.length; i++) this.remove(list[i] as PfState);
  }

  /** Both ways of a flow have one bucket: what is added up does not know which came first. */
  private bucketOf(p: PfPacket): number {
    const k = this.seed;
    const a = mix(k, p.src0, p.src1, p.src2, p.src3, p.sport);
    const b = mix(k, p.dst0, p.dst1, p.dst2, p.dst3, p.dport);
    let h = ((a + b) ^ p.proto) | 0;
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    return (h ^ (h >>> 13)) & (BUCKETS - 1);
  }
}

function mix(seed: number, w0: number, w1: number, w2: number, w3: number, port: number): number {
  let h = Math.imul(seed ^ w0, 0x9e3779b1);
  h = Math.imul((h ^ (h >>> 15)) ^ w1, 0x85ebca6b);
  h = Math.imul((h ^ (h >>> 13)) ^ w2, 0xc2b2ae35);
  h = Math.imul((h ^ (h >>> 16)) ^ w3, 0x27d4eb2f);
  h = Math.imul((h ^ (h >>> 15)) ^ port, 0x165667b1);
  return h ^ (h >>> 16);
}

/** One fragmented packet. */
class Frag {
  af = 0;
  proto = 0;
  id = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  expire = 0;
}

/** Fragmented packets whose first fragment was let through, so that the others may follow. Bounded; the oldest gives way. */
export class PfFrags {
  private readonly ring: Frag[];
  private at: number;

  constructor() {
    const ring: Frag[] = [];
    for (let i = 0; i < FRAGS; i++) ring.push(new Frag());
    this.ring = ring;
    this.at = 0;
  }

  /** The first fragment of a packet was let through. */
  pass(p: PfPacket, expire: number): void {
    const f = this.ring[this.at] as Frag;
    this.at = (this.at + 1) & (FRAGS - 1);
    f.af = p.af;
    f.proto = p.proto;
    f.id = p.fragId;
    f.src0 = p.src0;
    f.src1 = p.src1;
    f.src2 = p.src2;
    f.src3 = p.src3;
    f.dst0 = p.dst0;
    f.dst1 = p.dst1;
    f.dst2 = p.dst2;
    f.dst3 = p.dst3;
    f.expire = expire;
  }

  /** Whether another fragment of a packet may follow. */
  follows(p: PfPacket, now: number): boolean {
    for (let i = 0; i < FRAGS; i++) {
      const f = this.ring[i] as Frag;
      if (f.expire <= now || f.id !== p.fragId || f.proto !== p.proto || f.af !== p.af || f.src3 !== p.src3 || f.dst3 !== p.dst3) continue;
      if (f.src0 === p.src0 && f.src1 === p.src1 && f.src2 === p.src2 && f.dst0 === p.dst0 && f.dst1 === p.dst1 && f.dst2 === p.dst2) return true;
    }
    return false;
  }
}
