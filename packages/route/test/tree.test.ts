import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixTrie } from '../src/tree.ts';

interface Prefix {
  readonly w: readonly [number, number, number, number];
  readonly len: number;
}

const mask = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));
const norm = (p: Prefix): Prefix => ({ w: p.w.map((x, i) => x & mask(p.len - 32 * i)) as [number, number, number, number], len: p.len });
const covers = (p: Prefix, a: readonly number[]): boolean => p.w.every((x, i) => ((x ^ (a[i] as number)) & mask(p.len - 32 * i)) === 0);

/** The naive model: a list that is scanned. */
class Model {
  readonly list = new Map<string, { p: Prefix; v: number }>();
  key(p: Prefix): string {
    return `${norm(p).w.join(',')}/${p.len}`;
  }
  lookup(a: readonly number[]): number | null {
    let best: { p: Prefix; v: number } | null = null;
    for (const e of this.list.values()) if (covers(e.p, a) && (best === null || e.p.len > best.p.len)) best = e;
    return best === null ? null : best.v;
  }
}

// Few distinct bits, so that prefixes nest and collide.
const word = fc.oneof(fc.constantFrom(0, -1, 0x0a000000, 0x0a000001, 0x0a00ff00, -0x40000000), fc.integer({ min: -0x80000000, max: 0x7fffffff }));
const prefix4 = fc.tuple(word, fc.integer({ min: 0, max: 32 })).map(([w, len]): Prefix => ({ w: [0, 0, 0, w], len: len + 96 }));
const prefix6 = fc.tuple(word, word, word, word, fc.integer({ min: 0, max: 128 })).map(([a, b, c, d, len]): Prefix => ({ w: [a, b, c, d], len }));

function agree(ops: readonly { add: boolean; p: Prefix }[], probes: readonly (readonly number[])[], v4: boolean): void {
  const trie = new PrefixTrie<{ v: number }>();
  const model = new Model();
  let v = 0;
  for (const { add, p } of ops) {
    const key = model.key(p);
    if (add) {
      const fresh = !model.list.has(key);
      expect(trie.insert(...p.w, p.len, { v: ++v })).toBe(fresh);
      if (fresh) model.list.set(key, { p: norm(p), v });
    } else {
      const was = model.list.get(key);
      expect(trie.remove(...p.w, p.len)?.v ?? null).toBe(was?.v ?? null);
      model.list.delete(key);
    }
    expect(trie.count).toBe(model.list.size);
  }
  for (const a of [...probes, ...ops.map((o) => o.p.w)]) {
    const want = model.lookup(a);
    expect(trie.lookup(a[0]!, a[1]!, a[2]!, a[3]!)?.v ?? null).toBe(want);
    if (v4) expect(trie.lookup4(a[3]!)?.v ?? null).toBe(want);
  }
  for (const { p, v: value } of model.list.values()) expect(trie.get(...p.w, p.len)?.v).toBe(value);
  const seen: number[] = [];
  trie.forEach((x) => seen.push(x.v));
  expect([...seen].sort((a, b) => a - b)).toEqual([...model.list.values()].map((e) => e.v).sort((a, b) => a - b));
}

describe('longest-prefix match against a linear scan', () => {
  it('IPv4: insert, remove, look up', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ add: fc.constantFrom(true, true, true, false), p: prefix4 }), { maxLength: 80 }), fc.array(word, { maxLength: 20 }), (ops, probes) => {
        agree(ops, probes.map((w) => [0, 0, 0, w]), true);
      }),
      { numRuns: 300 },
    );
  });

  it('IPv6: insert, remove, look up', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ add: fc.constantFrom(true, true, true, false), p: prefix6 }), { maxLength: 80 }),
        fc.array(fc.tuple(word, word, word, word), { maxLength: 20 }),
        (ops, probes) => {
          agree(ops, probes, false);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('walks in order of prefixes, the shorter first', () => {
    const trie = new PrefixTrie<string>();
    const put = (w3: number, len: number, name: string): void => void trie.insert(0, 0, 0, w3, len + 96, name);
    put(0x0a000000, 24, '10.0.0.0/24');
    put(0, 0, 'default');
    put(0x0a000001, 32, '10.0.0.1');
    put(-0x40580000, 16, '192.168.0.0/16');
    put(0x0a000000, 8, '10.0.0.0/8');
    const order: string[] = [];
    trie.forEach((x) => order.push(x));
    expect(order).toEqual(['default', '10.0.0.0/8', '10.0.0.0/24', '10.0.0.1', '192.168.0.0/16']);
  });
});
