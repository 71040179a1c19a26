import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import type net from 'node:net';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { NetModule } from '@ns/sock-node';
import { attempt, closing, listening, next, over, pair, plain, type Row, sameAsNode, settled, shape, shut, watch } from './support/rows.ts';
import { realSide } from './support/sides.ts';

const servers: Row[] = [
  {
    title: 'listening: address, property, events, callback',
    async run(side) {
      const log: unknown[] = [];
      const server = side.net.createServer();
      log.push(server.listening, server.address());
      server.on('listening', () => log.push('event'));
      server.listen(0, side.host, () => log.push('callback'));
      log.push(server.listening);
      await once(server, 'listening');
      log.push(server.listening, attempt(() => server.listen(0)));
      const a = server.address() as net.AddressInfo;
      log.push(Object.keys(a).sort(), a.family, a.address === side.host, a.port > 0);
      server.on('close', () => log.push('close event'));
      await new Promise<void>((resolve) =>
        server.close((e) => {
          log.push(`closed ${e}`);
          resolve();
        }),
      );
      log.push(server.listening, server.address());
      return log;
    },
  },
  {
    title: 'forms of listen()',
    async run(side) {
      const results: unknown[] = [];
      const { server, port: free } = await listening(side);
      await shut(server);
      const forms: ((s: net.Server, cb: () => void) => void)[] = [
        (s, cb) => s.listen(cb),
        (s, cb) => s.listen(0, cb),
        (s, cb) => s.listen('0', cb as never),
        (s, cb) => s.listen(0, side.host, cb),
        (s, cb) => s.listen(0, side.host, 5, cb),
        (s, cb) => s.listen(0, 5, cb),
        (s, cb) => s.listen({ port: 0, host: side.host, backlog: 5 }, cb),
        (s, cb) => s.listen({ port: undefined } as never, cb),
        (s, cb) => s.listen(null as never, cb),
        (s, cb) => s.listen(free, side.host, cb),
      ];
      for (const form of forms) {
        const s = side.net.createServer();
        await new Promise<void>((resolve) => form(s, resolve));
        const a = s.address() as net.AddressInfo;
        results.push([a.port > 0, a.port === free, a.address === side.host, s.listening]);
        await shut(s);
      }
      return results;
    },
  },
  {
    title: 'EADDRINUSE',
    async run(side) {
      const { server, port } = await listening(side);
      const second = side.net.createServer();
      const log: unknown[] = [];
      second.on('close', () => log.push('close'));
      second.listen(port, side.host, () => log.push('listening'));
      log.push(shape(await next(second, 'error')), second.listening);
      await shut(server);
      second.listen(port, side.host);
      await once(second, 'listening');
      log.push('after the first was closed');
      await shut(second);
      return log;
    },
  },
  {
    title: 'EADDRNOTAVAIL',
    async run(side) {
      const server = side.net.createServer();
      server.listen(80, side.foreign);
      return shape(await next(server, 'error'));
    },
  },
  {
    title: 'a name to listen on that does not resolve',
    async run(side) {
      const server = side.net.createServer();
      server.listen(80, 'name.invalid');
      const e = await next<NodeJS.ErrnoException>(server, 'error');
      return [e.syscall, server.listening];
    },
  },
  {
    title: 'localhost to listen on',
    async run(side) {
      const server = side.client.createServer((s) => s.end('hi'));
      server.listen(0, 'localhost');
      await once(server, 'listening');
      const { address, port } = server.address() as net.AddressInfo;
      const c = side.client.connect(port, address).resume();
      await closing(c);
      await shut(server);
      return address === '127.0.0.1' || address === '::1';
    },
  },
  {
    title: 'close() waits for connections; its event comes before that of the last socket',
    async run(side) {
      const p = await pair(side);
      const log: string[] = [];
      p.server.on('close', () => log.push('server close'));
      p.s.on('close', () => log.push('socket close'));
      p.server.close((e) => log.push(`callback ${e}`));
      log.push(`listening ${p.server.listening}`);
      const refused = side.client.connect(p.port, side.host);
      log.push((await next<NodeJS.ErrnoException>(refused, 'error')).code as string);
      p.server.getConnections((e, n) => log.push(`connections ${e} ${n}`));
      await settled();
      p.s.destroy();
      p.server.getConnections((e, n) => log.push(`connections ${e} ${n}`));
      await p.sClosed;
      await settled();
      p.c.destroy();
      await over(p);
      return log;
    },
  },
  {
    title: 'close() of a server that does not listen',
    async run(side) {
      const server = side.net.createServer();
      const log: unknown[] = [];
      server.on('close', () => log.push('close'));
      await new Promise<void>((resolve) =>
        server.close((e) => {
          log.push(shape(e));
          resolve();
        }),
      );
      return log;
    },
  },
  {
    title: 'listening again after close()',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.end('again'));
      await shut(server);
      server.listen(port, side.host);
      await once(server, 'listening');
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      await closing(c);
      await shut(server);
      return client;
    },
  },
  {
    title: 'maxConnections: the one too many is dropped, and told about',
    async run(side) {
      const { server, port } = await listening(side);
      server.maxConnections = 1;
      const accepted = once(server, 'connection');
      const first = side.client.connect(port, side.host);
      const [s] = (await accepted) as [net.Socket];
      const dropped = once(server, 'drop');
      const second = side.client.connect(port, side.host);
      const log = watch(second);
      const [drop] = (await dropped) as [Record<string, unknown>];
      await closing(second);
      first.destroy();
      s.destroy();
      await shut(server);
      return [log, Object.keys(drop).sort(), plain(String(drop['remoteAddress'])), drop['localPort'] === port, drop['remoteFamily']];
    },
  },
  {
    title: 'pauseOnConnect',
    async run(side) {
      const { server, port } = await listening(side, { pauseOnConnect: true });
      const accepted = once(server, 'connection');
      const c = side.client.connect(port, side.host, () => c.end('waiting'));
      const [s] = (await accepted) as [net.Socket];
      const log = watch(s);
      await settled();
      const before = [...log, s.isPaused(), s.bytesRead];
      s.resume();
      await Promise.all([closing(s), closing(c)]);
      await shut(server);
      return { before, log };
    },
  },
  {
    title: 'options reach the accepted sockets',
    async run(side) {
      const p = await pair(side, { highWaterMark: 1000, allowHalfOpen: true }, { readableHighWaterMark: 5, writableHighWaterMark: 7 } as object);
      const seen = [p.s.readableHighWaterMark, p.s.writableHighWaterMark, p.s.allowHalfOpen, p.c.readableHighWaterMark, p.c.writableHighWaterMark, p.c.allowHalfOpen];
      await over(p);
      return seen;
    },
  },
  {
    title: 'an abort signal closes the server',
    async run(side) {
      const log: string[] = [];
      for (const early of [true, false]) {
        const controller = new AbortController();
        if (early) controller.abort();
        const server = side.net.createServer();
        server.on('close', () => log.push('close'));
        server.listen({ port: 0, host: side.host, signal: controller.signal });
        if (!early) {
          await once(server, 'listening');
          controller.abort();
        }
        await closing(server);
        log.push(`${server.listening}`);
      }
      return log;
    },
  },
  {
    title: 'await using closes a server',
    async run(side) {
      const { server } = await listening(side);
      await server[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      return server.listening;
    },
  },
  {
    title: 'captureRejections: an async listener that fails costs the connection',
    async run(side) {
      const server = side.net.createServer({ captureRejections: true } as net.ServerOpts);
      server.on('error', () => {});
      (server as unknown as Record<symbol, unknown>)[Symbol.for('nodejs.rejection')] ??= undefined;
      return typeof (server as unknown as Record<symbol, unknown>)[Symbol.for('nodejs.rejection')];
    },
  },
  {
    title: 'three connections wait: each has its own turn',
    async run(side) {
      const { server, port } = await listening(side);
      const clients = [1, 2, 3].map(() => side.client.connect(port, side.host));
      const got: net.Socket[] = [];
      for (let i = 0; i < 3; i++) {
        const [s] = (await once(server, 'connection')) as [net.Socket];
        await Promise.resolve();
        got.push(s);
      }
      for (const s of [...got, ...clients]) s.destroy();
      await Promise.all(got.map(closing));
      await shut(server);
      return got.length;
    },
  },
  {
    title: 'a client that has gone before it was accepted',
    async run(side) {
      const { server, port } = await listening(side);
      const accepted = once(server, 'connection');
      const c = side.client.connect(port, side.host, () => c.end('bye'));
      c.resume();
      const [s] = (await accepted) as [net.Socket];
      const log = watch(s);
      await Promise.all([closing(s), closing(c)]);
      await shut(server);
      return log;
    },
  },
];

