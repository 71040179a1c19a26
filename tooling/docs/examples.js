/**
 * The code of all READMEs and guides, written out as modules for the type checker. What the package documentation shows is the README's, as a test makes sure.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, filesBelow } from '../lib/workspace.js';
import { blocksOf, moduleOf } from './extract.js';

/** Pages that may have code, relative to the root. */
export function pages(root = ROOT) {
  return filesBelow(join(root, 'packages'), '.md').filter((f) => !f.includes('/dist/') && !f.includes('/etc/')).map((f) => `packages/${f}`);
}

/** Writes each page's module below `dir`, as `<page>.ts`, on the lines of the page; files of pages that are gone go too. */
export function writeExamples(dir, root = ROOT) {
  rmSync(dir, { recursive: true, force: true });
  for (const page of pages(root)) {
    const blocks = blocksOf(page, readFileSync(join(root, page), 'utf8'));
    if (blocks.length === 0) continue;
    const file = join(dir, `${page}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, moduleOf(blocks));
  }
}
