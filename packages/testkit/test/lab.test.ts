import { describe, expect, it } from 'vitest';
import { lab } from '../src/index.ts';

describe('lab', () => {
  it('a lossless link of 100 Mbit/s with 1 ms carries more than 90% of its rate', () => {
    const l = lab({ link: { delayUs: 1000, bandwidth: 100e6 } });
    const r = l.transfer(16 << 20);
    expect(r.problem).toBe('');
    console.log(r, l.link.ab.stats);
    expect(r.goodput).toBeGreaterThan(0.9 * 100e6);
    expect(l.finish()).toEqual([]);
  });
});
