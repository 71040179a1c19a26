/**
 * ifconfig, netstat, sockstat, sysctl, jail, route and more.
 *
 * @packageDocumentation
 */

export {};
