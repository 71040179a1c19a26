/* @hot */
import { AF_INET, AF_INET6, zonedWord0 } from '@ns/wire';
import type { Inpcb } from './pcb.ts';
import { tupleHash4, tupleHash6 } from './tuple-hash.ts';

/** Words of a slot. */
const SLOT = 3;
/** Slots that a table begins with unless it is told otherwise. @public */
export const TUPLE_TABLE_SLOTS = 64;
/** Old slots moved by each change while a table is being replaced: several times what is needed to be done in time. */
const MOVE_BATCH = 16;
/** Connections that IPv6 lookups remember by their ports: a power of two. */
const FRONT = 64;

/**
 * A generation of the table: `cap` slots, 2^n or 3/4 of it. A slot is three words: the last words of the foreign and of the local address, and the ports, 0 = empty;
 * for IPv6 the hash stands in place of the first.
 */
class Slots {
  readonly words: Int32Array;
  readonly pcbs: (Inpcb | undefined)[];
  readonly cap: number;
  /** 2^n - 1 and 4 or 3: the place of hash h is (h & mask) * quarters / 4. */
  readonly mask: number;
  readonly quarters: number;

  constructor(mask: number, quarters: number) {
    const cap = ((mask + 1) >> 2) * quarters;
    this.words = new Int32Array(cap * SLOT);
    this.pcbs = new Array<Inpcb | undefined>(cap);
    this.cap = cap;
    this.mask = mask;
    this.quarters = quarters;
  }
}

/** How far entries stand from their places; see {@link TupleTable.probes}. @public */
export interface TupleProbes {
  /** Slots looked at on average, 1 at best. */
  readonly mean: number;
  /** At worst. */
  readonly max: number;
}

/**
 * 4-tuple -> connected pcb, for one address family.
 *
 * Open addressing with linear probing over one typed array that holds all of an IPv4 key, so that a lookup reads a cache line of it and one reference, and no pcb. What
 * makes it slow with a million entries is memory that is not in the cache, so it is kept small: three words for a slot, and sizes that grow by a third or a half. The
 * remaining words of an IPv6 key are compared in the pcb. An entry that goes is filled by shifting back those behind it: churn leaves no tombstones. A table that is too
 * full or too empty is replaced a few slots at a time, by the changes that follow; until then a lookup tries both.
 *
 * The hash of an IPv6 tuple takes as long as all the rest of a lookup: packets come in trains, so those found lately are tried first, by their ports alone. Whoever aims at one
 * place there gets what he would have had without it.
 * @public
 */
export class TupleTable {
  /** AF_INET or AF_INET6. */
  readonly af: number;
  private readonly k0: number;
  private readonly k1: number;
  private readonly k2: number;
  private readonly k3: number;
  private now: Slots;
  private old: Slots | null;
  private cursor: number;
  /** Slots that it never has less than: a power of two. */
  private readonly least: number;
  /** Found lately, by ports; made by the first IPv6 entry. */
  private front: (Inpcb | null)[] | null;
  /** Entries. */
  size: number;

  /** Four random words: the key of the hash. `slots`, a power of two, is what the table begins with and never falls below. */
  constructor(af: number, k0: number, k1: number, k2: number, k3: number, slots: number = TUPLE_TABLE_SLOTS) {
    this.af = af;
    this.k0 = k0 | 0;
    this.k1 = k1 | 0;
    this.k2 = k2 | 0;
    this.k3 = k3 | 0;
    this.now = new Slots(slots - 1, 4);
    this.old = null;
    this.cursor = 0;
    this.least = slots;
    this.front = null;
    this.size = 0;
  }

  /** Slots of the present table: for tests and diagnostics. */
  get slots(): number {
    return this.now.cap;
  }

  /** Whether an older table is still being moved over: for tests and diagnostics. */
  get moving(): boolean {
    return this.old !== null;
  }

  /** Slots that finding an entry looks at, on average and at worst, in the present table: for tests and diagnostics. */
  probes(): TupleProbes {
    const t = this.now;
    let entries = 0;
    let total = 0;
    let max = 0;
    for (let i = 0; i < t.cap; i++) {
      if (t.words[i * SLOT + 2] === 0) continue;
      const n = distance(t, this.homeOf(t, i), i) + 1;
      entries++;
      total += n;
      if (n > max) max = n;
    }
    return { mean: entries === 0 ? 0 : total / entries, max };
  }

