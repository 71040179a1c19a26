import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RT_DEFAULT_FIB } from '@ns/route';
import { expect, it } from 'vitest';

const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));

/** The sources of all packages, each with its path. */
function sources(): [path: string, text: string][] {
  return readdirSync(PACKAGES).flatMap((name) => {
    const dir = join(PACKAGES, name, 'src');
    let files: string[];
    try {
      files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
    } catch {
      return [];
    }
    return files.map((f): [string, string] => [`${name}/src/${f}`, readFileSync(join(dir, f), 'utf8')]);
  });
}

it('T32 the default table has a name, and no source asks for a table by a bare number', () => {
  expect(RT_DEFAULT_FIB).toBe(0);
  const all = sources();
  expect(all.length).toBeGreaterThan(300);
  const bare = all.filter(([, text]) => /\.(inet6?|rib)\([0-9]|\bfib: [0-9]/.test(text.replace(/^ *(\*|\/\/).*$/gm, '')));
  expect(bare.map(([path]) => path)).toEqual([]);
});
