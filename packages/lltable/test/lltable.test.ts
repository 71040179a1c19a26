import { MbufPool, mToBytes } from '@ns/mbuf';
import { AF_INET, AF_INET6, inAddr4, inAddr6, parseEtherAddr, parseInAddr } from '@ns/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LLE_DELETED,
  LLE_IFADDR,
  LLE_LINKED,
  LLE_STATIC,
  LLE_VALID,
  type Llentry,
  llentryInvalidate,
  llentryProvideFeedback,
  llentryRequestFeedback,
  llentrySetAddr,
  Lltable,
} from '../src/index.ts';
import { Lab } from '../../ip/test/lab.ts';

const MAC = parseEtherAddr('02:00:00:00:00:09')!;
const SRC = parseEtherAddr('02:00:00:00:00:01')!;

function table(limit?: number): { tbl: Lltable; removed: Llentry[]; used: Llentry[]; pool: MbufPool } {
  const lab = new Lab();
  const { ifp } = lab.ether('02:00:00:00:00:01', null);
  const removed: Llentry[] = [];
  const used: Llentry[] = [];
  const tbl = new Lltable(ifp, AF_INET, { removed: (l) => removed.push(l), used: (l) => used.push(l) }, limit);
  return { tbl, removed, used, pool: new MbufPool() };
}

describe('the table', () => {
  it('finds what was entered and nothing else, through growth and removal (against a map)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -40, max: 40 }).map((n) => (n * 0x01010101) | 0)), { maxLength: 300 }), (ops) => {
        const { tbl } = table();
        const model = new Map<number, Llentry>();
        for (const [add, a] of ops) {
          const have = tbl.lookup4(a);
          expect(have).toBe(model.get(a) ?? null);
          if (add && have === null) model.set(a, tbl.create(inAddr4(a), 0)!);
          else if (!add && have !== null) {
            tbl.remove(have);
            model.delete(a);
          }
          expect(tbl.count).toBe(model.size);
        }
        const seen: number[] = [];
        tbl.forEach((l) => seen.push(l.addr.w3));
        expect(seen).toEqual([...model.keys()]);
      }),
      { numRuns: 60 },
    );
  });

  it('tells IPv6 addresses apart by all words', () => {
    const lab = new Lab();
    const tbl = new Lltable(lab.ether('02:00:00:00:00:01', null).ifp, AF_INET6, { removed: () => {} });
    for (let i = 0; i < 2000; i++) llentrySetAddr(tbl.create(inAddr6(0x20010db8, i, i * 3, 1), 0)!, MAC, 0, SRC, 0x86dd);
    for (let i = 0; i < 2000; i++) expect(tbl.lookup(inAddr6(0x20010db8, i, i * 3, 1))?.addr.w1).toBe(i);
    expect(tbl.lookup(inAddr6(0x20010db8, 1, 2, 1))).toBe(null);
  });

  it('is bounded: the oldest unresolved entry gives way, then the oldest; static ones stay', () => {
    const { tbl } = table(4);
    const e = [1, 2, 3, 4].map((i) => tbl.create(inAddr4(i), i === 1 ? LLE_STATIC : 0)!);
    llentrySetAddr(e[1]!, MAC, 0, SRC, 0x0800);
    llentrySetAddr(e[3]!, MAC, 0, SRC, 0x0800);
    tbl.create(inAddr4(5), 0);
    expect([1, 2, 3, 4, 5].map((i) => tbl.lookup4(i) !== null)).toEqual([true, true, false, true, true]);
    tbl.remove(tbl.lookup4(5)!);
    llentrySetAddr(tbl.create(inAddr4(6), 0)!, MAC, 0, SRC, 0x0800);
    tbl.create(inAddr4(7), 0);
    expect(tbl.lookup4(2)).toBe(null);
    expect(tbl.evicted).toBe(2);
    expect(tbl.count).toBe(4);
    const full = table(2).tbl;
    full.create(inAddr4(1), LLE_STATIC);
    full.create(inAddr4(2), LLE_IFADDR);
    expect(full.create(inAddr4(3), 0)).toBe(null);
    expect(full.refused).toBe(1);
  });

  it('unresolved entries have a sixteenth of it, and displace each other alone', () => {
    const { tbl } = table(1600);
    const good = Array.from({ length: 200 }, (_, i) => tbl.create(inAddr4(i + 1), 0)!);
    expect(tbl.unresolved).toBe(100);
    for (const lle of good.slice(100)) llentrySetAddr(lle, MAC, 0, SRC, 0x0800);
    expect([tbl.unresolved, tbl.count]).toEqual([0, 100]);
    for (let i = 0; i < 5000; i++) tbl.create(inAddr4(1000 + i), 0);
    expect([tbl.unresolved, tbl.count]).toEqual([100, 200]);
    expect(good.slice(100).every((lle) => tbl.lookup(lle.addr) === lle)).toBe(true);
    expect([tbl.lookup4(5899), tbl.lookup4(5900) !== null, tbl.lookup4(5999) !== null]).toEqual([null, true, true]);
  });

  it('one that loses its address is the last of them to go', () => {
    const { tbl } = table(4);
    const [a, b] = [1, 2].map((i) => tbl.create(inAddr4(i), 0)!) as [Llentry, Llentry];
    llentrySetAddr(a, MAC, 0, SRC, 0x0800);
    llentryInvalidate(a);
    expect(tbl.unresolved).toBe(2);
    for (const i of [3, 4, 5]) tbl.create(inAddr4(i), 0);
    expect([tbl.lookup4(1), tbl.lookup4(2)]).toEqual([a, null]);
    tbl.create(inAddr4(6), 0);
    expect(tbl.lookup4(1)).toBe(null);
    llentrySetAddr(b, MAC, 0, SRC, 0x0800); // gone: nobody counts it
    llentryInvalidate(b);
    expect([tbl.unresolved, tbl.count]).toEqual([4, 4]);
    tbl.destroy();
    expect([tbl.unresolved, tbl.count]).toEqual([0, 0]);
  });

  it('prefixFree, flush and destroy take what they should and tell the protocol', () => {
    const { tbl, removed } = table();
    const put = (a: string, flags: number): Llentry => tbl.create(parseInAddr(a)!, flags)!;
    put('10.0.0.1', LLE_IFADDR);
    put('10.0.0.2', 0);
    put('10.0.0.3', LLE_STATIC);
    put('10.0.1.2', 0);
    tbl.prefixFree(parseInAddr('10.0.0.0')!, 24, 0);
    expect(removed.map((l) => `${l.addr}`)).toEqual(['10.0.0.1', '10.0.0.2']);
    tbl.flush();
    expect(removed.length).toBe(3);
    tbl.prefixFree(parseInAddr('10.0.0.0')!, 24, LLE_STATIC);
    expect(tbl.count).toBe(0);
    put('10.0.0.1', LLE_IFADDR | LLE_STATIC);
    tbl.destroy();
    expect(tbl.count).toBe(0);
  });
});

