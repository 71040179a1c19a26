import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkLayers } from '../../layers/check.js';
import { ROOT, loadWorkspace, readJson } from '../../lib/workspace.js';
import { newPackage } from '../main.js';

let root;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ns-new-'));
  mkdirSync(join(root, 'tooling'));
  cpSync(join(ROOT, 'tooling/layers.json'), join(root, 'tooling/layers.json'));
  for (const name of Object.keys(readJson(join(root, 'tooling/layers.json')).packages)) {
    cpSync(join(ROOT, 'packages', name, 'package.json'), join(root, 'packages', name, 'package.json'));
  }
});
afterEach(() => rmSync(root, { recursive: true }));

describe('pnpm new', () => {
  it('writes a package that the workspace and the layer check accept', () => {
    const files = newPackage(root, 'plugins', 'cc-sample', 'A sample');
    expect(files).toContain('packages/cc-sample/src/index.ts');
    const workspace = loadWorkspace(root);
    expect(workspace.packages.get('cc-sample')).toMatchObject({ layer: 'plugins', host: 'none', isPrivate: false });
    expect(workspace.packages.get('cc-sample').manifest).toMatchObject({
      name: '@ns/cc-sample', description: 'A sample', type: 'module', sideEffects: false, license: 'BSD-2-Clause',
      exports: { '.': { '@ns/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
    });
    expect(checkLayers(workspace).filter((p) => p.includes('cc-sample'))).toEqual([]);
  });

  it('has the same shape as the packages that are there', () => {
    newPackage(root, 'base', 'sample');
    const made = readJson(join(root, 'packages/sample/package.json'));
    const wire = readJson(join(ROOT, 'packages/wire/package.json'));
    expect({ ...made, name: '', description: '' }).toEqual({ ...wire, name: '', description: '', peerDependencies: undefined, devDependencies: undefined });
    for (const file of ['tsconfig.json', 'tsup.config.ts', 'api-extractor.json']) {
      expect(readFileSync(join(root, 'packages/sample', file), 'utf8'), file).toBe(readFileSync(join(ROOT, 'packages/wire', file), 'utf8'));
    }
  });

  it('adds one line to layers.json and leaves the others alone', () => {
    const before = readFileSync(join(root, 'tooling/layers.json'), 'utf8').split('\n');
    newPackage(root, 'inet', 'sctp');
    newPackage(root, 'private', 'last');
    const after = readFileSync(join(root, 'tooling/layers.json'), 'utf8').split('\n');
    const strip = (l) => l.replace(/,$/, '');
    expect(after.map(strip).filter((l) => !before.map(strip).includes(l))).toEqual(['    "sctp": { "layer": "inet" }', '    "last": { "layer": "private", "host": "node" }']);
    const { packages } = readJson(join(root, 'tooling/layers.json'));
    const names = Object.keys(packages);
    expect(packages[names[names.indexOf('sctp') - 1]].layer).toBe('inet');
  });

  it.each([
    ['nowhere', 'x', /unknown layer/],
    ['base', 'Bad_Name', /not a package name/],
    ['base', 'wire', /exists already/],
    ['kpi', 'bus', /-kpi/],
    ['net', 'bus-kpi', /belong to the layer kpi/],
  ])('refuses %s %s', (layer, name, message) => {
    expect(() => newPackage(root, layer, name)).toThrow(message);
  });
});
