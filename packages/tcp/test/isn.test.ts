import { SeededRandom } from '@ns/kern';
import { inAddr4, parseInAddr, type InAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { IsnState } from '../src/isn.ts';
import { SipHash24 } from '../src/siphash.ts';
import { type CookieState, Syncookies, SYNCOOKIE_LIFETIME } from '../src/syncookies.ts';

const A = inAddr4(0x0a000001);
const B = inAddr4(0x0a000002);
const V6 = parseInAddr('2001:db8::1') as InAddr;

describe('SipHash-2-4', () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);

  it('gives the value of the paper, appendix A', () => {
    const h = new SipHash24(key);
    h.begin();
    h.add(0x03020100, 0x07060504);
    h.end(0x0b0a0908, 0x000e0d0c, 7);
    expect(h.hi >>> 0).toBe(0xa129ca61);
    expect(h.lo >>> 0).toBe(0x49be45e5);
  });

  it('gives the first reference vector: no bytes at all', () => {
    const h = new SipHash24(key);
    h.begin();
    h.end();
    expect(h.hi >>> 0).toBe(0x726fdb47);
    expect(h.lo >>> 0).toBe(0xdd0e0e31);
  });
});

describe('initial sequence numbers (RFC 6528)', () => {
  const make = (seed: number): { isn: IsnState; at: (us: number) => void } => {
    let now = 0;
    const isn = new IsnState({ random: new SeededRandom(seed), nowUs: () => now });
    return { isn, at: (us) => (now = us) };
  };

  it('T72 two numbers for one connection in the same tick differ by 4096 to 8191', () => {
    const { isn } = make(1);
    let last = isn.newIsn(A, 80, B, 1024);
    for (let i = 0; i < 1000; i++) {
      const next = isn.newIsn(A, 80, B, 1024);
      const step = (next - last) | 0;
      expect(step).toBeGreaterThanOrEqual(4096);
      expect(step).toBeLessThan(8192);
      last = next;
    }
  });

  it('T72 the offset grows by at least 1 MiB a second without any timer, across a long silence too', () => {
    const { isn, at } = make(2);
    const first = isn.newIsn(A, 80, B, 1024);
    at(1_000_000);
    const second = isn.newIsn(A, 80, B, 1024);
    expect((second - first) | 0).toBeGreaterThanOrEqual(1048576);
    at(101_000_000);
    const third = isn.newIsn(A, 80, B, 1024);
    expect((third - second) | 0).toBeGreaterThanOrEqual(100 * 1048576);
  });

  it('differ between connections, and between stacks', () => {
    const a = make(3).isn;
    const b = make(4).isn;
    const seen = new Set<number>();
    for (let port = 1; port <= 500; port++) {
      seen.add(a.newIsn(A, port, B, 80));
      seen.add(b.newIsn(V6, port, V6, 80));
    }
    expect(seen.size).toBe(1000);
  });

  it('a new secret after the reseed interval, not before', () => {
    const { isn, at } = make(5);
    isn.reseedIntervalSec = 10;
    const first = isn.newIsn(A, 80, B, 1024);
    at(9_000_000);
    expect((isn.newIsn(A, 80, B, 1024) - first) | 0).toBeLessThan(10 * 1048576);
    at(30_000_000);
    const fresh = isn.newIsn(A, 80, B, 1024);
    expect(Math.abs((fresh - first) | 0)).toBeGreaterThan(64 * 1048576);
  });

  it('time-stamp offsets are stable for a connection and differ between connections', () => {
    const { isn } = make(6);
    expect(isn.newTsOffset(A, 80, B, 1)).toBe(isn.newTsOffset(A, 80, B, 1));
    expect(isn.newTsOffset(A, 80, B, 1)).not.toBe(isn.newTsOffset(A, 80, B, 2));
  });
});

describe('SYN cookies (RFC 4987 §3.6)', () => {
  const state: CookieState = { peerMss: 1460, peerWscale: 7, sack: true };
  const fresh = (): CookieState => ({ peerMss: 0, peerWscale: 0, sack: false });

  it('bring back MSS, scale and SACK, rounded down to what eight bits hold', () => {
    const c = new Syncookies(new SeededRandom(1), 0);
    for (const [mss, wscale, sack, mss2, wscale2] of [
      [1460, 7, true, 1460, 7],
      [1459, 5, false, 1452, 4],
      [9000, 14, true, 1460, 8],
      [100, -1, false, 216, -1],
      [536, 0, true, 536, 0],
    ] as const) {
      const iss = c.generate(A, 80, B, 1024, 77, { peerMss: mss, peerWscale: wscale, sack }, 1000);
      const out = fresh();
      expect(c.lookup(A, 80, B, 1024, 77, iss, out, 2000)).toBe(true);
      expect(out).toEqual({ peerMss: mss2, peerWscale: wscale2, sack });
    }
  });

  it('hold for one change of secret, not for two, and not for another connection', () => {
    const c = new Syncookies(new SeededRandom(2), 0);
    const us = SYNCOOKIE_LIFETIME * 1e6;
    const iss = c.generate(A, 80, B, 1024, 77, state, 0);
    expect(c.lookup(A, 80, B, 1024, 77, iss, fresh(), us + 1)).toBe(true);
    expect(c.lookup(A, 80, B, 1025, 77, iss, fresh(), us + 1)).toBe(false);
    expect(c.lookup(A, 80, B, 1024, 78, iss, fresh(), us + 1)).toBe(false);
    expect(c.lookup(A, 80, B, 1024, 77, (iss + 256) | 0, fresh(), us + 1)).toBe(false);
    expect(c.lookup(A, 80, B, 1024, 77, iss, fresh(), 2 * us + 2)).toBe(false);
  });

  it('of a secret that outlived a long silence are not believed', () => {
    const c = new Syncookies(new SeededRandom(3), 0);
    const iss = c.generate(A, 80, B, 1024, 77, state, 0);
    expect(c.lookup(A, 80, B, 1024, 77, iss, fresh(), 1e12)).toBe(false);
  });
});
