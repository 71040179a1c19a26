/**
 * What a network driver offers and may call.
 *
 * @packageDocumentation
 */

export {};
