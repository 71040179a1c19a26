/**
 * The operating system's sockets as a network stack: what `socreate()` makes when the stack is `host`.
 *
 * The same program runs over this project's stack and over that of the machine: the choice is the kernel's default, a jail's parameter, or a call's argument. TCP and UDP of both
 * families, by `node:net` and `node:dgram`. Neighbours: `netstack-kpi` has the contract, `socket` the layer above; `sock-node` and `sock-web` are for applications.
 *
 * ```ts
 * import { netstackHost } from '@ns/netstack-host';
 * import { createNet } from '@ns/sock-node';
 * import { createStack } from '@ns/stack';
 *
 * const stack = createStack({ extra: [netstackHost({ standby: true })] });
 * const out = stack.jail({ name: 'out', netstack: 'host', ip4: 'inherit' }); // this jail has the machine's network
 * const server = createNet(out).createServer((s) => s.end('hello'));
 * server.listen(0, '127.0.0.1', () => {                                 // seen by curl
 *   const client = createNet(stack.host, { netstack: 'host' });         // or one program alone
 *   client.connect(server.address() as { port: number }).on('data', console.log).on('close', () => server.close());
 * });
 * ```
 *
 * @packageDocumentation
 */
export { netstackHost } from './module.ts';
