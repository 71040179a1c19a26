import { createHash } from 'node:crypto';
import { NetError } from '@ns/errno';
import type { Socket } from '@ns/sock-web';
import type { Xsocket } from '@ns/socket';
import type { StackJail } from '@ns/stack';
import { tcpPcblist, type Xtcpcb } from '@ns/tcp';
import { describe, expect, it } from 'vitest';
import { bytes, CLIENT, failure, noise, noUnhandledRejections, readAll, readOne, realWorld, SERVER, text, turns, virtualWorld, type World, writeOne } from './support/world.ts';

const sha256 = (b: Uint8Array): string => createHash('sha256').update(b).digest('hex');

noUnhandledRejections();

describe.each([
  ['in virtual time', virtualWorld],
  ['on the platform', realWorld],
])('a stream socket %s', (_name, make: () => World) => {
  async function within(run: (w: World) => Promise<void>): Promise<void> {
    const w = make();
    await run(w);
    await w.end();
  }

  it('echoes, and says who is who', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 7 });
      expect(l.addr).toEqual({ hostname: '0.0.0.0', port: 7 });
      const served = (async (): Promise<void> => {
        for await (const s of l) {
          expect((await s.opened).localAddress).toBe(`${SERVER}:7`);
          await s.readable.pipeTo(s.writable);
          await s.closed;
          break;
        }
      })();
      const c = w.client.connect(`${SERVER}:7`);
      expect(c.upgraded).toBe(false);
      expect(c.secureTransport).toBe('off');
      const info = await w.until(c.opened);
      expect(info.remoteAddress).toBe(`${SERVER}:7`);
      expect(info.localAddress).toMatch(new RegExp(`^${CLIENT}:\\d+$`));
      expect(info.alpn).toBeNull();
      await w.until(writeOne(c.writable, bytes('hello')));
      const got = await w.until(readOne(c.readable));
      expect(text(got.value)).toBe('hello');
      await w.until(c.closeWrite());
      expect((await w.until(readOne(c.readable))).done).toBe(true);
      await w.until(c.closed);
      await w.until(served);
      await l.closed;
    }));

  it('carries 8 MiB whole, written before the connection is there', () =>
    within(async (w) => {
      const data = noise(8 << 20);
      const l = w.server.listen({ port: 0 });
      const c = w.client.connect({ hostname: SERVER, port: l.addr.port });
      const sent = (async (): Promise<void> => {
        const writer = c.writable.getWriter();
        for (let o = 0; o < data.length; o += 100_000) {
          await writer.ready;
          writer.write(data.subarray(o, o + 100_000)).catch(() => {});
        }
        await writer.close();
      })();
      const { value: s } = (await w.until(l[Symbol.asyncIterator]().next())) as { value: Socket };
      const got = await w.until(readAll(s.readable));
      await w.until(sent);
      expect(got.length).toBe(data.length);
      expect(sha256(got)).toBe(sha256(data));
      await w.until(s.closed);
      l.close();
      c.close();
    }));

  it('stops the peer when nobody reads: window and desiredSize go to nothing, and all arrives later', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const data = noise(4 << 20);
      const writer = c.writable.getWriter();
      expect(writer.desiredSize).toBeGreaterThan(0);
      let done = false;
      const sent = writer.write(data).then(() => {
        done = true;
      });
      await w.idle(300);
      expect(done).toBe(false);
      expect(writer.desiredSize).toBeLessThanOrEqual(0);
      const { rcv } = pcbOf(w.serverJail).socket as Xsocket;
      expect(rcv.cc).toBeGreaterThan(rcv.hiwat - 1460);
      expect(pcbOf(w.clientJail).sndWnd).toBeLessThan(1460);
      const got = w.until(readAll(s.readable));
      const closing = sent.then(() => writer.close());
      expect(sha256(await got)).toBe(sha256(data));
      await w.until(closing);
      expect(writer.desiredSize).toBe(0); // closed
      s.close();
      c.close();
    }));

  it('takes nothing from the receive buffer before somebody reads', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      await w.until(writeOne(c.writable, bytes('waiting')));
      await w.idle(20);
      expect(waiting(w)).toBe(7);
      const reader = s.readable.getReader();
      await turns(20);
      expect(waiting(w)).toBe(7);
      expect(text((await reader.read()).value)).toBe('waiting');
      expect(waiting(w)).toBe(0);
      s.close();
      c.close();
    }));

  it('half closes with allowHalfOpen, both ways', () =>
    within(async (w) => {
      const { c, s } = await w.pair({ allowHalfOpen: true });
      await w.until(writeOne(c.writable, bytes('ask')));
      await w.until(c.writable.close());
      expect(text(await w.until(readAll(s.readable)))).toBe('ask');
      await w.idle(20);
      await w.until(writeOne(s.writable, bytes('answer')));
      await w.until(s.closeWrite());
      expect(text(await w.until(readAll(c.readable)))).toBe('answer');
      await w.until(Promise.all([c.closed, s.closed]));
    }));

  it('closes the writable at the end of the readable without allowHalfOpen, after what was written', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      await w.until(c.writable.close());
      const reply = noise(1 << 20);
      const writer = s.writable.getWriter();
      const writing = writer.write(reply);
      const end = readOne(s.readable);
      const got = w.until(readAll(c.readable));
      expect((await w.until(end)).done).toBe(true);
      await w.until(writing);
      expect(sha256(await got)).toBe(sha256(reply));
      await w.until(Promise.all([c.closed, s.closed]));
      expect(await failure(writer.write(bytes('late')))).toMatchObject({ code: 'EPIPE', syscall: 'write' });
    }));

  it('lets a locked writer be closed after its side was ended', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const writer = s.writable.getWriter();
      await w.until(c.writable.close());
      expect((await w.until(readOne(s.readable))).done).toBe(true);
      await w.until(s.closed);
      await writer.close();
      await writer.closed;
      c.close();
    }));

  it('refused: everything rejects with ECONNREFUSED', () =>
    within(async (w) => {
      const c = w.client.connect({ hostname: SERVER, port: 9 });
      const reading = failure(readOne(c.readable));
      const writing = failure(writeOne(c.writable, bytes('x')));
      const e = await w.until(failure(c.opened));
      expect(e).toBeInstanceOf(NetError);
      expect(e).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: SERVER, port: 9, message: `connect ECONNREFUSED ${SERVER}:9` });
      expect(await failure(c.closed)).toBe(e);
      expect(await reading).toBe(e);
      expect(await writing).toBe(e);
      expect(await failure(c.closeWrite())).toBe(e);
      expect(await failure(c.close())).toBe(e);
    }));

  it('reset while reading and writing: both reject with ECONNRESET', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const reading = failure(readOne(c.readable));
      const writer = c.writable.getWriter();
      const writing = failure(writer.write(noise(4 << 20)));
      await w.idle(100);
      await w.until(s.writable.abort(new Error('enough')));
      expect(await w.until(reading)).toMatchObject({ code: 'ECONNRESET' });
      expect(await w.until(writing)).toMatchObject({ code: 'ECONNRESET' });
      expect(await failure(c.closed)).toMatchObject({ code: 'ECONNRESET' });
      expect(await failure(s.closed)).toMatchObject({ message: 'enough' });
      expect(await failure(readOne(s.readable))).toMatchObject({ message: 'enough' });
      expect(await failure(writer.write(bytes('x')))).toMatchObject({ code: 'ECONNRESET' });
    }));

  it('gives what came before a reset, then the error', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      await w.until(writeOne(s.writable, bytes('last words')));
      await w.idle(20);
      await w.until(s.writable.abort());
      await w.until(failure(c.closed));
      const reader = c.readable.getReader({ mode: 'byob' });
      expect(text((await reader.read(new Uint8Array(5))).value)).toBe('last ');
      reader.releaseLock();
      expect(text((await readOne(c.readable)).value)).toBe('words');
      expect(await failure(readOne(c.readable))).toMatchObject({ code: 'ECONNRESET' });
      expect(await failure(s.closed)).toMatchObject({ name: 'AbortError' });
    }));

  it('abort signal: before, during and after connecting', () =>
    within(async (w) => {
      const early = w.client.connect({ hostname: SERVER, port: 9 }, { signal: AbortSignal.abort('early') });
      expect(await failure(early.opened)).toBe('early');
      expect(await failure(early.closed)).toBe('early');
      const during = new AbortController();
      const d = w.client.connect({ hostname: '10.0.0.77', port: 9 }, { signal: during.signal });
      await w.idle(10);
      during.abort('during');
      expect(await failure(d.opened)).toBe('during');
      expect(await failure(readOne(d.readable))).toBe('during');
      const l = w.server.listen({ port: 80 });
      const after = new AbortController();
      const c = w.client.connect(`${SERVER}:80`, { signal: after.signal });
      const { value: s } = (await w.until(l[Symbol.asyncIterator]().next())) as { value: Socket };
      await w.until(c.opened);
      const reading = failure(readOne(c.readable));
      after.abort('after');
      expect(await reading).toBe('after');
      expect(await failure(c.closed)).toBe('after');
      expect(await w.until(failure(readOne(s.readable)))).toMatchObject({ code: 'ECONNRESET' });
      l.close();
    }));

  it('close() ends reads and writes under way, delivers what was taken, and resets when a write was cut', () =>
    within(async (w) => {
      const a = await w.pair();
      await w.until(writeOne(a.c.writable, bytes('taken')));
      const reading = readOne(a.c.readable);
      await w.until(a.c.close('why'));
      expect((await reading).done).toBe(true);
      expect(await failure(writeOne(a.c.writable, bytes('x')))).toBe('why');
      expect(text(await w.until(readAll(a.s.readable)))).toBe('taken');
      await w.until(a.s.closed);

      const b = await w.pair();
      const byob = b.c.readable.getReader({ mode: 'byob' }).read(new Uint8Array(4));
      const writing = failure(writeOne(b.c.writable, noise(4 << 20)));
      await w.idle(100);
      expect(b.c.close()).toBe(b.c.closed);
      expect(await writing).toMatchObject({ name: 'AbortError' });
      expect(await byob).toMatchObject({ done: true });
      expect(await w.until(failure(readAll(b.s.readable)))).toMatchObject({ code: 'ECONNRESET' });
    }));

  it('close() while connecting rejects opened with the reason', () =>
    within(async (w) => {
      const c = w.client.connect({ hostname: '10.0.0.77', port: 9 });
      await c.close('changed my mind');
      expect(await failure(c.opened)).toBe('changed my mind');
      expect((await readOne(c.readable)).done).toBe(true);
    }));

  it('cancel throws away what waits and what comes, and does not stop the writer of either side', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const writer = c.writable.getWriter();
      let done = false;
      const big = writer.write(noise(2 << 20)).then(() => {
        done = true;
      });
      await w.idle(50);
      expect(done).toBe(false);
      await s.readable.cancel('not interested');
      await w.idle(500); // sooner than a window probe
      expect(done).toBe(true);
      await big;
      await w.until(writeOne(s.writable, bytes('still here')));
      expect(text((await w.until(readOne(c.readable))).value)).toBe('still here');
      await w.until(s.writable.close());
      await w.until(s.closed);
      c.close();
    }));

  it('reads into the buffers of a BYOB reader', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const reader = s.readable.getReader({ mode: 'byob' });
      let buf = new Uint8Array(4);
      const first = reader.read(buf); // waits before anything is there
      await w.until(writeOne(c.writable, bytes('abcdefghij')));
      let got = '';
      let r = await w.until(first);
      for (; !r.done; r = await w.until(reader.read(buf))) {
        expect(r.value.length).toBeLessThanOrEqual(4);
        got += text(r.value);
        if (got.length === 10) await w.until(c.writable.close());
        buf = new Uint8Array(r.value.buffer);
      }
      expect(got).toBe('abcdefghij');
      expect(r.value?.length).toBe(0);
      const pending = w.until(s.closed);
      await w.until(readAll(c.readable));
      await pending;
    }));

  it('waits for whole elements when a BYOB view has wide ones', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const reading = s.readable.getReader({ mode: 'byob' }).read(new Uint32Array(2));
      await w.until(writeOne(c.writable, new Uint8Array([1, 0])));
      await w.idle(10);
      await w.until(writeOne(c.writable, new Uint8Array([0, 0, 2])));
      const { value } = await w.until(reading);
      expect([...(value as Uint32Array)]).toEqual([1]);
      s.close();
      c.close();
    }));

  it('writes views and buffers of all kinds, and nothing for empty ones', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const all = noise(64).buffer;
      const writer = c.writable.getWriter();
      for (const chunk of [new Uint8Array(all, 0, 8), new DataView(all, 8, 8), new Float64Array(all, 16, 1), new Uint8Array(0), new ArrayBuffer(0), all.slice(24)]) await w.until(writer.write(chunk));
      await w.until(writer.close());
      expect(await w.until(readAll(s.readable))).toEqual(noise(64));
      await w.until(s.closed);
      c.close();
    }));

  it('refuses other chunks and resets, since the stream is broken', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      expect(await w.until(failure(writeOne(c.writable, 'text' as unknown as Uint8Array)))).toBeInstanceOf(TypeError);
      expect(await failure(c.closed)).toBeInstanceOf(TypeError);
      expect(await w.until(failure(readOne(s.readable)))).toMatchObject({ code: 'ECONNRESET' });
    }));

  it('pipes through a transform', () =>
    within(async (w) => {
      const { c, s } = await w.pair({ allowHalfOpen: true });
      const upper = new TransformStream<Uint8Array, Uint8Array>({ transform: (chunk, k) => k.enqueue(bytes(text(chunk).toUpperCase())) });
      const piped = s.readable.pipeThrough(upper).pipeTo(s.writable);
      await w.until(writeOne(c.writable, bytes('shout')));
      await w.until(c.closeWrite());
      expect(text(await w.until(readAll(c.readable)))).toBe('SHOUT');
      await w.until(piped);
      await w.until(Promise.all([c.closed, s.closed]));
    }));

  it('lets accepted bytes be overwritten by the writer', () =>
    within(async (w) => {
      const { c, s } = await w.pair();
      const b = noise(20_000);
      const expected = b.slice();
      await w.until(writeOne(c.writable, b));
      b.fill(0);
      await w.until(c.closeWrite());
      expect(await w.until(readAll(s.readable))).toEqual(expected);
      c.close();
      s.close();
    }));
});

/** The connection of a jail, as netstat would show it. */
function pcbOf(jail: StackJail): Xtcpcb {
  return tcpPcblist(jail.vnet).pcbs.find((p) => p.stateName === 'ESTABLISHED') as Xtcpcb;
}

/** Bytes that wait in the receive buffer of the server's end. */
function waiting(w: World): number {
  return pcbOf(w.serverJail).socket?.rcv.cc as number;
}
