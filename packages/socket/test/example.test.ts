import { Socket, SO_RCV_READY, SOCK_DGRAM, sobind, socreate, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack } from '@ns/stack';
import { virtualHost } from '@ns/kern';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const host = virtualHost();
  const jail = createStack({ host }).host;
  jail.addAddress('lo0', '127.0.0.1/8');
  const { vnet, cred } = jail;
  const so = socreate(vnet, AF_INET, SOCK_DGRAM, 0, cred);
  expect(so).toBeInstanceOf(Socket); // else an errno
  if (!(so instanceof Socket)) return;
  const buffer = new Uint8Array(2048);
  let n = 0;
  expect(sobind(so, new Sockaddr(inAddr4(0x7f000001), 7), cred)).toBe(0);
  so.upcall = {
    soupcall(s, events) {
      if (events & SO_RCV_READY) n = soreceiveBytes(s, buffer, 0, buffer.length, 0); // bytes, or -errno
    },
  };
  sosendCopy(so, new Sockaddr(inAddr4(0x7f000001), 7), Uint8Array.of(1, 2, 3), 0, 3, 0);
  host.settle(); // a host in real time does this by itself
  expect(n).toBe(3);
});
