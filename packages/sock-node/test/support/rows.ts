import { type EventEmitter, once } from 'node:events';
import type net from 'node:net';
import { expect, it } from 'vitest';
import { hostSide, nodeSide, realSide, type Side } from './sides.ts';

/** A behaviour: what it yields over Node's own sockets is what it must yield over ours. */
export interface Row {
  readonly title: string;
  readonly run: (side: Side) => Promise<unknown>;
  /** Why the stack `host` cannot do the same. */
  readonly notOverHost?: string;
}

/** Two tests for each row, over vnets and over the stack `host`: Node says what is right. Afterwards nothing of our stack may be left over. */
export function sameAsNode(rows: readonly Row[]): void {
  it.each(rows)('$title', async ({ run }) => {
    const expected = await run(nodeSide());
    expect(expected).toBeDefined();
    const ours = realSide();
    expect(await run(ours)).toEqual(expected);
    ours.end();
  });
  it.each(rows.filter((r) => r.notOverHost === undefined))('over the host stack: $title', async ({ run }) => {
    const expected = await run(nodeSide());
    const host = hostSide();
    expect(await run(host)).toEqual(expected);
    host.end();
  });
}

const ADDRESS = /\b\d+\.\d+\.\d+\.\d+\b/g;
const PORT = /:\d{2,5}\b/g;

/** Text without the addresses and ports of the day. */
export function plain(text: string): string {
  return text.replace(ADDRESS, 'ADDR').replace(PORT, ':PORT').replace(/(EADDR|ADDR):0\b/g, '$1:PORT');
}

/** What an application can see of an error. Numbers are FreeBSD's with us and the platform's with Node: only that there is one is told. */
export function shape(e: unknown): Record<string, unknown> {
  const { name, message, code, syscall, address, port, errno } = e as NodeJS.ErrnoException & { address?: string; port?: number };
  const out: Record<string, unknown> = { name, message: plain(message), code };
  if (syscall !== undefined) out['syscall'] = syscall;
  if (address !== undefined) out['address'] = plain(address);
  if (port !== undefined) out['port'] = typeof port;
  if (errno !== undefined) out['errno'] = typeof errno === 'number' && errno < 0 ? 'negative' : errno;
  return out;
}

/** What a call throws, or what it returns. */
export function attempt(f: () => unknown): unknown {
  try {
    f();
    return 'no error';
  } catch (e) {
    return shape(e);
  }
}

const EVENTS = ['lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connect', 'ready', 'end', 'finish', 'timeout', 'close', 'error'] as const;

function summary(event: string, args: unknown[]): string {
  if (event === 'error') return `error ${JSON.stringify(shape(args[0]))}`;
  if (event === 'connectionAttemptFailed') return event;
  return [event, ...args.map((a) => plain(String(a)))].join(' ').replace(/ADDR \d+/, 'ADDR PORT');
}

/** Notes the events of a socket, in order; data that follow each other become one line. */
export function watch(socket: EventEmitter, withData = true): string[] {
  const log: string[] = [];
  for (const event of EVENTS) socket.on(event, (...args: unknown[]) => log.push(summary(event, args)));
  if (withData) {
    let text = '';
    socket.on('data', (d: Buffer) => {
      if (log[log.length - 1] === `data ${text}` && text !== '') log.pop();
      else text = '';
      text += String(d);
      log.push(`data ${text}`);
    });
  }
  return log;
}

/** Lets everything happen that can happen without further input and without timers: the operating system's loopback delivers at once, we within a few turns. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A listening server on any port of the server's address. */
export async function listening(side: Side, options: net.ServerOpts = {}, onConnection?: (s: net.Socket) => void): Promise<{ server: net.Server; port: number }> {
  const server = side.net.createServer(options, onConnection);
  server.listen(0, side.host);
  await once(server, 'listening');
  return { server, port: (server.address() as net.AddressInfo).port };
}

/** Both ends of a connection. */
export interface Pair {
  readonly server: net.Server;
  readonly port: number;
  /** The server's end. */
  readonly s: net.Socket;
  /** The client's end. */
  readonly c: net.Socket;
  /** When 'close' has come: `stream.closed` is true before that. */
  readonly sClosed: Promise<void>;
  readonly cClosed: Promise<void>;
}

/** A connection, established on both sides; small writes go out at once, since delayed acknowledgments differ between systems. */
export async function pair(side: Side, serverOptions: net.ServerOpts = {}, clientOptions: Partial<net.TcpSocketConnectOpts & net.SocketConstructorOpts> = {}): Promise<Pair> {
  const { server, port } = await listening(side, { noDelay: true, ...serverOptions });
  const accepted = once(server, 'connection');
  const c = side.client.connect({ noDelay: true, ...clientOptions, port, host: side.host });
  const [[s]] = (await Promise.all([accepted, once(c, 'connect')])) as [[net.Socket], unknown];
  return { server, port, s, c, sClosed: closing(s), cClosed: closing(c) };
}

/** Ends a pair and its server, and waits until all of it is closed. */
export async function over(p: Pair): Promise<void> {
  const down = p.server.listening ? new Promise((resolve) => p.server.close(resolve)) : Promise.resolve();
  for (const x of [p.s, p.c]) {
    x.on('error', () => {});
    x.destroy();
  }
  await Promise.all([p.sClosed, p.cClosed, down]);
}

/** Closes a server. */
export async function shut(server: net.Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/** The next event of that name. */
export async function next<T = unknown>(e: EventEmitter, event: string): Promise<T> {
  const [value] = (await once(e, event)) as [T];
  return value;
}

/** Waits for 'close', whatever comes before. */
export function closing(socket: EventEmitter): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
