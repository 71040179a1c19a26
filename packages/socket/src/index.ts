/**
 * Sockets, socket buffers, protocol table.
 *
 * @packageDocumentation
 */

export {};
