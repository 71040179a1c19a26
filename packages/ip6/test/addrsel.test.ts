/* Source address selection: RFC 6724 §5, with the examples of its §10.1. */
import {
  addrPolicyOf,
  commonPrefixLen,
  compareSources,
  DEFAULT_ADDR_POLICY,
  selectSource,
  type SourceCandidate,
  validAddrPolicy,
} from '@ns/ip6';
import { type InAddr, parseInAddr } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const rules = { policy: DEFAULT_ADDR_POLICY, preferTemporary: true };
const a = (t: string): InAddr => parseInAddr(t)!;

function cand(text: string, over: Partial<SourceCandidate> = {}): SourceCandidate {
  return { addr: a(text), prefixlen: 64, deprecated: false, onOutgoing: true, temporary: false, ...over };
}

const examples: readonly [string, string, readonly SourceCandidate[], string][] = [
  ['prefer appropriate scope', '2001:db8:1::1', [cand('2001:db8:3::1'), cand('fe80::1')], '2001:db8:3::1'],
  ['prefer appropriate scope, for a group', 'ff05::1', [cand('2001:db8:3::1'), cand('fe80::1')], '2001:db8:3::1'],
  ['prefer same address', '2001:db8:1::1', [cand('2001:db8:1::1', { deprecated: true }), cand('2001:db8:2::1')], '2001:db8:1::1'],
  ['prefer appropriate scope to one that is not deprecated', 'fe80::1', [cand('fe80::2', { deprecated: true }), cand('2001:db8:1::1')], 'fe80::2'],
  ['longest matching prefix', '2001:db8:1::1', [cand('2001:db8:1::2'), cand('2001:db8:3::2')], '2001:db8:1::2'],
  ['prefer home address', '2001:db8:1::1', [cand('2001:db8:1::2'), cand('2001:db8:3::2', { home: true })], '2001:db8:3::2'],
  ['prefer matching label', '2002:c633:6401::1', [cand('2002:c633:6401::d5e3:7953:13eb:22e8', { temporary: true }), cand('2001:db8:1::2')], '2002:c633:6401:0:d5e3:7953:13eb:22e8'],
  ['prefer temporary address', '2001:db8:1::d5e3:0:0:1', [cand('2001:db8:1::2'), cand('2001:db8:1::d5e3:7953:13eb:22e8', { temporary: true })], '2001:db8:1:0:d5e3:7953:13eb:22e8'],
  // Rules that the examples do not show.
  ['avoid deprecated', '2001:db8:1::1', [cand('2001:db8:1::2', { deprecated: true }), cand('2001:db8:9::1')], '2001:db8:9::1'],
  ['prefer outgoing interface', '2001:db8:1::1', [cand('2001:db8:1::2', { onOutgoing: false }), cand('2001:db8:9::1')], '2001:db8:9::1'],
  ['prefer a prefix that the next hop announced', '2001:db8:1::1', [cand('2001:db8:1::2'), cand('2001:db8:9::1', { advertised: true })], '2001:db8:9::1'],
  ['the first of equals', '2001:db8:1::1', [cand('2001:db8:9::1'), cand('2001:db8:9::2')], '2001:db8:9::1'],
  ['no more of a source counts than its prefix', '2001:db8:1::ff', [cand('2001:db8:1::1'), cand('2001:db8:1::fe')], '2001:db8:1::1'],
  ['an administrator\'s wish before the tie-breaker', '2001:db8:1::1', [cand('2001:db8:1::2'), cand('2001:db8:9::2', { preferred: true })], '2001:db8:9::2'],
];

describe('source address selection', () => {
  it.each(examples)('T68 RFC 6724: %s', (_name, dst, candidates, want) => {
    expect(selectSource(a(dst), candidates, rules)!.addr.toString()).toBe(a(want).toString());
    // The order of the candidates is no rule, but for equals.
    const reversed = [...candidates].reverse();
    if (_name !== 'the first of equals' && !_name.startsWith('no more')) expect(selectSource(a(dst), reversed, rules)!.addr.toString()).toBe(a(want).toString());
  });

  it('prefers public addresses where net.inet6.ip6.prefer_tempaddr is 0', () => {
    const c = [cand('2001:db8:1::d5e3:7953:13eb:22e8', { temporary: true }), cand('2001:db8:1::2')];
    expect(selectSource(a('2001:db8:1::d5e3:0:0:1'), c, { ...rules, preferTemporary: false })).toBe(c[1]);
  });

  it('has nothing to choose from nothing', () => {
    expect(selectSource(a('::1'), [], rules)).toBeNull();
  });

  it('T68 is a function of its arguments: asking for others in between changes nothing, and two candidates compare alike both ways', () => {
    const arb = fc.record({
      addr: fc.constantFrom('fe80::1', '2001:db8:1::1', '2002:a00:1::1', 'fd00::1', '2001:db8:1:1::7', '::1').map(a),
      prefixlen: fc.constantFrom(48, 64, 128),
      deprecated: fc.boolean(),
      onOutgoing: fc.boolean(),
      temporary: fc.boolean(),
    });
    const dsts = ['2001:db8:1::9', 'fe80::9', 'ff0e::1', 'fd00::9', '2002:a00:2::1'].map(a);
    fc.assert(
      fc.property(fc.array(arb, { minLength: 1, maxLength: 6 }), fc.constantFrom(...dsts), fc.constantFrom(...dsts), (cs, d1, d2) => {
        const first = selectSource(d1, cs, rules);
        selectSource(d2, cs, rules);
        expect(selectSource(d1, cs, rules)).toBe(first);
        for (const x of cs) {
          expect(compareSources(d1, x, first!, rules)).toBeLessThanOrEqual(0);
          for (const y of cs) expect(Math.sign(compareSources(d1, x, y, rules)) + Math.sign(compareSources(d1, y, x, rules))).toBe(0);
        }
      }),
    );
  });
});

describe('policy table', () => {
  const rows: readonly [string, number, number][] = [
    ['::1', 50, 0],
    ['2001:db8::1', 40, 1],
    ['::ffff:10.0.0.1', 35, 4],
    ['2002:a00:1::1', 30, 2],
    ['2001::1', 5, 5],
    ['fd12::1', 3, 13],
    ['::10.0.0.1', 1, 3],
    ['fec0::1', 1, 11],
    ['3ffe::1', 1, 12],
  ];
  it.each(rows)('%s falls under precedence %i, label %i', (text, precedence, label) => {
    const p = addrPolicyOf(DEFAULT_ADDR_POLICY, a(text))!;
    expect([p.precedence, p.label]).toEqual([precedence, label]);
  });

  it('common prefixes are counted in bits', () => {
    expect(commonPrefixLen(a('2001:db8::'), a('2001:db8::'))).toBe(128);
    expect(commonPrefixLen(a('2001:db8::1'), a('2001:db8::'))).toBe(127);
    expect(commonPrefixLen(a('8000::'), a('::'))).toBe(0);
    expect(commonPrefixLen(a('2001:db8:0:1::'), a('2001:db8::'))).toBe(63);
  });

  it('takes rows without host bits and with small numbers only', () => {
    const p = DEFAULT_ADDR_POLICY[3]!;
    expect(validAddrPolicy(p)).toBe(true);
    expect(validAddrPolicy({ ...p, prefixlen: 8 })).toBe(false);
    expect(validAddrPolicy({ ...p, prefixlen: 129 })).toBe(false);
    expect(validAddrPolicy({ ...p, label: -1 })).toBe(false);
    expect(validAddrPolicy({ ...p, precedence: 0.5 })).toBe(false);
  });
});
