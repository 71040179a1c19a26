import { EACCES } from '@ns/errno';
import { virtualHost } from '@ns/kern';
import { mac } from '@ns/mac';
import { macPolicyModule, MAC_VERSION } from '@ns/mac-kpi';
import { SOCK_STREAM, Socket, socreate, solisten } from '@ns/socket';
import { createStack, defaultModules } from '@ns/stack';
import { AF_INET } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const modules = defaultModules().filter((m) => m.name !== 'mac');
  const { host: jail, kernel } = createStack({ host: virtualHost(), modules });
  kernel.kldload(mac());
  kernel.kldload(macPolicyModule('quiet', () => ({ name: 'mac_quiet', fullname: 'Nobody listens', version: MAC_VERSION, socketCheckListen: () => EACCES })));
  const so = socreate(jail.vnet, AF_INET, SOCK_STREAM, 0, jail.cred);
  expect(so).toBeInstanceOf(Socket);
  if (so instanceof Socket) expect(solisten(so, 5)).toBe(EACCES);
});
