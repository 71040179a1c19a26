import { describe, expect, it } from 'vitest';
import { flood } from '../src/flood.ts';
import { Case } from '../src/fuzz/case.ts';
import { fuzzCase, LANES, lane } from '../src/fuzz/fuzz.ts';
import { Intervals } from '../src/fuzz/intervals.ts';
import { Peer } from '../src/fuzz/peer.ts';
import { reachable } from '../src/fuzz/states.ts';
import { lossy } from '../src/lossy.ts';
import type { Outcome, SoakOptions } from '../src/outcome.ts';

/* The soaks in small, so that they are known to work before a night is spent on them. */

function outcomes(soak: (o: SoakOptions, say: (o: Outcome) => void) => void, options: SoakOptions): Outcome[] {
  const all: Outcome[] = [];
  soak(options, (o) => all.push(o));
  return all;
}

const problems = (all: readonly Outcome[]): string[] => all.map((o) => o.problem);

describe('soaks in small', () => {
  it('flood: 40,000 SYNs, an honest client is served by its cookie', { timeout: 60_000 }, () => {
    const all = outcomes(flood, { syns: 40_000 });
    // The heap of a test runner is larger than that of the soak: only what it says of the stack counts here.
    expect(problems(all).map((p) => p.replace(/[0-9.]+ MiB held(; )?/, ''))).toEqual(['', '']);
    expect(all[0]?.detail).toMatch(/[1-9] cookies honoured/);
  });

  it('lossy: 2 MiB each over IPv4 and IPv6', { timeout: 60_000 }, () => {
    const all = outcomes(lossy, { bytes: 2 << 20, seeds: 2 });
    expect(problems(all)).toEqual(['', '']);
    expect(all.map((o) => o.detail.startsWith('2097152 bytes'))).toEqual([true, true]);
  });

  it('fuzz: 200 connections over both families say the same and break no rule', { timeout: 60_000 }, () => {
    const blocks = ['freebsd', 'rack'].map((block) => LANES.map((family) => lane(family, block)));
    for (let seed = 1; seed <= 200; seed++) expect(fuzzCase(blocks[seed % 2] ?? [], seed, 9999 + seed), `seed ${seed}`).toEqual([]);
    for (const l of blocks.flat()) {
      expect(l.a.tcp.stat.rcvtotal).toBeGreaterThan(2500);
      expect(l.finish()).toEqual([]);
    }
  });

  it('fuzz: the same seed says the same', () => {
    const [a, b] = [0, 1].map(() => new Case(lane('inet'), 17, 10_000).run().trace);
    expect(a).toEqual(b);
    expect(a?.length).toBeGreaterThan(10);
  });
});

describe('what the fuzz would notice', () => {
  const seg = (o: { seq?: number; ack?: number; flags?: number; win?: number; data?: number[] }): Parameters<Peer['hear']>[0] => {
    const bytes = Uint8Array.from(o.data ?? []);
    return {
      n: 1,
      tcpN: 1,
      us: 0,
      bytes,
      tcp: { sport: 1, dport: 2, seq: o.seq ?? 0, ack: o.ack ?? 0, flags: o.flags ?? 0x10, win: o.win ?? 1000, len: bytes.length, options: bytes.subarray(0, 0) },
    };
  };
  const peer = (): [Peer, string[]] => {
    const said: string[] = [];
    const l = lane('inet');
    const p = new Peer(1, 20_000, l.pattern(1), (text) => said.push(text));
    p.said.add(0, 1);
    p.offered = 1000;
    p.hear(seg({ seq: 100, ack: p.iss + 1, flags: 0x12 }), 0, false);
    return [p, said];
  };

  it.each([
    ['an ACK of what was not sent', { seq: 101, ack: 7 }, /ACK 7 of what was not sent/],
    ['a window that moves back', { seq: 101, ack: 1, win: 10 }, /right edge/],
    ['wrong bytes', { seq: 101, ack: 1, data: [0, 0, 0, 0, 0, 0, 0, 0] }, /wrong bytes at 1/],
    ['bytes that nobody wrote', { seq: 151, ack: 1, data: [1] }, /where 8 were written/],
    ['bytes behind the window', { seq: 1201, ack: 1, data: [1] }, /where the window ended/],
    ['a FIN that nobody asked for', { seq: 109, ack: 1, flags: 0x11 }, /a FIN that nobody asked for/],
  ] as const)('%s', (_name, fields, text) => {
    const [p, said] = peer();
    p.hear(seg({ ...fields, ack: (p.iss + fields.ack) | 0, data: [...('data' in fields ? fields.data : [])] }), 8, false);
    expect(said.join('; ')).toMatch(text);
  });

  it('a second initial sequence number in one connection', () => {
    const [p, said] = peer();
    p.live = true;
    p.hear(seg({ seq: 5000, ack: p.iss + 1, flags: 0x12 }), 0, false);
    expect(said).toEqual(['a second initial sequence number']);
  });

  it('steps that are not in the state diagram', () => {
    expect([reachable(4, 10), reachable(3, 5), reachable(2, 4)]).toEqual([true, true, true]);
    expect([reachable(5, 4), reachable(6, 5), reachable(10, 4), reachable(8, 10)]).toEqual([false, false, false, false]);
  });

  it('intervals: runs join, gaps show', () => {
    const s = new Intervals();
    s.add(0, 5);
    s.add(10, 20);
    expect([s.contiguous(0), s.contiguous(5), s.beyond(5)]).toEqual([5, 5, [[10, 20]]]);
    s.add(4, 10);
    expect([s.contiguous(0), s.beyond(0)]).toEqual([20, []]);
  });
});
