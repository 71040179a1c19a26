/**
 * Time for the stack: the `Clock` that a host supplies, the timer wheel above it, and a virtual clock (FreeBSD kern/kern_timeout.c).
 *
 * A {@link Callout} is made once, with the object that it serves, and armed through the {@link CalloutWheel} of its kernel. Nothing here touches the host: a face
 * implements {@link Clock} on its own timers, tests and labs use {@link VirtualClock}. Neighbour: `kern`, whose Kernel owns the wheel.
 *
 * ```ts
 * import { Callout, CalloutWheel, VirtualClock } from '@ns/callout';
 *
 * const clock = new VirtualClock();
 * const wheel = new CalloutWheel(clock);
 * const fired: number[] = [];
 * const rexmt = new Callout((_name: string) => fired.push(clock.nowUs()), 'rexmt');
 * wheel.reset(rexmt, 200_000);
 * wheel.reset(rexmt, 300_000);       // later: costs next to nothing
 * clock.advance(1_000_000);
 * [fired, clock.alarmUs]; // => [[300000], -1]: nothing is pending
 * ```
 *
 * @packageDocumentation
 */
export type { Clock } from './clock.ts';
export { Callout } from './callout.ts';
export { CALLOUT_BUDGET, CalloutWheel } from './wheel.ts';
export { VirtualClock } from './virtual-clock.ts';
