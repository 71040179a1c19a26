import { EACCES } from '@ns/errno';
import { virtualHost } from '@ns/kern';
import { mac } from '@ns/mac';
import { MAC_VERSION, macPolicyModule, MPC_LOADTIME_FLAG_UNLOADOK } from '@ns/mac-kpi';
import { SOCK_STREAM, Socket, soconnect, socreate } from '@ns/socket';
import { createStack } from '@ns/stack';
import { crSetuid } from '@ns/vnet';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const { host: jail, kernel } = createStack({ host: virtualHost() });
  if (!kernel.isLoaded('mac')) kernel.kldload(mac());

  const nomail = macPolicyModule('nomail', () => ({
    name: 'mac_nomail',
    fullname: 'Nobody but the superuser sends mail',
    version: MAC_VERSION,
    loadtimeFlags: MPC_LOADTIME_FLAG_UNLOADOK,
    socketCheckConnect: (cred, _so, addr) => (addr.port === 25 && cred.uid !== 0 ? EACCES : 0),
  }));
  expect(kernel.kldload(nomail).errno).toBe(0);

  jail.addAddress('lo0', '127.0.0.1/8');
  const user = crSetuid(jail.cred, 1001);
  const connect = (port: number, cred = user): number => {
    const so = socreate(jail.vnet, AF_INET, SOCK_STREAM, 0, cred);
    return so instanceof Socket ? soconnect(so, new Sockaddr(inAddr4(0x7f000001), port), cred) : so;
  };
  expect(connect(25)).toBe(EACCES);
  expect(connect(80)).toBe(0);
  expect(connect(25, jail.cred)).toBe(0);
});
