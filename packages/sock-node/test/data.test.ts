import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { closing, listening, over, pair, type Row, sameAsNode, settled, shut, watch } from './support/rows.ts';
import { realSide } from './support/sides.ts';

/** Bytes that differ everywhere. */
function noise(n: number): Buffer {
  const b = Buffer.alloc(n);
  let x = 0x9e3779b9;
  for (let i = 0; i < n; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    b[i] = x >>> 24;
  }
  return b;
}

const sha256 = (b: Uint8Array | string): string => createHash('sha256').update(b).digest('hex');

async function digestOf(s: Readable): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const d of s as AsyncIterable<Buffer>) {
    hash.update(d);
    bytes += d.length;
  }
  return { hash: hash.digest('hex'), bytes };
}

const rows: Row[] = [
  {
    title: 'writes come back as true below the high-water mark and as false from it on; drain follows',
    async run(side) {
      const p = await pair(side, { pauseOnConnect: true });
      const log: unknown[] = [p.c.write(Buffer.alloc(100)), p.c.write(Buffer.alloc(64 << 20)), p.c.writableNeedDrain, p.c.write('more')];
      p.c.on('drain', () => log.push(`drain ${p.c.writableLength} ${p.c.writableNeedDrain}`));
      let got = 0;
      p.s.on('data', (d) => (got += d.length));
      p.s.resume();
      await once(p.c, 'drain');
      p.c.end();
      await once(p.s, 'end');
      log.push(got);
      await over(p);
      return log;
    },
  },
  {
    title: 'a reader that does not read stops the writer, and all arrives when it does',
    async run(side) {
      const p = await pair(side, { pauseOnConnect: true });
      const data = noise(24 << 20);
      let drained = 0;
      p.c.on('drain', () => drained++);
      for (let o = 0; o < data.length; o += 65536) p.c.write(data.subarray(o, o + 65536));
      p.c.end();
      await settled();
      const stuck = p.c.writableLength > 0 && drained === 0;
      const got = await digestOf(p.s);
      await over(p);
      return { stuck, drained, same: got.hash === sha256(data), bytes: got.bytes, counted: [p.s.bytesRead, p.c.bytesWritten] };
    },
  },
  {
    title: 'one write of 16 MiB, in flight counted in bytesWritten',
    async run(side) {
      const p = await pair(side, { pauseOnConnect: true });
      const data = noise(16 << 20);
      const log: unknown[] = [];
      p.c.write(data, (e) => log.push(`written ${e}`));
      log.push(p.c.bytesWritten);
      await settled();
      log.push(p.c.bytesWritten, p.c.writableLength > 0);
      p.c.end();
      const got = await digestOf(p.s);
      log.push(got.hash === sha256(data), p.c.bytesWritten, p.s.bytesRead);
      await over(p);
      return log;
    },
  },
  {
    title: 'the buffer given to write() may be used again after the callback',
    async run(side) {
      const p = await pair(side);
      const b = Buffer.alloc(65536);
      const write = (v: number): Promise<void> => new Promise((resolve) => p.c.write(b.fill(v), () => resolve()));
      const digest = digestOf(p.s);
      for (let i = 0; i < 64; i++) await write(i);
      b.fill(0xff);
      p.c.end();
      const { hash } = await digest;
      await over(p);
      return hash === sha256(Buffer.concat(Array.from({ length: 64 }, (_, i) => Buffer.alloc(65536, i))));
    },
  },
  {
    title: 'the buffer that was received may be written to',
    async run(side) {
      const p = await pair(side);
      p.s.on('data', (d: Buffer) => {
        d.fill(0);
        p.s.write('x');
      });
      const data = noise(1 << 20);
      const copy = Buffer.from(data);
      let replies = 0;
      p.c.on('data', (d) => (replies += d.length));
      p.c.write(data);
      p.c.end();
      await p.sClosed;
      const same = data.equals(copy) && replies > 0;
      await over(p);
      return same;
    },
  },
  {
    title: 'memory that was received may be given away, while more comes',
    async run(side) {
      const p = await pair(side);
      const data = noise(8 << 20);
      const hash = createHash('sha256');
      let own = true;
      p.s.on('data', (d: Buffer) => {
        if (d.length < 4096) {
          hash.update(d);
          return;
        }
        own &&= d.byteOffset === 0 && d.buffer.byteLength === d.length;
        hash.update(structuredClone(new Uint8Array(d.buffer as ArrayBuffer), { transfer: [d.buffer as ArrayBuffer] }));
        own &&= d.length === 0;
      });
      for (let o = 0, n = 1; o < data.length; o += n, n = (n * 31 + 7) % 200_000) p.c.write(data.subarray(o, o + n));
      p.c.end();
      await once(p.s, 'end');
      await over(p);
      return { own, same: hash.digest('hex') === sha256(data) };
    },
  },
  {
    title: 'cork and uncork, strings in several encodings, empty writes, callbacks in order',
    async run(side) {
      const p = await pair(side);
      const log: string[] = [];
      const digest = digestOf(p.s);
      p.c.cork();
      p.c.write('grüße ', () => log.push('one'));
      p.c.write('68656c6c6f', 'hex', () => log.push('two'));
      p.c.write('', () => log.push('three'));
      p.c.write(Buffer.from(' buffer '), () => log.push('four'));
      log.push(`corked ${p.c.writableLength} ${p.c.bytesWritten}`);
      p.c.uncork();
      p.c.write('YmFzZTY0', 'base64', () => log.push('five'));
      p.c.write(new Uint8Array([1, 2, 3]), () => log.push('six'));
      p.c.end('ß', 'latin1', () => log.push('seven'));
      const got = await digest;
      await p.cClosed;
      await over(p);
      return { log: log.map((l) => l.replace(/corked \d+/, 'corked')), ...got, written: p.c.bytesWritten };
    },
  },
  {
    title: 'many small writes of many sizes arrive in order',
    async run(side) {
      const p = await pair(side);
      const data = noise(600_000);
      const digest = digestOf(p.s);
      for (let o = 0, n = 1; o < data.length; o += n, n = (n * 7 + 13) % 9001) p.c.write(data.subarray(o, o + n));
      p.c.end();
      const got = await digest;
      await over(p);
      return got.hash === sha256(data);
    },
  },
  {
    title: 'pause() and resume()',
    async run(side) {
      const p = await pair(side);
      const log: string[] = [];
      p.s.on('data', (d) => {
        log.push(String(d));
        p.s.pause();
        log.push(`paused ${p.s.isPaused()}`);
      });
      p.c.write('one');
      await settled();
      p.c.write('two');
      await settled();
      p.s.resume();
      await settled();
      p.c.end('three');
      await settled();
      log.push(`ended ${p.s.readableEnded}`);
      p.s.resume();
      await once(p.s, 'end');
      await over(p);
      return log;
    },
  },
  {
    title: 'each event has its own turn: a continuation listens for the next',
    async run(side) {
      const p = await pair(side, { noDelay: true }, { noDelay: true });
      const got: string[] = [];
      const read = async (): Promise<void> => {
        for (let i = 0; i < 3; i++) {
          const [d] = (await once(p.s, 'data')) as [Buffer];
          await Promise.resolve();
          await Promise.resolve();
          got.push(String(d));
          p.c.write(String(i));
        }
      };
      const done = read();
      p.c.write('go');
      await done;
      await over(p);
      return got;
    },
  },
  {
    title: 'setEncoding() does not cut characters',
    async run(side) {
      const p = await pair(side);
      p.s.setEncoding('utf8');
      let text = '';
      p.s.on('data', (d: string) => (text += d));
      const bytes = Buffer.from('äöü€😀'.repeat(100));
      for (let i = 0; i < bytes.length; i += 5) {
        p.c.write(bytes.subarray(i, i + 5));
        if (i % 100 === 0) await settled();
      }
      p.c.end();
      await once(p.s, 'end');
      await over(p);
      return text;
    },
  },
  {
    title: 'readable events and read(n)',
    async run(side) {
      const p = await pair(side);
      p.c.end('abcdefgh');
      const got: string[] = [];
      p.s.on('readable', () => {
        for (let d = p.s.read(3); d !== null; d = p.s.read(3)) got.push(String(d));
      });
      await once(p.s, 'end');
      await over(p);
      return got;
    },
  },
  {
    title: 'onread with one buffer, with a function, and with a pause',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.end(noise(100_000)));
      const results: unknown[] = [];
      for (const kind of ['buffer', 'function', 'pausing'] as const) {
        const one = Buffer.alloc(10_000);
        const hash = createHash('sha256');
        const sizes = new Set<boolean>();
        let dataEvents = 0;
        const c = side.client.connect({
          port,
          host: side.host,
          onread: {
            buffer: kind === 'function' ? (): Uint8Array => Buffer.alloc(5_000) : one,
            callback(n: number, buf: Uint8Array): boolean {
              hash.update(buf.subarray(0, n));
              sizes.add(n <= (kind === 'function' ? 5_000 : 10_000));
              if (kind === 'pausing') setImmediate(() => c.resume());
              return kind !== 'pausing';
            },
          },
        });
        c.on('data', () => dataEvents++);
        const events = watch(c, false);
        await closing(c);
        results.push([kind, hash.digest('hex'), [...sizes], dataEvents, c.bytesRead, events]);
      }
      await shut(server);
      return results;
    },
  },
  {
    title: 'pipeline through an echo server',
    async run(side) {
      const { server, port } = await listening(side, { allowHalfOpen: true }, (s) => s.pipe(s));
      const data = noise(8 << 20);
      const c = side.client.connect({ port, host: side.host });
      const hash = createHash('sha256');
      const slow = new Writable({
        highWaterMark: 4096,
        write(d: Buffer, _e, cb): void {
          hash.update(d);
          setImmediate(cb);
        },
      });
      await pipeline(Readable.from((function* chunks() { for (let o = 0; o < data.length; o += 100_000) yield data.subarray(o, o + 100_000); })()), c, slow);
      await shut(server);
      return hash.digest('hex') === sha256(data);
    },
  },
  {
    title: 'a pipeline that fails destroys the socket',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c);
      const broken = new Writable({ write: (_d, _e, cb) => cb(new Error('disk full')) });
      const failed = pipeline(p.c, broken).catch((e: Error) => e.message);
      p.s.write('data');
      const message = await failed;
      await p.cClosed;
      await over(p);
      return { message, client: client.filter((e) => !e.startsWith('data')) };
    },
  },
  {
    title: '200 connections at a time',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.on('data', (d) => s.end(d)));
      const one = (i: number): Promise<string> =>
        new Promise((resolve, reject) => {
          let text = '';
          const c: net.Socket = side.client.connect(port, side.host, () => c.write(`connection ${i}`));
          c.on('data', (d) => (text += String(d)));
          c.on('error', reject);
          c.on('close', () => resolve(text));
        });
      const all = await Promise.all(Array.from({ length: 200 }, (_, i) => one(i)));
      await shut(server);
      return all;
    },
  },
];

describe('data', () => sameAsNode(rows));

describe('data, ours', () => {
  it('goes through the smallest send buffer', async () => {
    const side = realSide();
    side.stack.jails()[1]?.sysctl('net.inet.tcp.sendspace', 2048);
    side.stack.jails()[1]?.sysctl('net.inet.tcp.sendbuf_auto', 0);
    const p = await pair(side);
    const data = noise(200_000);
    const got = digestOf(p.s);
    p.c.end(data);
    expect((await got).hash).toBe(sha256(data));
    await over(p);
    side.end();
  });
});