const sockets: Row[] = [
  {
    title: "'timeout' after silence, once armed, not after setTimeout(0)",
    async run(side) {
      const p = await pair(side, {}, {});
      const log: string[] = [];
      p.c.setTimeout(20, () => log.push('callback'));
      log.push(`${p.c.timeout}`);
      p.c.on('timeout', () => log.push('timeout'));
      await once(p.c, 'timeout');
      log.push(`destroyed ${p.c.destroyed}`);
      p.c.setTimeout(0);
      log.push(`${p.c.timeout}`);
      const unused = (): number => log.push('never');
      p.c.setTimeout(1000, unused);
      p.c.setTimeout(0, unused);
      log.push(`listeners ${p.c.listenerCount('timeout')}`);
      await over(p);
      log.push(`returns ${p.c.setTimeout(5) === p.c} ${p.c.timeout}`);
      return log;
    },
  },
  {
    title: 'the timeout option of connect()',
    async run(side) {
      const { server, port } = await listening(side);
      const accepted = once(server, 'connection');
      const c = side.client.connect({ port, host: side.host, timeout: 20 });
      await accepted;
      await once(c, 'timeout');
      const seen = [c.timeout, c.readyState];
      c.end();
      c.resume();
      await closing(c);
      await shut(server);
      return seen;
    },
  },
  {
    title: 'traffic puts the timeout off',
    async run(side) {
      const p = await pair(side, { noDelay: true }, { noDelay: true });
      let timeouts = 0;
      let echoes = 0;
      p.s.on('data', (d) => p.s.write(d));
      p.c.setTimeout(60, () => timeouts++);
      const deadline = Date.now() + 150;
      await new Promise<void>((resolve) => {
        const more = (): void => {
          echoes++;
          if (Date.now() > deadline) resolve();
          else setImmediate(() => p.c.write('x'));
        };
        p.c.on('data', more);
        p.c.write('x');
      });
      await over(p);
      return [timeouts, echoes > 1];
    },
  },
  {
    title: 'chained calls, in every state',
    async run(side) {
      const p = await pair(side);
      const fresh = new side.client.Socket();
      const calls = (s: net.Socket): boolean[] => [
        s.setNoDelay() === s,
        s.setNoDelay(false) === s,
        s.setKeepAlive(true, 5000) === s,
        s.setKeepAlive() === s,
        s.ref() === s,
        s.unref() === s,
        s.ref() === s,
        s.setTimeout(0) === s,
        s.pause() === s,
        s.resume() === s,
      ];
      const log = [calls(fresh), calls(p.c)];
      fresh.destroy();
      await over(p);
      log.push(calls(p.c));
      return log;
    },
  },
  {
    title: 'classes: with and without new, instanceof, subclasses',
    async run(side) {
      const n = side.client;
      class Mine extends n.Socket {
        readonly mine = true;
      }
      const m = new Mine({ allowHalfOpen: true });
      const plainCall = (n.Socket as unknown as () => net.Socket)();
      const server = (n.Server as unknown as () => net.Server)();
      const { server: live, port } = await listening(side, {}, (s) => s.end(String(s instanceof side.net.Socket)));
      m.connect(port, side.host);
      let text = '';
      m.on('data', (d) => (text += String(d)));
      await once(m, 'end');
      m.end();
      await closing(m);
      await shut(live);
      const made = n.createConnection({ port, host: side.host });
      made.on('error', () => {});
      await closing(made);
      return [m instanceof Mine, m instanceof n.Socket, m.mine, m.allowHalfOpen, plainCall instanceof n.Socket, server instanceof n.Server, text, made instanceof n.Socket, n.Socket.name, n.Server.name];
    },
  },
  {
    title: 'properties of any name may be hung on a socket',
    async run(side) {
      const p = await pair(side);
      const names = ['name', 'id', 'handle', 'keep', 'reading', 'peer', 'timer', 'ctx', 'conn', 'state', 'owner', 'user', 'buffer', 'queue'];
      for (const s of [p.c, p.s] as unknown as Record<string, unknown>[]) for (const n of names) s[n] = n;
      p.s.on('data', (d) => p.s.end(d));
      p.c.write('still works');
      const log = watch(p.c);
      await p.cClosed;
      await over(p);
      return log;
    },
  },
  {
    title: 'what a listener throws is an uncaught exception, and the next event comes all the same',
    async run(side) {
      const p = await pair(side);
      const log: string[] = [];
      const before = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', (e) => log.push(`uncaught ${e.message}`));
      p.s.once('data', () => {
        throw new Error('in a listener');
      });
      p.c.write('one');
      await settled();
      for (const l of before) process.on('uncaughtException', l);
      p.s.on('data', (d) => log.push(String(d)));
      p.c.write('two');
      await settled();
      await over(p);
      return log;
    },
  },
  {
    title: 'asynchronous context: events of a socket run in that of its connect() or listen()',
    async run(side) {
      const als = new AsyncLocalStorage<string>();
      const seen: Record<string, unknown> = {};
      const server = side.net.createServer();
      als.run('server', () => {
        server.on('connection', (s: net.Socket) => {
          seen['connection'] = als.getStore();
          s.on('data', (d) => s.end(d));
        });
        server.listen(0, side.host);
      });
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      await als.run('client', async () => {
        const c = side.client.connect(port, side.host);
        for (const event of ['connect', 'data', 'end', 'close']) c.on(event, () => (seen[event] = als.getStore()));
        c.write('x', () => (seen['written'] = als.getStore()));
        await closing(c);
      });
      await shut(server);
      return seen;
    },
  },
  {
    title: 'helpers for addresses',
    async run(side) {
      const n = side.net;
      const list = new n.BlockList();
      list.addSubnet('10.0.0.0', 8);
      return [n.isIP('10.0.0.1'), n.isIP('::1'), n.isIP('x'), n.isIPv4('1.2.3.4'), n.isIPv6('1.2.3.4'), list.check('10.1.2.3'), new n.SocketAddress({ address: '1.2.3.4', port: 5 }).port];
    },
  },
];

