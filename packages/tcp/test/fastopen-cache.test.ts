import { SeededRandom } from '@ns/kern';
import { inAddr4, type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { FastopenCache, isCookieLen } from '../src/fastopen-cache.ts';
import { GOOD_LENGTHS, LENGTHS } from './fastopen-parts.ts';

const host = (n: number): InAddr => inAddr4(0x0a000000 + n);
const ME = host(250);

function make(nbuckets: number, limit: number, seed: number = 1): FastopenCache {
  return new FastopenCache(new SeededRandom(seed), nbuckets, limit);
}

describe('cookie cache (tcp_fastopen.c)', () => {
  it('cookies have 4 to 16 bytes, an even number (RFC 7413 §4.1.1)', () => {
    expect([...LENGTHS, 40, 255].filter(isCookieLen)).toEqual(GOOD_LENGTHS);
  });

  it('a path is our address, theirs, and their port', () => {
    const c = make(2048, 16);
    const e = c.obtain(ME, host(1), 80);
    expect(c.lookup(ME, host(1), 80)).toBe(e);
    expect(c.obtain(ME, host(1), 80)).toBe(e);
    expect(c.lookup(ME, host(1), 443)).toBe(null);
    expect(c.lookup(ME, host(2), 80)).toBe(null);
    expect(c.lookup(host(251), host(1), 80)).toBe(null);
    expect(c.lookup(parseInAddr('::a00:fa') as InAddr, parseInAddr('::a00:1') as InAddr, 80)).toBe(null);
    const zones = ['fe80::1%1', 'fe80::1%2'].map((a) => parseInAddr(a) as InAddr);
    const z1 = c.obtain(zones[0]!, zones[0]!, 80);
    expect(c.lookup(zones[1]!, zones[1]!, 80)).toBe(null);
    expect(c.lookup(zones[0]!, zones[0]!, 80)).toBe(z1);
    expect(c.count).toBe(2);
  });

  it('a full bucket gives up the entry used longest ago', () => {
    const c = make(1, 3);
    for (const n of [1, 2, 3]) c.obtain(ME, host(n), 80);
    c.lookup(ME, host(1), 80);
    c.obtain(ME, host(4), 80);
    expect([1, 2, 3, 4].filter((n) => c.lookup(ME, host(n), 80) !== null)).toEqual([1, 3, 4]);
    expect(c.count).toBe(3);
  });

  it('never holds more than buckets times limit, whatever servers there are', () => {
    const c = make(16, 4);
    for (let n = 0; n < 10_000; n++) c.obtain(ME, host(n), n & 0xffff);
    expect(c.count).toBe(64);
    c.bucketLimit = 2;
    c.trim();
    expect(c.count).toBe(32);
    expect(c.list(0, 0, true).split('\n').length).toBe(32 + 3);
    c.clear();
    expect(c.count).toBe(0);
    expect(c.lookup(ME, host(9999), 9999)).toBe(null);
  });

  it('spreads over its buckets by a secret of its own', () => {
    const fill = (seed: number): number => {
      const c = make(256, 1000, seed);
      for (let n = 0; n < 4096; n++) c.obtain(ME, host(n), 80);
      c.bucketLimit = 8;
      c.trim();
      return c.count;
    };
    // Of 4096 paths in 256 buckets, 16 in each on average, nearly all buckets have eight.
    expect(fill(1)).toBeGreaterThan(2000);
    const one = make(4, 1, 1);
    const two = make(4, 1, 2);
    for (let n = 0; n < 64; n++) {
      one.obtain(ME, host(n), 80);
      two.obtain(ME, host(n), 80);
    }
    expect(one.list(0, 0, true)).not.toBe(two.list(0, 0, true));
  });

  it('costs nothing while it is empty: no buckets, no randomness', () => {
    let drawn = 0;
    const random = new SeededRandom(1);
    const c = new FastopenCache({ u32: () => (drawn++, random.u32()), fill: (b: Uint8Array) => random.fill(b) } as SeededRandom, 2048, 16);
    c.lookup(ME, host(1), 80);
    c.trim();
    c.clear();
    expect(drawn).toBe(0);
    c.obtain(ME, host(1), 80);
    expect(drawn).toBe(1);
  });

  it('disabling forgets the cookie and keeps the first moment; a reset forgets that too', () => {
    const e = make(1, 1).obtain(ME, host(1), 80);
    e.mss = 1460;
    e.cookieLen = 8;
    e.disable(500);
    e.disable(900);
    expect(e).toMatchObject({ mss: 0, cookieLen: 0, disabledAtUs: 500 });
    e.reset();
    expect(e.disabledAtUs).toBe(-1);
  });

  it('is listed as FreeBSD lists it; the cookie only to who may know it', () => {
    const c = make(1, 2);
    const off = c.obtain(ME, host(2), 443);
    off.disable(5_000_000);
    const e = c.obtain(ME, host(1), 80);
    e.mss = 1460;
    e.cookieLen = 4;
    e.cookie.set([1, 2, 0xfe, 0xff]);
    expect(c.list(8_000_000, 900_000_000, true)).toBe(
      '\nLocal IP address     Remote IP address     Port   MSS Disabled Cookie\n' +
        '10.0.0.250           10.0.0.1                80  1460       No 0102feff\n' +
        '10.0.0.250           10.0.0.2               443     0     897s \n',
    );
    expect(c.list(8_000_000, 900_000_000, false)).not.toContain('0102feff');
    expect(c.list(905_000_001, 900_000_000, true)).not.toMatch(/\ds /);
  });
});
