import {
  CC_ACK,
  CC_DUPACK,
  CC_ECN,
  CC_NDUPACK,
  CC_PARTIALACK,
  CC_RTO,
  CC_SACK,
  CCF_CWND_LIMITED,
  type CcAlgo,
  exitRecovery,
  inCongrecovery,
  inFastrecovery,
  inRecovery,
  TCP_CA_NAME_MAX,
} from '@ns/cc-kpi';
import { ENOENT } from '@ns/errno';
import { type ModuleDecl, randomBelow, SeededRandom, type Vnet } from '@ns/kern';
import { sosetopt } from '@ns/socket';
import { TCP_CONGESTION } from '@ns/tcp';
import { IPPROTO_TCP } from '@ns/wire';
import { lab, type Lab, type LabOptions } from '../lab.ts';
import type { SuiteRunner } from './api.ts';
import { MSS, TestCcVar } from './cc-var.ts';

const HOOKS = ['modInit', 'modDestroy', 'cbInit', 'cbDestroy', 'connInit', 'congSignal', 'postRecovery', 'afterIdle', 'ecnpktHandler', 'ctlOutput', 'newround', 'rttsample'] as const;
const TRANSFER = 2 << 20;

/** What an algorithm's author gives the suite. @public */
export interface CcAlgoUnderTest {
  /** The algorithm. */
  readonly algo: CcAlgo;
  /** The module that registers it; none for an algorithm that is part of the default stack. */
  readonly mod?: () => ModuleDecl;
  /** Least share of a lossless link's rate that it must reach; default 0.8. */
  readonly lossless?: number;
  /** Least share with 1% loss, 10 ms and 10 Mbit/s; default 0.3. */
  readonly lossy?: number;
  /** Modules besides: a function block, say. */
  readonly extra?: readonly ModuleDecl[];
  /** Sysctls of both sides, besides the algorithm: `net.inet.tcp.functions_default`, say. */
  readonly sysctls?: Readonly<Record<string, number | string>>;
}

/**
 * What every congestion control algorithm must do, as a suite: hooks that are there are functions, windows stay whole and above two segments except after a timeout, recovery is entered and left by
 * the flags, connections share nothing, and a flow under it fills a link, alone and beside another.
 * @public
 */
export function ccAlgoSuite(t: SuiteRunner, cut: CcAlgoUnderTest): void {
  t.describe(`${cut.algo.name}: congestion control conformance`, () => {
    shape(t, cut);
    signals(t, cut);
    invariants(t, cut);
    onALink(t, cut);
  });
}

/** Runs `fn` with a vnet in which the algorithm's module is loaded. */
function withVnet(cut: CcAlgoUnderTest, fn: (vnet: Vnet) => void): void {
  const l = labWith(cut, {});
  fn(l.a.vnet);
}

function labWith(cut: CcAlgoUnderTest, options: LabOptions): Lab {
  const extra = [...(options.extra ?? []), ...(cut.extra ?? []), ...(cut.mod === undefined ? [] : [cut.mod()])];
  return lab({ ...options, extra, sysctls: { 'net.inet.tcp.cc.algorithm': cut.algo.name, ...cut.sysctls, ...options.sysctls } });
}

/** A connection that has begun. */
function begun(cut: CcAlgoUnderTest, vnet: Vnet, t: SuiteRunner, una = 1): TestCcVar {
  const v = new TestCcVar(cut.algo, vnet, una);
  t.expect(cut.algo.cbInit?.(v) ?? 0).toBe(0);
  cut.algo.connInit?.(v);
  return v;
}

