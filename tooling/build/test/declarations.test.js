import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emitDeclarations } from '../declarations.js';

let dir;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ns-dts-'));
  mkdirSync(join(dir, 'src/sub'), { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('declarations', () => {
  it('are written file by file, and name each other as .js', () => {
    writeFileSync(join(dir, 'src/index.ts'), "import type { B } from './sub/b.ts';\nexport { b } from './sub/b.ts';\nexport type C = import('./sub/b.ts').B;\nexport function f(b: B): void { void b; }\n");
    writeFileSync(join(dir, 'src/sub/b.ts'), 'export const b = 4;\nexport interface B { a: number }\nexport class N extends Error { static override [Symbol.hasInstance](v: unknown): boolean { return v === 1; } }\n');
    emitDeclarations(dir);
    const index = readFileSync(join(dir, 'dist/index.d.ts'), 'utf8');
    expect(index).toBe("import type { B } from './sub/b.js';\nexport { b } from './sub/b.js';\nexport type C = import('./sub/b.js').B;\nexport declare function f(b: B): void;\n");
    expect(readFileSync(join(dir, 'dist/sub/b.d.ts'), 'utf8').match(/hasInstance/g)).toHaveLength(1);
  });

  it('are refused where a type is not spelled out', () => {
    writeFileSync(join(dir, 'src/index.ts'), 'const g = (): number => 1;\nexport const x = g();\n');
    expect(() => emitDeclarations(dir)).toThrow(/src\/index\.ts\(2,14\): error TS9010/);
  });
});
