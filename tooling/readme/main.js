/** `pnpm readme [--check]`: writes, or checks, the generated parts of README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, loadWorkspace } from '../lib/workspace.js';
import { renderReadme } from './render.js';

const file = join(ROOT, 'README.md');
const before = readFileSync(file, 'utf8');
const after = renderReadme(before, loadWorkspace());
if (before === after) console.log('readme: up to date');
else if (process.argv.includes('--check')) {
  console.log('readme: the layer diagram or the package table is stale; run `pnpm readme`');
  process.exitCode = 1;
} else {
  writeFileSync(file, after);
  console.log('readme: written');
}
