/**
 * Taps, filter machine, pcapng writer.
 *
 * @packageDocumentation
 */

export * from './bpf-if.ts';