describe('an entry', () => {
  it('has its header ready as bytes and as words', () => {
    const { tbl } = table();
    const lle = tbl.create(inAddr4(1), 0)!;
    expect(llentrySetAddr(lle, MAC, 0, SRC, 0x0800)).toBe(true);
    const dv = new DataView(lle.l2hdr.buffer);
    expect([...lle.l2hdr]).toEqual([...MAC, ...SRC, 8, 0]);
    expect([lle.h0, lle.h1, lle.h2, lle.h3]).toEqual([dv.getInt32(0), dv.getInt32(4), dv.getInt32(8), dv.getUint16(12)]);
    expect(llentrySetAddr(lle, MAC, 0, SRC, 0x0800)).toBe(false);
    const gen = lle.gen;
    tbl.updateSource(parseEtherAddr('02:00:00:00:00:44')!);
    expect(lle.l2hdr[11]).toBe(0x44);
    expect(lle.h2 & 0xff).toBe(0x44);
    expect(lle.gen).not.toBe(gen);
  });

  it('that is invalidated or removed is used by nobody who still holds it', () => {
    const { tbl } = table();
    const lle = tbl.create(inAddr4(1), 0)!;
    llentrySetAddr(lle, MAC, 0, SRC, 0x0800);
    llentryInvalidate(lle);
    expect(lle.flags & LLE_VALID).toBe(0);
    llentrySetAddr(lle, MAC, 0, SRC, 0x0800);
    tbl.remove(lle);
    expect(lle.flags & (LLE_VALID | LLE_LINKED | LLE_DELETED)).toBe(LLE_DELETED);
    expect(tbl.remove(lle)).toBe(0);
  });

  it('keeps a bounded queue and drops the oldest', () => {
    const { tbl, pool } = table();
    const lle = tbl.create(inAddr4(1), 0)!;
    let dropped = 0;
    for (let i = 0; i < 5; i++) dropped += lle.hold(pool.fromBytes(Uint8Array.of(i))!, 3);
    expect(dropped).toBe(2);
    expect(lle.numHeld).toBe(3);
    expect([...mToBytes(lle.takeHeld())]).toEqual([2]);
    expect(lle.hold(pool.fromBytes(Uint8Array.of(9))!, 0)).toBe(1);
    expect(tbl.remove(lle)).toBe(2);
    expect(pool.outstanding).toBe(1); // the one that was taken out
  });

  it('tells the protocol once that it was used', () => {
    const { tbl, used } = table();
    const lle = tbl.create(inAddr4(1), 0)!;
    llentryRequestFeedback(lle);
    expect(lle.skipReq).toBe(1);
    llentryProvideFeedback(lle);
    expect(lle.skipReq).toBe(0);
    expect(used).toEqual([lle]);
  });
});
