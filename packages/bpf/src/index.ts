/**
 * Taps, filter machine, pcapng writer.
 *
 * @packageDocumentation
 */

export {};
