import { HELPER_CLASS_TCP, type Helper, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, Kernel, khelpModule, virtualHost } from '@ns/kern';
import { TCP_KPI, type TcpHhookData, TF_NOOPT, TF_TSO } from '@ns/tcp-kpi';
import { inpcb } from '@ns/inpcb';
import { netisr } from '@ns/netisr';
import { socket } from '@ns/socket';
import { tcp, TF_NOOPT as TCP_NOOPT, TF_TSO as TCP_TSO } from '@ns/tcp';
import { describe, expect, it } from 'vitest';

describe('the example of the package', () => {
  it('is a module that loads', () => {
    const sent: Helper<{ bytes: number }> = Object.freeze({
      name: 'sent',
      classes: HELPER_CLASS_TCP,
      ctor: () => ({ bytes: 0 }),
      hooks: [{ type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_OUT, func: (block: { bytes: number }, ctx: unknown) => (block.bytes += (ctx as TcpHhookData).len) }],
    });
    const mod = khelpModule(sent, 1, [{ name: 'tcp', min: 1, preferred: 1, max: 1 }]);
    const kernel = new Kernel(virtualHost());
    expect(kernel.kldload(mod, [tcp(), socket(), inpcb(), netisr()]).errno).toBe(0);
    expect(kernel.khelp.getId('sent')).toBe(0);
  });
});

describe('the contract', () => {
  it('has the flags of TCP itself', () => {
    expect([TF_NOOPT, TF_TSO]).toEqual([TCP_NOOPT, TCP_TSO]);
    expect([TF_NOOPT, TF_TSO]).toEqual([0x8, 0x1000000]);
    expect(TCP_KPI).toBeDefined();
  });
});
