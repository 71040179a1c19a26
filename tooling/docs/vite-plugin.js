/**
 * Lets a test run the code of a page: `await import('../README.md?example&lang.ts')`, or of the package documentation: `await import('../src/index.ts?example&lang.ts')`. See extract.js.
 */
import { readFileSync } from 'node:fs';
import { blocksOf, moduleOf, withAssertions } from './extract.js';

const QUERY = '?example&lang.ts';

// On one line, in front of the page's first.
const HEAD = "import { expect as $expect } from 'vitest'; const $is = (a, e, n) => $expect(a, `line ${n}`).toEqual(e); const $throws = (f, t, n) => $expect(f, `line ${n}`).toThrow(t); ";

export function docExamples() {
  return {
    name: 'doc-examples',
    enforce: 'pre',
    async resolveId(id, importer) {
      if (!id.endsWith(QUERY)) return null;
      const file = await this.resolve(id.slice(0, -QUERY.length), importer, { skipSelf: true });
      return file === null ? null : `${file.id}${QUERY}`;
    },
    load(id) {
      if (!id.endsWith(QUERY)) return null;
      const file = id.slice(0, -QUERY.length);
      const text = readFileSync(file, 'utf8');
      try {
        return HEAD + withAssertions(moduleOf(blocksOf(file, text)));
      } catch (err) {
        throw new Error(`${file}: ${err.message}`);
      }
    },
  };
}
