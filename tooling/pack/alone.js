/**
 * Each package by itself, as someone gets it who installs that one: its tarball with what the tarball's manifest declares, and nothing else. It must import, and its README's example must run once what the example
 * itself imports is there too.
 */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { blocksOf, moduleOf, withAssertions } from '../docs/extract.js';
import { capture, pooled } from '../lib/run.js';
import { readJson } from '../lib/workspace.js';

const HEAD = `import assert from 'node:assert'; const $is = (a, e, n) => assert.deepEqual(a, e, 'README line ' + n + ': ' + JSON.stringify(a)); const $throws = (f, t) => assert.throws(f, (err) => String(err).includes(t)); `;
const LIMIT_MS = 60_000;

/** Unpacks the tarballs of `packages` into `dir`; returns where each is: `{ name, dir, manifest }` by name. */
export async function unpack(dir, tarballs, packages) {
  const at = new Map();
  await pooled(packages.map((p) => async () => {
    const to = join(dir, p.name);
    mkdirSync(to, { recursive: true });
    const { code, output } = await capture('tar', ['-xzf', join(tarballs, `ns-${p.name}-${p.manifest.version}.tgz`), '-C', to, '--strip-components=1']);
    if (code !== 0) throw new Error(`${p.name}: ${output}`);
    at.set(p.name, { name: p.name, dir: to, manifest: readJson(join(to, 'package.json')) });
  }));
  return at;
}

/** What a package needs by its manifest, itself included. */
export function closure(names, store, into = new Set()) {
  for (const name of names) {
    const p = store.get(name);
    if (p === undefined || into.has(name)) continue;
    into.add(name);
    const needs = Object.keys({ ...p.manifest.dependencies, ...p.manifest.peerDependencies }).filter((d) => d.startsWith('@ns/'));
    closure(needs.map((d) => d.slice(4)), store, into);
  }
  return into;
}

/** Checks one package; returns what is wrong, a line each. */
export async function checkAlone(name, store, dir) {
  const p = store.get(name);
  const problems = [];
  const entries = Object.entries(p.manifest.exports).filter(([, t]) => typeof t === 'object').map(([s]) => `@ns/${name}${s.slice(1)}`);
  const bare = consumer(join(dir, `${name}-import`), closure([name], store), store, entries.map((e) => `await import('${e}');`).join('\n'));
  const imported = await node(bare);
  if (imported.code !== 0) problems.push(`${name}: alone with its declared peers it does not import: ${lastError(imported.output)}`);
  const readme = join(p.dir, 'README.md');
  if (!existsSync(readme)) return [...problems, `${name}: the tarball has no README.md`];
  let code;
  try {
    code = withAssertions(moduleOf(blocksOf(readme, readFileSync(readme, 'utf8'))));
  } catch (err) {
    return [...problems, `${name}: README.md: ${err.message}`];
  }
  const uses = [...code.matchAll(/from '@ns\/([a-z0-9-]+)/g)].map((m) => m[1]);
  const js = ts.transpileModule(HEAD + code, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: true } }).outputText;
  const ran = await node(consumer(join(dir, `${name}-readme`), closure([name, ...uses], store), store, `${js}\nsetTimeout(() => process.exit(0), 100);`));
  if (ran.code !== 0) problems.push(`${name}: the example of its README does not run: ${lastError(ran.output)}`);
  return problems;
}

/** A folder with these packages installed, and a program. */
function consumer(dir, names, store, program) {
  mkdirSync(join(dir, 'node_modules/@ns'), { recursive: true });
  for (const n of names) symlinkSync(store.get(n).dir, join(dir, 'node_modules/@ns', n));
  writeFileSync(join(dir, 'package.json'), '{ "private": true, "type": "module" }');
  writeFileSync(join(dir, 'main.js'), program);
  return dir;
}

/** Links are kept as they are, so that each package finds its neighbours in the consumer's folder and nowhere else. */
const node = (dir) => capture(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', 'main.js'], { cwd: dir, timeout: LIMIT_MS });

const lastError = (output) => output.split('\n').find((l) => /Error|Cannot find/.test(l))?.trim() ?? output.trim().split('\n').pop() ?? '';

/** All of them, two at a time. */
export async function allAlone(dir, tarballs, packages, wanted) {
  const store = await unpack(join(dir, 'store'), tarballs, packages);
  return (await pooled(wanted.map((p) => () => checkAlone(p.name, store, dir)))).flat();
}
