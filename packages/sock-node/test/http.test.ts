import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type net from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tls from 'node:tls';
import { httpAgent, httpsAgent, serve, undiciConnector } from '@ns/sock-node';
import { Agent, fetch } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { selfSigned } from './support/certificate.ts';
import { closing, shut } from './support/rows.ts';
import { realSide, type VnetSide } from './support/sides.ts';

const sha256 = (b: Uint8Array): string => createHash('sha256').update(b).digest('hex');

let side: VnetSide;
let agents: http.Agent[];

beforeEach(() => {
  side = realSide();
  agents = [];
});

afterEach(() => {
  for (const a of agents) a.destroy();
  side.end();
});

function agentOf(options: http.AgentOptions = {}): http.Agent {
  const a = httpAgent(side.client, options);
  agents.push(a);
  return a;
}

/** Serves on any port; gives the base URL. */
async function serving(server: http.Server | https.Server | http2.Http2Server | http2.Http2SecureServer, scheme = 'http'): Promise<{ listener: net.Server; url: string }> {
  const listener = serve(side.net, server as http.Server);
  listener.listen(0, side.host);
  await once(listener, 'listening');
  return { listener, url: `${scheme}://${side.host}:${(listener.address() as net.AddressInfo).port}` };
}

interface Answer {
  readonly status: number | undefined;
  readonly body: Buffer;
  readonly headers: http.IncomingHttpHeaders;
}

async function answerOf(req: http.ClientRequest): Promise<Answer> {
  const [res] = (await once(req, 'response')) as [http.IncomingMessage];
  const parts: Buffer[] = [];
  for await (const p of res) parts.push(p as Buffer);
  return { status: res.statusCode, body: Buffer.concat(parts), headers: res.headers };
}

const get = (url: string, options: https.RequestOptions = {}): Promise<Answer> => answerOf((url.startsWith('https') ? https : http).get(url, options));

