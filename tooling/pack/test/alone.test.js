import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build, pnpm } from '../../lib/run.js';
import { loadWorkspace } from '../../lib/workspace.js';
import { checkAlone, closure, unpack } from '../alone.js';

/** One of each kind: without neighbours, a contract, a driver. `pnpm pack:check` does them all. */
const NAMES = ['errno', 'toe-kpi', 'drv-loop'];

let dir;
let store;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ns-alone-'));
  const tarballs = join(dir, 'tarballs');
  mkdirSync(tarballs);
  // The example of drv-loop uses what stands above it.
  const filters = [...NAMES, 'vnet', 'ifnet', 'netisr'].map((n) => `@ns/${n}...`);
  for (const f of filters) expect(await build(f)).toBe(0);
  const packed = await pnpm(['-r', ...filters.map((f) => `--filter=${f}`), 'pack', '--pack-destination', tarballs]);
  expect(packed.output, 'pack').not.toMatch(/ERR_/);
  const all = [...loadWorkspace().packages.values()].filter((p) => !p.isPrivate && packed.output.includes(`ns-${p.name}-${p.manifest.version}.tgz`));
  store = await unpack(join(dir, 'store'), tarballs, all);
}, 600_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a package from its tarball, with its declared peers only', () => {
  it.each(NAMES)('J15 %s imports, and the example of its README runs', async (name) => {
    expect(await checkAlone(name, store, dir)).toEqual([]);
  }, 120_000);

  it('J15 what is not declared is not there, and an example that is not true is found', async () => {
    expect([...closure(['errno'], store)]).toEqual(['errno']);
    const bad = join(dir, 'bad');
    mkdirSync(join(bad, 'dist'), { recursive: true });
    writeFileSync(join(bad, 'dist/index.js'), "import '@ns/errno';\nexport const one = 1;\n");
    writeFileSync(join(bad, 'README.md'), "```ts\nimport { one } from '@ns/bad';\nimport '@ns/errno';\none; // => 2\n```\n");
    const manifest = JSON.parse(readFileSync(join(store.get('errno').dir, 'package.json'), 'utf8'));
    const found = await checkAlone('bad', new Map([...store, ['bad', { name: 'bad', dir: bad, manifest: { ...manifest, name: '@ns/bad', exports: { '.': { default: './dist/index.js' } } } }]]), dir);
    expect(found.length).toBe(2);
    expect(found[0]).toContain('with its declared peers it does not import');
  }, 120_000);
});
