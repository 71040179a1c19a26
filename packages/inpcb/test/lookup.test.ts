import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HashTables,
  INP_CONNECTED,
  INP_IPV4,
  INP_IPV6,
  INP_IPV6PROTO,
  type Inpcb,
  INPLOOKUP_FIB,
  INPLOOKUP_RLOCKPCB,
  INPLOOKUP_WILDCARD,
  INPLOOKUP_WLOCKPCB,
  inPcbBind,
  inPcbConnect,
  inPcbFree,
  type InpcbInfo,
  inPcbInsHash,
  inPcbLookup,
  inPcbRemHash,
  inPcbValid,
  LinearTables,
  SO_ACCEPTCONN,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_REUSEPORT_LB,
  SOCK_STREAM,
} from '@ns/inpcb';
import { AF_INET, AF_INET6, type InAddr, IN6ADDR_ANY, INADDR_ANY, inAddr4, inAddr6, isAny } from '@ns/wire';
import { addr, alloc, type Bench, bench, info, sa, TestSocket } from './harness.ts';

function look(i: InpcbInfo, f: string, fport: number, l: string, lport: number, flags: number, fib = 0): Inpcb | null {
  const x = addr(f);
  const y = addr(l);
  return inPcbLookup(i, x.af, x.w0, x.w1, x.w2, x.w3, fport, y.w0, y.w1, y.w2, y.w3, lport, flags, null, fib);
}

const WILD = INPLOOKUP_WILDCARD | INPLOOKUP_RLOCKPCB;

describe('inPcbLookup', () => {
  const b = bench();
  const i = info(b);
  const listener = alloc(i, new TestSocket(b.root, SO_REUSEADDR));
  expect(inPcbBind(listener, sa('0.0.0.0', 80), b.root)).toBe(0);
  const local = alloc(i, new TestSocket(b.root, SO_REUSEADDR));
  expect(inPcbBind(local, sa('10.0.0.1', 80), b.root)).toBe(0);
  const conn = alloc(i, new TestSocket(b.root, SO_REUSEADDR));
  expect(inPcbBind(conn, sa('10.0.0.2', 80), b.root)).toBe(0);
  expect(inPcbConnect(conn, sa('10.0.0.9', 4000), b.root)).toBe(0);

  const rows = [
    { name: 'the exact 4-tuple', f: '10.0.0.9', fport: 4000, l: '10.0.0.2', lport: 80, wild: false, want: conn },
    { name: 'the exact 4-tuple before listeners', f: '10.0.0.9', fport: 4000, l: '10.0.0.2', lport: 80, wild: true, want: conn },
    { name: 'no listener without WILDCARD', f: '10.0.0.9', fport: 4001, l: '10.0.0.1', lport: 80, wild: false, want: null },
    { name: 'the local address before the wildcard', f: '10.0.0.9', fport: 4001, l: '10.0.0.1', lport: 80, wild: true, want: local },
    { name: 'the wildcard for other addresses', f: '10.0.0.9', fport: 4001, l: '10.0.0.2', lport: 80, wild: true, want: listener },
    { name: 'nobody on another port', f: '10.0.0.9', fport: 4000, l: '10.0.0.2', lport: 81, wild: true, want: null },
    { name: 'nobody of the other family', f: '2001:db8::9', fport: 4000, l: '2001:db8::1', lport: 80, wild: true, want: null },
  ] as const;

  it.each(rows)('T59 one function with flags finds $name', ({ f, fport, l, lport, wild, want }) => {
    expect(look(i, f, fport, l, lport, wild ? WILD : INPLOOKUP_WLOCKPCB)).toBe(want);
  });

  it('T60 wants exactly one lock flag, when it runs', () => {
    for (const flags of [0, 1, 6, 7, 8, 9, 14, 15]) expect(() => look(i, '10.0.0.9', 1, '10.0.0.1', 1, flags)).toThrow('exactly one');
    for (const flags of [2, 3, 4, 5, 10, 11, 12, 13]) expect(() => look(i, '10.0.0.9', 1, '10.0.0.1', 1, flags)).not.toThrow();
  });

  it('T60 wants exactly one lock flag, by type where the value is known', () => {
    const call = (): void => {
      // @ts-expect-error neither RLOCKPCB nor WLOCKPCB
      inPcbLookup(i, AF_INET, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, INPLOOKUP_WILDCARD, null, 0);
      // @ts-expect-error both
      inPcbLookup(i, AF_INET, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 6, null, 0);
      inPcbLookup(i, AF_INET, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, INPLOOKUP_RLOCKPCB, null, 0);
      inPcbLookup(i, AF_INET, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, INPLOOKUP_WLOCKPCB, null, 0);
    };
    expect(call).toThrow();
  });

  it('keeps routing tables apart with FIB, among unconnected pcbs', () => {
    const other = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(other, sa('0.0.0.0', 90), b.root)).toBe(0);
    other.fibnum = 3;
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 90, WILD, 0)).toBe(other);
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 90, WILD | INPLOOKUP_FIB, 0)).toBeNull();
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 90, WILD | INPLOOKUP_FIB, 3)).toBe(other);
  });

  it('among equals takes the one bound last', () => {
    const first = alloc(i, new TestSocket(b.root, SO_REUSEPORT));
    const second = alloc(i, new TestSocket(b.root, SO_REUSEPORT));
    expect(inPcbBind(first, sa('0.0.0.0', 91), b.root)).toBe(0);
    expect(inPcbBind(second, sa('0.0.0.0', 91), b.root)).toBe(0);
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 91, WILD)).toBe(second);
    inPcbFree(second);
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 91, WILD)).toBe(first);
  });

  it('T58 a pcb freed between lookup and use is noticed and counted', () => {
    const p = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(p, sa('0.0.0.0', 92), b.root)).toBe(0);
    const found = look(i, '10.0.0.9', 1, '10.0.0.1', 92, WILD) as Inpcb;
    const gen = found.gencnt;
    found.refs++;
    expect(inPcbValid(found, gen)).toBe(true);
    inPcbFree(p); // while somebody else runs
    expect(inPcbValid(found, gen)).toBe(false);
    expect(i.stat.stalerefs).toBe(1);
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 92, WILD)).toBeNull();
    expect(found.refs).toBe(1);
  });
});

