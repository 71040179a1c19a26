import { parseInAddr } from '@ns/wire';
import fc from 'fast-check';
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { lifetimeEndUs, lifetimeLeft, ND6_INFINITE_LIFETIME, slaacValidLifetime } from '../src/lifetime.ts';
import { hmacSha256, sha256 } from '../src/sha256.ts';
import { in6StableIfid, isReservedIfid } from '../src/stable-id.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const ascii = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s));

describe('SHA-256', () => {
  it('FIPS 180-4 examples', () => {
    expect(hex(sha256(ascii('')))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hex(sha256(ascii('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(hex(sha256(ascii('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')))).toBe('248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1');
  });

  it('HMAC: RFC 4231 cases 1, 2 and 6', () => {
    expect(hex(hmacSha256(new Uint8Array(20).fill(0x0b), ascii('Hi There')))).toBe('b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7');
    expect(hex(hmacSha256(ascii('Jefe'), ascii('what do ya want for nothing?')))).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
    expect(hex(hmacSha256(new Uint8Array(131).fill(0xaa), ascii('Test Using Larger Than Block-Size Key - Hash Key First')))).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
  });

  it('agrees with another implementation for any message and key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 150 }), (m, k) => {
        expect(hex(sha256(m))).toBe(createHash('sha256').update(m).digest('hex'));
        expect(hex(hmacSha256(k, m))).toBe(createHmac('sha256', k).update(m).digest('hex'));
      }),
      { numRuns: 200 },
    );
  });
});

describe('stable interface identifiers (RFC 7217)', () => {
  const id = (prefix: string, iface: string, counter: number, secret = 'secret'): string => {
    const out = new Int32Array(2);
    in6StableIfid(out, parseInAddr(prefix)!, ascii(iface), counter, ascii(secret));
    return [...out].map((w) => (w >>> 0).toString(16).padStart(8, '0')).join('');
  };

  it('is the last half of HMAC-SHA-256 over prefix, interface and counter', () => {
    const msg = Buffer.concat([Buffer.from('20010db800000001', 'hex'), Buffer.from('em0'), Buffer.from('00000000', 'hex')]);
    const want = createHmac('sha256', 'secret').update(msg).digest('hex');
    expect(id('2001:db8:0:1::', 'em0', 0)).toBe(want.slice(48));
  });

  it('is the same each time, and another for another prefix, interface, counter or secret; the host part of the prefix does not count', () => {
    const base = id('2001:db8:0:1::', 'em0', 0);
    expect(id('2001:db8:0:1::', 'em0', 0)).toBe(base);
    expect(id('2001:db8:0:1:1:2:3:4', 'em0', 0)).toBe(base);
    const others = [id('2001:db8:0:2::', 'em0', 0), id('2001:db8:0:1::', 'em1', 0), id('2001:db8:0:1::', 'em0', 1), id('2001:db8:0:1::', 'em0', 0, 'other')];
    expect(new Set([base, ...others]).size).toBe(5);
  });

  it.each([
    [0, 0, true],
    [0, 1, false],
    [0x02005eff, 0xfe000000, true],
    [0x02005eff, 0xfeffffff, true],
    [0x02005eff, 0xff000000, false],
    [0xfdffffff, 0xffffff7f, false],
    [0xfdffffff, 0xffffff80, true],
    [0xfdffffff, 0xffffffff, true],
    [0xfcffffff, 0xffffffff, false],
  ])('RFC 5453: %x:%x reserved: %s', (hi, lo, want) => {
    expect(isReservedIfid(hi | 0, lo | 0)).toBe(want);
  });
});

describe('lifetimes', () => {
  const INF = ND6_INFINITE_LIFETIME;
  // RFC 4862 §5.5.3 (e): 1) longer than two hours or than what is left: taken; 2) two hours or less left: ignored; 3) else two hours.
  it.each([
    [100, 7201, 7201],
    [86400, 7201, 7201],
    [86400, 7200, 7200],
    [86400, 100, 7200],
    [86400, 0, 7200],
    [7201, 7000, 7200],
    [7200, 7000, 7200],
    [7200, 0, 7200],
    [3600, 3601, 3601],
    [3600, 3600, 3600],
    [3600, 10, 3600],
    [0, 10, 10],
    [0, 0, 0],
    [INF, 10, 7200],
    [INF, 86400, 86400],
    [10, INF, INF],
    [INF, INF, INF],
  ])('two-hour rule: %i s left, %i s advertised: %i s', (left, adv, want) => {
    expect(slaacValidLifetime(left, adv)).toBe(want);
  });

  it('no advertisement brings a lifetime below the smaller of two hours and what was left', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: INF }), fc.integer({ min: 0, max: INF }), (left, adv) => {
        const got = slaacValidLifetime(left, adv);
        expect(got).toBeGreaterThanOrEqual(Math.min(left, 7200));
        expect([left, adv, 7200]).toContain(got);
      }),
    );
  });

  it('ends and what is left agree; 0 stands for no end', () => {
    expect(lifetimeEndUs(5e6, INF)).toBe(0);
    expect(lifetimeEndUs(0, 0)).toBe(1);
    expect(lifetimeLeft(5e6, 0)).toBe(INF);
    expect(lifetimeLeft(5e6, lifetimeEndUs(5e6, 30))).toBe(30);
    expect(lifetimeLeft(6.5e6, lifetimeEndUs(5e6, 30))).toBe(29);
    expect(lifetimeLeft(60e6, lifetimeEndUs(5e6, 30))).toBe(0);
  });
});
