import type dgram from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { attempt, plain, type Row, sameAsNode, settled, shape } from './support/rows.ts';
import { realSide, type Side } from './support/sides.ts';

/** A socket bound to any port of the server's address. */
async function bound(side: Side, type: dgram.SocketType = 'udp4'): Promise<{ s: dgram.Socket; port: number }> {
  const s = side.dgram.createSocket(type);
  s.bind(0, side.host);
  await once(s, 'listening');
  return { s, port: s.address().port };
}

async function shut(...sockets: dgram.Socket[]): Promise<void> {
  await Promise.all(sockets.map((s) => new Promise<void>((resolve) => s.close(resolve))));
}

/** A port on which nobody receives. */
async function deadPort(side: Side): Promise<number> {
  const { s, port } = await bound(side);
  await shut(s);
  return port;
}

const rows: Row[] = [
  {
    title: 'bind, send, message, close: events and what they carry',
    async run(side) {
      const log: unknown[] = [];
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp4', (msg, info) => log.push(`client got ${String(msg)} from ${info.port === port}`));
      for (const [name, x] of [
        ['s', s],
        ['c', c],
      ] as const) {
        for (const e of ['listening', 'connect', 'error', 'close']) x.on(e, () => log.push(`${name} ${e}`));
      }
      s.on('message', (msg, info) => {
        log.push([String(msg), Buffer.isBuffer(msg), Object.keys(info).sort(), plain(info.address), info.family, info.size, info.port === c.address().port]);
        s.send('reply', info.port, info.address);
      });
      c.send('hello', port, side.host, (e, n) => log.push(`sent ${e} ${n}`));
      await once(c, 'message');
      log.push(Object.keys(c.address()).sort(), c.address().family, plain(c.address().address));
      await shut(s, c);
      return log;
    },
  },
  {
    title: 'forms of send()',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp4');
      const got: string[] = [];
      s.on('message', (m) => got.push(String(m)));
      const b = Buffer.from('0123456789');
      const callbacks: unknown[] = [];
      const cb = (e: Error | null, n: number): number => callbacks.push([e, n]);
      c.send(b, port, side.host);
      c.send(b, port, side.host, cb);
      c.send(b, 2, 3, port, side.host);
      c.send(b, 2, 3, port, side.host, cb);
      c.send('text', port, side.host, cb);
      c.send(new Uint8Array([65, 66]), port, side.host, cb);
      c.send(new DataView(new Uint8Array([67, 68, 69]).buffer, 1), port, side.host, cb);
      c.send([b.subarray(0, 2), 'mixed', new Uint8Array([70])], port, side.host, cb);
      c.send([], port, side.host, cb);
      c.send('', port, side.host, cb);
      (c as unknown as { sendto(...a: unknown[]): void }).sendto(b, 8, 2, port, side.host, cb);
      while (got.length < 11) await once(s, 'message');
      await shut(s, c);
      return { got, callbacks };
    },
  },
  {
    title: 'to the loopback when no address is given',
    async run(side) {
      const s = side.clientDgram.createSocket('udp4');
      s.bind();
      await once(s, 'listening');
      const c = side.clientDgram.createSocket('udp4');
      const { port, address } = s.address();
      c.send('one', port);
      const [, info] = (await once(s, 'message')) as [Buffer, dgram.RemoteInfo];
      c.send('two', port, 'localhost');
      await once(s, 'message');
      await shut(s, c);
      return [address, plain(info.address)];
    },
  },
  {
    title: 'connect(), its properties, disconnect()',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp4');
      const log: unknown[] = [attempt(() => c.remoteAddress()), attempt(() => c.disconnect())];
      c.connect(port, side.host, () => log.push('callback'));
      log.push(attempt(() => c.connect(port, side.host)));
      await once(c, 'connect');
      const r = c.remoteAddress();
      log.push(r.port === port, r.family, attempt(() => c.send('x', port, side.host)), attempt(() => c.connect(port)));
      s.on('message', (m) => log.push(`got ${String(m)}`));
      c.send('plain');
      c.send(Buffer.from('0123'), 1, 2, (e, n) => log.push(`sent ${e} ${n}`));
      c.send(['li', 'st'], (e, n) => log.push(`sent ${e} ${n}`));
      while (log.filter((l) => String(l).startsWith('got')).length < 3) await once(s, 'message');
      c.disconnect();
      log.push(attempt(() => c.remoteAddress()), attempt(() => c.send('nowhere')));
      await shut(s, c);
      return log.filter((l) => !String(l).startsWith('got')).concat(log.filter((l) => String(l).startsWith('got')));
    },
  },
  {
    title: 'a connected socket hears of its peer only',
    async run(side) {
      const { s, port } = await bound(side);
      const other = await bound(side);
      const c = side.clientDgram.createSocket('udp4');
      c.connect(port, side.host);
      await once(c, 'connect');
      const got: string[] = [];
      c.on('message', (m) => got.push(String(m)));
      other.s.send('stranger', c.address().port, side.clientHost);
      await settled();
      s.send('friend', c.address().port, side.clientHost);
      await once(c, 'message');
      await shut(s, other.s, c);
      return got;
    },
  },
  {
    title: 'nobody there: a connected socket gets ECONNREFUSED, another nothing',
    async run(side) {
      const port = await deadPort(side);
      const free = side.clientDgram.createSocket('udp4');
      const log: unknown[] = [];
      free.on('error', () => log.push('never'));
      free.send('x', port, side.host, (e) => log.push(`sent ${e}`));
      await settled();
      const c = side.clientDgram.createSocket('udp4');
      c.connect(port, side.host);
      await once(c, 'connect');
      c.send('x');
      const [e] = await once(c, 'error');
      log.push(shape(e));
      await shut(free, c);
      return log;
    },
  },
  {
    title: 'EADDRINUSE, EADDRNOTAVAIL, and binding again after that',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.dgram.createSocket('udp4');
      const log: unknown[] = [];
      c.bind(port, side.host, () => log.push('never'));
      log.push(shape((await once(c, 'error'))[0]));
      c.bind(0, side.foreign);
      log.push(shape((await once(c, 'error'))[0]));
      c.bind(0, side.host, () => log.push('bound'));
      await once(c, 'listening');
      log.push(attempt(() => c.bind()));
      await shut(s, c);
      return log;
    },
  },
  {
    title: 'reuseAddr lets two bind',
    async run(side) {
      const a = side.dgram.createSocket({ type: 'udp4', reuseAddr: true });
      const b = side.dgram.createSocket({ type: 'udp4', reuseAddr: true });
      a.bind(0, side.host);
      await once(a, 'listening');
      b.bind({ port: a.address().port, address: side.host });
      await once(b, 'listening');
      const same = a.address().port === b.address().port;
      await shut(a, b);
      return same;
    },
  },
  {
    title: 'a datagram that is too long',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp4');
      const e = await new Promise((resolve) => c.send(Buffer.alloc(70_000), port, side.host, resolve));
      await shut(s, c);
      return shape(e);
    },
  },
  {
    title: 'a datagram in fragments',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket({ type: 'udp4', sendBufferSize: 100_000 });
      // First a small one: a neighbour whose link-layer address is not known yet holds a few fragments only.
      for (const n of [1, 20_000]) {
        const data = Buffer.alloc(n, 'abc');
        c.send(data, port, side.host);
        const [m] = (await once(s, 'message')) as [Buffer];
        if (!m.equals(data)) return `wrong at ${n}`;
      }
      await shut(s, c);
      return 'unchanged';
    },
  },
  {
    title: 'after close() everything throws',
    async run(side) {
      const { s, port } = await bound(side);
      const log: unknown[] = [];
      s.on('close', () => log.push('close'));
      await shut(s);
      const n = s as unknown as Record<string, (...a: unknown[]) => unknown>;
      const calls: [string, ...unknown[]][] = [['close'], ['address'], ['bind'], ['send', 'x', port], ['remoteAddress'], ['addMembership', '224.0.0.1']];
      for (const [method, ...args] of calls) log.push([method, attempt(() => n[method]?.(...args))]);
      log.push(s.ref() === s, s.unref() === s);
      return log;
    },
  },
  {
    title: 'close() while a send waits for the bind',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp4');
      const log: unknown[] = [];
      s.on('message', (m) => log.push(String(m)));
      c.send('parting', port, side.host, (e, n) => log.push(`sent ${e} ${n}`));
      const closed = once(c, 'close');
      c.close();
      log.push('close() returned');
      await closed;
      await settled();
      await shut(s);
      return log;
    },
  },
  {
    title: 'an abort signal closes',
    async run(side) {
      const log: string[] = [];
      for (const early of [true, false]) {
        const controller = new AbortController();
        if (early) controller.abort();
        const s = side.dgram.createSocket({ type: 'udp4', signal: controller.signal });
        const closed = once(s, 'close');
        controller.abort();
        await closed;
        log.push('closed');
      }
      return log;
    },
  },
  {
    title: 'wrong arguments',
    async run(side) {
      const d = side.dgram;
      const s = d.createSocket('udp4');
      const send = s.send.bind(s) as (...a: unknown[]) => void;
      const log = [
        attempt(() => d.createSocket('tcp' as dgram.SocketType)),
        attempt(() => d.createSocket({} as dgram.SocketOptions)),
        attempt(() => d.createSocket({ type: 'udp4', lookup: 5 } as unknown as dgram.SocketOptions)),
        attempt(() => send('x')),
        attempt(() => send('x', 0)),
        attempt(() => send('x', 65536)),
        attempt(() => send('x', -1, 'h')),
        attempt(() => send(5, 80)),
        attempt(() => send([5], 80)),
        attempt(() => send('x', 80, 5)),
        attempt(() => send(Buffer.alloc(4), 5, 1, 80)),
        attempt(() => send(Buffer.alloc(4), 1, 5, 80)),
        attempt(() => s.connect(0)),
        attempt(() => s.connect(80, 5 as unknown as string)),
        attempt(() => s.setTTL('x' as unknown as number)),
        attempt(() => s.setMulticastTTL('x' as unknown as number)),
        attempt(() => s.addMembership('')),
        attempt(() => s.setMulticastInterface(5 as unknown as string)),
        attempt(() => s.address()),
      ];
      await shut(s);
      return log;
    },
  },
  {
    title: 'options of a bound socket',
    async run(side) {
      const { s } = await bound(side);
      const log: unknown[] = [
        s.setTTL(5),
        s.setMulticastTTL(6),
        s.setMulticastLoopback(true),
        attempt(() => s.setBroadcast(true)),
        attempt(() => s.setTTL(0)),
        attempt(() => s.setTTL(256)),
        attempt(() => s.setMulticastTTL(256)),
        attempt(() => s.setRecvBufferSize(10_000)),
        attempt(() => s.setSendBufferSize(10_000)),
        s.getRecvBufferSize() >= 10_000,
        s.getSendBufferSize() >= 10_000,
        s.getSendQueueSize(),
        s.getSendQueueCount(),
        attempt(() => s.addMembership('10.0.0.1')),
      ];
      await shut(s);
      return log;
    },
  },
  {
    title: 'each datagram has its own turn',
    async run(side) {
      const { s, port } = await bound(side);
      const c = side.clientDgram.createSocket('udp4');
      for (let i = 0; i < 5; i++) c.send(String(i), port, side.host);
      const got: string[] = [];
      for (let i = 0; i < 5; i++) {
        const [m] = (await once(s, 'message')) as [Buffer];
        await Promise.resolve();
        got.push(String(m));
      }
      await shut(s, c);
      return got;
    },
  },
  {
    title: 'classes and chaining',
    async run(side) {
      const d = side.dgram;
      const S = d.Socket as unknown as new (type: string) => dgram.Socket & { type: string };
      class Mine extends S {
        readonly mine = true;
      }
      const m = new Mine('udp4');
      const seen = [m instanceof Mine, m instanceof S, m.mine, m.type, m.ref() === m, m.unref() === m, m.bind() === m, d.createSocket('udp4').close() instanceof S];
      await once(m, 'listening');
      await m[Symbol.asyncDispose]();
      return seen;
    },
  },
];

