import { loop } from '@ns/drv-loop';
import { ether } from '@ns/ether';
import { ifnet, ifUp, ifunit } from '@ns/ifnet';
import { INET, inpcb } from '@ns/inpcb';
import { ip6, IP6 } from '@ns/ip6';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { route } from '@ns/route';
import { vnet } from '@ns/vnet';
import { AF_INET6, parseInAddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the package', () => {
  const kernel = new Kernel(virtualHost());
  const { vnet0 } = kernel.vnets;
  for (const mod of [netisr(), vnet(), ifnet(), loop(), ether(), route(), inpcb(), ip6()]) expect(kernel.kldload(mod).errno, mod.name).toBe(0);
  ifUp(ifunit(vnet0, 'lo0')!);
  expect(ifunit(vnet0, 'lo0')!.addrs.map((a) => a.addr.toString())).toEqual(['::1', 'fe80::1%1']);
  IP6.get(vnet0).forwarding = true;
  expect(kernel.sysctl.sysctlGet('net.inet6.ip6.forwarding', { vnet: vnet0, jailed: false }).value).toBe(1);
  expect(INET.get(vnet0).af(AF_INET6)!.isLocal(vnet0, parseInAddr('::1')!)).toBe(true);
});
