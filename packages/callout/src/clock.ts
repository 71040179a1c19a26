/**
 * Time source and one-shot alarm: the only way the stack learns about time.
 *
 * A face makes one from the host's clock and timer (see the README); tests and labs use `VirtualClock`.
 * `nowUs` is read several times a packet, so it must be cheap. It may return the same value throughout one turn of the host's event loop, but never a smaller one than before.
 * @public
 */
export interface Clock {
  /** Monotonic integer microseconds since the clock was made. */
  nowUs(): number;

  /** Wall clock: integer microseconds since 1970-01-01T00:00Z. For time stamps in captures and logs; it may jump, so nothing is scheduled by it. */
  wallUs(): number;

  /**
   * Arms the single alarm, replacing an earlier one: `fire` runs once, at or after `atUs` of `nowUs`.
   * `atUs` may lie in the past: `fire` then runs soon, but never from inside this call.
   * A host whose timers cannot wait so long may call early: whoever is called looks at the clock and arms again.
   */
  setAlarm(atUs: number, fire: () => void): void;

  /** Disarms the alarm; harmless when none is armed. */
  clearAlarm(): void;
}
