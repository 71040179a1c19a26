import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AF_INET, AF_INET6, IN6ADDR_ANY, IN6ADDR_LOOPBACK, INADDR_ANY, INADDR_BROADCAST, INADDR_LOOPBACK, Sockaddr,
  formatCidr, formatInAddr, formatSockaddr, formatSockaddrColon, formatSockaddrDot, getInAddr4, getInAddr6, inAddr4, inAddr6, inAddrEqual,
  isAny, isBroadcast, isLinkLocal, isLoopback, isMulticast, isMulticastLinkLocal, isV4Mapped, maskInAddr, maskInAddrOf, maskLen4, maskLen6,
  parseCidr, parseInAddr, parseSockaddr, prefixMask4, prefixMask6, prefixMatches, broadcast4, setInAddr, sockaddrEqual, solicitedNodeOf,
  splitZone, v4MappedOf, v4OfMapped,
} from '@ns/wire';
import type { InAddr } from '@ns/wire';

function addr(text: string): InAddr {
  const a = parseInAddr(text);
  if (a === null) throw new Error(`not an address: ${text}`);
  return a;
}
const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const anyAddr4 = word.map((n) => inAddr4(n));
/** Addresses with many zero groups, where the text form has its rules. */
const group = fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff));
const anyAddr6 = fc.tuple(group, group, group, group, group, group, group, group).map(([a, b, c, d, e, f, g, h]) =>
  inAddr6((a << 16) | b, (c << 16) | d, (e << 16) | f, (g << 16) | h));

describe('InAddr', () => {
  it('keeps words as int32', () => {
    const a = inAddr4(0xffffffff);
    expect([a.af, a.w0, a.w1, a.w2, a.w3, a.zone]).toEqual([AF_INET, 0, 0, 0, -1, 0]);
    expect(inAddr6(0xfe800000, 0, 0, 1, 3)).toMatchObject({ af: AF_INET6, w0: -25165824, w3: 1, zone: 3 });
  });

  it('is equal by family, bits and zone', () => {
    expect(inAddrEqual(inAddr4(1), inAddr4(1))).toBe(true);
    expect(inAddrEqual(inAddr4(1), inAddr6(0, 0, 0, 1))).toBe(false);
    expect(inAddrEqual(addr('fe80::1%1'), addr('fe80::1%2'))).toBe(false);
    expect(inAddrEqual(addr('fe80::1'), addr('fe80::2'))).toBe(false);
  });

  it('goes to bytes and back', () => {
    const dv = new DataView(new ArrayBuffer(20));
    fc.assert(fc.property(anyAddr6, anyAddr4, (a6, a4) => {
      setInAddr(dv, 1, a6);
      expect(inAddrEqual(getInAddr6(dv, 1), a6)).toBe(true);
      setInAddr(dv, 1, a4);
      expect(inAddrEqual(getInAddr4(dv, 1), a4)).toBe(true);
    }));
  });

  it.each([
    ['0.0.0.0', isAny], ['::', isAny], ['127.0.0.1', isLoopback], ['127.255.0.9', isLoopback], ['::1', isLoopback],
    ['224.0.0.1', isMulticast], ['239.255.255.255', isMulticast], ['ff02::1', isMulticast], ['255.255.255.255', isBroadcast],
    ['169.254.1.1', isLinkLocal], ['fe80::1', isLinkLocal], ['febf::1', isLinkLocal], ['::ffff:1.2.3.4', isV4Mapped],
    ['ff02::5', isMulticastLinkLocal], ['ff11::5', isMulticastLinkLocal],
  ] as const)('%s is what its predicate says', (text, predicate) => {
    expect(predicate(addr(text))).toBe(true);
  });

  it.each([
    ['0.0.0.1', isAny], ['::1', isAny], ['128.0.0.1', isLoopback], ['::2', isLoopback], ['::ffff:127.0.0.1', isLoopback], ['240.0.0.1', isMulticast],
    ['223.255.255.255', isMulticast], ['fe02::1', isMulticast], ['255.255.255.254', isBroadcast], ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', isBroadcast],
    ['169.253.1.1', isLinkLocal], ['fec0::1', isLinkLocal], ['::fffe:1.2.3.4', isV4Mapped], ['1.2.3.4', isV4Mapped], ['ff05::5', isMulticastLinkLocal],
  ] as const)('%s is not what its predicate says', (text, predicate) => {
    expect(predicate(addr(text))).toBe(false);
  });

  it('the constants are what they are called', () => {
    expect([INADDR_ANY, INADDR_LOOPBACK, INADDR_BROADCAST, IN6ADDR_ANY, IN6ADDR_LOOPBACK].map(String)).toEqual(
      ['0.0.0.0', '127.0.0.1', '255.255.255.255', '::', '::1']);
  });

  it('RFC 4291 §2.5.5.2, §2.7.1: mapped and solicited-node addresses', () => {
    expect(String(v4MappedOf(addr('10.0.0.1')))).toBe('::ffff:10.0.0.1');
    expect(String(v4OfMapped(addr('::ffff:10.0.0.1')))).toBe('10.0.0.1');
    expect(String(v4OfMapped(addr('2001:db8::1')))).toBe('2001:db8::1');
    expect(String(solicitedNodeOf(addr('4037::01:800:200e:8c6c')))).toBe('ff02::1:ff0e:8c6c');
  });
});

