import { once } from 'node:events';
import type net from 'node:net';
import { describe } from 'vitest';
import { attempt, closing, listening, next, over, pair, type Row, sameAsNode, settled, shape, shut, watch } from './support/rows.ts';
import type { Side } from './support/sides.ts';

/** A port on which nobody listens. */
async function deadPort(side: Side): Promise<number> {
  const { server, port } = await listening(side);
  await shut(server);
  return port;
}

const connecting: Row[] = [
  {
    title: 'ECONNREFUSED',
    async run(side) {
      const c = side.client.connect(await deadPort(side), side.host);
      const client = watch(c);
      c.write('never', (e) => client.push(`write ${(e as NodeJS.ErrnoException).code}`));
      c.end();
      await closing(c);
      return { client, readyState: c.readyState, bytes: c.bytesWritten };
    },
  },
  {
    title: 'ECONNREFUSED names the local end that was asked for',
    async run(side) {
      const free = await deadPort(side);
      const c = side.client.connect({ port: await deadPort(side), host: side.host, localAddress: side.clientHost, localPort: free });
      const e = await next<NodeJS.ErrnoException & { localPort: number }>(c, 'error');
      return { ...shape(e), local: typeof e.localPort };
    },
  },
  {
    title: 'bind fails: an address of somebody else',
    notOverHost: 'the operating system tells of a bind when it connects',
    async run(side) {
      const c = side.client.connect({ port: 9, host: side.host, localAddress: side.foreign });
      const client = watch(c);
      await closing(c);
      return client;
    },
  },
  {
    title: 'bind succeeds: the peer sees the local port',
    async run(side) {
      const free = await deadPort(side);
      const p = await pair(side, {}, { localPort: free, localAddress: side.clientHost });
      const seen = [p.s.remotePort === free, p.c.localPort === free];
      await over(p);
      return seen;
    },
  },
  {
    title: 'a name that does not resolve',
    async run(side) {
      const error = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere'), { code: 'ENOTFOUND', errno: -3008, syscall: 'getaddrinfo', hostname: 'nowhere' });
      const c = side.client.connect({ port: 80, host: 'nowhere', lookup: (_h, _o, cb) => process.nextTick(cb, error, '', 4) });
      const client = watch(c);
      await closing(c);
      return client;
    },
  },
  {
    title: 'a lookup that gives nonsense',
    async run(side) {
      const logs: string[][] = [];
      for (const [address, family] of [
        ['not an address', 4],
        ['127.0.0.1', 5],
      ] as const) {
        const c = side.client.connect({ port: 80, host: 'nowhere', family: 4, lookup: (_h, _o, cb) => process.nextTick(cb, null, address, family) });
        logs.push(watch(c));
        await closing(c);
      }
      return logs;
    },
  },
  {
    title: 'a lookup function gets what Node gives it',
    async run(side) {
      const asked: unknown[] = [];
      const { server, port } = await listening(side, {}, (s) => s.end());
      const lookup: net.LookupFunction = (hostname, options, cb) => {
        asked.push([hostname, options.family, options.all]);
        const found = { address: side.host, family: 4 };
        process.nextTick(() => (options.all === true ? cb(null, [found]) : cb(null, found.address, found.family)));
      };
      for (const extra of [{}, { family: 4 }, { autoSelectFamily: false }]) {
        const c = side.client.connect({ port, host: 'somewhere', lookup, ...extra });
        c.resume();
        await closing(c);
      }
      await shut(server);
      return asked;
    },
  },
  {
    title: 'several addresses: the second answers',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.end('here'));
      const found = [side.other, side.host].map((address) => ({ address, family: 4 }));
      const c = side.client.connect({ port, host: 'both', lookup: (_h, _o, cb) => process.nextTick(cb, null, found) });
      const client = watch(c);
      await closing(c);
      await shut(server);
      return { client, tried: c.autoSelectFamilyAttemptedAddresses?.length };
    },
  },
  {
    title: 'several addresses: none answers',
    async run(side) {
      const port = await deadPort(side);
      const found = [side.other, side.host].map((address) => ({ address, family: 4 }));
      const c = side.client.connect({ port, host: 'both', lookup: (_h, _o, cb) => process.nextTick(cb, null, found) });
      const e = await next<AggregateError & { code: string }>(c, 'error');
      return { name: e.name, code: e.code, message: e.message, errors: e.errors.map(shape) };
    },
  },
];

