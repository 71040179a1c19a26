import { ether } from '@ns/ether';
import { ifCloneCreate, IFNET_CORE, ifnet, ifunit } from '@ns/ifnet';
import { epair } from '@ns/drv-epair';
import { Kernel, virtualHost } from '@ns/kern';
import { llentrySetAddr, Lltable } from '@ns/lltable';
import { netisr } from '@ns/netisr';
import { vnet } from '@ns/vnet';
import { AF_INET, parseEtherAddr, parseInAddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  for (const mod of [netisr(), vnet(), ifnet(), ether(), epair()]) kernel.kldload(mod);
  ifCloneCreate(kernel.service(IFNET_CORE), kernel.vnets.vnet0, 'epair', undefined);
  const ifp = ifunit(kernel.vnets.vnet0, 'epair0a')!;
  const tbl = new Lltable(ifp, AF_INET, { removed: () => {} });
  const lle = tbl.create(parseInAddr('10.0.0.2')!, 0)!;
  llentrySetAddr(lle, parseEtherAddr('02:00:00:00:00:02')!, 0, ifp.lladdr!, 0x0800);
  expect(lle.h0).toBe(0x02000000);
  expect(tbl.lookup4(0x0a000002)).toBe(lle);
});
