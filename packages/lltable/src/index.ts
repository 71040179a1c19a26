/**
 * Link-layer cache shared by arp, nd6 and toe.
 *
 * @packageDocumentation
 */

export {};
