import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pages, writeExamples } from '../examples.js';

let root;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ns-docs-'));
  for (const dir of ['packages/a/dist', 'packages/docs']) mkdirSync(join(root, dir), { recursive: true });
  writeFileSync(join(root, 'packages/a/README.md'), '# a\n\n```ts\nconst x: number = 1;\n```\n');
  writeFileSync(join(root, 'packages/a/dist/README.md'), '```ts\nno\n```\n');
  writeFileSync(join(root, 'packages/docs/guide.md'), 'words only\n');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('code of pages, for the type checker', () => {
  it('is written out page by page, each on its lines; what is built has no pages', () => {
    const out = join(root, 'out');
    expect(pages(root)).toEqual(['packages/a/README.md', 'packages/docs/guide.md']);
    writeExamples(out, root);
    expect(readFileSync(join(out, 'packages/a/README.md.ts'), 'utf8')).toBe('\n\n\nconst x: number = 1;\nexport {};\n');
    expect(existsSync(join(out, 'packages/docs/guide.md.ts'))).toBe(false);
  });

  it('of a page that is gone is gone too', () => {
    const out = join(root, 'out');
    writeExamples(out, root);
    rmSync(join(root, 'packages/a/README.md'));
    writeExamples(out, root);
    expect(existsSync(join(out, 'packages/a/README.md.ts'))).toBe(false);
  });
});
