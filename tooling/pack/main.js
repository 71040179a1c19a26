/**
 * `pnpm pack:check [name ...]`: what npm would get. Packs every public package, looks at each tarball with publint (strict) and
 * are-the-types-wrong (ESM only), then installs all of them into an empty folder, imports each under plain Node and compiles a program
 * that imports all their types with nothing but ECMAScript's library. Last, each package alone: see alone.js.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { bin, build, capture, pnpm } from '../lib/run.js';
import { allAlone } from './alone.js';
import { loadWorkspace } from '../lib/workspace.js';

if (isMainThread) process.exitCode = await main(process.argv.slice(2));
else await inspectTarballs(workerData);

async function main(names) {
  if (!names.includes('--no-build') && (await build()) !== 0) return 1;
  names = names.filter((n) => !n.startsWith('-'));
  const packages = [...loadWorkspace().packages.values()].filter((p) => !p.isPrivate);
  const wanted = packages.filter((p) => names.length === 0 || names.includes(p.name));
  const temp = mkdtempSync(join(tmpdir(), 'ns-pack-'));
  try {
    const tarballs = join(temp, 'tarballs');
    mkdirSync(tarballs);
    const packed = await pnpm(['-r', '--filter', './packages/*', 'pack', '--pack-destination', tarballs]);
    if (packed.code !== 0) { console.log(packed.output); return 1; }
    const jobs = wanted.map((p) => ({ name: p.name, tarball: join(tarballs, `ns-${p.name}-${p.manifest.version}.tgz`) }));
    const half = Math.ceil(jobs.length / 2);
    const problems = (await Promise.all([jobs.slice(0, half), jobs.slice(half)].filter((j) => j.length > 0).map(inWorker))).flat();
    problems.push(...(await smoke(join(temp, 'consumer'), tarballs, packages)));
    problems.push(...(await allAlone(join(temp, 'alone'), tarballs, packages, wanted)));
    for (const line of problems) console.log(line);
    console.log(problems.length === 0 ? `pack: ${wanted.length} tarballs are in order, install together, import, and each is usable alone` : `pack: ${problems.length} problems`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

function inWorker(jobs) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: jobs });
    worker.on('message', resolve).on('error', reject);
  });
}

async function inspectTarballs(jobs) {
  const { publint } = await import('publint');
  const { formatMessage } = await import('publint/utils');
  const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core');
  const { problemKindInfo } = await import('@arethetypeswrong/core/problems');
  const problems = [];
  for (const { name, tarball } of jobs) {
    const bytes = readFileSync(tarball);
    const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true });
    for (const m of messages) if (m.type !== 'suggestion') problems.push(`${name}: publint: ${formatMessage(m, pkg, { color: false })}`);
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(data)));
    if (!result.types) problems.push(`${name}: attw: the tarball has no types`);
    for (const p of result.problems ?? []) {
      if (p.resolutionKind === 'node10' || p.resolutionKind === 'node16-cjs') continue; // the profile "esm-only"
      problems.push(`${name}: attw: ${problemKindInfo[p.kind]?.title ?? p.kind} ${p.entrypoint ?? p.moduleSpecifier ?? ''}`);
    }
  }
  parentPort.postMessage(problems);
}

/** A consumer's folder with every tarball in it. */
async function smoke(dir, tarballs, packages) {
  mkdirSync(dir);
  const dependencies = Object.fromEntries(packages.map((p) => [`@ns/${p.name}`, `file:${join(tarballs, `ns-${p.name}-${p.manifest.version}.tgz`)}`]));
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies }));
  const installed = await capture('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock', '--loglevel=error'], { cwd: dir });
  if (installed.code !== 0) return [`npm install of the tarballs: ${installed.output.trim()}`];
  const problems = [];
  const twice = readdirSync(join(dir, 'node_modules/@ns'), { recursive: true }).filter((f) => /node_modules\/@ns\/[^/]+$/.test(f));
  for (const copy of twice) problems.push(`two copies: node_modules/@ns/${copy}`);

  const entries = packages.flatMap((p) => Object.entries(p.manifest.exports).filter(([, t]) => typeof t === 'object').map(([s]) => `@ns/${p.name}${s.slice(1)}`));
  writeFileSync(join(dir, 'import.js'), `
let failed = 0;
for (const name of ${JSON.stringify(entries)}) {
  try { await import(name); } catch (err) { failed++; console.log(name + ': ' + (err.stack ?? err).split('\\n').slice(0, 3).join(' ')); }
}
process.exit(failed);`);
  writeFileSync(join(dir, 'types.ts'), `${entries.map((e, i) => `import type * as t${i} from '${e}';`).join('\n')}\nexport type All = [${entries.map((_, i) => `typeof t${i}`)}];\n`);
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { target: 'ES2022', lib: ['ES2022', 'DOM', 'DOM.AsyncIterable'], module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: ['node'], typeRoots: [join(bin('.'), '../@types')] },
    files: ['types.ts'],
  }));
  const [imported, typed] = await Promise.all([capture(process.execPath, ['import.js'], { cwd: dir }), capture(bin('tsc'), ['-p', dir, '--pretty', 'false'], { cwd: dir })]);
  if (imported.code !== 0) problems.push(`import under plain Node: ${imported.output.trim()}`);
  if (typed.code !== 0) problems.push(`types for a consumer: ${typed.output.trim().split('\n').slice(0, 10).join('\n  ')}`);
  return problems;
}
