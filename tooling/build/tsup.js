import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { emitDeclarations } from './declarations.js';

const dir = process.cwd();
const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));

/** Entry points: what `exports` and `bin` name. */
function entries() {
  const found = new Set();
  for (const target of Object.values(manifest.exports ?? {})) {
    if (typeof target === 'object') found.add(target['@ns/source'].replace(/^\.\//, ''));
  }
  for (const file of Object.values({ ...manifest.bin, ...manifest.publishConfig?.bin })) found.add(file.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts'));
  if (found.size > 0) return [...found];
  return (existsSync(join(dir, 'src')) ? readdirSync(join(dir, 'src')) : []).filter((f) => f.endsWith('.ts')).map((f) => `src/${f}`); // a private package: each program
}

const entry = entries();

/** tsup for each package: one ES module for each entry point, `@ns/*` and all dependencies left outside, declarations file by file. */
export default entry.length === 0 ? [] : {
  entry,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  external: [/^@ns\//, /^node:/],
  sourcemap: true,
  clean: true,
  splitting: true,
  treeshake: false,
  minify: false,
  dts: false,
  silent: true,
  onSuccess: async () => {
    emitDeclarations(dir);
  },
};
