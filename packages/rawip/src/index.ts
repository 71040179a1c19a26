/**
 * Raw IP sockets.
 *
 * @packageDocumentation
 */

export {};
