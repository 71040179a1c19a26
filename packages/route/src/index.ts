/**
 * FIBs and next hops.
 *
 * @packageDocumentation
 */

export {};
