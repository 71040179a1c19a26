import { virtualHost, type VirtualHost } from '@ns/kern';
import { createWebSockets, type Socket, type WebSockets } from '@ns/sock-web';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { afterEach, beforeEach, expect } from 'vitest';

export const SERVER = '10.0.0.1';
export const CLIENT = '10.0.0.2';

/** Two jails on an epair, with sockets in each. */
export class World {
  readonly host: VirtualHost | null;
  readonly stack: Stack;
  readonly serverJail: StackJail;
  readonly clientJail: StackJail;
  readonly server: WebSockets;
  readonly client: WebSockets;

  constructor(host: VirtualHost | null) {
    this.host = host;
    this.stack = createStack(host === null ? {} : { host });
    this.serverJail = this.stack.jail({ name: 'server', vnet: 'new' });
    this.clientJail = this.stack.jail({ name: 'client', vnet: 'new' });
    this.stack.link(this.serverJail, `${SERVER}/24`, this.clientJail, `${CLIENT}/24`);
    for (const jail of [this.serverJail, this.clientJail]) jail.addAddress('lo0', '127.0.0.1/8');
    this.server = createWebSockets(this.serverJail);
    this.client = createWebSockets(this.clientJail);
  }

  /** Waits for `p`; in virtual time by turning the clock and the promises in turn. */
  async until<T>(p: Promise<T>): Promise<T> {
    const host = this.host;
    if (host === null) return p;
    let over = false;
    const mark = (): void => {
      over = true;
    };
    p.then(mark, mark);
    for (let i = 0; i < 200_000 && !over; i++) {
      await turns(8);
      if (over) break;
      host.settle();
      await turns(8);
      if (!over) host.advance(1000);
    }
    if (!over) throw new Error('nothing more happens');
    return p;
  }

  /** Lets everything happen that needs `ms` milliseconds at most. */
  async idle(ms = 50): Promise<void> {
    if (this.host === null) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return;
    }
    for (let i = 0; i < ms; i++) {
      this.host.settle();
      await turns(8);
      this.host.advance(1000);
    }
    await turns(8);
  }

  /** A connection: the client's end, the server's. */
  async pair(options: { allowHalfOpen?: boolean } = {}): Promise<{ c: Socket; s: Socket }> {
    const l = this.server.listen({ port: 0, hostname: SERVER, ...options });
    const c = this.client.connect({ hostname: SERVER, port: l.addr.port }, options);
    const [got] = await this.until(Promise.all([l[Symbol.asyncIterator]().next(), c.opened]));
    l.close();
    return { c, s: got.value as Socket };
  }

  /** Ends it: nothing may be left over. */
  async end(): Promise<void> {
    if (this.host === null) await this.idle(10);
    else this.host.advance(200_000_000); // TIME_WAIT and all retransmissions
    for (const jail of [this.serverJail, this.clientJail]) {
      for (const report of jail.remove()) expect(report).toMatchObject({ leftovers: [], problems: [] });
    }
    expect(this.stack.kernel.mbufs.outstanding).toBe(0);
    expect(this.stack.shutdown()).toMatchObject({ leftovers: [], problems: [] });
  }
}

/** Lets promises go on. */
export async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await Promise.resolve();
}

export const virtualWorld = (): World => new World(virtualHost({ seed: 1 }));
export const realWorld = (): World => new World(null);

/** Bytes that differ everywhere. */
export function noise(n: number): Uint8Array<ArrayBuffer> {
  const b = new Uint8Array(n);
  let x = 0x9e3779b9;
  for (let i = 0; i < n; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    b[i] = x >>> 24;
  }
  return b;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (b: Uint8Array | undefined): string => new TextDecoder().decode(b);

/** Everything that a stream gives. */
export async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let n = 0;
  const reader = readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    n += value.length;
  }
  reader.releaseLock();
  const all = new Uint8Array(n);
  let at = 0;
  for (const c of chunks) {
    all.set(c, at);
    at += c.length;
  }
  return all;
}

/** Reads the next chunk. */
export async function readOne(readable: ReadableStream<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  const reader = readable.getReader();
  try {
    return await reader.read();
  } finally {
    reader.releaseLock();
  }
}

/** Writes a chunk. */
export async function writeOne(writable: WritableStream<ArrayBufferView | ArrayBuffer>, chunk: ArrayBufferView | ArrayBuffer): Promise<void> {
  const writer = writable.getWriter();
  try {
    await writer.write(chunk);
  } finally {
    writer.releaseLock();
  }
}

/** What a promise rejects with, or a text when it does not. */
export function failure(p: Promise<unknown>): Promise<{ code?: string; name?: string; message?: string; syscall?: string }> {
  return p.then(
    (v) => ({ message: `no error but ${String(v)}` }),
    (e: unknown) => e as { code?: string },
  );
}

/** After each test: no rejection has gone unheard. */
export function noUnhandledRejections(): void {
  let seen: unknown[] = [];
  const note = (e: unknown): void => {
    seen.push(e);
  };
  beforeEach(() => {
    seen = [];
    process.on('unhandledRejection', note);
  });
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(seen).toEqual([]);
  });
}
