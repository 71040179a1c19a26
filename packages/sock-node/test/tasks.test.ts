import { once } from 'node:events';
import { describe } from 'vitest';
import { over, pair, type Row, sameAsNode } from './support/rows.ts';

/** Records of single tasks, taken apart again: how many whole ones each task wrote, or where one is broken. */
function recordsIn(all: Buffer): unknown {
  const seen: Record<number, number> = {};
  for (let o = 0; o < all.length; ) {
    const who = all[o]!;
    const n = who * 700 + (seen[who] ?? 0);
    if (!all.subarray(o, o + n).every((b) => b === who)) return `broken at ${o}`;
    seen[who] = (seen[who] ?? 0) + 1;
    o += n;
  }
  return seen;
}

const rows: Row[] = [
  {
    title: 'A25 two readers of one socket and three writers: no record is torn, no byte read twice',
    async run(side) {
      const p = await pair(side, { pauseOnConnect: true });
      p.s.setMaxListeners(0);
      const taken: Buffer[] = [];
      const reader = async (size: number): Promise<void> => {
        while (!p.s.readableEnded) {
          const got = (p.s.read(size) ?? p.s.read()) as Buffer | null;
          if (got !== null) taken.push(got);
          else if (!p.s.readableEnded) await Promise.race([once(p.s, 'readable'), once(p.s, 'end')]);
        }
      };
      const writer = async (who: number): Promise<void> => {
        for (let i = 0; i < 30; i++) if (!p.c.write(Buffer.alloc(who * 700 + i, who))) await once(p.c, 'drain');
      };
      const read = Promise.all([reader(1000), reader(3333)]);
      await Promise.all([1, 2, 3].map(writer));
      p.c.end();
      await read;
      await over(p);
      return recordsIn(Buffer.concat(taken));
    },
  },
];

describe('one socket and several tasks', () => sameAsNode(rows));
