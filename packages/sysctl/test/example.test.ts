import { CTLFLAG_RW, CTLFLAG_VNET, SysctlTree, type SysctlReq, formatSysctlWrite, sysctlVars } from '@ns/sysctl';
import { expect, it } from 'vitest';

interface Stack { delayedAck: number }

it('the example of the documentation', () => {
  const v = sysctlVars('net.inet.tcp', (req: SysctlReq<Stack>) => req.vnet, CTLFLAG_VNET);
  const tree = new SysctlTree<Stack>();
  tree.register('tcp', [v.int('delayed_ack', 'delayedAck', CTLFLAG_RW, 'Delay ACK to try and piggyback it onto a data packet', { min: 0, max: 1 })]);
  const req = { vnet: { delayedAck: 1 }, jailed: false };
  expect(formatSysctlWrite(tree.sysctlSet('net.inet.tcp.delayed_ack', '0', req))).toBe('net.inet.tcp.delayed_ack: 1 -> 0');
});
