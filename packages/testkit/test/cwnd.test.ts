import { describe, expect, it } from 'vitest';
import { lab } from '../src/index.ts';

/** Congestion window and threshold in segments, each 20 ms, of a flow that loses data segments 60 and 61, and later 200. */
function trace(sysctls: Record<string, number>): string {
  const l = lab({ link: { delayUs: 10_000, bandwidth: 20e6, queueLimit: 200 }, sysctls });
  const c = l.connect({ sndbuf: 400_000, rcvbuf: 400_000 });
  let data = 0;
  l.link.ab.options.drop = (f): boolean => f.tcp !== null && f.tcp.len > 0 && [60, 61, 200].includes(++data);
  const t = l.begin(1_000_000, { connection: c, halfClose: false });
  const out: string[] = [];
  for (let i = 0; i < 30; i++) {
    const { sndCwnd, sndSsthresh, sndMss } = l.info(c.client);
    const mss = sysctls['net.inet.tcp.rfc1323'] === 0 ? sndMss : sndMss - 12;
    out.push(`${(sndCwnd / mss).toFixed(1)}${sndSsthresh < 1e9 ? `/${(sndSsthresh / mss).toFixed(0)}` : ''}`);
    l.advance(20_000);
  }
  const r = l.complete(t);
  expect([r.problem, r.timeouts, r.retransmits]).toEqual(['', 0, 3]);
  expect(l.finish()).toEqual([]);
  return out.join(' ');
}

describe('the congestion window over time, cwnd/ssthresh in segments each 20 ms', () => {
  it('NewReno with SACK and PRR', () => {
    expect(trace({})).toMatchInlineSnapshot(`"10.0 10.0 20.0 40.0 68.0 53.0/34 36.0/34 35.0/34 36.0/34 25.0/18 20.0/18 21.0/18 22.0/18 23.0/18 24.0/18 25.0/18 25.0/18 26.0/18 27.0/18 28.0/18 29.0/18 30.0/18 31.0/18 32.0/18 33.0/18 34.0/18 35.0/18 36.0/18 36.0/18 36.0/18"`);
  });

  it('NewReno with SACK, without PRR', () => {
    expect(trace({ 'net.inet.tcp.do_prr': 0 })).toMatchInlineSnapshot(`"10.0 10.0 20.0 40.0 68.0 39.0/34 34.0/34 35.0/34 36.0/34 18.0/18 20.0/18 20.0/18 21.0/18 22.0/18 23.0/18 24.0/18 25.0/18 26.0/18 27.0/18 28.0/18 29.0/18 30.0/18 30.0/18 31.0/18 32.0/18 33.0/18 34.0/18 35.0/18 36.0/18 36.0/18"`);
  });

  it('NewReno without SACK', () => {
    expect(trace({ 'net.inet.tcp.sack.enable': 0 })).toMatchInlineSnapshot(`"10.0 10.0 20.0 40.0 68.0 61.0/34 94.0/34 121.0/34 36.0/34 25.0/18 15.0/18 19.0/18 20.0/18 21.0/18 22.0/18 23.0/18 23.0/18 24.0/18 25.0/18 26.0/18 27.0/18 28.0/18 29.0/18 30.0/18 31.0/18 32.0/18 33.0/18 34.0/18 34.0/18 35.0/18"`);
  });
});
