/**
 * `pnpm typecheck`: everything, in three programs.
 *
 * portable  sources of packages that know no host, against ECMAScript alone: a global of Node or the web is a type error
 * web       sources of packages for any web-like host, against ECMAScript and the DOM's types
 * node      the rest, all tests, the benchmarks, and the code in READMEs and guides
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeExamples } from '../docs/examples.js';
import { bin, capture } from '../lib/run.js';
import { ROOT, loadWorkspace } from '../lib/workspace.js';

const WEB = ['ES2022', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'];
const { packages } = loadWorkspace();
const cache = join(ROOT, 'node_modules/.cache/types');
const examples = join(cache, 'examples');
writeExamples(examples);
const sources = (host) => [...packages.values()].filter((p) => p.host === host).map((p) => `${ROOT}/packages/${p.name}/src`);
const programs = {
  node: {
    compilerOptions: { types: ['node'], lib: WEB },
    include: [...sources('node'), `${ROOT}/packages/*/test`, `${ROOT}/packages/*/bench`, `${ROOT}/tooling/*/src`, `${ROOT}/tooling/*/test`, examples],
  },
  portable: { compilerOptions: {}, include: sources('none') },
  web: { compilerOptions: { lib: WEB }, include: sources('web') },
};

mkdirSync(cache, { recursive: true });
const check = async ([name, program]) => {
  const file = join(cache, `${name}.json`);
  const compilerOptions = {
    ...program.compilerOptions, incremental: true, tsBuildInfoFile: join(cache, `${name}.tsbuildinfo`), typeRoots: [`${ROOT}/node_modules/@types`],
  };
  writeFileSync(file, JSON.stringify({ extends: `${ROOT}/tsconfig.base.json`, ...program, compilerOptions }, null, 2));
  return capture(bin('tsc'), ['-p', file, '--pretty', 'false']);
};
const small = async () => { const a = await check(['portable', programs.portable]); const b = await check(['web', programs.web]); return [a, b]; };
const [node, [portable, web]] = await Promise.all([check(['node', programs.node]), small()]);

const lines = new Set([portable, web, node].flatMap((r) => r.output.split('\n')).filter(Boolean));
// An example is named by its page, whose lines it has.
for (const line of lines) console.log(line.replace(/^(\.\.\/)+/, '').replace(/^.*\.cache\/types\/examples\/(.*\.md)\.ts\(/, '$1('));
const errors = [...lines].filter((l) => /error TS/.test(l)).length;
process.exitCode = [portable, web, node].some((r) => r.code !== 0) ? 1 : 0;
console.log(process.exitCode ? `${errors} type errors` : `types: ${packages.size} packages, no errors`);
