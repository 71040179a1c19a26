import type { ModuleDecl } from '@ns/kern';
import { expect } from 'vitest';
import { lab, type LabPathOptions } from '../src/index.ts';

export const BYTES: number = 4 << 20;
export const BANDWIDTH = 10e6;
export const SEEDS = [1, 2, 3, 4, 5] as const;
export const LOSSES = [0.01, 0.03, 0.1] as const;
export const DELAYS = [0, 10_000, 100_000] as const;
export const KINDS: Readonly<Record<string, LabPathOptions>> = {
  reordering: { reorder: 0.02, reorderUs: 5000 },
  duplication: { duplicate: 0.05 },
  corruption: { corrupt: 0.01 },
};

/** Left out, so that faults meet the transfer alone. */
const IPV6 = ['ip6', 'nd6'];

/** Segments that the network takes away or puts out of order, of all. */
const trouble = (o: LabPathOptions): number => (o.loss ?? 0) + (o.corrupt ?? 0) + (o.reorder ?? 0);

/**
 * Throughput of Reno under random loss, bits a second: Padhye, Firoiu, Towsley and Kurose, "Modeling TCP Throughput" (1998), equation 30, with an ACK for every second segment and a
 * timeout of `rtoUs`.
 */
export function padhye(p: number, rttUs: number, rtoUs: number, mss = 1448): number {
  const b = 2;
  const rtt = rttUs / 1e6;
  const t0 = rtoUs / 1e6;
  return (mss * 8) / (rtt * Math.sqrt((2 * b * p) / 3) + t0 * Math.min(1, 3 * Math.sqrt((3 * b * p) / 8)) * p * (1 + 32 * p * p));
}

export interface Outcome {
  readonly goodput: number;
  readonly model: number;
  readonly retransmits: number;
  readonly timeouts: number;
  readonly what: string;
}

/** A transfer of 4 MiB over a link of 10 Mbit/s with these faults in both directions. Every byte must arrive, the connection end, and nothing be left over. */
export function run(seed: number, delayUs: number, faults: LabPathOptions, sysctls: Record<string, number | string> = {}, extra: readonly ModuleDecl[] = []): Outcome {
  const what = `seed ${seed}, ${delayUs} us, ${JSON.stringify(faults)}`;
  const l = lab({ seed, link: { delayUs, bandwidth: BANDWIDTH, queueLimit: 100, ...faults }, sysctls, extra, without: IPV6 });
  const r = l.transfer(BYTES, { halfClose: seed % 2 === 0 });
  expect(r.problem, what).toBe('');
  expect(r.bytes, what).toBe(BYTES);
  expect(l.finish(), what).toEqual([]);
  // Four segments in the queue on the average, and the timeout's slop of 200 ms.
  const rtt = 2 * delayUs + 4 * 1200;
  const model = Math.min(padhye(trouble(faults), rtt, rtt + 230_000), BANDWIDTH * (1448 / 1514));
  return { goodput: r.goodput, model, retransmits: r.retransmits, timeouts: r.timeouts, what };
}
