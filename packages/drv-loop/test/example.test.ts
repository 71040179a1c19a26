import { loop } from '@ns/drv-loop';
import { ifnet, ifunit } from '@ns/ifnet';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { vnet } from '@ns/vnet';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  for (const mod of [netisr(), vnet(), ifnet(), loop()]) kernel.kldload(mod);
  expect(ifunit(kernel.vnets.vnet0, 'lo0')?.mtu).toBe(16384);
});
