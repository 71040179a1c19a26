import { tcpRack } from '@ns/tcp-rack';
import { describe, expect, it } from 'vitest';
import { DELAYS, KINDS, LOSSES, run } from './matrix.ts';

/** Least share of the model's throughput, and most timeouts for each segment sent again, by loss: fewer than with the built-in stack. */
const BOUNDS = { 0.01: [0.95, 0.01], 0.03: [0.95, 0.03], 0.1: [0.95, 0.1] } as const;

describe('4 MiB over 10 Mbit/s, RACK', () => {
  for (const loss of LOSSES) {
    for (const [kind, faults] of Object.entries(KINDS)) {
      it(`${loss * 100}% loss and ${kind}: every byte arrives, hardly ever by a timeout`, { timeout: 90_000 }, () => {
        const [share, timeouts] = BOUNDS[loss];
        for (const delayUs of DELAYS) {
          for (const seed of [1, 2]) {
            const r = run(seed, delayUs, { loss, ...faults }, { 'net.inet.tcp.functions_default': 'rack' }, [tcpRack()]);
            expect(r.goodput / r.model, r.what).toBeGreaterThan(share);
            expect(r.timeouts, r.what).toBeLessThanOrEqual(timeouts * r.retransmits + 1);
          }
        }
      });
    }
  }
});
