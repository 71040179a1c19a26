/* RACK-TLP against links: what each part of RFC 8985 does for a transfer, and each setting. */
import { describe, expect, it } from 'vitest';
import { EBUSY } from '@ns/errno';
import { sosendCopy } from '@ns/socket';
import { IFCAP_TSO4, IFCAP_TXCSUM } from '@ns/ifnet-kpi';
import type { LabFrame } from '@ns/testkit';
import { choose, DEFAULT, hasTso, num, problemOf, rackLab, rowOf, TEN_MBIT } from './lab.ts';

const BYTES = 200_000;
const isData = (f: LabFrame): boolean => f.tcp !== null && f.tcp.len > 0;

/** Loses data segments by their place in the flow, sent again or not, counted from 1. */
function losing(which: readonly number[]): (f: LabFrame) => boolean {
  let n = 0;
  return (f) => isData(f) && which.includes(++n);
}

describe('losses', () => {
  it('each of the first 40 segments, lost alone: never a timeout, whatever its place', () => {
    for (let n = 2; n <= 40; n++) {
      const l = rackLab({ link: TEN_MBIT });
      l.link.ab.options.drop = losing([n]);
      const r = l.transfer(60_000, { onProgress: (e) => expect(problemOf(e.so)).toBe('') });
      expect([r.problem, r.timeouts, r.retransmits], `segment ${n}`).toEqual(['', 0, 1]);
      expect(l.finish()).toEqual([]);
    }
  });

  it('a whole tail is lost: a probe finds it, where the built-in stack waits for the timeout', () => {
    for (const tail of [1, 2, 5]) {
      const end = 70;
      const took: Record<string, number> = {};
      for (const stack of ['rack', 'freebsd']) {
        const l = rackLab({ link: TEN_MBIT, sysctlsA: { [DEFAULT]: stack } });
        l.link.ab.options.drop = losing(Array.from({ length: tail }, (_, i) => end - i));
        const r = l.transfer(end * 1448);
        expect(r.problem).toBe('');
        expect(l.link.ab.stats.dropped).toBe(tail);
        expect(r.timeouts, `${stack}, ${tail}`).toBe(stack === 'rack' ? 0 : 1);
        expect(r.sender.tlpresends ?? 0).toBe(stack === 'rack' ? 1 : 0);
        took[stack] = r.elapsedUs;
        expect(l.finish()).toEqual([]);
      }
      expect(took['rack'] as number).toBeLessThan((took['freebsd'] as number) - 100_000);
    }
  });

  it('a segment and its repetition: found by what was sent after it', () => {
    for (let n = 12; n <= 20; n++) {
      const l = rackLab({ link: TEN_MBIT });
      let seq: number | null = null;
      let lost = 0;
      let data = 0;
      l.link.ab.options.drop = (f) => {
        if (!isData(f)) return false;
        if (++data === n) seq = f.tcp!.seq;
        return f.tcp!.seq === seq && lost++ < 2;
      };
      const r = l.transfer(BYTES);
      expect([r.problem, r.timeouts, r.retransmits], `segment ${n}`).toEqual(['', 0, 2]);
      expect(num(l, 'stats.lost_retran')).toBe(1);
      expect(l.finish()).toEqual([]);
    }
  });

  it('without proportional rate reduction a retransmission that is lost shrinks the window again', () => {
    const cut: number[] = [];
    for (const lose of [1, 2]) {
      const l = rackLab({ link: TEN_MBIT, sysctls: { 'net.inet.tcp.do_prr': 0 } });
      let seq: number | null = null;
      let lost = 0;
      let data = 0;
      l.link.ab.options.drop = (f) => {
        if (!isData(f)) return false;
        if (++data === 60) seq = f.tcp!.seq;
        return f.tcp!.seq === seq && lost++ < lose;
      };
      let ssthresh = Infinity;
      const r = l.transfer(BYTES, { onProgress: () => (ssthresh = Math.min(ssthresh, rowOf(l).sndSsthresh)) });
      expect([r.problem, r.retransmits]).toEqual(['', lose]);
      cut.push(ssthresh);
      expect(l.finish()).toEqual([]);
    }
    expect(cut[1] as number).toBeLessThan(cut[0] as number);
  });

  it('a blackout in mid-stream ends by itself, with and without time stamps', () => {
    for (const rfc1323 of [1, 0]) {
      for (const path of ['ab', 'ba'] as const) {
        const l = rackLab({ link: TEN_MBIT, sysctls: { 'net.inet.tcp.rfc1323': rfc1323 } });
        l.link[path].options.drop = (f) => f.us > 1_000_200_000 && f.us < 1_003_200_000;
        const r = l.transfer(2 << 20);
        expect(r.problem).toBe('');
        expect(r.elapsedUs).toBeLessThan(10e6);
        expect(r.timeouts).toBeGreaterThan(1);
        expect(l.finish()).toEqual([]);
      }
    }
  });
});