describe('servers', () => sameAsNode(servers));
describe('sockets', () => sameAsNode(sockets));

describe('shape', () => {
  it('has all that node:net has', async () => {
    const node = (await import('node:net')).default as unknown as Record<string, unknown>;
    const side = realSide();
    const ours = side.net as unknown as Record<string, unknown>;
    const missing = Object.keys(node).filter((k) => !k.startsWith('_') && typeof ours[k] !== typeof node[k]);
    expect(missing).toEqual([]);
    const methods = (o: object): string[] =>
      Object.getOwnPropertyNames((o as { prototype: object }).prototype).filter((k) => !k.startsWith('_') || k === '_read' || k === '_write');
    const has = (o: object, k: string): boolean => k in (o as { prototype: object }).prototype;
    for (const name of ['Socket', 'Server']) {
      const lacking = methods(node[name] as object).filter((k) => !has(ours[name] as object, k));
      expect(lacking).toEqual([]);
    }
    expectTypeOf(side.net).toEqualTypeOf<NetModule>();
    side.end();
  });

  it('refuses what belongs to the operating system', () => {
    const side = realSide();
    const n = side.net;
    const code = (f: () => unknown): unknown => (attempt(f) as { code?: string }).code;
    expect(code(() => n.connect('/tmp/socket'))).toBe('ERR_INVALID_ARG_VALUE');
    expect(code(() => n.createServer().listen('/tmp/socket'))).toBe('ERR_INVALID_ARG_VALUE');
    expect(code(() => n.createServer().listen({ fd: 3 } as net.ListenOptions))).toBe('ERR_INVALID_ARG_VALUE');
    expect(code(() => new n.Socket({ fd: 3 }))).toBe('ERR_INVALID_ARG_VALUE');
    side.end();
  });

  it('keeps the process alive while something is open and referenced, and not longer', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((r) => r === 'Timeout').length;
    const side = realSide();
    const idle = timers();
    const p = await pair(side);
    expect(timers()).toBeGreaterThan(idle);
    for (const x of [p.server, p.s, p.c]) x.unref();
    expect(timers()).toBe(idle);
    p.c.ref();
    expect(timers()).toBe(idle + 1);
    await over(p);
    expect(timers()).toBe(idle);
    side.end();
  });
});

