import { once } from 'node:events';
import type net from 'node:net';
import { exec } from '@ns/cli';
import type { StackJail } from '@ns/stack';
import { formatEtherAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { closing, pair, over, settled, shut } from './support/rows.ts';
import { type VnetSide, virtualSide } from './support/sides.ts';

/** Lets virtual time pass in steps until `done`, at most `seconds`; what is due in each step runs. Returns the seconds that have passed. */
async function passTime(side: VnetSide, seconds: number, done: () => boolean): Promise<number> {
  const clock = side.clock as NonNullable<VnetSide['clock']>;
  const from = clock.nowUs();
  for (let i = 0; i < seconds * 10 && !done(); i++) {
    clock.advance(100_000);
    await settled();
  }
  return (clock.nowUs() - from) / 1e6;
}

describe('in virtual time', () => {
  it('connect() to an address that does not answer fails with EHOSTDOWN or ETIMEDOUT, shaped as Node does', async () => {
    const side = virtualSide();
    const c = side.client.connect(80, '10.0.0.99');
    let error: (NodeJS.ErrnoException & { address?: string; port?: number }) | null = null;
    c.on('error', (e) => (error = e));
    await passTime(side, 120, () => error !== null);
    expect(error).toMatchObject({ syscall: 'connect', address: '10.0.0.99', port: 80 });
    expect(['EHOSTDOWN', 'ETIMEDOUT', 'EHOSTUNREACH']).toContain((error as unknown as NodeJS.ErrnoException).code);
    side.end();
  });

  it('connect() into a black hole fails with ETIMEDOUT after 75 seconds', async () => {
    const side = virtualSide();
    const p = await pair(side); // the link-layer addresses are known
    const events: string[] = [];
    const server = side.stack.jails()[0];
    server?.down(server.interface('epair0a').name);
    const c = side.client.connect(80, side.host);
    let error: NodeJS.ErrnoException | null = null;
    c.on('error', (e) => {
      error = e;
      events.push('error');
    });
    c.on('close', (had) => events.push(`close ${had}`));
    const seconds = await passTime(side, 200, () => events.length === 2);
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect', message: `connect ETIMEDOUT ${side.host}:80` });
    expect(events).toEqual(['error', 'close true']);
    expect(seconds).toBeGreaterThan(70);
    expect(seconds).toBeLessThan(80);
    server?.up('epair0a');
    await over(p);
    side.end();
  });

  it('keepalive finds a peer that is gone: read ETIMEDOUT', async () => {
    const side = virtualSide();
    const p = await pair(side, {}, { keepAlive: true, keepAliveInitialDelay: 10_000 });
    const server = side.stack.jails()[0];
    server?.down('epair0a');
    let error: NodeJS.ErrnoException | null = null;
    p.c.on('error', (e) => (error = e));
    p.s.on('error', () => {}); // it learns of it when the link is back
    await passTime(side, 1200, () => error !== null);
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' });
    server?.up('epair0a');
    await over(p);
    side.end();
  });

  it.each([
    ['ETIMEDOUT', true],
    ['EHOSTDOWN', false], // ARP has asked in vain meanwhile, and FreeBSD's stack says so
  ])('a write that is never acknowledged fails the connection with %s; the link address of the peer is known for good: %s', async (code, known) => {
    const side = virtualSide();
    const p = await pair(side);
    const server = side.stack.jails()[0] as StackJail;
    const mac = formatEtherAddr(server.interface('epair0a').lladdr as Uint8Array);
    if (known) expect(exec(side.stack.kernel, `arp -s ${side.host} ${mac}`, { jail: 'client' })).toMatchObject({ code: 0 });
    server.down('epair0a');
    let error: NodeJS.ErrnoException | null = null;
    p.c.on('error', (e) => (error = e));
    p.s.on('error', () => {}); // it learns of it when the link is back
    p.c.write('anybody?');
    const seconds = await passTime(side, 2000, () => error !== null);
    expect(error).toMatchObject({ code });
    expect(seconds).toBeGreaterThan(60);
    server.up('epair0a');
    await over(p);
    side.end();
  });

  it('a lost link is survived: data arrive when it is back', async () => {
    const side = virtualSide();
    const p = await pair(side);
    const server = side.stack.jails()[0];
    server?.down('epair0a');
    let text = '';
    p.s.on('data', (d) => (text += String(d)));
    p.c.write('patience');
    await passTime(side, 1, () => false);
    expect(text).toBe('');
    server?.up('epair0a');
    await passTime(side, 60, () => text !== '');
    expect(text).toBe('patience');
    await over(p);
    side.end();
  });

  it('happy eyeballs: the next address is tried when the first is silent', async () => {
    const side = virtualSide();
    const p = await pair(side);
    const server = side.net.createServer((s) => s.end('second'));
    server.listen(0, side.host);
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const found = ['10.0.0.99', side.host].map((address) => ({ address, family: 4 }));
    const events: string[] = [];
    const c = side.client.connect({ port, host: 'both', autoSelectFamilyAttemptTimeout: 20, lookup: (_h, _o, cb) => process.nextTick(cb, null, found) });
    for (const e of ['connectionAttempt', 'connectionAttemptTimeout', 'connect']) c.on(e, (a?: string) => events.push(`${e} ${a ?? ''}`.trim()));
    let text = '';
    c.on('data', (d) => (text += String(d)));
    await closing(c);
    expect(text).toBe('second');
    expect(events).toEqual(['connectionAttempt 10.0.0.99', 'connectionAttemptTimeout 10.0.0.99', `connectionAttempt ${side.host}`, 'connect']);
    await shut(server);
    await over(p);
    side.end();
  });
});