describe('segments that the interface cuts', () => {
  it('are one record each, cut by what the peer has of them: nothing is sent again but what was lost', () => {
    const l = rackLab({ link: { ...TEN_MBIT, bandwidth: 100e6, mtu: 1500, capenable: IFCAP_TSO4 | IFCAP_TXCSUM } });
    let big = 0;
    let data = 0;
    l.link.ab.options.drop = (f) => {
      if (!isData(f)) return false;
      return [30, 31, 50].includes(++data);
    };
    const r = l.transfer(2_000_000, {
      onProgress: (e) => {
        expect(problemOf(e.so)).toBe('');
        if (hasTso(e.so)) big++;
      },
    });
    expect([r.problem, r.timeouts]).toEqual(['', 0]);
    expect(big).toBeGreaterThan(20);
    expect(r.receiver.rcvduppack ?? 0).toBe(0);
    expect(l.finish()).toEqual([]);
  });
});

describe('reordering', () => {
  it('costs few retransmissions, and none once it is known', () => {
    const spurious: Record<string, number> = {};
    for (const stack of ['rack', 'freebsd']) {
      spurious[stack] = 0;
      for (let seed = 1; seed <= 4; seed++) {
        const l = rackLab({ seed, link: { delayUs: 20_000, bandwidth: 10e6, queueLimit: 1000, ab: { reorder: 0.1, reorderUs: 9500 } }, sysctlsA: { [DEFAULT]: stack } });
        const r = l.transfer(400_000);
        expect([r.problem, r.timeouts]).toEqual(['', 0]);
        spurious[stack] += r.retransmits;
        if (stack === 'rack') expect(num(l, 'stats.reorder_seen')).toBe(1);
        expect(l.finish()).toEqual([]);
      }
    }
    expect(spurious['rack'] as number).toBeLessThanOrEqual(8);
    expect(spurious['freebsd'] as number).toBeGreaterThan(20);
  });

  it('of more than the window enlarges it by D-SACK, up to the round trip', () => {
    const l = rackLab({ seed: 2, link: { delayUs: 20_000, bandwidth: 10e6, queueLimit: 1000, ab: { reorder: 0.05, reorderUs: 30_000 } } });
    let most = 0;
    let widest = 0;
    const r = l.transfer(600_000, {
      onProgress: () => {
        const row = rowOf(l);
        const info = row.stackInfo;
        if (info === null) return;
        most = Math.max(most, info['reoWndMult'] as number);
        widest = Math.max(widest, info['reoWnd'] as number);
      },
    });
    expect([r.problem, r.timeouts]).toEqual(['', 0]);
    expect(r.sender.dsackCount ?? 0).toBeGreaterThan(1);
    expect(most).toBeGreaterThan(2);
    // More than a quarter of the shortest round trip, and no more than the smoothed one.
    expect(widest).toBeGreaterThan(15_000);
    expect(widest).toBeLessThan(120_000);
    expect(l.finish()).toEqual([]);
  });

  it('sixteen recoveries without a duplicate end what D-SACK has enlarged', () => {
    const l = rackLab({ seed: 2, link: { ...TEN_MBIT, ab: { duplicate: 0 } } });
    const c = l.connect();
    const t = l.begin(3_000_000, { connection: c });
    // One copy by the network is enough.
    l.until(() => t.receiver.received > 100_000, 60e6);
    l.link.ab.options.duplicate = 1;
    l.until(() => l.link.ab.stats.duplicated > 0, 60e6);
    l.link.ab.options.duplicate = 0;
    l.advance(100_000);
    expect(rowOf(l).stackInfo).toMatchObject({ reoWndMult: 2, reoWndPersist: 16 });
    let data = 0;
    l.link.ab.options.drop = (f) => isData(f) && ++data % 100 === 0;
    const seen = new Set<string>();
    l.until(() => {
      const info = rowOf(l).stackInfo;
      if (info !== null) seen.add(`${info['reoWndMult']} ${info['reoWndPersist']}`);
      return t.receiver.received === 3_000_000;
    }, 60e6);
    const report = l.complete(t);
    expect([report.problem, report.timeouts]).toEqual(['', 0]);
    expect([...seen].slice(0, 3)).toEqual(['2 16', '2 15', '2 14']);
    expect(seen.has('1 0')).toBe(true);
    expect(seen.has('1 1')).toBe(false);
    expect(l.finish()).toEqual([]);
  });

  it('tlp.reorder_thresh 31 leaves no window, and so many repetitions; 2 leaves a quarter of a round trip', () => {
    const rexmits: number[] = [];
    for (const thresh of [31, 2]) {
      const l = rackLab({ link: { delayUs: 20_000, bandwidth: 10e6, queueLimit: 1000, ab: { reorder: 0.1, reorderUs: 9500 } }, sysctlsA: { 'net.inet.tcp.rack.tlp.reorder_thresh': thresh } });
      const r = l.transfer(400_000);
      expect(r.problem).toBe('');
      rexmits.push(r.retransmits);
      expect(l.finish()).toEqual([]);
    }
    expect(rexmits[0] as number).toBeGreaterThan((rexmits[1] as number) + 5);
  });

  it('tlp.reorder_fade: what was not seen for so long is forgotten', () => {
    for (const fade of [1_000_000, 0]) {
      const l = rackLab({ link: TEN_MBIT, sysctlsA: { 'net.inet.tcp.rack.tlp.reorder_fade': fade } });
      const c = l.connect();
      l.link.ab.options.reorder = 0.2;
      let seen = 0;
      const t = l.begin(100_000, { connection: c, halfClose: false });
      l.until(() => (t.poll(), t.receiver.received === 100_000 || (seen = Math.max(seen, rowOf(l).stackInfo?.['reorderingSeen'] ?? 0)) < 0), 60e6);
      expect(seen).toBe(1);
      expect(l.complete(t).problem).toBe('');
      expect(l.finish()).toEqual([]);
    }
  });
});

