/** `pnpm lint [--fix] [path ...]`. */
import { ESLint } from 'eslint';
import { join } from 'node:path';
import { ROOT } from '../lib/workspace.js';

const args = process.argv.slice(2);
const fix = args.includes('--fix');
const paths = args.filter((a) => !a.startsWith('-'));
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfigFile: join(ROOT, 'tooling/eslint/eslint.config.js'),
  fix,
  cache: true,
  cacheLocation: join(ROOT, 'node_modules/.cache/eslint/'),
  cacheStrategy: 'content',
  errorOnUnmatchedPattern: false,
});
const results = await eslint.lintFiles(paths.length > 0 ? paths : ['packages/*/{src,test,bench}/**/*.ts']);
if (fix) await ESLint.outputFixes(results);
const formatter = await eslint.loadFormatter('stylish');
const text = await formatter.format(results);
if (text) console.log(text);
const errors = results.reduce((n, r) => n + r.errorCount, 0);
console.log(errors === 0 ? `lint: ${results.length} files, no errors` : `lint: ${errors} errors`);
process.exitCode = errors === 0 ? 0 : 1;
