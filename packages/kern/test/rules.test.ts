import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const { packages } = JSON.parse(readFileSync(join(ROOT, 'tooling/layers.json'), 'utf8')) as { packages: Record<string, { layer: string } | string> };
const layerOf = (name: string): string => {
  const p = packages[name];
  return typeof p === 'string' ? p : (p?.layer ?? '');
};
const libraries = Object.keys(packages).filter((name) => layerOf(name) !== 'private');
const below = libraries.filter((name) => layerOf(name) !== 'faces');

const eslint = new ESLint({ cwd: ROOT, overrideConfigFile: join(ROOT, 'tooling/eslint/eslint.config.js') });

/** The rules that some lines break when they stand in a package. */
async function broken(pkg: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${code}\n`, { filePath: join(ROOT, 'packages', pkg, 'src/sample.ts') });
  return [...new Set((result?.messages ?? []).map((m) => m.ruleId ?? m.message))];
}

/* What the design forbids, nobody can land: the linter is asked, for each package, about lines that do it. */
describe('the rules that keep kernels and vnets apart', () => {
  it('A17 no package may hold mutable state at module level: it would be shared by all kernels, and by workers', async () => {
    expect(libraries.length).toBeGreaterThan(25);
    for (const pkg of libraries) {
      expect([pkg, await broken(pkg, 'let count = 0;\nexport const f = (): number => count++;')]).toEqual([pkg, ['ns/no-module-state']]);
      expect([pkg, await broken(pkg, 'const pool: number[] = [];\nexport const f = (): void => void pool.push(1);')]).toEqual([pkg, ['ns/no-module-state']]);
    }
  }, 60_000);

  it('A18 no package below the faces may wait: no async, no await, no promise', async () => {
    expect(below.length).toBeGreaterThan(20);
    for (const pkg of below) {
      for (const code of ['export async function f(): Promise<void> { await g(); }', 'export const f = (): unknown => new Promise(g);', 'export function* f(): unknown { yield 1; }']) {
        expect([pkg, await broken(pkg, code)]).toEqual([pkg, ['no-restricted-syntax']]);
      }
    }
  }, 60_000);

  it('V02 no function hands out what is of a vnet without being given a vnet, or something that carries one', () => {
    const text = below.map((name) => join(ROOT, `packages/${name}/etc/${name}.api.md`)).filter(existsSync).map((file) => readFileSync(file, 'utf8')).join('\n');
    const types = [...text.matchAll(/^export (?:class|interface) (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)].map(([, name, body]) => {
      const fields = (body ?? '').split('\n').filter((line) => !/^\s+constructor|^\s+\w+(<.*>)?\(/.test(line));
      return { name: name as string, words: fields.join('\n').match(/\b[A-Za-z_]\w*\b/g) ?? [] };
    });
    const carries = new Set(['Vnet', 'Kernel']);
    const mentions = (words: readonly string[]): boolean => words.some((w) => carries.has(w));
    for (let grew = true; grew; ) {
      grew = false;
      for (const { name, words } of types) {
        if (carries.has(name) || ['ModuleDecl', 'VnetVar'].includes(name) || !mentions(words)) continue; // declarations: no vnet in them yet
        carries.add(name);
        grew = true;
      }
    }
    for (const name of ['Socket', 'Inpcb', 'Ifnet', 'Rib', 'Ucred', 'TcpVnet']) expect(carries).toContain(name);
    const functions = [...text.matchAll(/^export function (\w+)(?:<[^(]*>)?\((.*)\): (.*);$/gm)];
    expect(functions.length).toBeGreaterThan(300);
    const words = (s: string | undefined): string[] => s?.match(/\b[A-Za-z_]\w*\b/g) ?? [];
    const declared = /\bSysctlDecl<Vnet>/g; // a declaration as well: its handlers are given the vnet
    expect(functions.filter(([, , params, result]) => mentions(words(result?.replace(declared, ''))) && !mentions(words(params))).map(([, name]) => name)).toEqual([]);
  });
});
