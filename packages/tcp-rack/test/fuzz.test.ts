/* Any ACKs, any SACK blocks, any windows, in any order: nothing throws, the record of what was sent stays whole, what is sent is right, and an honest receiver gets all of it in the end. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inpcb } from '@ns/inpcb';
import { type Socket, sosendCopy, sosetopt } from '@ns/socket';
import { IPPROTO_TCP } from '@ns/wire';
import { TCP_NODELAY } from '@ns/tcp';
import type { Tcpcb } from '../../tcp/src/tcpcb.ts';
import { mapProblem } from '../../tcp/test/map.ts';
import { MSS, NOP, Peer, SACKOK } from '../../tcp/test/peer.ts';
import { tcpRack } from '../src/index.ts';

const be32 = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const byteAt = (i: number): number => (i * 7 + (i >> 8)) & 255;

type Step =
  | { readonly kind: 'write'; readonly n: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'ack'; readonly ack: number; readonly win: number; readonly blocks: readonly (readonly [number, number])[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), n: fc.integer({ min: 1, max: 6000 }) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 20, 100, 300, 1500) }),
  fc.record({
    kind: fc.constant('ack' as const),
    // Shares of what is outstanding, below it and beyond it too.
    ack: fc.oneof(fc.constant(0), fc.double({ min: -0.2, max: 1.1, noNaN: true })),
    win: fc.constantFrom(65535, 65535, 65535, 3000, 1, 0),
    blocks: fc.array(fc.tuple(fc.double({ min: -0.3, max: 1.2, noNaN: true }), fc.double({ min: 0, max: 0.5, noNaN: true })), { maxLength: 3 }),
  }),
);

describe('hostile acknowledgements', () => {
  it('any sequence of them', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), fc.boolean(), fc.constantFrom(128, 8192), (steps, nodelay, limit) => {
        const p = new Peer({ extra: [tcpRack()], sysctls: { functions_default: 'rack', map_limit: limit, rfc1323: 0 } });
        const l = p.listen();
        p.inject('S 0:0(0)', { win: 65535, opts: [...MSS(1000), ...SACKOK, NOP, NOP] });
        p.inject('. 1:1(0) ack 1', { win: 65535 });
        const so = p.accept(l);
        if (nodelay) sosetopt(so, IPPROTO_TCP, TCP_NODELAY, 1);
        const tp = (so.pcb as Inpcb).ppcb as Tcpcb;
        expect(tp.rec).not.toBeNull();
        let written = 0;
        const write = (s: Socket, n: number): void => {
          const data = Uint8Array.from({ length: n }, (_, i) => byteAt(written + i));
          const took = sosendCopy(s, null, data, 0, n, 0x80);
          if (took > 0) written += took;
        };
        const ackLine = (at: number, win: number, blocks: readonly (readonly [number, number])[]): void => {
          const opts: number[] = [];
          if (blocks.length > 0) {
            opts.push(NOP, NOP, 5, 2 + 8 * blocks.length);
            for (const [s, e] of blocks) opts.push(...be32((p.iss + 1 + s) | 0), ...be32((p.iss + 1 + e) | 0));
          }
          p.inject(`. 1:1(0) ack ${Math.max(1 + at, 1)}`, { win, opts });
        };
        for (const s of steps) {
          if (tp.rec === null) break;
          const una = (tp.sndUna - p.iss - 1) | 0;
          const out = (tp.sndMax - tp.sndUna) | 0;
          if (s.kind === 'write') write(so, s.n);
          else if (s.kind === 'wait') p.run(s.ms);
          else ackLine(una + Math.round(s.ack * out), s.win, s.blocks.map(([at, len]) => [una + Math.round(at * out), una + Math.round((at + len) * out)] as const));
          expect(tp.rec === null ? '' : mapProblem(tp)).toBe('');
        }
        // From here on an honest receiver, who has what was acknowledged; what he said of blocks he may have dropped since.
        let got = (tp.sndUna - p.iss - 1) | 0;
        const have = new Set<number>();
        let looked = p.outs.length;
        ackLine(got, 65535, []);
        for (let round = 0; round < 400 && got < written; round++) {
          p.run(100);
          for (; looked < p.outs.length; looked++) {
            const o = p.outs[looked]!;
            const at = (o.seq - p.iss - 1) | 0;
            o.data.forEach((b, i) => {
              if (b !== byteAt(at + i)) throw new Error(`byte ${at + i} is wrong`);
              have.add(at + i);
            });
          }
          while (have.has(got)) got++;
          ackLine(got, 65535, []);
          expect(tp.rec === null ? 'gone' : mapProblem(tp)).toBe('');
        }
        expect(got).toBe(written);
      }),
      { numRuns: Number(process.env['NS_FUZZ_RUNS'] ?? 60) },
    );
  });
});
