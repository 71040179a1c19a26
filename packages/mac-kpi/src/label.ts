/** Policies of one kernel that can have labels at a time. Source: FreeBSD security/mac/mac_internal.h, MAC_MAX_SLOTS. @public */
export const MAC_MAX_SLOTS = 4;

/**
 * The label of one object: a value for each slot, and whose it is. Read and written through {@link MacSlot} only.
 * Source: FreeBSD security/mac/mac_internal.h, struct label.
 * @public
 */
export class MacLabel {
  /** The slot that each value belongs to; a value of an owner that has gone is seen by nobody. */
  readonly owners: (object | null)[];
  /** The values. */
  readonly values: unknown[];

  constructor() {
    this.owners = new Array<object | null>(MAC_MAX_SLOTS).fill(null);
    this.values = new Array<unknown>(MAC_MAX_SLOTS).fill(null);
  }
}

/** What carries a label. @public */
export interface MacObject {
  /** Null until the first policy sets its part. */
  label: MacLabel | null;
}

/**
 * A policy's place in all labels of one kernel, with the type of what it keeps there. Made by the policy, given a number when the policy registers.
 *
 * Differs: FreeBSD never gives a number out again, as it could not tell an old policy's value from the new one's.
 * Source: FreeBSD mac_framework.c, mac_slot_offsets_free; LABEL_TO_SLOT().
 * @public
 */
export class MacSlot<T> {
  private index: number;

  constructor() {
    this.index = -1;
  }

  /** What the policy has put into the label of `o`; null if nothing, as in objects that are older than the policy. */
  get(o: MacObject): T | null {
    const { label } = o;
    const i = this.index;
    return label !== null && i >= 0 && label.owners[i] === this ? (label.values[i] as T) : null;
  }

  /** Puts `value` into the label of `o`. Throws while the policy is not registered. */
  set(o: MacObject, value: T): void {
    const i = this.index;
    if (i < 0) throw new Error('mac: a label was set through the slot of a policy that is not registered');
    const label = (o.label ??= new MacLabel());
    label.owners[i] = this;
    label.values[i] = value;
  }

  /** For the framework: the number in `[0, MAC_MAX_SLOTS)`; -1 = not registered. */
  get slotnum(): number {
    return this.index;
  }

  /** For the framework: gives the slot its number, or takes it away with -1. */
  assign(index: number): void {
    this.index = index;
  }
}
