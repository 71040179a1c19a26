import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** The code of a page as one module: its blocks of `ts`, in order. */
function codeOf(page: string): string {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((m) => m[1]).join('\n');
}

/** `expression; // => value: words` becomes an assertion. */
const asserted = (code: string): string => code.replace(/^(.*?); \/\/ => (-?\d+)(?=$|:| \().*$/gm, 'is($1, $2);');

/** `import { a, b as c } from 'm'` becomes a declaration. */
const loaded = (code: string): string =>
  code.replace(/^import \{(.*?)\} from '(.*?)';$/gm, (_all, names: string, from: string) => `const {${names.replace(/ as /g, ': ')}} = await load('${from}');`);

it('the code of the guide to policies runs, and does what its comments say', async () => {
  const js = ts.transpileModule(asserted(codeOf('writing-a-mac-policy.md')), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText;
  let claims = 0;
  const is = (actual: unknown, value: number): void => {
    claims++;
    expect(actual).toBe(value);
  };
  const load = (name: string): Promise<unknown> => import(/* @vite-ignore */ name);
  const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<void>;
  await new AsyncFunction('load', 'is', loaded(js))(load, is);
  expect(claims).toBe(9);
});
