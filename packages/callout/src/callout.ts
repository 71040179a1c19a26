/**
 * One timer: a function and its argument, to be called once, later.
 *
 * Made once with the object that it serves and armed many times through a {@link CalloutWheel}, always the same one; arming and stopping allocate nothing.
 * The function runs from {@link CalloutWheel.run}; it may arm or stop this callout and any other.
 * Source: FreeBSD kern_timeout.c, struct callout.
 * @public
 */
export class Callout<T> {
  // Initialised where they are declared: a field that is first undefined holds no unboxed number, and each store of a time would allocate.
  /**
   * When it fires, in microseconds of the wheel's clock; `Infinity` when not pending. Written by the wheel only.
   */
  deadlineUs: number = Infinity;
  /** Order of arming, which decides between equal deadlines. Written by the wheel only. */
  seq: number = 0;
  /** Neighbours in the list that holds it, null when not pending. Written by the wheel only. */
  next: Callout<unknown> | null = null;
  /** See `next`. */
  prev: Callout<unknown> | null = null;
  private readonly fn: (arg: T) => void;
  private readonly arg: T;

  constructor(fn: (arg: T) => void, arg: T) {
    this.fn = fn;
    this.arg = arg;
  }

  /** True from arming until it is stopped or its function is about to be called. Source: callout_pending(). */
  get pending(): boolean {
    return this.next !== null;
  }

  /** Calls the function now, armed or not; arms and stops nothing. */
  call(): void {
    this.fn(this.arg);
  }
}
