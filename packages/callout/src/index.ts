/**
 * Clock, timer wheel, virtual clock.
 *
 * @packageDocumentation
 */

export {};
