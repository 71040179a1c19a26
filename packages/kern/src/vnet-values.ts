import type { VnetVar } from './vnet.ts';

type Key = VnetVar<unknown>;

/**
 * The values of one vnet: what a Map does, with the keys in the order in which the values came.
 */
export interface VnetValues {
  has(v: Key): boolean;
  /** The value; undefined if there is none. */
  get(v: Key): unknown;
  set(v: Key, value: unknown): void;
  delete(v: Key): void;
  keys(): Iterable<Key>;
}

/**
 * How the values of the vnets of one kernel are kept. What a module sees of its variables does not depend on it.
 */
export interface VnetStorage {
  /** What the boot tunable `kern.vnet.storage` calls it. */
  readonly name: string;
  /** Room for the values of a new vnet. */
  values(): VnetValues;
  /** No vnet has a value of `v` any more, and its module goes. */
  forget(v: Key): void;
}

/** The storage that `kern.vnet.storage` asks for: `slots`, or `map`, which is also what any other name gives: a Map for each vnet is what reads fastest. */
export function vnetStorage(name: string): VnetStorage {
  return name === 'slots' ? new SlotStorage() : { name: 'map', values: () => new Map(), forget: () => {} };
}

/**
 * Each variable has a number in the kernel, the same in all its vnets, and its values stand at that place of an array of each vnet. The number is given out again when the module
 * has gone. Source: FreeBSD net/vnet.c, vnet_data_alloc(), where it is an offset.
 */
class SlotStorage implements VnetStorage {
  readonly name: string = 'slots';
  readonly slots: Map<Key, number>;
  private readonly free: number[];

  constructor() {
    this.slots = new Map();
    this.free = [];
  }

  values(): VnetValues {
    return new SlotValues(this);
  }

  slotOf(v: Key): number {
    let slot = this.slots.get(v);
    if (slot === undefined) this.slots.set(v, (slot = this.free.pop() ?? this.slots.size));
    return slot;
  }

  forget(v: Key): void {
    const slot = this.slots.get(v);
    if (slot === undefined) return;
    this.slots.delete(v);
    this.free.push(slot);
  }
}

/** A place without a value. */
const NOTHING: unique symbol = Symbol('nothing');

class SlotValues implements VnetValues {
  private readonly storage: SlotStorage;
  private readonly values: unknown[];
  private made: Key[];

  constructor(storage: SlotStorage) {
    this.storage = storage;
    this.values = [];
    this.made = [];
  }

  has(v: Key): boolean {
    const slot = this.storage.slots.get(v);
    return slot !== undefined && slot < this.values.length && this.values[slot] !== NOTHING;
  }

  get(v: Key): unknown {
    const slot = this.storage.slots.get(v);
    if (slot === undefined || slot >= this.values.length) return undefined;
    const value = this.values[slot];
    return value === NOTHING ? undefined : value;
  }

  set(v: Key, value: unknown): void {
    const slot = this.storage.slotOf(v);
    while (this.values.length <= slot) this.values.push(NOTHING);
    this.values[slot] = value;
    this.made.push(v);
  }

  delete(v: Key): void {
    const slot = this.storage.slots.get(v);
    if (slot === undefined || slot >= this.values.length) return;
    this.values[slot] = NOTHING;
    this.made = this.made.filter((m) => m !== v);
  }

  keys(): Iterable<Key> {
    return this.made;
  }
}
