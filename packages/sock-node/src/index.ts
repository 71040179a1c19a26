/**
 * Sockets shaped like node:net and node:dgram, over a stack in this process.
 *
 * {@link createNet} gives an object with the functions and classes of `node:net`, whose sockets live in a vnet; what is written for `node:net`, and Node's own `http`,
 * `https`, `tls` and `http2` over it, runs unchanged. Neighbours: `stack` makes the stacks, `socket` has the calls underneath, `sock-web` is the same for Web streams.
 *
 * ```ts
 * import http from 'node:http';
 * import { createNet, httpAgent, serve } from '@ns/sock-node';
 * import { createStack } from '@ns/stack';
 *
 * const stack = createStack();
 * const [server, client] = [stack.jail({ name: 'server', vnet: 'new' }), stack.jail({ name: 'client', vnet: 'new' })];
 * stack.link(server, '10.0.0.1/24', client, '10.0.0.2/24');
 *
 * serve(createNet(server), http.createServer((req, res) => res.end(`you asked for ${req.url}`))).listen(80);
 * http.get('http://10.0.0.1/hello', { agent: httpAgent(createNet(client)) }, (res) => res.pipe(process.stdout));
 * ```
 *
 * @packageDocumentation
 */
export { httpAgent, httpsAgent, type ProtocolServer, serve, undiciConnector, type UndiciConnectOptions } from './http.ts';
export type { ControlSocket, DgramControl, ReceivedControl, SendmsgOptions } from './dgram-control.ts';
export type { SendCallback } from './dgram-send.ts';
export { type ControlDgramModule, createDgram, createNet, type DgramMessage, type DgramModule, type NetModule, type NetOptions, type NetTarget } from './net.ts';
