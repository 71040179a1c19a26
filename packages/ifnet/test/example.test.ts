import { loop } from '@ns/drv-loop';
import { ifAddAddr, ifnet, ifSnapshots, ifunit } from '@ns/ifnet';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { vnet } from '@ns/vnet';
import { INADDR_LOOPBACK } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  for (const mod of [netisr(), vnet(), ifnet(), loop()]) kernel.kldload(mod);
  const lo0 = ifunit(kernel.vnets.vnet0, 'lo0');
  if (lo0 !== null) ifAddAddr(lo0, { addr: INADDR_LOOPBACK, prefixlen: 8 });
  expect(ifSnapshots(kernel.vnets.vnet0)[0]?.flags.toString(16)).toBe('8049');
});
