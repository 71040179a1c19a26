import { epair } from '@ns/drv-epair';
import { ether } from '@ns/ether';
import { ifCloneCreate, IFNET, ifnet, IFNET_CORE } from '@ns/ifnet';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { vnet } from '@ns/vnet';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  for (const mod of [netisr(), vnet(), ifnet(), ether(), epair()]) kernel.kldload(mod);
  ifCloneCreate(kernel.service(IFNET_CORE), kernel.vnets.vnet0, 'epair', undefined);
  expect(IFNET.get(kernel.vnets.vnet0).list.map((ifp) => ifp.name)).toEqual(['epair0a', 'epair0b']);
});
