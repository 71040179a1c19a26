import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HashTables, INP_CONNECTED, type Inpcb, LinearTables, type PcbTables, PortTable, tupleHash4, tupleHash6, TupleTable } from '@ns/inpcb';
import { AF_INET, AF_INET6, type InAddr, inAddr4, inAddr6 } from '@ns/wire';
import { alloc, bench, info, TestSocket } from './harness.ts';

const b = bench();
const i = info(b, 'tables');

function pcb(f: InAddr, fport: number, l: InAddr, lport: number): Inpcb {
  const inp = alloc(i, new TestSocket(b.root, 0, f.af));
  inp.faddr = f;
  inp.fport = fport;
  inp.laddr = l;
  inp.lport = lport;
  if (fport !== 0) inp.flags2 |= INP_CONNECTED;
  return inp;
}

function find(t: PcbTables | TupleTable, inp: Inpcb): Inpcb | null {
  const f = inp.faddr;
  const l = inp.laddr;
  if (t instanceof TupleTable) {
    if (t.af !== f.af) return null;
    return f.af === AF_INET ? t.lookup4(f.w3, inp.fport, l.w3, inp.lport) : t.lookup6(f.w0, f.w1, f.w2, f.w3, inp.fport, l.w0, l.w1, l.w2, l.w3, inp.lport);
  }
  return t.exact(f.af, f.w0, f.w1, f.w2, f.w3, inp.fport, l.w0, l.w1, l.w2, l.w3, inp.lport);
}