describe('RFC 5952: text of an IPv6 address', () => {
  it.each([
    ['2001:0db8::0001', '2001:db8::1'], // §4.1
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'], // §4.2.1
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], // §4.2.2
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // §4.2.3, the longest
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // §4.2.3, the first
    ['2001:DB8::ABCD', '2001:db8::abcd'], // §4.3
    ['::ffff:c000:280', '::ffff:192.0.2.128'], // §5
    ['1:0:0:0:0:0:0:0', '1::'], ['0:0:0:0:0:0:0:1', '::1'], ['0:0:0:0:0:0:0:0', '::'], ['0:0:0:0:0:0:1.2.3.4', '::1.2.3.4'],
    ['::5', '::5'], ['::1:5', '::0.1.0.5'], ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'], ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'], ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'], ['fe80::1%7', 'fe80::1%7'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatInAddr(addr(text))).toBe(canonical);
  });

  it('a zone name replaces the number', () => {
    expect(formatInAddr(addr('fe80::1%7'), 'em0')).toBe('fe80::1%em0');
    expect(formatInAddr(addr('10.0.0.1'), 'em0')).toBe('10.0.0.1');
  });

  it('parse(format(a)) = a', () => {
    fc.assert(fc.property(fc.oneof(anyAddr4, anyAddr6), (a) => {
      expect(inAddrEqual(addr(formatInAddr(a)), a)).toBe(true);
    }), { numRuns: 1000 });
  });

  it('never has a leading zero, nor a run of zeros that could be shortened further', () => {
    fc.assert(fc.property(anyAddr6, (a) => {
      const text = formatInAddr(a);
      expect(text).not.toMatch(/(^|:)0[0-9a-f]/);
      expect(text.split('::').length).toBeLessThanOrEqual(2);
      if (!text.includes('::')) expect(text).not.toMatch(/(^|:)0:0(:|$)/);
    }), { numRuns: 1000 });
  });
});

describe('parsing as inet_pton(3)', () => {
  it.each([
    '', '1.2.3', '1.2.3.4.5', '1.2.3.', '.1.2.3', '01.2.3.4', '1.2.3.00', '256.1.1.1', '1.2.3.4 ', ' 1.2.3.4', '0x1.2.3.4', '1.2.3.-4', '1..2.3', '1e1.2.3.4',
    ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '::1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8::', ':1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8:',
    'g::', '12345::', '::1.2.3', '::1.2.3.4.5', '1.2.3.4::', '::1.2.3.4:5', '::01.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', 'fe80::1%', 'fe80::1%em0', 'fe80::1%1%2', '1.2.3.4%1', '::-1', '::+1',
  ])('refuses %j', (text) => {
    expect(parseInAddr(text)).toBeNull();
  });

  it('never throws', () => {
    const alphabet = fc.constantFrom('0', '1', 'f', '9', ':', ':', '.', '%', 'a', '25');
    fc.assert(fc.property(fc.oneof(fc.string(), fc.array(alphabet).map((parts) => parts.join(''))), (text) => {
      const a = parseInAddr(text);
      if (a !== null) expect(inAddrEqual(addr(formatInAddr(a)), a)).toBe(true);
    }), { numRuns: 2000 });
  });

  it('takes what Node takes, and nothing else', () => {
    const part = fc.constantFrom('0', 'f', '12', 'abcd', 'ABCDE', '01', '255', '256', '', 'g');
    const parts = fc.array(part, { maxLength: 9 });
    const tail = fc.constantFrom('', '', ':1.2.3.4', '1.2.3.4', ':1.2.3', ':');
    const text = fc.oneof(fc.tuple(parts, tail).map(([p, t]) => p.join(':') + t), fc.array(part, { minLength: 3, maxLength: 5 }).map((p) => p.join('.')));
    fc.assert(fc.property(text, (t) => (parseInAddr(t) !== null) === (isIP(t) !== 0)), { numRuns: 5000 });
  });

  it('splits the zone for a caller who knows interfaces', () => {
    expect(splitZone('fe80::1%em0')).toEqual(['fe80::1', 'em0']);
    expect(splitZone('fe80::1')).toEqual(['fe80::1', '']);
  });
});

