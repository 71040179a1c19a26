import { Kernel, virtualHost } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { NETISR, netisr, NETISR_IP, NETISR_POLICY_FLOW } from '@ns/netisr';
import { expect, it } from 'vitest';

it('the example of the documentation', () => {
  const host = virtualHost();
  const kernel = new Kernel(host);
  kernel.kldload(netisr());
  const isr = kernel.service(NETISR);
  isr.register({ proto: NETISR_IP, name: 'ip', policy: NETISR_POLICY_FLOW, handler: mFreem });
  const m = kernel.mbufs.getHdr();
  if (m !== null) isr.queue(NETISR_IP, m);
  expect(isr.snapshot().workstreams[0]?.handled).toBe(0);
  host.settle();
  expect(isr.snapshot().workstreams[0]?.handled).toBe(1);
});
