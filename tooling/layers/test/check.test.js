import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadWorkspace, readJson, ROOT } from '../../lib/workspace.js';
import { checkLayers, fixDeclared, importsOf } from '../check.js';

const dirs = [];
afterEach(() => { for (const d of dirs.splice(0)) rmSync(d, { recursive: true }); });

/** A workspace on disk: name → { layer, imports, src? }, with the layers of this repository. */
function workspace(spec) {
  const root = mkdtempSync(join(tmpdir(), 'ns-layers-'));
  dirs.push(root);
  const put = (file, text) => { mkdirSync(dirname(join(root, file)), { recursive: true }); writeFileSync(join(root, file), text); };
  const { layers } = readJson(join(ROOT, 'tooling/layers.json'));
  const packages = {};
  for (const [name, { layer, deps = [], src = '', host }] of Object.entries(spec)) {
    packages[name] = { layer, ...(host ? { host } : {}) };
    const manifest = { name: `@ns/${name}` };
    if (deps.length > 0) manifest.peerDependencies = Object.fromEntries(deps.map((d) => [`@ns/${d}`, 'workspace:^']));
    put(`packages/${name}/package.json`, JSON.stringify(manifest));
    put(`packages/${name}/src/index.ts`, src);
  }
  put('tooling/layers.json', JSON.stringify({ layers, packages }));
  return loadWorkspace(root);
}

const TCP = { layer: 'transport', src: 'export const tcp = 1;' };

describe('layers', () => {
  it('refuses a driver that imports tcp', () => {
    const problems = checkLayers(workspace({
      tcp: TCP,
      'drv-nic': { layer: 'plugins', deps: ['tcp'], src: "/** A driver. */\nimport { tcp } from '@ns/tcp';\nexport const d = tcp;" },
    }));
    expect(problems).toEqual(['packages/drv-nic/src/index.ts:2: drv-nic (plugins) imports tcp (transport); plugins may import base, kpi']);
  });

  it('sees type-only, re-exported, dynamic and import() type imports', () => {
    for (const src of ["import type { tcp } from '@ns/tcp';", "export * from '@ns/tcp';", "export const p = () => import('@ns/tcp');", "export type T = import('@ns/tcp').T;"]) {
      const problems = checkLayers(workspace({ tcp: TCP, 'drv-nic': { layer: 'plugins', deps: ['tcp'], src } }));
      expect(problems, src).toHaveLength(1);
    }
  });

  it('ignores what only looks like an import', () => {
    expect(importsOf("// import '@ns/tcp'\n/* import x from '@ns/tcp' */ const s = \"import '@ns/tcp'\";")).toEqual([]);
  });

  it('refuses upward imports and a plugin beside a plugin', () => {
    const problems = checkLayers(workspace({
      mbuf: { layer: 'base', deps: ['tcp'], src: "import '@ns/tcp';" },
      tcp: TCP,
      'drv-a': { layer: 'plugins', deps: ['drv-b'], src: "import '@ns/drv-b';" },
      'drv-b': { layer: 'plugins', src: '' },
    }));
    expect(problems.map((p) => p.split(';')[0])).toEqual([
      'packages/mbuf/src/index.ts:1: mbuf (base) imports tcp (transport)',
      'packages/drv-a/src/index.ts:1: drv-a (plugins) imports drv-b (plugins)',
    ]);
  });

  it('refuses a circle between packages of one layer', () => {
    const problems = checkLayers(workspace({
      ifnet: { layer: 'net', deps: ['route'], src: "import '@ns/route';" },
      route: { layer: 'net', deps: ['ifnet'], src: "import '@ns/ifnet';" },
    }));
    expect(problems).toEqual(['circle: ifnet → route → ifnet (packages/ifnet/src/index.ts:1)']);
  });

  it('wants imports and package.json to say the same', () => {
    const problems = checkLayers(workspace({
      errno: { layer: 'base' },
      wire: { layer: 'base', deps: ['errno'], src: "import 'left-pad';" },
      mbuf: { layer: 'base', src: "import '@ns/wire';" },
    }));
    expect(problems).toEqual([
      'packages/wire/package.json: @ns/errno is declared and not imported',
      'packages/wire/src/index.ts:1: left-pad is not in the package.json of wire',
      'packages/mbuf/src/index.ts:1: @ns/wire is not in the package.json of mbuf',
    ]);
  });

  it('repairs package.json from the imports', () => {
    const w = workspace({ errno: { layer: 'base' }, wire: { layer: 'base', deps: [], src: "import '@ns/errno';" } });
    expect(fixDeclared(w)).toEqual(['wire']);
    expect(checkLayers(loadWorkspace(w.root))).toEqual([]);
  });

  it('keeps node: out of portable packages, and files inside their package', () => {
    const problems = checkLayers(workspace({
      ip: { layer: 'inet', src: "import 'node:fs';\nimport '../../mbuf/src/index.ts';\nimport './a';" },
      'sock-node': { layer: 'faces', host: 'node', src: "import 'node:net';" },
    }));
    expect(problems.map((p) => p.replace(/^.*?: /, ''))).toEqual([
      "'node:fs' in a package that runs on any host",
      "'../../mbuf/src/index.ts' leaves the package; import the sibling as @ns/<name>",
      "'./a' must name the file with its .ts",
    ]);
  });
});
