import { describe, expect, it } from 'vitest';
import { blocksOf, literal, markdownBlocks, moduleOf, withAssertions } from '../extract.js';

const page = (...lines) => lines.join('\n');

describe('blocks', () => {
  it('of a page are one module, on their own lines; other languages and `ts ignore` are not in it', () => {
    const text = page('# Title', '```ts', 'const a = 1;', '```', '```sh', 'rm', '```', '```ts ignore', 'nonsense', '```', 'words', '```ts', 'a + 1;', '```');
    expect(moduleOf(blocksOf('page.md', text))).toBe('\n\nconst a = 1;\n\n\n\n\n\n\n\n\n\na + 1;\nexport {};\n');
  });

  it('of a source file are those of its package documentation', () => {
    const text = page('// @hot', '/** Not this: ```ts', ' * no', ' * ```', ' */', '/**', ' * Words.', ' * ```ts', ' * if (a) {', ' *   b();', ' * }', ' * ```', ' * @packageDocumentation', ' */');
    expect(blocksOf('index.ts', text)).toEqual([{ line: 8, code: 'if (a) {\n  b();\n}' }]);
    expect(blocksOf('index.ts', 'export {};')).toEqual([]);
  });

  it('that do not end are an error', () => {
    expect(() => markdownBlocks(page('```ts', 'a'))).toThrow('line 1');
  });
});

describe('assertions', () => {
  it('become calls on the same line', () => {
    expect(withAssertions('f(1); // => 2')).toBe('$is((f(1)), 2, 1); // => 2');
    expect(withAssertions('const x = f(); // => [1]: one')).toBe('const x = f(); $is(x, [1], 1); // => [1]: one');
    expect(withAssertions("f(); // => throws 'no'")).toBe("$throws(() => (f()), 'no', 1); // => throws 'no'");
    expect(withAssertions('f(\n  1,\n); // => null')).toBe('$is((f(\n  1,\n)), null, 3); // => null');
    expect(withAssertions('await f(); // => 1')).toBe('$is((await f()), 1, 1); // => 1');
    expect(withAssertions('function g() {\n  f(); // => 1\n}')).toContain('  $is((f()), 1, 2); // => 1');
    expect(withAssertions('if (a) f(); // => 1')).toBe('if (a) $is((f()), 1, 1); // => 1');
    expect(withAssertions('f(); // not one')).toBe('f(); // not one');
  });

  it('that claim nothing, or about nothing, are errors with a line', () => {
    expect(() => withAssertions('\nf(); // => whatever')).toThrow("line 2: cannot read the value in '// => whatever'");
    expect(() => withAssertions('f();\n// => 1')).toThrow('line 2: // => does not follow');
    expect(() => withAssertions('if (a) { // => 1\n}')).toThrow('line 1');
  });

  it('have a value, and may have words behind it', () => {
    expect(literal('4: section, interface')).toBe('4');
    expect(literal('-61, as libuv has it')).toBe('-61');
    expect(literal("{ a: 1, b: 'x: y' }")).toBe("{ a: 1, b: 'x: y' }");
    expect(literal('[] : nothing leaked')).toBe('[]');
    expect(literal('true (or so)')).toBe('true');
    expect(literal('undefined')).toBe('undefined');
    expect(literal('waits')).toBe(null);
    expect(literal('f(1)')).toBe(null);
  });
});
