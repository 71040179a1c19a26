/**
 * Input dispatch, RSS hash and buckets.
 *
 * @packageDocumentation
 */

export {};
