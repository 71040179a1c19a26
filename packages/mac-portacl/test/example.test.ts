import { EPERM } from '@ns/errno';
import { virtualHost } from '@ns/kern';
import { macPortacl } from '@ns/mac-portacl';
import { SOCK_STREAM, Socket, sobind, socreate } from '@ns/socket';
import { createStack } from '@ns/stack';
import { crSetuid } from '@ns/vnet';
import { AF_INET, INADDR_ANY, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const stack = createStack({ host: virtualHost(), extra: [macPortacl()] }); // the default stack has mac()
  stack.host.addAddress('lo0', '127.0.0.1/8');
  stack.host.sysctl('net.inet.ip.portrange.reservedhigh', 0);
  stack.host.sysctl('security.mac.portacl.rules', 'uid:80:tcp:80,uid:80:tcp:443');

  const www = crSetuid(stack.host.cred, 80);
  const bind = (port: number): number => {
    const so = socreate(www.vnet, AF_INET, SOCK_STREAM, 0, www);
    return so instanceof Socket ? sobind(so, new Sockaddr(INADDR_ANY, port), www) : so;
  };
  expect([bind(80), bind(443), bind(22), bind(8080)]).toEqual([0, 0, EPERM, 0]);
});
