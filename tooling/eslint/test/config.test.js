import { ESLint } from 'eslint';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../lib/workspace.js';

const eslint = new ESLint({ cwd: ROOT, overrideConfigFile: join(ROOT, 'tooling/eslint/eslint.config.js') });

/** Rules that a line of code breaks when it stands in the given package. */
async function broken(pkg, code, file = 'src/sample.ts') {
  const [result] = await eslint.lintText(`${code}\n`, { filePath: join(ROOT, 'packages', pkg, file) });
  return [...new Set(result.messages.map((m) => m.ruleId ?? m.message))];
}

describe('the rules of the design, by layer', () => {
  it.each([
    ['tcp', 'export const f = (): number => Date.now();', 'no-restricted-globals'],
    ['tcp', 'export const f = (): void => { setTimeout(() => 1, 1); };', 'no-restricted-globals'],
    ['kern', 'export const f = (): void => { console.log(1); };', 'no-restricted-globals'],
    ['wire', 'export const f = (): number => performance.now();', 'no-restricted-globals'],
    ['drv-epair', 'export const f = (): void => { queueMicrotask(() => 1); };', 'no-restricted-globals'],
    ['ip', 'export const f = (): number => Math.random();', 'no-restricted-properties'],
    ['ip', "import { readFileSync } from 'node:fs'; export const f = readFileSync;", 'no-restricted-imports'],
    ['ip', "import { readFileSync } from 'fs'; export const f = readFileSync;", 'no-restricted-imports'],
    ['sock-web', "import * as net from 'node:net'; export const f = net.connect;", 'no-restricted-imports'],
    ['socket', 'export async function f(): Promise<number> { return 1; }', 'no-restricted-syntax'],
    ['udp', 'export const f = (p: PromiseLike<void>): void => { g(p); };', 'no-restricted-syntax'],
    ['udp', 'export function* f(): Generator<number> { yield 1; }', 'no-restricted-syntax'],
    ['ifnet', 'export const f = (): unknown => Promise.resolve(1);', 'no-restricted-syntax'],
    ['ifnet', 'let counter = 0; export const f = (): number => counter++;', 'ns/no-module-state'],
    ['sock-node', 'let counter = 0; export const f = (): number => counter++;', 'ns/no-module-state'],
    ['cli', "import { readFileSync } from 'node:fs'; export const f = readFileSync;", 'no-restricted-imports'],
    ['errno', 'export default 1;', 'no-restricted-exports'],
    ['errno', 'export const f = (a: any): number => a;', '@typescript-eslint/no-explicit-any'],
  ])('in %s: %s', async (pkg, code, rule) => {
    expect(await broken(pkg, code)).toContain(rule);
  });

  it.each([
    ['sock-node', "import * as net from 'node:net'; export const f = async (): Promise<typeof net.connect> => net.connect;"],
    ['stack', 'export const f = async (): Promise<number> => performance.now();'],
    ['tcp', 'export const f = (a: number): number => (a + 1) | 0;'],
  ])('in %s allowed: %s', async (pkg, code) => {
    expect(await broken(pkg, code)).toEqual([]);
  });

  it('lets the program of a package reach the host', async () => {
    expect(await broken('cli', "import { readFileSync } from 'node:fs'; console.log(readFileSync);", 'src/ns.ts')).toEqual([]);
  });
});
