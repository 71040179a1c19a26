import { AF_INET } from '@ns/wire';
import type { Inpcb } from './pcb.ts';
import { tupleHash4, tupleHash6 } from './tuple-hash.ts';

const MIN_SLOTS = 64;
/** Old slots moved by each change while a table is being replaced: four times what is needed to be done in time. */
const MOVE_BATCH = 16;

/** A generation of the table. A slot is four words: hash, last word of the foreign and of the local address, ports (0 = empty). */
class Slots {
  readonly words: Int32Array;
  readonly pcbs: (Inpcb | undefined)[];
  readonly mask: number;

  constructor(slots: number) {
    this.words = new Int32Array(slots * 4);
    this.pcbs = new Array<Inpcb | undefined>(slots);
    this.mask = slots - 1;
  }
}

/**
 * 4-tuple -> connected pcb.
 *
 * Open addressing with linear probing over one typed array that holds all of an IPv4 key, so that a lookup touches one or two cache lines and no pcb. The family is the
 * top bit of the hash; the remaining words of an IPv6 key are compared in the pcb. An entry that goes is filled by shifting back those behind it: churn leaves no
 * tombstones. A table that is too full or too empty is replaced a few slots at a time, by the changes that follow; until then a lookup tries both.
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
    const words = t.words;
    const mask = t.mask;
    for (let i = h & mask; ; i = (i + 1) & mask) {
      const o = i << 2;
      const p = words[o + 3] as number;
      if (p === 0) return null;
      if (p !== ports || words[o] !== h || words[o + 1] !== f3 || words[o + 2] !== l3) continue;
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
    const words = t.words;
    let i = h & t.mask;
    while (words[(i << 2) + 3] !== 0) i = (i + 1) & t.mask;
    const o = i << 2;
    words[o] = h;
    words[o + 1] = f3;
    words[o + 2] = l3;
    words[o + 3] = ports;
    t.pcbs[i] = inp;
  }

  private take(t: Slots, h: number, inp: Inpcb): boolean {
    const words = t.words;
    for (let i = h & t.mask; words[(i << 2) + 3] !== 0; i = (i + 1) & t.mask) {
      if (t.pcbs[i] === inp) {
        this.close(t, i);
        return true;
      }
    }
    return false;
  }

  /** Empties slot `i` and moves back what stands behind it and may. */
  private close(t: Slots, i: number): void {
    const words = t.words;
    const mask = t.mask;
    let hole = i;
    for (let j = (i + 1) & mask; words[(j << 2) + 3] !== 0; j = (j + 1) & mask) {
      const home = (words[j << 2] as number) & mask;
      if (((j - home) & mask) < ((j - hole) & mask)) continue;
      words.copyWithin(hole << 2, j << 2, (j << 2) + 4);
      t.pcbs[hole] = t.pcbs[j];
      hole = j;
    }
    words[(hole << 2) + 3] = 0;
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
    const words = t.words;
    for (let n = 0; n < MOVE_BATCH; n++) {
      if (this.cursor > t.mask) {
        this.old = null;
        return;
      }
      const o = this.cursor << 2;
      if (words[o + 3] === 0) {
        this.cursor++;
        continue;
      }
      this.put(this.now, words[o] as number, words[o + 1] as number, words[o + 2] as number, words[o + 3] as number, t.pcbs[this.cursor] as Inpcb);
      this.close(t, this.cursor);
    }
  }
}
