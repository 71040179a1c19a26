import { describe, expect, it } from 'vitest';
import { formatDead, scanSources, scanWorkspace } from '../scan.js';

const A = `
export class Thing {
  used = 0;
  counted = 0;
  written = 0;
  bound = 0;
  taken = 0;
  readonly private1 = 0;
  constructor() { this.written = 1; this.counted++; }
}
export const THING: VnetVar<Thing> = defineVnetVar({ module: 'a', name: 'thing', init: () => new Thing() });
export const ALONE: VnetVar<number> = defineVnetVar({ module: 'a', name: 'alone', init: () => 0 });
export const mod = { vnetVars: [THING, ALONE] };
`;
const B = `
import { THING, ALONE } from '@ns/a';
const t = THING.get(vnet);
t.written = t.used;
t.counted += 2;
const n = t.private1++;
vars.int('b', 'bound');
const { taken } = t;
`;

describe('per-vnet variables', () => {
  it('T148 that are never read are reported, and fields that are only written', () => {
    expect(formatDead(scanSources({ 'packages/a/src/a.ts': A, 'packages/b/src/b.ts': B }))).toEqual([
      'a.thing.counted: never read (a.ts:4)',
      'a.thing.written: never read (a.ts:5)',
      'a.alone: never read (a.ts:12)',
    ]);
  });

  it('T148 are all read in this repository', () => {
    expect(formatDead(scanWorkspace())).toEqual([]);
  }, 120_000);
});