  /** The pcb of an IPv4 4-tuple, or null. Allocates nothing. */
  lookup4(f: number, fport: number, l: number, lport: number): Inpcb | null {
    const ports = (fport << 16) | lport;
    const h = tupleHash4(this.k0, this.k1, this.k2, this.k3, f, l, ports);
    const inp = find4(this.now, h, f, l, ports);
    return inp !== null || this.old === null ? inp : find4(this.old, h, f, l, ports);
  }

  /** The pcb of an IPv6 4-tuple, or null. Allocates nothing. */
  lookup6(f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number): Inpcb | null {
    const i = (fport ^ lport) & (FRONT - 1);
    const front = this.front;
    if (front !== null) {
      const near = front[i] as Inpcb | null;
      if (near !== null && near.fport === fport && near.lport === lport && isTuple6(near, f0, f1, f2, f3, l0, l1, l2, l3)) return near;
    }
    return this.search6(i, f0, f1, f2, f3, l0, l1, l2, l3, (fport << 16) | lport);
  }

  private search6(i: number, f0: number, f1: number, f2: number, f3: number, l0: number, l1: number, l2: number, l3: number, ports: number): Inpcb | null {
    const h = tupleHash6(this.k0, this.k1, this.k2, this.k3, f0, f1, f2, f3, l0, l1, l2, l3, ports);
    let inp = find6(this.now, h, f0, f1, f2, f3, l0, l1, l2, l3, ports);
    if (inp === null && this.old !== null) inp = find6(this.old, h, f0, f1, f2, f3, l0, l1, l2, l3, ports);
    if (inp !== null && this.front !== null) this.front[i] = inp;
    return inp;
  }

  /** Enters `inp`; neither port may be 0. */
  insert(inp: Inpcb): void {
    this.step();
    if (this.af === AF_INET6 && this.front === null) this.front = new Array<Inpcb | null>(FRONT).fill(null);
    const h = this.hashOf(inp);
    inp.hash = h;
    put(this.now, h, this.af === AF_INET ? inp.faddr.w3 : h, inp.laddr.w3, (inp.fport << 16) | inp.lport, inp);
    this.size++;
    const t = this.now;
    if (this.old === null && this.size * 10 > t.cap * 7) this.replace(t.quarters === 4 ? t.mask * 2 + 1 : t.mask, t.quarters === 4 ? 3 : 4);
  }

  /** Takes `inp` out; its key is still the one that it was entered with. */
  remove(inp: Inpcb): void {
    this.step();
    const near = (inp.fport ^ inp.lport) & (FRONT - 1);
    if (this.front !== null && this.front[near] === inp) this.front[near] = null;
    const h = inp.hash;
    if (!this.take(this.now, h, inp) && (this.old === null || !this.take(this.old, h, inp))) throw new Error('inpcb: pcb is not in its table');
    this.size--;
    const t = this.now;
    if (this.old === null && t.cap > this.least && this.size * 8 < t.cap) this.replace(t.mask >> 1, t.mask >> 1 < this.least ? 4 : t.quarters);
  }

  private hashOf(inp: Inpcb): number {
    const f = inp.faddr;
    const l = inp.laddr;
    const ports = (inp.fport << 16) | inp.lport;
    return this.af === AF_INET
      ? tupleHash4(this.k0, this.k1, this.k2, this.k3, f.w3, l.w3, ports)
      : tupleHash6(this.k0, this.k1, this.k2, this.k3, zonedWord0(f), f.w1, f.w2, f.w3, zonedWord0(l), l.w1, l.w2, l.w3, ports);
  }

  /** Hash of the entry in slot `i`. */
  private hashAt(t: Slots, i: number): number {
    const w = t.words;
    const o = i * SLOT;
    return this.af === AF_INET ? tupleHash4(this.k0, this.k1, this.k2, this.k3, w[o] as number, w[o + 1] as number, w[o + 2] as number) : (w[o] as number);
  }

