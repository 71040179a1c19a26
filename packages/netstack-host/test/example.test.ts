import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { netstackHost } from '@ns/netstack-host';
import { createNet } from '@ns/sock-node';
import { createStack } from '@ns/stack';
import { expect, it } from 'vitest';

it('the example of the README', async () => {
  const stack = createStack({ extra: [netstackHost({ standby: true })] });
  const out = stack.jail({ name: 'out', netstack: 'host', ip4: 'inherit' }); // this jail has the machine's network
  const server = createNet(out).createServer((s) => s.end('hello'));
  server.listen(0, '127.0.0.1'); // seen by curl
  await once(server, 'listening');
  const c = createNet(stack.host, { netstack: 'host' }).connect((server.address() as AddressInfo).port, '127.0.0.1');
  expect(String((await once(c, 'data'))[0])).toBe('hello');
  c.destroy();
  await new Promise((resolve) => server.close(resolve));
});
