import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seqAdd, seqDiff, seqGeq, seqGt, seqIn, seqLeq, seqLt, seqMax, seqMin } from '@ns/wire';

const seq = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const ahead = fc.integer({ min: 1, max: 0x7fffffff });

describe('RFC 9293 §3.4: sequence number arithmetic modulo 2^32', () => {
  it('a number is before all that are less than 2^31 ahead of it', () => {
    fc.assert(fc.property(seq, ahead, (a, n) => {
      const b = seqAdd(a, n);
      expect([seqLt(a, b), seqLeq(a, b), seqGt(a, b), seqGeq(a, b)]).toEqual([true, true, false, false]);
      expect([seqLt(b, a), seqLeq(b, a), seqGt(b, a), seqGeq(b, a)]).toEqual([false, false, true, true]);
      expect([seqMax(a, b), seqMax(b, a), seqMin(a, b), seqMin(b, a)]).toEqual([b, b, a, a]);
      expect([seqDiff(b, a), seqDiff(a, b)]).toEqual([n, -n]);
    }));
  });

  it('equal numbers', () => {
    fc.assert(fc.property(seq, (a) => {
      expect([seqLt(a, a), seqLeq(a, a), seqGt(a, a), seqGeq(a, a), seqDiff(a, a)]).toEqual([false, true, false, true, 0]);
    }));
  });

  it('wraps at 2^32', () => {
    expect(seqLt(-1, 0)).toBe(true);
    expect(seqLt(0x7fffffff, -0x80000000)).toBe(true);
    expect(seqAdd(-1, 1)).toBe(0);
    expect(seqAdd(0x7fffffff, 1)).toBe(-0x80000000);
  });

  it('a window that wraps', () => {
    fc.assert(fc.property(seq, ahead, fc.nat(0x7fffffff), (lo, n, at) => {
      expect(seqIn(seqAdd(lo, at), lo, seqAdd(lo, n))).toBe(at < n);
    }));
    expect(seqIn(-2, -1, 5)).toBe(false);
  });
});
