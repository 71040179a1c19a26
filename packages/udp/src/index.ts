/**
 * UDP.
 *
 * @packageDocumentation
 */

export {};
