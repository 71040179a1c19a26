import { sosendCopy } from '@ns/socket';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wiretap } from './inject.ts';

const BYTES = 120_000;
const MSS = 1460;

/** The part of the control block's scoreboard that the model is held against. */
interface Hole {
  readonly start: number;
  readonly end: number;
  readonly rxmit: number;
  readonly next: Hole | null;
}

/** Maximal runs [from, to) in [lo, hi) that have not been SACKed. */
function gaps(sacked: Uint8Array, lo: number, hi: number): [number, number][] {
  const out: [number, number][] = [];
  for (let i = lo; i < hi; i++) {
    if (sacked[i] === 1) continue;
    let j = i;
    while (j < hi && sacked[j] === 0) j++;
    out.push([i, j]);
    i = j;
  }
  return out;
}

const edge = fc.oneof(fc.nat(80).map((n) => n * MSS), fc.nat(BYTES));
const step = fc.record({
  /** How far the cumulative ACK moves, segments. */
  advance: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  blocks: fc.array(fc.tuple(edge, fc.oneof(fc.integer({ min: -10, max: 4000 }), fc.nat(3).map((n) => n * MSS))), { maxLength: 4 }),
});

/**
 * Bytes in flight, byte by byte: neither SACKed nor lost, or sent again. A byte is lost when more than two segments above it have arrived (RFC 6675 §4, SetPipe and IsLost).
 */
function inFlight(sacked: Uint8Array, repeated: Uint8Array, una: number, max: number, mss: number): number {
  let above = 0;
  let pipe = 0;
  for (let i = max - 1; i >= una; i--) {
    if (sacked[i] === 1) above++;
    else if (above <= 2 * mss || repeated[i] === 1) pipe++;
  }
  return pipe;
}

interface Step {
  readonly advance: number;
  readonly blocks: readonly (readonly [number, number])[];
}

/** Plays ACKs into a sender with 80 segments outstanding, and holds its scoreboard against an array. */
function play(steps: readonly Step[], seed: number): void {
  const w = wiretap('a', { seed, sysctls: { 'net.inet.tcp.initcwnd_segments': 80 } }, { sndbuf: 200_000 });
  const { tp, so } = w;
  const base = tp.sndUna;
  const seq = tp.rcvNxt;
  expect(sosendCopy(so, null, new Uint8Array(BYTES), 0, BYTES, 0)).toBe(BYTES);
  w.lab.host.settle();
  const sacked = new Uint8Array(BYTES + 1);
  let una = 0;
  let fack = 0;
  for (const s of steps) {
    const max = (tp.sndMax - base) | 0;
    const ack = Math.min(una + s.advance * MSS, max);
    if (una >= max) break;
    w.say({ seq, ack: (base + ack) | 0, sacks: s.blocks.flatMap(([at, len]) => [(base + at) | 0, (base + at + len) | 0]) });
    for (const [at, len] of s.blocks) {
      const end = at + len;
      if (len > 0 && at > ack && at < max && end <= max) {
        sacked.fill(1, at, end);
        fack = Math.max(fack, end);
      }
    }
    sacked.fill(0, 0, ack);
    una = ack;
    fack = Math.max(fack, una);
    expect((tp.sndUna - base) | 0).toBe(una);
    const sh = tp.sackhint;
    const holes: [number, number][] = [];
    const repeated = new Uint8Array(BYTES + 1);
    let again = 0;
    for (let h = (sh?.head ?? null) as Hole | null; h !== null; h = h.next) {
      holes.push([(h.start - base) | 0, (h.end - base) | 0]);
      expect([h.rxmit >= h.start, h.rxmit <= h.end]).toEqual([true, true]);
      again += (h.rxmit - h.start) | 0;
      repeated.fill(1, (h.start - base) | 0, (h.rxmit - base) | 0);
    }
    const want = gaps(sacked, una, fack);
    expect(holes).toEqual(want);
    const bytes = sacked.subarray(una, fack).reduce((n, b) => n + b, 0);
    if (want.length === 0) {
      // Everything up to fack was SACKed right behind the ACK: no hole to hang it on.
      expect(bytes === 0 || sacked[una] === 1).toBe(true);
      continue;
    }
    expect(sh?.sackedBytes).toBe(bytes);
    expect(sh?.sackBytesRexmit).toBe(again);
    expect(tp.pipe()).toBe(inFlight(sacked, repeated, una, (tp.sndMax - base) | 0, tp.maxseg));
  }
  w.heard();
  w.lab.finish();
}

describe('the scoreboard against an array of bytes', () => {
  it('holes, SACKed bytes and pipe are exact for any blocks, valid or not', { timeout: 90_000 }, () => {
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 1 << 30 }), play), { numRuns: 150 });
  });

  it('found: a duplicate at the start, in the middle and at the end of the block around it counts once', () => {
    for (const [at, len] of [[40880, 1], [40885, 5], [40890, 10]] as const) {
      play([{ advance: 0, blocks: [[at, len], [40880, 20]] }, { advance: 1, blocks: [] }], 1);
      play([{ advance: 0, blocks: [[40880, 20], [at, len]] }, { advance: 1, blocks: [] }], 1);
    }
  });
});
