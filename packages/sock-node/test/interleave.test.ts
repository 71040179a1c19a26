import { createHook } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { randomBelow, SeededRandom } from '@ns/kern';
import { describe, expect, it } from 'vitest';
import { settled } from './support/rows.ts';
import { type VnetSide, virtualSide } from './support/sides.ts';

/** Runs `run`; before each callback and each continuation of a promise packets move, time goes on, or nothing happens, as the seed says. Returns how often something did. */
async function interleaved(side: VnetSide, seed: number, run: () => Promise<void>): Promise<number> {
  const random = new SeededRandom(seed);
  const problems: unknown[] = [];
  let happened = 0;
  let busy = false;
  const hook = createHook({
    before: () => {
      if (busy) return;
      busy = true;
      try {
        const what = randomBelow(random, 4);
        if (what !== 0) happened++;
        if (what === 1) side.stack.kernel.swi.drain();
        else if (what === 2) side.clock?.advance(randomBelow(random, 400));
        else if (what === 3) side.clock?.advance(randomBelow(random, 60_000));
      } catch (e) {
        problems.push(e);
      }
      busy = false;
    },
  });
  hook.enable();
  try {
    await run();
  } finally {
    hook.disable();
  }
  expect(problems).toEqual([]);
  return happened;
}

function bytes(n: number, seed: number): Buffer {
  const b = Buffer.alloc(n);
  new SeededRandom(seed).fill(b);
  return b;
}

const sha256 = (b: Uint8Array): string => createHash('sha256').update(b).digest('hex');

/** Everything that a socket gives; it stays open for writing. */
function all(s: net.Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  s.on('data', (chunk: Buffer) => void chunks.push(chunk));
  return new Promise((resolve, reject) => s.on('end', () => resolve(Buffer.concat(chunks))).on('error', reject));
}

describe('A18 what happens between two turns of the event loop', () => {
  it.each([1, 2, 3, 4, 5, 6])('loses no byte and no event: seed %i, three connections in both directions', async (seed) => {
    const side = virtualSide();
    const data = [bytes(40_000, 1), bytes(20_000, 2), bytes(1, 3)];
    const got: string[][] = [];
    let over = false;
    const happened = await interleaved(side, seed, async () => {
      const server = side.net.createServer({ allowHalfOpen: true }, (s) => {
        void all(s).then((b) => s.end(b)); // the echo, when all has come
      });
      server.listen(7, side.host);
      await once(server, 'listening');
      const clients = data.map(async (b) => {
        const c = side.client.connect({ port: 7, host: side.host, allowHalfOpen: true });
        const back = all(c);
        for (let at = 0; at < b.length; at += 3001) if (!c.write(b.subarray(at, at + 3001))) await once(c, 'drain');
        c.end();
        got.push([sha256(b), sha256(await back)]);
      });
      const done = Promise.all(clients).then(() => new Promise((resolve) => server.close(resolve)));
      void done.then(() => (over = true));
      for (let i = 0; i < 20_000 && !over; i++) {
        await settled();
        side.clock?.advance(1000);
      }
      expect(over).toBe(true);
    });
    expect(got).toHaveLength(3);
    for (const [sent, back] of got) expect(back).toBe(sent);
    expect(happened).toBeGreaterThan(100);
    side.end();
  });
});
