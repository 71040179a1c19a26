import { CC_KPI, type CcAlgo, type CcVar, newrenoCcAckReceived, newrenoCcAfterIdle, newrenoCcCongSignal, newrenoCcPostRecovery } from '@ns/cc-kpi';
import { newrenoCcAlgo } from '@ns/cc-newreno';
import { type ModuleDecl, SI_ORDER_ANY, SI_SUB_PROTO_IFATTACHDOMAIN } from '@ns/kern';
import { tcpRack } from '@ns/tcp-rack';
import { describe, expect, it } from 'vitest';
import { ccAlgoSuite, type SuiteRunner } from '../src/index.ts';

describe('T88 the KPI for congestion control', () => {
  ccAlgoSuite({ describe, it, expect }, { algo: newrenoCcAlgo, lossless: 0.9, lossy: 0.45 });

  /** The same where losses are found by time. */
  ccAlgoSuite({ describe, it, expect }, { algo: newrenoCcAlgo, lossless: 0.9, lossy: 0.45, extra: [tcpRack()], sysctls: { 'net.inet.tcp.functions_default': 'rack' } });

  /** An algorithm with the least an algorithm can have, from a module of its own. */
  const minimal: CcAlgo = Object.freeze({ name: 'minimal', ackReceived: newrenoCcAckReceived, congSignal: newrenoCcCongSignal, postRecovery: newrenoCcPostRecovery });
  const mod = (algo: CcAlgo): ModuleDecl => ({
    name: `cc-${algo.name}`,
    version: 1,
    depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
    sysinit: [
      {
        subsystem: SI_SUB_PROTO_IFATTACHDOMAIN,
        order: SI_ORDER_ANY,
        init: (kernel): number => kernel.service(CC_KPI).register(algo),
        exit: (kernel): void => void kernel.service(CC_KPI).deregister(algo.name),
      },
    ],
  });
  ccAlgoSuite({ describe, it, expect }, { algo: minimal, mod: () => mod(minimal) });
});

describe('the suite finds', () => {
  /** Runs the suite and returns the titles of what failed. */
  function failures(algo: CcAlgo): string[] {
    const failed: string[] = [];
    const runner: SuiteRunner = {
      describe: (_name, fn) => fn(),
      it: (name, fn) => {
        try {
          fn();
        } catch {
          failed.push(name);
        }
      },
      expect: (v, m) => expect(v, m),
    };
    const module: ModuleDecl = {
      name: 'cc-bad',
      version: 1,
      depends: [{ name: 'tcp', min: 1, preferred: 1, max: 1 }],
      sysinit: [{ subsystem: SI_SUB_PROTO_IFATTACHDOMAIN, order: SI_ORDER_ANY, init: (kernel): number => kernel.service(CC_KPI).register(algo), exit: (kernel): void => void kernel.service(CC_KPI).deregister(algo.name) }],
    };
    ccAlgoSuite(runner, { algo, mod: () => module });
    return failed;
  }

  const good: CcAlgo = { name: 'bad', ackReceived: newrenoCcAckReceived, congSignal: newrenoCcCongSignal, postRecovery: newrenoCcPostRecovery, afterIdle: newrenoCcAfterIdle };

  it('fractions, shared state, a loss that changes nothing, and growth without limit', { timeout: 90_000 }, () => {
    expect(failures(Object.freeze(good))).toEqual([]);
    const fraction = { ...good, ackReceived: (v: CcVar, type: number): void => (newrenoCcAckReceived(v, type), void (v.sndCwnd += 0.25)) };
    expect(failures(Object.freeze(fraction)).some((f) => f.startsWith('any sequence'))).toBe(true);
    let acks = 0;
    const shared = { ...good, ackReceived: (v: CcVar, type: number): void => void (++acks % 3 === 0 && newrenoCcAckReceived(v, type)) };
    expect(failures(Object.freeze(shared)).some((f) => f.startsWith('connections do not see'))).toBe(true);
    const deaf = { ...good, congSignal: (): void => undefined };
    expect(failures(Object.freeze(deaf)).some((f) => f.startsWith('a loss'))).toBe(true);
    const greedy = { ...good, ackReceived: (v: CcVar): void => void (v.sndCwnd += 10 * v.maxseg) };
    expect(failures(Object.freeze(greedy)).map((f) => f.split(' ').slice(0, 3).join(' '))).toEqual(['opens the window', 'never grows beyond']);
  });
});
