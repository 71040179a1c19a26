/* Any link, any settings, either stack or both by turns: every byte arrives, and nothing is left. NS_FUZZ_RUNS for more. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lab, type LabConnection } from '@ns/testkit';
import { tcpRack } from '../src/index.ts';
import { choose, DEFAULT, problemOf } from './lab.ts';

const share = (max: number): fc.Arbitrary<number> => fc.oneof(fc.constant(0), fc.double({ min: 0, max, noNaN: true }));

const link = fc.record({
  delayUs: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 200_000 })),
  bandwidth: fc.oneof(fc.constant(0), fc.integer({ min: 1e6, max: 5e7 })),
  queueLimit: fc.integer({ min: 5, max: 200 }),
  queueErrors: fc.boolean(),
  loss: share(0.25),
  reorder: share(0.3),
  reorderUs: fc.integer({ min: 1, max: 100_000 }),
  duplicate: share(0.2),
  corrupt: fc.constantFrom(0, 0, 0.02),
  mtu: fc.constantFrom(576, 1500, 1500),
  capenable: fc.constantFrom(0, 0x1ff),
});

const settings = fc.record({
  'net.inet.tcp.rfc1323': fc.constantFrom(0, 1, 1),
  'net.inet.tcp.do_prr': fc.constantFrom(0, 1, 1),
  'net.inet.tcp.map_limit': fc.constantFrom(128, 8192),
  'net.inet.tcp.rack.tlp.enable': fc.constantFrom(0, 1, 1),
});

const flow = fc.record(
  { bytes: fc.integer({ min: 1, max: 150_000 }), back: fc.integer({ min: 0, max: 60_000 }), turns: fc.boolean(), chunk: fc.integer({ min: 1, max: 3000 }), stallUs: fc.integer({ min: 1, max: 8_000_000 }), buffer: fc.integer({ min: 4000, max: 65_536 }) },
  { requiredKeys: ['bytes', 'back', 'turns'] },
);

describe('transfers', () => {
  it('over any link', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 20 }), link, settings, flow, (seed, o, sysctls, f) => {
        const l = lab({ seed, link: o, sysctls: { ...sysctls, [DEFAULT]: 'rack' }, extra: [tcpRack()], without: ['ip6', 'nd6'] });
        const options = { ...(f.buffer !== undefined && { sndbuf: f.buffer, rcvbuf: f.buffer }) };
        let connection: LabConnection;
        try {
          connection = l.connect(options);
        } catch {
          return; // so bad a link that the handshake does not come through
        }
        let polls = 0;
        const r = l.transfer(f.bytes, {
          connection,
          back: f.back,
          ...(f.chunk !== undefined && { chunk: f.chunk }),
          ...(f.stallUs !== undefined && { stallUs: f.stallUs }),
          onProgress: (e, g) => {
            for (const x of [e, g]) if (!x.closed) expect(problemOf(x.so)).toBe('');
            if (f.turns && ++polls % 9 === 0 && !e.closed) choose(e.so, (polls / 9) % 2 === 1 ? 'freebsd' : 'rack');
          },
        });
        expect(r.problem).toBe('');
        expect(l.finish()).toEqual([]);
      }),
      { numRuns: Number(process.env['NS_FUZZ_RUNS'] ?? 40) },
    );
  });
});
