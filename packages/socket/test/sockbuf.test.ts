import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mbuf, MbufPool, mFreem, mToBytes } from '@ns/mbuf';
import {
  DgramInfo,
  sbappendaddr,
  sbappendstream,
  SB_NOCOALESCE,
  sbcopydata,
  sbcopym,
  sbcut,
  sbdrop,
  sbflush,
  sbreserve,
  sbsndptr,
  sbspace,
  Sockbuf,
} from '@ns/socket';
import { sbCharge, sbtakerecord } from '../src/sockbuf.ts';

const MAXSOCKBUF = 2097152;

function buf(hiwat = 65536): { sb: Sockbuf; pool: MbufPool } {
  const sb = new Sockbuf();
  expect(sbreserve(sb, hiwat, MAXSOCKBUF)).toBe(true);
  return { sb, pool: new MbufPool() };
}

const bytes = (n: number, from = 0): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (from + i) & 255);

function chain(pool: MbufPool, data: Uint8Array, how: number): Mbuf {
  const m = how === 0 ? pool.fromBytes(data) : pool.extAdd(data, null, null);
  if (m === null) throw new Error('pool empty');
  return m;
}

/** What the fields say must be what is there. */
function check(sb: Sockbuf, model: Uint8Array): void {
  expect(mToBytes(sb.mb)).toEqual(model);
  expect(sb.cc).toBe(model.length);
  let charge = 0;
  let tail: Mbuf | null = null;
  for (let m = sb.mb; m !== null; m = m.next) {
    charge += sbCharge(m);
    expect(m.len).toBeGreaterThan(0);
    tail = m;
  }
  expect(sb.mbcnt).toBe(charge);
  expect(sb.mbtail).toBe(tail);
}

