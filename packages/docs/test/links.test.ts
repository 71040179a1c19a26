import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const docs = new URL('..', import.meta.url);
const pages = readdirSync(docs).filter((f) => f.endsWith('.md'));
const read = (page: string): string => readFileSync(new URL(page, docs), 'utf8');
const layers = JSON.parse(readFileSync(new URL('../../tooling/layers.json', docs), 'utf8')) as { packages: Record<string, { layer: string; freebsd?: string }> };

/** Targets of the links of a page, without those to the web and with their anchors cut off. */
const links = (page: string): string[] => [...read(page).replace(/```[\s\S]*?```/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1]!.replace(/#.*/, '')).filter((l) => l !== '' && !/^[a-z]+:/.test(l));

describe('the guides', () => {
  it.each(pages)('%s links to what is there', (page) => {
    expect(links(page).filter((l) => !existsSync(fileURLToPath(new URL(l, docs))))).toEqual([]);
  });

  it('are all in the list of guides', () => {
    expect(links('README.md').sort()).toEqual(expect.arrayContaining(pages.filter((p) => p !== 'README.md')));
  });

  it('freebsd-map.md has each package with a counterpart in FreeBSD', () => {
    const there = new Set(links('freebsd-map.md').map((l) => l.replace('../', '')));
    const missing = Object.entries(layers.packages).filter(([name, p]) => p.freebsd !== undefined && !there.has(name));
    expect(missing.map(([name]) => name)).toEqual([]);
  });
});

describe('virtualisation-steps.md', () => {
  it('V06 maps each step of the plan to what is here, with its state and the test that shows it', () => {
    const rows = [...read('virtualisation-steps.md').matchAll(/^\| ([a-z0-9.]+) \| (.*) \| (.+) \| (done|begun|not begun) \| (.*)\|$/gm)].map((m) => ({ step: m[1]!, here: m[3]!, state: m[4]!, proof: m[5]! }));
    expect(rows.map((r) => r.step).filter((s) => /^[0-9]/.test(s))).toEqual(['1', '1.5', '2.1', '2.2', '3', '4']);
    expect(rows.length).toBe(read('virtualisation-steps.md').split('\n').filter((l) => /^\| (?!step)[a-z0-9]/.test(l)).length);
    for (const r of rows) {
      expect(r.here.length, r.step).toBeGreaterThan(20);
      if (r.state === 'done') expect(r.proof, `step ${r.step}`).toMatch(/\]\([^)]+\.test\.[jt]s\)/);
    }
  });
});
