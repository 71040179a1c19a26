import { soreceiveBytes } from '@ns/socket';
import { TH_ACK, TH_FIN } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sackBlocks, wiretap } from './inject.ts';

const SPAN = 24_000;

/** The stream as the peer would send it. */
const BYTES = Uint8Array.from({ length: SPAN }, (_, i) => (i * 37 + (i >> 8) * 11) & 0xff);

/** Runs of bytes that are there, as [from, to). */
function runs(there: Uint8Array, from: number): [number, number][] {
  const out: [number, number][] = [];
  for (let i = from; i < there.length; i++) {
    if (there[i] === 0) continue;
    let j = i;
    while (j < there.length && there[j] === 1) j++;
    out.push([i, j]);
    i = j;
  }
  return out;
}

interface Piece {
  readonly at: number;
  readonly len: number;
  readonly fin: boolean;
}

const piece = fc.record({
  at: fc.oneof(fc.nat(SPAN - 1), fc.nat(16).map((n) => n * 1460)),
  len: fc.oneof(fc.integer({ min: 1, max: 1460 }), fc.constant(1460), fc.constant(1)),
  fin: fc.boolean(),
});
const pieces = fc.array(piece, { minLength: 1, maxLength: 60 });

/** Plays pieces into a receiver. `strict`: nothing may be refused, so each ACK is known exactly. */
function play(list: readonly Piece[], maxqueuelen: number, isn: number, strict: boolean): void {
  const w = wiretap('b', { seed: isn, sysctls: { 'net.inet.tcp.reass.maxqueuelen': maxqueuelen } }, { rcvbuf: 65536 });
  const { tp, so } = w;
  const base = tp.rcvNxt;
  const ack = tp.sndNxt;
  const there = new Uint8Array(SPAN);
  const got = new Uint8Array(SPAN + 1);
  let read = 0;
  let edge = 0;
  let ended = false;
  const drain = (): void => {
    const n = soreceiveBytes(so, got, read, SPAN + 1 - read, 0);
    if (n > 0) read += n;
    if (n === 0) ended = true;
  };
  const say = (p: Piece): void => {
    const end = Math.min(p.at + p.len, SPAN);
    const fin = p.fin && end === SPAN;
    const before = there.slice();
    const wasEdge = edge;
    there.fill(1, p.at, end);
    w.say({ seq: (base + p.at) | 0, ack, flags: TH_ACK | (fin ? TH_FIN : 0), data: BYTES.subarray(p.at, end) });
    while (edge < SPAN && there[edge] === 1) edge++;
    const at = (tp.rcvNxt - base) | 0;
    if (strict) expect(Math.min(at, SPAN)).toBe(edge);
    else {
      expect(at).toBeLessThanOrEqual(edge + 1);
      expect(at).toBeGreaterThanOrEqual(Math.min(wasEdge, at));
      // What the receiver has not taken is for the peer to send again: the model forgets it too.
      edge = Math.min(at, SPAN);
    }
    drain();
    expect(read).toBe(Math.min(at, SPAN));
    for (const t of w.heard()) {
      if (((t.ack - base) | 0) !== at) continue;
      const all = runs(there, edge).filter(([s]) => s >= edge);
      sackBlocks(t).forEach(([s, e], i) => {
        const [from, to] = [(s - base) | 0, (e - base) | 0];
        expect(to).toBeGreaterThan(from);
        const exact = all.some(([rs, re]) => rs === from && re === to);
        const duplicate = i === 0 && before.subarray(from, to).every((b) => b === 1);
        if (strict) expect(exact || duplicate, `block ${from}:${to} of ${JSON.stringify(all)}`).toBe(true);
        else expect(there.subarray(from, to).every((b) => b === 1)).toBe(true);
      });
    }
  };
  list.forEach(say);
  // The rest in order, and the FIN: whatever came before, the stream is complete now.
  for (let at = 0; at < SPAN; at += 1460) say({ at, len: 1460, fin: true });
  drain();
  expect(read).toBe(SPAN);
  expect(Buffer.compare(got.subarray(0, SPAN), BYTES)).toBe(0);
  expect(ended).toBe(true);
  expect([tp.segq, tp.segqlen, tp.segqbytes]).toEqual([null, 0, 0]);
  expect(tp.tcp.reass.cursegments).toBe(0);
  expect(w.lab.finish()).toEqual([]);
}

describe('the out-of-order queue against an array of bytes', () => {
  it('ACKs and blocks are exact for any pieces in any order', { timeout: 90_000 }, () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 1 << 30 }), (list, isn) => play(list, 100, isn, true)),
      { numRuns: 150 },
    );
  });

  it('with a queue of a few runs, what is refused is asked for again and nothing is claimed that is not there', { timeout: 90_000 }, () => {
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 4 }), (list, max) => play(list, max, 7, false)),
      { numRuns: 100 },
    );
  });

  it('found: a duplicate inside a run that has dropped out of the list is not reported as a run of its own', () => {
    const at = [[20441, 1460], [1, 1], [3, 1], [1460, 1], [1462, 1460], [2923, 1], [3, 1], [21900, 1], [0, 1]] as const;
    play(at.map(([a, len]) => ({ at: a, len, fin: false })), 100, 1, true);
  });
});
