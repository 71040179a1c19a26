import {
  CSUM_IP,
  CSUM_IP6_TCP,
  CSUM_IP_TCP,
  CSUM_IP_TSO,
  CSUM_IP_UDP,
  CSUM_L3_CALC,
  CSUM_L3_VALID,
  CSUM_L4_CALC,
  CSUM_L4_VALID,
  type Mbuf,
  MbufPool,
  mCopypacket,
  mFreem,
  mToBytes,
} from '@ns/mbuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csumFinalize, csumForward, csumOffset, csumPass, HeaderInfo, mHeaderWritable } from '@ns/ifnet-kpi';
import { packetOf, sumsRight, tcpFrame } from './frames.ts';

const info = new HeaderInfo();
const data = Uint8Array.from({ length: 333 }, (_, i) => (i * 7) & 0xff);

function pending(pool: MbufPool, v: 4 | 6, cuts: number[] = [], link = 14): Mbuf {
  const m = packetOf(pool, tcpFrame({ v, payload: data, pseudo: true, link }), cuts);
  m.csumFlags = v === 4 ? CSUM_IP | CSUM_IP_TCP : CSUM_IP6_TCP;
  m.csumData = 16;
  return m;
}

describe('csumFinalize', () => {
  it('completes what is pending, in both families, with and without a link header, however the packet is cut', () => {
    fc.assert(
      fc.property(fc.constantFrom(4 as const, 6 as const), fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 9 }), fc.constantFrom(14, 0), (v, cuts, link) => {
        const pool = new MbufPool();
        const m = csumFinalize(pending(pool, v, cuts, link), info, link) as Mbuf;
        expect([m.csumFlags, m.csumData]).toEqual([0, 0]);
        expect(sumsRight(mToBytes(m), v, link, v === 4 ? 20 : 40)).toBe(true);
        expect(m.pktlen).toBe(mToBytes(m).length);
        mFreem(m);
        expect(pool.outstanding).toBe(0);
      }),
    );
  });

  it('does not write into storage that somebody shares', () => {
    const pool = new MbufPool();
    const m = pending(pool, 4);
    const before = mToBytes(m);
    const other = mCopypacket(m) as Mbuf;
    const n = csumFinalize(m, info) as Mbuf;
    expect(mToBytes(other)).toEqual(before);
    expect(sumsRight(mToBytes(n), 4, 14, 20)).toBe(true);
    mFreem(n);
    mFreem(other);
    expect(pool.outstanding).toBe(0);
  });

  it('leaves a packet alone that asks for nothing', () => {
    const pool = new MbufPool();
    const m = packetOf(pool, tcpFrame({ v: 4, payload: data }));
    const before = mToBytes(m);
    expect(csumFinalize(m, info)).toBe(m);
    expect(mToBytes(m)).toEqual(before);
  });

  it('sends a UDP sum of 0 as 0xffff (RFC 768)', () => {
    // 10.0.0.1 -> 10.0.0.2, ports and payload chosen so that the sum is 0.
    const b = new Uint8Array(30);
    const dv = new DataView(b.buffer);
    dv.setUint8(0, 0x45);
    dv.setUint16(2, 30);
    dv.setUint8(9, 17);
    dv.setInt32(12, 0x0a000001);
    dv.setInt32(16, 0x0a000002);
    dv.setUint16(24, 10);
    const pseudo = 0x0a00 + 1 + 0x0a00 + 2 + 17 + 10;
    dv.setUint16(26, pseudo);
    dv.setUint16(28, 0xffff - pseudo - 10);
    const pool = new MbufPool();
    const m = packetOf(pool, b);
    m.csumFlags = CSUM_IP_UDP;
    m.csumData = 6;
    const n = csumFinalize(m, info, 0) as Mbuf;
    expect(new DataView(mToBytes(n).buffer).getUint16(26)).toBe(0xffff);
  });

  it('counts on nothing when the pool is empty: null, and nothing leaks', () => {
    const pool = new MbufPool({ nmbufs: 3 });
    const m = pending(pool, 4, [1]);
    expect(csumFinalize(m, info)).toBeNull();
    expect(pool.outstanding).toBe(0);
  });
});

describe('csumPass and csumForward', () => {
  it('vouches to a receiver that takes the word, and keeps the request for whoever forwards', () => {
    const pool = new MbufPool();
    const m = csumPass(pending(pool, 4), true, true, info) as Mbuf;
    expect(m.csumFlags).toBe(CSUM_IP | CSUM_IP_TCP | CSUM_L3_CALC | CSUM_L3_VALID | CSUM_L4_CALC | CSUM_L4_VALID);
    expect(m.csumData).toBe(0xffff);
    csumForward(m);
    expect([m.csumFlags, m.csumData]).toEqual([CSUM_IP | CSUM_IP_TCP, 16]);
    const n = csumFinalize(m, info) as Mbuf;
    expect(sumsRight(mToBytes(n), 4, 14, 20)).toBe(true);
  });

  it.each([4, 6] as const)('computes for a receiver that wants to verify IPv%i', (v) => {
    const pool = new MbufPool();
    const m = csumPass(pending(pool, v), v === 6, v === 4, info) as Mbuf;
    expect(m.csumFlags).toBe(0);
    expect(sumsRight(mToBytes(m), v, 14, v === 4 ? 20 : 40)).toBe(true);
  });

  it('says nothing about a packet whose sums are complete: the receiver verifies', () => {
    const pool = new MbufPool();
    const m = packetOf(pool, tcpFrame({ v: 4, payload: data }));
    m.csumFlags = CSUM_L4_VALID;
    expect(csumPass(m, true, true, info)).toBe(m);
    expect(m.csumFlags).toBe(0);
  });

  it('knows the field by the request', () => {
    expect([csumOffset(CSUM_IP_TCP | CSUM_IP_TSO), csumOffset(CSUM_IP6_TCP), csumOffset(CSUM_IP_UDP), csumOffset(CSUM_IP)]).toEqual([16, 16, 6, 0]);
  });
});

describe('mHeaderWritable', () => {
  it('copies the header only, and leaves what follows where it is', () => {
    const pool = new MbufPool();
    const m = packetOf(pool, data, [10, 30]);
    const other = mCopypacket(m) as Mbuf;
    const n = mHeaderWritable(m, 25) as Mbuf;
    expect(mToBytes(n)).toEqual(data);
    expect([n.len, n.pktlen]).toEqual([25, 333]);
    n.buf[n.off] = 99;
    expect(mToBytes(other)).toEqual(data);
    mFreem(n);
    mFreem(other);
    expect(pool.outstanding).toBe(0);
  });

  it('frees a packet that is too short', () => {
    const pool = new MbufPool();
    expect(mHeaderWritable(packetOf(pool, data, [3]), 334)).toBeNull();
    expect(pool.outstanding).toBe(0);
  });
});
