/**
 * IPv4 address resolution.
 *
 * @packageDocumentation
 */

export {};
