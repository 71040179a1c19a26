import { readFileSync } from 'node:fs';
import { exec } from '@ns/cli';
import { type ModuleDecl, virtualHost } from '@ns/kern';
import { createStack } from '@ns/stack';
import { JAILS } from '@ns/vnet';
import { describe, expect, it } from 'vitest';
import { diffLines } from '../../../tooling/vnet-codemod/diff.js';
import { flapmon as after, flapmonBad } from '../../../tooling/vnet-codemod/test/fixture/after/flapmon.ts';
import { flapmon as before } from '../../../tooling/vnet-codemod/test/fixture/before/flapmon.ts';

const text = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const source = (name: string): string => text(`../../tooling/vnet-codemod/test/fixture/${name}/flapmon.ts`);

/** Two jails with a stack each, an epair in the first whose link goes up and down, and what both then see. Then they go. */
function life(mod: ModuleDecl, rounds: number): { seen: [number, number]; late: number; problems: string[] } {
  const host = virtualHost();
  const { kernel } = createStack({ host });
  const problems: string[] = [];
  expect(kernel.kldload(mod).errno).toBe(0);
  const total = (jail: string): number => Number(exec(kernel, 'sysctl -n net.flapmon.total', { jail }).stdout);
  const idle = kernel.callouts.pending;
  let seen: [number, number] = [0, 0];
  for (let i = 0; i < rounds; i++) {
    for (const name of ['a', 'b']) exec(kernel, `jail -c name=${name} vnet persist`);
    const ifname = exec(kernel, 'ifconfig epair create vnet a').stdout.trim();
    for (const end of [ifname, `${ifname.slice(0, -1)}b`]) exec(kernel, `ifconfig ${end} up`, end === ifname ? { jail: 'a' } : {});
    host.settle();
    for (let n = 0; n < 4; n++) {
      exec(kernel, `ifconfig ${ifname} ${n % 2 === 0 ? 'down' : 'up'}`, { jail: 'a' });
      host.settle();
    }
    seen = [total('a'), total('b')];
    const jails = kernel.service(JAILS);
    if (mod === after) expect(['a', 'b'].map((j) => flapmonBad(jails.findByName(j)!.vnet))).toEqual([[ifname], []]);
    for (const j of jails.list()) {
      for (const r of jails.jailRemove(j.jid).reports) problems.push(...r.problems, ...r.leftovers.map((l) => `${l.count} ${l.kind} ${l.name}`));
    }
    exec(kernel, `ifconfig ${ifname} destroy`);
    host.settle();
  }
  if (kernel.callouts.pending !== idle) problems.push(`${kernel.callouts.pending - idle} more timers`);
  exec(kernel, 'jail -c name=c vnet persist');
  const late = total('c');
  exec(kernel, 'jail -r c');
  const un = kernel.kldunload('flapmon');
  problems.push(...(un.problems ?? []), ...(un.leftovers ?? []).map((l) => `${l.count} ${l.kind} ${l.name}`));
  const end = kernel.shutdown();
  problems.push(...end.problems, ...end.leftovers.map((l) => `${l.count} ${l.kind} ${l.name}`));
  return { seen, late, problems };
}

describe('porting-to-vnet.md', () => {
  it('V21 its sample package compiles and passes the leak check: a hundred vnets come, are used and go, and nothing is left', () => {
    const r = life(after, 50);
    expect(r.seen[0]).toBeGreaterThanOrEqual(4);
    expect(r).toEqual({ seen: [r.seen[0], 0], late: 0, problems: [] });
  });

  it('V21 the same check finds what was wrong before', () => {
    const r = life(before, 1);
    expect(r.seen[0]).toBeGreaterThanOrEqual(4);
    expect([r.seen[1], r.late]).toEqual([r.seen[0], expect.any(Number)]);
    expect(r.late).toBeGreaterThan(0);
  });

  it('V05 the diff is small: the page shows all of it and states its size', () => {
    const page = text('porting-to-vnet.md');
    const d = diffLines(source('before'), source('after'));
    expect(/```diff\n([\s\S]*?)\n```/.exec(page)?.[1]).toBe(d.hunks);
    const lines = source('before').split('\n').length - 1;
    expect(page).toContain(`an event handler: ${lines} lines.`);
    expect(page).toContain(`${d.removed} lines go and ${d.added} come:`);
    expect(d.added).toBeLessThan(lines);
  });

  it('V15 its code shows that there is no ambient vnet, and runs', async () => {
    await import('../porting-to-vnet.md?example&lang.ts');
  });
});
