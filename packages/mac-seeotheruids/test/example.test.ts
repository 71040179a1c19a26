import { socketsSnapshot } from '@ns/cli';
import { virtualHost } from '@ns/kern';
import { macSeeotheruids } from '@ns/mac-seeotheruids';
import { SOCK_STREAM, Socket, sobind, socreate } from '@ns/socket';
import { createStack } from '@ns/stack';
import { crSetuid } from '@ns/vnet';
import { AF_INET, INADDR_ANY, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const stack = createStack({ host: virtualHost() });
  const { vnet, cred } = stack.host;
  const so = socreate(vnet, AF_INET, SOCK_STREAM, 0, cred);
  if (so instanceof Socket) sobind(so, new Sockaddr(INADDR_ANY, 8080), cred);

  stack.kernel.kldload(macSeeotheruids());
  expect(socketsSnapshot(vnet, crSetuid(cred, 1001)).sockets).toEqual([]); // those of user 1001
  expect(socketsSnapshot(vnet, cred).sockets.length).toBe(1); // the superuser: all
});
