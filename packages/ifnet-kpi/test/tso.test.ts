import { CSUM_IP, CSUM_IP6_TCP, CSUM_IP6_TSO, CSUM_IP_TCP, CSUM_IP_TSO, type Mbuf, MbufPool, mFreem, mTagFind, mTagPrepend, mToBytes, TagKey } from '@ns/mbuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csumFinalize, HeaderInfo, tsoSegment } from '@ns/ifnet-kpi';
import { listBytes, packetOf, sumsRight, type TcpFrame, tcpFrame } from './frames.ts';

const info = new HeaderInfo();

function superSegment(pool: MbufPool, f: TcpFrame, segsz: number, cuts: readonly number[] = [], leave = true): Mbuf {
  const m = packetOf(pool, tcpFrame({ ...f, pseudo: true }), cuts);
  m.csumFlags = f.v === 4 ? CSUM_IP_TSO | (leave ? CSUM_IP | CSUM_IP_TCP : 0) : CSUM_IP6_TSO | (leave ? CSUM_IP6_TCP : 0);
  m.csumData = leave ? 16 : 0;
  m.tsoSegsz = segsz;
  return m;
}

function free(first: Mbuf | null): void {
  for (let m = first; m !== null; ) {
    const next: Mbuf | null = m.nextpkt;
    m.nextpkt = null;
    mFreem(m);
    m = next;
  }
}

const FIN = 0x01;
const PSH = 0x08;
const ACK = 0x10;
const CWR = 0x80;