const established: Row[] = [
  {
    title: 'write after end',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c);
      p.s.resume();
      p.c.end();
      p.c.write('late', (e) => client.push(`write ${(e as NodeJS.ErrnoException).code}`));
      await p.cClosed;
      await over(p);
      return client;
    },
  },
  {
    title: 'write after the peer has ended both directions: EPIPE',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c);
      p.s.end();
      await once(p.c, 'end');
      await once(p.c, 'finish');
      client.push(`returned ${p.c.write('late', (e) => client.push(`write ${(e as NodeJS.ErrnoException).code} ${e?.message}`))}`);
      await p.cClosed;
      await over(p);
      return client;
    },
  },
  {
    title: 'write after destroy',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c);
      p.s.resume();
      p.c.destroy();
      p.c.write('late', (e) => client.push(`write ${(e as NodeJS.ErrnoException).code}`));
      await p.cClosed;
      await settled();
      await over(p);
      return client;
    },
  },
  {
    title: 'resetAndDestroy(): the peer gets ECONNRESET',
    async run(side) {
      const p = await pair(side);
      const [client, server] = [watch(p.c), watch(p.s)];
      p.s.resetAndDestroy();
      await Promise.all([p.cClosed, p.sClosed]);
      await over(p);
      return { client, server };
    },
  },
  {
    title: 'resetAndDestroy() before the connection is there, and after the end',
    notOverHost: 'the client is gone before the server has accepted',
    async run(side) {
      const { server, port } = await listening(side);
      const accepted = once(server, 'connection');
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      c.resetAndDestroy();
      const [s] = await accepted;
      const server1 = watch(s);
      s.on('error', () => {});
      await Promise.all([closing(c), closing(s)]);
      const unconnected = new side.client.Socket();
      const log = watch(unconnected);
      unconnected.resetAndDestroy();
      await closing(unconnected);
      await shut(server);
      return { client, server1: server1.filter((e) => e.startsWith('close') || e.startsWith('error')), log };
    },
  },
  {
    title: 'a reset while paused is noticed when reading goes on, after the data',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c, false);
      p.c.pause();
      let text = '';
      p.c.on('data', (d) => (text += String(d)));
      p.c.pause();
      p.s.write('before the reset');
      await settled();
      p.s.resetAndDestroy();
      await settled();
      const paused = [...client, p.c.destroyed, p.c.readyState];
      p.c.resume();
      await p.cClosed;
      await over(p);
      return { paused, client, text };
    },
  },
  {
    title: 'a reset while nobody reads is noticed by a write',
    async run(side) {
      const { server, port } = await listening(side, { pauseOnConnect: true });
      const accepted = once(server, 'connection');
      const c = side.client.connect(port, side.host);
      const [s] = (await accepted) as [net.Socket];
      await settled();
      const events = watch(s, false);
      c.resetAndDestroy();
      await closing(c);
      await settled();
      const before = [...events];
      s.write('anybody?', (e) => events.push(`write ${(e as NodeJS.ErrnoException | null)?.code}`));
      await closing(s);
      await shut(server);
      return { before, events };
    },
  },
  {
    title: 'data for a socket that was destroyed: the sender gets a reset',
    notOverHost: 'a write that was taken fails later, and nobody reads any more',
    async run(side) {
      const p = await pair(side, { allowHalfOpen: true });
      const server = watch(p.s);
      p.c.destroy();
      await once(p.s, 'end');
      p.s.write('too late');
      await settled();
      p.s.write('and now it is known', (e) => server.push(`write ${(e as NodeJS.ErrnoException | null)?.code}`));
      await p.sClosed;
      await over(p);
      return server;
    },
  },
  {
    title: 'a write under way when the socket is destroyed',
    async run(side) {
      const p = await pair(side, { pauseOnConnect: true });
      const client = watch(p.c);
      p.c.write(Buffer.alloc(32 << 20), (e) => client.push(`written ${e}`));
      p.c.write('more', (e) => client.push(`written ${(e as NodeJS.ErrnoException | null)?.code}`));
      await settled();
      p.c.destroy();
      await p.cClosed;
      await settled();
      await over(p);
      return client;
    },
  },
  {
    title: 'a write under way when the peer resets',
    async run(side) {
      const p = await pair(side, { pauseOnConnect: true });
      const client = watch(p.c);
      p.c.write(Buffer.alloc(32 << 20), (e) => client.push(`written ${(e as NodeJS.ErrnoException | null)?.code}`));
      await settled();
      p.s.resetAndDestroy();
      await p.cClosed;
      await settled();
      await over(p);
      return client;
    },
  },
];

