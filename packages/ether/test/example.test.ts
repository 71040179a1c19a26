import { ether, ETHER } from '@ns/ether';
import { ifnet } from '@ns/ifnet';
import { Kernel, virtualHost } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { netisr } from '@ns/netisr';
import { vnet } from '@ns/vnet';
import { EHOSTDOWN } from '@ns/errno';
import { AF_INET } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  for (const mod of [netisr(), vnet(), ifnet(), ether()]) kernel.kldload(mod);
  // Interfaces of type IFT_ETHER now frame and demultiplex. A resolver for IPv4 that finds nobody (package arp has a better one):
  kernel.service(ETHER).setResolver({
    af: AF_INET,
    resolve: (ifp, m) => {
      mFreem(m);
      return EHOSTDOWN;
    },
  });
  expect(kernel.service(ETHER).resolvers[AF_INET]?.af).toBe(AF_INET);
});