function shape(t: SuiteRunner, cut: CcAlgoUnderTest): void {
  const { algo } = cut;
  t.it('is a frozen table with a name of 1 to 15 bytes, and hooks that are functions or absent', () => {
    t.expect(algo.name.length).toBeGreaterThan(0);
    t.expect(algo.name.length).toBeLessThan(TCP_CA_NAME_MAX);
    t.expect(Object.isFrozen(algo)).toBe(true);
    t.expect(typeof algo.ackReceived).toBe('function');
    for (const h of HOOKS) t.expect(algo[h] === undefined || typeof algo[h] === 'function', h).toBe(true);
  });

  t.it('keeps its state in ccData, one for each connection, and gives it back', () => {
    withVnet(cut, (vnet) => {
      const [x, y] = [begun(cut, vnet, t), begun(cut, vnet, t)];
      if (x.ccData !== null) t.expect(x.ccData === y.ccData).toBe(false);
      const before = JSON.stringify(y.ccData);
      for (let i = 0; i < 50; i++) {
        x.send();
        x.ack(CC_ACK, 2);
      }
      t.expect(JSON.stringify(y.ccData)).toBe(before);
      algo.cbDestroy?.(x);
      algo.cbDestroy?.(y);
      if (algo.cbDestroy !== undefined) t.expect([x.ccData ?? null, y.ccData ?? null]).toEqual([null, null]);
    });
  });

  t.it('answers ENOENT to an option that it does not know', () => {
    withVnet(cut, (vnet) => {
      const v = begun(cut, vnet, t);
      if (algo.ctlOutput !== undefined) t.expect(algo.ctlOutput(v, { set: false, name: 0x7ffffff, value: 0 })).toBe(ENOENT);
    });
  });
}

function signals(t: SuiteRunner, cut: CcAlgoUnderTest): void {
  const { algo } = cut;
  t.it('opens the window in slow start, by no more than what is acknowledged twice over, and only if the window is the limit', () => {
    withVnet(cut, (vnet) => {
      const v = begun(cut, vnet, t);
      const first = v.sndCwnd;
      for (let i = 0; i < 20; i++) {
        v.send();
        const [cwnd, flight] = [v.sndCwnd, v.pipe()];
        while (v.pipe() > 0) v.ack(CC_ACK, 2);
        t.expect(v.sndCwnd).toBeLessThanOrEqual(cwnd + 2 * flight);
        if (v.sndCwnd > 1e6) break;
      }
      t.expect(v.sndCwnd).toBeGreaterThan(3 * first);
      v.ccFlags &= ~CCF_CWND_LIMITED;
      const before = v.sndCwnd;
      v.send();
      v.ack(CC_ACK, 2);
      t.expect(v.sndCwnd).toBeLessThanOrEqual(before);
    });
  });

  t.it('never grows beyond what a header can offer', () => {
    withVnet(cut, (vnet) => {
      const v = begun(cut, vnet, t);
      v.sndScale = 0;
      v.sndCwnd = 60_000;
      for (let i = 0; i < 100; i++) {
        v.send();
        v.ack(CC_ACK, 2);
      }
      t.expect(v.sndCwnd).toBeLessThanOrEqual(65535);
    });
  });

  t.it('a loss: enters recovery, lowers the threshold once, and leaves with a window of at least two segments', () => {
    withVnet(cut, (vnet) => {
      if (algo.congSignal === undefined) return;
      const v = begun(cut, vnet, t);
      v.sndCwnd = 100 * MSS;
      v.send();
      algo.congSignal(v, CC_NDUPACK);
      t.expect(inFastrecovery(v)).toBe(true);
      const ssthresh = v.sndSsthresh;
      t.expect(ssthresh).toBeLessThan(100 * MSS);
      t.expect(ssthresh).toBeGreaterThanOrEqual(2 * MSS);
      algo.congSignal(v, CC_NDUPACK);
      t.expect(v.sndSsthresh, 'the same loss again').toBe(ssthresh);
      v.sndUna = v.sndMax;
      algo.postRecovery?.(v);
      exitRecovery(v);
      t.expect(v.sndCwnd).toBeGreaterThanOrEqual(2 * MSS);
      t.expect(v.sndCwnd).toBeLessThanOrEqual(100 * MSS);
    });
  });

  t.it('a mark: lowers the window once a round trip, without fast recovery', () => {
    withVnet(cut, (vnet) => {
      if (algo.congSignal === undefined) return;
      const v = begun(cut, vnet, t);
      v.sndCwnd = 100 * MSS;
      v.send();
      algo.congSignal(v, CC_ECN);
      t.expect(inFastrecovery(v)).toBe(false);
      if (!inCongrecovery(v)) return; // one that counts marks (DCTCP) need not react at once
      const cwnd = v.sndCwnd;
      t.expect(cwnd).toBeLessThanOrEqual(100 * MSS);
      algo.congSignal(v, CC_ECN);
      t.expect(v.sndCwnd).toBe(cwnd);
    });
  });

  t.it('a timeout: one segment or little more, a threshold of at least two', () => {
    withVnet(cut, (vnet) => {
      if (algo.congSignal === undefined) return;
      for (const cwnd of [2, 3, 100]) {
        const v = begun(cut, vnet, t);
        v.sndCwnd = cwnd * MSS;
        v.send();
        algo.congSignal(v, CC_RTO);
        t.expect(v.sndCwnd).toBeGreaterThanOrEqual(MSS);
        t.expect(v.sndCwnd).toBeLessThanOrEqual(Math.min(cwnd, 10) * MSS);
        t.expect(v.sndSsthresh).toBeGreaterThanOrEqual(2 * MSS);
      }
    });
  });

  t.it('after idle: no more than before, nor than the initial window', () => {
    withVnet(cut, (vnet) => {
      if (algo.afterIdle === undefined) return;
      for (const cwnd of [3, 10, 500]) {
        const v = begun(cut, vnet, t);
        v.sndCwnd = cwnd * MSS;
        algo.afterIdle(v);
        t.expect(v.sndCwnd).toBeLessThanOrEqual(Math.min(cwnd * MSS, v.initialWindow()));
        t.expect(v.sndCwnd).toBeGreaterThanOrEqual(2 * MSS);
      }
    });
  });
}