describe('Sockaddr', () => {
  const sa = (text: string, port: number): Sockaddr => new Sockaddr(addr(text), port);

  it('has three text forms', () => {
    expect(formatSockaddr(sa('10.0.0.1', 80))).toBe('10.0.0.1:80');
    expect(formatSockaddr(sa('2001:db8::1', 80))).toBe('[2001:db8::1]:80');
    expect(formatSockaddr(sa('fe80::1%2', 80), 'em0')).toBe('[fe80::1%em0]:80');
    expect(formatSockaddrDot(sa('10.0.0.1', 80))).toBe('10.0.0.1.80');
    expect(formatSockaddrDot(sa('0.0.0.0', 80))).toBe('*.80');
    expect(formatSockaddrDot(sa('::', 0))).toBe('*.*');
    expect(formatSockaddrColon(sa('10.0.0.1', 80))).toBe('10.0.0.1:80');
    expect(formatSockaddrColon(sa('0.0.0.0', 0))).toBe('*:*');
    expect(formatSockaddrColon(sa('fe80::1%2', 80), 'em0')).toBe('fe80::1%em0:80');
  });

  it('parse(format(sa)) = sa', () => {
    fc.assert(fc.property(fc.oneof(anyAddr4, anyAddr6), fc.nat(65535), (a, port) => {
      const it = new Sockaddr(a, port);
      const back = parseSockaddr(String(it));
      expect(back !== null && sockaddrEqual(back, it)).toBe(true);
    }));
  });

  it.each(['10.0.0.1', '10.0.0.1:', '10.0.0.1:65536', '2001:db8::1:80', '[10.0.0.1]:80', '[::1]', '[::1]:', ':80', '10.0.0.1:8x', '10.0.0.1:-1'])('refuses %s', (text) => {
    expect(parseSockaddr(text)).toBeNull();
  });
});

describe('prefixes', () => {
  it('masks and lengths agree for every length', () => {
    for (let len = 0; len <= 32; len++) {
      const mask = prefixMask4(len);
      expect(mask).toBe(mask | 0);
      expect((mask >>> 0).toString(2).padStart(32, '0')).toBe('1'.repeat(len).padEnd(32, '0'));
      expect(maskLen4(mask)).toBe(len);
      expect(maskLen4(mask >>> 0)).toBe(len);
    }
    for (let len = 0; len <= 128; len++) {
      const words = [0, 1, 2, 3].map((i) => prefixMask6(len, i)) as [number, number, number, number];
      const bits = words.map((w) => (w >>> 0).toString(2).padStart(32, '0')).join('');
      expect(bits).toBe('1'.repeat(len).padEnd(128, '0'));
      expect(maskLen6(...words)).toBe(len);
    }
  });

  it('a mask with holes has no length', () => {
    for (const mask of [0xff00ff00, 1, 0x7fffffff, 0xfffffffd]) expect(maskLen4(mask)).toBe(-1);
    expect(maskLen6(-1, 0, 1, 0)).toBe(-1);
    expect(maskLen6(0, -1, 0, 0)).toBe(-1);
    expect(maskLen6(-1, -256, -1, 0)).toBe(-1);
  });

  it.each([
    ['10.1.2.3/24', '10.1.2.3/24'], ['10.0.0.1', '10.0.0.1/32'], ['0.0.0.0/0', '0.0.0.0/0'], ['2001:db8::1/64', '2001:db8::1/64'],
    ['::/0', '::/0'], ['::1', '::1/128'],
  ])('%s is read as %s', (text, expected) => {
    const cidr = parseCidr(text);
    expect(cidr === null ? null : formatCidr(cidr)).toBe(expected);
  });

  it.each(['10.0.0.1/33', '10.0.0.1/', '10.0.0.1/-1', '10.0.0.1/08', '::/129', '10.0.0/8', '10.0.0.1/8/8', '10.0.0.1/0x8'])('refuses %s', (text) => {
    expect(parseCidr(text)).toBeNull();
  });

  it('masking keeps exactly the prefix', () => {
    expect(String(maskInAddr(addr('10.1.2.3'), 22))).toBe('10.1.0.0');
    expect(String(maskInAddr(addr('2001:db8:1:2:3:4:5:6'), 49))).toBe('2001:db8:1::');
    expect(String(broadcast4(addr('10.1.2.3'), 22))).toBe('10.1.3.255');
    expect(String(broadcast4(addr('10.1.2.3'), 32))).toBe('10.1.2.3');
    expect(String(maskInAddrOf(AF_INET, 20))).toBe('255.255.240.0');
    expect(String(maskInAddrOf(AF_INET6, 33))).toBe('ffff:ffff:8000::');
    fc.assert(fc.property(fc.oneof(anyAddr4, anyAddr6), fc.nat(128), fc.nat(127), (a, n, bit) => {
      const full = a.af === AF_INET ? 32 : 128;
      const len = n % (full + 1);
      expect(prefixMatches(a, maskInAddr(a, len), len)).toBe(true);
      const at = bit % full;
      const flip = (i: number): number => (a.af === AF_INET ? (i === 3 ? 1 << (31 - at) : 0) : at >> 5 === i ? 1 << (31 - (at & 31)) : 0);
      const b = a.af === AF_INET ? inAddr4(a.w3 ^ flip(3)) : inAddr6(a.w0 ^ flip(0), a.w1 ^ flip(1), a.w2 ^ flip(2), a.w3 ^ flip(3));
      expect(prefixMatches(a, b, len)).toBe(at >= len);
    }), { numRuns: 500 });
    expect(prefixMatches(addr('0.0.0.0'), addr('::'), 0)).toBe(false);
  });
});
