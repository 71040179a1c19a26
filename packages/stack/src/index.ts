/**
 * The default composition: one call boots a kernel with the whole stack, on whatever platform it runs.
 *
 * {@link createStack} loads {@link defaultModules}; everything else is a module away. Neighbours: `sock-node` and `sock-web` are the sockets of applications, `cli` the
 * commands.
 *
 * ```ts
 * import { createStack } from '@ns/stack';
 * import { createNet } from '@ns/sock-node';
 *
 * const stack = createStack();
 * const server = stack.jail({ name: 'server', vnet: 'new' });
 * const client = stack.jail({ name: 'client', vnet: 'new' });
 * stack.link(server, '10.0.0.1/24', client, '10.0.0.2/24');
 *
 * createNet(server).createServer((s) => s.end('hello')).listen(80);
 * createNet(client).connect(80, '10.0.0.1').on('data', (d) => console.log(String(d)));
 * ```
 * @packageDocumentation
 */
export { defaultModules, type DefaultModulesOptions } from './modules.ts';
export { platformHost, type PlatformHostOptions } from './platform-host.ts';
export { createStack, Stack, type StackLink, type StackOptions } from './stack.ts';
export { type Offload, StackJail } from './stack-jail.ts';
