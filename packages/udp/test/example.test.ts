import { Socket, SOCK_DGRAM, socreate, sosendCopy } from '@ns/socket';
import { createStack } from '@ns/stack';
import { UDP } from '@ns/udp';
import { virtualHost } from '@ns/kern';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const jail = createStack({ host: virtualHost() }).host; // loads udp() and what it needs
  jail.addAddress('lo0', '127.0.0.1/8');
  const { vnet, cred } = jail;
  const so = socreate(vnet, AF_INET, SOCK_DGRAM, 0, cred);
  if (so instanceof Socket) sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 7), Uint8Array.of(1, 2, 3), 0, 3, 0);
  expect(UDP.get(vnet).stat.opackets).toBe(1);
});