describe('a stream buffer', () => {
  it('is a queue of bytes, whatever the pieces (against an array)', () => {
    const op = fc.oneof(
      fc.record({ op: fc.constant('append'), n: fc.integer({ min: 0, max: 3000 }), how: fc.integer({ min: 0, max: 1 }) }),
      fc.record({ op: fc.constant('drop'), n: fc.integer({ min: 0, max: 3000 }), how: fc.constant(0) }),
      fc.record({ op: fc.constant('cut'), n: fc.integer({ min: 0, max: 3000 }), how: fc.constant(0) }),
      fc.record({ op: fc.constant('look'), n: fc.nat(), how: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), fc.boolean(), (ops, nocoalesce) => {
        const { sb, pool } = buf(1 << 20);
        if (nocoalesce) sb.flags |= SB_NOCOALESCE;
        let model = new Uint8Array(0);
        let next = 0;
        for (const { op: what, n, how } of ops) {
          if (what === 'append') {
            const data = bytes(n, next);
            next += n;
            sbappendstream(sb, chain(pool, data, how));
            model = Uint8Array.from([...model, ...data]);
          } else if (what === 'drop') {
            const k = Math.min(n, model.length);
            sbdrop(sb, k);
            model = model.slice(k);
          } else if (what === 'cut') {
            const k = Math.min(n, model.length);
            const m = sbcut(sb, k);
            expect(mToBytes(m)).toEqual(model.slice(0, k));
            mFreem(m);
            model = model.slice(k);
          } else if (model.length > 0) {
            const off = n % model.length;
            const len = 1 + (how % (model.length - off));
            const m = sbcopym(sb, off, len);
            expect(mToBytes(m)).toEqual(model.slice(off, off + len));
            mFreem(m);
            const out = new Uint8Array(len + 3);
            sbcopydata(sb, off, len, out, 3);
            expect(out.slice(3)).toEqual(model.slice(off, off + len));
          }
          check(sb, model);
        }
        sbflush(sb);
        check(sb, new Uint8Array(0));
        expect(pool.outstanding).toBe(0);
        expect(pool.extOutstanding).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('copies small pieces into the room behind the last one, and counts storage only once', () => {
    const { sb, pool } = buf();
    for (let n = 0; n < 100; n++) sbappendstream(sb, chain(pool, bytes(1, n), 0));
    check(sb, bytes(100));
    expect(pool.outstanding).toBe(1);
    expect(sb.mbcnt).toBeLessThan(600);
  });

  it('does not write into a piece that somebody shares', () => {
    const { sb, pool } = buf();
    sbappendstream(sb, chain(pool, bytes(10), 0));
    const inFlight = sbcopym(sb, 0, 10);
    sbappendstream(sb, chain(pool, bytes(10, 10), 0));
    expect(mToBytes(inFlight)).toEqual(bytes(10));
    check(sb, bytes(20));
    expect(pool.outstanding).toBe(3);
    mFreem(inFlight);
  });

  it('has no room when the storage is used up, though bytes are few', () => {
    const { sb, pool } = buf(4096);
    sb.flags |= SB_NOCOALESCE;
    let n = 0;
    while (sbspace(sb) > 0) {
      const m = pool.getCl(2048);
      if (m === null) throw new Error('pool empty');
      m.len = 1;
      sbappendstream(sb, m);
      n++;
    }
    expect(n).toBe(Math.ceil((8 * 4096) / (256 + 2048)));
    expect(sb.cc).toBeLessThan(20);
    sbflush(sb);
  });

  it('counts foreign memory by what is used of it, so that slices of one block do not fill a buffer', () => {
    const { sb, pool } = buf(65536);
    const block = chain(pool, bytes(65536), 1);
    sbappendstream(sb, block);
    expect(sb.mbcnt).toBe(65536 + 256);
    sbdrop(sb, 65000);
    expect(sb.mbcnt).toBe(536 + 256);
    sbflush(sb);
  });

  it('finds the next byte to send in constant time along a long queue', () => {
    const { sb, pool } = buf(1 << 20);
    sb.flags |= SB_NOCOALESCE;
    for (let n = 0; n < 500; n++) sbappendstream(sb, chain(pool, bytes(1000, n), 0));
    let walked = 0;
    for (let off = 0; off + 1448 <= sb.cc; off += 1448) {
      const before = sb.sndptroff;
      sbsndptr(sb, off);
      walked += (sb.sndptroff - before) / 1000;
    }
    expect(walked).toBeLessThan(501);
    const kept = sb.sndptr;
    sbsndptr(sb, 10); // a retransmission near the front
    expect(sb.sndptr).toBe(kept);
    sbdrop(sb, 100_500);
    expect(mToBytes(sbcopym(sb, 200_000, 5))).toEqual(bytes(5, 300 + ((300_500 - 300_000) & 255)));
    sbflush(sb);
  });

  it('refuses more than kern.ipc.maxsockbuf, net of overhead', () => {
    const sb = new Sockbuf();
    expect(sbreserve(sb, 1864135, MAXSOCKBUF)).toBe(true);
    expect(sbreserve(sb, 1864136, MAXSOCKBUF)).toBe(false);
    expect(sb.hiwat).toBe(1864135);
    expect(sb.mbmax).toBe(MAXSOCKBUF);
    sb.lowat = 5000;
    sbreserve(sb, 100, MAXSOCKBUF);
    expect(sb).toMatchObject({ lowat: 100, mbmax: 800 });
  });
});

describe('a datagram buffer', () => {
  it('keeps datagrams whole and their senders with them (against an array)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 65535 })), { maxLength: 150 }), (ops) => {
        const { sb, pool } = buf(20_000);
        const model: { data: Uint8Array; port: number; tstampUs: number }[] = [];
        const d = new DgramInfo();
        let at = 0;
        for (const [put, n, port] of ops) {
          if (put) {
            const data = bytes(n, at++);
            const m = chain(pool, data, 0);
            d.port = port;
            d.src3 = port * 3;
            d.tstampUs = at * 5e9;
            d.ttl = 7;
            d.tos = 3;
            if (sbappendaddr(sb, m, d)) model.push({ data, port, tstampUs: at * 5e9 });
            else {
              expect(sb.cc + n > 20_000 || sb.mbcnt + 2304 > sb.mbmax).toBe(true);
              mFreem(m);
            }
          } else {
            const info = new DgramInfo();
            sb.ring?.peek(info);
            const m = sbtakerecord(sb);
            const want = model.shift();
            expect(m === null).toBe(want === undefined);
            if (want === undefined) continue;
            expect(mToBytes(m)).toEqual(want.data);
            expect(info).toMatchObject({ port: want.port, src3: want.port * 3, tstampUs: want.tstampUs, ttl: 7, tos: 3, len: want.data.length });
            mFreem(m);
          }
          expect(sb.cc).toBe(model.reduce((s, x) => s + x.data.length, 0));
        }
        sbflush(sb);
        expect(pool.outstanding).toBe(0);
      }),
    );
  });

  it('counts ancillary data as FreeBSD does: bytes with their headers, an mbuf or a cluster for each; all of it comes back, whatever readers do to it', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 2100 }).map((n) => [new Uint8Array(n), n] as const),
      fc.constant([7, 4] as const),
      fc.constant([{ addr: null, mtu: 1400 }, 32] as const),
    );
    const op = fc.oneof(
      fc.record({ op: fc.constant('put'), n: fc.integer({ min: 0, max: 300 }), values: fc.array(value, { maxLength: 4 }) }),
      fc.record({ op: fc.constantFrom('take', 'peek', 'detach', 'flush'), n: fc.constant(0), values: fc.constant([]) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 150 }), (ops) => {
        const { sb, pool } = buf(20_000);
        const d = new DgramInfo();
        let model: { len: number; ctl: number; storage: number; control: unknown }[] = [];
        for (const { op: what, n, values } of ops) {
          const sizes = values.map(([, size]) => 16 + Math.ceil(size / 8) * 8);
          const ctl = sizes.reduce((s, x) => s + x, 0);
          const extra = sizes.reduce((s, x) => s + 256 + (x <= 224 ? 0 : Math.max(2048, x)), 0);
          if (what === 'put') {
            const m = chain(pool, bytes(n), 0);
            d.control = values.length === 0 ? null : values.map(([data], type) => ({ level: 41, type, data }));
            const storage = extra + sbCharge(m);
            const fits = n + ctl <= 20_000 - sb.cc && storage <= sb.mbmax - sb.mbcnt;
            expect(sbappendaddr(sb, m, d)).toBe(fits);
            if (fits) model.push({ len: n, ctl, storage, control: d.control });
            else mFreem(m);
          } else if (what === 'flush') {
            sbflush(sb);
            model = [];
          } else {
            const info = new DgramInfo();
            if (model.length > 0) sb.ring?.peek(info);
            expect(info.control).toBe(model[0]?.control ?? null);
            const first = info.control?.[0]?.data;
            if (what === 'detach' && first instanceof Uint8Array && first.length > 0) structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
            if (what === 'take') {
              mFreem(sbtakerecord(sb));
              model.shift();
            }
          }
          const sum = (f: (x: (typeof model)[number]) => number): number => model.reduce((s, x) => s + f(x), 0);
          expect([sb.cc, sb.ctl, sb.mbcnt]).toEqual([sum((x) => x.len + x.ctl), sum((x) => x.ctl), sum((x) => x.storage)]);
        }
        sbflush(sb);
        expect(pool.outstanding).toBe(0);
      }),
    );
  });
});
