/**
 * Sockets shaped like Web streams.
 *
 * @packageDocumentation
 */

export {};