describe('probes', () => {
  /** The last segment of a flight of ten is lost. */
  const oneLost = (sysctls: Record<string, number> = {}): { timeouts: number; probes: number; us: number; repaired: number; ssthresh: number } => {
    const l = rackLab({ link: { delayUs: 20_000 }, sysctlsA: sysctls });
    const c = l.connect();
    const begin = l.nowUs;
    l.link.ab.options.drop = losing([10]);
    const t = l.begin(10 * 1448, { connection: c, halfClose: false });
    l.until(() => t.receiver.received === 10 * 1448, 10e6);
    const us = t.receiver.lastUs - begin;
    l.advance(1_000_000);
    const out = { timeouts: l.a.tcp.stat.rexmttimeo, probes: l.info(c.client).totalTlp, us, repaired: num(l, 'stats.tlp_repaired'), ssthresh: rowOf(l).sndSsthresh };
    l.complete(t);
    expect(l.finish()).toEqual([]);
    return out;
  };

  it('tlp.enable 0 sends none, and the timeout has to do', () => {
    const on = oneLost();
    const off = oneLost({ 'net.inet.tcp.rack.tlp.enable': 0 });
    expect([on.timeouts, on.probes]).toEqual([0, 1]);
    expect([off.timeouts, off.probes]).toEqual([1, 0]);
    expect(on.us).toBeLessThan(off.us - 50_000);
  });

  it('tlp.tlpminto is the least that one waits', () => {
    expect(oneLost({ 'net.inet.tcp.rack.tlp.tlpminto': 200_000 }).us).toBeGreaterThan(oneLost().us + 80_000);
  });

  it('one that repairs the only loss is told to congestion control, once something beyond it is acknowledged (§7.4.2)', () => {
    for (const lose of [true, false]) {
      const l = rackLab({ link: { delayUs: 20_000 } });
      const { client } = l.connect();
      const write = (n: number): void => {
        expect(sosendCopy(client, null, new Uint8Array(n), 0, n, 0)).toBe(n);
      };
      write(5 * 1448);
      l.advance(200_000);
      // The last segment, or the ACK of it: either way a probe goes out and is answered.
      if (lose) l.link.ab.options.drop = losing([5]);
      else l.link.ba.options.drop = (f) => f.tcp !== null && f.us < begin + 70_000;
      const begin = l.nowUs;
      write(5 * 1448);
      const before = rowOf(l).sndCwnd;
      l.advance(400_000);
      expect([num(l, 'stats.tlp_retran'), num(l, 'stats.tlp_repaired'), rowOf(l).stackInfo?.['probeOut']]).toEqual([1, 0, lose ? 1 : 0]);
      write(1448);
      l.advance(200_000);
      const row = rowOf(l);
      expect([l.a.tcp.stat.rexmttimeo, num(l, 'stats.tlp_repaired'), row.stackInfo?.['probeOut']]).toEqual([0, lose ? 1 : 0, 0]);
      if (lose) expect(row.sndCwnd).toBeLessThan(before);
      else expect(row.sndCwnd).toBeGreaterThanOrEqual(before);
      // A duplicate that the probe has drawn says nothing of reordering.
      expect(row.stackInfo?.['reoWndMult']).toBe(1);
      expect(l.finish()).toEqual([]);
    }
  });

  it('timers.delayed_ack is what a lone segment waits for besides', () => {
    const waited: number[] = [];
    for (const us of [0, 100_000]) {
      const l = rackLab({ link: { delayUs: 20_000 }, sysctlsA: { 'net.inet.tcp.rack.timers.delayed_ack': us } });
      const { client } = l.connect();
      l.link.ab.options.drop = losing([1]);
      const begin = l.nowUs;
      sosendCopy(client, null, new Uint8Array(100), 0, 100, 0);
      l.until(() => l.info(client).totalTlp === 1, 10e6);
      waited.push(l.nowUs - begin);
      expect(l.finish()).toEqual([]);
    }
    expect(waited[0]).toBeGreaterThan(79_000);
    expect(waited[0]).toBeLessThan(90_000);
    expect((waited[1] as number) - (waited[0] as number)).toBe(100_000);
  });
});

