/* The table of the README, made again: NS_UPDATE=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { LabPathOptions } from '@ns/testkit';
import { DEFAULT, rackLab } from './lab.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const SEEDS = [1, 2, 3, 4, 5] as const;
const ROWS: readonly (readonly [string, LabPathOptions])[] = [
  ['1 % loss', { loss: 0.01 }],
  ['3 % loss', { loss: 0.03 }],
  ['10 % loss', { loss: 0.1 }],
  ['5 % reordered, up to 9 ms', { reorder: 0.05, reorderUs: 9000 }],
  ['5 % reordered, up to 25 ms', { reorder: 0.05, reorderUs: 25_000 }],
  ['5 % doubled', { duplicate: 0.05 }],
  ['2 % of each', { loss: 0.02, reorder: 0.02, duplicate: 0.02 }],
];

interface Sum {
  seconds: number;
  timeouts: number;
  rexmits: number;
  probes: number;
}

function measure(stack: string, faults: LabPathOptions): Sum {
  const sum: Sum = { seconds: 0, timeouts: 0, rexmits: 0, probes: 0 };
  for (const seed of SEEDS) {
    const l = rackLab({ seed, link: { delayUs: 20_000, bandwidth: 10e6, queueLimit: 100, ...faults }, sysctlsA: { [DEFAULT]: stack } });
    const r = l.transfer(512 << 10);
    expect(r.problem, `${stack} ${JSON.stringify(faults)} ${seed}`).toBe('');
    sum.seconds += r.elapsedUs / 1e6;
    sum.timeouts += r.timeouts;
    sum.rexmits += r.retransmits;
    sum.probes += r.sender.tlpresends ?? 0;
    expect(l.finish()).toEqual([]);
  }
  return sum;
}

describe('transfers over bad links, against the built-in stack', () => {
  it('end with every byte, in the times and with the timeouts that the README has', { timeout: 120_000 }, () => {
    const lines = ['| | built-in: time, timeouts, sent again | rack: time, timeouts, sent again | probes |', '|---|---|---|---|'];
    for (const [name, faults] of ROWS) {
      const [old, rack] = [measure('freebsd', faults), measure('rack', faults)];
      expect(rack.timeouts, name).toBeLessThanOrEqual(old.timeouts);
      lines.push(`| ${name} | ${old.seconds.toFixed(1)} s, ${old.timeouts}, ${old.rexmits} | ${rack.seconds.toFixed(1)} s, ${rack.timeouts}, ${rack.rexmits} | ${rack.probes} |`);
    }
    const text = readFileSync(README, 'utf8');
    const now = text.replace(/<!-- table -->[^]*<!-- \/table -->/, `<!-- table -->\n${lines.join('\n')}\n<!-- /table -->`);
    if (process.env['NS_UPDATE'] === '1') writeFileSync(README, now);
    else expect(now).toBe(text);
  });
});
