/* HyStart++ (RFC 9406), for which a connection with RACK tracks rounds. */
import { CCF_HYSTART_ALLOWED } from '@ns/cc-kpi';
import { describe, expect, it } from 'vitest';
import { choose, rackLab, rowOf } from './lab.ts';

const BUFFER = '600000';

/** Two MiB over a link of 20 Mbit/s and 40 ms, with a queue in front of it. */
function transfer(hystart: number, queueLimit: number, more: Record<string, string> = {}): { retransmits: number; elapsedUs: number } {
  const space = { 'net.inet.tcp.sendspace': BUFFER, 'net.inet.tcp.recvspace': BUFFER };
  const l = rackLab({
    link: { delayUs: 20_000, bandwidth: 20e6, queueLimit },
    sysctlsA: { ...space, 'net.inet.tcp.rack.features.hystartplusplus': String(hystart), ...more },
    sysctlsB: space,
  });
  const r = l.transfer(2 << 20);
  expect([r.problem, r.timeouts]).toEqual(['', 0]);
  expect(l.finish()).toEqual([]);
  return r;
}

describe('features.hystartplusplus', () => {
  it.each([60, 150])('1: slow start loses less than half as much, in no more time (queue of %i)', { timeout: 60_000 }, (queue) => {
    const without = transfer(0, queue);
    const hystart = transfer(1, queue);
    expect(without.retransmits).toBeGreaterThan(100);
    expect(hystart.retransmits).toBeLessThan(without.retransmits / 2);
    expect(hystart.elapsedUs).toBeLessThan(without.elapsedUs * 1.02);
  });

  it('obeys net.inet.tcp.cc.hystartplusplus: with a threshold that is never met it does nothing', { timeout: 60_000 }, () => {
    const never = { 'net.inet.tcp.cc.hystartplusplus.minrtt_thresh': '10000000' };
    expect(transfer(1, 60, never).retransmits).toBe(transfer(0, 60).retransmits);
  });

  it('is of connections with RACK: one that leaves it goes on without', () => {
    const l = rackLab({ sysctlsA: { 'net.inet.tcp.rack.features.hystartplusplus': '1' } });
    const c = l.connect({ port: 80 });
    const flags = (): number => (c.client.pcb as { ppcb: { ccFlags: number } }).ppcb.ccFlags & CCF_HYSTART_ALLOWED;
    expect([rowOf(l).stack, flags() !== 0]).toEqual(['rack', true]);
    expect(choose(c.client, 'freebsd')).toBe(0);
    expect(flags()).toBe(0);
  });
});
