import { Kernel, virtualHost } from '@ns/kern';
import { ifnet } from '@ns/ifnet';
import { loop } from '@ns/drv-loop';
import { netisr } from '@ns/netisr';
import { ribAdd, ribRoute4, route, Route, ROUTE, RT_DEFAULT_FIB, RTF_BLACKHOLE } from '@ns/route';
import { vnet } from '@ns/vnet';
import { parseInAddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  for (const mod of [netisr(), vnet(), ifnet(), loop(), route()]) kernel.kldload(mod);
  const rib = ROUTE.get(kernel.vnets.vnet0).inet(RT_DEFAULT_FIB);
  ribAdd(rib, { dst: parseInAddr('192.0.2.0')!, prefixlen: 24, flags: RTF_BLACKHOLE }); // 0
  const ro = new Route(); // kept by whoever sends many packets one way
  const nh = ribRoute4(rib, ro, 0xc0000201 | 0); // the way to 192.0.2.1: looked up once, compared from then on
  expect(nh?.ifp.name).toBe('lo0');
  expect(ribRoute4(rib, ro, 0xc0000201 | 0)).toBe(nh);
});
