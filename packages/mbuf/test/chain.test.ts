import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Mbuf,
  MbufPool,
  mAdj,
  mCatpkt,
  mCksum,
  mCopyback,
  mCopydata,
  mCopym,
  mCopypacket,
  mDup,
  mFixhdr,
  mFreem,
  MCLBYTES,
  MHLEN,
  mLength,
  M_PKTHDR,
  mPrepend,
  mPullup,
  mSplit,
  mToBytes,
  mUnshare,
  mWritable,
} from '../src/index.ts';

/** A packet of the given pieces: clusters and read-only foreign memory by turns. */
function packet(pool: MbufPool, pieces: readonly Uint8Array[]): Mbuf {
  const head = pool.getHdr() as Mbuf;
  let tail = head;
  pieces.forEach((p, i) => {
    const m = (i % 2 === 0 ? pool.fromBytes(p, 8) : pool.extAdd(p, null, undefined)) as Mbuf;
    m.flags &= ~M_PKTHDR;
    tail.next = m;
    tail = m;
    while (tail.next !== null) tail = tail.next;
  });
  mFixhdr(head);
  return head;
}

const concat = (pieces: readonly Uint8Array[]): number[] => pieces.flatMap((p) => [...p]);
const bytes = (m: Mbuf | null): number[] => [...mToBytes(m)];
const anyPieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { minLength: 1, maxLength: 6 });
const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 40 });

/** One's complement sum as RFC 1071 §4.1 has it, byte pair by byte pair. */
function naiveSum(b: readonly number[], sum: number): number {
  let s = sum;
  for (let i = 0; i < b.length; i += 2) s += ((b[i] as number) << 8) | (b[i + 1] ?? 0);
  while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
  return s;
}

type Op =
  | { op: 'adj'; n: number }
  | { op: 'prepend'; data: Uint8Array }
  | { op: 'pullup'; n: number }
  | { op: 'split'; n: number }
  | { op: 'unshare' }
  | { op: 'share'; at: number; n: number };

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('adj' as const), n: fc.integer({ min: -60, max: 60 }) }),
  fc.record({ op: fc.constant('prepend' as const), data: anyBytes }),
  fc.record({ op: fc.constant('pullup' as const), n: fc.integer({ min: 0, max: 200 }) }),
  fc.record({ op: fc.constant('split' as const), n: fc.integer({ min: 0, max: 200 }) }),
  fc.record({ op: fc.constant('unshare' as const) }),
  fc.record({ op: fc.constant('share' as const), at: fc.integer({ min: 0, max: 99 }), n: fc.integer({ min: 0, max: 99 }) }),
);

