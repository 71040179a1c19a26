import { arp } from '@ns/arp';
import { loop } from '@ns/drv-loop';
import { ether } from '@ns/ether';
import { ifAddAddr, ifnet, ifunit } from '@ns/ifnet';
import { INET, inpcb } from '@ns/inpcb';
import { ip, IP } from '@ns/ip';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { route } from '@ns/route';
import { vnet } from '@ns/vnet';
import { AF_INET, parseInAddr } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  const { vnet0 } = kernel.vnets;
  for (const mod of [netisr(), vnet(), ifnet(), loop(), ether(), route(), arp(), inpcb(), ip()]) kernel.kldload(mod);
  const me = parseInAddr('127.0.0.1')!;
  ifAddAddr(ifunit(vnet0, 'lo0')!, { addr: me, prefixlen: 8 });
  IP.get(vnet0).forwarding = true; // sysctl net.inet.ip.forwarding=1
  expect(INET.get(vnet0).af(AF_INET)!.isLocal(vnet0, me)).toBe(true);
  expect(kernel.sysctl.sysctlGet('net.inet.ip.forwarding', { vnet: vnet0, jailed: false }).value).toBe(1);
});