describe('http', () => {
  it('answers requests over one connection that is kept alive', async () => {
    let connections = 0;
    const server = http.createServer((req, res) => res.end(`${req.method} ${req.url}`));
    const { listener, url } = await serving(server);
    listener.on('connection', () => connections++);
    const agent = agentOf({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 5; i++) expect(String((await get(`${url}/${i}`, { agent })).body)).toBe(`GET /${i}`);
    expect(connections).toBe(1);
    await shut(listener);
  });

  it('downloads 48 MiB with a length and in chunks, unchanged', async () => {
    const data = randomBytes(48 << 20);
    const server = http.createServer((req, res) => {
      if (req.url === '/length') res.setHeader('content-length', data.length);
      pipeline(Readable.from(slices(data)), res).catch(() => {});
    });
    const { listener, url } = await serving(server);
    for (const path of ['/length', '/chunked']) {
      const { body, headers } = await get(url + path, { agent: agentOf() });
      expect(sha256(body)).toBe(sha256(data));
      expect(headers['transfer-encoding']).toBe(path === '/chunked' ? 'chunked' : undefined);
    }
    await shut(listener);
  });

  it('takes an upload of 48 MiB, unchanged', async () => {
    const data = randomBytes(48 << 20);
    const server = http.createServer((req, res) => {
      const hash = createHash('sha256');
      req.on('data', (d: Buffer) => hash.update(d));
      req.on('end', () => res.end(hash.digest('hex')));
    });
    const { listener, url } = await serving(server);
    const req = http.request(url, { method: 'POST', agent: agentOf() });
    const answer = answerOf(req);
    await pipeline(Readable.from(slices(data)), req);
    expect(String((await answer).body)).toBe(sha256(data));
    await shut(listener);
  });

  it('answers pipelined requests in order', async () => {
    const server = http.createServer((req, res) => setImmediate(() => res.end(`<${req.url}>`)));
    const { listener } = await serving(server);
    const c = side.client.connect((listener.address() as net.AddressInfo).port, side.host);
    let text = '';
    c.on('data', (d) => (text += String(d)));
    c.write(Array.from({ length: 20 }, (_, i) => `GET /${i} HTTP/1.1\r\nhost: x\r\n${i === 19 ? 'connection: close\r\n' : ''}\r\n`).join(''));
    await once(c, 'end');
    expect(text.match(/<\/\d+>/g)).toEqual(Array.from({ length: 20 }, (_, i) => `</${i}>`));
    await shut(listener);
  });

  it('answers 100 requests at a time', async () => {
    const server = http.createServer((req, res) => void req.resume().on('end', () => res.end(req.url)));
    const { listener, url } = await serving(server);
    const agent = agentOf({ keepAlive: true });
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => get(`${url}/${i}`, { agent })));
    expect(all.map((a) => String(a.body))).toEqual(Array.from({ length: 100 }, (_, i) => `/${i}`));
    await shut(listener);
  });

  it('tells of refused connections and of a server that hangs up', async () => {
    const server = http.createServer((req) => req.socket.destroy());
    const { listener, url } = await serving(server);
    const [e] = await once(http.get(url, { agent: agentOf() }), 'error');
    expect(e).toMatchObject({ code: 'ECONNRESET', message: 'socket hang up' });
    await shut(listener);
    const [refused] = await once(http.get(url, { agent: agentOf() }), 'error');
    expect(refused).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: side.host });
  });

  it('upgrades, and gives CONNECT a socket', async () => {
    const server = http.createServer();
    server.on('connect', (_req, socket: net.Socket) => socket.end('HTTP/1.1 200 OK\r\n\r\ntunnel'));
    const { listener, url } = await serving(server);
    const req = http.request(url, { method: 'CONNECT', path: 'somewhere:1', agent: agentOf() }).end();
    const [res, socket, head] = (await once(req, 'connect')) as [http.IncomingMessage, net.Socket, Buffer];
    let text = String(head);
    socket.on('data', (d) => (text += String(d)));
    await once(socket, 'end');
    expect([res.statusCode, text]).toEqual([200, 'tunnel']);
    await shut(listener);
  });

  it('times requests out as a server over node:net does', async () => {
    const server = http.createServer({ connectionsCheckingInterval: 10, requestTimeout: 20, headersTimeout: 20 }, () => {});
    const { listener } = await serving(server);
    const c = side.client.connect((listener.address() as net.AddressInfo).port, side.host, () => c.write('GET / HTTP/1.1\r\n'));
    let text = '';
    c.on('data', (d) => (text += String(d)));
    await closing(c);
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    await shut(listener);
  });

  it('closes from either side: the listener, or the server that the program knows', async () => {
    for (const which of ['listener', 'server'] as const) {
      const server = http.createServer((_req, res) => res.end('x'));
      const { listener, url } = await serving(server);
      await get(url, { agent: agentOf({ keepAlive: true }) }); // stays open, idle
      const events: string[] = [];
      server.on('close', () => events.push('server'));
      const closed = once(listener, 'close');
      if (which === 'listener') listener.close();
      else server.close();
      await closed;
      await new Promise((resolve) => setImmediate(resolve));
      expect(events.length).toBeGreaterThan(0);
      expect(listener.listening).toBe(false);
    }
  });
});

describe('https and tls', () => {
  const credentials = selfSigned(['test.example'], ['10.0.0.1']);

  it('serves https, verified, with sessions reused by the agent', async () => {
    const data = randomBytes(4 << 20);
    const server = https.createServer(credentials, (_req, res) => res.end(data));
    const { listener, url } = await serving(server, 'https');
    const agent = httpsAgent(side.client, { ca: credentials.cert, maxCachedSessions: 10 });
    agents.push(agent);
    for (let i = 0; i < 2; i++) {
      const req = https.get(url, { agent });
      const answer = await answerOf(req);
      expect(sha256(answer.body)).toBe(sha256(data));
    }
    await shut(listener);
  });

  it('refuses a certificate that nobody vouches for', async () => {
    const { listener, url } = await serving(https.createServer(credentials, (_req, res) => res.end()), 'https');
    const agent = httpsAgent(side.client);
    agents.push(agent);
    const [e] = await once(https.get(url, { agent }), 'error');
    expect((e as NodeJS.ErrnoException).code).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    await shut(listener);
  });

  it('carries tls.connect() and tls.Server both ways', async () => {
    const server = tls.createServer({ ...credentials, ALPNProtocols: ['echo'] }, (s) => s.pipe(s));
    const { listener } = await serving(server as unknown as https.Server, 'tls');
    const socket = side.client.connect((listener.address() as net.AddressInfo).port, side.host);
    const c = tls.connect({ socket, ca: credentials.cert, servername: 'test.example', ALPNProtocols: ['echo'] });
    await once(c, 'secureConnect');
    expect([c.authorized, c.alpnProtocol]).toEqual([true, 'echo']);
    const data = randomBytes(2 << 20);
    const echoed: Buffer[] = [];
    c.on('data', (d: Buffer) => echoed.push(d));
    c.end(data);
    await once(c, 'end');
    expect(sha256(Buffer.concat(echoed))).toBe(sha256(data));
    await shut(listener);
  });
});

