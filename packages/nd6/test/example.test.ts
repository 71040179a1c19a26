import { epair } from '@ns/drv-epair';
import { loop } from '@ns/drv-loop';
import { ether } from '@ns/ether';
import { ifCloneCreate, ifnet, IFNET_CORE, ifunit, ifUp } from '@ns/ifnet';
import { inpcb } from '@ns/inpcb';
import { ip6 } from '@ns/ip6';
import { Kernel, virtualHost } from '@ns/kern';
import { nd6, ndpSet, ndpSnapshot } from '@ns/nd6';
import { netisr } from '@ns/netisr';
import { route } from '@ns/route';
import { vnet } from '@ns/vnet';
import { inAddr6, parseEtherAddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const host = virtualHost();
  const kernel = new Kernel(host);
  const { vnet0 } = kernel.vnets;
  for (const mod of [netisr(), vnet(), ifnet(), ether(), loop(), route(), inpcb(), ip6(), nd6(), epair()]) kernel.kldload(mod);
  ifCloneCreate(kernel.service(IFNET_CORE), vnet0, 'epair', undefined);
  const ifp = ifunit(vnet0, 'epair0a')!;
  ifUp(ifp); // gets a link-local address, which is tested for duplicates
  host.advance(3e6);
  ndpSet(vnet0, inAddr6(0xfe800000, 0, 0, 9, ifp.index), parseEtherAddr('02:00:00:00:00:09')!); // ndp -s fe80::9%epair0a
  expect(ndpSnapshot(vnet0).length).toBe(2);
});
