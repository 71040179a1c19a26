/**
 * Protocol control blocks: lookup, ports, groups.
 *
 * @packageDocumentation
 */

export {};
