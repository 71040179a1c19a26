import { RIP } from '@ns/rawip';
import { Socket, SOCK_RAW, socreate, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack } from '@ns/stack';
import { virtualHost } from '@ns/kern';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const host = virtualHost();
  const jail = createStack({ host }).host; // loads rawip() and what it needs
  jail.addAddress('lo0', '127.0.0.1/8');
  const { vnet, cred } = jail;
  const so = socreate(vnet, AF_INET, SOCK_RAW, 253, cred); // the superuser's only
  if (!(so instanceof Socket)) return;
  sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 0), Uint8Array.of(1, 2, 3), 0, 3, 0);
  host.settle();
  expect(soreceiveBytes(so, new Uint8Array(64), 0, 64, 0)).toBe(23); // with its IP header
  expect(RIP.get(vnet).stat.delivered).toBe(1);
});
