import { describe, expect, it } from 'vitest';
import { DELAYS, KINDS, LOSSES, run, SEEDS } from './matrix.ts';

/** Least share of the model's throughput, and most timeouts for each segment sent again, by loss. */
const BOUNDS = { 0.01: [0.75, 0.08], 0.03: [0.75, 0.18], 0.1: [0.25, 0.42] } as const;

describe('4 MiB over 10 Mbit/s, SACK off', () => {
  for (const loss of LOSSES) {
    for (const [kind, faults] of Object.entries(KINDS)) {
      it(`${loss * 100}% loss and ${kind}: every byte arrives, by recovery more than by timeouts`, { timeout: 90_000 }, () => {
        const [share, timeouts] = BOUNDS[loss];
        for (const delayUs of DELAYS) {
          for (const seed of SEEDS) {
            const r = run(seed, delayUs, { loss, ...faults }, { 'net.inet.tcp.sack.enable': 0 });
            expect(r.goodput / r.model, r.what).toBeGreaterThan(share);
            expect(r.timeouts, r.what).toBeLessThanOrEqual(timeouts * r.retransmits + 1);
          }
        }
      });
    }
  }
});
