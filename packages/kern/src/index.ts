/**
 * The kernel object: modules, SYSINIT order, hooks, per-vnet variables, the lease ledger.
 *
 * @packageDocumentation
 */

export {};
