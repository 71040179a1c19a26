import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNet, serve } from '@ns/sock-node';
import { createStack, type Stack } from '@ns/stack';
import { createWebSockets } from '@ns/sock-web';
import { describe, expect, it } from 'vitest';
import { netstackHost } from '../src/index.ts';

function boot(): Stack {
  return createStack({ extra: [netstackHost({ standby: true })] });
}

/** Whether curl is there, and must be. */
function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env['NS_CI_REQUIRE_PEERS'] === '1') throw new Error('curl is not installed');
    return false;
  }
}

describe('the stack of the machine, by choice', () => {
  it.skipIf(!hasCurl())('serves curl from a jail that has it (curl)', async () => {
    const stack = boot();
    const out = stack.jail({ name: 'out', netstack: 'host', ip4: 'inherit' });
    const listener = serve(createNet(out), http.createServer((_req, res) => res.end('from a jail')));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const { execFile } = await import('node:child_process');
    const body = await new Promise((resolve, reject) => {
      execFile('curl', ['-s', '--max-time', '10', `http://127.0.0.1:${port}/`], (e, stdout) => (e === null ? resolve(stdout) : reject(e)));
    });
    expect(body).toBe('from a jail');
    await new Promise((resolve) => listener.close(resolve));
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('is not in the vnet: a listener of either stack has the port to itself', async () => {
    const stack = boot();
    stack.host.addAddress('lo0', '127.0.0.1/8');
    const bsd = createNet(stack.host).createServer().listen(0, '127.0.0.1');
    await once(bsd, 'listening');
    const { port } = bsd.address() as AddressInfo;
    const other = createNet(stack.host, { netstack: 'host' }).connect(port, '127.0.0.1');
    const [e] = (await once(other, 'error')) as [NodeJS.ErrnoException];
    expect(e.code).toBe('ECONNREFUSED');
    await new Promise((resolve) => bsd.close(resolve));
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('keeps a jail to its addresses', async () => {
    const stack = boot();
    const j = stack.jail({ name: 'j', netstack: 'host', 'ip4.addr': '127.0.0.2' });
    const net = createNet(j);
    const server = net.createServer().listen(0, '0.0.0.0');
    await once(server, 'listening');
    expect((server.address() as AddressInfo).address).toBe('127.0.0.2');
    const elsewhere = net.createServer().listen(0, '192.0.2.1');
    expect(((await once(elsewhere, 'error')) as [NodeJS.ErrnoException])[0].code).toBe('EADDRNOTAVAIL');
    const accepted = once(server, 'connection');
    const c = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [s] = (await accepted) as [import('node:net').Socket];
    expect([s.remoteAddress, c.remoteAddress]).toEqual(['127.0.0.2', '127.0.0.2']);
    for (const x of [c, s]) x.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(stack.shutdown()).toEqual({ leftovers: [], problems: [] });
  });

  it('has Web sockets too, which tell when they listen', async () => {
    const stack = boot();
    const { connect, listen } = createWebSockets(stack.host, { netstack: 'host' });
    const l = listen({ hostname: '127.0.0.1', port: 0 });
    const { port } = await l.opened;
    expect(l.addr.port).toBe(port);
    expect(port).toBeGreaterThan(0);
    const taken = listen({ hostname: '127.0.0.1', port });
    await expect(taken.opened).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen' });
    await expect(taken.closed).rejects.toMatchObject({ code: 'EADDRINUSE' });
    const c = connect(`127.0.0.1:${port}`);
    const w = c.writable.getWriter();
    await w.write(new TextEncoder().encode('web'));
    await w.close();
    for await (const s of l) {
      let text = '';
      for await (const part of s.readable as unknown as AsyncIterable<Uint8Array>) text += new TextDecoder().decode(part);
      expect(text).toBe('web');
      await s.close();
      break;
    }
    await c.close();
    stack.shutdown();
  });
});
