import type { Datagram, ReceivedDatagram } from '@ns/sock-web';
import { describe, expect, it } from 'vitest';
import { bytes, CLIENT, failure, noise, noUnhandledRejections, realWorld, SERVER, text, turns, virtualWorld, type World } from './support/world.ts';

noUnhandledRejections();

describe.each([
  ['in virtual time', virtualWorld],
  ['on the platform', realWorld],
])('a datagram socket %s', (_name, make: () => World) => {
  async function within(run: (w: World) => Promise<void>): Promise<void> {
    const w = make();
    await run(w);
    await w.end();
  }

  it('sends and answers, keeping the bounds of datagrams', () =>
    within(async (w) => {
      const server = w.server.udp({ port: 53 });
      expect(server.addr).toEqual({ hostname: '0.0.0.0', port: 53 });
      const echo = server.readable.pipeTo(server.writable);
      const client = w.client.udp({ hostname: CLIENT });
      expect(client.addr.port).toBeGreaterThan(0);
      const writer = client.writable.getWriter();
      const reader = client.readable.getReader();
      for (const data of [bytes('ping'), new DataView(bytes('view').buffer as ArrayBuffer), new Uint8Array(0), noise(1400)]) {
        await w.until(writer.write({ data, remoteAddress: SERVER, remotePort: 53 }));
        const { value } = (await w.until(reader.read())) as { value: ReceivedDatagram };
        expect(value.data).toEqual(data instanceof DataView ? new Uint8Array(data.buffer) : data);
        expect(value).toMatchObject({ remoteAddress: SERVER, remotePort: 53 });
      }
      await client.close();
      expect((await reader.read()).done).toBe(true);
      await server.close();
      await failure(echo);
    }));

  it('keeps datagrams until somebody reads, and counts what does not fit as lost', () =>
    within(async (w) => {
      const server = w.server.udp({ port: 53 });
      const client = w.client.udp();
      const writer = client.writable.getWriter();
      for (const name of ['one', 'two', 'three']) await w.until(writer.write({ data: bytes(name), remoteAddress: SERVER, remotePort: 53 }));
      await w.idle(20);
      const reader = server.readable.getReader();
      const got = [await reader.read(), await reader.read(), await reader.read()].map((r) => text((r as { value: Datagram }).value.data as Uint8Array));
      expect(got).toEqual(['one', 'two', 'three']);
      const pending = reader.read();
      await server.close();
      expect((await pending).done).toBe(true);
      await writer.close();
      await client.close();
    }));

  it('rejects what cannot be sent, and loses what nobody would take', () =>
    within(async (w) => {
      const toNobody = w.client.udp();
      const writer = toNobody.writable.getWriter();
      for (let i = 0; i < 5; i++) {
        await w.until(writer.write({ data: bytes('x'), remoteAddress: '10.0.0.77', remotePort: 9 }));
        await w.idle(5);
      }
      expect(await w.until(failure(writer.write({ data: new Uint8Array(70_000), remoteAddress: SERVER, remotePort: 9 })))).toMatchObject({ code: 'EMSGSIZE', syscall: 'send' });
      await toNobody.close();
      const named = w.client.udp();
      expect(await w.until(failure(named.writable.getWriter().write({ data: bytes('x'), remoteAddress: 'nobody', remotePort: 9 })))).toMatchObject({ code: 'ENOTFOUND' });
      await named.readable.cancel();
      await named.closed;
      const stop = new AbortController();
      const stopped = w.client.udp({ signal: stop.signal });
      const reading = failure(stopped.readable.getReader().read());
      stop.abort('stop');
      expect(await reading).toBe('stop');
      expect(await failure(stopped.closed)).toBe('stop');
      expect(await failure(stopped.writable.getWriter().write({ data: bytes('x'), remoteAddress: SERVER, remotePort: 9 }))).toBe('stop');
      const l = w.server.udp({ port: 53 });
      expect(() => w.server.udp({ port: 53 })).toThrow('bind EADDRINUSE 0.0.0.0:53');
      await l.close();
      await turns(4);
    }));
});
