import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../..', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');
const layers = JSON.parse(read('tooling/layers.json')) as { layers: { name: string }[]; packages: Record<string, { layer: string }> };
const published = Object.entries(layers.packages).filter(([, p]) => p.layer !== 'private');

/** Rows of the page, with the heading that they stand under. */
function rows(): { layer: string; name: string; owns: string; not: string }[] {
  const found: { layer: string; name: string; owns: string; not: string }[] = [];
  let layer = '';
  for (const line of read('packages/docs/ownership.md').split('\n')) {
    const heading = /^## (.*)/.exec(line);
    if (heading !== null) layer = heading[1]!;
    const row = /^\| \[([a-z0-9-]+)\]\(\.\.\/([a-z0-9-]+)\) \| (.*) \| (.*) \|$/.exec(line);
    if (row === null) continue;
    expect(row[2], line).toBe(row[1]);
    found.push({ layer, name: row[1]!, owns: row[3]!, not: row[4]! });
  }
  return found;
}

describe('ownership.md', () => {
  it('A23 says of each package, in its layer, who owns what and what is not there', () => {
    const said = rows();
    expect(said.map((r) => r.name).sort(), 'a row for each package: packages/docs/ownership.md').toEqual(published.map(([name]) => name).sort());
    for (const r of said) {
      expect([r.name, r.layer]).toEqual([r.name, layers.packages[r.name]!.layer]);
      expect(r.owns.trim().length, `${r.name}: who owns what`).toBeGreaterThan(10);
      expect(r.not.trim().length, `${r.name}: what is not there`).toBeGreaterThan(5);
    }
  });
});

describe('.github/CODEOWNERS', () => {
  const lines = read('.github/CODEOWNERS').split('\n').filter((l) => l !== '' && !l.startsWith('#')).map((l) => l.split(/\s+/));

  it('A16 gives each layer, each contract and what cuts across packages an owner who reviews changes', () => {
    for (const [pattern, ...owners] of lines) expect(owners.length, pattern).toBeGreaterThan(0);
    for (const [name] of published) {
      const path = `/packages/${name}/src/index.ts`;
      expect(lines.some(([p]) => p !== '*' && path.startsWith(p!)), `${path} has no owner`).toBe(true);
    }
    for (const path of ['**/etc/*.api.md', '/tooling/', '/tooling/layers.json', '/.ci/', '/.changeset/', '/packages/docs/']) expect(lines.map(([p]) => p)).toContain(path);
  });

  it('A16 names nothing that is not there', () => {
    for (const [pattern] of lines) {
      const pkg = /^\/packages\/([a-z0-9-]+)\/$/.exec(pattern!);
      if (pkg !== null) expect(Object.keys(layers.packages), pattern).toContain(pkg[1]);
    }
  });
});
