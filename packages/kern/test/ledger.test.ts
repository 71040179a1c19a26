import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { describeRows, Ledger } from '../src/index.ts';

describe('Ledger', () => {
  it('reports what is out by kind, name and module, sorted, and nothing else', () => {
    const l = new Ledger();
    const a = l.take('socket', 'tcp4', 'tcp');
    const b = l.take('socket', 'tcp4', 'tcp');
    l.take('callout', 'tcp.hostcache');
    l.take('socket', 'tcp4');
    expect(l.report()).toEqual([
      { kind: 'callout', name: 'tcp.hostcache', module: '', count: 1 },
      { kind: 'socket', name: 'tcp4', module: '', count: 1 },
      { kind: 'socket', name: 'tcp4', module: 'tcp', count: 2 },
    ]);
    expect(l.total()).toBe(4);
    expect(l.total('socket')).toBe(3);
    a.release();
    b.release();
    expect(describeRows(l.report())).toBe('1 callout tcp.hostcache, 1 socket tcp4');
    expect(l.isEmpty()).toBe(false);
  });

  it('does not take a lease back twice, nor more than was given', () => {
    const l = new Ledger();
    const lease = l.take('hook', 'ertt');
    expect(lease.held).toBe(true);
    lease.release();
    expect(lease.held).toBe(false);
    expect(() => lease.release()).toThrow('lease released twice');
    expect(() => l.account('hook', 'ertt').release()).toThrow('more often than taken');
    expect(l.isEmpty()).toBe(true);
  });

  it('keeps names apart whatever characters they have', () => {
    const l = new Ledger();
    l.take('a', 'b c');
    l.take('a b', 'c');
    expect(l.report()).toHaveLength(2);
  });

  it('keeps no account that only leases have used: names come and go for ever', () => {
    const l = new Ledger();
    const held = l.account('socket', 'kept');
    const accounts = (): number => (l as unknown as { accounts: Map<string, unknown> }).accounts.size;
    for (let i = 0; i < 100; i++) {
      const [a, b] = [l.take('jail', `j${i}`), l.take('jail', `j${i}`)];
      a.release();
      expect(l.total('jail')).toBe(1);
      b.release();
    }
    expect(accounts()).toBe(1);
    l.take('socket', 'kept').release();
    held.take();
    expect(l.report()).toEqual([{ kind: 'socket', name: 'kept', module: '', count: 1 }]);
  });

  it('agrees with a multiset', () => {
    const kinds = ['socket', 'pcb', 'callout'];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.boolean()), { maxLength: 200 }), (ops) => {
        const l = new Ledger();
        const model = new Map<string, number>();
        for (const [k, n, take] of ops) {
          const key = `${kinds[k]}/${n}`;
          const have = model.get(key) ?? 0;
          const account = l.account(kinds[k] as string, String(n));
          if (take) account.take();
          else if (have === 0) expect(() => account.release()).toThrow();
          else account.release();
          model.set(key, take ? have + 1 : Math.max(0, have - 1));
        }
        const rows = [...model].filter(([, c]) => c > 0).sort(([a], [b]) => (a < b ? -1 : 1));
        expect(l.report().map((r) => [`${r.kind}/${r.name}`, r.count])).toEqual(rows);
        expect(l.isEmpty()).toBe(rows.length === 0);
      }),
    );
  });
});
