import { CalloutWheel, VirtualClock } from '@ns/callout';
import { EINVAL, EPERM } from '@ns/errno';
import { SeededRandom } from '@ns/kern';
import { type InAddr, parseInAddr } from '@ns/wire';
import { describe, expect, it } from 'vitest';
import { FastopenKeys, pskCookie, TFO_BAD_COOKIE, TFO_GOOD_COOKIE, TFO_NO_KEY } from '../src/fastopen-keys.ts';
import { addrBytes, LENGTHS, siphash } from './fastopen-parts.ts';
import { Peer } from './peer.ts';

const V4 = '192.0.2.1';
const V6 = '2001:db8::1:2';
const addr = (text: string): InAddr => parseInAddr(text)!;
const key = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (n * 17 + i) & 255);
const cookie = (n: number, client: string = V4): Uint8Array => siphash(key(n), addrBytes(client));

function make(): { keys: FastopenKeys; clock: VirtualClock; wheel: CalloutWheel } {
  const clock = new VirtualClock();
  const wheel = new CalloutWheel(clock);
  return { keys: new FastopenKeys(wheel, new SeededRandom(1)), clock, wheel };
}

describe('keys of a Fast Open server (tcp_fastopen.c)', () => {
  it('siphash of these tests is that of the paper', () => {
    const msg = Uint8Array.from({ length: 15 }, (_, i) => i);
    expect(Buffer.from(siphash(Uint8Array.from({ length: 16 }, (_, i) => i), msg)).toString('hex')).toBe('e545be4961ca29a1');
  });

  it.each([V4, V6, '0.0.0.0', '::'])('a cookie of %s is the SipHash of the address in network order', (client) => {
    const { keys } = make();
    keys.addKey(key(1));
    expect(keys.check(addr(client), new Uint8Array(8), 0)).toBe(TFO_BAD_COOKIE);
    expect(keys.cookie).toEqual(cookie(1, client));
    expect(keys.check(addr(client), keys.cookie.slice(), 8)).toBe(TFO_GOOD_COOKIE);
    expect(keys.check(addr('192.0.2.2'), cookie(1, client), 8)).toBe(TFO_BAD_COOKIE);
  });

  it('without a key there is nothing to check or to give', () => {
    expect(make().keys.check(addr(V4), cookie(1), 8)).toBe(TFO_NO_KEY);
  });

  it('two keys are honoured, the newest makes cookies, the oldest makes room', () => {
    const { keys } = make();
    for (const n of [1, 2, 3]) {
      keys.addKey(key(n));
      expect(keys.numkeys).toBe(Math.min(n, 2));
    }
    expect([1, 2, 3].map((n) => keys.check(addr(V4), cookie(n), 8))).toEqual([TFO_BAD_COOKIE, TFO_GOOD_COOKIE, TFO_GOOD_COOKIE]);
    expect(keys.cookie).toEqual(cookie(3));
  });

  it.each(LENGTHS)('of %i bytes only eight can be a cookie of ours', (n) => {
    const { keys } = make();
    keys.addKey(key(1));
    const got = new Uint8Array(38);
    got.set(cookie(1));
    expect(keys.check(addr(V4), got, n)).toBe(n === 8 ? TFO_GOOD_COOKIE : TFO_BAD_COOKIE);
  });

  it('a cookie with one bit changed is none', () => {
    const { keys } = make();
    keys.addKey(key(1));
    for (let bit = 0; bit < 64; bit++) {
      const got = cookie(1);
      got[bit >> 3]! ^= 1 << (bit & 7);
      expect(keys.check(addr(V4), got, 8)).toBe(TFO_BAD_COOKIE);
    }
  });

  it('acceptany takes every cookie but none, and gives those of the newest key, or zeros', () => {
    const { keys } = make();
    keys.acceptany = true;
    expect(LENGTHS.map((n) => keys.check(addr(V4), new Uint8Array(38), n))).toEqual(LENGTHS.map((n) => (n === 0 ? TFO_BAD_COOKIE : TFO_GOOD_COOKIE)));
    expect(keys.cookie).toEqual(new Uint8Array(8));
    keys.addKey(key(1));
    keys.check(addr(V4), new Uint8Array(8), 4);
    expect(keys.cookie).toEqual(cookie(1));
  });

  it('with pre-shared keys the cookie itself does not open; its hash under any of them does', () => {
    const { keys } = make();
    keys.setPskEnabled(true);
    keys.addKey(key(1));
    keys.addKey(key(2));
    expect(keys.check(addr(V4), cookie(2), 8)).toBe(TFO_BAD_COOKIE);
    expect(keys.cookie).toEqual(cookie(2));
    for (const n of [11, 12, 13]) keys.addPsk(key(n));
    expect(keys.numpsks).toBe(2);
    expect(keys.check(addr(V4), cookie(2), 8)).toBe(TFO_BAD_COOKIE);
    const hashed = (psk: number, k: number): number => keys.check(addr(V4), siphash(key(psk), cookie(k)), 8);
    expect([hashed(11, 2), hashed(12, 2), hashed(13, 2), hashed(12, 1), hashed(13, 1)]).toEqual([0, 1, 1, 1, 1]);
    // What the client sends is the same thing.
    const out = new Uint8Array(8);
    pskCookie(key(12), cookie(1), 8, out);
    expect(out).toEqual(siphash(key(12), cookie(1)));
    keys.setPskEnabled(false);
    expect(keys.numpsks).toBe(0);
    expect(keys.check(addr(V4), cookie(2), 8)).toBe(TFO_GOOD_COOKIE);
  });

  it.each([4, 6, 8, 10, 12, 14, 16])('the hash of a cookie of %i bytes', (n) => {
    const c = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    const out = new Uint8Array(8);
    pskCookie(key(1), c, n, out);
    expect(out).toEqual(siphash(key(1), c.subarray(0, n)));
  });

  it('switched on makes a key, and another every autokey seconds; off forgets them all, and nothing runs', () => {
    const { keys, clock, wheel } = make();
    expect(wheel.pending).toBe(0);
    keys.setEnabled(true);
    const seen: string[] = [];
    const look = (): void => {
      keys.check(addr(V4), new Uint8Array(8), 0);
      seen.push(Buffer.from(keys.cookie).toString('hex'));
    };
    look();
    const first = keys.cookie.slice();
    clock.advance(119.9e6);
    look();
    clock.advance(0.2e6);
    look();
    expect(seen[1]).toBe(seen[0]);
    expect(seen[2]).not.toBe(seen[0]);
    expect(keys.check(addr(V4), first, 8)).toBe(TFO_GOOD_COOKIE);
    clock.advance(120e6);
    expect(keys.check(addr(V4), first, 8)).toBe(TFO_BAD_COOKIE);
    expect(keys.numkeys).toBe(2);
    keys.setEnabled(false);
    expect(keys.numkeys).toBe(0);
    expect(wheel.pending).toBe(0);
  });

  it('with a key installed before, switching on makes none', () => {
    const { keys, clock, wheel } = make();
    keys.addKey(key(1));
    keys.setEnabled(true);
    expect(wheel.pending).toBe(0);
    clock.advance(1000e6);
    expect(keys.check(addr(V4), cookie(1), 8)).toBe(TFO_GOOD_COOKIE);
  });

  it('autokey can be changed while it runs', () => {
    const { keys, clock, wheel } = make();
    keys.setAutokey(5);
    expect(wheel.pending).toBe(0);
    keys.setEnabled(true);
    keys.setEnabled(true);
    clock.advance(5.1e6);
    expect(keys.numkeys).toBe(2);
    keys.setAutokey(0);
    expect(wheel.pending).toBe(0);
    keys.setAutokey(60);
    expect(wheel.pending).toBe(1);
    keys.destroy();
    expect(wheel.pending).toBe(0);
  });
});