/** One event of a connection's life. Returns whether the window may be below two segments until it grows again. */
function event(v: TestCcVar, r: SeededRandom, small: boolean): boolean {
  const { algo } = v;
  v.srttUs = 1000 + randomBelow(r, 200_000);
  v.labc = randomBelow(r, 3);
  if (randomBelow(r, 4) === 0) v.send();
  const what = randomBelow(r, 100);
  if (what < 70) v.ack(inRecovery(v) && what < 10 ? CC_PARTIALACK : CC_ACK, 1 + randomBelow(r, 4));
  else if (what < 80) v.ack(randomBelow(r, 2) === 0 ? CC_DUPACK : CC_SACK, 0);
  else if (what < 85) algo.congSignal?.(v, CC_NDUPACK);
  else if (what < 88) algo.congSignal?.(v, CC_ECN);
  else if (what < 89) {
    exitRecovery(v);
    algo.congSignal?.(v, CC_RTO);
    return true;
  } else if (what < 95) {
    if (inRecovery(v)) algo.postRecovery?.(v);
    exitRecovery(v);
  } else if (what < 97) algo.afterIdle?.(v);
  else algo.rttsample?.(v, v.srttUs, 0, v.pipe());
  return small && v.sndCwnd < 2 * MSS;
}

function invariants(t: SuiteRunner, cut: CcAlgoUnderTest): void {
  t.it('any sequence of events: windows are whole numbers, two segments or more except after a timeout; a threshold never below two', () => {
    withVnet(cut, (vnet) => {
      for (let seed = 1; seed <= 20; seed++) {
        const r = new SeededRandom(seed);
        const v = begun(cut, vnet, t, r.u32());
        let small = false;
        let bad = '';
        for (let i = 0; i < 2000 && bad === ''; i++) {
          small = event(v, r, small);
          if (!Number.isInteger(v.sndCwnd) || !Number.isInteger(v.sndSsthresh)) bad = `event ${i}: cwnd ${v.sndCwnd} ssthresh ${v.sndSsthresh}`;
          else if (v.sndCwnd < (small ? 1 : 2) * MSS) bad = `event ${i}: cwnd ${v.sndCwnd}`;
          else if (v.sndSsthresh < 2 * MSS) bad = `event ${i}: ssthresh ${v.sndSsthresh}`;
        }
        t.expect(bad, `seed ${seed}`).toBe('');
        cut.algo.cbDestroy?.(v);
      }
    });
  });

  t.it('connections do not see each other: interleaved or alone, the same windows', () => {
    withVnet(cut, (vnet) => {
      const alone = [1, 2, 3].map((seed) => {
        const r = new SeededRandom(seed);
        const v = begun(cut, vnet, t, seed);
        for (let i = 0; i < 500; i++) event(v, r, false);
        return [v.sndCwnd, v.sndSsthresh, v.flags];
      });
      const rs = [1, 2, 3].map((seed) => new SeededRandom(seed));
      const vs = [1, 2, 3].map((seed) => begun(cut, vnet, t, seed));
      for (let i = 0; i < 500; i++) vs.forEach((v, k) => event(v, rs[k] as SeededRandom, false));
      t.expect(vs.map((v) => [v.sndCwnd, v.sndSsthresh, v.flags])).toEqual(alone);
    });
  });
}

