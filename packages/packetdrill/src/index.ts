/**
 * Packet scripts against a kernel of this stack: the packetdrill language, in process and in virtual time.
 *
 * {@link runScript} runs a script and says what happened; {@link scriptSuite} makes tests of scripts; {@link parseScript} reads one. The program `packetdrill` runs files. Neighbours:
 * `stack` boots the kernel under test, `cli` has the commands that scripts call, `testkit` the labs with two stacks.
 *
 * ```ts
 * import { renderResult, runScript } from '@ns/packetdrill';
 *
 * const r = runScript(`
 *     0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
 *    +0 bind(3, ..., ...) = 0
 *    +0 listen(3, 1) = 0
 *    +0 < S 0:0(0) win 65535 <mss 1460>
 *    +0 > S. 0:0(0) ack 1 win 65535 <mss 1460>
 *   +.1 < . 1:1(0) ack 1 win 65535
 *    +0 accept(3, ..., ...) = 4
 * `);
 * renderResult(r); // => 'script: passed'
 * ```
 * @packageDocumentation
 */
export * from './lang/ast.ts';
export { ScriptSyntaxError } from './lang/error.ts';
export { type ParseOptions, parseScript } from './lang/parser.ts';
export { type ScriptLink, type ScriptLinkPlace, tunLink } from './run/link.ts';
export { renderResult, type ScriptResult } from './run/result.ts';
export { type RunOptions, runScript } from './run/run.ts';
export { scriptSuite, type ScriptSuiteRunner } from './suite.ts';