describe('TupleTable', () => {
  it('finds what was entered, and only that, through growing and shrinking', () => {
    const t = new TupleTable(AF_INET, 0x01234567, 0x89abcdef, 5, 6);
    const all = Array.from({ length: 3000 }, (_, n) => pcb(inAddr4(0x0a000000 + (n % 7)), 1 + n, inAddr4(0x0a010000), 80));
    for (const [n, p] of all.entries()) {
      t.insert(p);
      expect(find(t, all[n >> 1] as Inpcb)).toBe(all[n >> 1]);
    }
    expect(t.size).toBe(3000);
    expect(t.slots).toBeGreaterThanOrEqual(4096);
    for (const p of all) expect(find(t, p)).toBe(p);
    for (const [n, p] of all.entries()) {
      t.remove(p);
      expect(find(t, p)).toBeNull();
      if (n + 1 < all.length) expect(find(t, all[n + 1] as Inpcb)).toBe(all[n + 1]);
    }
    expect(t.size).toBe(0);
    for (let n = 0; n < 200; n++) {
      t.insert(all[0] as Inpcb);
      t.remove(all[0] as Inpcb);
    }
    expect(t.slots).toBeLessThanOrEqual(128);
    expect(t.moving).toBe(false);
  });

  it('keeps the families apart when their last words and ports agree', () => {
    const t = new HashTables(1, 2, 3, 4);
    const v4 = pcb(inAddr4(0x0a000001), 5, inAddr4(0x0a000002), 80);
    const v6 = pcb(inAddr6(0, 0, 0, 0x0a000001), 5, inAddr6(0, 0, 0, 0x0a000002), 80);
    const v6b = pcb(inAddr6(0x20010db8, 0, 0, 0x0a000001), 5, inAddr6(0, 0, 0, 0x0a000002), 80);
    for (const p of [v4, v6, v6b]) t.insert(p);
    for (const p of [v4, v6, v6b]) expect(find(t, p)).toBe(p);
    t.remove(v6);
    expect(find(t, v6)).toBeNull();
    expect(find(t, v4)).toBe(v4);
    expect(find(t, v6b)).toBe(v6b);
  });

  it('holds IPv6 tuples as well, through growing and shrinking', () => {
    const t = new TupleTable(AF_INET6, 1, 2, 3, 4);
    const all = Array.from({ length: 1000 }, (_, n) => pcb(inAddr6(0x20010db8, n % 3, n % 5, n % 7), 1 + n, inAddr6(0, 0, 0, 1), 80));
    for (const p of all) t.insert(p);
    for (const p of all) expect(find(t, p)).toBe(p);
    for (const [n, p] of all.entries()) {
      t.remove(p);
      expect(find(t, p)).toBeNull();
      if (n + 1 < all.length) expect(find(t, all[n + 1] as Inpcb)).toBe(all[n + 1]);
    }
    expect(t.size).toBe(0);
  });

  it('never takes as long as its table under churn at constant size: no tombstones pile up', () => {
    const t = new TupleTable(AF_INET, 11, 12, 3, 4);
    const ring = Array.from({ length: 100 }, (_, n) => pcb(inAddr4(n), 1000 + n, inAddr4(9), 80));
    for (const p of ring) t.insert(p);
    const slots = t.slots;
    for (let n = 0; n < 50_000; n++) {
      const p = ring[n % 100] as Inpcb;
      t.remove(p);
      p.fport = 1 + ((p.fport + 7919) % 65535);
      t.insert(p);
    }
    expect(t.slots).toBe(slots);
    for (const p of ring) expect(find(t, p)).toBe(p);
  });

  it('looks at as few slots for 200,000 pcbs of one prefix and port as for 1,000', () => {
    const mean = [1000, 200_000].map((n) => {
      const t = new TupleTable(AF_INET, 21, 22, 23, 24);
      const proto = pcb(inAddr4(1), 1, inAddr4(9), 80);
      for (let k = 0; k < n; k++) t.insert(Object.assign(Object.create(null) as Inpcb, { ...proto, faddr: inAddr4(0x0a000000 + (k >>> 12)), laddr: proto.laddr, fport: 1024 + (k & 4095), lport: 80 }));
      while (t.moving) {
        t.insert(proto);
        t.remove(proto);
      }
      return t.probes();
    });
    for (const p of mean) {
      expect(p.mean).toBeLessThan(2);
      expect(p.max).toBeLessThan(60);
    }
  });

  it('a peer that prepares collisions for one key finds none under another', () => {
    const known = new TupleTable(AF_INET, 1, 2, 3, 4);
    const secret = new TupleTable(AF_INET, 5, 6, 7, 8);
    const local = inAddr4(9);
    let made = 0;
    for (let n = 1; made < 600; n++) {
      const f = 0x0a000000 + n;
      if ((tupleHash4(1, 2, 3, 4, f, 9, (7 << 16) | 80) & 1023) !== 3) continue;
      made++;
      const p = pcb(inAddr4(f), 7, local, 80);
      known.insert(p);
      secret.insert(p);
    }
    while (known.moving || secret.moving) for (const t of [known, secret]) {
      const p = pcb(inAddr4(1), 7, local, 80);
      t.insert(p);
      t.remove(p);
    }
    expect(known.probes().mean).toBeGreaterThan(100);
    expect(secret.probes().mean).toBeLessThan(2);
  });

  it('refuses to take out what is not in it', () => {
    expect(() => new TupleTable(AF_INET, 1, 2, 3, 4).remove(pcb(inAddr4(1), 1, inAddr4(2), 2))).toThrow('not in its table');
  });
});