describe('a vnet that goes', () => {
  it('ends its sockets with an error, and nothing can be opened any more', async () => {
    const side = realSide();
    const p = await pair(side);
    const d = side.dgram.createSocket('udp4').bind(0, side.host);
    await once(d, 'listening');
    const log: string[] = [];
    for (const [name, x] of Object.entries({ server: p.server, s: p.s, d })) {
      x.on('error', (e: NodeJS.ErrnoException) => log.push(`${name} ${e.syscall} ${e.code}`));
      x.on('close', () => log.push(`${name} close`));
    }
    const reset = once(p.c, 'error');
    expect(side.stack.jails()[0]?.remove()).toMatchObject([{ clean: true }]);
    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' });
    await Promise.all([p.sClosed, p.cClosed]);
    await settled();
    expect(log.sort()).toEqual(['d recvmsg ECONNABORTED', 's close', 's read ECONNABORTED', 'server accept ECONNABORTED', 'server close']);
    const attempts = [side.net.connect(80, side.clientHost), side.net.createServer().listen(80), side.dgram.createSocket('udp4').bind()];
    for (const [error] of await Promise.all(attempts.map((x) => once(x, 'error')))) expect(error).toMatchObject({ code: 'ENETDOWN' });
    await new Promise<void>((resolve) => d.close(resolve));
    side.end();
  });
});
