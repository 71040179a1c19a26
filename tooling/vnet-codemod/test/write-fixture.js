/** Writes test/fixture/codemod again, after a change of the codemod that is meant: `node tooling/vnet-codemod/test/write-fixture.js`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { convert } from '../codemod.js';

export const OPTIONS = { module: 'flapmon', vnet: ['vnet', 'ifp.vnet', 'req.vnet'] };
const at = (name) => new URL(`fixture/${name}`, import.meta.url);

/** The converted fixture with the report behind it. */
export function converted() {
  const r = convert('flapmon.ts', readFileSync(at('before/flapmon.ts'), 'utf8'), OPTIONS);
  return `${r.code}\n${[...r.problems, ...r.notes].map((p) => `// flapmon.ts:${p.line}: ${p.text}\n`).join('')}`;
}

if (process.argv[1]?.endsWith('write-fixture.js')) writeFileSync(at('codemod/flapmon.ts.txt'), converted());