describe('tables against a walk over all pcbs (T61: strategies behave alike)', () => {
  const tuple = fc.record({ af: fc.constantFrom(AF_INET, AF_INET6), f: fc.integer({ min: 0, max: 3 }), fport: fc.integer({ min: 0, max: 3 }), l: fc.integer({ min: 0, max: 2 }), lport: fc.integer({ min: 1, max: 4 }) });
  const op = fc.record({ add: fc.boolean(), at: fc.nat(), t: tuple });

  it('T61 the same lookups give the same pcbs whatever the strategy', () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 200 }), (ops) => {
        const hash = new HashTables(7, 8, 9, 10);
        const linear = new LinearTables();
        const twins: [Inpcb, Inpcb][] = [];
        const a = (af: number, n: number): InAddr => (af === AF_INET ? inAddr4(n) : inAddr6(0, n, 0, n));
        for (const o of ops) {
          if (o.add || twins.length === 0) {
            const p = pcb(a(o.t.af, o.t.f), o.t.fport, a(o.t.af, o.t.l), o.t.lport);
            if (o.t.fport !== 0 && find(linear, p) !== null) continue;
            const q = pcb(p.faddr, p.fport, p.laddr, p.lport);
            hash.insert(p);
            linear.insert(q);
            twins.push([p, q]);
          } else {
            const [[p, q]] = twins.splice(o.at % twins.length, 1) as [[Inpcb, Inpcb]];
            hash.remove(p);
            linear.remove(q);
          }
          expect(hash.size).toBe(linear.size);
          const probe = pcb(a(o.t.af, o.t.f), Math.max(o.t.fport, 1), a(o.t.af, o.t.l), o.t.lport);
          expect(twins.find(([p]) => p === find(hash, probe))?.[1] ?? null).toBe(find(linear, probe));
          for (let port = 1; port <= 4; port++) expect(ring(hash, port)).toEqual(ring(linear, port));
        }
      }),
    );
  });

  /** The pcbs of a port, as text; the unconnected ones in order. */
  function ring(t: PcbTables, port: number): string[] {
    const out: string[] = [];
    const head = t.portHead(port);
    if (head === null) return out;
    let p: Inpcb = head;
    let connected = false;
    do {
      const c = (p.flags2 & INP_CONNECTED) !== 0;
      expect(connected && !c).toBe(false);
      connected = c;
      out.push(`${p.faddr}.${p.fport}-${p.laddr}.${p.lport}`);
      p = p.portNext as Inpcb;
    } while (p !== head);
    return out;
  }
});

describe('PortTable', () => {
  it('agrees with a Map', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.boolean()), { maxLength: 1000 }), fc.integer(), (ops, seed) => {
        const t = new PortTable(seed);
        const model = new Map<number, Inpcb>();
        const some = pcb(inAddr4(1), 1, inAddr4(1), 1);
        for (const [port, put] of ops) {
          t.set(port, put ? some : null);
          if (put) model.set(port, some);
          else model.delete(port);
          expect(t.size).toBe(model.size);
        }
        for (let p = 1; p <= 300; p++) expect(t.get(p)).toBe(model.get(p) ?? null);
      }),
    );
  });

  it('holds all ports at once', () => {
    const t = new PortTable(3);
    const some = pcb(inAddr4(1), 1, inAddr4(1), 1);
    for (let p = 1; p < 65536; p++) t.set(p, some);
    expect(t.size).toBe(65535);
    for (let p = 1; p < 65536; p++) expect(t.get(p)).toBe(some);
    for (let p = 1; p < 65536; p++) t.set(p, null);
    expect(t.size).toBe(0);
  });
});

describe('tuple hash', () => {
  it('spreads neighbouring tuples evenly over buckets', () => {
    const buckets = new Int32Array(256);
    for (let n = 0; n < 65536; n++) buckets[tupleHash4(1, 2, 3, 4, 0x0a000001, 0x0a000002, (n << 16) | 80) & 255]!++;
    expect(Math.max(...buckets)).toBeLessThan(256 * 1.35);
    expect(Math.min(...buckets)).toBeGreaterThan(256 * 0.65);
  });

  it('is another function under another key: colliding tuples cannot be prepared', () => {
    const same: number[] = [];
    for (let n = 0; same.length < 200; n++) if ((tupleHash4(1, 2, 3, 4, n, 7, 80) & 1023) === 5) same.push(n);
    const elsewhere = new Set(same.map((n) => tupleHash4(1, 2, 3, 5, n, 7, 80) & 1023));
    expect(elsewhere.size).toBeGreaterThan(150);
  });

  it('marks the family in the top bit', () => {
    for (let n = 0; n < 100; n++) {
      expect(tupleHash4(n, 2, 3, 4, n, n, n)).toBeGreaterThanOrEqual(0);
      expect(tupleHash6(n, 2, 3, 4, 0, 0, 0, n, 0, 0, 0, n, n)).toBeLessThan(0);
    }
  });
});