const misuse: Row[] = [
  {
    title: 'arguments of connect()',
    async run(side) {
      const n = side.client;
      const bad: unknown[][] = [
        [],
        [{}],
        [{ port: undefined }],
        [{ port: null }],
        [-1],
        [65536],
        [1.5],
        ['70000'],
        [{ port: 'x' }],
        [{ port: {} }],
        [{ port: true }],
        [{ port: ' ' }],
        [{ port: 80, localAddress: 'x' }],
        [{ port: 80, localPort: 'x' }],
        [{ port: 80, host: 'h', lookup: 5 }],
        [{ port: 80, autoSelectFamily: 1 }],
        [{ port: 80, autoSelectFamilyAttemptTimeout: 0 }],
        [{ port: 80, autoSelectFamilyAttemptTimeout: '1' }],
        [{ port: 80, keepAliveInitialDelay: '1' }],
        [{ port: 80, signal: 5 }],
      ];
      return bad.map((args) => [
        JSON.stringify(args),
        attempt(() => {
          const s = (n.connect as (...a: unknown[]) => net.Socket)(...args);
          s.on('error', () => {});
          s.destroy();
        }),
      ]);
    },
  },
  {
    title: 'arguments of listen() and createServer()',
    async run(side) {
      const bad: unknown[][] = [[-1], [65536], [1.5], [{ port: '65536' }], [{ port: 0, signal: 5 }]];
      const codes = [[{}], [{ host: 'x' }], [true]].map((args) => {
        const r = attempt(() => (side.net.createServer().listen as (...a: unknown[]) => unknown)(...args)) as { code?: string; name?: string };
        return [r.name, r.code];
      });
      const servers = [5, 'x', true].map((o) => attempt(() => (side.net.createServer as (o: unknown) => unknown)(o)));
      const delays = attempt(() => side.net.createServer({ keepAliveInitialDelay: 'x' as unknown as number }));
      return [bad.map((args) => [JSON.stringify(args), attempt(() => (side.net.createServer().listen as (...a: unknown[]) => unknown)(...args))]), codes, servers, delays];
    },
  },
  {
    title: 'arguments of setTimeout(), write() and the constructor',
    async run(side) {
      const s = new side.client.Socket();
      const timeouts = [-1, Number.NaN, Infinity, '100', undefined, {}].map((ms) => attempt(() => s.setTimeout(ms as number)));
      const callback = attempt(() => s.setTimeout(1, 5 as unknown as () => void));
      const writes = [5, undefined, {}, null].map((d) => attempt(() => s.write(d as string)));
      const modes = ['objectMode', 'readableObjectMode', 'writableObjectMode'].map((m) => {
        const r = attempt(() => new side.client.Socket({ [m]: true })) as { code: string; name: string };
        return [r.name, r.code];
      });
      s.destroy();
      return { timeouts, callback, writes, modes };
    },
  },
  {
    title: 'defaults of autoSelectFamily',
    async run(side) {
      const n = side.client;
      const before = [n.getDefaultAutoSelectFamily(), n.getDefaultAutoSelectFamilyAttemptTimeout()] as const;
      n.setDefaultAutoSelectFamily(false);
      n.setDefaultAutoSelectFamilyAttemptTimeout(1);
      const after = [n.getDefaultAutoSelectFamily(), n.getDefaultAutoSelectFamilyAttemptTimeout()];
      n.setDefaultAutoSelectFamily(before[0]);
      n.setDefaultAutoSelectFamilyAttemptTimeout(before[1]);
      return [before, after, attempt(() => n.setDefaultAutoSelectFamily(1 as unknown as boolean)), attempt(() => n.setDefaultAutoSelectFamilyAttemptTimeout(0))];
    },
  },
];

describe('errors of connecting', () => sameAsNode(connecting));
describe('errors of connections', () => sameAsNode(established));
describe('misuse', () => sameAsNode(misuse));
