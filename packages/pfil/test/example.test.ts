import { Kernel, virtualHost } from '@ns/kern';
import { PFIL, PFIL_DROPPED, PFIL_IN, PFIL_INET_NAME, PFIL_PASS, PFIL_TYPE_IP4, pfil, PfilHead } from '@ns/pfil';
import { getIpTtl } from '@ns/wire';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const kernel = new Kernel(virtualHost());
  kernel.kldload(pfil());
  const pf = PFIL.get(kernel.vnets.vnet0);
  pf.headRegister(new PfilHead(PFIL_TYPE_IP4, PFIL_INET_NAME));
  pf.addHook({ modname: 'hops', rulname: 'default', type: PFIL_TYPE_IP4, mbufChk: (m) => (getIpTtl(m.dv, m.off) < 5 ? PFIL_DROPPED : PFIL_PASS) });
  expect(pf.link('inet', 'hops:default', PFIL_IN)).toBe(0);
  expect(pf.snapshot().heads).toEqual([{ name: 'inet', type: 1, hooksIn: ['hops:default'], hooksOut: [] }]);
});
