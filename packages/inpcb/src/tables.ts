import { INP_CONNECTED, type Inpcb } from './pcb.ts';
import { PortTable } from './port-table.ts';
import { AF_INET, AF_INET6, zonedWord0 } from '@ns/wire';
import { TUPLE_TABLE_SLOTS, TupleTable } from './tuple-table.ts';

/**
 * How the pcbs of a set are found. Callers do not know which implementation is behind it: {@link HashTables}, or {@link LinearTables} for comparison.
 *
 * Pcbs with the same local port form a ring by `portNext`/`portPrev`: the unconnected ones first, the newest of them at the head, then the connected ones.
 * @public
 */
export interface PcbTables {
  /** Pcbs entered. */
  readonly size: number;
  /** Enters `inp` by its addresses and ports: connected if INP_CONNECTED. Its local port is not 0. */
  insert(inp: Inpcb): void;
  /** Takes `inp` out; its keys are still those it was entered with. */
  remove(inp: Inpcb): void;
  /** The connected pcb with exactly this 4-tuple, or null. Words are int32 (the first of each with its zone, see `embedZone6` of package wire), IPv4 addresses in the last word of each and 0 in the others. Allocates nothing. */
  exact(af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number): Inpcb | null;
  /** Head of the ring of local port `lport`, or null. */
  portHead(lport: number): Inpcb | null;
}

/** Enters `inp` in the ring that begins at `head` (null = none yet); returns the head from now on. */
export function ringInsert(head: Inpcb | null, inp: Inpcb): Inpcb {
  if (head === null) {
    inp.portNext = inp;
    inp.portPrev = inp;
    return inp;
  }
  const tail = head.portPrev as Inpcb;
  inp.portNext = head;
  inp.portPrev = tail;
  tail.portNext = inp;
  head.portPrev = inp;
  return (inp.flags2 & INP_CONNECTED) !== 0 ? head : inp;
}

/** Takes `inp` out of its ring; returns the head from now on, null when the ring is empty. */
export function ringRemove(head: Inpcb, inp: Inpcb): Inpcb | null {
  const next = inp.portNext as Inpcb;
  const prev = inp.portPrev as Inpcb;
  inp.portNext = null;
  inp.portPrev = null;
  if (next === inp) return null;
  prev.portNext = next;
  next.portPrev = prev;
  return head === inp ? next : head;
}

/**
 * The usual tables: one by 4-tuple for connected pcbs, one by local port for all.
 * Both are open-addressing tables over typed arrays; the first hashes with a secret, so that nobody can aim at one place of it.
 * @public
 */
export class HashTables implements PcbTables {
  /** Connected pcbs that speak IPv4. */
  readonly tuples4: TupleTable;
  /** Connected pcbs that speak IPv6. */
  readonly tuples6: TupleTable;
  /** All pcbs, by local port. */
  readonly ports: PortTable;
  /** {@inheritDoc PcbTables.size} */
  size: number;

  /** Four random words: the key of the hash. `slots`: see {@link InpcbInfoOptions.hashSize}. */
  constructor(k0: number, k1: number, k2: number, k3: number, slots: number = TUPLE_TABLE_SLOTS) {
    this.tuples4 = new TupleTable(AF_INET, k0, k1, k2, k3, slots);
    this.tuples6 = new TupleTable(AF_INET6, k0, k1, k2, k3, slots);
    this.ports = new PortTable(k0 ^ k1);
    this.size = 0;
  }

  /** {@inheritDoc PcbTables.insert} */
  insert(inp: Inpcb): void {
    if ((inp.flags2 & INP_CONNECTED) !== 0) this.tuplesOf(inp).insert(inp);
    this.ports.set(inp.lport, ringInsert(this.ports.get(inp.lport), inp));
    this.size++;
  }

  /** {@inheritDoc PcbTables.remove} */
  remove(inp: Inpcb): void {
    if ((inp.flags2 & INP_CONNECTED) !== 0) this.tuplesOf(inp).remove(inp);
    this.ports.set(inp.lport, ringRemove(this.ports.get(inp.lport) as Inpcb, inp));
    this.size--;
  }

  /** {@inheritDoc PcbTables.exact} */
  exact(af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number): Inpcb | null {
    if (af === AF_INET) return this.tuples4.lookup4(f3, fport, l3, lport);
    return this.tuples6.lookup6(f0, f1, f2, f3, fport, l0, l1, l2, l3, lport);
  }

  /** {@inheritDoc PcbTables.portHead} */
  portHead(lport: number): Inpcb | null {
    return this.ports.get(lport);
  }

  private tuplesOf(inp: Inpcb): TupleTable {
    return inp.faddr.af === AF_INET ? this.tuples4 : this.tuples6;
  }
}

/**
 * A strategy without any table: it walks all pcbs. The reference that others are compared with.
 * @public
 */
export class LinearTables implements PcbTables {
  private readonly all: Inpcb[] = [];
  private readonly heads: Map<number, Inpcb> = new Map();

  /** {@inheritDoc PcbTables.size} */
  get size(): number {
    return this.all.length;
  }

  /** {@inheritDoc PcbTables.insert} */
  insert(inp: Inpcb): void {
    this.all.push(inp);
    this.heads.set(inp.lport, ringInsert(this.portHead(inp.lport), inp));
  }

  /** {@inheritDoc PcbTables.remove} */
  remove(inp: Inpcb): void {
    const i = this.all.indexOf(inp);
    if (i >= 0) this.all.splice(i, 1);
    const head = ringRemove(this.portHead(inp.lport) as Inpcb, inp);
    if (head === null) this.heads.delete(inp.lport);
    else this.heads.set(inp.lport, head);
  }

  /** {@inheritDoc PcbTables.exact} */
  exact(af: number, f0: number, f1: number, f2: number, f3: number, fport: number, l0: number, l1: number, l2: number, l3: number, lport: number): Inpcb | null {
    for (const p of this.all) {
      if ((p.flags2 & INP_CONNECTED) === 0 || p.lport !== lport || p.fport !== fport || p.faddr.af !== af) continue;
      const f = p.faddr;
      const l = p.laddr;
      if (zonedWord0(f) === f0 && f.w1 === f1 && f.w2 === f2 && f.w3 === f3 && zonedWord0(l) === l0 && l.w1 === l1 && l.w2 === l2 && l.w3 === l3) return p;
    }
    return null;
  }

  /** {@inheritDoc PcbTables.portHead} */
  portHead(lport: number): Inpcb | null {
    return this.heads.get(lport) ?? null;
  }
}
