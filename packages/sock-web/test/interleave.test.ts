import { createHook } from 'node:async_hooks';
import { SeededRandom, randomBelow } from '@ns/kern';
import type { Socket } from '@ns/sock-web';
import { describe, expect, it } from 'vitest';
import { failure, noise, noUnhandledRejections, readAll, SERVER, turns, virtualWorld, type World } from './support/world.ts';

noUnhandledRejections();

/**
 * A scheduler for what may happen while somebody waits: before each continuation of each promise, packets move, time goes on, or nothing happens, as the seed says.
 */
class Interleaver {
  /** Continuations seen. */
  seen = 0;
  /** Those that had something happen before them. */
  happened = 0;
  /** What went wrong in the stack meanwhile; a hook must not throw. */
  readonly problems: unknown[] = [];
  private busy = false;
  private readonly hook;

  constructor(w: World, seed: number, event: (turn: number) => void = () => {}) {
    const random = new SeededRandom(seed);
    this.hook = createHook({
      before: () => {
        if (this.busy) return;
        this.busy = true;
        try {
          event(++this.seen);
          const what = randomBelow(random, 4);
          if (what !== 0) this.happened++;
          if (what === 1) w.host?.settle();
          else if (what === 2) w.host?.advance(randomBelow(random, 400));
          else if (what === 3) w.host?.advance(randomBelow(random, 60_000));
        } catch (e) {
          this.problems.push(e);
        }
        this.busy = false;
      },
    });
  }

  async during<T>(run: () => Promise<T>): Promise<T> {
    this.hook.enable();
    try {
      return await run();
    } finally {
      this.hook.disable();
    }
  }
}

/** Sends all of it in pieces of changing size, then ends. */
async function writeAll(s: Socket, data: Uint8Array, piece: number): Promise<void> {
  const writer = s.writable.getWriter();
  for (let at = 0, n = 1; at < data.length; at += n, n = 1 + ((n * 7919) % piece)) {
    await writer.ready;
    await writer.write(data.subarray(at, Math.min(data.length, at + n)));
  }
  await writer.close();
}

describe('A18 what happens between a test and a wait', () => {
  it.each([1, 2, 3, 4, 5, 6])('loses no byte and no wake-up: seed %i, two connections, four streams', async (seed) => {
    const w = virtualWorld();
    const data = [noise(30_000), noise(20_000), noise(10_000), noise(1)];
    const il = new Interleaver(w, seed);
    const got = await w.until(
      il.during(async () => {
        const [one, two] = [await w.pair({ allowHalfOpen: true }), await w.pair({ allowHalfOpen: true })];
        const ends: [Socket, Socket][] = [[one.c, one.s], [one.s, one.c], [two.c, two.s], [two.s, two.c]];
        const written = Promise.all(ends.map(([from], i) => writeAll(from, data[i] as Uint8Array, 4000)));
        const read = await Promise.all(ends.map(([, to]) => readAll(to.readable)));
        await written;
        await Promise.all(ends.map(([s]) => s.closed));
        return read;
      }),
    );
    expect(il.problems).toEqual([]);
    got.forEach((b, i) => expect(Buffer.compare(b, data[i] as Uint8Array)).toBe(0));
    expect(il.happened).toBeGreaterThan(200);
    await w.end();
  });

  it.each([1, 7, 20, 45, 80, 150])('hangs nobody when the vnet goes at continuation %i: each wait ends, in an error or not', async (when) => {
    const w = virtualWorld();
    let removed = false;
    let at = Infinity;
    const il = new Interleaver(w, 11, (turn) => {
      if (removed || turn < at) return;
      removed = true;
      for (const report of w.serverJail.remove()) expect(report).toMatchObject({ leftovers: [], problems: [] });
    });
    const { c, s } = await w.pair();
    const outcomes = await w.until(
      il.during(async () => {
        at = il.seen + when;
        const all: Promise<unknown>[] = [writeAll(c, noise(200_000), 9000), readAll(s.readable), writeAll(s, noise(50_000), 9000), readAll(c.readable), c.closed, s.closed];
        return Promise.allSettled(all);
      }),
    );
    expect([removed, il.problems]).toEqual([true, []]);
    expect(outcomes).toHaveLength(6);
    expect(outcomes.some((o) => o.status === 'rejected')).toBe(true);
    expect(await failure(w.server.connect(`${SERVER}:1`).opened)).toMatchObject({ code: 'ENETDOWN' });
    expect(w.stack.shutdown()).toMatchObject({ leftovers: [], problems: [] });
    await turns(8);
  });
});
