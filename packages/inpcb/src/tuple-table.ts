import { AF_INET } from '@ns/wire';
import type { Inpcb } from './pcb.ts';
import { tupleHash4, tupleHash6 } from './tuple-hash.ts';

const MIN_SLOTS = 64;
/** Old slots moved by each change while a table is being replaced: four times what is needed to be done in time. */
const MOVE_BATCH = 16;

/** Words of a key: last word of the foreign and of the local address, ports. */
const KEY = 3;

/** A generation of the table. `tags` has the hash of each slot's entry, 0 = empty. */
class Slots {
  readonly tags: Int32Array;
  readonly keys: Int32Array;
  readonly pcbs: (Inpcb | undefined)[];
  readonly mask: number;

  constructor(slots: number) {
    this.tags = new Int32Array(slots);
    this.keys = new Int32Array(slots * KEY);
    this.pcbs = new Array<Inpcb | undefined>(slots);
    this.mask = slots - 1;
  }
}

/**
 * 4-tuple -> connected pcb.
 *
 * Open addressing with linear probing. A lookup probes an array of hashes alone, which is small enough for the cache where the rest is not, so that what it goes on to
 * read is nearly always right: one IPv4 key and one reference, and no pcb. The family is the top bit of the hash; the remaining words of an IPv6 key are compared in
 * the pcb. An entry that goes is filled by shifting back those behind it: churn leaves no tombstones. A table that is too full or too empty is replaced a few slots at
 * a time, by the changes that follow; until then a lookup tries both.
 * @public
 */
export class TupleTable {
  private readonly k0: number;
  private readonly k1: number;
  private now: Slots;
  private old: Slots | null;
  private cursor: number;
  /** Entries. */
  size: number;

  /** The two words seed the hash. */
  constructor(k0: number, k1: number) {
    this.k0 = k0 | 0;
    this.k1 = k1 | 0;
    this.now = new Slots(MIN_SLOTS);
    this.old = null;
    this.cursor = 0;
    this.size = 0;
  }

  /** Slots of the present table: for tests and diagnostics. */
  get slots(): number {
    return this.now.mask + 1;
  }

  /** Whether an older table is still being moved over: for tests and diagnostics. */
  get moving(): boolean {
    return this.old !== null;
  }

  /** The pcb of a 4-tuple, or null. Allocates nothing. */
  lookup(af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number): Inpcb | null {
    const h =
      af === AF_INET
        ? tupleHash4(this.k0, this.k1, f3, l3, (fport << 16) | lport)
        : tupleHash6(this.k0, this.k1, f0, f1, f2, f3, l0, l1, l2, l3, (fport << 16) | lport);
    const inp = this.find(this.now, h, f0, f1, f2, f3, l0, l1, l2, l3, (fport << 16) | lport);
    if (inp !== null || this.old === null) return inp;
    return this.find(this.old, h, f0, f1, f2, f3, l0, l1, l2, l3, (fport << 16) | lport);
  }

  private find(t: Slots, h: number, f0: number, f1: number, f2: number, f3: number, l0: number, l1: number, l2: number, l3: number, ports: number): Inpcb | null {
    const tags = t.tags;
    const mask = t.mask;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const tag = tags[i] as number;
      if (tag !== h) {
        if (tag === 0) return null;
        continue;
      }
      const keys = t.keys;
      const o = i * KEY;
      if (keys[o] !== f3 || keys[o + 1] !== l3 || keys[o + 2] !== ports) continue;
      const inp = t.pcbs[i] as Inpcb;
      if (h >= 0) return inp;
      const f = inp.faddr;
      const l = inp.laddr;
      if (f.w0 === f0 && f.w1 === f1 && f.w2 === f2 && l.w0 === l0 && l.w1 === l1 && l.w2 === l2) return inp;
    }
  }

  /** Enters `inp`; neither port may be 0. */
  insert(inp: Inpcb): void {
    this.step();
    const h = this.hashOf(inp);
    this.put(this.now, h, inp.faddr.w3, inp.laddr.w3, (inp.fport << 16) | inp.lport, inp);
    this.size++;
    if (this.old === null && this.size * 8 > (this.now.mask + 1) * 5) this.replace((this.now.mask + 1) * 2);
  }

  /** Takes `inp` out; its key is still the one that it was entered with. */
  remove(inp: Inpcb): void {
    this.step();
    const h = this.hashOf(inp);
    if (!this.take(this.now, h, inp) && (this.old === null || !this.take(this.old, h, inp))) throw new Error('inpcb: pcb is not in its table');
    this.size--;
    const slots = this.now.mask + 1;
    if (this.old === null && slots > MIN_SLOTS && this.size * 8 < slots) this.replace(slots >> 1);
  }

  private hashOf(inp: Inpcb): number {
    const f = inp.faddr;
    const l = inp.laddr;
    const ports = (inp.fport << 16) | inp.lport;
    return f.af === AF_INET ? tupleHash4(this.k0, this.k1, f.w3, l.w3, ports) : tupleHash6(this.k0, this.k1, f.w0, f.w1, f.w2, f.w3, l.w0, l.w1, l.w2, l.w3, ports);
  }

  private put(t: Slots, h: number, f3: number, l3: number, ports: number, inp: Inpcb): void {
    const tags = t.tags;
    let i = h & t.mask;
    while (tags[i] !== 0) i = (i + 1) & t.mask;
    tags[i] = h;
    const o = i * KEY;
    t.keys[o] = f3;
    t.keys[o + 1] = l3;
    t.keys[o + 2] = ports;
    t.pcbs[i] = inp;
  }

  private take(t: Slots, h: number, inp: Inpcb): boolean {
    const tags = t.tags;
    for (let i = h & t.mask; tags[i] !== 0; i = (i + 1) & t.mask) {
      if (tags[i] === h && t.pcbs[i] === inp) {
        this.close(t, i);
        return true;
      }
    }
    return false;
  }

  /** Empties slot `i` and moves back what stands behind it and may. */
  private close(t: Slots, i: number): void {
    const tags = t.tags;
    const keys = t.keys;
    const mask = t.mask;
    let hole = i;
    for (let j = (i + 1) & mask; tags[j] !== 0; j = (j + 1) & mask) {
      const home = (tags[j] as number) & mask;
      if (((j - home) & mask) < ((j - hole) & mask)) continue;
      tags[hole] = tags[j] as number;
      keys[hole * KEY] = keys[j * KEY] as number;
      keys[hole * KEY + 1] = keys[j * KEY + 1] as number;
      keys[hole * KEY + 2] = keys[j * KEY + 2] as number;
      t.pcbs[hole] = t.pcbs[j];
      hole = j;
    }
    tags[hole] = 0;
    t.pcbs[hole] = undefined;
  }

  private replace(slots: number): void {
    this.old = this.now;
    this.cursor = 0;
    this.now = new Slots(slots);
  }

  /** Moves the next few slots of the table that is being replaced. */
  private step(): void {
    const t = this.old;
    if (t === null) return;
    for (let n = 0; n < MOVE_BATCH; n++) {
      if (this.cursor > t.mask) {
        this.old = null;
        return;
      }
      const i = this.cursor;
      const h = t.tags[i] as number;
      if (h === 0) {
        this.cursor++;
        continue;
      }
      const o = i * KEY;
      this.put(this.now, h, t.keys[o] as number, t.keys[o + 1] as number, t.keys[o + 2] as number, t.pcbs[i] as Inpcb);
      this.close(t, i);
    }
  }
}