function onALink(t: SuiteRunner, cut: CcAlgoUnderTest): void {
  const link = { delayUs: 5000, bandwidth: 10e6, queueLimit: 50 } as const;
  t.it('fills a lossless link, and most of a link that loses 1%', () => {
    const clean = labWith(cut, { link });
    const r = clean.transfer(2 * TRANSFER);
    t.expect([r.problem, r.bytes]).toEqual(['', 2 * TRANSFER]);
    t.expect(r.goodput).toBeGreaterThan((cut.lossless ?? 0.8) * link.bandwidth);
    t.expect(clean.finish()).toEqual([]);
    for (let seed = 1; seed <= 3; seed++) {
      const l = labWith(cut, { seed, link: { ...link, loss: 0.01 } });
      const s = l.transfer(TRANSFER);
      t.expect(s.problem).toBe('');
      t.expect(s.goodput, `seed ${seed}`).toBeGreaterThan((cut.lossy ?? 0.3) * link.bandwidth);
      t.expect(l.finish()).toEqual([]);
    }
  });

  t.it('two flows share a link: neither starves, together they fill it', () => {
    const l = labWith(cut, { link });
    const ts = [0, 1].map(() => l.begin(2 * TRANSFER, { connection: l.connect(), halfClose: false }));
    l.advance(4e6);
    const [x, y] = ts.map((f) => f.receiver.received) as [number, number];
    t.expect(((x + y) * 8) / 4).toBeGreaterThan(0.75 * link.bandwidth);
    // Jain's index: 1 is equal shares, 0.5 is all for one.
    t.expect((x + y) ** 2 / (2 * (x * x + y * y))).toBeGreaterThan(0.7);
    for (const f of ts) t.expect(f.complete().problem).toBe('');
    t.expect(l.finish()).toEqual([]);
  });

  t.it('is taken up and dropped by a connection that runs', () => {
    const l = labWith(cut, { link: { ...link, loss: 0.01 }, sysctls: { 'net.inet.tcp.cc.algorithm': 'newreno' } });
    const c = l.connect();
    const errnos: number[] = [];
    let next = l.nowUs;
    let on = false;
    const r = l.transfer(TRANSFER, {
      connection: c,
      halfClose: false,
      onProgress: (tx) => {
        if (l.nowUs < next || tx.sent >= TRANSFER) return;
        next = l.nowUs + 100_000;
        on = !on;
        errnos.push(sosetopt(c.client, IPPROTO_TCP, TCP_CONGESTION, on ? cut.algo.name : 'newreno'));
      },
    });
    t.expect(r.problem).toBe('');
    t.expect(errnos.length).toBeGreaterThan(5);
    t.expect(errnos.every((e) => e === 0)).toBe(true);
    t.expect(l.finish()).toEqual([]);
  });
}
