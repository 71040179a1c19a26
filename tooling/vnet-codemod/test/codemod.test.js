import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convert } from '../codemod.js';
import { diffLines } from '../diff.js';
import { main, moduleOf } from '../main.js';
import { converted } from './write-fixture.js';

const fixture = (name) => readFileSync(new URL(`fixture/${name}`, import.meta.url), 'utf8');
const run = (source, vnet = ['vnet']) => convert('x.ts', source, { module: 'my-mod', vnet });

describe('the codemod', () => {
  it('V22 turns the module variables of the sample package into vnet keys, as committed, and says what it could not', () => {
    expect(converted()).toBe(fixture('codemod/flapmon.ts.txt'));
    const left = fixture('codemod/flapmon.ts.txt').match(/^\/\/ flapmon\.ts:\d+: '\w+' in .*, where no vnet is at hand/gm);
    expect(left?.length).toBe(9);
  });

  it('leaves nothing behind that is of the module: a second run finds no state', () => {
    const once = run('let n = 0;\nexport function f(vnet: V): void { n++; }\n');
    expect(once.problems).toEqual([]);
    expect(run(once.code)).toMatchObject({ code: once.code, fields: [], problems: [] });
  });

  it('moves comments, types and first values; a first value reads other fields from its own object', () => {
    const r = run('/** Size. */\nlet size = 4;\nlet twice: number = size * 2;\nlet name: string;\nconst list: string[] = [];\nfunction f(vnet: V) { return [size, twice, name, list]; }\n');
    expect(r.code).toContain('  /** Size. */\n  size = 4;\n  twice: number = this.size * 2;\n  name: string | undefined = undefined;\n  readonly list: string[] = [];\n}');
    expect(r.code).toContain("const MY_MOD: VnetVar<MyModVnet> = defineVnetVar({ module: 'my-mod', name: 'my-mod', init: () => new MyModVnet() });");
    expect(r.code).toContain('return [MY_MOD.get(vnet).size, MY_MOD.get(vnet).twice, MY_MOD.get(vnet).name, MY_MOD.get(vnet).list];');
    expect(r.code).toMatch(/^import \{ defineVnetVar, type VnetVar \} from '@ns\/kern';\n/);
  });

  it('rewrites reads and writes of any form, and nothing that only has the same name', () => {
    const r = run('let n = 0;\nfunction f(vnet: V) { n = 1; n += 2; --n; g({ n }); h({ n: n }); x.n; }\nfunction g(n: number) { return n; }\nfunction k(vnet: V) { let n = 1; return n; }\n');
    expect(r.code).toContain('MY_MOD.get(vnet).n = 1; MY_MOD.get(vnet).n += 2; --MY_MOD.get(vnet).n; g({ n: MY_MOD.get(vnet).n }); h({ n: MY_MOD.get(vnet).n }); x.n;');
    expect(r.code).toContain('function g(n: number) { return n; }\nfunction k(vnet: V) { let n = 1; return n; }');
  });

  it('takes the first expression that is at hand, closures included', () => {
    const r = run('let n = 0;\nfunction f(so: S) { return () => n; }\nfunction g(vnet: V, so: S) { return n; }\nfunction h() { const vnet = v(); n++; }\n', ['vnet', 'so.vnet']);
    expect(r.problems).toEqual([]);
    expect(r.code).toContain('return () => MY_MOD.get(so.vnet).n;');
    expect(r.code).toContain('function g(vnet: V, so: S) { return MY_MOD.get(vnet).n; }');
    expect(r.code).toContain('const vnet = v(); MY_MOD.get(vnet).n++;');
  });

  it('reports with lines what it does not convert, and leaves it as it is', () => {
    const r = run('let n = 0;\nexport let shown = 1;\nlet [a, b] = [1, 2];\nconst twice = n * 2;\nfunction f() {\n  return [1].map(() => n);\n}\nlet p = 1, q = 2;\nexport { n };\n');
    expect(r.problems).toEqual([
      { line: 2, text: "'shown' is exported, and read in files that this one does not know" },
      { line: 3, text: 'a pattern is not converted: declare its names one by one' },
      { line: 4, text: "'n' in the module itself, where no vnet is at hand (vnet)" },
      { line: 6, text: "'n' in a closure in f, where no vnet is at hand (vnet)" },
      { line: 8, text: "'p' is declared together with others: declare them one by one" },
      { line: 8, text: "'q' is declared together with others: declare them one by one" },
      { line: 9, text: "'n' is exported, and read in files that this one does not know" },
    ]);
    expect(r.code).toContain('const twice = n * 2;');
  });

  it('names what must be given back', () => {
    expect(run("import type { Callout } from '@ns/callout';\nlet t: Callout<null> | null = null;\nfunction f(vnet: V) { t = null; }\n").notes[0]).toEqual({ line: 2, text: "'t' holds something (Callout): let a destroy or an exit of the vnet give it back" });
  });

  it('leaves constants alone', () => {
    const source = "const A = 1;\nconst T = Object.freeze({});\nconst R: readonly string[] = [];\nconst S = new Set(['a']);\nexport const f = () => [A, T, R];\n";
    expect(run(source).fields).toEqual(['S']); // a set may be written; where it is not, say ReadonlySet
    expect(run(source.replace('const S = new', 'const S: ReadonlySet<string> = new')).code).toContain('const S: ReadonlySet');
  });
});

describe('the command', () => {
  it('writes only when told, and says how much', () => {
    const dir = mkdtempSync(join(tmpdir(), 'ns-codemod-'));
    try {
      const file = join(dir, 'a.ts');
      writeFileSync(file, 'let n = 0;\nfunction f(vnet: V) { n++; }\nfunction g() { n++; }\n');
      const said = [];
      expect(main([file], (l) => said.push(l))).toBe(1);
      expect(readFileSync(file, 'utf8')).toContain('let n = 0;');
      expect(said.at(-1)).toBe('1 places are left to be done by hand');
      expect(said.some((l) => l.startsWith(`${file}:3: 'n' in g`))).toBe(true);
      expect(main(['--write', '--module', 'm', '--vnet', 'vnet', file], () => {})).toBe(1);
      expect(readFileSync(file, 'utf8')).toContain("module: 'm'");
      expect(main([], () => {})).toBe(2);
      expect(main(['--what', file], () => {})).toBe(2);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('knows the module from the package', () => {
    expect(moduleOf('packages/ip/src/input.ts')).toBe('ip');
    expect(moduleOf('/nowhere/my-mod.ts')).toBe('my-mod');
  });

  it('shows differences by lines', () => {
    expect(diffLines('a\nb\nc', 'a\nx\ny\nc')).toEqual({ removed: 1, added: 2, hunks: '@@ 2 @@\n-b\n+x\n+y' });
    expect(diffLines('a', 'a')).toEqual({ removed: 0, added: 0, hunks: '' });
  });
});
