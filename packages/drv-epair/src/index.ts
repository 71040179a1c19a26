/**
 * A pair of Ethernet interfaces joined back to back.
 *
 * @packageDocumentation
 */

export {};
