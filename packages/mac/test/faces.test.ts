import { once } from 'node:events';
import type { Socket } from 'node:net';
import { EACCES } from '@ns/errno';
import { MAC_VERSION, type MacHooks, macPolicyRegister, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { createNet } from '@ns/sock-node';
import { createWebSockets } from '@ns/sock-web';
import { createStack, type Stack } from '@ns/stack';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let stack: Stack;

beforeEach(() => {
  stack = createStack();
  stack.host.addAddress('lo0', '127.0.0.1/8');
});
afterEach(() => {
  expect(stack.shutdown().problems).toEqual([]);
});

function deny(hook: keyof MacHooks): void {
  const policy = { name: 'mac_deny', fullname: 'Deny', version: MAC_VERSION, loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK, [hook]: () => EACCES } as const;
  expect(macPolicyRegister(stack.kernel, policy)).toBe(0);
}

/** The error that a program of node:net is told of. */
async function errorOf(emitter: { once(event: 'error', fn: (e: Error) => void): unknown }): Promise<unknown> {
  const [error] = await once(emitter as never, 'error');
  return error;
}

describe('programs over node:net are told EACCES', () => {
  it.each([
    ['socketCheckCreate', 'connect'],
    ['socketCheckConnect', 'connect'],
  ] as const)('%s', async (hook, syscall) => {
    deny(hook);
    expect(await errorOf(createNet(stack.host).connect(80, '127.0.0.1'))).toMatchObject({ code: 'EACCES', syscall });
  });

  it.each(['socketCheckBind', 'socketCheckListen'] as const)('%s', async (hook) => {
    deny(hook);
    expect(await errorOf(createNet(stack.host).createServer().listen(80, '127.0.0.1'))).toMatchObject({ code: 'EACCES', syscall: 'listen' });
  });

  it('socketCheckAccept', async () => {
    const server = createNet(stack.host).createServer().listen(80, '127.0.0.1');
    await once(server, 'listening');
    deny('socketCheckAccept');
    const client = createNet(stack.host).connect(80, '127.0.0.1').on('error', () => {});
    expect(await errorOf(server)).toMatchObject({ code: 'EACCES', syscall: 'accept' });
    client.destroy();
  });

  it.each([
    ['socketCheckSend', 'write'],
    ['socketCheckReceive', 'read'],
  ] as const)('%s', async (hook, syscall) => {
    const server = createNet(stack.host).createServer((s: Socket) => void s.on('error', () => {}).write('hello')).listen(80, '127.0.0.1');
    await once(server, 'listening');
    const client = createNet(stack.host).connect(80, '127.0.0.1');
    await once(client, 'data');
    deny(hook);
    client.write('x');
    expect(await errorOf(client)).toMatchObject({ code: 'EACCES', syscall });
    server.close();
  });
});

describe('programs over Web streams are told EACCES', () => {
  it('socketCheckConnect', async () => {
    deny('socketCheckConnect');
    await expect(createWebSockets(stack.host).connect({ hostname: '127.0.0.1', port: 80 }).opened).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('socketCheckAccept', async () => {
    const web = createWebSockets(stack.host);
    const listener = web.listen({ hostname: '127.0.0.1', port: 80 });
    deny('socketCheckAccept');
    const client = web.connect({ hostname: '127.0.0.1', port: 80 });
    client.closed.catch(() => {});
    await expect(listener[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'EACCES', syscall: 'accept' });
  });
});
