/**
 * TCP: input, output, timers, SACK, reassembly, syncache, host cache.
 *
 * @packageDocumentation
 */

export {};
