/**
 * The loopback interface.
 *
 * @packageDocumentation
 */

export {};
