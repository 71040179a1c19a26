import { once } from 'node:events';
import { describe } from 'vitest';
import { closing, listening, over, pair, type Row, sameAsNode, settled, shut, watch } from './support/rows.ts';

const life: Row[] = [
  {
    title: 'events of a whole connection, the client ends first',
    async run(side) {
      const { server, port } = await listening(side);
      const accepted = once(server, 'connection');
      const c = side.client.connect(port, side.host, () => c.end('question'));
      const client = watch(c);
      const [s] = await accepted;
      const events = watch(s);
      s.on('data', (d: Buffer) => s.write(`answer to ${d}`));
      await Promise.all([closing(c), closing(s)]);
      await shut(server);
      return { client, server: events };
    },
  },
  {
    title: 'events of a whole connection, the server ends first',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.end('hello'));
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      await closing(c);
      await shut(server);
      return client;
    },
  },
  {
    title: 'allowHalfOpen: an end does not answer an end',
    async run(side) {
      const p = await pair(side, { allowHalfOpen: true }, { allowHalfOpen: true });
      const [client, server] = [watch(p.c), watch(p.s)];
      p.c.end('all of it');
      await once(p.s, 'end');
      await settled();
      const half = { readyState: p.s.readyState, writable: p.s.writable, clientState: p.c.readyState };
      p.s.end('answer');
      await Promise.all([p.cClosed, p.sClosed]);
      await over(p);
      return { client, server, half };
    },
  },
  {
    title: 'localhost as host name is looked up',
    async run(side) {
      const server = side.client.createServer((s) => s.end());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const c = side.client.connect({ port, host: 'localhost', family: 4 });
      const client = watch(c);
      await closing(c);
      await shut(server);
      return client;
    },
  },
  {
    title: 'states and names through the life of a socket',
    async run(side) {
      const { server, port } = await listening(side);
      const states: unknown[] = [];
      const c = new side.client.Socket();
      const look = (when: string): number =>
        states.push([when, c.readyState, c.pending, c.connecting, c.destroyed, typeof c.localPort, typeof c.remotePort, c.remoteFamily, c.localFamily, c.bufferSize]);
      look('new');
      states.push(c.address());
      c.connect(port, side.host);
      look('connect() called');
      c.on('lookup', () => look('lookup'));
      const accepted = once(server, 'connection');
      await once(c, 'connect');
      look('connected');
      states.push(Object.keys(c.address()).sort(), (c.address() as { port: number }).port === c.localPort, c.remotePort === port);
      const [s] = await accepted;
      states.push(s.remotePort === c.localPort, s.localPort === port, s.server === server);
      c.end();
      look('end() called');
      await once(c, 'finish');
      look('finished');
      s.end();
      await closing(c);
      look('closed');
      states.push(c.address(), c.remotePort === port);
      await shut(server);
      return states;
    },
  },
  {
    title: 'destroy() on both sides',
    async run(side) {
      const p = await pair(side);
      const [client, server] = [watch(p.c), watch(p.s)];
      p.c.destroy();
      client.push(`destroyed ${p.c.destroyed} ${p.c.readyState} ${p.c.writable} ${p.c.readable}`);
      await Promise.all([p.cClosed, p.sClosed]);
      await over(p);
      return { client, server };
    },
  },
  {
    title: 'destroy(error)',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c);
      p.s.resume();
      p.c.destroy(new Error('enough'));
      await p.cClosed;
      await over(p);
      return client;
    },
  },
  {
    title: 'destroySoon() after writing',
    async run(side) {
      const p = await pair(side);
      const [client, server] = [watch(p.c), watch(p.s)];
      p.c.write('last words');
      p.c.destroySoon();
      await Promise.all([p.cClosed, p.sClosed]);
      await over(p);
      return { client, server };
    },
  },
  {
    title: 'destroy() before the connection is there',
    async run(side) {
      const { server, port } = await listening(side);
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      c.write('never', (e) => client.push(`write ${(e as NodeJS.ErrnoException | null)?.code} ${e?.message}`));
      c.destroy();
      await closing(c);
      await settled();
      await shut(server);
      return client;
    },
  },
  {
    title: 'end() before the connection is there',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.resume());
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      c.end('early', () => client.push('end callback'));
      await closing(c);
      await shut(server);
      return client;
    },
  },
  {
    title: 'writes before the connection is there go out in order',
    async run(side) {
      const { server, port } = await listening(side);
      const accepted = once(server, 'connection');
      const c = side.client.connect(port, side.host);
      const client: string[] = [];
      c.on('connect', () => client.push('connect'));
      c.write('one ', () => client.push('one written'));
      c.write('two ', () => client.push('two written'));
      c.end('three', () => client.push('ended'));
      client.push(`queued ${c.bytesWritten}`);
      const [s] = await accepted;
      const server1 = watch(s);
      await Promise.all([closing(c), closing(s)]);
      await shut(server);
      return { client, server1, bytes: [c.bytesWritten, s.bytesRead] };
    },
  },
  {
    title: 'a socket is used again after it was closed',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.end('again'));
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      await closing(c);
      const first = [c.bytesRead, c.destroyed];
      c.connect(port, side.host);
      const second = [c.bytesRead, c.destroyed, c.connecting];
      await closing(c);
      await shut(server);
      return { client, first, second };
    },
  },
  {
    title: 'destroy() in the connect listener',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.resume().on('error', () => {}));
      const c = side.client.connect(port, side.host, () => c.destroy());
      const client = watch(c);
      await closing(c);
      await shut(server);
      return client;
    },
  },
  {
    title: 'destroy() in the connection listener',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.destroy());
      const c = side.client.connect(port, side.host);
      const client = watch(c);
      await closing(c);
      await shut(server);
      return client;
    },
  },
  {
    title: 'an abort signal destroys, during and after connecting',
    async run(side) {
      const { server, port } = await listening(side, {}, (s) => s.resume().on('error', () => {}));
      const all: string[][] = [];
      for (const when of ['during', 'after']) {
        const controller = new AbortController();
        const c = side.client.connect({ port, host: side.host, signal: controller.signal });
        const log = watch(c);
        all.push(log);
        if (when === 'after') await once(c, 'connect');
        controller.abort();
        if (!c.closed) await closing(c);
      }
      await shut(server);
      return all;
    },
  },
  {
    title: 'await using closes',
    async run(side) {
      const p = await pair(side);
      const client = watch(p.c);
      p.s.resume();
      await p.c[Symbol.asyncDispose]().catch((e: Error) => client.push(`rejected ${e.name}`));
      client.push(`destroyed ${p.c.destroyed}`);
      await over(p);
      return client.filter((x) => !x.startsWith('close'));
    },
  },
];

describe('life of a connection', () => sameAsNode(life));
