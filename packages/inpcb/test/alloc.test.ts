import { expect, it } from 'vitest';
import { INPLOOKUP_RLOCKPCB, INPLOOKUP_WILDCARD, type Inpcb, inPcbBind, inPcbConnect, inPcbLookup } from '@ns/inpcb';
import { AF_INET } from '@ns/wire';
import { addr, alloc, bench, info, sa, TestSocket } from './harness.ts';

const CALLS = 100_000;
const WILD = INPLOOKUP_WILDCARD | INPLOOKUP_RLOCKPCB;
const gc = (globalThis as { gc?: () => void }).gc;

/** Fewest heap bytes that `CALLS` calls of `f` left behind in some rounds: the last ones run compiled. */
function allocated(f: (i: number) => void): number {
  let fewest = Infinity;
  for (let round = 0; round < 12; round++) {
    gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) f(i);
    fewest = Math.min(fewest, process.memoryUsage().heapUsed - before);
  }
  return fewest;
}

it.runIf(gc !== undefined)('a lookup allocates nothing: exact, by port, and in vain', () => {
  const b = bench();
  const i = info(b);
  const listener = alloc(i, new TestSocket(b.root, 4));
  expect(inPcbBind(listener, sa('0.0.0.0', 80), b.root)).toBe(0);
  for (let n = 0; n < 1000; n++) expect(inPcbConnect(alloc(i, new TestSocket(b.root)), sa('10.0.0.9', 1 + n), b.root)).toBe(0);
  const [f, l] = [addr('10.0.0.9').w3, addr('10.0.0.1').w3];
  const local = i.list.map((p: Inpcb) => p.lport);
  let found = 0;
  const used = allocated((k) => {
    const n = 1 + (k % 1000);
    if (inPcbLookup(i, AF_INET, 0, 0, 0, f, n, 0, 0, 0, l, local[n] as number, WILD, null, 0) !== null) found++;
    if (inPcbLookup(i, AF_INET, 0, 0, 0, f, n, 0, 0, 0, l, 80, WILD, null, 0) === listener) found++;
    if (inPcbLookup(i, AF_INET, 0, 0, 0, f, n, 0, 0, 0, l, 81, WILD, null, 0) === null) found++;
  });
  expect(found).toBe(12 * 3 * CALLS);
  expect(used).toBeLessThan(CALLS);
});

it.runIf(gc !== undefined)('a connected pcb with its place in the tables costs less than 500 bytes', () => {
  const b = bench();
  const i = info(b);
  const so = new TestSocket(b.root);
  const peer = sa('10.0.0.9', 80);
  for (let n = 0; n < 1000; n++) inPcbConnect(alloc(i, so), peer, b.root);
  gc?.();
  const before = process.memoryUsage();
  const n = 20_000;
  for (let k = 0; k < n; k++) inPcbConnect(alloc(i, so), peer, b.root);
  gc?.();
  const after = process.memoryUsage();
  expect((after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / n).toBeLessThan(500);
});