  private homeOf(t: Slots, i: number): number {
    return home(t, this.hashAt(t, i));
  }

  private take(t: Slots, h: number, inp: Inpcb): boolean {
    for (let i = home(t, h); t.words[i * SLOT + 2] !== 0; i = i + 1 === t.cap ? 0 : i + 1) {
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
    let hole = i;
    for (let j = i + 1 === t.cap ? 0 : i + 1; words[j * SLOT + 2] !== 0; j = j + 1 === t.cap ? 0 : j + 1) {
      if (distance(t, this.homeOf(t, j), j) < distance(t, hole, j)) continue;
      const from = j * SLOT;
      const to = hole * SLOT;
      words[to] = words[from] as number;
      words[to + 1] = words[from + 1] as number;
      words[to + 2] = words[from + 2] as number;
      t.pcbs[hole] = t.pcbs[j];
      hole = j;
    }
    words[hole * SLOT + 2] = 0;
    t.pcbs[hole] = undefined;
  }

  private replace(mask: number, quarters: number): void {
    this.old = this.now;
    this.cursor = 0;
    this.now = new Slots(mask, quarters);
  }

  /** Moves the next few slots of the table that is being replaced. */
  private step(): void {
    const t = this.old;
    if (t === null) return;
    const words = t.words;
    for (let n = 0; n < MOVE_BATCH; n++) {
      if (this.cursor === t.cap) {
        this.old = null;
        return;
      }
      const i = this.cursor;
      const o = i * SLOT;
      if (words[o + 2] === 0) {
        this.cursor++;
        continue;
      }
      put(this.now, this.hashAt(t, i), words[o] as number, words[o + 1] as number, words[o + 2] as number, t.pcbs[i] as Inpcb);
      this.close(t, i);
    }
  }
}

/** Where the search for a hash begins. */
function home(t: Slots, h: number): number {
  return Math.imul(h & t.mask, t.quarters) >>> 2;
}

/** Slots from `from` on to `to`. */
function distance(t: Slots, from: number, to: number): number {
  const d = to - from;
  return d < 0 ? d + t.cap : d;
}

function put(t: Slots, h: number, w0: number, w1: number, ports: number, inp: Inpcb): void {
  const words = t.words;
  let i = home(t, h);
  while (words[i * SLOT + 2] !== 0) i = i + 1 === t.cap ? 0 : i + 1;
  const o = i * SLOT;
  words[o] = w0;
  words[o + 1] = w1;
  words[o + 2] = ports;
  t.pcbs[i] = inp;
}

function find4(t: Slots, h: number, f: number, l: number, ports: number): Inpcb | null {
  const words = t.words;
  for (let i = home(t, h); ; i = i + 1 === t.cap ? 0 : i + 1) {
    const o = i * SLOT;
    const p = words[o + 2] as number;
    if (p === ports && words[o] === f && words[o + 1] === l) return t.pcbs[i] as Inpcb;
    if (p === 0) return null;
  }
}

function find6(t: Slots, h: number, f0: number, f1: number, f2: number, f3: number, l0: number, l1: number, l2: number, l3: number, ports: number): Inpcb | null {
  const words = t.words;
  for (let i = home(t, h); ; i = i + 1 === t.cap ? 0 : i + 1) {
    const o = i * SLOT;
    const p = words[o + 2] as number;
    if (p === 0) return null;
    if (p !== ports || words[o] !== h || words[o + 1] !== l3) continue;
    const inp = t.pcbs[i] as Inpcb;
    if (isTuple6(inp, f0, f1, f2, f3, l0, l1, l2, l3)) return inp;
  }
}

/** Whether these are the addresses of `inp`. */
function isTuple6(inp: Inpcb, f0: number, f1: number, f2: number, f3: number, l0: number, l1: number, l2: number, l3: number): boolean {
  const f = inp.faddr;
  const l = inp.laddr;
  return f.w3 === f3 && f.w2 === f2 && f.w1 === f1 && zonedWord0(f) === f0 && l.w3 === l3 && l.w2 === l2 && l.w1 === l1 && zonedWord0(l) === l0;
}
