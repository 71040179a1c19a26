import type { AddressInfo } from 'node:net';
import { netstackHost } from '@ns/netstack-host';
import { createNet, type NetModule } from '@ns/sock-node';
import { createStack } from '@ns/stack';
import { guestbook, visit } from './guestbook.ts';

/*
 * One program, unchanged, over two network stacks: this project's, in two jails with a vnet each, and the operating system's. Which one it is, its surroundings say:
 * the kernel's default, the parameter of a jail, or the argument of a call.
 *
 *   node packages/examples/dist/two-stacks.js
 */

interface Run {
  readonly over: string;
  readonly server: NetModule;
  readonly client: NetModule;
  readonly address: string;
}

const stack = createStack({ extra: [netstackHost({ standby: true })] });
const here = stack.jail({ name: 'here', vnet: 'new' });
const there = stack.jail({ name: 'there', vnet: 'new' });
stack.link(here, '10.0.0.1/24', there, '10.0.0.2/24');
const out = stack.jail({ name: 'out', netstack: 'host', ip4: 'inherit' });

const runs: readonly Run[] = [
  { over: 'bsd, the default, between two vnets', server: createNet(here), client: createNet(there), address: '10.0.0.1' },
  { over: 'host, by the parameter of a jail', server: createNet(out), client: createNet(out), address: '127.0.0.1' },
  { over: 'host, by the argument of a call', server: createNet(stack.host, { netstack: 'host' }), client: createNet(stack.host, { netstack: 'host' }), address: '127.0.0.1' },
];

for (const { over, server, client, address } of runs) {
  const listener = await guestbook(server, address);
  const { port } = listener.address() as AddressInfo;
  console.log(`${over}: ${await visit(client, address, port, 'I was here')}`);
  await new Promise((resolve) => listener.close(resolve));
}

const { leftovers, problems } = stack.shutdown();
console.log(leftovers.length + problems.length === 0 ? 'nothing left over' : `left over: ${JSON.stringify({ leftovers, problems })}`);
process.exitCode = leftovers.length + problems.length === 0 ? 0 : 1;
