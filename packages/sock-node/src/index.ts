/**
 * Sockets shaped like node:net and node:dgram.
 *
 * @packageDocumentation
 */

export {};
