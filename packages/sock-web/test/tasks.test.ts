import { describe, expect, it } from 'vitest';
import { noise, noUnhandledRejections, readAll, realWorld, virtualWorld, type World } from './support/world.ts';

noUnhandledRejections();

/** A record of `n` bytes that all say whose it is. */
const record = (who: number, n: number): Uint8Array => new Uint8Array(n).fill(who);

describe.each([
  ['in virtual time', virtualWorld],
  ['on the platform', realWorld],
])('one socket and several tasks, %s', (_name, make: () => World) => {
  it('A25 two readers: the lock lets in one at a time, and what one has taken the other does not see', async () => {
    const w = make();
    const { c, s } = await w.pair();
    const data = noise(300_000);
    const writer = c.writable.getWriter();
    const sent = writer.write(data).then(() => writer.close());
    const reader = s.readable.getReader();
    expect(() => s.readable.getReader()).toThrow(TypeError);
    const taken: Uint8Array[] = [];
    const task = async (): Promise<number> => {
      let mine = 0;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return mine;
        taken.push(value);
        mine += value.length;
      }
    };
    const [one, two] = await w.until(Promise.all([task(), task()]));
    await w.until(sent);
    expect(one + two).toBe(data.length);
    expect(Math.min(one, two)).toBeGreaterThan(0);
    expect(Buffer.compare(Buffer.concat(taken), data)).toBe(0);
    reader.releaseLock();
    s.close();
    c.close();
    await w.end();
  });

  it('A25 readers that take turns lose nothing between them, with buffers of their own sizes', async () => {
    const w = make();
    const { c, s } = await w.pair();
    const data = noise(200_000);
    const writer = c.writable.getWriter();
    const sent = writer.write(data).then(() => writer.close());
    const taken: Uint8Array[] = [];
    let free: Promise<void> = Promise.resolve();
    const task = async (size: number): Promise<void> => {
      for (let more = true; more; ) {
        const mine = free.then(async () => {
          const reader = s.readable.getReader({ mode: 'byob' });
          const { value, done } = await reader.read(new Uint8Array(size));
          if (value !== undefined && value.length > 0) taken.push(value);
          reader.releaseLock();
          more = !done;
        });
        free = mine;
        await mine;
      }
    };
    await w.until(Promise.all([task(777), task(5000)]));
    await w.until(sent);
    expect(Buffer.compare(Buffer.concat(taken), data)).toBe(0);
    s.close();
    c.close();
    await w.end();
  });

  it('A25 what several tasks write arrives record by record, none inside another', async () => {
    const w = make();
    const { c, s } = await w.pair();
    const writer = c.writable.getWriter();
    const task = async (who: number): Promise<void> => {
      for (let i = 1; i <= 20; i++) await writer.write(record(who, who * 500 + i * 97));
    };
    const all = Promise.all([1, 2, 3].map(task)).then(() => writer.close());
    const got = await w.until(readAll(s.readable));
    await w.until(all);
    const next = [0, 1, 1, 1];
    for (let o = 0; o < got.length; ) {
      const who = got[o]!;
      const n = who * 500 + next[who]!++ * 97;
      expect(got.subarray(o, o + n).every((b) => b === who)).toBe(true);
      o += n;
    }
    expect(next).toEqual([0, 21, 21, 21]);
    s.close();
    c.close();
    await w.end();
  });
});
