import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { markdownBlocks, packageDocBlocks } from '../../../tooling/docs/extract.js';

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(`${PACKAGES}${file}`, 'utf8');
const names = readdirSync(PACKAGES).filter((p) => existsSync(`${PACKAGES}${p}/src/index.ts`));

/** What an example would print stays out of the report of the tests. */
beforeAll(() => {
  for (const method of ['log', 'info', 'warn', 'error'] as const) vi.spyOn(console, method).mockImplementation(() => {});
});

describe.each(names)('the example of @ns/%s', (name) => {
  it('V16 runs, and does what its comments say', async () => {
    await import(`${PACKAGES}${name}/README.md?example&lang.ts`);
  });

  it('V16 is the same in the README and in the package documentation', () => {
    const readme = markdownBlocks(read(`${name}/README.md`));
    const doc = packageDocBlocks(read(`${name}/src/index.ts`));
    expect(doc.map((b) => b.code)).toEqual(readme.slice(0, 1).map((b) => b.code));
    expect(doc.length).toBe(1);
  });
});
