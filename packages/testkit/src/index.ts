/**
 * Virtual lab; conformance suites for drivers and algorithms.
 *
 * @packageDocumentation
 */

export {};
