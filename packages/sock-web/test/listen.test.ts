import { NetError } from '@ns/errno';
import { createWebSockets, type Socket } from '@ns/sock-web';
import { describe, expect, it } from 'vitest';
import { bytes, failure, noUnhandledRejections, readAll, readOne, realWorld, SERVER, text, turns, virtualWorld, type World, writeOne } from './support/world.ts';

noUnhandledRejections();

async function nextOf(w: World, it: AsyncIterator<Socket>): Promise<Socket> {
  return ((await w.until(it.next())) as { value: Socket }).value;
}

describe.each([
  ['in virtual time', virtualWorld],
  ['on the platform', realWorld],
])('a listener %s', (_name, make: () => World) => {
  async function within(run: (w: World) => Promise<void>): Promise<void> {
    const w = make();
    await run(w);
    await w.end();
  }

  it('serves several clients, in the order in which they came', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 80 });
      const names: string[] = [];
      const served = (async (): Promise<void> => {
        const jobs: Promise<void>[] = [];
        for await (const s of l) {
          jobs.push(
            readOne(s.readable).then(async ({ value }) => {
              names.push(text(value));
              await writeOne(s.writable, bytes(`for ${text(value)}`));
              await s.close();
            }),
          );
          if (jobs.length === 5) break;
        }
        await Promise.all(jobs);
      })();
      const replies: string[] = [];
      const clients = ['a', 'b', 'c', 'd', 'e'].map(async (name) => {
        const c = w.client.connect(`${SERVER}:80`);
        await writeOne(c.writable, bytes(name));
        replies.push(text(await readAll(c.readable)));
        await c.closed;
      });
      await w.until(Promise.all([served, ...clients]));
      expect(names.sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(replies.sort()).toEqual(['for a', 'for b', 'for c', 'for d', 'for e']);
      await l.closed;
      expect(await w.until(failure(w.client.connect(`${SERVER}:80`).opened))).toMatchObject({ code: 'ECONNREFUSED' });
    }));

  it('accepts only when asked: connections wait in the backlog, and closing resets them', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 80, backlog: 4 });
      const first = w.client.connect(`${SERVER}:80`);
      const second = w.client.connect(`${SERVER}:80`);
      await w.until(Promise.all([first.opened, second.opened]));
      await w.idle(10);
      const s = await nextOf(w, l[Symbol.asyncIterator]());
      const reading = failure(readOne(second.readable));
      await l.close();
      expect(await w.until(reading)).toMatchObject({ code: 'ECONNRESET' });
      await w.until(writeOne(s.writable, bytes('goes on')));
      expect(text((await w.until(readOne(first.readable))).value)).toBe('goes on');
      s.close();
      first.close();
    }));

  it('hands out connections that ended while they waited, with what they brought', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 80 });
      const ended = w.client.connect(`${SERVER}:80`);
      await w.until(writeOne(ended.writable, bytes('short')));
      await w.until(ended.closeWrite());
      const reset = w.client.connect(`${SERVER}:80`);
      await w.until(writeOne(reset.writable, bytes('cut')));
      await w.until(reset.writable.abort('gone'));
      const gone = failure(reset.closed);
      await w.idle(20);
      const s = await nextOf(w, l[Symbol.asyncIterator]());
      expect(text(await w.until(readAll(s.readable)))).toBe('short');
      await w.until(s.closed);
      const after = l[Symbol.asyncIterator]().next();
      await turns(8);
      await l.close();
      const r = await w.until(after);
      if (!r.done) expect(await w.until(failure(r.value.closed))).toMatchObject({ code: 'ECONNRESET' });
      expect(await gone).toBe('gone');
      ended.close();
    }));

  it('is a stream too, which closes with it', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 80 });
      const reader = l.incoming.getReader();
      const reading = reader.read();
      const c = w.client.connect(`${SERVER}:80`);
      const { value: s } = (await w.until(reading)) as { value: Socket };
      const more = reader.read();
      l.close();
      expect((await more).done).toBe(true);
      await reader.closed;
      s.close();
      c.close();
      const other = w.server.listen({ port: 80 });
      await other.incoming.cancel();
      await other.closed;
      expect(await other[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true });
    }));

  it('ends with a signal, whose reason everybody sees', () =>
    within(async (w) => {
      const stop = new AbortController();
      const l = w.server.listen({ port: 80, signal: stop.signal });
      const waiting = failure(l[Symbol.asyncIterator]().next());
      stop.abort('enough');
      expect(await waiting).toBe('enough');
      expect(await failure(l.closed)).toBe('enough');
      expect(await failure(l[Symbol.asyncIterator]().next())).toBe('enough');
      expect(await failure(l.incoming.getReader().read())).toBe('enough');
      expect(() => w.server.listen({ port: 80, signal: AbortSignal.abort(new Error('no')) })).toThrow('no');
      await w.server.listen({ port: 80 }).close();
    }));

  it('refuses addresses that are taken, foreign or no addresses', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 80 });
      expect(() => w.server.listen({ port: 80 })).toThrow('listen EADDRINUSE: address already in use 0.0.0.0:80');
      expect(() => w.server.listen({ port: 81, hostname: '192.0.2.1' })).toThrow(NetError);
      expect(() => w.server.listen({ port: 81, hostname: '192.0.2.1' })).toThrow('EADDRNOTAVAIL');
      expect(() => w.server.listen({ port: 81, hostname: 'example.org' })).toThrow('getaddrinfo ENOTFOUND example.org');
      expect(() => w.server.listen({ port: 65536 })).toThrow(TypeError);
      await l.close();
    }));

  it('resolves names: literals, localhost, and what lookup knows', () =>
    within(async (w) => {
      const l = w.server.listen({ port: 80, hostname: 'localhost' });
      expect(l.addr).toEqual({ hostname: '127.0.0.1', port: 80 });
      const local = w.server.connect('localhost:80');
      expect((await w.until(local.opened)).remoteAddress).toBe('127.0.0.1:80');
      const s = await nextOf(w, l[Symbol.asyncIterator]());
      s.close();
      local.close();
      const e = await w.until(failure(w.server.connect('example.org:80').opened));
      expect(e).toBeInstanceOf(NetError);
      expect(e).toMatchObject({ code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'example.org', message: 'getaddrinfo ENOTFOUND example.org' });
      const all = w.server.listen({ port: 8080 });
      const { connect } = createWebSockets(w.clientJail, { lookup: (name) => (name === 'server' ? Promise.resolve(SERVER) : name === 'bad' ? 'worse' : Promise.reject(new Error('who?'))) });
      const c = connect({ hostname: 'server', port: 8080 });
      expect((await w.until(c.opened)).remoteAddress).toBe(`${SERVER}:8080`);
      expect(await w.until(failure(connect('nobody:80').opened))).toMatchObject({ message: 'who?' });
      expect(await w.until(failure(connect('bad:80').opened))).toMatchObject({ code: 'ENOTFOUND' });
      const dropped = connect('server:8080');
      dropped.close('never mind');
      expect(await failure(dropped.opened)).toBe('never mind');
      c.close();
      await all.close();
      await l.close();
    }));
});

