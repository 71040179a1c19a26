/**
 * A whole stack behind socreate(), and the null stack.
 *
 * @packageDocumentation
 */

export {};
