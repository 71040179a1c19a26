import { INET, Inpcb, inPcbAlloc, inPcbBind, inpcb, inPcbInfoInit, inPcbLookup } from '@ns/inpcb';
import { Kernel, virtualHost } from '@ns/kern';
import { crget } from '@ns/vnet';
import { AF_INET, inAddr4, Sockaddr } from '@ns/wire';
import { expect, it } from 'vitest';
import { EdgeAf } from './harness.ts';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  kernel.kldload(inpcb());
  const vnet = kernel.vnets.vnet0;
  INET.get(vnet).registerAf(new EdgeAf(AF_INET, ['10.0.0.1'])); // module ip does this
  const info = inPcbInfoInit(vnet, 'udp', 'udp_inpcb'); // a transport, once for each vnet
  const so = { domain: AF_INET, type: 2, options: 0, fibnum: 0, cred: crget(vnet) };
  const inp = inPcbAlloc(so, info); // and for each socket
  expect(inp instanceof Inpcb && inPcbBind(inp, new Sockaddr(inAddr4(0), 53), so.cred)).toBe(0); // else EADDRINUSE, EACCES, EADDRNOTAVAIL ...
  const got = inPcbLookup(info, AF_INET, 0, 0, 0, 0x0a000009, 4000, 0, 0, 0, 0x0a000001, 53, 3 /* WILDCARD | RLOCKPCB */, null, 0);
  expect(got).toBe(inp); // who gets a datagram from 10.0.0.9:4000 for 10.0.0.1:53
});