describe('a timeout that was a mistake', () => {
  it('is undone by the echoed time stamp (RFC 3522): the window is as before, and what was marked lost is not', () => {
    const l = rackLab({ link: TEN_MBIT });
    const c = l.connect();
    const t = l.begin(600_000, { connection: c });
    l.until(() => t.receiver.received > 200_000, 60e6);
    // The network holds the ACKs back for longer than the timeout.
    const before = rowOf(l).sndCwnd;
    l.link.ba.options.delayUs = 700_000;
    l.advance(60_000);
    l.link.ba.options.delayUs = 5000;
    l.link.ba.options.drop = (f) => f.tcp !== null && l.a.tcp.stat.sndrexmitbad === 0 && f.us > stop;
    const stop = l.nowUs;
    l.until(() => l.a.tcp.stat.rexmttimeo > 0, 5e6);
    expect(rowOf(l).sndCwnd).toBe(1448);
    l.until(() => l.a.tcp.stat.sndrexmitbad > 0, 5e6);
    expect(rowOf(l).sndCwnd).toBeGreaterThanOrEqual(before);
    const r = l.complete(t);
    expect([r.problem, r.timeouts]).toEqual(['', 1]);
    // The oldest segment, a probe perhaps, and none of the window behind them.
    expect(r.retransmits).toBeLessThanOrEqual(3);
    expect(l.finish()).toEqual([]);
  });
});

describe('switching', () => {
  it('to RACK and back while data are under way, lost and reordered keeps every byte', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const l = rackLab({ seed, link: { ...TEN_MBIT, loss: 0.04, reorder: 0.03, duplicate: 0.02 }, sysctlsA: { [DEFAULT]: 'freebsd' } });
      let steps = 0;
      let changes = 0;
      const r = l.transfer(300_000, {
        onProgress: (e) => {
          expect(problemOf(e.so)).toBe('');
          if (++steps % 15 === 0 && choose(e.so, (steps / 15) % 2 === 1 ? 'rack' : 'freebsd') === 0) changes++;
        },
      });
      expect(r.problem, `seed ${seed}`).toBe('');
      expect(changes, `seed ${seed}`).toBeGreaterThan(4);
      expect(l.finish()).toEqual([]);
    }
  });

  it('unloading with live connections is refused, or by force they go on without', () => {
    const l = rackLab({ link: { ...TEN_MBIT, loss: 0.03 } });
    const c = l.connect();
    const t = l.begin(300_000, { connection: c });
    l.until(() => t.receiver.received > 100_000, 60e6);
    l.a.jail.sysctl(DEFAULT, 'freebsd');
    expect(l.a.kernel.kldunload('tcp-rack').errno).toBe(EBUSY);
    expect(rowOf(l).stack).toBe('rack');
    expect(l.a.kernel.kldunload('tcp-rack', true)).toMatchObject({ errno: 0 });
    expect([rowOf(l).stack, rowOf(l).stackInfo]).toEqual(['freebsd', null]);
    expect(l.complete(t).problem).toBe('');
    expect(l.finish()).toEqual([]);
  });
});
