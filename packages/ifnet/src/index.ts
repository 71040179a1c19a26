/**
 * Interface table, addresses, cloning, link state.
 *
 * @packageDocumentation
 */

export {};