describe('sysctls net.inet.tcp.fastopen', () => {
  const NAMES: Readonly<Record<string, number>> = { server_enable: 0, acceptany: 0, autokey: 120, keylen: 16, maxkeys: 2, maxpsks: 2, numkeys: 0, numpsks: 0, psk_enable: 0 };

  it('have the defaults of FreeBSD, and effect', () => {
    const p = new Peer();
    const req = { vnet: p.vnet, jailed: false };
    const get = (name: string): unknown => p.kernel.sysctl.sysctlGet(`net.inet.tcp.fastopen.${name}`, req).value;
    const set = (name: string, value: number | string | object): number => p.kernel.sysctl.sysctlSet(`net.inet.tcp.fastopen.${name}`, value, req).errno;
    expect(Object.fromEntries(Object.keys(NAMES).map((n) => [n, get(n)]))).toEqual(NAMES);
    for (const n of ['keylen', 'maxkeys', 'maxpsks', 'numkeys', 'numpsks']) expect(set(n, 1), n).toBe(EPERM);
    expect(p.kernel.sysctl.sysctlGet('net.inet.tcp.fastopen.setkey', req).errno).toBe(EPERM);
    for (const bad of [new Uint8Array(15), new Uint8Array(17), [], {}, 'sixteen letters!', 5]) {
      expect(set('setkey', bad)).toBe(EINVAL);
      expect(set('setpsk', bad)).toBe(EINVAL);
    }
    const k = key(1);
    expect(set('setkey', k)).toBe(0);
    k.fill(0);
    expect(set('setpsk', key(2))).toBe(0);
    expect([get('numkeys'), get('numpsks')]).toEqual([1, 1]);
    const { keys } = p.tcp.fastopen;
    expect(keys.check(addr(V4), cookie(1), 8)).toBe(TFO_GOOD_COOKIE);
    expect(set('psk_enable', 1)).toBe(0);
    expect(keys.check(addr(V4), cookie(1), 8)).toBe(TFO_BAD_COOKIE);
    expect(keys.check(addr(V4), siphash(key(2), cookie(1)), 8)).toBe(TFO_GOOD_COOKIE);
    expect(set('autokey', 2147484)).toBe(EINVAL);
    expect(set('autokey', 7)).toBe(0);
    expect(set('server_enable', 1)).toBe(0);
    expect(set('server_enable', 0)).toBe(0);
    expect([get('numkeys'), get('numpsks'), get('psk_enable')]).toEqual([0, 0, 1]);
    expect(set('acceptany', 5)).toBe(0);
    expect(get('acceptany')).toBe(1);
  });
});
