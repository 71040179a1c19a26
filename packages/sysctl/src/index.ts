/**
 * MIB tree of tunables and counters.
 *
 * @packageDocumentation
 */

export {};
