import { parseArgs } from 'node:util';
import { flood } from './flood.ts';
import { fuzz } from './fuzz/fuzz.ts';
import { lossy } from './lossy.ts';
import type { Outcome, SoakOptions } from './outcome.ts';

/*
 * pnpm soak [flood] [fuzz] [lossy] [--syns N] [--seconds N] [--seed N] [--bytes N] [--seeds N] [--json]
 *
 * One line for each run; the last line is `N passed, N failed`. Without names all of them run, in their nightly sizes.
 */

const soaks: Readonly<Record<string, (options: SoakOptions, say: (o: Outcome) => void) => void>> = { flood, fuzz, lossy };

function main(): number {
  const number = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, syns: number, bytes: number, seeds: number, seconds: number, seed: number },
  });
  const unknown = positionals.filter((p) => soaks[p] === undefined);
  if (unknown.length > 0) {
    console.error(`soak: no such run: ${unknown.join(' ')}. There are: ${Object.keys(soaks).join(' ')}`);
    return 2;
  }
  const of = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
  const options: SoakOptions = { syns: of(values.syns), bytes: of(values.bytes), seeds: of(values.seeds), seconds: of(values.seconds), seed: of(values.seed) };
  let passed = 0;
  let failed = 0;
  for (const name of positionals.length > 0 ? positionals : Object.keys(soaks)) {
    soaks[name]?.(options, (o) => {
      if (o.problem === '') passed++;
      else failed++;
      console.log(values.json === true ? JSON.stringify(o) : `${o.problem === '' ? 'ok' : 'FAILED'} ${o.name}: ${o.problem === '' ? '' : `${o.problem}: `}${o.detail}`);
    });
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
