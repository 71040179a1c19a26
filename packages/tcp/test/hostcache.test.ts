import { CalloutWheel, VirtualClock } from '@ns/callout';
import { SeededRandom } from '@ns/kern';
import { inAddr4, type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { HostCache } from '../src/hostcache.ts';
import type { CacheLimits } from '../src/tunables.ts';

const host = (n: number): InAddr => inAddr4(0x0a000000 + n);
const learnt = { mtu: 0, ssthresh: 10000, rttUs: 20000, rttvarUs: 4000, cwnd: 20000, sendpipe: 0, recvpipe: 0 };

function make(limits?: CacheLimits): { hc: HostCache; clock: VirtualClock; wheel: CalloutWheel; stat: { hcAdded: number; hcBucketoverflow: number } } {
  const clock = new VirtualClock();
  const wheel = new CalloutWheel(clock);
  const stat = { hcAdded: 0, hcBucketoverflow: 0 };
  return { hc: new HostCache(wheel, new SeededRandom(1), stat, limits), clock, wheel, stat };
}

describe('host cache (tcp_hostcache.c)', () => {
  it('averages what connections learn, and keeps families and zones apart', () => {
    const { hc } = make();
    hc.update(host(1), 0, learnt);
    hc.update(host(1), 0, { ...learnt, rttUs: 40000, ssthresh: 0 });
    const e = hc.get(host(1), 0);
    expect(e).toMatchObject({ rttUs: 30000, ssthresh: 10000, updates: 2, hits: 1 });
    expect(hc.get(parseInAddr('::a00:1') as InAddr, 0)).toBe(null);
  });

  it('knows a host in each routing table apart: another table may lead there by another path', () => {
    const { hc } = make();
    hc.updateMtu(host(1), 0, 1400);
    hc.updateMtu(host(1), 1, 1280);
    hc.update(host(1), 2, learnt);
    expect([0, 1, 2, 3].map((fib) => hc.getMtu(host(1), fib))).toEqual([1400, 1280, 0, 0]);
    expect(hc.count).toBe(3);
  });

  it('a full bucket gives up its least recently used entry, and counts it', () => {
    const { hc, stat } = make({ hashsize: 1, bucketlimit: 3, cachelimit: 3 });
    for (const n of [1, 2, 3]) hc.updateMtu(host(n), 0, 1000 + n);
    expect(hc.getMtu(host(1), 0)).toBe(1001); // used: now the most recent
    hc.updateMtu(host(4), 0, 1004);
    expect([1, 2, 3, 4].map((n) => hc.getMtu(host(n), 0))).toEqual([1001, 0, 1003, 1004]);
    expect(stat).toEqual({ hcAdded: 4, hcBucketoverflow: 1 });
    expect(hc.count).toBe(3);
  });

  it('when all is full and the bucket is empty, nothing is added', () => {
    const { hc } = make({ hashsize: 1024, bucketlimit: 30, cachelimit: 4 });
    let refused = 0;
    for (let n = 0; n < 64; n++) if (!hc.updateMtu(host(n * 7919), 0, 1400)) refused++;
    expect(hc.count).toBeLessThanOrEqual(4);
    expect(refused).toBeGreaterThan(0);
  });

  it('ages by the prune interval, and has no timer while it is empty', () => {
    const { hc, clock, wheel } = make();
    expect(wheel.pending).toBe(0);
    hc.update(host(1), 0, learnt);
    clock.advance(1800 * 1e6);
    hc.get(host(1), 0); // used: a full hour again
    clock.advance(3000 * 1e6);
    expect(hc.count).toBe(1);
    clock.advance(1000 * 1e6);
    expect(hc.count).toBe(0);
    expect(wheel.pending).toBe(0);
  });

  it('purge and destroy leave nothing', () => {
    const { hc, clock, wheel } = make();
    hc.update(host(1), 0, learnt);
    hc.purgeAll = true;
    clock.advance(300 * 1e6);
    expect(hc.count).toBe(0);
    hc.update(host(2), 0, learnt);
    hc.destroy();
    expect(wheel.pending).toBe(0);
    expect(hc.updateMtu(host(3), 0, 1400)).toBe(false);
  });

  it('prints the list as FreeBSD does, misspelt heading included', () => {
    const { hc } = make();
    hc.update(host(1), 0, learnt);
    expect(hc.list()).toBe(
      '\nIP address        MTU  SSTRESH      RTT   RTTVAR     CWND SENDPIPE RECVPIPE HITS  UPD  EXP\n' +
        '10.0.0.1            0    10000     20ms      4ms    20000        0        0    0    1 3600\n',
    );
  });
});
