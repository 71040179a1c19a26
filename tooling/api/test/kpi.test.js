import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadWorkspace, ROOT } from '../../lib/workspace.js';
import { checkDeprecated, deprecatedOf } from '../deprecated.js';
import { bumpKpi, checkKpi, kpiDigests } from '../kpi.js';

let root = '';
afterEach(() => root !== '' && rmSync(root, { recursive: true, force: true }));

const put = (path, text) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

/** A repository with kern, one contract and one package above it. */
function fixture() {
  root = mkdtempSync(join(tmpdir(), 'kpi-'));
  const layers = { kern: 'base', 'a-kpi': 'kpi', b: 'net' };
  put('tooling/layers.json', JSON.stringify({ layers: ['base', 'kpi', 'net'].map((name) => ({ name })), packages: Object.fromEntries(Object.entries(layers).map(([n, layer]) => [n, { layer }])) }));
  for (const name of Object.keys(layers)) put(`packages/${name}/package.json`, JSON.stringify({ name: `@ns/${name}`, version: '0.9.0' }));
  put('packages/kern/src/linker.ts', 'export const KERNEL_VERSION = 1;\n');
  put('packages/a-kpi/etc/a-kpi.api.md', 'export function f(): void;\n');
  put('packages/b/etc/b.api.md', 'export function g(): void;\n');
  put('tooling/api/kpi.json', JSON.stringify({ reports: kpiDigests(root), versions: [{ version: 1, packages: ['a-kpi'], what: 'The first.' }] }));
}

describe('T82 the version of the contracts', () => {
  it('goes up when the report of one changes, with a line that says what', () => {
    fixture();
    expect(checkKpi(root)).toEqual([]);
    put('packages/b/etc/b.api.md', 'export function g(x: number): void;\n'); // no contract
    expect(checkKpi(root)).toEqual([]);
    put('packages/a-kpi/etc/a-kpi.api.md', 'export function f(x: number): void;\n');
    expect(checkKpi(root)).toEqual([expect.stringMatching(/^the surface of a-kpi is not that of version 1; run `pnpm api:bump/)]);
    expect(() => bumpKpi('  ', root)).toThrow('say what has changed');
    expect(bumpKpi('f takes a number.', root)).toBe(2);
    expect(checkKpi(root)).toEqual([]);
    expect(readFileSync(join(root, 'packages/kern/src/linker.ts'), 'utf8')).toBe('export const KERNEL_VERSION = 2;\n');
    expect(JSON.parse(readFileSync(join(root, 'tooling/api/kpi.json'), 'utf8')).versions[1]).toEqual({ version: 2, packages: ['a-kpi'], what: 'f takes a number.' });
    expect(() => bumpKpi('Again.', root)).toThrow('no report of a KPI has changed');
  });

  it('is that of the source, goes up one by one, and a contract cannot come or go without it', () => {
    fixture();
    put('packages/kern/src/linker.ts', 'export const KERNEL_VERSION = 3;\n');
    expect(checkKpi(root)).toEqual(['KERNEL_VERSION is 3, the last version in tooling/api/kpi.json is 1']);
    put('packages/kern/src/linker.ts', 'export const KERNEL_VERSION = 1;\n');
    put('packages/a-kpi/etc/a-kpi-more.api.md', 'export const more: number;\n');
    expect(checkKpi(root)).toHaveLength(1);
    fixture();
    const ledger = JSON.parse(readFileSync(join(root, 'tooling/api/kpi.json'), 'utf8'));
    put('tooling/api/kpi.json', JSON.stringify({ ...ledger, versions: [{ version: 1, what: '' }, { version: 3, what: 'x' }] }));
    expect(checkKpi(root)).toEqual([
      'tooling/api/kpi.json: version 1 does not say what changed',
      'tooling/api/kpi.json: version 3 stands in place 2',
      'KERNEL_VERSION is 1, the last version in tooling/api/kpi.json is 3',
    ]);
  });
});

describe('T36 what is deprecated', () => {
  it('says when it goes, and is gone by then', () => {
    fixture();
    const doc = (tail) => `/**\n * Does it.\n * @deprecated Use g.${tail}\n * @public\n */\nexport function f(): void {}\n`;
    put('packages/b/src/f.ts', doc(' Removed in 1.0.0.'));
    expect(checkDeprecated(root)).toEqual([]);
    put('packages/b/src/f.ts', doc(''));
    expect(checkDeprecated(root)).toEqual(['packages/b/src/f.ts: f is deprecated and does not say `Removed in N.N.N.`']);
    put('packages/b/src/f.ts', doc(' Removed in 0.9.0.'));
    expect(checkDeprecated(root)).toEqual(['packages/b/src/f.ts: f was to be removed in 0.9.0, this is 0.9.0']);
    put('packages/b/src/f.ts', '/** Not @deprecated at all: only spoken of. */\nconst x = 1;\n/** g. */\nexport function g(): number {\n  return x;\n}\n');
    expect(checkDeprecated(root)).toEqual([]);
  });

  it('here: the wrappers of routing that know one table only, marked in the report too', () => {
    expect(checkDeprecated()).toEqual([]);
    const { packages } = loadWorkspace();
    expect(deprecatedOf(packages.get('route')).map(([name, removed]) => `${name} ${removed}`)).toEqual(['rtalloc1 1.0.0', 'rtrequest1 1.0.0', 'rtredirect 1.0.0']);
    const report = readFileSync(join(ROOT, 'packages/route/etc/route.api.md'), 'utf8');
    for (const name of ['rtalloc1', 'rtrequest1', 'rtredirect']) expect(report).toMatch(new RegExp(`// @public @deprecated\\nexport function ${name}\\(`));
  });
});
