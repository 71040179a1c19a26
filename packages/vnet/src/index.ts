/**
 * Virtual stacks and the jails that own them.
 *
 * @packageDocumentation
 */

export {};