describe('SO_REUSEPORT_LB', () => {
  function group(b: Bench, type: number, n: number): { i: InpcbInfo; members: Inpcb[] } {
    const i = info(b, `lb${type}`);
    const members = Array.from({ length: n }, () => {
      const p = alloc(i, new TestSocket(b.root, SO_REUSEPORT_LB, AF_INET, type));
      expect(inPcbBind(p, sa('0.0.0.0', 80), b.root)).toBe(0);
      return p;
    });
    return { i, members };
  }

  it('spreads flows over the group by hash, the same flow always to the same socket', () => {
    const { i, members } = group(bench(), 2, 4);
    const hits = new Map<Inpcb, number>();
    for (let port = 1; port <= 4000; port++) {
      const p = look(i, '10.0.0.9', port, '10.0.0.1', 80, WILD) as Inpcb;
      expect(look(i, '10.0.0.9', port, '10.0.0.1', 80, WILD)).toBe(p);
      hits.set(p, (hits.get(p) ?? 0) + 1);
    }
    for (const m of members) expect(hits.get(m)).toBeGreaterThan(800);
  });

  it('gives stream connections to members that listen', () => {
    const { i, members } = group(bench(), SOCK_STREAM, 3);
    expect(look(i, '10.0.0.9', 1, '10.0.0.1', 80, WILD)).not.toBeNull(); // by precedence: no member listens yet
    const only = members[1] as Inpcb;
    (only.socket as TestSocket).options |= SO_ACCEPTCONN;
    for (let port = 1; port < 50; port++) expect(look(i, '10.0.0.9', port, '10.0.0.1', 80, WILD)).toBe(only);
  });

  it('prefers a group on the exact address, and leaves no trace when its members go', () => {
    const b = bench();
    const { i, members } = group(b, 2, 2);
    const p = alloc(i, new TestSocket(b.root, SO_REUSEPORT_LB));
    expect(inPcbBind(p, sa('10.0.0.1', 80), b.root)).toBe(0);
    expect(i.lbgroups.size).toBe(3);
    for (let port = 1; port < 50; port++) expect(look(i, '10.0.0.9', port, '10.0.0.1', 80, WILD)).toBe(p);
    expect(inPcbConnect(p, sa('10.0.0.9', 5), b.root)).toBe(0);
    expect(i.lbgroups.size).toBe(2);
    for (const m of members) inPcbFree(m);
    inPcbFree(p);
    expect(i.lbgroups.size).toBe(0);
    expect(i.tables.size).toBe(0);
  });

  it('holds no more than 256 sockets', () => {
    const b = bench();
    const { i } = group(b, 2, 256);
    const p = alloc(i, new TestSocket(b.root, SO_REUSEPORT_LB));
    expect(inPcbBind(p, sa('0.0.0.0', 80), b.root)).toBe(55);
    expect(p.lport).toBe(0);
  });
});

