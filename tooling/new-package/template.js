/**
 * The files of a package, as `pnpm new` writes them.
 */

/** Compositions bring their @ns neighbours along as ordinary dependencies; all other packages have them as peers, so that one copy loads. */
const COMPOSITION = new Set(['stack', 'cli']);

/** @ns dependencies as package.json fields, sorted. Peers are repeated as devDependencies so the workspace links them. */
export function dependencyFields(name, isPrivate, deps) {
  const range = Object.fromEntries([...deps].sort().map((d) => [`@ns/${d}`, 'workspace:^']));
  if (deps.length === 0) return {};
  if (isPrivate || COMPOSITION.has(name)) return { dependencies: range };
  return { peerDependencies: range, devDependencies: range };
}

/** package.json as an object. */
export function packageJson({ name, description, isPrivate = false, deps = [], bin = null, subpaths = [] }) {
  const entry = (file) => ({ '@ns/source': `./src/${file}.ts`, types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` });
  const exports = { './package.json': './package.json', '.': entry('index') };
  for (const s of subpaths) exports[`./${s}`] = entry(s);
  return {
    name: `@ns/${name}`,
    version: '0.0.0',
    ...(isPrivate ? { private: true } : {}),
    description,
    type: 'module',
    license: 'BSD-2-Clause',
    author: 'The @ns authors',
    sideEffects: false,
    engines: { node: '>=20.19' },
    ...(isPrivate ? {} : { files: ['dist', 'src'] }),
    ...(isPrivate ? {} : { exports }),
    scripts: { build: 'tsup' },
    ...dependencyFields(name, isPrivate, deps),
    ...(isPrivate ? {} : { publishConfig: { access: 'public', provenance: true, ...(bin ? { bin } : {}) } }),
  };
}

/** tsconfig.json; `host` is 'none' (portable code), 'node' or 'web'. Tests always see Node. */
export function tsconfig(host) {
  const options = host === 'node' ? { types: ['node'] } : host === 'web' ? { lib: ['ES2022', 'DOM', 'DOM.AsyncIterable', 'DOM.Iterable'] } : null;
  return { extends: '../../tsconfig.base.json', ...(options ? { compilerOptions: options } : {}), include: ['src', 'test'] };
}

export const TSUP_CONFIG = `export { default } from '../../tooling/build/tsup.js';\n`;

export const API_EXTRACTOR = {
  $schema: 'https://developer.microsoft.com/json-schemas/api-extractor/v7/api-extractor.schema.json',
  extends: '../../tooling/api/api-extractor.base.json',
  mainEntryPointFilePath: '<projectFolder>/dist/index.d.ts',
};

export function indexTs(name, description) {
  return `/**
 * ${description}.
 *
 * @packageDocumentation
 */

export {};
`;
}

export const testTs = (name) => `import { describe, expect, it } from 'vitest';
import * as entry from '@ns/${name}';

describe('@ns/${name}', () => {
  it('exports something', () => {
    expect(Object.keys(entry)).not.toEqual([]); // replace with a test of the first export
  });
});
`;

export function readme(name, description, freebsd) {
  return `# @ns/${name}

${description}.

\`\`\`sh
npm install @ns/${name}
\`\`\`
${freebsd ? `\nFreeBSD counterpart: \`${freebsd}\`.\n` : ''}
Stability: \`0.0.0\`, not published yet.
`;
}
