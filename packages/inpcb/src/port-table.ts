/* @hot */
import type { Inpcb } from './pcb.ts';

const MIN_SLOTS = 32;

/**
 * Local port -> first pcb of its ring. Open addressing with linear probing; an entry that goes is filled by shifting back those behind it, so churn leaves no tombstones.
 * At most 65,535 entries, so it grows at one go.
 * @public
 */
export class PortTable {
  private keys: Int32Array;
  private heads: (Inpcb | null)[];
  private mask: number;
  private readonly seed: number;
  /** Ports in use. */
  size: number;

  constructor(seed: number) {
    this.keys = new Int32Array(MIN_SLOTS);
    this.heads = new Array<Inpcb | null>(MIN_SLOTS).fill(null);
    this.mask = MIN_SLOTS - 1;
    this.seed = seed | 0;
    this.size = 0;
  }

  /** First pcb of `port`, or null. */
  get(port: number): Inpcb | null {
    const keys = this.keys;
    const mask = this.mask;
    let i = this.hash(port) & mask;
    for (let k = keys[i] as number; k !== 0; k = keys[i] as number) {
      if (k === port) return this.heads[i] as Inpcb;
      i = (i + 1) & mask;
    }
    return null;
  }

  /** Enters the first pcb of `port` (1 to 65535); null takes the port out. */
  set(port: number, head: Inpcb | null): void {
    if (head === null) this.remove(port);
    else this.put(port, head);
  }

  private put(port: number, head: Inpcb): void {
    let i = this.hash(port) & this.mask;
    for (let k = this.keys[i] as number; k !== 0 && k !== port; k = this.keys[i] as number) i = (i + 1) & this.mask;
    this.heads[i] = head;
    if (this.keys[i] === port) return;
    this.keys[i] = port;
    this.size++;
    if (this.size * 2 > this.mask) this.resize((this.mask + 1) * 2);
  }

  private remove(port: number): void {
    const keys = this.keys;
    const mask = this.mask;
    let i = this.hash(port) & mask;
    for (let k = keys[i] as number; k !== port; k = keys[i] as number) {
      if (k === 0) return;
      i = (i + 1) & mask;
    }
    let hole = i;
    for (let j = (i + 1) & mask; keys[j] !== 0; j = (j + 1) & mask) {
      const home = this.hash(keys[j] as number) & mask;
      if (((j - home) & mask) < ((j - hole) & mask)) continue;
      keys[hole] = keys[j] as number;
      this.heads[hole] = this.heads[j] as Inpcb;
      hole = j;
    }
    keys[hole] = 0;
    this.heads[hole] = null;
    this.size--;
    if (mask + 1 > MIN_SLOTS && this.size * 8 < mask) this.resize((mask + 1) >> 1);
  }

  private resize(slots: number): void {
    const keys = this.keys;
    const heads = this.heads;
    this.keys = new Int32Array(slots);
    this.heads = new Array<Inpcb | null>(slots).fill(null);
    this.mask = slots - 1;
    this.size = 0;
    for (let i = 0; i < keys.length; i++) if (keys[i] !== 0) this.put(keys[i] as number, heads[i] as Inpcb);
  }

  private hash(port: number): number {
    const h = Math.imul(port ^ this.seed, 0x9e3779b1);
    return h ^ (h >>> 15);
  }
}