describe('dgram', () => sameAsNode(rows));

describe('dgram, ours', () => {
  it('answers for an IPv6 address that its vnet has not with an error event, not with a throw', async () => {
    const side = realSide();
    const s = side.dgram.createSocket('udp6');
    s.bind(0, '2001:db8::1');
    const [e] = (await once(s, 'error')) as [NodeJS.ErrnoException];
    expect(e.syscall).toBe('bind');
    await shut(s);
    side.end();
  });

  it('carries the longest datagram, where the receiver allows so many fragments', async () => {
    const side = realSide();
    side.stack.jails()[0]?.sysctl('net.inet.ip.maxfragsperpacket', 64);
    const { s, port } = await bound(side);
    s.setRecvBufferSize(200_000);
    const c = side.clientDgram.createSocket({ type: 'udp4', sendBufferSize: 100_000 });
    for (const n of [1, 65_507]) {
      const data = Buffer.alloc(n, 'abc');
      c.send(data, port, side.host);
      const [m] = (await once(s, 'message')) as [Buffer];
      expect(m.equals(data)).toBe(true);
    }
    await shut(s, c);
    side.end();
  });

  it('carries multicast between vnets', async () => {
    const side = realSide();
    const { s, port } = await (async (): Promise<{ s: dgram.Socket; port: number }> => {
      const x = side.dgram.createSocket('udp4');
      x.bind(0);
      await once(x, 'listening');
      return { s: x, port: x.address().port };
    })();
    s.addMembership('239.1.2.3', side.host);
    const c = side.clientDgram.createSocket('udp4');
    c.bind();
    await once(c, 'listening');
    c.setMulticastInterface(side.clientHost);
    c.send('to the group', port, '239.1.2.3');
    const [m] = (await once(s, 'message')) as [Buffer];
    expect(String(m)).toBe('to the group');
    s.dropMembership('239.1.2.3', side.host);
    expect(() => s.dropMembership('239.1.2.3', side.host)).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL', syscall: 'dropMembership' }));
    await shut(s, c);
    side.end();
  });
});
