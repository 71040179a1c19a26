/**
 * Framing, VLAN, multicast filter.
 *
 * @packageDocumentation
 */

export {};
