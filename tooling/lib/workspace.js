import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the repository, without a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * The workspace: `layers` (name → layer) and `packages` (name → package), both in the order of layers.json.
 * A package has `name`, `dir`, `layer`, `host`, `hostFiles`, `freebsd`, `manifest`, `isPrivate`.
 */
export function loadWorkspace(root = ROOT) {
  const truth = readJson(join(root, 'tooling/layers.json'));
  const layers = new Map(truth.layers.map((l) => [l.name, l]));
  const packages = new Map();
  for (const [name, entry] of Object.entries(truth.packages)) {
    const dir = join(root, 'packages', name);
    const file = join(dir, 'package.json');
    if (!existsSync(file)) throw new Error(`layers.json names packages/${name}, which has no package.json`);
    if (!layers.has(entry.layer)) throw new Error(`layers.json: ${name} is in the unknown layer ${entry.layer}`);
    const manifest = readJson(file);
    packages.set(name, {
      name, dir, manifest, layer: entry.layer, host: entry.host ?? 'none', hostFiles: entry.hostFiles ?? null,
      freebsd: entry.freebsd ?? '', isPrivate: manifest.private === true,
    });
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    if (!packages.has(name) && existsSync(join(root, 'packages', name, 'package.json'))) {
      throw new Error(`packages/${name} is missing in tooling/layers.json`);
    }
  }
  return { root, truth, layers, packages };
}

/** Files below `dir` whose name ends in one of `ext`, relative to `dir`, sorted. Links and node_modules are not entered: in a workspace they lead to each other without end. */
export function filesBelow(dir, ...ext) {
  const found = [];
  const walk = (at) => {
    for (const e of readdirSync(join(dir, at), { withFileTypes: true })) {
      const path = at === '' ? e.name : `${at}/${e.name}`;
      if (e.isDirectory() && e.name !== 'node_modules') walk(path);
      else if (e.isFile() && ext.some((x) => path.endsWith(x))) found.push(path);
    }
  };
  if (existsSync(dir)) walk('');
  return found.sort();
}
