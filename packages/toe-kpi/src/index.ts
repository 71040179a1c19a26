/**
 * TCP offload device.
 *
 * @packageDocumentation
 */

export {};