it('throws for what is no address, and for TLS', () => {
  const w = virtualWorld();
  const { connect } = w.client;
  for (const bad of ['', 'host', 'host:', ':80', 'host:port', 'host:65536', '::1:80', 'host:80:81']) expect(() => connect(bad), bad).toThrow(TypeError);
  for (const bad of [{ hostname: 'a', port: -1 }, { hostname: 'a', port: 1.5 }, { port: 1 }, null, 7]) expect(() => connect(bad as never)).toThrow(TypeError);
  expect(() => connect(`${SERVER}:1`, { secureTransport: 'on' as 'off' })).toThrow(expect.objectContaining({ name: 'NotSupportedError' }));
  const c = connect({ hostname: SERVER, port: 1 });
  expect(() => c.startTls()).toThrow(expect.objectContaining({ name: 'NotSupportedError' }));
  void c.close();
  return w.end();
});

it('lives in a vnet as well as in a jail, and says what it cannot reach', async () => {
  const w = virtualWorld();
  const { connect } = createWebSockets(w.clientJail.vnet);
  const c = connect('192.0.2.1:80');
  expect(await w.until(failure(c.opened))).toMatchObject({ code: 'ENETUNREACH', syscall: 'connect' });
  await turns(4);
  await w.end();
});

it('fails with ECONNABORTED what is open when its vnet goes', async () => {
  const w = virtualWorld();
  const { c, s } = await w.pair();
  const l = w.client.listen({ port: 80 });
  const u = w.client.udp();
  const waiting = [readOne(c.readable), l.incoming.getReader().read(), u.readable.getReader().read()].map((p) => failure(p));
  expect(w.clientJail.remove()).toMatchObject([{ clean: true }]);
  for (const e of await w.until(Promise.all(waiting))) expect(e).toMatchObject({ code: 'ECONNABORTED' });
  for (const closed of [c.closed, l.closed, u.closed]) expect(await failure(closed)).toMatchObject({ code: 'ECONNABORTED' });
  s.close();
  w.host?.advance(600_000_000);
  expect(w.serverJail.remove()).toMatchObject([{ clean: true }]);
  expect(w.stack.kernel.mbufs.outstanding).toBe(0);
  expect(w.stack.shutdown()).toMatchObject({ leftovers: [], problems: [] });
});