describe('http2', () => {
  it('carries many streams over one cleartext connection', async () => {
    const server = http2.createServer();
    server.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(`stream ${headers[':path']}`.padEnd(100_000, '.'));
    });
    const { listener, url } = await serving(server);
    const session = http2.connect(url, { createConnection: () => side.client.connect((listener.address() as net.AddressInfo).port, side.host) });
    const all = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const req = session.request({ ':path': `/${i}` });
        let text = '';
        for await (const d of req) text += String(d);
        return text;
      }),
    );
    expect(all).toEqual(Array.from({ length: 50 }, (_, i) => `stream /${i}`.padEnd(100_000, '.')));
    session.close();
    await once(session, 'close');
    await shut(listener);
  });

  it('works over TLS with ALPN', async () => {
    const credentials = selfSigned(['test.example'], ['10.0.0.1']);
    const server = http2.createSecureServer(credentials, (req, res) => res.end(`${req.httpVersion} ${req.url}`));
    const { listener, url } = await serving(server, 'https');
    const session = http2.connect(url, {
      createConnection: () =>
        tls.connect({
          socket: side.client.connect((listener.address() as net.AddressInfo).port, side.host),
          ca: credentials.cert,
          servername: 'test.example',
          ALPNProtocols: ['h2'],
        }),
    });
    const req = session.request({ ':path': '/secure' });
    let text = '';
    for await (const d of req) text += String(d);
    expect(text).toBe('2.0 /secure');
    session.close();
    await once(session, 'close');
    await shut(listener);
  });
});

describe('ws', () => {
  it('opens a web socket, sends both ways, closes with a code', async () => {
    const server = http.createServer();
    const wss = new WebSocketServer({ server });
    wss.on('connection', (ws) => ws.on('message', (m: Buffer, binary) => ws.send(binary ? m : `echo ${String(m)}`, { binary })));
    const { listener, url } = await serving(server);
    const ws = new WebSocket(url.replace('http', 'ws'), { agent: agentOf() });
    await once(ws, 'open');
    const data = randomBytes(1 << 20);
    ws.send('hello');
    ws.send(data);
    const messages: Buffer[] = [];
    await new Promise<void>((resolve) => ws.on('message', (m: Buffer) => messages.push(m) === 2 && resolve()));
    expect(String(messages[0])).toBe('echo hello');
    expect(sha256(messages[1] as Buffer)).toBe(sha256(data));
    ws.close(4000, 'done');
    const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
    expect([code, String(reason)]).toEqual([4000, 'done']);
    wss.close();
    await shut(listener);
  });
});

describe('fetch', () => {
  it('goes over the stack by a dispatcher, http and https', async () => {
    const credentials = selfSigned(['test.example'], ['10.0.0.1']);
    const handler: http.RequestListener = (req, res) => {
      res.setHeader('x-method', req.method ?? '');
      req.pipe(res);
    };
    for (const server of [http.createServer(handler), https.createServer(credentials, handler)]) {
      const { listener, url } = await serving(server, server instanceof https.Server ? 'https' : 'http');
      const dispatcher = new Agent({ connect: undiciConnector(side.client, { ca: credentials.cert }) as never });
      const data = randomBytes(1 << 20);
      const res = await fetch(url, { method: 'POST', body: data, dispatcher });
      expect([res.status, res.headers.get('x-method')]).toEqual([200, 'POST']);
      expect(sha256(Buffer.from(await res.arrayBuffer()))).toBe(sha256(data));
      await dispatcher.close();
      await shut(listener);
      await expect(fetch(url, { dispatcher: new Agent({ connect: undiciConnector(side.client) as never }) })).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    }
  });

  it("is Node's own fetch too", async () => {
    const { listener, url } = await serving(http.createServer((req, res) => res.end(`hello ${req.url}`)));
    const dispatcher = new Agent({ connect: undiciConnector(side.client) as never });
    const res = await globalThis.fetch(`${url}/there`, { dispatcher } as object);
    expect(await res.text()).toBe('hello /there');
    await dispatcher.close();
    await shut(listener);
  });
});

function* slices(data: Buffer): Generator<Buffer> {
  for (let o = 0; o < data.length; o += 65536) yield data.subarray(o, o + 65536);
}
