import fc from 'fast-check';
import { EPERM, EWOULDBLOCK } from '@ns/errno';
import { MSG_OOB, MSG_PEEK, MSG_WAITALL, PR_SORECEIVE_STREAM, soreceiveBytes, soreceiveChain, sosendCopy } from '@ns/socket';
import { mFreem, mToBytes } from '@ns/mbuf';
import { describe, expect, it } from 'vitest';
import { Lab, pattern, read, write } from './lab.ts';

const NAME = 'net.inet.tcp.soreceive_stream';
const lab = (stream: boolean): Lab => new Lab(stream ? { tunables: { [NAME]: '1' } } : {});

describe('the two receive functions of TCP', () => {
  it('T123 net.inet.tcp.soreceive_stream is a boot tunable, and read only afterwards', () => {
    for (const [l, on] of [
      [lab(false), 0],
      [lab(true), 1],
    ] as const) {
      const req = { vnet: l.a.vnet, jailed: false };
      expect(l.kernel.sysctl.sysctlGet(NAME, req)).toMatchObject({ errno: 0, value: on });
      expect(l.kernel.sysctl.sysctlSet(NAME, 1 - on, req).errno).toBe(EPERM);
      expect(l.kernel.sysctl.sysctlGet(NAME, req)).toMatchObject({ value: on });
      expect((l.a.socket().proto.flags & PR_SORECEIVE_STREAM) !== 0).toBe(on === 1);
    }
  });

  it('T122 whatever is asked for, in bytes or by reference, peeked at or waited for, both give the same bytes', () => {
    const op = fc.record({ send: fc.integer({ min: 0, max: 5000 }), ask: fc.integer({ min: 1, max: 4000 }), how: fc.integer({ min: 0, max: 3 }) });
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 15 }), (ops) => {
        const run = (stream: boolean): string => {
          const l = lab(stream);
          const [c, s] = l.pair();
          const out: string[] = [];
          let sent = 0;
          let got = 0;
          for (const { send, ask, how } of ops) {
            if (send > 0) sent += Math.max(0, write(c, pattern(send, sent & 255)));
            l.run(2);
            if (how === 3) {
              const m = soreceiveChain(s, ask, 0);
              const bytes = m === null ? new Uint8Array(0) : mToBytes(m);
              if (m !== null) mFreem(m);
              got += bytes.length;
              out.push(`chain ${Buffer.from(bytes).toString('base64')}`);
              continue;
            }
            const flags = how === 1 ? MSG_PEEK : how === 2 ? MSG_WAITALL : 0;
            const buf = new Uint8Array(ask);
            const n = soreceiveBytes(s, buf, 0, ask, flags);
            if (n > 0 && how !== 1) got += n;
            out.push(`${n} ${Buffer.from(buf.subarray(0, Math.max(n, 0))).toString('base64')}`);
          }
          for (let i = 0; i < 50 && got < sent; i++) {
            l.run(50);
            const rest = read(s) as Uint8Array;
            got += rest.length;
            out.push(Buffer.from(rest).toString('base64'));
          }
          expect(got).toBe(sent);
          expect([s.rcv.cc, s.rcv.mbcnt, s.rcv.mb]).toEqual([0, 0, null]);
          return out.join('\n');
        };
        expect(run(true)).toBe(run(false));
      }),
      { numRuns: 15 },
    );
  });

  it('T122 where they differ: the generic one stops at the urgent mark, the other runs across', () => {
    const reads = (stream: boolean): number[] => {
      const l = lab(stream);
      const [c, s] = l.pair();
      write(c, pattern(3));
      sosendCopy(c, null, Uint8Array.of(9), 0, 1, MSG_OOB);
      write(c, pattern(2));
      l.run(300);
      const out: number[] = [];
      for (let n = 1; n > 0; ) out.push((n = soreceiveBytes(s, new Uint8Array(100), 0, 100, 0)));
      return out;
    };
    expect(reads(false)).toEqual([3, 2, -EWOULDBLOCK]);
    expect(reads(true)).toEqual([5, -EWOULDBLOCK]);
  });
});