describe('a chain behaves as the array of its bytes', () => {
  it('through any sequence of operations, and returns every mbuf', () => {
    fc.assert(
      fc.property(anyPieces, fc.array(anyOp, { maxLength: 12 }), (pieces, ops) => {
        const pool = new MbufPool();
        pool.poison = true;
        let m = packet(pool, pieces);
        let model = concat(pieces);
        const held: { m: Mbuf; bytes: number[] }[] = [];
        for (const o of ops) {
          if (o.op === 'adj') {
            mAdj(m, o.n);
            model = o.n >= 0 ? model.slice(o.n) : model.slice(0, Math.max(0, model.length + o.n));
          } else if (o.op === 'prepend') {
            m = mPrepend(m, o.data.length) as Mbuf;
            expect(mCopyback(m, 0, o.data)).toBe(true);
            model = [...o.data, ...model];
          } else if (o.op === 'pullup') {
            if (o.n > model.length) continue;
            m = mPullup(m, o.n) as Mbuf;
            expect(m.len).toBeGreaterThanOrEqual(o.n);
          } else if (o.op === 'split') {
            if (o.n > model.length) continue;
            const rest = mSplit(m, o.n);
            if (rest === null) continue;
            expect(bytes(m)).toEqual(model.slice(0, o.n));
            expect(bytes(rest)).toEqual(model.slice(o.n));
            mCatpkt(m, rest);
          } else if (o.op === 'unshare') {
            m = mUnshare(m) as Mbuf;
          } else if (o.at + o.n <= model.length && o.n > 0) {
            held.push({ m: mCopym(m, o.at, o.n) as Mbuf, bytes: model.slice(o.at, o.at + o.n) });
          }
          expect(bytes(m)).toEqual(model);
          expect(m.pktlen).toBe(model.length);
          expect(mCksum(m, 0, model.length, 0)).toBe(naiveSum(model, 0));
        }
        // What was shared kept its bytes, whatever was written through the packet.
        for (const h of held) expect(bytes(h.m)).toEqual(h.bytes);
        for (const h of held) mFreem(h.m);
        mFreem(m);
        expect(pool.outstanding).toBe(0);
        expect(pool.extOutstanding).toBe(0);
      }),
    );
  });

  it('copies any range', () => {
    fc.assert(
      fc.property(anyPieces, fc.nat(300), fc.nat(300), (pieces, off, len) => {
        const pool = new MbufPool();
        const m = packet(pool, pieces);
        const model = concat(pieces);
        const dst = new Uint8Array(len);
        const there = off + len <= model.length;
        expect(mCopydata(m, off, len, dst)).toBe(there || len === 0);
        if (there) expect([...dst]).toEqual(model.slice(off, off + len));
        const c = mCopym(m, off, len);
        if (there && len > 0) expect(bytes(c)).toEqual(model.slice(off, off + len));
        else expect(c).toBe(null);
        mFreem(c);
        mFreem(m);
        expect(pool.outstanding).toBe(0);
      }),
    );
  });

  it('sums any range, pieces of odd length included (RFC 1071)', () => {
    fc.assert(
      fc.property(anyPieces, fc.nat(80), fc.nat(0xffff), (pieces, off, sum) => {
        const pool = new MbufPool();
        const m = packet(pool, pieces);
        const model = concat(pieces).slice(off);
        expect(mCksum(m, off, model.length, sum)).toBe(naiveSum(model, sum));
      }),
    );
  });
});

