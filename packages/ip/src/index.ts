/**
 * IPv4 with ICMP, fragments, forwarding.
 *
 * @packageDocumentation
 */

export {};
