import { arp, arpSet, arpSnapshot } from '@ns/arp';
import { epair } from '@ns/drv-epair';
import { ether } from '@ns/ether';
import { ifAddAddr, ifCloneCreate, ifnet, IFNET_CORE, ifunit } from '@ns/ifnet';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { route } from '@ns/route';
import { vnet } from '@ns/vnet';
import { parseEtherAddr, parseInAddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  const { vnet0 } = kernel.vnets;
  for (const mod of [netisr(), vnet(), ifnet(), ether(), route(), arp(), epair()]) kernel.kldload(mod);
  ifCloneCreate(kernel.service(IFNET_CORE), vnet0, 'epair', undefined);
  ifAddAddr(ifunit(vnet0, 'epair0a')!, { addr: parseInAddr('10.0.0.1')!, prefixlen: 24 });
  arpSet(vnet0, parseInAddr('10.0.0.9')!, parseEtherAddr('02:00:00:00:00:09')!); // arp -s
  expect(arpSnapshot(vnet0).map((row) => `${row.addr} on ${row.ifname}`)).toEqual(['10.0.0.1 on epair0a', '10.0.0.9 on epair0a']);
});