describe('ownership', () => {
  it.each([MHLEN, MHLEN + 1, 300, 1200, MCLBYTES])('%i bytes in front have storage of their own', (len) => {
    const pool = new MbufPool();
    const others = Array.from({ length: 20 }, () => pool.fromBytes(new Uint8Array(40).fill(7)) as Mbuf);
    for (const m of others.splice(0, 10)) mFreem(m);
    const m = mPrepend(pool.fromBytes(Uint8Array.of(1, 2)) as Mbuf, len) as Mbuf;
    m.buf.fill(9, m.off, m.off + len);
    expect(m.pktlen).toBe(len + 2);
    expect([...mToBytes(m)]).toEqual([...new Array<number>(len).fill(9), 1, 2]);
    for (const o of others) expect(mToBytes(o)).toEqual(new Uint8Array(40).fill(7));
    for (const x of [m, ...others]) mFreem(x);
    expect(pool.outstanding).toBe(0);
  });

  it('a shared piece is not written: mPrepend takes another mbuf, mCopyback refuses', () => {
    const pool = new MbufPool();
    const m = pool.fromBytes(new Uint8Array([1, 2, 3]), 16) as Mbuf;
    const c = mCopypacket(m) as Mbuf;
    expect(mWritable(m)).toBe(false);
    const p = mPrepend(m, 2) as Mbuf;
    expect(p).not.toBe(m);
    expect(mCopyback(p, 2, new Uint8Array([9]))).toBe(false);
    mFreem(c);
    expect(mCopyback(p, 2, new Uint8Array([9]))).toBe(true);
    expect(bytes(p).slice(2)).toEqual([9, 2, 3]);
    mFreem(p);
  });

  it('memory of the application is never written, and given back once, when the last reference goes', () => {
    const pool = new MbufPool();
    const app = new Uint8Array([0, 0, 7, 8, 9]).subarray(2);
    const freed: unknown[] = [];
    const m = pool.extAdd(app, (arg) => freed.push(arg), 'done') as Mbuf;
    const p = mPrepend(m, 2) as Mbuf;
    p.dv.setUint16(p.off, 0xffff);
    expect([...new Uint8Array(app.buffer)]).toEqual([0, 0, 7, 8, 9]);
    const part = mCopym(p, 3, 2) as Mbuf;
    mFreem(p);
    expect(freed).toEqual([]);
    expect(bytes(part)).toEqual([8, 9]);
    mFreem(part);
    expect(freed).toEqual(['done']);
    expect(pool.extOutstanding).toBe(0);
  });

  it('freeing twice is noticed, and poisoned storage shows late reads', () => {
    const pool = new MbufPool();
    pool.poison = true;
    const m = pool.fromBytes(new Uint8Array([1, 2, 3])) as Mbuf;
    const { buf, off } = m;
    mFreem(m);
    expect(m.len).toBe(-1);
    expect(buf[off]).toBe(0xdb);
    expect(() => mFreem(m)).toThrow('mbuf freed twice');
  });

  it('neighbours in a slab do not meet', () => {
    const pool = new MbufPool();
    const a = pool.getHdr() as Mbuf;
    const b = pool.getHdr() as Mbuf;
    a.len = 256 - (a.off - (a.ext?.base ?? 0));
    a.buf.fill(0xaa, a.off, a.off + a.len);
    b.len = 8;
    b.buf.fill(0xbb, b.off, b.off + 8);
    expect(bytes(a).every((x) => x === 0xaa)).toBe(true);
    expect(bytes(b).every((x) => x === 0xbb)).toBe(true);
  });
});

describe('limits', () => {
  it('refuses with null, counts, and recovers', () => {
    const pool = new MbufPool({ nmbufs: 4, nmbclusters: 1 });
    const a = pool.getCl(2000) as Mbuf;
    expect(pool.getCl(2000)).toBe(null);
    const held = [pool.getHdr(), pool.getHdr(), pool.getHdr()];
    expect(pool.getHdr()).toBe(null);
    expect(pool.extAdd(new Uint8Array(1), null, 0)).toBe(null);
    expect(pool.stats().map((z) => z.denied)).toEqual([2, 0, 1, 0, 0]);
    for (const m of held) mFreem(m);
    mFreem(a);
    expect(pool.outstanding).toBe(0);
    expect(pool.getCl(2000)).not.toBe(null);
  });

  it('a failed operation frees or keeps what its contract says', () => {
    const pool = new MbufPool({ nmbufs: 2 });
    const m = pool.extAdd(new Uint8Array(64), null, 0) as Mbuf;
    const n = pool.extAdd(new Uint8Array(64), null, 0) as Mbuf;
    expect(mCopym(m, 0, 64)).toBe(null);
    expect(mSplit(m, 10)).toBe(null);
    expect(mLength(m)).toBe(64);
    expect(mPrepend(m, 10)).toBe(null); // consumed
    expect(pool.outstanding).toBe(1);
    n.next = null;
    expect(mPullup(n, 65)).toBe(null); // consumed: it never had 65 bytes
    expect(pool.outstanding).toBe(0);
    expect(pool.extOutstanding).toBe(0);
  });

  it('deep copies of packets larger than a cluster', () => {
    const pool = new MbufPool();
    const big = new Uint8Array(100_000).map((_, i) => i * 7);
    const m = pool.fromBytes(big, 64) as Mbuf;
    const d = mDup(m) as Mbuf;
    mFreem(m);
    expect(mToBytes(d)).toEqual(big);
    expect(d.pktlen).toBe(big.length);
    mFreem(d);
    expect(pool.outstanding).toBe(0);
    expect(MHLEN).toBeGreaterThanOrEqual(168);
  });
});