describe('matching precedence (freebsd.md 6.3)', () => {
  interface Spec {
    readonly v: 4 | 6 | 46;
    readonly l: number;
    readonly lport: number;
    readonly f: number;
    readonly fport: number;
  }
  const a4 = (n: number): InAddr => (n === 0 ? INADDR_ANY : inAddr4(n));
  const a6 = (n: number): InAddr => (n === 0 ? IN6ADDR_ANY : inAddr6(0, 0, 1, n));
  const spec: fc.Arbitrary<Spec> = fc.record({
    v: fc.constantFrom(4 as const, 6 as const, 46 as const),
    l: fc.integer({ min: 0, max: 2 }),
    lport: fc.integer({ min: 1, max: 2 }),
    f: fc.integer({ min: 1, max: 2 }),
    fport: fc.integer({ min: 0, max: 2 }),
  });

  /** Rules of the reference, written out as sentences: exact, then local address, then wildcard, then mapped wildcard; the last bound wins. */
  function naive(list: readonly Inpcb[], af: number, f: InAddr, fport: number, l: InAddr, lport: number): Inpcb | null {
    const same = (x: InAddr, y: InAddr): boolean => x.w0 === y.w0 && x.w1 === y.w1 && x.w2 === y.w2 && x.w3 === y.w3;
    const speaks = (p: Inpcb): boolean => (p.vflag & (af === AF_INET ? INP_IPV4 : INP_IPV6)) !== 0;
    const connected = list.filter((p) => p.fport !== 0 && p.faddr.af === af && p.lport === lport && p.fport === fport && same(p.faddr, f) && same(p.laddr, l));
    if (connected.length > 0) return connected[0] as Inpcb;
    const open = list.filter((p) => p.fport === 0 && p.lport === lport && speaks(p)).reverse();
    return (
      open.find((p) => !isAny(p.laddr) && same(p.laddr, l)) ??
      open.find((p) => isAny(p.laddr) && (af !== AF_INET || (p.vflag & INP_IPV6) === 0)) ??
      open.find((p) => isAny(p.laddr)) ??
      null
    );
  }

  for (const strategy of ['hash', 'linear'] as const) {
    it(`T61 agrees with a scan of the list (${strategy} tables)`, () => {
      fc.assert(
        fc.property(fc.array(spec, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 20 }), (specs, drops) => {
          const b = bench();
          const i = info(b, 'prop', { tables: strategy === 'hash' ? new HashTables(3, 4, 5, 6) : new LinearTables() });
          const list: Inpcb[] = [];
          for (const s of specs) {
            const p = alloc(i, new TestSocket(b.root, 0, s.v === 4 ? AF_INET : AF_INET6));
            const v4 = s.v === 4 || (s.v === 46 && s.fport !== 0);
            p.vflag = s.v === 4 ? INP_IPV4 : s.v === 6 ? INP_IPV6 | INP_IPV6PROTO : INP_IPV6PROTO | (s.fport !== 0 || s.l !== 0 ? INP_IPV4 : INP_IPV4 | INP_IPV6);
            p.laddr = v4 || (s.v === 46 && s.l !== 0) ? a4(s.l) : a6(s.l);
            p.lport = s.lport;
            p.faddr = s.fport === 0 ? (v4 ? INADDR_ANY : IN6ADDR_ANY) : v4 ? a4(s.f) : a6(s.f);
            p.fport = s.fport;
            if (s.fport !== 0 && naive(list.filter((q) => q.fport !== 0), p.faddr.af, p.faddr, p.fport, p.laddr, p.lport) !== null) {
              p.fport = 0;
              inPcbFree(p);
              continue;
            }
            expect(inPcbInsHash(p)).toBe(0);
            list.push(p);
          }
          for (const d of drops) {
            if (list.length === 0) break;
            const [p] = list.splice(d % list.length, 1) as [Inpcb];
            inPcbFree(p);
          }
          for (const af of [AF_INET, AF_INET6]) {
            const mk = af === AF_INET ? a4 : a6;
            for (let f = 1; f <= 2; f++)
              for (let fport = 1; fport <= 2; fport++)
                for (let l = 1; l <= 3; l++)
                  for (let lport = 1; lport <= 2; lport++) {
                    const x = mk(f);
                    const y = mk(l);
                    const got = inPcbLookup(i, af, x.w0, x.w1, x.w2, x.w3, fport, y.w0, y.w1, y.w2, y.w3, lport, WILD, null, 0);
                    expect(got).toBe(naive(list, af, x, fport, y, lport));
                  }
          }
        }),
      );
    });
  }

  it('T57 a pcb can be bound anew while it is held, from inside a walk and from a notification', () => {
    const b = bench();
    const i = info(b, 'rebind');
    const p = alloc(i, new TestSocket(b.root));
    expect(inPcbBind(p, sa('0.0.0.0', 5000), b.root)).toBe(0);
    p.refs++; // held by a lookup
    inPcbRemHash(p);
    p.lport = 0;
    expect(inPcbBind(p, sa('10.0.0.1', 5001), b.root)).toBe(0);
    expect(inPcbConnect(p, sa('10.0.0.9', 7), b.root)).toBe(0);
    expect(p.flags2 & INP_CONNECTED).not.toBe(0);
    expect(look(i, '10.0.0.9', 7, '10.0.0.1', 5001, WILD)).toBe(p);
    expect(look(i, '10.0.0.9', 7, '10.0.0.1', 5000, WILD)).toBeNull();
    expect(i.tables.size).toBe(1);
  });
});
