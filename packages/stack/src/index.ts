/**
 * createStack(): the default composition.
 *
 * @packageDocumentation
 */

export {};
