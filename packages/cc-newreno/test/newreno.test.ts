import { CC_ACK, CC_ECN, CC_NDUPACK, CC_RTO, CCF_ABC_SENTAWND, type CcSockopt, inFastrecovery } from '@ns/cc-kpi';
import { CC_NEWRENO_BETA, CC_NEWRENO_BETA_ECN, ccNewreno, newrenoCcAlgo } from '@ns/cc-newreno';
import { EINVAL, ENOENT, EPERM } from '@ns/errno';
import { Kernel, type Vnet, virtualHost } from '@ns/kern';
import { inpcb } from '@ns/inpcb';
import { netisr } from '@ns/netisr';
import { socket } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { describe, expect, it } from 'vitest';
import { MSS, TestCcVar } from '../../testkit/src/suites/cc-var.ts';

function boot(sysctls: Record<string, number> = {}): { kernel: Kernel; vnet: Vnet } {
  const kernel = new Kernel(virtualHost());
  expect(kernel.kldload(ccNewreno(), [tcp(), socket(), inpcb(), netisr()]).errno).toBe(0);
  const vnet = kernel.vnets.vnet0;
  for (const [name, value] of Object.entries(sysctls)) expect(kernel.sysctl.sysctlSet(`net.inet.tcp.cc.${name}`, value, { vnet, jailed: false }).errno).toBe(0);
  return { kernel, vnet };
}

function begun(vnet: Vnet, segments = 10): TestCcVar {
  const v = new TestCcVar(newrenoCcAlgo, vnet);
  newrenoCcAlgo.cbInit?.(v);
  v.sndCwnd = segments * MSS;
  v.send();
  return v;
}

const signal = (v: TestCcVar, type: number): [number, number] => {
  newrenoCcAlgo.congSignal?.(v, type);
  return [v.sndCwnd / MSS, v.sndSsthresh / MSS];
};

const opt = (v: TestCcVar, name: number, value?: number): [number, number] => {
  const sopt: CcSockopt = { set: value !== undefined, name, value: value ?? 0 };
  return [newrenoCcAlgo.ctlOutput?.(v, sopt) ?? -1, sopt.value];
};

describe('newreno: what is left of a window of ten segments, and from what on it grows slowly', () => {
  it.each([
    ['a loss', CC_NDUPACK, {}, [10, 5]],
    ['an ECN mark', CC_ECN, {}, [5, 5]],
    ['a timeout', CC_RTO, {}, [1, 5]],
    ['a loss, beta 30', CC_NDUPACK, { 'newreno.beta': 30 }, [10, 3]],
    ['a mark with ABE (RFC 8511)', CC_ECN, { abe: 1 }, [8, 8]],
    ['a loss with ABE', CC_NDUPACK, { abe: 1 }, [10, 5]],
    ['a mark with ABE, beta_ecn 90', CC_ECN, { abe: 1, 'newreno.beta_ecn': 90 }, [9, 9]],
  ] as const)('after %s', (_what, type, sysctls, left) => {
    expect(signal(begun(boot(sysctls).vnet), type)).toEqual(left);
  });

  it.each([CC_NDUPACK, CC_ECN, CC_RTO])('never less than two segments to aim at (signal %i)', (type) => {
    expect(signal(begun(boot().vnet, 3), type)[1]).toBe(2);
  });

  it('one reduction for each window: what follows in the same recovery changes nothing', () => {
    const v = begun(boot().vnet);
    expect(signal(v, CC_NDUPACK)).toEqual([10, 5]);
    v.sndCwnd = 8 * MSS;
    expect(signal(v, CC_NDUPACK)).toEqual([8, 5]);
    expect(signal(v, CC_ECN)).toEqual([8, 5]);
    expect(inFastrecovery(v)).toBe(true);
  });

  it.each([
    [0, 8],
    [1, 5],
  ])('a loss that follows a mark under ABE takes what the mark had left out, with abe_frlossreduce %i', (frloss, ssthresh) => {
    const v = begun(boot({ abe: 1, abe_frlossreduce: frloss }).vnet);
    expect(signal(v, CC_ECN)).toEqual([8, 8]);
    expect(signal(v, CC_NDUPACK)).toEqual([8, ssthresh]);
  });

  it('in slow start a window doubles in a round trip; above ssthresh it grows by a segment', () => {
    const { vnet } = boot();
    const round = (v: TestCcVar): number => {
      const acks = Math.round(v.sndCwnd / MSS);
      for (let i = 0; i < acks; i++) {
        v.bytesThisAck = MSS;
        v.nsegs = 1;
        v.curack = (v.curack + MSS) | 0;
        if (i === acks - 1) v.ccFlags |= CCF_ABC_SENTAWND; // set by TCP: a window's worth has been acknowledged (RFC 3465)
        newrenoCcAlgo.ackReceived?.(v, CC_ACK);
      }
      return v.sndCwnd / MSS;
    };
    expect(round(begun(vnet))).toBe(20);
    const slow = begun(vnet);
    slow.sndSsthresh = 2 * MSS;
    expect(round(slow)).toBe(11);
  });
});

describe('TCP_CCALGOOPT', () => {
  it('sets a connection\'s own parameters, and nobody else\'s', () => {
    const { vnet } = boot();
    const [v, other] = [begun(vnet), begun(vnet)];
    expect(opt(v, CC_NEWRENO_BETA)).toEqual([0, 50]);
    expect(opt(v, CC_NEWRENO_BETA, 70)).toEqual([0, 70]);
    expect([opt(v, CC_NEWRENO_BETA), opt(v, CC_NEWRENO_BETA_ECN), opt(other, CC_NEWRENO_BETA)]).toEqual([[0, 70], [0, 80], [0, 50]]);
    expect([signal(v, CC_NDUPACK), signal(other, CC_NDUPACK)]).toEqual([[10, 7], [10, 5]]);
  });

  it('beta_ecn of a connection is ABE for that connection', () => {
    const v = begun(boot().vnet);
    expect(opt(v, CC_NEWRENO_BETA_ECN, 60)).toEqual([0, 60]);
    expect(signal(v, CC_ECN)).toEqual([6, 6]);
  });

  it('refuses what is no percentage, and what it does not know', () => {
    const v = begun(boot().vnet);
    for (const bad of [0, 101, 50.5, Number.NaN]) expect(opt(v, CC_NEWRENO_BETA, bad)[0]).toBe(EINVAL);
    expect([opt(v, 99)[0], opt(v, 99, 1)[0], v.ccData]).toEqual([ENOENT, ENOENT, null]);
  });
});

it('is what connections fall back on, so it stays', () => {
  expect(boot().kernel.kldunload('cc-newreno').errno).toBe(EPERM);
});
