import { builtinModules } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { dependencyFields } from '../new-package/template.js';
import { filesBelow, readJson } from '../lib/workspace.js';

const BUILTIN = new Set(builtinModules.flatMap((m) => [m, `node:${m}`]));

/** What a file imports: static, type-only, re-exported, dynamic, and `import('x').T`; comments and strings do not count. */
export function importsOf(text) {
  return ts.preProcessFile(text, true, true).importedFiles.map((f) => ({ name: f.fileName, line: text.slice(0, f.pos).split('\n').length }));
}

const packageOf = (specifier) => specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');

/** The imports of a package's sources: `siblings` (name → place of the first), `external` (likewise), and what breaks a rule. */
export function readPackage(pkg) {
  const siblings = new Map();
  const external = new Map();
  const problems = [];
  for (const file of filesBelow(join(pkg.dir, 'src'), '.ts')) {
    const text = readFileSync(join(pkg.dir, 'src', file), 'utf8');
    for (const { name, line } of importsOf(text)) {
      const at = `packages/${pkg.name}/src/${file}:${line}`;
      if (name.startsWith('.')) {
        if (!name.endsWith('.ts')) problems.push(`${at}: '${name}' must name the file with its .ts`);
        if (join(file, '..', name).startsWith('..')) problems.push(`${at}: '${name}' leaves the package; import the sibling as @ns/<name>`);
      } else if (BUILTIN.has(name)) {
        if (pkg.host !== 'node') problems.push(`${at}: '${name}' in a package that runs on any host`);
        else if (pkg.hostFiles && !pkg.hostFiles.some((p) => `src/${file}`.startsWith(p))) {
          problems.push(`${at}: '${name}' outside of ${pkg.hostFiles.join(', ')}`);
        } else if (!name.startsWith('node:')) problems.push(`${at}: write 'node:${name}'`);
      } else if (name.startsWith('@ns/')) {
        const target = packageOf(name).slice(4);
        if (target === pkg.name) problems.push(`${at}: the package imports itself; use ./file.ts`);
        else if (!siblings.has(target)) siblings.set(target, at);
      } else if (!external.has(packageOf(name))) external.set(packageOf(name), at);
    }
  }
  return { siblings, external, problems };
}

/** Checks directions, cycles and declared dependencies of a workspace. Returns one line for each problem. */
export function checkLayers({ layers, packages }) {
  const problems = [];
  const graph = new Map();
  for (const pkg of packages.values()) {
    const read = readPackage(pkg);
    graph.set(pkg.name, read);
    problems.push(...read.problems);
    const allowed = layers.get(pkg.layer).imports;
    for (const [target, at] of read.siblings) {
      const to = packages.get(target);
      if (!to) problems.push(`${at}: @ns/${target} is not a package of this workspace`);
      else if (!allowed.includes(to.layer)) {
        problems.push(`${at}: ${pkg.name} (${pkg.layer}) imports ${target} (${to.layer}); ${pkg.layer} may import ${allowed.join(', ')}`);
      }
    }
    problems.push(...checkDeclared(pkg, read));
  }
  for (const cycle of cycles(graph)) problems.push(`circle: ${cycle.join(' → ')} (${graph.get(cycle[0]).siblings.get(cycle[1])})`);
  return problems;
}

function checkDeclared(pkg, { siblings, external }) {
  const { manifest } = pkg;
  const problems = [];
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies };
  const declared = new Set(Object.keys(runtime).filter((d) => d.startsWith('@ns/')).map((d) => d.slice(4)));
  for (const [target, at] of siblings) if (!declared.has(target)) problems.push(`${at}: @ns/${target} is not in the package.json of ${pkg.name}`);
  for (const target of declared) {
    if (!siblings.has(target)) problems.push(`packages/${pkg.name}/package.json: @ns/${target} is declared and not imported`);
  }
  for (const [target, at] of external) if (!runtime[target]) problems.push(`${at}: ${target} is not in the package.json of ${pkg.name}`);
  return problems;
}

/** Each circle between packages once, as the list of names that closes it. */
function cycles(graph) {
  const found = [];
  const state = new Map();
  const visit = (name, path) => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open') { found.push([...path.slice(path.indexOf(name)), name]); return; }
    state.set(name, 'open');
    for (const next of graph.get(name)?.siblings.keys() ?? []) if (graph.has(next)) visit(next, [...path, name]);
    state.set(name, 'done');
  };
  for (const name of graph.keys()) visit(name, []);
  return found;
}

/** Rewrites the @ns dependencies of each package.json, or of those `only` names, after its imports. Returns the names of the packages that changed. */
export function fixDeclared({ packages }, only = []) {
  const changed = [];
  for (const pkg of packages.values()) {
    if (only.length > 0 && !only.includes(pkg.name)) continue;
    const { siblings } = readPackage(pkg);
    const { manifest } = pkg;
    const before = JSON.stringify(manifest);
    const fields = dependencyFields(pkg.name, pkg.isPrivate, [...siblings.keys()].filter((s) => packages.has(s)));
    for (const field of ['dependencies', 'peerDependencies', 'devDependencies']) {
      const others = Object.entries(manifest[field] ?? {}).filter(([d]) => !d.startsWith('@ns/'));
      const all = Object.fromEntries([...Object.entries(fields[field] ?? {}), ...others].sort(([a], [b]) => (a < b ? -1 : 1)));
      if (Object.keys(all).length > 0) manifest[field] = all;
      else delete manifest[field];
    }
    if (JSON.stringify(manifest) === before) continue;
    writeFileSync(join(pkg.dir, 'package.json'), `${JSON.stringify(ordered(manifest), null, 2)}\n`);
    changed.push(pkg.name);
  }
  return changed;
}

/** Dependencies stand before publishConfig, whatever was added last. */
function ordered(manifest) {
  const { dependencies, peerDependencies, devDependencies, publishConfig, ...rest } = manifest;
  return { ...rest, ...(dependencies && { dependencies }), ...(peerDependencies && { peerDependencies }),
    ...(devDependencies && { devDependencies }), ...(publishConfig && { publishConfig }) };
}

/** Layers whose packages are released together, with one version. */
const LOCKSTEP = ['net', 'inet', 'transport', 'faces'];

const lockstepOf = ({ packages }) => [...packages.values()].filter((p) => !p.isPrivate && LOCKSTEP.includes(p.layer)).map((p) => p.manifest.name);

/** One line if the `fixed` group of .changeset/config.json is not the packages from net to faces. */
export function checkLockstep(workspace) {
  const { fixed } = readJson(join(workspace.root, '.changeset/config.json'));
  return JSON.stringify(fixed) === JSON.stringify([lockstepOf(workspace)]) ? [] : ['.changeset/config.json: `fixed` is not the packages from net to faces; run `pnpm layers --fix`'];
}

/** Writes that group. Returns whether it had to. */
export function fixLockstep(workspace) {
  if (checkLockstep(workspace).length === 0) return false;
  const file = join(workspace.root, '.changeset/config.json');
  writeFileSync(file, `${JSON.stringify({ ...readJson(file), fixed: [lockstepOf(workspace)] }, null, 2)}\n`);
  return true;
}
