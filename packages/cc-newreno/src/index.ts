/**
 * NewReno congestion control.
 *
 * @packageDocumentation
 */

export {};
