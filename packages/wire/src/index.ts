/**
 * Headers and options to and from bytes, checksums, sequence order.
 *
 * @packageDocumentation
 */

export {};
