/* HyStart++ (RFC 9406) on a connection that is driven by hand, in rounds of ten segments with an ACK each. */
import { CC_ACK, CC_ECN, CC_NDUPACK, CC_RTO, CCF_HYSTART_ALLOWED, CCF_HYSTART_CAN_SH_CWND, CCF_HYSTART_CONS_SSTH } from '@ns/cc-kpi';
import { ccNewreno, newrenoCcAlgo } from '@ns/cc-newreno';
import { inpcb } from '@ns/inpcb';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { socket } from '@ns/socket';
import { tcp } from '@ns/tcp';
import { describe, expect, it } from 'vitest';
import { MSS, TestCcVar } from '../../testkit/src/suites/cc-var.ts';

class Conn {
  readonly v: TestCcVar;
  private rounds = 0;

  constructor(sysctls: Record<string, number> = {}, flags = CCF_HYSTART_ALLOWED) {
    const kernel = new Kernel(virtualHost());
    kernel.kldload(ccNewreno(), [tcp(), socket(), inpcb(), netisr()]);
    const vnet = kernel.vnets.vnet0;
    for (const [name, value] of Object.entries(sysctls)) expect(kernel.sysctl.sysctlSet(`net.inet.tcp.cc.hystartplusplus.${name}`, value, { vnet, jailed: false }).errno).toBe(0);
    this.v = new TestCcVar(newrenoCcAlgo, vnet);
    newrenoCcAlgo.cbInit?.(this.v);
    this.v.ccFlags |= flags;
  }

  /** A round in which each of `acks` ACKs of a segment has this round-trip time: by how many segments the window grew. */
  round(ms: number, acks = 10, flight = 10 * MSS, rexmits = 0): number {
    const { v } = this;
    const before = v.sndCwnd;
    v.send();
    for (let i = 0; i < acks; i++) {
      newrenoCcAlgo.rttsample?.(v, ms * 1000, rexmits, flight);
      v.ack(CC_ACK, 1);
    }
    const grown = (v.sndCwnd - before) / MSS;
    newrenoCcAlgo.newround?.(v, ++this.rounds);
    return grown;
  }

  get slow(): boolean {
    return this.v.sndCwnd <= this.v.sndSsthresh;
  }
}

describe('slow start', () => {
  it('goes on as long as the round trip does not grow', () => {
    const c = new Conn();
    for (let i = 0; i < 8; i++) expect(c.round(50 + (i % 2) * 3)).toBe(10);
  });

  it('becomes four times slower once eight samples of a round are longer by an eighth', () => {
    const c = new Conn();
    expect(c.round(80)).toBe(10);
    expect(c.round(90)).toBe(7 + 3 / 4);
  });

  it('ends after five rounds of that, the one in which it began included', () => {
    const c = new Conn();
    c.round(80);
    for (let i = 0; i < 4; i++) {
      c.round(90);
      expect(c.v.sndSsthresh).toBeGreaterThan(1e8);
    }
    c.round(90);
    expect(c.v.sndSsthresh).toBe(c.v.sndCwnd);
    const { sndSsthresh } = c.v;
    for (let i = 0; i < 10; i++) c.round(200);
    expect(c.v.sndSsthresh).toBe(sndSsthresh); // once
  });

  it('is resumed when the round trip is shorter again: no queue was there', () => {
    const c = new Conn();
    c.round(80);
    expect(c.round(90)).toBeLessThan(8);
    expect(c.round(80)).toBe((7 * 1) / 4 + 3);
    expect(c.round(80)).toBe(10);
  });

  it.each([
    ['less than 4 ms are none', 8, 11.9, 10],
    ['4 ms are enough', 8, 12, 7.75],
    ['16 ms are enough', 400, 416, 7.75],
    ['15 ms of 400 are not', 400, 415, 10],
  ])('the growth that counts: %s', (_what, first, then, grown) => {
    const c = new Conn();
    c.round(first);
    expect(c.round(then)).toBe(grown);
  });

  it('fewer samples, and those of retransmissions, say nothing', () => {
    const few = new Conn();
    few.round(80);
    expect(few.round(200, 7)).toBe(7);
    const again = new Conn();
    again.round(80);
    expect(again.round(200, 10, 10 * MSS, 1)).toBe(10);
  });

  it('is not touched where the transport does not track rounds', () => {
    const c = new Conn({}, 0);
    c.round(80);
    for (let i = 0; i < 10; i++) expect(c.round(200)).toBe(10);
  });
});

describe('it is over', () => {
  it.each([CC_NDUPACK, CC_ECN, CC_RTO])('with the first congestion (signal %i), until the connection was idle', (type) => {
    const c = new Conn();
    c.round(80);
    newrenoCcAlgo.congSignal?.(c.v, type);
    c.v.flags = 0;
    c.v.sndSsthresh = 1e9;
    c.v.sndCwnd = 20 * MSS;
    expect(c.round(200)).toBe(10);
    expect(c.round(400)).toBe(10);
    newrenoCcAlgo.afterIdle?.(c.v);
    c.round(400);
    expect(c.round(500)).toBe(7.75);
  });
});

describe('sysctls', () => {
  it.each([
    ['minrtt_thresh', { minrtt_thresh: 20_000, maxrtt_thresh: 20_000 }, 10],
    ['n_rttsamples', { n_rttsamples: 2 }, 1 + 9 / 4],
    ['css_growth_div', { css_growth_div: 2 }, 7 + 3 / 2],
  ] as const)('%s', (_what, sysctls, grown) => {
    const c = new Conn(sysctls);
    c.round(80);
    expect(c.round(92)).toBe(grown);
  });

  it('css_rounds', () => {
    const c = new Conn({ css_rounds: 1 });
    c.round(80);
    c.round(92);
    expect(c.v.sndSsthresh).toBe(c.v.sndCwnd);
  });

  it.each([
    ['to what was in flight at the shortest round trip', CCF_HYSTART_CAN_SH_CWND, 30],
    ['to the mean of that and of what was in flight when it began', CCF_HYSTART_CAN_SH_CWND | CCF_HYSTART_CONS_SSTH, 25],
  ])('the window may shrink at the end, the threshold %s', (_what, flags, ssthresh) => {
    const c = new Conn({ css_rounds: 2 }, CCF_HYSTART_ALLOWED | flags);
    c.round(80);
    c.round(92, 10, 20 * MSS);
    c.round(95, 10, 30 * MSS);
    expect([c.v.sndCwnd / MSS, c.v.sndSsthresh / MSS]).toEqual([20, ssthresh]);
  });
});