describe('tsoSegment', () => {
  const frame = fc.record({
    v: fc.constantFrom(4 as const, 6 as const),
    ipopts: fc.constantFrom(0, 12),
    tcpopts: fc.constantFrom(0, 12, 20),
    ext: fc.constantFrom([], [[60, 16]] as [number, number][]),
    vlans: fc.constantFrom([], [5]),
    seq: fc.integer(),
    id: fc.nat(0xffff),
    payload: fc.uint8Array({ minLength: 1, maxLength: 4000 }),
  });

  it('makes segments that put together are the payload, each right in itself', () => {
    fc.assert(
      fc.property(frame, fc.integer({ min: 100, max: 1500 }), fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 6 }), fc.boolean(), (f, segsz, cuts, leave) => {
        const pool = new MbufPool();
        const flags = FIN | PSH | ACK | CWR;
        let list = tsoSegment(superSegment(pool, { ...f, flags }, segsz, cuts, leave), info) as Mbuf;
        if (f.payload.length <= segsz) {
          // It fits: the packet itself comes back, no longer asking for TSO.
          expect(list.nextpkt).toBeNull();
          expect(list.csumFlags & (CSUM_IP_TSO | CSUM_IP6_TSO)).toBe(0);
          free(list);
          return;
        }
        const l2 = 14 + 4 * f.vlans.length;
        const l3 = f.v === 4 ? 20 + f.ipopts : 40 + f.ext.reduce((n, e) => n + e[1], 0);
        const got: number[] = [];
        const count = Math.ceil(f.payload.length / segsz);
        let index = 0;
        for (let m: Mbuf | null = list, prev: Mbuf | null = null; m !== null; index++) {
          const next: Mbuf | null = m.nextpkt;
          m.nextpkt = null;
          const n = csumFinalize(m, info) as Mbuf;
          const bytes = listBytes(n)[0] as Uint8Array;
          const dv = new DataView(bytes.buffer);
          expect(n.pktlen).toBe(bytes.length);
          expect(sumsRight(bytes, f.v, l2, l3)).toBe(true);
          expect(dv.getInt32(l2 + l3 + 4)).toBe((f.seq + index * segsz) | 0);
          const want = ACK | (index === 0 ? CWR : 0) | (index === count - 1 ? FIN | PSH : 0);
          expect(dv.getUint8(l2 + l3 + 13)).toBe(want);
          if (f.v === 4) {
            expect(dv.getUint16(l2 + 4)).toBe((f.id + index) & 0xffff);
            expect(dv.getUint16(l2 + 2)).toBe(bytes.length - l2);
          } else {
            expect(dv.getUint16(l2 + 4)).toBe(bytes.length - l2 - 40);
          }
          const body = bytes.subarray(l2 + l3 + 20 + f.tcpopts);
          expect(body.length).toBe(index === count - 1 ? f.payload.length - index * segsz : segsz);
          got.push(...body);
          if (prev === null) list = n;
          prev = n;
          mFreem(n);
          m = next;
        }
        expect(index).toBe(count);
        expect(Uint8Array.from(got)).toEqual(f.payload);
        expect(pool.outstanding).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('leaves the checksums that were left to the link, each with the pseudo-header sum of its segment', () => {
    const pool = new MbufPool();
    const list = tsoSegment(superSegment(pool, { v: 4, payload: new Uint8Array(2500) }, 1000), info) as Mbuf;
    for (let m: Mbuf | null = list; m !== null; m = m.nextpkt) {
      expect(m.csumFlags).toBe(CSUM_IP | CSUM_IP_TCP);
      expect(m.csumData).toBe(16);
    }
    expect(listBytes(list).map((b) => b.length)).toEqual([1054, 1054, 554]);
    free(list);
  });

  it('shares the payload and copies tags', () => {
    const pool = new MbufPool();
    const KEY = new TagKey<number>('test');
    const m = superSegment(pool, { v: 6, payload: new Uint8Array(3000) }, 1400, [74]);
    mTagPrepend(m, KEY, 5);
    const data = m.next?.next ?? m.next;
    const storage = data?.ext;
    const list = tsoSegment(m, info) as Mbuf;
    for (let s: Mbuf | null = list; s !== null; s = s.nextpkt) {
      expect(mTagFind(s, KEY)).toBe(5);
      expect(s.next?.ext?.buf).toBe(storage?.buf);
    }
    free(list);
    expect(pool.outstanding).toBe(0);
  });

  it('frees everything when the pool runs dry in the middle', () => {
    for (let spare = 0; spare < 8; spare++) {
      const pool = new MbufPool({ nmbufs: 2 + spare });
      const m = superSegment(pool, { v: 4, payload: new Uint8Array(1500) }, 400);
      const list = tsoSegment(m, info);
      if (list !== null) free(list);
      expect(pool.outstanding).toBe(0);
    }
  });

  it('gives back what is not TCP as it is', () => {
    const pool = new MbufPool();
    const bytes = tcpFrame({ v: 4, payload: new Uint8Array(500) });
    bytes[23] = 17;
    const m = packetOf(pool, bytes);
    m.csumFlags = CSUM_IP_TSO;
    m.tsoSegsz = 100;
    expect(tsoSegment(m, info)).toBe(m);
  });
});

it.each([4, 6] as const)('T14 the headers of an IPv%i packet are found once: its segments bring their lengths, and are not parsed for their checksums', (v) => {
  const own = new HeaderInfo();
  // Every parse begins by clearing the record.
  let parses = 0;
  Object.defineProperty(own, 'vlanTag', {
    get: () => -1,
    set: (x: number) => {
      if (x === -1) parses++;
    },
  });
  const pool = new MbufPool();
  const finish = (keep: boolean, vlans: readonly number[]): Uint8Array[] => {
    const out: Uint8Array[] = [];
    parses = 0;
    let seg = tsoSegment(superSegment(pool, { v, ipopts: 0, tcpopts: 12, ext: v === 6 ? [[60, 16]] : [], vlans: [...vlans], seq: 7, id: 9, flags: ACK, payload: new Uint8Array(5000).fill(3) }, 500), own);
    const once = parses; // a header that lies in several pieces is cleared twice
    expect(once).toBeGreaterThan(0);
    for (let i = 0; seg !== null; i++) {
      const next: Mbuf | null = seg.nextpkt;
      seg.nextpkt = null;
      expect([seg.l2hlen, seg.l3hlen, seg.l4hlen]).toEqual([14 + 4 * vlans.length, v === 4 ? 20 : 56, 32]);
      if (!keep) seg.l3hlen = 0;
      const done = csumFinalize(seg, own) as Mbuf;
      out.push(mToBytes(done));
      mFreem(done);
      if (keep) expect(parses).toBe(once);
      else expect(parses).toBeGreaterThan(once + i);
      seg = next;
    }
    return out;
  };
  for (const vlans of [[], [5]]) {
    const segments = finish(true, vlans);
    expect(segments).toHaveLength(10);
    expect(segments).toEqual(finish(false, vlans));
    if (vlans.length === 0) for (const s of segments) expect(sumsRight(s, v, 14, v === 4 ? 20 : 56)).toBe(true);
  }
  // Lengths that count from elsewhere are not believed.
  const seg = tsoSegment(superSegment(pool, { v, ipopts: 0, tcpopts: 12, ext: [], vlans: [], seq: 7, id: 9, flags: ACK, payload: new Uint8Array(900) }, 500), own) as Mbuf;
  const rest = seg.nextpkt;
  seg.nextpkt = null;
  free(rest);
  seg.l2hlen = 0;
  parses = 0;
  const whole = csumFinalize(seg, own) as Mbuf;
  expect(parses).toBeGreaterThan(0);
  expect(mToBytes(whole).length).toBe(14 + (v === 4 ? 20 : 40) + 32 + 500);
  free(whole);
  expect(pool.outstanding).toBe(0);
});
